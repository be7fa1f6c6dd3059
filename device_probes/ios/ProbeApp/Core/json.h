/*
 * Strict JSON: one object, UTF-8, no duplicate keys, no NaN or Infinity, nesting of at most 8,
 * whole numbers of at most 20 characters. Foundation's reader takes duplicate keys and cannot tell
 * 1 from 1.0. Takes no memory but its own, which cp_json_new takes once.
 */
#ifndef CHIRPBENCH_JSON_H
#define CHIRPBENCH_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bounds.h"

enum { CP_NULL, CP_FALSE, CP_TRUE, CP_INTEGER, CP_FRACTION, CP_TEXT, CP_LIST, CP_OBJECT };

typedef struct cp_text {
    const char *at; /* UTF-8 with a NUL after it */
    uint32_t bytes, chars;
} cp_text;

typedef struct cp_value {
    int32_t kind;
    int32_t next, first; /* places of the next in the same list, of the first inside; -1 = none */
    uint32_t count;      /* of what is inside */
    cp_text key;         /* as it came, for what is in an object */
    cp_text text;        /* cleaned */
    int64_t integer;
    bool is_beyond; /* an integer that int64 does not hold */
    double number;  /* of an integer too */
} cp_value;

typedef struct cp_json cp_json;

cp_json *cp_json_new(void); /* NULL: no memory */
void cp_json_free(cp_json *json);

/* The object that bytes hold, until the next call; NULL for anything else, see cp_json_why. */
const cp_value *cp_json_read(cp_json *json, const void *data, size_t bytes);
const char *cp_json_why(const cp_json *json);

/* The value of a place; NULL for -1. */
const cp_value *cp_json_at(const cp_json *json, int32_t place);

#endif
