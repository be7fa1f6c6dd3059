package org.chirpbench.probe;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Timestamps of one direction and the latency that follows from them. Allocates nothing after
 * construction; written by one thread, read after that thread has ended.
 */
final class StampLog {
    private final long[] frames = new long[Limits.MAX_TIMESTAMPS];
    private final long[] times = new long[Limits.MAX_TIMESTAMPS];
    private final double[] latencies = new double[Limits.MAX_TIMESTAMPS];
    private final int rateHz;
    private final boolean output;
    private int count;

    StampLog(int rateHz, boolean output) {
        this.rateHz = rateHz;
        this.output = output;
    }

    /**
     * Frame {@code frame} of the timeline passes the loudspeaker or microphone at {@code timeNs};
     * the app is at frame {@code appFrame} at {@code nowNs} (all System.nanoTime). What a phone
     * without timestamps says (time 0) is left out.
     *
     * <p>Output: frame appFrame, written now, will be heard after the latency. Input: frame
     * appFrame, read now, was in the air before it.
     */
    void add(long frame, long timeNs, long appFrame, long nowNs) {
        if (count == frames.length || timeNs <= 0) {
            return;
        }
        double passesNs = timeNs - nowNs + (appFrame - frame) * 1e9 / rateHz;
        frames[count] = frame;
        times[count] = timeNs;
        latencies[count++] = (output ? passesNs : -passesNs) / 1e6;
    }

    /** Puts the pairs and the median latency into {@code report}. */
    void report(Report report) {
        if (count == 0) {
            return;
        }
        List<Object> pairs = new ArrayList<Object>();
        for (int i = 0; i < count; i++) {
            pairs.add(Arrays.<Object>asList(frames[i], times[i]));
        }
        String direction = output ? "output" : "input";
        report.put("timestamps_" + direction, pairs);
        double[] sorted = Arrays.copyOf(latencies, count);
        Arrays.sort(sorted);
        report.number("reported_" + direction + "_latency_ms", sorted[count / 2], -10000, 10000);
    }

    /** Time between two stamps of a trial, so that they are spread over all of it. */
    static double everySeconds(double durationS) {
        return Math.max(0.1, durationS / (Limits.MAX_TIMESTAMPS - 8));
    }
}
