package org.chirpbench.probe;

/** The host sent what the contract does not allow; the text is one line and names the field. */
final class Malformed extends Exception {
    private static final long serialVersionUID = 1L;

    Malformed(String text) {
        super(text);
    }
}
