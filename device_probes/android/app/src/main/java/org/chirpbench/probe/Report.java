package org.chirpbench.probe;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The {@code report} of a trial while it is filled; keeps every bound of the contract. */
final class Report {
    private final Map<String, Object> values = new LinkedHashMap<String, Object>();
    private final Map<String, Object> observed = new LinkedHashMap<String, Object>();
    private final Map<String, Object> startup = new LinkedHashMap<String, Object>();
    private final List<Object> notes = new ArrayList<Object>();

    Report(String probeVersion) {
        values.put("probe_version", Texts.cut(probeVersion, 64));
    }

    /** Any value of the contract, already within its bounds; null = the system does not say. */
    void put(String key, Object value) {
        if (value != null) {
            values.put(key, value);
        }
    }

    /** A number within {@code low..high}; anything else was not said by the system. */
    void number(String key, double value, double low, double high) {
        if (value >= low && value <= high) {
            values.put(key, value);
        }
    }

    /** A count; negative = the system does not say. */
    void count(String key, long value) {
        if (value >= 0 && value <= Limits.MAX_COUNT) {
            values.put(key, value);
        }
    }

    /** What was in force while the trial ran; null and "" = the system does not say. */
    void observe(String key, Object value) {
        String text = value == null ? "" : Texts.cut(value.toString(), Limits.MAX_NAME_CHARS);
        if (!text.isEmpty() && observed.size() < Limits.MAX_OBSERVED) {
            observed.put(key, text);
        }
    }

    /** Time since the trial began to open its streams; negative = it has not happened. */
    void startup(String key, long ns) {
        double ms = ns / 1e6;
        if (ns >= 0 && ms <= Limits.MAX_STARTUP_MS) {
            startup.put(key, ms);
        }
    }

    /** A plain sentence for the user. */
    void note(String text) {
        if (notes.size() < Limits.MAX_NOTES) {
            notes.add(Texts.cut(text, Limits.MAX_NOTE_CHARS));
        }
    }

    /** Non-empty bins of {@link NativeAudio#HISTOGRAM_EDGES_US}. */
    void histogram(long[] counts) {
        List<Object> bins = new ArrayList<Object>();
        int[] edges = NativeAudio.HISTOGRAM_EDGES_US;
        for (int i = 0; i < counts.length; i++) {
            if (counts[i] > 0) {
                List<Object> bin = new ArrayList<Object>();
                // The last bin has no upper edge of its own: the longest trial there is.
                bin.add(i < edges.length ? edges[i] / 1000.0 : 900000.0);
                bin.add(counts[i]);
                bins.add(bin);
            }
        }
        values.put("callback_histogram_ms", bins);
    }

    /** Everything, ready for a header. */
    Map<String, Object> toJson() {
        values.put("startup_ms", startup);
        values.put("observed", observed);
        values.put("notes", notes);
        return values;
    }

    /** One direction of the {@code report}. */
    static final class Stream {
        private final Map<String, Object> values = new LinkedHashMap<String, Object>();

        Stream(int rateHz, int channels) {
            values.put("rate_hz", rateHz);
            values.put("channels", channels);
        }

        /** A number of frames; 0 and less, or absurdly many = the system does not say. */
        Stream frames(String key, int frames) {
            if (frames > 0 && frames <= Limits.MAX_BUFFER_FRAMES) {
                values.put(key, frames);
            }
            return this;
        }

        /** Any other value; null = the system does not say. */
        Stream put(String key, Object value) {
            if (value != null) {
                values.put(key, value);
            }
            return this;
        }

        /** Ready for {@link Report#put}. */
        Map<String, Object> toJson() {
            return values;
        }
    }
}
