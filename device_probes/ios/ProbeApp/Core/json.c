#include "json.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"

enum {
    MAX_VALUES = CP_MAX_HEADER_BYTES / 2 + 1, /* a list of one-digit numbers */
    /* a byte that is cleaned becomes three; every text has two quotes, and gets one NUL */
    TEXT_BYTES = 3 * CP_MAX_HEADER_BYTES,
};

struct cp_json {
    char in[CP_MAX_HEADER_BYTES + 1];
    char text[TEXT_BYTES];
    cp_value values[MAX_VALUES];
    size_t bytes, at, used;
    int32_t count, depth;
    const char *why;
};

static int32_t read_value(cp_json *j);

cp_json *cp_json_new(void)
{
    return malloc(sizeof(cp_json));
}

void cp_json_free(cp_json *json)
{
    free(json);
}

const char *cp_json_why(const cp_json *json)
{
    return json->why;
}

const cp_value *cp_json_at(const cp_json *json, int32_t place)
{
    return place < 0 ? NULL : &json->values[place];
}

static int32_t wrong(cp_json *j, const char *why)
{
    if (j->why == NULL) {
        j->why = why;
    }
    return -1;
}

static char peek(const cp_json *j)
{
    return j->in[j->at]; /* a NUL stands behind the last byte */
}

static bool take(cp_json *j, char c)
{
    if (j->at >= j->bytes || peek(j) != c) {
        return false;
    }
    j->at++;
    return true;
}

