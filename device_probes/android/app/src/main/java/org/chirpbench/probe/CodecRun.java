package org.chirpbench.probe;

import android.media.MediaCodec;
import java.nio.ByteBuffer;
import java.util.Arrays;

/**
 * Feeds a started MediaCodec frame by frame and takes the time of each: from handing the input over
 * until the output that carries its presentation time is there.
 */
abstract class CodecRun {
    private static final long WAIT_US = 2000;
    /** A coder that gives nothing for so long never will. */
    private static final long SILENT_NS = 2000000000L;

    private final MediaCodec codec;
    private final CodecRequest request;
    private final TrialControl control;
    private final MediaCodec.BufferInfo info = new MediaCodec.BufferInfo();
    private long[] givenNs;
    private double[] costMs;
    private int done;
    private boolean ended;

    CodecRun(MediaCodec codec, CodecRequest request, TrialControl control) {
        this.codec = codec;
        this.request = request;
        this.control = control;
    }

    /** Input {@code index}; {@code reuse} may be filled and returned. */
    abstract byte[] input(int index, byte[] reuse);

    /** One output. */
    abstract void output(byte[] data);

    /**
     * Runs {@code frames} inputs through and frees the codec.
     *
     * @return milliseconds of each output, in the order in which they came
     */
    double[] measure(int frames, byte[] reuse) throws Refusal {
        givenNs = new long[frames];
        costMs = new double[frames];
        try {
            long beginNs = System.nanoTime();
            long frameNs = Math.round(request.frameMs * 1e6);
            for (int i = 0; i < frames; i++) {
                if (request.paced) {
                    pace(beginNs + i * frameNs);
                }
                control.check();
                give(i, input(i, reuse), 0);
                // The next frame is not handed over before this one is done, as in a call; a
                // coder that looks ahead gives its output with the next frame.
                take(i + 1, System.nanoTime() + frameNs);
                control.progress(TrialControl.PLAYING, (double) i / frames);
            }
            give(frames, new byte[0], MediaCodec.BUFFER_FLAG_END_OF_STREAM);
            take(frames, System.nanoTime() + SILENT_NS);
        } catch (IllegalStateException e) {
            throw new Refusal(Refusal.STREAM_LOST, "the codec failed: " + Texts.of(e));
        } finally {
            codec.release();
        }
        return Arrays.copyOf(costMs, done);
    }

    private void pace(long atNs) throws Refusal {
        for (long left = atNs - System.nanoTime(); left > 0; left = atNs - System.nanoTime()) {
            take(givenNs.length, Math.min(atNs, System.nanoTime() + WAIT_US * 1000));
            control.check();
        }
    }

    private long timeUs(int index) {
        return Math.round(index * request.frameMs * 1000);
    }

    private void give(int index, byte[] data, int flags) throws Refusal {
        long limitNs = System.nanoTime() + SILENT_NS;
        int slot = codec.dequeueInputBuffer(WAIT_US);
        while (slot < 0) {
            if (System.nanoTime() > limitNs) {
                throw new Refusal(Refusal.STREAM_LOST, "the codec takes no more input");
            }
            take(givenNs.length, System.nanoTime());
            control.check();
            slot = codec.dequeueInputBuffer(WAIT_US);
        }
        ByteBuffer buffer = codec.getInputBuffer(slot);
        if (buffer == null || buffer.capacity() < data.length) {
            throw Refusal.unsupported("the codec takes no frame of " + data.length + " bytes");
        }
        buffer.clear();
        buffer.put(data);
        if (index < givenNs.length) {
            givenNs[index] = System.nanoTime();
        }
        codec.queueInputBuffer(slot, 0, data.length, timeUs(index), flags);
    }

    /** Takes outputs until {@code wanted} have come or the time is over. */
    private void take(int wanted, long untilNs) {
        while (done < wanted && !ended) {
            long leftUs = (untilNs - System.nanoTime()) / 1000;
            int slot = codec.dequeueOutputBuffer(info, Math.max(0, Math.min(leftUs, WAIT_US)));
            if (slot >= 0) {
                took(slot);
            } else if (slot != MediaCodec.INFO_OUTPUT_FORMAT_CHANGED && leftUs <= 0) {
                return;
            }
        }
    }

    private void took(int slot) {
        long now = System.nanoTime();
        ByteBuffer buffer = codec.getOutputBuffer(slot);
        boolean config = (info.flags & MediaCodec.BUFFER_FLAG_CODEC_CONFIG) != 0;
        ended = (info.flags & MediaCodec.BUFFER_FLAG_END_OF_STREAM) != 0;
        if (buffer != null && info.size > 0 && !config && done < costMs.length) {
            byte[] data = new byte[info.size];
            buffer.position(info.offset);
            buffer.get(data);
            costMs[done++] = (now - givenNs[index(info.presentationTimeUs)]) / 1e6;
            output(data);
        }
        codec.releaseOutputBuffer(slot, false);
    }

    /** The input that an output belongs to, by its presentation time. */
    private int index(long presentationUs) {
        long index = Math.round(presentationUs / (request.frameMs * 1000));
        for (int i = (int) Math.max(0, Math.min(index, givenNs.length - 1)); i > 0; i--) {
            if (givenNs[i] != 0) {
                return i;
            }
        }
        return 0;
    }
}
