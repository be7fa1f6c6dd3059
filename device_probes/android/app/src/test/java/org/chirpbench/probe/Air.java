package org.chirpbench.probe;

import android.media.AudioFormat;
import android.media.AudioRecord;
import android.media.AudioTrack;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.robolectric.shadows.ShadowAudioRecord;
import org.robolectric.shadows.ShadowAudioTrack;

/**
 * What lies between loudspeaker and microphone: frame n of the input is frame n - delay of the
 * output, both counted from the start of the streams, times a gain. Input frames come into being
 * as output frames are written, so both clocks run in step.
 */
final class Air
        implements ShadowAudioTrack.OnAudioDataWrittenListener,
                ShadowAudioRecord.AudioRecordSource,
                ShadowAudioRecord.AudioRecordSourceProvider {
    private static final int RING = 1 << 21;

    private final float[] ring = new float[RING];
    private final int delayFrames;
    private final boolean realTime;
    private float gain = 1f;
    private AudioTrack track;
    private AudioRecord record;
    private long written;
    private long read;
    private long beganNs;
    /** Output frames of the whole life of the stream after which the input breaks; 0: never. */
    volatile long breaksAt;

    /** Output frames after which the input gives its first frames; those before are lost. */
    volatile long beginsAt;

    /** Whether the input gives nothing any more, and holds whoever reads. */
    volatile boolean frozen;

    Air(int delayFrames, float gain, boolean realTime) {
        this.delayFrames = delayFrames;
        this.gain = gain;
        this.realTime = realTime;
    }

    /** Connects every AudioTrack with every AudioRecord of this sandbox. */
    Air install() {
        ShadowAudioTrack.addAudioDataListener(this);
        ShadowAudioRecord.setSourceProvider(this);
        return this;
    }

    void remove() {
        ShadowAudioTrack.removeAudioDataListener(this);
        ShadowAudioRecord.clearSource();
    }

    @Override
    public void onAudioDataWritten(AudioTrack from, byte[] data, AudioFormat format) {
        long now;
        synchronized (this) {
            if (from != track) {
                track = from;
                written = 0;
                beganNs = System.nanoTime();
            }
            int channels = format.getChannelCount();
            ByteBuffer samples = ByteBuffer.wrap(data).order(ByteOrder.nativeOrder());
            for (int at = 0; at < data.length; at += 4 * channels) {
                ring[(int) (written++ % RING)] = samples.getFloat(at);
            }
            now = written;
        }
        if (realTime) {
            waitUntil(beganNs + now * 1000000000L / format.getSampleRate());
        }
    }

    private static void waitUntil(long ns) {
        try {
            long leftNs = ns - System.nanoTime();
            if (leftNs > 0) {
                Thread.sleep(leftNs / 1000000, (int) (leftNs % 1000000));
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    @Override
    public ShadowAudioRecord.AudioRecordSource get(AudioRecord from) {
        synchronized (this) {
            if (from != record) {
                record = from;
                read = 0;
            }
        }
        return this;
    }

    private boolean isRecording() {
        return record.getRecordingState() == AudioRecord.RECORDSTATE_RECORDING;
    }

    @Override
    public int readInFloatArray(float[] into, int offset, int count, boolean blocking) {
        while (frozen && blocking && isRecording()) {
            waitUntil(System.nanoTime() + 1000000);
        }
        synchronized (this) {
            if (frozen) {
                return 0;
            }
            if (breaksAt > 0 && written >= breaksAt) {
                return AudioRecord.ERROR_DEAD_OBJECT;
            }
            if (read < beginsAt) {
                if (written < beginsAt) {
                    // Who waits here would wait for ever: on a phone, until the output is dry.
                    return blocking ? AudioRecord.ERROR_INVALID_OPERATION : 0;
                }
                read = beginsAt;
            }
            int channels = record.getChannelCount();
            long frames = count / channels;
            if (!blocking) {
                // A track that plays no more is the one of the trial before.
                boolean live =
                        track != null && track.getPlayState() == AudioTrack.PLAYSTATE_PLAYING;
                frames = live ? Math.max(0, Math.min(frames, written - read)) : 0;
            }
            for (int i = 0; i < frames; i++) {
                long from = read++ - delayFrames;
                float value = from < 0 || from >= written ? 0f : gain * ring[(int) (from % RING)];
                for (int channel = 0; channel < channels; channel++) {
                    into[offset++] = value;
                }
            }
            return (int) frames * channels;
        }
    }
}
