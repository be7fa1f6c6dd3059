package org.chirpbench.probe;

/** The bounds of the probe contract (docs/probe-protocol.md, "Bounds"), in one place. */
final class Limits {
    /** Both sides must have exactly this number. */
    static final int PROTOCOL = 4;

    static final int MAX_HEADER_BYTES = 65536;
    static final int MAX_PAYLOAD_BYTES = 262144;
    static final int MAX_JSON_DEPTH = 8;
    static final int MAX_INT_CHARS = 20;
    /** Largest whole number in a header: the largest that JavaScript holds exactly. */
    static final long MAX_COUNT = 1L << 53;

    static final int MAX_STIMULUS_BYTES = 64 << 20;
    static final int MAX_PCM_BYTES = 128 << 20;
    static final int MAX_STIMULI = 8;
    static final int MAX_PLAYS = 64;
    static final int MAX_ACTS = 8;
    static final int MAX_CHANNELS = 8;
    static final int MIN_RATE_HZ = 8000;
    static final int MAX_RATE_HZ = 192000;
    static final int MAX_BUFFER_FRAMES = 1 << 24;

    static final int MAX_NAME_CHARS = 128;
    static final int MAX_TEXT_CHARS = 300;
    static final int MAX_RAW_ENTRIES = 256;
    static final int MAX_RAW_KEY_CHARS = 96;
    static final int MAX_RAW_VALUE_CHARS = 128;
    static final int MAX_TIMESTAMPS = 256;
    static final int MAX_NOTES = 16;
    static final int MAX_NOTE_CHARS = 200;
    static final int MAX_OBSERVED = 64;
    static final int MAX_STARTUP_MS = 60000;

    private Limits() {}
}
