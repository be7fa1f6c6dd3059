package org.chirpbench.probe;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertNotNull;

import java.util.Map;
import org.junit.After;
import org.junit.Before;
import org.junit.runner.RunWith;
import org.robolectric.RobolectricTestRunner;
import org.robolectric.annotation.Config;

/** A phone with the app started and the microphone allowed, for tests through the protocol. */
@RunWith(RobolectricTestRunner.class)
@Config(sdk = 34)
public abstract class PhoneTest {
    static final int DELAY = 1357;

    Phone phone;
    Air air;

    @Before
    public void start() {
        air = new Air(DELAY, 0.5f, false).install();
        phone = new Phone();
        phone.allowMicrophone();
        phone.start(Phone.intent(Phone.SOCKET, Phone.TOKEN));
    }

    @After
    public void end() {
        air.remove();
        phone.finish();
    }

    static void isRefused(String code, Map<String, Object> message) {
        assertNotNull("the probe hung up", message);
        assertEquals("refused: " + message, "refused", message.get("type"));
        assertEquals(message.toString(), code, message.get("code"));
    }

    static Map<?, ?> report(Map<String, Object> result) {
        assertEquals(String.valueOf(result), "result", result.get("type"));
        return (Map<?, ?>) result.get("report");
    }

    static Object observed(Map<String, Object> result, String key) {
        return ((Map<?, ?>) report(result).get("observed")).get(key);
    }
}
