package org.chirpbench.probe;

/** Memory is asked for before it is taken: an app that dies of it tells the host nothing. */
final class Heap {
    /** Left free for everything else the app does. */
    private static final long RESERVE_BYTES = 24L << 20;

    private Heap() {}

    /** Whether {@code bytes} more fit into what the system gives this app. */
    static boolean hasRoomFor(long bytes) {
        Runtime runtime = Runtime.getRuntime();
        long used = runtime.totalMemory() - runtime.freeMemory();
        if (bytes + RESERVE_BYTES <= runtime.maxMemory() - used) {
            return true;
        }
        runtime.gc(); // what the last trial left counts as used until then
        used = runtime.totalMemory() - runtime.freeMemory();
        return bytes + RESERVE_BYTES <= runtime.maxMemory() - used;
    }

    /** An array of {@code count} samples; refuses with too_large when memory does not suffice. */
    static float[] floats(long count, String what) throws Refusal {
        long bytes = 4 * count;
        if (bytes <= Limits.MAX_PCM_BYTES && hasRoomFor(bytes)) {
            try {
                return new float[(int) count];
            } catch (OutOfMemoryError e) {
                // Below: another thread was faster, or no piece of that size is left.
            }
        }
        throw new Refusal(
                Refusal.TOO_LARGE,
                what + " of " + bytes + " bytes does not fit into the memory this phone gives an"
                        + " app");
    }
}
