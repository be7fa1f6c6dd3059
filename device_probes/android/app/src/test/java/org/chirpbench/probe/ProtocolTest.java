package org.chirpbench.probe;

import static org.junit.Assert.assertArrayEquals;
import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertNotNull;
import static org.junit.Assert.assertNull;
import static org.junit.Assert.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Collections;
import java.util.Map;
import org.junit.Test;

/** The probe's side of docs/probe-protocol.md, and what a broken or hostile host gets to hear. */
public class ProtocolTest extends PhoneTest {
    private static final byte[] NOTHING = new byte[0];

    private void hangsUpOn(byte[] bytes) throws Exception {
        try (Host host = phone.connect().hello()) {
            host.raw(bytes);
            isRefused(Refusal.MALFORMED, host.hear());
            assertNull("the probe must hang up", host.hear());
        }
    }

    private void hangsUpOn(String header) throws Exception {
        hangsUpOn(Host.frame(header, NOTHING));
    }

    @Test
    public void theFrameOfTheDocument() {
        byte[] document = {
            'C', 'H', 'R', 'P', 0x19, 0, 0, 0, 4, 0, 0, 0, '{', '"', 't', 'y', 'p', 'e', '"', ':',
            '"', 'p', 'c', 'm', '"', ',', '"', 'o', 'f', 'f', 's', 'e', 't', '"', ':', '0', '}',
            0, 0, (byte) 0xff, 0x7f
        };
        byte[] samples = {0, 0, (byte) 0xff, 0x7f};
        assertArrayEquals(document, Host.frame("{\"type\":\"pcm\",\"offset\":0}", samples));
    }

    @Test
    public void helloAnswersWithTheVersions() throws Exception {
        try (Host host = phone.connect()) {
            host.say(Host.helloText(",\"token\":\"" + Phone.TOKEN + "\",\"new\":1"));
            Map<String, Object> hello = host.hear();
            assertEquals((Long) (long) Limits.PROTOCOL, hello.get("protocol"));
            assertEquals(BuildInfo.VERSION_NAME, hello.get("version"));
        }
        assertEquals("implement it, then raise it", BuildInfo.PROTOCOL, Limits.PROTOCOL);
    }

    @Test
    public void aHostOfAnotherVersionHearsOursAndIsLeft() throws Exception {
        try (Host host = phone.connect()) {
            host.say(
                    "{\"type\":\"hello\",\"protocol\":1,\"version\":\"x\",\"token\":\""
                            + Phone.TOKEN
                            + "\"}");
            assertEquals((Long) (long) Limits.PROTOCOL, host.hear().get("protocol"));
            assertNull(host.hear());
        }
    }

    @Test
    public void theTokenIsDemanded() throws Exception {
        String[] wrong = {
            "", ",\"token\":null", ",\"token\":\"\"", ",\"token\":\"" + Phone.TOKEN + "0\""
        };
        for (String token : wrong) {
            try (Host host = phone.connect()) {
                host.say(Host.helloText(token));
                isRefused(Refusal.UNAUTHORIZED, host.hear());
                assertNull(host.hear());
            }
        }
    }

    @Test
    public void factsBeforeHelloAreNotTold() throws Exception {
        try (Host host = phone.connect()) {
            host.say("{\"type\":\"facts\"}");
            assertEquals("hello", host.hear().get("type"));
            assertNull(host.hear());
        }
    }

    @Test
    public void brokenFramesEndTheSession() throws Exception {
        byte[] magic = Host.frame("{\"type\":\"facts\"}", NOTHING);
        magic[0] = 'X';
        hangsUpOn(magic);
        byte[] header = Host.frame("{}", NOTHING);
        header[6] = 1; // 65538 bytes
        hangsUpOn(Arrays.copyOf(header, 12));
        header[7] = (byte) 0x80; // negative as int
        hangsUpOn(Arrays.copyOf(header, 12));
        byte[] payload = Host.frame(Host.pcm(0), NOTHING);
        payload[11] = 1; // 16 MiB
        hangsUpOn(Arrays.copyOf(payload, 12));
        hangsUpOn(Host.frame("{\"type\":\"facts\"}", new byte[] {1}));
    }

