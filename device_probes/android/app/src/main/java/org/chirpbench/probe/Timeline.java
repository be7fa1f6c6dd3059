package org.chirpbench.probe;

/** When frame 0 of the recording was, so that events can be told in its time; of one thread. */
final class Timeline {
    private boolean begun;
    private long zeroNs;

    /** Looks, several times a second: the first look at a recording that runs says it. */
    void look(Engine engine, long nowNs) {
        if (!begun && !engine.isWarming()) {
            zeroNs = nowNs - Math.round(1e9 * engine.recordedFrames() / engine.inputRateHz());
            begun = true;
        }
    }

    /** The time {@code nanoTime} on the recording's timeline, in whole ms. */
    long ms(long nanoTime) {
        return (nanoTime - zeroNs) / 1000000;
    }
}
