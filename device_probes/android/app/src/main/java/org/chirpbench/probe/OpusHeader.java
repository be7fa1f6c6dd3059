package org.chirpbench.probe;

import android.media.MediaFormat;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;

/** What a decoder of MediaCodec must be told of an Opus stream. */
final class OpusHeader {
    /** Samples a decoder drops at the start, libopus' own number at 48 kHz (RFC 7845, 5.1). */
    private static final int PRE_SKIP = 312;

    private static final long PRE_SKIP_NS = PRE_SKIP * 1000000000L / 48000;
    private static final long SEEK_PRE_ROLL_NS = 80000000L;

    private OpusHeader() {}

    /** A format with csd-0 (the OpusHead of RFC 7845), csd-1 and csd-2. */
    static MediaFormat format(int rateHz, int channels) {
        ByteBuffer head = ByteBuffer.allocate(19).order(ByteOrder.LITTLE_ENDIAN);
        head.put("OpusHead".getBytes(StandardCharsets.US_ASCII));
        head.put((byte) 1).put((byte) channels).putShort((short) PRE_SKIP);
        head.putInt(rateHz).putShort((short) 0).put((byte) 0);
        head.flip();
        MediaFormat format =
                MediaFormat.createAudioFormat(MediaFormat.MIMETYPE_AUDIO_OPUS, 48000, channels);
        format.setByteBuffer("csd-0", head);
        format.setByteBuffer("csd-1", nanoseconds(PRE_SKIP_NS));
        format.setByteBuffer("csd-2", nanoseconds(SEEK_PRE_ROLL_NS));
        return format;
    }

    private static ByteBuffer nanoseconds(long value) {
        ByteBuffer buffer = ByteBuffer.allocate(8).order(ByteOrder.nativeOrder());
        buffer.putLong(value);
        buffer.flip();
        return buffer;
    }
}
