package org.chirpbench.probe;

/**
 * The C library over AAudio: full duplex, driven by the callback of the output.
 *
 * <p>Life of one session, all of it from any thread (calls take turns): {@link #open} both streams
 * and look at what was granted, {@link #prepare} memory (the recording's length follows from the
 * granted input rate), {@link #mix} the plays into the timeline, {@link #start}, {@link #poll} and
 * {@link #timestamp} until the state is {@link #STATE_DONE} or worse, {@link #stop}, {@link
 * #zeroRun}, {@link #histogram} and {@link #read} the samples, {@link #close}. One session at a
 * time: the next open before a close is {@link #ERROR_BUSY}.
 *
 * <p>What lands in the recording: while the warm-up lasts, zeros are played and the input is read
 * and thrown away. In the callback that writes frame 0 of the timeline the recording begins. From
 * there on as many frames are read as are played (in the ratio of the two granted rates). Until the
 * input gives its first frames there are zeros ({@link #S_FILLED_FRAMES}), so that the newest frame
 * read in that callback lies beside the newest frame written in it. After that the recording has no
 * gaps: what a callback asked for and did not get ({@link #S_SHORT_READS}) is read in the next ones
 * ({@link #S_OWED_FRAMES_MAX}). After the end of the timeline zeros are played until the recording
 * is full.
 *
 * <p>With a warm-up of 0 (cold start) the first callback keeps the newest of what the input has
 * collected before it and throws the rest away ({@link #S_DRAINED_FRAMES}).
 *
 * <p>Every native method that returns int or long gives a negative code on failure: one of ours
 * (ERROR_*, at or below -1000) or AAudio's own (-899 to -880), see {@link #describe}. After {@link
 * #close} a handle gives {@link #ERROR_CLOSED}, never a crash.
 */
final class NativeAudio {
    /** Must equal what {@link #version} says: an old library beside new classes is refused. */
    static final int INTERFACE_VERSION = 1;

    /** No libaaudio.so on this phone (Android before 8.0). */
    static final int ERROR_NO_AAUDIO = -1000;
    /** A null or too short array, a number out of its range. */
    static final int ERROR_ARGUMENT = -1001;
    /** A session is open already. */
    static final int ERROR_BUSY = -1002;
    /** The session of this handle was closed, or never opened. */
    static final int ERROR_CLOSED = -1003;
    /** The timeline and the recording do not fit into memory. */
    static final int ERROR_NO_MEMORY = -1004;
    /** The call does not fit the session's state, for example start before prepare. */
    static final int ERROR_STATE = -1005;
    /** libaaudio.so lacks a function that every Android since 8.0 has; see {@link #missing}. */
    static final int ERROR_SYMBOL = -1006;
    /** A stream was opened with samples that are neither int16 nor float32, or with bad facts. */
    static final int ERROR_GRANTED = -1007;

    /** AAudio: the stream is gone (unplugged, audio server died). */
    static final int AAUDIO_ERROR_DISCONNECTED = -899;

    /** Stands in granted for "this Android has no function that says it". */
    static final int UNKNOWN = Integer.MIN_VALUE;

    /** Stands in wanted for "do not call the setter, leave it to the system". */
    static final int DEFAULT = -1;

    /** Both directions, in Hz; 0 = the system's choice. */
    static final int W_RATE_HZ = 0;
    /** Channels of the output, 1 to 8; every channel plays the same. */
    static final int W_OUTPUT_CHANNELS = 1;
    /** Channels of the input, 1 to 8. */
    static final int W_INPUT_CHANNELS = 2;
    /** FORMAT_*; {@link #DEFAULT} = float32, and int16 where float32 is refused. */
    static final int W_OUTPUT_FORMAT = 3;
    /** As {@link #W_OUTPUT_FORMAT}; the recording is handed back in the granted format. */
    static final int W_INPUT_FORMAT = 4;
    /** SHARING_*, both directions. */
    static final int W_SHARING = 5;
    /** PERFORMANCE_*, both directions. */
    static final int W_PERFORMANCE = 6;
    /** PRESET_* of the input (Android 9 on). */
    static final int W_INPUT_PRESET = 7;
    /** USAGE_* of the output (Android 9 on). */
    static final int W_USAGE = 8;
    /** CONTENT_* of the output (Android 9 on). */
    static final int W_CONTENT_TYPE = 9;
    /** SESSION_*, or the id (above 0) of an existing session for both directions (Android 9 on). */
    static final int W_SESSION = 10;
    /** AudioDeviceInfo.getId() of the output; 0 = the system's choice. */
    static final int W_OUTPUT_DEVICE = 11;
    /** AudioDeviceInfo.getId() of the input; 0 = the system's choice. */
    static final int W_INPUT_DEVICE = 12;
    /** Buffer of the output in its granted bursts; 0 = leave it. */
    static final int W_BUFFER_BURSTS = 13;
    /** Buffer of the output in frames, wins over bursts; 0 = leave it. */
    static final int W_BUFFER_FRAMES = 14;
    /** Capacity of the output's buffer in frames; 0 = the system's choice. */
    static final int W_CAPACITY_FRAMES = 15;
    /** Length of wanted. */
    static final int W_COUNT = 16;

