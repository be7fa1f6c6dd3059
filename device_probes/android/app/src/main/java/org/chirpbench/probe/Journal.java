package org.chirpbench.probe;

import android.content.Context;
import android.content.SharedPreferences;
import java.util.Map;

/**
 * What the phone was like before a trial changed it, on disk before the change: after a crash the
 * next start of the app, or {@code am start --ez restore true}, gives everything back.
 */
final class Journal {
    static final String MODE = "mode";
    static final String SPEAKERPHONE = "speakerphone";
    /** Type of the AudioDeviceInfo that was asked for; there is nothing to give back but it. */
    static final String COMMUNICATION_DEVICE = "communication_device";

    static final String BLUETOOTH_SCO = "bluetooth_sco";
    /** Followed by the stream's number. */
    static final String VOLUME = "volume_";

    private static final String FILE = "restore";

    private final SharedPreferences file;

    Journal(Context context) {
        file = context.getSharedPreferences(FILE, Context.MODE_PRIVATE);
    }

    /**
     * Notes the value that {@code key} has now. The first note wins: it is the one from before the
     * trial. Refuses when the disk does not take it; then nothing may be changed.
     */
    void note(String key, int value) throws Refusal {
        if (!file.contains(key) && !file.edit().putInt(key, value).commit()) {
            throw new Refusal(
                    Refusal.OPEN_FAILED,
                    "the phone's storage is full: nothing is changed that could not be restored");
        }
    }

    /** The value noted for {@code key}, or {@code otherwise}. */
    int get(String key, int otherwise) {
        return file.getInt(key, otherwise);
    }

    /** Whether {@code key} was noted. */
    boolean has(String key) {
        return file.contains(key);
    }

    /** Whether nothing is left to be given back. */
    boolean isEmpty() {
        return file.getAll().isEmpty();
    }

    /** Everything noted. */
    Map<String, ?> all() {
        return file.getAll();
    }

    /** Everything is given back. */
    void clear() {
        file.edit().clear().commit();
    }
}
