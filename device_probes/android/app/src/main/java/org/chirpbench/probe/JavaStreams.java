package org.chirpbench.probe;

import android.content.Context;
import android.media.AudioFormat;
import android.media.AudioManager;
import android.media.AudioRecord;
import android.media.AudioTrack;

/** An AudioTrack and an AudioRecord, opened as a trial asks for and not started. */
final class JavaStreams {
    /** The input's buffer: long enough for a loop that is late, and no part of the latency. */
    private static final double INPUT_BUFFER_S = 0.5;

    private static final int BYTES = 4; // float32

    final AudioTrack track;
    final AudioRecord record;
    /** Frames the loop writes and reads at a time. */
    final int burstFrames;
    /** What the system calls a burst, at its native rate; 0 at other rates. */
    final int nativeBurstFrames;

    /** Opens both; refuses with unsupported or open_failed. */
    JavaStreams(Context context, TrialRequest r, Routing.Route route) throws Refusal {
        AudioManager audio = (AudioManager) context.getSystemService(Context.AUDIO_SERVICE);
        int nativeRate = property(audio, AudioManager.PROPERTY_OUTPUT_SAMPLE_RATE);
        int burst = property(audio, AudioManager.PROPERTY_OUTPUT_FRAMES_PER_BUFFER);
        nativeBurstFrames = nativeRate == r.rateHz ? burst : 0;
        // The mixer runs at the native rate: the same time in frames of this stream.
        burstFrames =
                burst > 0 && nativeRate > 0
                        ? (int) Math.max(1, Math.round((double) burst * r.rateHz / nativeRate))
                        : r.rateHz / 100;
        record = openRecord(r);
        AudioTrack opened = null;
        try {
            opened = openTrack(r, wantedBuffer(r));
            prefer(opened, record, route);
        } catch (Refusal e) {
            record.release();
            if (opened != null) {
                opened.release();
            }
            throw e;
        }
        track = opened;
    }

    /** A number of AudioManager; 0 when the phone does not say. */
    static int property(AudioManager audio, String name) {
        String value = audio.getProperty(name);
        try {
            return value == null ? 0 : Math.max(0, Integer.parseInt(value));
        } catch (NumberFormatException e) {
            return 0;
        }
    }

    private int wantedBuffer(TrialRequest r) {
        return r.bufferFrames > 0 ? r.bufferFrames : r.bufferBursts * burstFrames;
    }

    private static AudioFormat format(int rateHz, int channels, boolean output) {
        AudioFormat.Builder format =
                new AudioFormat.Builder()
                        .setEncoding(AudioFormat.ENCODING_PCM_FLOAT)
                        .setSampleRate(rateHz);
        if (channels > 2) {
            return format.setChannelIndexMask((1 << channels) - 1).build();
        }
        int mask = mask(channels, output);
        return format.setChannelMask(mask).build();
    }

    private static int mask(int channels, boolean output) {
        if (output) {
            return channels == 1 ? AudioFormat.CHANNEL_OUT_MONO : AudioFormat.CHANNEL_OUT_STEREO;
        }
        return channels == 1 ? AudioFormat.CHANNEL_IN_MONO : AudioFormat.CHANNEL_IN_STEREO;
    }

    /** Rounded up to whole frames: the least size of a stereo buffer need not be any of six. */
    private static int whole(int bytes, int channels) {
        int frameBytes = channels * BYTES;
        return (bytes + frameBytes - 1) / frameBytes * frameBytes;
    }

    private static AudioRecord openRecord(TrialRequest r) throws Refusal {
        int channels = r.inputChannels;
        int least =
                AudioRecord.getMinBufferSize(
                        r.rateHz, mask(channels, false), AudioFormat.ENCODING_PCM_FLOAT);
        if (least <= 0) {
            throw unsupported("input", r.rateHz, channels);
        }
        int half = (int) (INPUT_BUFFER_S * r.rateHz) * channels * BYTES;
        int bytes = whole(Math.max(2 * least, half), channels);
        try {
            AudioRecord record =
                    new AudioRecord.Builder()
                            .setAudioSource(Words.source(r.inputPreset))
                            .setAudioFormat(format(r.rateHz, channels, false))
                            .setBufferSizeInBytes(bytes)
                            .build();
            if (record.getState() == AudioRecord.STATE_INITIALIZED) {
                return record;
            }
            record.release();
        } catch (IllegalArgumentException e) {
            throw unsupported("input", r.rateHz, channels);
        } catch (UnsupportedOperationException e) {
            throw notOpened("input", e);
        }
        throw notOpened("input", null);
    }

    private AudioTrack openTrack(TrialRequest r, int wantedFrames) throws Refusal {
        int channels = r.outputChannels;
        int least =
                AudioTrack.getMinBufferSize(
                        r.rateHz, mask(channels, true), AudioFormat.ENCODING_PCM_FLOAT);
        if (least <= 0) {
            throw unsupported("output", r.rateHz, channels);
        }
        AudioTrack.Builder builder =
                new AudioTrack.Builder()
                        .setAudioAttributes(Words.attributes(r))
                        .setAudioFormat(format(r.rateHz, channels, true))
                        .setTransferMode(AudioTrack.MODE_STREAM)
                        .setBufferSizeInBytes(
                                whole(Math.max(least, wantedFrames * channels * BYTES), channels));
        int mode = Words.trackPerformance(r.performanceMode);
        if (mode >= 0) {
            builder.setPerformanceMode(mode);
        }
        if (r.audioSession.equals("shared") && record.getAudioSessionId() > 0) {
            builder.setSessionId(record.getAudioSessionId());
        }
        try {
            AudioTrack track = builder.build();
            if (track.getState() == AudioTrack.STATE_INITIALIZED) {
                if (wantedFrames > 0) {
                    track.setBufferSizeInFrames(wantedFrames);
                }
                return track;
            }
            track.release();
        } catch (IllegalArgumentException e) {
            throw unsupported("output", r.rateHz, channels);
        } catch (UnsupportedOperationException e) {
            throw notOpened("output", e);
        }
        throw notOpened("output", null);
    }

    /** Asks for other devices while both streams run; refuses when the system does. */
    void prefer(Routing.Route route) throws Refusal {
        prefer(track, record, route);
    }

    private static void prefer(AudioTrack track, AudioRecord record, Routing.Route route)
            throws Refusal {
        boolean output = route.output == null || track.setPreferredDevice(route.output);
        boolean input = route.input == null || record.setPreferredDevice(route.input);
        if (!output || !input) {
            throw new Refusal(
                    Refusal.OPEN_FAILED, "the system did not take the device for " + route.word);
        }
    }

    private static Refusal unsupported(String direction, int rateHz, int channels) {
        return Refusal.unsupported(
                "no " + direction + " of " + channels + " channels at " + rateHz + " Hz");
    }

    private static Refusal notOpened(String direction, Exception e) {
        return new Refusal(
                Refusal.OPEN_FAILED,
                "the "
                        + direction
                        + " does not open"
                        + (e == null ? "" : " (" + Texts.of(e) + ")")
                        + "; another app may hold it");
    }

    /** Frees both. */
    void release() {
        track.release();
        record.release();
    }
}