    static final int FORMAT_INT16 = 1;
    static final int FORMAT_FLOAT32 = 2;

    static final int SHARING_EXCLUSIVE = 0;
    static final int SHARING_SHARED = 1;

    static final int PERFORMANCE_NONE = 10;
    static final int PERFORMANCE_POWER_SAVING = 11;
    static final int PERFORMANCE_LOW_LATENCY = 12;

    static final int PRESET_GENERIC = 1;
    static final int PRESET_CAMCORDER = 5;
    static final int PRESET_VOICE_RECOGNITION = 6;
    static final int PRESET_VOICE_COMMUNICATION = 7;
    static final int PRESET_UNPROCESSED = 9;
    static final int PRESET_VOICE_PERFORMANCE = 10;

    static final int USAGE_MEDIA = 1;
    static final int USAGE_VOICE_COMMUNICATION = 2;

    static final int CONTENT_SPEECH = 1;
    static final int CONTENT_MUSIC = 2;

    /** Asks for "no session id" in so many words; effects cannot be attached. */
    static final int SESSION_NONE = -2;

    /** The output allocates a session id and the input joins it. */
    static final int SESSION_SHARED = 0;

    /** First index of the output's values in granted: {@code granted[G_OUTPUT + G_RATE_HZ]}. */
    static final int G_OUTPUT = 0;
    /** First index of the input's values in granted. */
    static final int G_INPUT = 20;
    static final int G_RATE_HZ = 0;
    static final int G_CHANNELS = 1;
    /** FORMAT_INT16 or FORMAT_FLOAT32. */
    static final int G_FORMAT = 2;
    static final int G_BURST_FRAMES = 3;
    /** Buffer size after it was set. */
    static final int G_BUFFER_FRAMES = 4;
    static final int G_CAPACITY_FRAMES = 5;
    /** SHARING_*. */
    static final int G_SHARING = 6;
    /** PERFORMANCE_*. */
    static final int G_PERFORMANCE = 7;
    /** AudioDeviceInfo.getId(), 0 = the system does not say. */
    static final int G_DEVICE_ID = 8;
    /** The session's id; -1 = none; {@link #UNKNOWN} before Android 9. */
    static final int G_SESSION_ID = 9;
    /** 1 = memory-mapped path, 0 = not, {@link #UNKNOWN} = this Android does not tell. */
    static final int G_MMAP = 10;
    /** PRESET_* (input only). */
    static final int G_INPUT_PRESET = 11;
    /** USAGE_* (output only). */
    static final int G_USAGE = 12;
    /** CONTENT_* (output only). */
    static final int G_CONTENT_TYPE = 13;
    /** What the hardware really runs at (Android 14 on). */
    static final int G_HARDWARE_RATE_HZ = 14;
    static final int G_HARDWARE_CHANNELS = 15;
    /** AAudio's number of the hardware's sample format (3 = 24 bit packed, 4 = 32 bit). */
    static final int G_HARDWARE_FORMAT = 16;
    /** Bits F_*: what was wanted and this Android has no setter for. */
    static final int G_NOT_ASKED = 40;
    /** STEP_* that failed, when open gave a negative code; {@link #STEP_NONE} otherwise. */
    static final int G_FAILED_STEP = 41;
    /** Length of granted. */
    static final int G_COUNT = 42;

    static final int F_USAGE = 1;
    static final int F_CONTENT_TYPE = 2;
    static final int F_INPUT_PRESET = 4;
    static final int F_SESSION = 8;

