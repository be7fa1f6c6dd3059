package org.chirpbench.probe;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertFalse;
import static org.junit.Assert.assertNotNull;
import static org.junit.Assert.assertNull;
import static org.junit.Assert.assertTrue;
import static org.robolectric.Shadows.shadowOf;

import android.Manifest;
import android.content.Intent;
import android.media.AudioManager;
import android.media.AudioRecordingConfiguration;
import android.os.Build;
import android.view.WindowManager;
import java.util.Collections;
import java.util.Map;
import org.junit.Test;
import org.robolectric.shadows.ShadowActivity;
import org.robolectric.shadows.ShadowLooper;
import org.robolectric.util.ReflectionHelpers;

/** The screen, the permission, the foreground, and what the system does behind the app's back. */
public class AppTest extends PhoneTest {
    @Test
    public void theScreenStaysOnAndOverTheLock() {
        int flags = phone.activity.get().getWindow().getAttributes().flags;
        assertTrue((flags & WindowManager.LayoutParams.FLAG_KEEP_SCREEN_ON) != 0);
        assertTrue(shadowOf(phone.activity.get()).getTurnScreenOn());
        assertTrue(shadowOf(phone.activity.get()).getShowWhenLocked());
    }

    @Test
    public void theProbeRefusesInTheBackground() throws Exception {
        try (Host host = phone.connect().hello()) {
            phone.toBackground();
            host.run(48000, null, 0);
            isRefused(Refusal.BACKGROUND, host.hearWord());
            phone.toForeground();
            host.run(48000, null, 0);
            host.samples(host.hearWord());
        }
    }

    @Test
    public void aTrialThatLosesTheScreenIsRefused() throws Exception {
        air.remove();
        air = new Air(DELAY, 1f, true).install();
        try (Host host = phone.connect().hello()) {
            host.run(48000, null, 0, "duration_s", 30.0);
            while (!"playing".equals(host.hear().get("stage"))) {
                continue;
            }
            phone.toBackground();
            isRefused(Refusal.BACKGROUND, host.hearWord());
        }
    }

    @Test
    public void withoutTheMicrophoneThePermissionIsAskedForAndTheTrialRefused() throws Exception {
        phone.denyMicrophone();
        try (Host host = phone.connect().hello()) {
            host.run(48000, null, 0);
            isRefused(Refusal.PERMISSION, host.hearWord());
            ShadowLooper.idleMainLooper();
            ShadowActivity.PermissionsRequest asked =
                    shadowOf(phone.activity.get()).getLastRequestedPermission();
            assertEquals(Manifest.permission.RECORD_AUDIO, asked.requestedPermissions[0]);
            phone.activity
                    .get()
                    .onRequestPermissionsResult(asked.requestCode, asked.requestedPermissions,
                            new int[] {0});
            phone.allowMicrophone();
            host.run(48000, null, 0);
            host.samples(host.hearWord());
        }
    }

    @Test
    public void bluetoothNeedsItsOwnPermission() throws Exception {
        try (Host host = phone.connect().hello()) {
            host.run(48000, null, 0, "route", "bluetooth_sco");
            isRefused(Refusal.PERMISSION, host.hearWord());
            shadowOf(phone.application).grantPermissions(Api31.BLUETOOTH_CONNECT);
            host.run(48000, null, 0, "route", "bluetooth_sco");
            Map<String, Object> refused = host.hearWord();
            isRefused(Refusal.UNSUPPORTED, refused);
            assertTrue(((String) refused.get("text")).contains("audio_mode communication"));
            host.run(48000, null, 0, "route", "bluetooth_sco", "audio_mode", "communication");
            isRefused(Refusal.UNSUPPORTED, host.hearWord()); // none is connected
        }
    }

    @Test
    public void silenceIsCountedAndTheSystemsReasonPassedOn() throws Exception {
        air.remove();
        air = new Air(DELAY, 0f, false).install();
        AudioRecordingConfiguration own =
                shadowOf(phone.audio).createActiveRecordingConfiguration(0, 1, "org.chirpbench");
        ReflectionHelpers.setField(own, "mClientSilenced", true);
        AudioRecordingConfiguration other =
                shadowOf(phone.audio).createActiveRecordingConfiguration(77, 1, "com.other");
        shadowOf(phone.audio)
                .setActiveRecordingConfigurations(java.util.Arrays.asList(own, other), false);
        try (Host host = phone.connect().hello()) {
            host.load("x", 48000, new float[] {1f});
            host.run(48000, "x", 0);
            Map<String, Object> result = host.hearWord();
            host.samples(result);
            assertEquals((Long) 24000L, report(result).get("longest_zero_run_frames"));
            assertEquals(true, report(result).get("input_silenced"));
            assertEquals("2", observed(result, "recording_clients"));
            assertEquals("1", observed(result, "other_recording_clients"));
            assertNull(((Map<?, ?>) report(result).get("startup_ms")).get("first_nonzero"));
        }
        shadowOf(phone.audio)
                .setActiveRecordingConfigurations(
                        Collections.<AudioRecordingConfiguration>emptyList(), false);
    }

