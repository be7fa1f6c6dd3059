package org.chirpbench.probe;

/** The negative codes of the native library and of AAudio, in words. */
final class NativeCodes {
    private NativeCodes() {}

    /** A negative code in words, the number included; never throws. */
    static String describe(long code) {
        boolean own = code <= NativeAudio.ERROR_NO_AAUDIO;
        return (own ? ours((int) code) : "AAudio: " + aaudio((int) code)) + " (" + code + ")";
    }

    private static String ours(int code) {
        switch (code) {
            case NativeAudio.ERROR_NO_AAUDIO:
                return "no AAudio on this phone";
            case NativeAudio.ERROR_ARGUMENT:
                return "bad argument";
            case NativeAudio.ERROR_BUSY:
                return "a session is open already";
            case NativeAudio.ERROR_CLOSED:
                return "session is closed";
            case NativeAudio.ERROR_NO_MEMORY:
                return "out of memory";
            case NativeAudio.ERROR_STATE:
                return "call does not fit the state";
            case NativeAudio.ERROR_SYMBOL:
                return "AAudio functions are missing";
            case NativeAudio.ERROR_GRANTED:
                return "stream was opened with unusable format, rate or channels";
            default:
                return "unknown error";
        }
    }

    /** Names after aaudio_result_t in the documentation of AAudio. */
    private static String aaudio(int code) {
        switch (code) {
            case NativeAudio.AAUDIO_ERROR_DISCONNECTED:
                return "stream disconnected";
            case -898:
                return "illegal argument";
            case -896:
                return "internal error";
            case -895:
                return "invalid state";
            case -892:
                return "invalid handle";
            case -890:
                return "not implemented";
            case -889:
                return "unavailable";
            case -888:
                return "no free handles";
            case -887:
                return "no memory";
            case -886:
                return "null pointer";
            case -885:
                return "timed out";
            case -884:
                return "would block";
            case -883:
                return "invalid format";
            case -882:
                return "out of range";
            case -881:
                return "no audio service";
            case -880:
                return "invalid rate";
            default:
                return "unknown error";
        }
    }
}