    static final int STEP_NONE = 0;
    static final int STEP_OUTPUT = 1;
    static final int STEP_INPUT = 2;

    static final int OUTPUT = 0;
    static final int INPUT = 1;

    /** STATE_*. */
    static final int S_STATE = 0;
    /** Negative code of AAudio that ended the run ({@link #STATE_LOST}), else 0. */
    static final int S_ERROR = 1;
    /** {@link #OUTPUT} or {@link #INPUT} that was lost, -1 = none. */
    static final int S_LOST_DIRECTION = 2;
    /** Frames of the timeline written so far, zeros after its end included. */
    static final int S_PLAYED_FRAMES = 3;
    /** Frames of the recording that are final; {@link #read} gives these. */
    static final int S_RECORDED_FRAMES = 4;
    /** Data callbacks from frame 0 on. */
    static final int S_CALLBACKS = 5;
    /** Callbacks from frame 0 on that got fewer frames than they asked for. */
    static final int S_SHORT_READS = 6;
    /** Frames of zeros before the input gave its first. */
    static final int S_FILLED_FRAMES = 7;
    /** The most frames the recording ever lay behind: an app without slack would have lost them. */
    static final int S_OWED_FRAMES_MAX = 8;
    /** Input frames thrown away before frame 0. */
    static final int S_DRAINED_FRAMES = 9;
    /** Underruns of the output, whole life of the stream. */
    static final int S_XRUNS_OUTPUT = 10;
    /** Overruns of the input, whole life of the stream. */
    static final int S_XRUNS_INPUT = 11;
    /** Nanoseconds from the call of open until both streams were open; as below -1 = not yet. */
    static final int S_OPENED_NS = 12;
    /** Nanoseconds from the call of open until both streams had been told to start. */
    static final int S_STARTED_NS = 13;
    /** Nanoseconds from the call of open to the first output callback. */
    static final int S_FIRST_OUTPUT_NS = 14;
    /** Nanoseconds from the call of open to the first frame the input gave. */
    static final int S_FIRST_INPUT_NS = 15;
    /** Nanoseconds from the call of open to the first input sample that is not exactly zero. */
    static final int S_FIRST_NONZERO_NS = 16;
    /** Longest time between two callbacks from frame 0 on, in nanoseconds. */
    static final int S_INTERVAL_MAX_NS = 17;
    /** Frame of the output stream in which the timeline's frame 0 was written; -1 = not yet. */
    static final int S_OUTPUT_FRAME_0 = 18;
    /** Reads that gave an error other than "disconnected" (these count as nothing read). */
    static final int S_READ_ERRORS = 19;
    /** The last such code, 0 = none. */
    static final int S_READ_ERROR = 20;
    /** Length of status. */
    static final int S_COUNT = 21;

    /** Both streams are open, start was not called. */
    static final int STATE_OPEN = 0;
    /** Started; zeros are played and the input is thrown away. */
    static final int STATE_WARMING = 1;
    /** The timeline is played. */
    static final int STATE_PLAYING = 2;
    /** The recording is full. */
    static final int STATE_DONE = 3;
    /** stop was called before the recording was full. */
    static final int STATE_STOPPED = 4;
    /** A stream was lost: {@link #S_ERROR}, {@link #S_LOST_DIRECTION}. */
    static final int STATE_LOST = 5;

    /**
     * Upper edges of the callback histogram in microseconds, R20 preferred numbers (12 % apart)
     * from 0.1 ms to 1 s. counts[i] holds the intervals above edge i-1, up to and with edge i; the
     * last count, one more than there are edges, holds all above 1 s.
     */
    static final int[] HISTOGRAM_EDGES_US = {
        100, 112, 125, 140, 160, 180, 200, 224, 250, 280,
        315, 355, 400, 450, 500, 560, 630, 710, 800, 900,
        1000, 1120, 1250, 1400, 1600, 1800, 2000, 2240, 2500, 2800,
        3150, 3550, 4000, 4500, 5000, 5600, 6300, 7100, 8000, 9000,
        10000, 11200, 12500, 14000, 16000, 18000, 20000, 22400, 25000, 28000,
        31500, 35500, 40000, 45000, 50000, 56000, 63000, 71000, 80000, 90000,
        100000, 112000, 125000, 140000, 160000, 180000, 200000, 224000, 250000, 280000,
        315000, 355000, 400000, 450000, 500000, 560000, 630000, 710000, 800000, 900000,
        1000000,
    };

