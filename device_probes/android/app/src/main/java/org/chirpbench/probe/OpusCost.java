package org.chirpbench.probe;

import android.media.MediaCodec;
import android.media.MediaCodecInfo;
import android.media.MediaCodecList;
import android.media.MediaFormat;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * What coding speech costs with the phone's own Opus coders: wall time from handing a frame over
 * until its packet (or its samples) are there, at the pace of a call or as fast as it goes.
 *
 * <p>A phone with a decoder and no encoder (Android before 10) has nothing to decode: its packets
 * would have to come from elsewhere. The decoder is named then, and no cost given.
 */
final class OpusCost {
    private final CodecRequest request;
    private final TrialControl control;
    private final List<byte[]> packets = new ArrayList<byte[]>();
    private long bytes;

    OpusCost(CodecRequest request, TrialControl control) {
        this.request = request;
        this.control = control;
    }

    /** Whether a codec is an Opus encoder or decoder. */
    static boolean isOpus(MediaCodecInfo codec) {
        for (String type : codec.getSupportedTypes()) {
            if (type.equalsIgnoreCase(MediaFormat.MIMETYPE_AUDIO_OPUS)) {
                return true;
            }
        }
        return false;
    }

    /** The {@code codec_cost} of the contract; refuses with unsupported without any Opus coder. */
    Map<String, Object> measure() throws Refusal {
        if (!request.codec.equals("opus")) {
            throw Refusal.unsupported("this probe measures opus, not " + request.codec);
        }
        String encoder = find(true);
        String decoder = find(false);
        if (encoder == null && decoder == null) {
            throw Refusal.unsupported("the phone has no Opus encoder and no Opus decoder");
        }
        double[] encodeMs = encoder == null ? null : encode(encoder);
        double[] decodeMs = decoder == null || packets.isEmpty() ? null : decode(decoder);
        Map<String, Object> cost = new LinkedHashMap<String, Object>();
        cost.put("encoder", name(encoder));
        cost.put("decoder", name(decoder));
        cost.put("frames", encodeMs == null ? 0 : encodeMs.length);
        cost.put("bytes", bytes);
        cost.put("encode_ms", statistics(encodeMs));
        cost.put("decode_ms", statistics(decodeMs));
        return cost;
    }

    private static String name(String codec) {
        return Texts.cut(codec, Limits.MAX_NAME_CHARS);
    }

    private static String find(boolean encoder) {
        MediaCodecList list = new MediaCodecList(MediaCodecList.REGULAR_CODECS);
        for (MediaCodecInfo codec : list.getCodecInfos()) {
            if (codec.isEncoder() == encoder && isOpus(codec)) {
                return codec.getName();
            }
        }
        return null;
    }

    private double[] encode(String name) throws Refusal {
        MediaFormat format =
                MediaFormat.createAudioFormat(
                        MediaFormat.MIMETYPE_AUDIO_OPUS, request.rateHz, request.channels);
        format.setInteger(MediaFormat.KEY_BIT_RATE, request.bitrateBps);
        if (request.complexity >= 0) {
            format.setInteger(MediaFormat.KEY_COMPLEXITY, request.complexity);
        }
        byte[] frame = new byte[2 * request.channels * request.frameSamples()];
        format.setInteger(MediaFormat.KEY_MAX_INPUT_SIZE, Math.max(frame.length, 4096));
        MediaCodec codec = open(name, format, MediaCodec.CONFIGURE_FLAG_ENCODE);
        CodecRun run =
                new CodecRun(codec, request, control) {
                    @Override
                    byte[] input(int index, byte[] reuse) {
                        speech(index, reuse);
                        return reuse;
                    }

                    @Override
                    void output(byte[] packet) {
                        bytes += packet.length;
                        packets.add(packet);
                    }
                };
        double[] costMs = run.measure(request.frames, frame);
        if (4 * costMs.length < 3 * request.frames) {
            // The time of a packet would hold the wait for the frames it is made of.
            throw Refusal.unsupported(
                    name + " made " + costMs.length + " packets of " + request.frames
                            + " frames: it does not code frames of " + request.frameMs + " ms");
        }
        return costMs;
    }

    private double[] decode(String name) throws Refusal {
        // Not what the encoder said of itself: Android 10 gives csd-0 alone, and its decoder then
        // takes the first two packets for csd-1 and csd-2.
        MediaFormat format = OpusHeader.format(request.rateHz, request.channels);
        MediaCodec codec = open(name, format, 0);
        CodecRun run =
                new CodecRun(codec, request, control) {
                    @Override
                    byte[] input(int index, byte[] reuse) {
                        return packets.get(index);
                    }

                    @Override
                    void output(byte[] samples) {
                        // Only the time counts.
                    }
                };
        return run.measure(packets.size(), new byte[0]);
    }

    private static MediaCodec open(String name, MediaFormat format, int flags) throws Refusal {
        MediaCodec codec = null;
        try {
            codec = MediaCodec.createByCodecName(name);
            codec.configure(format, null, null, flags);
            codec.start();
            return codec;
        } catch (IOException e) {
            throw failed(name, codec, e);
        } catch (IllegalArgumentException e) {
            throw failed(name, codec, e);
        } catch (IllegalStateException e) {
            throw failed(name, codec, e);
        }
    }

    private static Refusal failed(String name, MediaCodec codec, Exception e) {
        if (codec != null) {
            codec.release();
        }
        return Refusal.unsupported(name + " does not take this format: " + Texts.of(e));
    }

    /**
     * A voiced sound with a moving pitch and its overtones: a coder works on it as on speech, and
     * every phone gets the same samples.
     */
    private void speech(int index, byte[] into) {
        int samples = request.frameSamples();
        double phaseStep = 2 * Math.PI / request.rateHz;
        for (int i = 0; i < samples; i++) {
            long n = (long) index * samples + i;
            double seconds = (double) n / request.rateHz;
            double pitch = 140 * n * phaseStep + 8 * Math.sin(2 * Math.PI * 0.7 * seconds);
            double value = 0;
            for (int overtone = 1; overtone <= 12; overtone++) {
                value += Math.sin(overtone * pitch) / overtone;
            }
            double loudness = 0.5 + 0.5 * Math.sin(2 * Math.PI * 3 * seconds);
            int sample = (int) Math.round(6000 * loudness * value);
            for (int channel = 0; channel < request.channels; channel++) {
                int at = 2 * (i * request.channels + channel);
                into[at] = (byte) sample;
                into[at + 1] = (byte) (sample >> 8);
            }
        }
    }

    private static Map<String, Object> statistics(double[] ms) {
        if (ms == null || ms.length == 0) {
            return null;
        }
        Arrays.sort(ms);
        Map<String, Object> result = new LinkedHashMap<String, Object>();
        result.put("p50", quantile(ms, 0.50));
        result.put("p95", quantile(ms, 0.95));
        result.put("p99", quantile(ms, 0.99));
        result.put("max", ms[ms.length - 1]);
        return result;
    }

    /** Nearest rank: a time that one frame really took. */
    private static double quantile(double[] sorted, double share) {
        int rank = (int) Math.ceil(share * sorted.length);
        return sorted[Math.max(0, rank - 1)];
    }
}