static void skip_space(cp_json *j)
{
    while (peek(j) == ' ' || peek(j) == '\t' || peek(j) == '\n' || peek(j) == '\r') {
        j->at++;
    }
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static int32_t hex4(cp_json *j)
{
    int32_t code = 0;
    for (int i = 0; i < 4; i++) {
        char c = peek(j);
        int32_t digit = is_digit(c)            ? c - '0'
                        : c >= 'a' && c <= 'f' ? c - 'a' + 10
                        : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                               : -1;
        if (digit < 0) {
            return wrong(j, "an unknown escape");
        }
        code = code << 4 | digit;
        j->at++;
    }
    return code;
}

/* Behind the backslash: one code point, perhaps a lone surrogate. */
static int32_t read_escape(cp_json *j)
{
    static const char names[] = "\"\\/bfnrt";
    static const char meant[] = "\"\\/\b\f\n\r\t";
    char c = peek(j);
    const char *found = c == '\0' ? NULL : strchr(names, c);
    j->at++;
    if (found != NULL) {
        return meant[found - names];
    }
    if (c != 'u') {
        return wrong(j, "an unknown escape");
    }
    int32_t high = hex4(j);
    if (high < 0xd800 || high > 0xdbff || j->in[j->at] != '\\' || j->in[j->at + 1] != 'u') {
        return high;
    }
    size_t before = j->at;
    j->at += 2;
    int32_t low = hex4(j);
    if (low >= 0xdc00 && low <= 0xdfff) {
        return 0x10000 + ((high - 0xd800) << 10 | (low - 0xdc00));
    }
    j->at = low < 0 ? j->at : before;
    return low < 0 ? -1 : high;
}

static int32_t read_code(cp_json *j)
{
    if (j->at >= j->bytes) {
        return wrong(j, "a text without end");
    }
    if ((uint8_t)peek(j) < 0x20) {
        return wrong(j, "a control character in a text");
    }
    if (take(j, '\\')) {
        return read_escape(j);
    }
    size_t taken = 0;
    int32_t code = cp_utf8_next(&j->in[j->at], j->bytes - j->at, &taken);
    j->at += taken;
    return code;
}

static bool read_text(cp_json *j, cp_text *to, bool is_clean)
{
    to->at = &j->text[j->used];
    to->chars = 0;
    j->at++;
    while (!take(j, '"')) {
        int32_t code = read_code(j);
        if (code < 0) {
            return false;
        }
        j->used += cp_utf8_put(&j->text[j->used], is_clean ? cp_clean(code) : code);
        to->chars++;
    }
    to->bytes = (uint32_t)(&j->text[j->used] - to->at);
    j->text[j->used++] = '\0';
    return true;
}

static bool digits(cp_json *j)
{
    size_t start = j->at;
    while (is_digit(peek(j))) {
        j->at++;
    }
    return j->at > start;
}

static int64_t whole(const char *at, size_t chars, bool *is_beyond)
{
    bool negative = at[0] == '-';
    uint64_t value = 0;
    *is_beyond = false;
    for (size_t i = negative; i < chars; i++) {
        uint64_t digit = (uint64_t)(at[i] - '0');
        *is_beyond = *is_beyond || value > (INT64_MAX - digit) / 10;
        value = value * 10 + digit;
    }
    return *is_beyond ? 0 : negative ? -(int64_t)value : (int64_t)value;
}

static int32_t read_number(cp_json *j, cp_value *to)
{
    size_t start = j->at;
    bool is_whole = true;
    (void)take(j, '-');
    if (!take(j, '0') && !digits(j)) {
        return wrong(j, "no value");
    }
    if (take(j, '.')) {
        is_whole = false;
        if (!digits(j)) {
            return wrong(j, "no digit");
        }
    }
    if (take(j, 'e') || take(j, 'E')) {
        is_whole = false;
        if (!take(j, '+')) {
            (void)take(j, '-');
        }
        if (!digits(j)) {
            return wrong(j, "no digit");
        }
    }
    size_t chars = j->at - start;
    to->kind = is_whole ? CP_INTEGER : CP_FRACTION;
    if (is_whole && chars > CP_MAX_INT_CHARS) {
        return wrong(j, "too many digits");
    }
    if (is_whole) {
        to->integer = whole(&j->in[start], chars, &to->is_beyond);
    }
    to->number = strtod(&j->in[start], NULL); /* what was read is what it takes; "C" locale */
    return isfinite(to->number) ? 0 : wrong(j, "a number out of range");
}

static bool read_word(cp_json *j, const char *word)
{
    size_t length = strlen(word);
    if (strncmp(&j->in[j->at], word, length) != 0) {
        return false;
    }
    j->at += length;
    return true;
}

static bool is_twice(const cp_json *j, const cp_value *parent, const cp_text *key)
{
    for (int32_t i = parent->first; i >= 0; i = j->values[i].next) {
        const cp_text *other = &j->values[i].key;
        if (other->bytes == key->bytes && memcmp(other->at, key->at, key->bytes) == 0) {
            return true;
        }
    }
    return false;
}

static bool read_key(cp_json *j, const cp_value *parent, cp_text *key)
{
    skip_space(j);
    if (peek(j) != '"' || !read_text(j, key, false)) {
        (void)wrong(j, "no key");
        return false;
    }
    skip_space(j);
    if (!take(j, ':')) {
        (void)wrong(j, "no colon");
        return false;
    }
    if (is_twice(j, parent, key)) {
        (void)wrong(j, "a key twice");
        return false;
    }
    return true;
}

/* What stands between the brackets of a list or an object. */
static int32_t read_inside(cp_json *j, int32_t place, char end)
{
    cp_value *parent = &j->values[place];
    int32_t last = -1;
    if (++j->depth > CP_MAX_JSON_DEPTH) {
        return wrong(j, "nested too deep");
    }
    skip_space(j);
    if (take(j, end)) {
        j->depth--;
        return place;
    }
    do {
        cp_text key = {"", 0, 0};
        if (parent->kind == CP_OBJECT && !read_key(j, parent, &key)) {
            return -1;
        }
        int32_t child = read_value(j);
        if (child < 0) {
            return -1;
        }
        j->values[child].key = key;
        if (last < 0) {
            parent->first = child;
        } else {
            j->values[last].next = child;
        }
        last = child;
        parent->count++;
        skip_space(j);
    } while (take(j, ','));
    j->depth--;
    return take(j, end) ? place : wrong(j, "no end of a list or an object");
}

static int32_t read_value(cp_json *j)
{
    skip_space(j);
    if (j->count >= MAX_VALUES) {
        return wrong(j, "too many values");
    }
    int32_t place = j->count++;
    cp_value *to = &j->values[place];
    memset(to, 0, sizeof *to);
    to->next = to->first = -1;
    char c = peek(j);
    if (take(j, '{')) {
        to->kind = CP_OBJECT;
        return read_inside(j, place, '}');
    }
    if (take(j, '[')) {
        to->kind = CP_LIST;
        return read_inside(j, place, ']');
    }
    if (c == '"') {
        to->kind = CP_TEXT;
        return read_text(j, &to->text, true) ? place : -1;
    }
    if (c == '-' || is_digit(c)) {
        return read_number(j, to) == 0 ? place : -1;
    }
    static const char *const words[] = {"null", "false", "true"};
    for (int32_t kind = CP_NULL; kind <= CP_TRUE; kind++) {
        if (read_word(j, words[kind])) {
            to->kind = kind;
            return place;
        }
    }
    return wrong(j, "no value");
}

static bool is_utf8(const char *at, size_t left)
{
    while (left > 0) {
        size_t taken = 0;
        if (cp_utf8_next(at, left, &taken) < 0) {
            return false;
        }
        at += taken;
        left -= taken;
    }
    return true;
}

const cp_value *cp_json_read(cp_json *json, const void *data, size_t bytes)
{
    json->why = NULL;
    json->count = json->depth = 0;
    json->at = json->used = 0;
    json->bytes = bytes <= CP_MAX_HEADER_BYTES ? bytes : 0;
    memcpy(json->in, data, json->bytes);
    json->in[json->bytes] = '\0';
    if (!is_utf8(json->in, json->bytes)) {
        (void)wrong(json, "no UTF-8");
        return NULL;
    }
    skip_space(json);
    if (peek(json) != '{') {
        (void)wrong(json, "no JSON object");
        return NULL;
    }
    int32_t place = read_value(json);
    skip_space(json);
    if (place >= 0 && json->at != json->bytes) {
        place = wrong(json, "text after the object");
    }
    return place < 0 ? NULL : &json->values[place];
}
