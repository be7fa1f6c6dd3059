package org.chirpbench.probe;

/** A question about the cost of coding speech (docs/probe-protocol.md, {@code codec}). */
final class CodecRequest {
    String codec = "opus";
    int rateHz = 48000;
    int channels = 1;
    int bitrateBps = 24000;
    /** 0..10; negative leaves it to the coder. */
    int complexity = -1;
    double frameMs = 20;
    int frames = 250;
    /** One frame each {@link #frameMs}, as in a call; otherwise as fast as it goes. */
    boolean paced = true;

    /** Reads the message's own fields; throws {@link Malformed}. */
    static CodecRequest read(Fields f) throws Malformed {
        CodecRequest r = new CodecRequest();
        r.codec = f.word("codec");
        r.rateHz = (int) f.integer("rate_hz", Limits.MIN_RATE_HZ, Limits.MAX_RATE_HZ);
        r.channels = (int) f.integer("channels", 1, 2);
        r.bitrateBps = (int) f.integer("bitrate_bps", 6000, 510000);
        r.complexity = f.isNull("complexity") ? -1 : (int) f.integer("complexity", 0, 10);
        r.frameMs = f.number("frame_ms", 2.5, 120);
        r.frames = (int) f.integer("frames", 1, 10000);
        r.paced = f.flag("paced");
        return r;
    }

    /** Samples of one frame in each channel. */
    int frameSamples() {
        return (int) Math.round(rateHz * frameMs / 1000);
    }
}
