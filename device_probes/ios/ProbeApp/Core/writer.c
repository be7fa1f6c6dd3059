#include "writer.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"
#include "wire.h"

enum { MAX_DEPTH = CP_MAX_JSON_DEPTH, MAX_NUMBER = 32, MAX_PLACES = 17 };

struct cp_writer {
    uint8_t prefix_and_header[CP_PREFIX_BYTES + CP_MAX_HEADER_BYTES];
    size_t used; /* of the header */
    bool is_broken, is_first;
    int32_t depth;
    char ends[MAX_DEPTH];
};

cp_writer *cp_writer_new(void)
{
    cp_writer *w = malloc(sizeof *w);
    if (w != NULL) {
        memset(w, 0, sizeof *w);
        w->is_broken = true; /* until a frame is begun */
    }
    return w;
}

void cp_writer_free(cp_writer *w)
{
    free(w);
}

size_t cp_write_room(const cp_writer *w)
{
    return CP_MAX_HEADER_BYTES - w->used;
}

static void put(cp_writer *w, const char *text, size_t bytes)
{
    if (w->is_broken || bytes > cp_write_room(w)) {
        w->is_broken = true;
        return;
    }
    memcpy(w->prefix_and_header + CP_PREFIX_BYTES + w->used, text, bytes);
    w->used += bytes;
}

static void put_word(cp_writer *w, const char *text)
{
    put(w, text, strlen(text));
}

static void put_unit(cp_writer *w, int32_t unit)
{
    char text[8];
    (void)snprintf(text, sizeof text, "\\u%04x", (unsigned)unit);
    put(w, text, 6);
}

static void put_code(cp_writer *w, int32_t code)
{
    char plain[2] = {'\\', (char)code};
    if (code == '"' || code == '\\') {
        put(w, plain, 2);
    } else if (code >= ' ' && code <= '~') {
        put(w, plain + 1, 1);
    } else if (code < 0x10000) {
        put_unit(w, code);
    } else {
        put_unit(w, 0xd800 + ((code - 0x10000) >> 10));
        put_unit(w, 0xdc00 + ((code - 0x10000) & 0x3ff));
    }
}

static void put_text(cp_writer *w, const char *text, int32_t most_chars)
{
    size_t left = strlen(text);
    put_word(w, "\"");
    for (int32_t i = 0; i < most_chars && left > 0; i++) {
        size_t taken = 0;
        int32_t code = cp_utf8_next(text, left, &taken);
        put_code(w, code < 0 ? CP_REPLACEMENT : cp_clean(code));
        text += taken;
        left -= taken;
    }
    put_word(w, "\"");
}

static void key_of(cp_writer *w, const char *key)
{
    if (!w->is_first) {
        put_word(w, ",");
    }
    w->is_first = false;
    if (key != NULL) {
        put_text(w, key, CP_MAX_RAW_KEY_CHARS);
        put_word(w, ":");
    }
}

static void open_with(cp_writer *w, const char *key, const char *bracket, char end)
{
    key_of(w, key);
    put_word(w, bracket);
    w->is_first = true;
    if (w->depth >= MAX_DEPTH) {
        w->is_broken = true;
        return;
    }
    w->ends[w->depth++] = end;
}

void cp_write_begin(cp_writer *w, const char *type)
{
    w->used = 0;
    w->depth = 0;
    w->is_broken = false;
    w->is_first = true;
    open_with(w, NULL, "{", '}');
    cp_write_text(w, "type", type, CP_MAX_WORD_CHARS);
}

void cp_write_object(cp_writer *w, const char *key)
{
    open_with(w, key, "{", '}');
}

void cp_write_list(cp_writer *w, const char *key)
{
    open_with(w, key, "[", ']');
}

void cp_write_end(cp_writer *w)
{
    if (w->depth <= 0) {
        w->is_broken = true;
        return;
    }
    put(w, &w->ends[--w->depth], 1);
    w->is_first = false;
}

void cp_write_text(cp_writer *w, const char *key, const char *text, int32_t most_chars)
{
    key_of(w, key);
    put_text(w, text, most_chars);
}

void cp_write_integer(cp_writer *w, const char *key, int64_t value)
{
    char text[MAX_NUMBER];
    (void)snprintf(text, sizeof text, "%lld", (long long)value);
    key_of(w, key);
    put_word(w, text);
}