    @Test
    public void brokenHeadersEndTheSession() throws Exception {
        String[] headers = {
            "[]",
            "{\"type\":\"facts\",\"type\":\"facts\"}",
            "{\"type\":\"facts\",\"x\":NaN}",
            "{\"type\":\"facts\",\"x\":1e999}",
            "{\"type\":\"facts\",\"x\":123456789012345678901}",
            "{\"type\":\"facts\",\"x\":[[[[[[[[1]]]]]]]]}",
            "{\"type\":\"facts\"} {}",
            "{'type':'facts'}",
            "{\"type\":\"facts\",}",
            "{\"type\":\"fa\ncts\"}",
            "{\"type\":7}",
            "{\"kind\":\"facts\"}",
            "{\"type\":\"selfdestruct\"}",
            "{\"type\":\"facts\",\"now\":true}",
            "{\"type\":\"load\",\"stimulus_id\":\"x\",\"rate_hz\":48000.0,\"frames\":1"
                    + ",\"crc32\":0}",
            "{\"type\":\"load\",\"stimulus_id\":\"x\",\"rate_hz\":1,\"frames\":1,\"crc32\":0}",
            "{\"type\":\"load\",\"stimulus_id\":\"\",\"rate_hz\":48000,\"frames\":1,\"crc32\":0}",
            "{\"type\":\"load\",\"stimulus_id\":\"x\",\"rate_hz\":48000,\"frames\":16777217"
                    + ",\"crc32\":0}",
            "{\"type\":\"run\",\"request\":{},\"rate_hz\":48000,\"plays\":[]}",
            Host.helloText(""),
            "{\"type\":\"pcm\",\"offset\":0}",
            "{\"type\":\"act\",\"action\":\"route\"}",
            "{\"type\":\"act\",\"action\":\"Route\",\"value\":\"earpiece\"}",
            "{\"type\":\"act\",\"action\":\"route\",\"value\":\"a b\"}",
            "{\"type\":\"act\",\"action\":\"route\",\"value\":\"x\",\"now\":true}",
        };
        for (String header : headers) {
            hangsUpOn(header);
        }
        byte[] notUtf8 = Host.frame("{\"type\":\"fa?ts\"}", NOTHING);
        notUtf8[12 + 11] = (byte) 0xff;
        hangsUpOn(notUtf8);
    }

    @Test
    public void everyFieldOfARequestIsChecked() throws Exception {
        Object[][] wrong = {
            {"rate_hz", 7999},
            {"rate_hz", 48000.5},
            {"api", "AAudio"},
            {"api", "x; reboot"},
            {"input_channels", 9},
            {"buffer_bursts", 0},
            {"volume", 1.01},
            {"aec", "perhaps"},
            {"warmup_s", 61},
            {"cpu_threads", 65},
            {"cpu_load", -0.1},
            {"background", "perhaps"},
            {"background", null},
            {"duration_s", 901},
            {"call", "opus"},
            {"call", true},
            {"audio_mode", null},
            {"extra", 1},
        };
        for (Object[] change : wrong) {
            try (Host host = phone.connect().hello()) {
                host.run(48000, null, 0, change);
                isRefused(Refusal.MALFORMED, host.hear());
                assertNull(host.hear());
            }
        }
    }

    @Test
    public void damagedStimuliEndTheSession() throws Exception {
        String load =
                "{\"type\":\"load\",\"stimulus_id\":\"x\",\"rate_hz\":48000,\"frames\":4"
                        + ",\"crc32\":1}";
        byte[][] pieces = {
            Host.frame(Host.pcm(0), new byte[16]), // another checksum
            Host.frame(Host.pcm(4), new byte[12]), // a gap
            Host.frame(Host.pcm(0), new byte[20]), // too much
            Host.frame(Host.pcm(0), NOTHING), // nothing
            Host.frame(Host.pcm(0), new byte[3]), // no whole sample
            Host.frame("{\"type\":\"facts\"}", NOTHING),
        };
        for (byte[] piece : pieces) {
            try (Host host = phone.connect().hello()) {
                host.say(load);
                host.raw(piece);
                isRefused(Refusal.MALFORMED, host.hear());
                assertNull(host.hear());
            }
        }
    }

    @Test
    public void aTrialFindsTheInjectedDelay() throws Exception {
        try (Host host = phone.connect().hello()) {
            float[] stimulus = {1f, -0.5f, Float.NaN, 0.25f};
            Map<String, Object> loaded = host.load("chirps:1", 48000, stimulus);
            assertEquals("loaded", loaded.get("type"));
            assertEquals("chirps:1", loaded.get("stimulus_id"));
            host.run(48000, "chirps:1", 4321, "duration_s", 1.0, "warmup_s", 0.25);
            Map<String, Object> result = host.hearWord();
            Map<?, ?> report = report(result);
            assertEquals(BuildInfo.VERSION_NAME, report.get("probe_version"));
            assertEquals("float32", result.get("format"));
            float[] samples = host.samples(result);
            assertEquals(48000, samples.length);
            for (int i = 0; i < stimulus.length; i++) {
                // Not a number passes through as well.
                assertEquals(0.5f * stimulus[i], samples[4321 + DELAY + i], 0f);
            }
            assertEquals((Long) 0L, report.get("xruns_output"));
            assertEquals("12000", observed(result, "drained_frames"));
            assertEquals("java", observed(result, "api"));
            host.say("{\"type\":\"bye\"}");
            assertNull(host.hear());
        }
    }

    @Test
    public void aSecondTrialNeedsNoSecondLoad() throws Exception {
        try (Host host = phone.connect().hello()) {
            host.load("x", 48000, new float[] {1f});
            for (int trial = 0; trial < 3; trial++) {
                host.run(48000, "x", 0);
                float[] samples = host.samples(host.hearWord());
                assertEquals(0.5f, samples[DELAY], 0f);
            }
        }
        try (Host next = phone.connect().hello()) {
            next.run(48000, "x", 0); // what one host loaded is not the next one's
            isRefused(Refusal.NOT_LOADED, next.hearWord());
        }
    }

