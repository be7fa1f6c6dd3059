package org.chirpbench.probe;

import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Strict JSON: UTF-8, no duplicate keys, no NaN or Infinity, nesting of at most {@link
 * Limits#MAX_JSON_DEPTH}, whole numbers of at most {@link Limits#MAX_INT_CHARS} characters.
 *
 * <p>Values are Map, List, String, Long (BigInteger beyond it), Double, Boolean and null. Android's
 * org.json takes duplicate keys, comments and unquoted text, and knows no depth.
 */
final class JsonReader {
    private final String text;
    private int at;
    private int depth;

    private JsonReader(String text) {
        this.text = text;
    }

    /** The object that {@code data} holds; throws {@link Malformed} and nothing else. */
    static Map<String, Object> object(byte[] data) throws Malformed {
        String text;
        try {
            text =
                    StandardCharsets.UTF_8
                            .newDecoder()
                            .onMalformedInput(CodingErrorAction.REPORT)
                            .onUnmappableCharacter(CodingErrorAction.REPORT)
                            .decode(ByteBuffer.wrap(data))
                            .toString();
        } catch (CharacterCodingException e) {
            throw new Malformed("header is not UTF-8");
        }
        JsonReader reader = new JsonReader(text);
        reader.skipSpace();
        if (reader.peek() != '{') {
            throw new Malformed("header is no JSON object");
        }
        Map<String, Object> value = reader.object();
        reader.skipSpace();
        if (reader.at != text.length()) {
            throw reader.wrong("text after the object");
        }
        return value;
    }

    private Object value() throws Malformed {
        skipSpace();
        char c = peek();
        if (c == '{') {
            return object();
        }
        if (c == '[') {
            return array();
        }
        if (c == '"') {
            return string();
        }
        if (c == '-' || c >= '0' && c <= '9') {
            return number();
        }
        if (word("true")) {
            return Boolean.TRUE;
        }
        if (word("false")) {
            return Boolean.FALSE;
        }
        if (word("null")) {
            return null;
        }
        throw wrong("no value");
    }

    private Map<String, Object> object() throws Malformed {
        enter();
        Map<String, Object> result = new LinkedHashMap<String, Object>();
        if (closes('}')) {
            return result;
        }
        do {
            skipSpace();
            if (peek() != '"') {
                throw wrong("no key");
            }
            String key = string();
            skipSpace();
            if (!take(':')) {
                throw wrong("no colon");
            }
            if (result.containsKey(key)) {
                throw new Malformed("header names a key twice");
            }
            result.put(key, value());
            skipSpace();
        } while (take(','));
        leave('}');
        return result;
    }

    private List<Object> array() throws Malformed {
        enter();
        List<Object> result = new ArrayList<Object>();
        if (closes(']')) {
            return result;
        }
        do {
            result.add(value());
            skipSpace();
        } while (take(','));
        leave(']');
        return result;
    }

    private void enter() throws Malformed {
        at++;
        if (++depth > Limits.MAX_JSON_DEPTH) {
            throw new Malformed("header is nested deeper than " + Limits.MAX_JSON_DEPTH);
        }
    }

    private boolean closes(char bracket) {
        skipSpace();
        if (!take(bracket)) {
            return false;
        }
        depth--;
        return true;
    }

    private void leave(char bracket) throws Malformed {
        if (!take(bracket)) {
            throw wrong("no " + bracket);
        }
        depth--;
    }

    private String string() throws Malformed {
        StringBuilder out = new StringBuilder();
        for (at++; at < text.length(); at++) {
            char c = text.charAt(at);
            if (c == '"') {
                at++;
                return out.toString();
            }
            if (c < 0x20) {
                throw wrong("a control character in a text");
            }
            out.append(c == '\\' ? escape() : c);
        }
        throw wrong("a text without end");
    }

    private char escape() throws Malformed {
        at++;
        char c = peek();
        int plain = "\"\\/bfnrt".indexOf(c);
        if (plain >= 0) {
            return "\"\\/\b\f\n\r\t".charAt(plain);
        }
        if (c != 'u' || at + 4 >= text.length()) {
            throw wrong("an unknown escape");
        }
        int code = 0;
        for (int i = 0; i < 4; i++) {
            int digit = "0123456789abcdef".indexOf(Character.toLowerCase(text.charAt(++at)));
            if (digit < 0) {
                throw wrong("an unknown escape");
            }
            code = code * 16 + digit;
        }
        return (char) code;
    }

    private Object number() throws Malformed {
        int start = at;
        take('-');
        if (!take('0')) {
            digits();
        }
        boolean whole = true;
        if (take('.')) {
            whole = false;
            digits();
        }
        if (take('e') || take('E')) {
            whole = false;
            if (!take('+')) {
                take('-');
            }
            digits();
        }
        String number = text.substring(start, at);
        return whole ? wholeNumber(number) : fraction(number);
    }

    private void digits() throws Malformed {
        int start = at;
        while (peek() >= '0' && peek() <= '9') {
            at++;
        }
        if (at == start) {
            throw wrong("no digit");
        }
    }

    private static Object wholeNumber(String number) throws Malformed {
        if (number.length() > Limits.MAX_INT_CHARS) {
            throw new Malformed("header holds an integer of " + number.length() + " digits");
        }
        BigInteger value = new BigInteger(number);
        return value.bitLength() < 64 ? (Object) value.longValue() : value;
    }

    private static Object fraction(String number) throws Malformed {
        double value = Double.parseDouble(number);
        if (Double.isInfinite(value)) {
            throw new Malformed(
                    "header holds a number out of range (" + Texts.shown(number) + ")");
        }
        return value;
    }

    private boolean word(String word) {
        if (!text.startsWith(word, at)) {
            return false;
        }
        at += word.length();
        return true;
    }

    private boolean take(char c) {
        if (peek() != c || at >= text.length()) {
            return false;
        }
        at++;
        return true;
    }

    private char peek() {
        return at < text.length() ? text.charAt(at) : '\0';
    }

    private void skipSpace() {
        while (at < text.length() && " \t\n\r".indexOf(text.charAt(at)) >= 0) {
            at++;
        }
    }

    private Malformed wrong(String what) {
        return new Malformed("header is no JSON (" + what + " at character " + at + ")");
    }
}
