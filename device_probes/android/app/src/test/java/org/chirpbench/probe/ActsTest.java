package org.chirpbench.probe;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertNotNull;
import static org.junit.Assert.assertNull;
import static org.junit.Assert.assertTrue;

import android.media.AudioManager;
import android.os.Build;
import java.util.Map;
import org.junit.Before;
import org.junit.Test;
import org.robolectric.util.ReflectionHelpers;

/** What happens to a trial while it runs: another route, another app in front. */
public class ActsTest extends PhoneTest {
    private static final double LONG_S = 2.5;

    @Before
    public void realTime() {
        air.remove();
        air = new Air(DELAY, 1f, true).install();
    }

    private Host playing(Object... changes) throws Exception {
        Host host = phone.connect().hello();
        host.run(48000, null, 0, changes);
        while (!"playing".equals(host.hear().get("stage"))) {
            continue;
        }
        return host;
    }

    private static void act(Host host, String action, String value) throws Exception {
        host.say(
                "{\"type\":\"act\",\"action\":\"" + action + "\",\"value\":\"" + value + "\"}");
    }

    private static long number(Map<String, Object> result, String key) {
        Object text = observed(result, key);
        assertNotNull(key + " is missing in " + report(result).get("observed"), text);
        return Long.parseLong((String) text);
    }

    @Test
    public void aCallIsTakenToAnotherRouteAndBack() throws Exception {
        try (Host host =
                playing(
                        "audio_mode", "communication", "route", "speaker", "duration_s", LONG_S)) {
            act(host, "route", "earpiece");
            for (int i = 0; i < 100 && !isOn("earpiece"); i++) {
                Thread.sleep(10);
            }
            assertTrue(isOn("earpiece"));
            act(host, "route", "speaker");
            Map<String, Object> result = host.hearWord();
            host.samples(result);
            assertEquals("earpiece", observed(result, "route_1"));
            assertEquals("speaker", observed(result, "route_2"));
            assertTrue(number(result, "route_2_ms") >= number(result, "route_1_ms"));
            assertTrue(number(result, "route_2_ms") <= 1000 * LONG_S);
            assertTrue(number(result, "route_1_took_ms") >= 0);
        }
        assertNull(phone.audio.getCommunicationDevice());
        assertEquals(AudioManager.MODE_NORMAL, phone.audio.getMode());
    }

    private boolean isOn(String route) {
        return route.equals(Devices.word(phone.audio.getCommunicationDevice()));
    }

    @Test
    public void whatCannotBeDoneIsSaidInTheReport() throws Exception {
        try (Host host = playing("audio_mode", "communication", "duration_s", 1.5)) {
            act(host, "route", "moon");
            act(host, "route", "bluetooth_sco");
            act(host, "self_destruct", "now");
            Map<String, Object> result = host.hearWord();
            host.samples(result);
            String moon = (String) observed(result, "route_1");
            assertTrue(moon, moon.startsWith("refused: the phone has no route moon now"));
            String headset = (String) observed(result, "route_2");
            assertTrue(headset, headset.startsWith("refused: chirpbench may not use nearby"));
            assertEquals("1", observed(result, "acts_unknown"));
            assertNull(observed(result, "acts_ignored"));
        }
    }

    @Test
    public void aFloodIsCountedAndNotDone() throws Exception {
        try (Host host = playing("audio_mode", "communication", "duration_s", 1.5)) {
            for (int i = 0; i < Limits.MAX_ACTS + 25; i++) {
                act(host, "route", i % 2 == 0 ? "earpiece" : "speaker");
            }
            Map<String, Object> result = host.hearWord();
            host.samples(result);
            assertEquals("25", observed(result, "acts_ignored"));
            assertEquals("speaker", observed(result, "route_" + Limits.MAX_ACTS));
            assertNull(observed(result, "route_" + (Limits.MAX_ACTS + 1)));
        }
    }

