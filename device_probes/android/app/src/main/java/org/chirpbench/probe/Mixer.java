package org.chirpbench.probe;

import java.util.Arrays;

/**
 * The output timeline: what is played at which frame. What overlaps is added; nothing is scaled.
 * Allocates nothing after construction.
 */
final class Mixer {
    private final float[][] samples;
    private final long[] atFrame;

    /** Play {@code i} is {@code samples[i]} (mono), from output frame {@code atFrame[i]} on. */
    Mixer(float[][] samples, long[] atFrame) {
        this.samples = samples;
        this.atFrame = atFrame;
    }

    /** Writes the mono samples of frames {@code from .. from + frames} into {@code out}. */
    void mix(long from, float[] out, int frames) {
        Arrays.fill(out, 0, frames, 0f);
        for (int play = 0; play < samples.length; play++) {
            float[] source = samples[play];
            long begin = Math.max(from, atFrame[play]);
            long end = Math.min(from + frames, atFrame[play] + source.length);
            for (long frame = begin; frame < end; frame++) {
                out[(int) (frame - from)] += source[(int) (frame - atFrame[play])];
            }
        }
    }

    /** Number of plays. */
    int count() {
        return samples.length;
    }

    /** Mono samples of a play; not to be changed. */
    float[] samples(int play) {
        return samples[play];
    }

    /** First output frame of a play. */
    long atFrame(int play) {
        return atFrame[play];
    }

    /** Frame after the last one of all plays; 0 when there are none. */
    long endFrame() {
        long end = 0;
        for (int play = 0; play < samples.length; play++) {
            end = Math.max(end, atFrame[play] + samples[play].length);
        }
        return end;
    }
}
