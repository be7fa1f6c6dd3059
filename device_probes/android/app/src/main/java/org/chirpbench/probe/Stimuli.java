package org.chirpbench.probe;

import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;

/** The stimuli of one host, oldest first; bounded by the contract and by the heap. */
final class Stimuli {
    private final Map<String, float[]> loaded = new LinkedHashMap<String, float[]>();

    /**
     * Room for a stimulus: the oldest are forgotten while it would not fit.
     *
     * @return samples to be filled; refuses with too_large when it does not fit even alone
     */
    synchronized float[] allocate(int frames) throws Refusal {
        long bytes = 4L * frames;
        while (!loaded.isEmpty()
                && (bytes + heldBytes() > Limits.MAX_STIMULUS_BYTES || !Heap.hasRoomFor(bytes))) {
            Iterator<String> oldest = loaded.keySet().iterator();
            oldest.next();
            oldest.remove();
        }
        return Heap.floats(frames, "a stimulus");
    }

    /** Keeps a stimulus that has arrived whole. */
    synchronized void put(String stimulusId, int rateHz, float[] samples) {
        String key = key(stimulusId, rateHz);
        loaded.remove(key); // so that it is the newest again
        loaded.put(key, samples);
    }

    /** The samples at {@code rateHz}; refuses with not_loaded. */
    synchronized float[] get(String stimulusId, int rateHz) throws Refusal {
        float[] samples = loaded.get(key(stimulusId, rateHz));
        if (samples == null) {
            throw new Refusal(Refusal.NOT_LOADED, stimulusId + " is not loaded");
        }
        return samples;
    }

    private long heldBytes() {
        long bytes = 0;
        for (float[] samples : loaded.values()) {
            bytes += 4L * samples.length;
        }
        return bytes;
    }

    private static String key(String stimulusId, int rateHz) {
        return rateHz + " " + stimulusId;
    }
}