    @Test
    public void withoutATrialAnActIsIgnored() throws Exception {
        try (Host host = phone.connect().hello()) {
            act(host, "route", "earpiece");
            host.say("{\"type\":\"facts\"}");
            assertEquals("facts", host.hear().get("type"));
            host.run(48000, null, 0, "duration_s", 0.1);
            Map<String, Object> result = host.hearWord();
            host.samples(result);
            act(host, "route", "earpiece"); // too late
            assertNull(observed(result, "route_1"));
            host.say("{\"type\":\"facts\"}");
            assertEquals("facts", host.hear().get("type"));
        }
        assertNull(phone.audio.getCommunicationDevice());
    }

    @Test
    public void theVolumeIsGivenBackToTheRouteItBelongsTo() throws Exception {
        final int call = AudioManager.STREAM_VOICE_CALL;
        phone.audio.setStreamVolume(call, 4, 0);
        try (Host host =
                playing(
                        "audio_mode", "communication", "route", "speaker", "volume", 1.0,
                        "duration_s", 1.0)) {
            act(host, "route", "earpiece");
            Map<String, Object> result = host.hearWord();
            host.samples(result);
            assertEquals("earpiece", observed(result, "route_1"));
            assertEquals("7", observed(result, "volume_index"));
        }
        assertEquals(4, phone.audio.getStreamVolume(call));
        assertNull(phone.audio.getCommunicationDevice());
    }

    @Test
    public void olderPhonesAreSwitchedInMidTrialToo() throws Exception {
        ReflectionHelpers.setStaticField(Build.VERSION.class, "SDK_INT", 30);
        try (Host host =
                playing("audio_mode", "communication", "route", "speaker", "duration_s", 2.0)) {
            assertTrue(phone.audio.isSpeakerphoneOn());
            act(host, "route", "earpiece");
            for (int i = 0; i < 100 && phone.audio.isSpeakerphoneOn(); i++) {
                Thread.sleep(10);
            }
            Map<String, Object> result = host.hearWord();
            host.samples(result);
            assertEquals("earpiece", observed(result, "route_1"));
            assertTrue("it takes a moment to settle", number(result, "route_1_took_ms") >= 300);
        } finally {
            ReflectionHelpers.setStaticField(Build.VERSION.class, "SDK_INT", 34);
        }
    }

    @Test
    public void mediaStreamsAreAskedToMoveThemselves() throws Exception {
        try (Host host = playing("duration_s", 1.5)) {
            act(host, "route", "earpiece");
            act(host, "route", "bluetooth_sco");
            Map<String, Object> result = host.hearWord();
            host.samples(result);
            String asked = "refused: the system did not take the device for earpiece";
            assertEquals("nothing below the framework here", asked, observed(result, "route_1"));
            String headset = (String) observed(result, "route_2");
            assertTrue(headset, headset.startsWith("refused: "));
        }
    }

    @Test
    public void aTrialThatMayGoesOnInTheBackground() throws Exception {
        try (Host host = playing("background", "continue", "duration_s", 1.5)) {
            phone.toBackground();
            Thread.sleep(100);
            phone.toForeground();
            Map<String, Object> result = host.hearWord();
            host.samples(result);
            long leftMs = number(result, "left_front_ms");
            long cameMs = number(result, "came_front_ms");
            assertTrue(leftMs + " " + cameMs, cameMs - leftMs >= 90 && cameMs <= 1500);
            host.run(48000, null, 0, "duration_s", 0.1);
            Map<String, Object> next = host.hearWord();
            host.samples(next);
            assertNull(observed(next, "left_front_ms"));
        }
    }

    @Test
    public void toBeginItNeedsTheForegroundAllTheSame() throws Exception {
        phone.toBackground();
        try (Host host = phone.connect().hello()) {
            host.run(48000, null, 0, "background", "continue");
            isRefused(Refusal.BACKGROUND, host.hearWord());
        }
    }
}