/* The fewest digits that read back as the same number, and the power of ten of the first. */
static int32_t shortest(double value, char *digits)
{
    char text[MAX_NUMBER];
    int32_t places = 0;
    do {
        (void)snprintf(text, sizeof text, "%.*e", (int)places, value);
    } while (strtod(text, NULL) != value && ++places < MAX_PLACES);
    size_t used = 0;
    const char *at = text;
    for (; *at != 'e'; at++) {
        if (*at >= '0' && *at <= '9') {
            digits[used++] = *at;
        }
    }
    while (used > 1 && digits[used - 1] == '0') {
        used--;
    }
    digits[used] = '\0';
    return (int32_t)strtol(at + 1, NULL, 10);
}

static void put_positional(cp_writer *w, const char *digits, int32_t power)
{
    int32_t count = (int32_t)strlen(digits);
    if (power < 0) {
        put_word(w, "0.");
        for (int32_t i = -1; i > power; i--) {
            put_word(w, "0");
        }
        put_word(w, digits);
        return;
    }
    for (int32_t i = 0; i <= power || i < count; i++) {
        if (i == power + 1) {
            put_word(w, ".");
        }
        put(w, i < count ? &digits[i] : "0", 1);
    }
    if (count <= power + 1) {
        put_word(w, ".0");
    }
}

void cp_write_number(cp_writer *w, const char *key, double value)
{
    char digits[MAX_NUMBER];
    char exponent[MAX_NUMBER];
    key_of(w, key);
    if (!isfinite(value)) {
        put_word(w, "null");
        return;
    }
    if (signbit(value)) {
        put_word(w, "-");
    }
    int32_t power = shortest(fabs(value), digits);
    if (power >= -4 && power < 16) {
        put_positional(w, digits, power);
        return;
    }
    put(w, digits, 1);
    put_word(w, digits[1] == '\0' ? "" : ".");
    put_word(w, digits + 1);
    (void)snprintf(exponent, sizeof exponent, "e%+03d", (int)power);
    put_word(w, exponent);
}

void cp_write_flag(cp_writer *w, const char *key, bool value)
{
    key_of(w, key);
    put_word(w, value ? "true" : "false");
}

void cp_write_null(cp_writer *w, const char *key)
{
    key_of(w, key);
    put_word(w, "null");
}

const uint8_t *cp_write_frame(cp_writer *w, uint32_t payload_bytes, size_t *bytes)
{
    if (w->depth == 1) {
        cp_write_end(w);
    }
    uint32_t header_bytes = (uint32_t)w->used;
    int32_t code = cp_prefix_write(w->prefix_and_header, header_bytes, payload_bytes);
    *bytes = CP_PREFIX_BYTES + w->used;
    return w->is_broken || w->depth != 0 || code != CP_PREFIX_GOOD ? NULL : w->prefix_and_header;
}

void cp_write_hello(cp_writer *w, const char *version)
{
    cp_write_begin(w, "hello");
    cp_write_integer(w, "protocol", CP_PROTOCOL);
    cp_write_text(w, "version", version, CP_MAX_VERSION_CHARS);
    cp_write_text(w, "token", "", 0); /* the host's alone, and part of the form */
}

void cp_write_loaded(cp_writer *w, const char *stimulus_id, int32_t rate_hz, uint32_t crc32)
{
    cp_write_begin(w, "loaded");
    cp_write_text(w, "stimulus_id", stimulus_id, CP_MAX_STIMULUS_ID_CHARS);
    cp_write_integer(w, "rate_hz", rate_hz);
    cp_write_integer(w, "crc32", crc32);
}

void cp_write_progress(cp_writer *w, const char *stage, double fraction)
{
    cp_write_begin(w, "progress");
    cp_write_text(w, "stage", stage, CP_MAX_WORD_CHARS);
    cp_write_number(w, "fraction", fraction >= 0 ? fmin(fraction, 1) : 0); /* NaN is 0 */
}

void cp_write_refused(cp_writer *w, const char *code, const char *text, int32_t granted_rate_hz)
{
    cp_write_begin(w, "refused");
    cp_write_text(w, "code", code, CP_MAX_WORD_CHARS);
    cp_write_text(w, "text", text, CP_MAX_TEXT_CHARS);
    if (granted_rate_hz > 0) {
        cp_write_integer(w, "granted_rate_hz", granted_rate_hz);
    } else {
        cp_write_null(w, "granted_rate_hz");
    }
}

void cp_write_error(cp_writer *w, const char *text)
{
    cp_write_begin(w, "error");
    cp_write_text(w, "text", text, CP_MAX_TEXT_CHARS);
}

void cp_write_pcm(cp_writer *w, int64_t offset)
{
    cp_write_begin(w, "pcm");
    cp_write_integer(w, "offset", offset);
}

void cp_write_done(cp_writer *w, uint32_t crc32)
{
    cp_write_begin(w, "done");
    cp_write_integer(w, "crc32", crc32);
}
