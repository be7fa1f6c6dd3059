package org.chirpbench.probe;

/** Wrong calls, and calls at the wrong time: the same ones as in harness_abuse.c. */
final class NativeAbuse {
    private static final int[] GRANTED = new int[NativeAudio.G_COUNT];
    private static final long[] ONE_LONG = new long[1];
    private static final long[] PAIR = new long[2];
    private static final float[] FOUR = new float[4];
    private static final byte[] BYTES = new byte[64];

    private NativeAbuse() {}

    static void run() {
        unopened();
        long handle = openWith(-1, 0);
        say("opened", handle > 0 ? 1 : 0);
        opened(handle);
    }

    private static void say(String what, long code) {
        System.out.println("abuse " + what + " " + code);
    }

    private static int[] wanted(int index, int value) {
        int[] wanted = {48000, 1, 1, -1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0};
        if (index >= 0) {
            wanted[index] = value;
        }
        return wanted;
    }

    private static long openWith(int index, int value) {
        return NativeAudio.open(wanted(index, value), GRANTED);
    }

    private static void unopened() {
        say("open_null", NativeAudio.open(null, GRANTED));
        say("open_null_granted", NativeAudio.open(wanted(-1, 0), null));
        say("open_short", NativeAudio.open(new int[NativeAudio.W_COUNT - 1], GRANTED));
        say("channels_0", openWith(NativeAudio.W_OUTPUT_CHANNELS, 0));
        say("channels_9", openWith(NativeAudio.W_INPUT_CHANNELS, 9));
        say("format_3", openWith(NativeAudio.W_OUTPUT_FORMAT, 3));
        say("rate_negative", openWith(NativeAudio.W_RATE_HZ, -1));
        say("buffer_negative", openWith(NativeAudio.W_BUFFER_FRAMES, -1));
        say("closed_prepare", NativeAudio.prepare(7, 0, 1, 1));
        say("closed_poll", NativeAudio.poll(0, ONE_LONG));
        say("closed_stop", NativeAudio.stop(-1));
        say("closed_read", NativeAudio.read(7, 0, BYTES));
        say("closed_close", NativeAudio.close(7));
    }

    private static void opened(long handle) {
        say("open_twice", openWith(-1, 0));
        say("start_unprepared", NativeAudio.start(handle));
        say("mix_unprepared", NativeAudio.mix(handle, 0, FOUR, 0, 4));
        say("read_unprepared", NativeAudio.read(handle, 0, BYTES));
        say("zero_run_unstopped", NativeAudio.zeroRun(handle));
        say("prepare_nothing", NativeAudio.prepare(handle, 0, 0, 0));
        say("prepare_negative", NativeAudio.prepare(handle, -1, 10, 10));
        say("prepare_huge", NativeAudio.prepare(handle, 0, 134217728, 134217728));
        say("prepare", NativeAudio.prepare(handle, 0, 10, 10));
        say("prepare_twice", NativeAudio.prepare(handle, 0, 10, 10));
        say("mix_null", NativeAudio.mix(handle, 0, null, 0, 4));
        say("mix_beyond_array", NativeAudio.mix(handle, 0, FOUR, 2, 3));
        say("mix_beyond_timeline", NativeAudio.mix(handle, 7, FOUR, 0, 4));
        say("mix_before", NativeAudio.mix(handle, -1, FOUR, 0, 4));
        say("mix_overflow", NativeAudio.mix(handle, 0, FOUR, Integer.MAX_VALUE, 1));
        say("mix", NativeAudio.mix(handle, 6, FOUR, 0, 4));
        say("poll_null", NativeAudio.poll(handle, null));
        say("poll_short", NativeAudio.poll(handle, ONE_LONG));
        say("timestamp_early", NativeAudio.timestamp(handle, NativeAudio.OUTPUT, PAIR));
        say("timestamp_direction", NativeAudio.timestamp(handle, 2, PAIR));
        say("histogram_short", NativeAudio.histogram(handle, ONE_LONG));
        say("read_small", NativeAudio.read(handle, 0, new byte[1]));
        say("read_null", NativeAudio.read(handle, 0, null));
        say("read_before", NativeAudio.read(handle, -1, BYTES));
        say("read_beyond", NativeAudio.read(handle, 11, BYTES));
        say("read_early", NativeAudio.read(handle, 0, BYTES));
        say("stop_unstarted", NativeAudio.stop(handle));
        say("start_stopped", NativeAudio.start(handle));
        say("stop_twice", NativeAudio.stop(handle));
        say("close", NativeAudio.close(handle));
        say("close_twice", NativeAudio.close(handle));
        say("start_closed", NativeAudio.start(handle));
    }
}