    @Test
    public void aMicrophoneThatGivesNothingCanBeCancelled() throws Exception {
        air.remove();
        air = new Air(DELAY, 1f, true).install();
        air.frozen = true;
        try (Host host = phone.connect().hello()) {
            host.run(48000, null, 0, "warmup_s", 0.0, "duration_s", 30.0);
            while (!"playing".equals(host.hear().get("stage"))) {
                continue;
            }
            host.say("{\"type\":\"cancel\"}");
            isRefused(Refusal.CANCELLED, host.hearWord());
        }
    }

    @Test
    public void aMicrophoneThatGivesNothingEndsTheTrial() throws Exception {
        air.frozen = true;
        try (Host host = phone.connect().hello()) {
            host.run(48000, null, 0, "warmup_s", 0.0);
            isRefused(Refusal.STREAM_LOST, host.hearWord());
            for (Thread thread : Thread.getAllStackTraces().keySet()) {
                assertFalse("left behind", thread.getName().equals("probe-audio"));
            }
        }
    }

    @Test
    public void beforeAndroid9AFastInputIsAskedForInInt16() throws Refusal {
        TrialRequest request = new TrialRequest();
        request.performanceMode = "low_latency";
        Routing.Route route = new Routing.Route("default");
        int format = NativeAudio.W_INPUT_FORMAT;
        assertEquals(NativeAudio.DEFAULT, NativeEngine.wanted(request, route)[format]);
        ReflectionHelpers.setStaticField(Build.VERSION.class, "SDK_INT", 27);
        try {
            assertEquals(NativeAudio.FORMAT_INT16, NativeEngine.wanted(request, route)[format]);
            request.performanceMode = "none";
            assertEquals(NativeAudio.DEFAULT, NativeEngine.wanted(request, route)[format]);
        } finally {
            ReflectionHelpers.setStaticField(Build.VERSION.class, "SDK_INT", 34);
        }
    }

    @Test
    public void aModeThatTheSystemEndsIsReported() throws Exception {
        air.remove();
        air = new Air(DELAY, 1f, true).install();
        try (Host host = phone.connect().hello()) {
            host.run(48000, null, 0, "audio_mode", "communication", "duration_s", 1.0);
            while (!"playing".equals(host.hear().get("stage"))) {
                continue;
            }
            phone.audio.setMode(AudioManager.MODE_NORMAL);
            Map<String, Object> result = host.hearWord();
            host.samples(result);
            assertEquals("communication", observed(result, "audio_mode"));
            assertEquals("media", observed(result, "audio_mode_at_end"));
        }
    }

    @Test
    public void theSameStartAgainChangesNothing() throws Exception {
        int port = phone.transports.last.port();
        phone.activity.newIntent(Phone.intent(Phone.SOCKET, Phone.TOKEN));
        assertEquals(port, phone.transports.last.port());
        phone.activity.newIntent(Phone.intent("chirpbench_ffffffffffffffff", Phone.TOKEN));
        assertEquals("chirpbench_ffffffffffffffff", phone.transports.name);
        try (Host host = phone.connect().hello()) {
            assertNotNull(host);
        }
    }

    @Test
    public void extrasAreReadStrictly() {
        assertNotNull(new StartExtras(Phone.intent(Phone.SOCKET, Phone.TOKEN)).socket);
        String[][] wrong = {
            {"chirpbench_0123456789ABCDEF", Phone.TOKEN},
            {"../" + Phone.SOCKET, Phone.TOKEN},
            {Phone.SOCKET + "0", Phone.TOKEN},
            {Phone.SOCKET, "short"},
            {Phone.SOCKET, null},
        };
        for (String[] pair : wrong) {
            StartExtras extras = new StartExtras(Phone.intent(pair[0], pair[1]));
            assertNull(extras.socket);
            assertTrue(extras.wrong);
        }
        assertFalse(new StartExtras(new Intent()).wrong);
        assertFalse(new StartExtras(new Intent().putExtra("restore", "yes")).restore);
    }

    @Test
    public void anotherAppCannotCutOffAHost() throws Exception {
        try (Host host = phone.connect().hello()) {
            phone.activity.newIntent(Phone.intent("chirpbench_ffffffffffffffff", Phone.TOKEN));
            assertEquals(Phone.SOCKET, phone.transports.name);
            host.say("{\"type\":\"facts\"}");
            assertEquals("facts", host.hear().get("type"));
        }
    }

    @Test
    public void factsStayWithinTheirBounds() throws Exception {
        try (Host host = phone.connect().hello()) {
            host.say("{\"type\":\"facts\"}");
            Map<?, ?> facts = (Map<?, ?>) host.hear().get("facts");
            assertEquals("android", facts.get("platform"));
            assertEquals((Long) 34L, facts.get("api_level"));
            Map<?, ?> raw = (Map<?, ?>) facts.get("raw");
            String speaker = (String) raw.get("output.0");
            assertTrue(speaker, speaker.startsWith("speaker (") && speaker.contains("48000"));
            assertTrue(((String) raw.get("input.0")).startsWith("builtin_mic ("));
            assertTrue(raw.toString(), ((String) raw.get("aaudio")).contains("not loaded"));
            assertTrue(((String) facts.get("collected_at")).endsWith("+00:00"));
        }
    }
}
