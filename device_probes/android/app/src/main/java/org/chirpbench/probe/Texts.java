package org.chirpbench.probe;

/** Text that may travel, be shown or be stored: no control characters, bounded length. */
final class Texts {
    private static final char REPLACEMENT = '\ufffd';

    private Texts() {}

    /**
     * {@code text} with control characters, bidirectional overrides and lone surrogates replaced
     * by U+FFFD; null becomes "".
     */
    static String clean(String text) {
        if (text == null) {
            return "";
        }
        StringBuilder out = new StringBuilder(text.length());
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            boolean pair =
                    Character.isHighSurrogate(c)
                            && i + 1 < text.length()
                            && Character.isLowSurrogate(text.charAt(i + 1));
            if (pair) {
                out.append(c).append(text.charAt(++i));
            } else {
                out.append(isUnsafe(c) ? REPLACEMENT : c);
            }
        }
        return out.toString();
    }

    private static boolean isUnsafe(char c) {
        return c < 0x20
                || c >= 0x7f && c <= 0x9f
                || c == 0x200e
                || c == 0x200f
                || c >= 0x2028 && c <= 0x202e
                || c >= 0x2066 && c <= 0x2069
                || Character.isSurrogate(c);
    }

    /** Cleaned and cut to {@code maxChars} code points. */
    static String cut(String text, int maxChars) {
        String clean = clean(text);
        if (clean.codePointCount(0, clean.length()) <= maxChars) {
            return clean;
        }
        return clean.substring(0, clean.offsetByCodePoints(0, maxChars));
    }

    /** A short, safe picture of an untrusted value for an error message. */
    static String shown(Object value) {
        String text = clean(String.valueOf(value));
        return text.length() <= 40 ? text : cut(text, 40) + "…";
    }

    /** One line that says what an exception says, cut to the bound of a refusal's text. */
    static String of(Throwable fault) {
        String text = fault.getMessage();
        String name = fault.getClass().getSimpleName();
        return cut(text == null ? name : name + ": " + text, Limits.MAX_TEXT_CHARS);
    }

    /** Whether {@code text} is a lower-case name of the contract: letters, digits, {@code _.:-}. */
    static boolean isWord(String text) {
        if (text.isEmpty() || text.length() > 64) {
            return false;
        }
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            boolean alphanumeric = c >= 'a' && c <= 'z' || c >= '0' && c <= '9';
            if (!alphanumeric && (i == 0 || "_.:-".indexOf(c) < 0)) {
                return false;
            }
        }
        return true;
    }
}
