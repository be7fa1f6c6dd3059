package org.chirpbench.probe;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertFalse;
import static org.junit.Assert.assertNull;
import static org.junit.Assert.assertTrue;

import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import org.junit.Test;

/** Parts without a phone: they run in a plain JVM. */
public class PartsTest {
    private static Map<String, Object> filled(StampLog log) {
        Report report = new Report("1");
        log.report(report);
        return report.toJson();
    }

    @Test
    public void latencyFollowsFromFrameTimePairs() {
        // Frame 1000 is heard at 2.0 s. At 1.99 s the app writes frame 2440: 30 ms of frames
        // after it, and 10 ms until it, so it will be heard 40 ms from now.
        StampLog output = new StampLog(48000, true);
        output.add(1000, 2000000000L, 2440, 1990000000L);
        Map<String, Object> values = filled(output);
        double ms = (Double) values.get("reported_output_latency_ms");
        assertEquals(40.0, ms, 1e-9);
        assertEquals(
                Collections.singletonList(Arrays.<Object>asList(1000L, 2000000000L)),
                values.get("timestamps_output"));
        // Frame 1000 was in the air at 2.0 s. At 2.05 s the app has read up to frame 2440, which
        // was in the air at 2.03 s: 20 ms ago.
        StampLog input = new StampLog(48000, false);
        input.add(1000, 2000000000L, 2440, 2050000000L);
        ms = (Double) filled(input).get("reported_input_latency_ms");
        assertEquals(20.0, ms, 1e-9);
    }

    @Test
    public void thePhoneThatKnowsNoTimeIsNotBelieved() {
        StampLog log = new StampLog(48000, true);
        log.add(0, 0, 480, 1000000);
        log.add(0, -1, 480, 1000000);
        assertNull(filled(log).get("timestamps_output"));
        log.add(0, 1, 480, 99999999999999L); // a latency of a day
        assertNull(filled(log).get("reported_output_latency_ms"));
    }

    @Test
    public void stampsAreBoundedAndSpreadOverTheTrial() {
        StampLog log = new StampLog(48000, true);
        for (int i = 0; i < 1000; i++) {
            log.add(i, i + 1, i, i + 1);
        }
        assertEquals(
                Limits.MAX_TIMESTAMPS, ((List<?>) filled(log).get("timestamps_output")).size());
        assertEquals(0.1, StampLog.everySeconds(1), 0);
        assertTrue(900 / StampLog.everySeconds(900) <= Limits.MAX_TIMESTAMPS);
    }

    @Test
    public void theReportKeepsItsBounds() {
        Report report = new Report("1");
        for (int i = 0; i < 100; i++) {
            report.observe("key" + i, "a\u001b[2Jb");
            report.note(new String(new char[300]).replace('\0', 'x'));
        }
        report.observe("nothing", null);
        report.number("battery_percent", Double.NaN, 0, 100);
        report.number("thermal_headroom", -1, 0, 100);
        report.count("xruns_output", -1);
        report.startup("open", 61000L * 1000000);
        Map<String, Object> values = report.toJson();
        Map<?, ?> observed = (Map<?, ?>) values.get("observed");
        assertEquals(Limits.MAX_OBSERVED, observed.size());
        assertEquals("a\ufffd[2Jb", observed.get("key0"));
        List<?> notes = (List<?>) values.get("notes");
        assertEquals(Limits.MAX_NOTES, notes.size());
        assertEquals(Limits.MAX_NOTE_CHARS, ((String) notes.get(0)).length());
        assertTrue(((Map<?, ?>) values.get("startup_ms")).isEmpty());
        for (String key : new String[] {"battery_percent", "thermal_headroom", "xruns_output"}) {
            assertFalse(key, values.containsKey(key));
        }
    }

    @Test
    public void theHistogramHasTheLibrarysEdges() {
        assertEquals(NativeAudio.H_COUNT, NativeAudio.HISTOGRAM_EDGES_US.length + 1);
        Report report = new Report("1");
        long[] counts = new long[NativeAudio.H_COUNT];
        counts[0] = 3;
        counts[NativeAudio.H_COUNT - 1] = 1;
        report.histogram(counts);
        Object bins = report.toJson().get("callback_histogram_ms");
        assertEquals("[[0.1, 3], [900000.0, 1]]", String.valueOf(bins));
    }

    @Test
    public void theProcessorIsBusyAndThenNot() throws InterruptedException {
        CpuLoad load = new CpuLoad(2, 1.0);
        Thread.sleep(50);
        int busy = count();
        load.stop();
        assertEquals(2, busy);
        assertEquals(0, count());
        new CpuLoad(8, 0).stop();
    }

    private static int count() {
        int count = 0;
        for (Thread thread : Thread.getAllStackTraces().keySet()) {
            count += thread.getName().startsWith("probe-load-") && thread.isAlive() ? 1 : 0;
        }
        return count;
    }

    @Test
    public void theFirstReasonToStopWins() throws Refusal {
        TrialControl control = new TrialControl(null);
        final int[] aborted = {0};
        Runnable hook =
                new Runnable() {
                    @Override
                    public void run() {
                        aborted[0]++;
                    }
                };
        control.onStop(hook);
        control.check();
        control.stop(Refusal.BACKGROUND, "first");
        control.stop(Refusal.CANCELLED, "second");
        assertEquals(1, aborted[0]);
        control.onStop(hook); // too late: what waits is ended at once
        assertEquals(2, aborted[0]);
        try {
            control.sleep(10000);
        } catch (Refusal e) {
            assertEquals(Refusal.BACKGROUND, e.code);
            assertEquals("first", e.getMessage());
            return;
        }
        throw new AssertionError("a stopped trial went on");
    }
}
