package org.chirpbench.probe;

/** When the probe left the foreground and came back, in a trial that goes on without it. */
final class Presence {
    private volatile long leftNs;
    private volatile long cameNs;

    /** From the main thread: the app is on the screen, or not. */
    void seen(boolean inFront) {
        long now = System.nanoTime();
        if (!inFront && leftNs == 0) {
            leftNs = now;
        } else if (inFront && leftNs != 0 && cameNs == 0) {
            cameNs = now;
        }
    }

    /** Puts the first departure and the first return into {@code report}. */
    void report(Report report, Timeline timeline) {
        if (leftNs != 0) {
            report.observe("left_front_ms", timeline.ms(leftNs));
        }
        if (cameNs != 0) {
            report.observe("came_front_ms", timeline.ms(cameNs));
        }
    }
}