    @Test
    public void whatIsNotDoneIsRefusedAndTheSessionGoesOn() throws Exception {
        try (Host host = phone.connect().hello()) {
            host.run(44100, null, 0);
            Map<String, Object> differs = host.hearWord();
            isRefused(Refusal.RATE_DIFFERS, differs);
            assertEquals((Long) 48000L, differs.get("granted_rate_hz"));
            host.run(48000, "x", 0);
            isRefused(Refusal.NOT_LOADED, host.hearWord());
            host.run(48000, null, 0, "duration_s", 900, "rate_hz", 96000, "input_channels", 2);
            isRefused(Refusal.TOO_LARGE, host.hearWord());
            String[][] unsupported = {
                {"api", "coreaudio"},
                {"api", "aaudio"}, // no such library in a JVM
                {"sharing", "exclusive"},
                {"performance_mode", "fastest"},
                {"input_preset", "mixed"},
                {"audio_mode", "call"},
                {"usage", "alarm"},
                {"audio_session", "mine"},
                {"route", "wired"},
                {"route", "hdmi"},
                {"route", "bluetooth_a2dp"},
                {"aec", "on"}, // this phone has no effects
            };
            for (String[] change : unsupported) {
                host.run(48000, null, 0, (Object[]) change);
                Map<String, Object> refused = host.hearWord();
                isRefused(Refusal.UNSUPPORTED, refused);
                if (change[0].equals("route")) {
                    String text = (String) refused.get("text");
                    assertTrue(text, text.contains("there are: speaker, earpiece"));
                }
            }
            host.say("{\"type\":\"facts\"}");
            assertEquals("facts", host.hear().get("type"));
        }
    }

    @Test
    public void aCallIsRefusedInPlainWords() throws Exception {
        try (Host host = phone.connect().hello()) {
            host.run(48000, null, 0, "call", Collections.singletonMap("ptime_ms", 20));
            Map<String, Object> refused = host.hearWord();
            isRefused(Refusal.UNSUPPORTED, refused);
            assertTrue(((String) refused.get("text")).contains("no call stack"));
        }
    }

    @Test
    public void aTrialThatRunsIsBusyAndHearsCancel() throws Exception {
        air.remove();
        air = new Air(DELAY, 1f, true).install();
        try (Host host = phone.connect().hello()) {
            host.say("{\"type\":\"cancel\"}"); // none runs: ignored
            host.run(48000, null, 0, "duration_s", 30.0);
            int progress = 0;
            while (progress < 5) {
                assertEquals("progress", host.hear().get("type"));
                progress++;
            }
            host.say("{\"type\":\"facts\"}");
            isRefused(Refusal.BUSY, host.hearWord());
            host.say("{\"type\":\"cancel\"}");
            isRefused(Refusal.CANCELLED, host.hearWord());
            host.say("{\"type\":\"facts\"}");
            assertEquals("facts", host.hear().get("type"));
        }
    }

    @Test
    public void aSecondHostIsToldThatTheProbeIsBusy() throws Exception {
        try (Host first = phone.connect().hello();
                Host second = phone.connect()) {
            second.say(Host.helloText(""));
            isRefused(Refusal.BUSY, second.hear());
            assertNull(second.hear());
            first.say("{\"type\":\"facts\"}");
            assertEquals("facts", first.hear().get("type"));
        }
        try (Host third = phone.connect().hello()) {
            assertNotNull(third);
        }
    }

    @Test
    public void theOldestStimulusIsForgotten() throws Refusal {
        Stimuli stimuli = new Stimuli();
        int half = Limits.MAX_STIMULUS_BYTES / 8;
        stimuli.put("a", 48000, stimuli.allocate(half));
        stimuli.put("b", 48000, stimuli.allocate(half));
        stimuli.put("c", 48000, stimuli.allocate(1));
        assertEquals(half, stimuli.get("b", 48000).length);
        try {
            stimuli.get("a", 48000);
        } catch (Refusal e) {
            assertEquals(Refusal.NOT_LOADED, e.code);
            return;
        }
        throw new AssertionError("three did not fit, but none was forgotten");
    }

    @Test
    public void memoryIsAskedForBeforeItIsTaken() {
        try {
            Heap.floats(Limits.MAX_PCM_BYTES, "a recording");
        } catch (Refusal e) {
            assertEquals(Refusal.TOO_LARGE, e.code);
            return;
        }
        throw new AssertionError("more than a recording may have was taken");
    }

    @Test
    public void jsonGoesThereAndBack() throws Malformed, IOException {
        String text = "{\"a\":[1,-2.5,true,null,\"\\u00e9\\ud83d\\ude00\\n\\\"\"],\"b\":{}}";
        Map<String, Object> value = JsonReader.object(text.getBytes(StandardCharsets.UTF_8));
        assertEquals(value, JsonReader.object(JsonWriter.bytes(value)));
        assertEquals("é😀\n\"", ((java.util.List<?>) value.get("a")).get(4));
        assertEquals("a\ufffdb\ufffdc", Texts.clean("a\u202eb\ud800c"));
        assertEquals("é😀", Texts.cut("é😀é", 2));
    }
}