    /** Length of counts: one more than there are edges. */
    static final int H_COUNT = 82;

    private static boolean tried;
    private static String reason = "";

    private NativeAudio() {}

    /** Whether AAudio can be used; loads the library at the first call. Never throws. */
    static boolean available() {
        return unavailableReason().isEmpty();
    }

    /** Why AAudio cannot be used, in words for the report; empty when it can. Never throws. */
    static synchronized String unavailableReason() {
        if (!tried) {
            tried = true;
            reason = load();
        }
        return reason;
    }

    private static String load() {
        try {
            System.loadLibrary("chirpbench_probe");
            int found = version();
            if (found != INTERFACE_VERSION) {
                return "native library has interface " + found + ", not " + INTERFACE_VERSION;
            }
            int checked = check();
            if (checked == ERROR_SYMBOL) {
                return describe(checked) + ": " + missing();
            }
            return checked < 0 ? describe(checked) : "";
        } catch (LinkageError error) {
            return "native library not loaded: " + error.getMessage();
        } catch (SecurityException error) {
            return "native library not loaded: " + error.getMessage();
        }
    }

    /** A negative code in words, the number included. */
    static String describe(long code) {
        return NativeCodes.describe(code);
    }

    /** Interface of the loaded library, see {@link #INTERFACE_VERSION}. */
    static native int version();

    /** Loads libaaudio.so: 0, {@link #ERROR_NO_AAUDIO} or {@link #ERROR_SYMBOL}. */
    static native int check();

    /** Names of AAudio's functions this phone lacks, comma separated; empty when it has all. */
    static native String missing();

    /**
     * Opens both streams, the output first, and starts neither.
     *
     * @param wanted W_COUNT values
     * @param granted G_COUNT values are written, also on failure (what was reached until then)
     * @return a handle above 0, or a negative code; then nothing is left open
     */
    static native long open(int[] wanted, int[] granted);

    /**
     * Takes the memory of one run, all zeros. Once in a session.
     *
     * @param warmupFrames output frames before frame 0, rounded up to whole callbacks; 0 = cold
     * @param timelineFrames output frames of the timeline, may be 0; up to where the last play ends
     * @param recordingFrames input frames to record, at least 1
     */
    static native int prepare(
            long handle, int warmupFrames, int timelineFrames, int recordingFrames);

    /**
     * Adds {@code count} mono samples, from {@code first} on, to the timeline at output frame
     * {@code atFrame}. What reaches beyond the timeline is {@link #ERROR_ARGUMENT}; after start
     * {@link #ERROR_STATE}.
     */
    static native int mix(long handle, int atFrame, float[] samples, int first, int count);

    /** Starts the input, then the output. On failure both are stopped: close the session. */
    static native int start(long handle);

    /** Writes S_COUNT values; works until close. */
    static native int poll(long handle, long[] status);

    /**
     * One frame-time pair of a direction, asked from AAudio now: pair[0] = frame in the timeline's
     * numbering (output) or the recording's (input), may be negative or beyond the end; pair[1] =
     * nanoseconds of System.nanoTime() at which that frame passes the loudspeaker or microphone.
     * {@link #ERROR_STATE} before frame 0 is written (input: before its first frame came).
     *
     * @param direction {@link #OUTPUT} or {@link #INPUT}
     */
    static native int timestamp(long handle, int direction, long[] pair);

    /** Writes H_COUNT counts of the time between output callbacks from frame 0 on. */
    static native int histogram(long handle, long[] counts);

    /** Stops both streams; when it returns no callback runs. Twice does no harm. */
    static native int stop(long handle);

    /** Longest run of recorded frames that are exactly 0 in every channel; after stop only. */
    static native int zeroRun(long handle);

    /**
     * Copies final samples, channels interleaved, little-endian int16 or float32 as granted.
     *
     * @param firstFrame frame of the recording to begin at
     * @param into filled with as many whole frames as fit and are there
     * @return bytes written, 0 at the end
     */
    static native int read(long handle, int firstFrame, byte[] into);

    /** Stops what runs, closes both streams and frees the memory. */
    static native int close(long handle);
}
