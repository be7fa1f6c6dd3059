package org.chirpbench.probe;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertNull;
import static org.junit.Assert.assertTrue;

import android.media.MediaCodecInfo;
import android.media.MediaFormat;
import java.nio.ByteBuffer;
import java.util.Map;
import org.junit.After;
import org.junit.Test;
import org.robolectric.shadows.MediaCodecInfoBuilder;
import org.robolectric.shadows.ShadowMediaCodec;
import org.robolectric.shadows.ShadowMediaCodecList;

/** The cost of coding through the real MediaCodec class; what codes behind it is a stand-in. */
public class CodecTest extends PhoneTest {
    private static final String ENCODER = "c2.android.opus.encoder";
    private static final String DECODER = "c2.android.opus.decoder";
    private static final int PACKET_BYTES = 60;
    private static final int FRAME_BYTES = 2 * 960;

    @After
    public void noCodecsLeft() {
        ShadowMediaCodec.clearCodecs();
        ShadowMediaCodecList.reset();
    }

    private static void add(String name, boolean encoder) {
        MediaFormat format =
                MediaFormat.createAudioFormat(MediaFormat.MIMETYPE_AUDIO_OPUS, 48000, 1);
        MediaCodecInfo.CodecCapabilities able =
                MediaCodecInfoBuilder.CodecCapabilitiesBuilder.newBuilder()
                        .setMediaFormat(format)
                        .setIsEncoder(encoder)
                        .setProfileLevels(new MediaCodecInfo.CodecProfileLevel[0])
                        .build();
        ShadowMediaCodecList.addCodec(
                MediaCodecInfoBuilder.newBuilder()
                        .setName(name)
                        .setIsEncoder(encoder)
                        .setIsSoftwareOnly(true)
                        .setCapabilities(able)
                        .build());
    }

    private static ShadowMediaCodec.CodecConfig coder(
            final int inBytes, final int outBytes, final long tookMs) {
        return new ShadowMediaCodec.CodecConfig(
                8192,
                8192,
                new ShadowMediaCodec.CodecConfig.Codec() {
                    @Override
                    public void process(ByteBuffer in, ByteBuffer out) {
                        if (!in.hasRemaining()) {
                            return; // the end of the stream
                        }
                        if (in.remaining() != inBytes) {
                            throw new AssertionError("input of " + in.remaining() + " bytes");
                        }
                        try {
                            Thread.sleep(tookMs);
                        } catch (InterruptedException e) {
                            Thread.currentThread().interrupt();
                        }
                        out.put(new byte[outBytes]);
                    }
                });
    }

    private static String ask(int frames, boolean paced, String more) {
        return "{\"type\":\"codec\",\"codec\":\"opus\",\"rate_hz\":48000,\"channels\":1"
                + ",\"bitrate_bps\":24000,\"complexity\":null,\"frame_ms\":20,\"frames\":"
                + frames + ",\"paced\":" + paced + more + "}";
    }

    @Test
    public void withoutOpusItIsRefused() throws Exception {
        try (Host host = phone.connect().hello()) {
            host.say(ask(10, false, ""));
            isRefused(Refusal.UNSUPPORTED, host.hearWord());
            host.say(ask(10, false, "").replace("opus", "lyra"));
            isRefused(Refusal.UNSUPPORTED, host.hearWord());
            host.say(ask(0, false, ""));
            isRefused(Refusal.MALFORMED, host.hearWord());
        }
    }

    @Test
    public void bothDirectionsAreTimed() throws Exception {
        add(ENCODER, true);
        add(DECODER, false);
        ShadowMediaCodec.addEncoder(ENCODER, coder(FRAME_BYTES, PACKET_BYTES, 2));
        ShadowMediaCodec.addDecoder(DECODER, coder(PACKET_BYTES, FRAME_BYTES, 1));
        try (Host host = phone.connect().hello()) {
            host.say(ask(50, false, ""));
            Map<String, Object> cost = host.hearWord();
            assertEquals("codec_cost", cost.get("type"));
            assertEquals(ENCODER, cost.get("encoder"));
            assertEquals(DECODER, cost.get("decoder"));
            assertEquals((Long) 50L, cost.get("frames"));
            assertEquals((Long) (50L * PACKET_BYTES), cost.get("bytes"));
            isOrdered((Map<?, ?>) cost.get("encode_ms"), 2);
            isOrdered((Map<?, ?>) cost.get("decode_ms"), 1);
        }
    }

