/* UTF-8 that may travel, be shown or be stored. */
#ifndef CHIRPBENCH_TEXT_H
#define CHIRPBENCH_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CP_REPLACEMENT = 0xFFFD };

/*
 * The next code point of UTF-8 and how many bytes it takes; -1 for what is no UTF-8 (overlong, a
 * surrogate, beyond U+10FFFF, cut off), with *taken = 1.
 */
int32_t cp_utf8_next(const char *at, size_t left, size_t *taken);

/* Writes a code point, at most 4 bytes; gives their number. A surrogate is written as 3 bytes. */
size_t cp_utf8_put(char *at, int32_t code);

/* Control characters, bidirectional overrides and lone surrogates become U+FFFD. */
int32_t cp_clean(int32_t code);

/* Whether this is a lower_snake_case name: letters, digits and _ . : -, at most 64 of them. */
bool cp_is_word(const char *text, size_t bytes);

#endif
