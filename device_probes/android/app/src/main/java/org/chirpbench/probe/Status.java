package org.chirpbench.probe;

/** Where the app shows what it is doing. Called from any thread; plain text, no markup. */
interface Status {
    /** What goes on right now, e.g. "recording". */
    void state(String text);

    /** How the last trial ended. */
    void lastTrial(String text);
}
