package org.chirpbench.probe;

import android.annotation.TargetApi;
import android.media.AudioManager;
import android.media.MicrophoneInfo;
import java.io.IOException;
import java.util.Map;

/** What came with API 28; loaded only there. */
@TargetApi(28)
final class Api28 {
    private Api28() {}

    /** Lowest index of a stream; a call cannot be turned down to 0. */
    static int minVolume(AudioManager audio, int stream) {
        return audio.getStreamMinVolume(stream);
    }

    /** Puts one entry a microphone into {@code raw}. */
    static void microphones(AudioManager audio, Map<String, String> raw) {
        try {
            int number = 0;
            for (MicrophoneInfo mic : audio.getMicrophones()) {
                raw.put(
                        "microphone." + number++,
                        mic.getDescription()
                                + " type="
                                + mic.getType()
                                + " location="
                                + mic.getLocation()
                                + " directionality="
                                + mic.getDirectionality());
            }
        } catch (IOException e) {
            raw.put("microphone.error", Texts.of(e));
        }
    }
}
