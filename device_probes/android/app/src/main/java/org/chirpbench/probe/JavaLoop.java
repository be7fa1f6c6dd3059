package org.chirpbench.probe;

import android.media.AudioRecord;
import android.media.AudioTimestamp;
import android.media.AudioTrack;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.util.Arrays;
import java.util.concurrent.locks.LockSupport;

/**
 * The duplex loop over AudioTrack and AudioRecord: one thread, one timeline. A blocking write of
 * one burst sets the pace. While the warm-up lasts the input is emptied after every write; from
 * frame 0 on exactly as many frames are read as were written, so frame n of the recording is what
 * was read right after frame n of the timeline was written.
 *
 * <p>The input gives its frames in pieces of its own length, and after a cold start none for a
 * while. Until its first ones since frame 0 are there the loop does not wait for them, or the
 * output would run dry (and, cold, not begin: it plays only once its buffer was full): the
 * recording holds zeros, and the first frames end beside the newest frame written.
 *
 * <p>Everything is allocated before {@link #run}; no lock, log or message inside the loop.
 */
final class JavaLoop implements Runnable {
    /** A whole input buffer and more: an input that never runs empty must not hold the loop. */
    private static final int MAX_DRAINS = 64;

    private static final int SAMPLE_BYTES = 4;
    /** A microphone that gives nothing for so long never will. */
    private static final long DEAF_NS = 4000000000L;

    private final AudioTrack track;
    private final AudioRecord record;
    private final Mixer mixer;
    private final TrialControl control;
    private final int burst;
    private final int outputChannels;
    private final int inputChannels;
    private final long warmupFrames;
    private final long totalFrames;

    private final float[] mono;
    private final ByteBuffer out;
    private final FloatBuffer outFloats;
    private final float[] scratch;
    private final AudioTimestamp stamp = new AudioTimestamp();
    private final long stampEveryFrames;
    private long nextStamp;
    private long lastLoopNs;
    private long readFrames;
    private boolean inputBegun;
    private volatile long writtenFrames;
    private volatile Refusal failure;

    /** Interleaved input samples. */
    final float[] recording;

    final StampLog outputStamps;
    final StampLog inputStamps;
    final long[] histogram = new long[NativeAudio.H_COUNT];
    final long openedNs;
    long startedNs = -1;
    long firstOutputNs = -1;
    long firstInputNs = -1;
    long firstNonzeroNs = -1;
    long callbacks;
    long shortReads;
    long filledFrames;
    long drainedFrames;
    int underrunsBefore;

    /**
     * @param openedNs System.nanoTime() from which on the start-up is counted
     */
    JavaLoop(
            JavaStreams streams,
            TrialRequest request,
            Mixer mixer,
            TrialControl control,
            long openedNs)
            throws Refusal {
        track = streams.track;
        record = streams.record;
        this.mixer = mixer;
        this.control = control;
        this.openedNs = openedNs;
        burst = streams.burstFrames;
        int rateHz = track.getSampleRate();
        outputChannels = track.getChannelCount();
        inputChannels = record.getChannelCount();
        warmupFrames = Math.round(request.warmupS * rateHz);
        totalFrames = request.frames(rateHz);
        recording = Heap.floats(totalFrames * inputChannels, "a recording");
        mono = new float[burst];
        out =
                ByteBuffer.allocateDirect(burst * outputChannels * SAMPLE_BYTES)
                        .order(ByteOrder.nativeOrder());
        outFloats = out.asFloatBuffer();
        scratch = new float[burst * inputChannels];
        outputStamps = new StampLog(rateHz, true);
        inputStamps = new StampLog(rateHz, false);
        stampEveryFrames = Math.round(StampLog.everySeconds(request.durationS) * rateHz);
    }

    @Override
    public void run() {
        try {
            android.os.Process.setThreadPriority(
                    android.os.Process.THREAD_PRIORITY_URGENT_AUDIO);
            record.startRecording();
            if (record.getRecordingState() != AudioRecord.RECORDSTATE_RECORDING) {
                throw new Refusal(
                        Refusal.OPEN_FAILED,
                        "the microphone does not start; another app may be recording");
            }
            track.play();
            startedNs = System.nanoTime();
            warmUp();
            playAndRecord();
        } catch (Refusal e) {
            failure = e;
        } catch (RuntimeException e) {
            // Of any kind: on this thread a vendor's fault would end the whole app.
            failure = lost("the stream", Texts.of(e));
        }
    }

    private void warmUp() throws Refusal {
        while (writtenFrames < warmupFrames && !control.isStopped()) {
            int frames = (int) Math.min(burst, warmupFrames - writtenFrames);
            write(0, frames, false);
            drain();
        }
    }

    private void playAndRecord() throws Refusal {
        lastLoopNs = System.nanoTime();
        underrunsBefore = track.getUnderrunCount();
        nextStamp = 0;
        if (warmupFrames == 0) {
            drain(); // what the input collected before the output began would count as latency
        }
        for (long at = 0; at < totalFrames && !control.isStopped(); ) {
            int frames = (int) Math.min(burst, totalFrames - at);
            write(at, frames, true);
            count();
            if (inputBegun) {
                read(at, frames);
            } else {
                readFirst(at, frames);
            }
            at += frames;
            if (at >= nextStamp) {
                takeStamps(at);
                nextStamp += stampEveryFrames;
            }
        }
    }

