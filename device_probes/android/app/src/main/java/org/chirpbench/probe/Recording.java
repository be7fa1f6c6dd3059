package org.chirpbench.probe;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/** Recorded samples as they were read from the system, ready to travel. */
interface Recording {
    /** {@code int16} or {@code float32}. */
    String format();

    /** Interleaved channels of a frame. */
    int channels();

    /** Frames from frame 0 of the timeline on. */
    int frames();

    /**
     * Copies whole frames from {@code firstFrame} on, little-endian, as many as fit.
     *
     * @return bytes written
     */
    int read(int firstFrame, byte[] into);

    /** Frees the memory. Twice does no harm. */
    void close();

    /** Samples that lie in the Java heap. */
    final class Floats implements Recording {
        private final float[] samples;
        private final int channels;
        private final int frames;

        /** The first {@code frames} frames of {@code samples}. */
        Floats(float[] samples, int channels, int frames) {
            this.samples = samples;
            this.channels = channels;
            this.frames = frames;
        }

        @Override
        public String format() {
            return "float32";
        }

        @Override
        public int channels() {
            return channels;
        }

        @Override
        public int frames() {
            return frames;
        }

        @Override
        public int read(int firstFrame, byte[] into) {
            int count = Math.min(frames - firstFrame, into.length / (4 * channels)) * channels;
            ByteBuffer.wrap(into)
                    .order(ByteOrder.LITTLE_ENDIAN)
                    .asFloatBuffer()
                    .put(samples, firstFrame * channels, count);
            return 4 * count;
        }

        @Override
        public void close() {
            // The heap is the garbage collector's.
        }

        /** Longest run of frames that are exactly 0 in every channel. */
        int longestZeroRun() {
            int longest = 0;
            int run = 0;
            for (int frame = 0; frame < frames; frame++) {
                boolean zero = true;
                for (int i = frame * channels; zero && i < (frame + 1) * channels; i++) {
                    zero = samples[i] == 0f;
                }
                run = zero ? run + 1 : 0;
                longest = Math.max(longest, run);
            }
            return longest;
        }
    }
}
