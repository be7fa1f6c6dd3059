package org.chirpbench.probe;

/** Understood, and not done: a code of the contract and one plain line for the user. */
final class Refusal extends Exception {
    private static final long serialVersionUID = 1L;

    static final String RATE_DIFFERS = "rate_differs";
    static final String NOT_LOADED = "not_loaded";
    static final String CANCELLED = "cancelled";
    static final String BUSY = "busy";
    static final String UNSUPPORTED = "unsupported";
    static final String PERMISSION = "permission";
    static final String BACKGROUND = "background";
    static final String OPEN_FAILED = "open_failed";
    static final String STREAM_LOST = "stream_lost";
    static final String TOO_LARGE = "too_large";
    static final String MALFORMED = "malformed";
    static final String UNAUTHORIZED = "unauthorized";

    /** One of the codes above. */
    final String code;
    /** The rate at which the output opens, in Hz; 0 unless the code is rate_differs. */
    final int grantedRateHz;

    Refusal(String code, String text) {
        this(code, text, 0);
    }

    private Refusal(String code, String text, int grantedRateHz) {
        super(text);
        this.code = code;
        this.grantedRateHz = grantedRateHz;
    }

    /** The output opens at another rate than the one the stimuli were loaded at. */
    static Refusal rateDiffers(int grantedRateHz) {
        return new Refusal(
                RATE_DIFFERS, "the output opens at " + grantedRateHz + " Hz", grantedRateHz);
    }

    /** The device has no such API, route, rate, mode or effect. */
    static Refusal unsupported(String text) {
        return new Refusal(UNSUPPORTED, text);
    }
}
