package org.chirpbench.probe;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * One JSON object of the host whose keys are read one by one; {@link #end} refuses the keys left
 * over. Every reader throws {@link Malformed} with the field's name.
 */
final class Fields {
    private final Map<String, Object> left;
    private final String where;

    /** {@code value} must be an object; {@code where} names it in messages. */
    Fields(Object value, String where) throws Malformed {
        if (!(value instanceof Map)) {
            throw new Malformed(where + " is no object");
        }
        left = new LinkedHashMap<String, Object>();
        for (Map.Entry<?, ?> entry : ((Map<?, ?>) value).entrySet()) {
            left.put((String) entry.getKey(), entry.getValue());
        }
        this.where = where;
    }

    /** Whether {@code key} is absent or null; takes a null away. */
    boolean isNull(String key) {
        if (left.get(key) != null) {
            return false;
        }
        left.remove(key);
        return true;
    }

    /** The required value, of any kind. */
    Object get(String key) throws Malformed {
        if (!left.containsKey(key)) {
            throw new Malformed(where + "." + key + " is missing");
        }
        return left.remove(key);
    }

    /** A cleaned text of {@code min} to {@code max} code points. */
    String text(String key, int min, int max) throws Malformed {
        Object value = get(key);
        if (!(value instanceof String)) {
            throw wrong(key, "is no text (" + Texts.shown(value) + ")");
        }
        String text = (String) value;
        int chars = text.codePointCount(0, text.length());
        if (chars < min || chars > max) {
            throw wrong(key, "has " + chars + " characters, " + min + " to " + max + " allowed");
        }
        return Texts.clean(text);
    }

    /** A lower_snake_case name of at most 64 characters. */
    String word(String key) throws Malformed {
        String text = text(key, 1, 64);
        if (!Texts.isWord(text)) {
            throw wrong(key, "is no lower_snake_case name (" + Texts.shown(text) + ")");
        }
        return text;
    }

    /** One of {@code allowed}. */
    String choice(String key, String... allowed) throws Malformed {
        Object value = get(key);
        StringBuilder names = new StringBuilder();
        for (String name : allowed) {
            if (name.equals(value)) {
                return name;
            }
            names.append(names.length() == 0 ? "" : ", ").append(name);
        }
        throw wrong(key, "is " + Texts.shown(value) + ", allowed: " + names);
    }

    /** A whole number within {@code low}..{@code high}. */
    long integer(String key, long low, long high) throws Malformed {
        Object value = get(key);
        if (!(value instanceof Long)) {
            throw wrong(key, "is no whole number (" + Texts.shown(value) + ")");
        }
        long number = (Long) value;
        if (number < low || number > high) {
            throw wrong(key, "is " + number + ", " + low + " to " + high + " are allowed");
        }
        return number;
    }

    /** A finite number within {@code low}..{@code high}. */
    double number(String key, double low, double high) throws Malformed {
        Object value = get(key);
        if (!(value instanceof Number)) {
            throw wrong(key, "is no number (" + Texts.shown(value) + ")");
        }
        double number = ((Number) value).doubleValue();
        if (!(number >= low && number <= high)) {
            throw wrong(key, "is " + number + ", " + low + " to " + high + " are allowed");
        }
        return number;
    }

    /** {@code true} or {@code false}. */
    boolean flag(String key) throws Malformed {
        Object value = get(key);
        if (!(value instanceof Boolean)) {
            throw wrong(key, "is neither true nor false (" + Texts.shown(value) + ")");
        }
        return (Boolean) value;
    }

    /** A list of at most {@code max} values. */
    List<?> list(String key, int max) throws Malformed {
        Object value = get(key);
        if (!(value instanceof List)) {
            throw wrong(key, "is no list (" + Texts.shown(value) + ")");
        }
        List<?> list = (List<?>) value;
        if (list.size() > max) {
            throw wrong(key, "has " + list.size() + " entries, " + max + " are allowed");
        }
        return list;
    }

    /** Refuse keys nobody asked for: the versions are equal, so they are a mistake. */
    void end() throws Malformed {
        if (!left.isEmpty()) {
            String key = left.keySet().iterator().next();
            throw new Malformed(where + " has an unknown key '" + Texts.shown(key) + "'");
        }
    }

    private Malformed wrong(String key, String why) {
        return new Malformed(where + "." + key + " " + why);
    }
}
