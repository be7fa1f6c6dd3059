#include "text.h"

#include "bounds.h"

/* Length by the first byte, and the smallest code point that needs so many. */
static size_t length_of(uint8_t first, int32_t *least)
{
    if (first < 0x80) {
        *least = 0;
        return 1;
    }
    if (first >= 0xc2 && first <= 0xdf) {
        *least = 0x80;
        return 2;
    }
    if (first >= 0xe0 && first <= 0xef) {
        *least = 0x800;
        return 3;
    }
    if (first >= 0xf0 && first <= 0xf4) {
        *least = 0x10000;
        return 4;
    }
    return 0;
}

int32_t cp_utf8_next(const char *at, size_t left, size_t *taken)
{
    const uint8_t *byte = (const uint8_t *)at;
    int32_t least = 0;
    size_t length = left > 0 ? length_of(byte[0], &least) : 0;
    *taken = 1;
    if (length == 0 || length > left) {
        return -1;
    }
    int32_t code = length == 1 ? byte[0] : byte[0] & (0xff >> (length + 1));
    for (size_t i = 1; i < length; i++) {
        if ((byte[i] & 0xc0) != 0x80) {
            return -1;
        }
        code = code << 6 | (byte[i] & 0x3f);
    }
    if (code < least || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) {
        return -1;
    }
    *taken = length;
    return code;
}

size_t cp_utf8_put(char *at, int32_t code)
{
    if (code < 0x80) {
        at[0] = (char)code;
        return 1;
    }
    size_t length = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    for (size_t i = length - 1; i > 0; i--) {
        at[i] = (char)(0x80 | (code & 0x3f));
        code >>= 6;
    }
    at[0] = (char)((0xf00 >> length & 0xff) | code);
    return length;
}

int32_t cp_clean(int32_t code)
{
    bool unsafe = code < 0x20 || (code >= 0x7f && code <= 0x9f) || code == 0x200e ||
                  code == 0x200f || (code >= 0x2028 && code <= 0x202e) ||
                  (code >= 0x2066 && code <= 0x2069) || (code >= 0xd800 && code <= 0xdfff);
    return unsafe ? CP_REPLACEMENT : code;
}

bool cp_is_word(const char *text, size_t bytes)
{
    if (bytes == 0 || bytes > CP_MAX_WORD_CHARS) {
        return false;
    }
    for (size_t i = 0; i < bytes; i++) {
        char c = text[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        bool inner = i > 0 && (c == '_' || c == '.' || c == ':' || c == '-');
        if (!letter && !inner) {
            return false;
        }
    }
    return true;
}
