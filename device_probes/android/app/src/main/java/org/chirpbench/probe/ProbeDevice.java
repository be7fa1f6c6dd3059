package org.chirpbench.probe;

import java.util.Map;

/** What a session needs of the phone. */
interface ProbeDevice {
    /** The {@code facts} of the contract; quick. */
    Map<String, Object> facts();

    /** Runs one trial in fresh streams; refuses soon after {@code control} is stopped. */
    TrialResult run(TrialRequest request, int rateHz, Mixer plays, TrialControl control)
            throws Refusal;

    /** The {@code codec_cost} of the contract without its type. */
    Map<String, Object> codecCost(CodecRequest request, TrialControl control) throws Refusal;

    /** Gives the phone back as it was found; does nothing when nothing was changed. */
    void restore();

    /** Does something to the trial that runs, soon and without waiting; none runs: ignored. */
    void act(String action, String value);

    /** The trial that runs now, so that losing the foreground can end it; null: none does. */
    void running(TrialControl control);
}