    @Test
    public void aCoderOfLongerFramesIsNotTimed() throws Exception {
        add(ENCODER, true);
        final int[] given = {0};
        ShadowMediaCodec.addEncoder(
                ENCODER,
                new ShadowMediaCodec.CodecConfig(
                        8192,
                        8192,
                        new ShadowMediaCodec.CodecConfig.Codec() {
                            @Override
                            public void process(ByteBuffer in, ByteBuffer out) {
                                // Android's own makes packets of 20 ms of whatever it is given.
                                if (in.hasRemaining() && ++given[0] % 2 == 0) {
                                    out.put(new byte[PACKET_BYTES]);
                                }
                            }
                        }));
        try (Host host = phone.connect().hello()) {
            host.say(ask(20, false, "").replace("\"frame_ms\":20", "\"frame_ms\":10"));
            Map<String, Object> refused = host.hearWord();
            isRefused(Refusal.UNSUPPORTED, refused);
            String text = (String) refused.get("text");
            assertTrue(text, text.contains("10 packets of 20 frames"));
        }
    }

    private static void isOrdered(Map<?, ?> ms, double leastMs) {
        double p50 = ((Number) ms.get("p50")).doubleValue();
        double p95 = ((Number) ms.get("p95")).doubleValue();
        double p99 = ((Number) ms.get("p99")).doubleValue();
        double max = ((Number) ms.get("max")).doubleValue();
        assertTrue(ms.toString(), leastMs <= p50 && p50 <= p95 && p95 <= p99 && p99 <= max);
    }

    @Test
    public void aPacedRunTakesAsLongAsTheCallItImitates() throws Exception {
        add(ENCODER, true);
        ShadowMediaCodec.addEncoder(ENCODER, coder(FRAME_BYTES, PACKET_BYTES, 0));
        long beganNs = System.nanoTime();
        try (Host host = phone.connect().hello()) {
            host.say(ask(20, true, ""));
            Map<String, Object> cost = host.hearWord();
            assertEquals("codec_cost", cost.get("type"));
            assertTrue(System.nanoTime() - beganNs >= 19 * 20 * 1000000L);
            assertEquals("", cost.get("decoder"));
            assertNull(cost.get("decode_ms"));
        }
    }

    @Test
    public void aDecoderAloneIsNamedAndCostsNothing() throws Exception {
        add(DECODER, false);
        try (Host host = phone.connect().hello()) {
            host.say(ask(20, false, ""));
            Map<String, Object> cost = host.hearWord();
            assertEquals("codec_cost", cost.get("type"));
            assertEquals("", cost.get("encoder"));
            assertEquals(DECODER, cost.get("decoder"));
            assertEquals((Long) 0L, cost.get("frames"));
            assertNull(cost.get("encode_ms"));
            assertNull(cost.get("decode_ms"));
        }
    }

    @Test
    public void cancelIsHeardWhileItCodes() throws Exception {
        add(ENCODER, true);
        ShadowMediaCodec.addEncoder(ENCODER, coder(FRAME_BYTES, PACKET_BYTES, 0));
        try (Host host = phone.connect().hello()) {
            host.say(ask(10000, true, ""));
            assertEquals("progress", host.hear().get("type"));
            host.say("{\"type\":\"cancel\"}");
            isRefused(Refusal.CANCELLED, host.hearWord());
        }
    }

    @Test
    public void factsNameTheCodecs() throws Exception {
        add(ENCODER, true);
        try (Host host = phone.connect().hello()) {
            host.say("{\"type\":\"facts\"}");
            Map<?, ?> raw = (Map<?, ?>) ((Map<?, ?>) host.hear().get("facts")).get("raw");
            assertEquals(ENCODER + " software platform", raw.get("opus.encoder.0"));
        }
    }
}