    private void write(long at, int frames, boolean play) throws Refusal {
        if (play) {
            mixer.mix(at, mono, frames);
        }
        out.clear();
        outFloats.clear();
        for (int frame = 0; frame < frames; frame++) {
            float value = play ? mono[frame] : 0f;
            for (int channel = 0; channel < outputChannels; channel++) {
                outFloats.put(value);
            }
        }
        int bytes = frames * outputChannels * SAMPLE_BYTES;
        out.limit(bytes);
        while (out.hasRemaining() && !control.isStopped()) {
            int wrote = track.write(out, out.remaining(), AudioTrack.WRITE_BLOCKING);
            if (wrote < 0) {
                throw lost("the output", "error " + wrote);
            }
            pauseIfNothing(wrote);
        }
        writtenFrames += frames;
        if (firstOutputNs < 0 && track.getPlaybackHeadPosition() != 0) {
            firstOutputNs = System.nanoTime();
        }
    }

    private void drain() throws Refusal {
        for (int i = 0; i < MAX_DRAINS; i++) {
            int got = record.read(scratch, 0, scratch.length, AudioRecord.READ_NON_BLOCKING);
            if (got < 0) {
                throw lost("the input", "error " + got);
            }
            seen(scratch, 0, got);
            drainedFrames += got / inputChannels;
            readFrames += got / inputChannels;
            if (got < scratch.length) {
                return;
            }
        }
    }

    /** Takes what there is, without waiting, and puts it beside the newest frame written. */
    private void readFirst(long at, int frames) throws Refusal {
        int from = (int) at * inputChannels;
        int wanted = frames * inputChannels;
        int got = record.read(recording, from, wanted, AudioRecord.READ_NON_BLOCKING);
        if (got < 0) {
            throw lost("the input", "error " + got);
        }
        seen(recording, from, got);
        System.arraycopy(recording, from, recording, from + wanted - got, got);
        Arrays.fill(recording, from, from + wanted - got, 0f);
        readFrames += got / inputChannels;
        filledFrames += (wanted - got) / inputChannels;
        inputBegun = got > 0;
        boolean last = at + frames >= totalFrames;
        if (!inputBegun && (last || System.nanoTime() - startedNs > DEAF_NS)) {
            throw new Refusal(Refusal.STREAM_LOST, "the microphone gives no frames");
        }
    }

    private void read(long at, int frames) throws Refusal {
        int from = (int) at * inputChannels;
        int end = from + frames * inputChannels;
        int wanted = end - from;
        while (from < end && !control.isStopped()) {
            int got = record.read(recording, from, end - from, AudioRecord.READ_BLOCKING);
            if (got < 0) {
                throw lost("the input", "error " + got);
            }
            if (got < wanted) {
                shortReads++;
            }
            seen(recording, from, got);
            from += got;
            wanted = end - from;
            pauseIfNothing(got);
        }
        readFrames += frames;
    }

    /** A blocking call that gives nothing at once must not turn the loop into a busy one. */
    private static void pauseIfNothing(int moved) {
        if (moved == 0) {
            LockSupport.parkNanos(1000000);
        }
    }

    /** Notes the first samples, and the first that are not zero. */
    private void seen(float[] samples, int from, int count) {
        if (firstNonzeroNs >= 0 || count == 0) {
            return;
        }
        long now = System.nanoTime();
        if (firstInputNs < 0) {
            firstInputNs = now;
        }
        for (int i = from; i < from + count; i++) {
            if (samples[i] != 0f) {
                firstNonzeroNs = now;
                return;
            }
        }
    }

    private void count() {
        long now = System.nanoTime();
        if (callbacks++ > 0) {
            long us = (now - lastLoopNs) / 1000;
            int bin = 0;
            while (bin < NativeAudio.HISTOGRAM_EDGES_US.length
                    && us > NativeAudio.HISTOGRAM_EDGES_US[bin]) {
                bin++;
            }
            histogram[bin]++;
        }
        lastLoopNs = now;
    }

    private void takeStamps(long at) {
        long now = System.nanoTime();
        if (track.getTimestamp(stamp)) {
            outputStamps.add(stamp.framePosition - warmupFrames, stamp.nanoTime, at, now);
        }
        int result = record.getTimestamp(stamp, AudioTimestamp.TIMEBASE_MONOTONIC);
        if (result == AudioRecord.SUCCESS) {
            inputStamps.add(stamp.framePosition - (readFrames - at), stamp.nanoTime, at, now);
        }
    }

    private static Refusal lost(String what, String why) {
        return new Refusal(Refusal.STREAM_LOST, "the system took " + what + " away: " + why);
    }

    /** What ended the loop early; null when nothing did. */
    Refusal failure() {
        return failure;
    }

    /** Frames of the whole life of the stream that were written. */
    long written() {
        return writtenFrames;
    }

    /** Frames of silence before frame 0. */
    long warmupFrames() {
        return warmupFrames;
    }

    /** Frames of the recording. */
    int totalFrames() {
        return (int) totalFrames;
    }
}
