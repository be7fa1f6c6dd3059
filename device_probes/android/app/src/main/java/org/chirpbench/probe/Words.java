package org.chirpbench.probe;

import android.media.AudioAttributes;
import android.media.AudioTrack;
import android.media.MediaRecorder;
import android.os.Build;

/** The contract's words as constants of AAudio and of Java, and back. */
final class Words {
    private static final String[] SHARING = {"default", "shared", "exclusive"};
    private static final String[] PERFORMANCE = {
        "default", "none", "low_latency", "power_saving"
    };
    private static final String[] PRESETS = {
        "default",
        "generic",
        "camcorder",
        "voice_recognition",
        "voice_communication",
        "unprocessed",
        "voice_performance"
    };
    /** The preset's number is the same in AAudio and in MediaRecorder.AudioSource. */
    private static final int[] PRESET_NUMBERS = {
        NativeAudio.DEFAULT,
        MediaRecorder.AudioSource.MIC,
        MediaRecorder.AudioSource.CAMCORDER,
        MediaRecorder.AudioSource.VOICE_RECOGNITION,
        MediaRecorder.AudioSource.VOICE_COMMUNICATION,
        MediaRecorder.AudioSource.UNPROCESSED,
        NativeAudio.PRESET_VOICE_PERFORMANCE
    };

    private Words() {}

    /** Refuses words that this probe does not know; what the phone has is asked elsewhere. */
    static void check(TrialRequest r) throws Refusal {
        known("sharing", r.sharing, SHARING);
        known("performance_mode", r.performanceMode, PERFORMANCE);
        known("input_preset", r.inputPreset, PRESETS);
        known("api", r.api, "default", "aaudio", "java");
        known("audio_mode", r.audioMode, "media", "communication");
        known("usage", r.usage, "default", "media", "voice_communication");
        known("audio_session", r.audioSession, "default", "none", "shared");
        if (r.asksForCall) {
            throw Refusal.unsupported("this app has no call stack; a browser has: probe web");
        }
    }

    private static int known(String what, String word, String... words) throws Refusal {
        for (int i = 0; i < words.length; i++) {
            if (words[i].equals(word)) {
                return i;
            }
        }
        StringBuilder text = new StringBuilder("Android has no " + what + " " + word + ", but");
        for (String other : words) {
            text.append(' ').append(other);
        }
        throw Refusal.unsupported(text.toString());
    }

    /** AAudio's sharing mode. */
    static int sharing(String word) {
        return word.equals("exclusive")
                ? NativeAudio.SHARING_EXCLUSIVE
                : word.equals("shared") ? NativeAudio.SHARING_SHARED : NativeAudio.DEFAULT;
    }

    /** The word of AAudio's sharing mode; null when unknown. */
    static String sharing(int mode) {
        return mode == NativeAudio.SHARING_EXCLUSIVE
                ? "exclusive"
                : mode == NativeAudio.SHARING_SHARED ? "shared" : null;
    }

    /** AAudio's performance mode. */
    static int performance(String word) {
        switch (word) {
            case "none":
                return NativeAudio.PERFORMANCE_NONE;
            case "low_latency":
                return NativeAudio.PERFORMANCE_LOW_LATENCY;
            case "power_saving":
                return NativeAudio.PERFORMANCE_POWER_SAVING;
            default:
                return NativeAudio.DEFAULT;
        }
    }

    /** The word of AAudio's performance mode; null when unknown. */
    static String performance(int mode) {
        switch (mode) {
            case NativeAudio.PERFORMANCE_NONE:
                return "none";
            case NativeAudio.PERFORMANCE_LOW_LATENCY:
                return "low_latency";
            case NativeAudio.PERFORMANCE_POWER_SAVING:
                return "power_saving";
            default:
                return null;
        }
    }

    /** AudioTrack's performance mode; negative: leave it. */
    static int trackPerformance(String word) {
        switch (word) {
            case "none":
                return AudioTrack.PERFORMANCE_MODE_NONE;
            case "low_latency":
                return AudioTrack.PERFORMANCE_MODE_LOW_LATENCY;
            case "power_saving":
                return AudioTrack.PERFORMANCE_MODE_POWER_SAVING;
            default:
                return -1;
        }
    }

    /** The word of AudioTrack's performance mode; null when unknown. */
    static String trackPerformance(int mode) {
        switch (mode) {
            case AudioTrack.PERFORMANCE_MODE_NONE:
                return "none";
            case AudioTrack.PERFORMANCE_MODE_LOW_LATENCY:
                return "low_latency";
            case AudioTrack.PERFORMANCE_MODE_POWER_SAVING:
                return "power_saving";
            default:
                return null;
        }
    }

    /** AAudio's input preset; refuses what this Android is too old for. */
    static int preset(String word) throws Refusal {
        if (word.equals("voice_performance") && Build.VERSION.SDK_INT < 29) {
            throw Refusal.unsupported(
                    "voice_performance needs Android 10, this is API " + Build.VERSION.SDK_INT);
        }
        return PRESET_NUMBERS[known("input_preset", word, PRESETS)];
    }

    /** AudioRecord's source. */
    static int source(String word) throws Refusal {
        int preset = preset(word);
        return preset == NativeAudio.DEFAULT ? MediaRecorder.AudioSource.DEFAULT : preset;
    }

    /** The word of an input preset or source; null when unknown. */
    static String preset(int number) {
        for (int i = 0; i < PRESETS.length; i++) {
            if (PRESET_NUMBERS[i] == number) {
                return PRESETS[i];
            }
        }
        return null;
    }

    /** What the output says it is for. */
    static AudioAttributes attributes(TrialRequest r) {
        boolean voice = r.isVoiceUsage();
        return new AudioAttributes.Builder()
                .setUsage(
                        voice
                                ? AudioAttributes.USAGE_VOICE_COMMUNICATION
                                : AudioAttributes.USAGE_MEDIA)
                .setContentType(
                        voice
                                ? AudioAttributes.CONTENT_TYPE_SPEECH
                                : AudioAttributes.CONTENT_TYPE_MUSIC)
                .build();
    }
}
