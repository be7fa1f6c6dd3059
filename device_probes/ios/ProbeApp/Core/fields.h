/*
 * The keys of one JSON object, read one by one; cp_fields_end refuses the keys left over. The first
 * fault of a reader is kept with the name of its key, and everything after it reads as nothing.
 */
#ifndef CHIRPBENCH_FIELDS_H
#define CHIRPBENCH_FIELDS_H

#include "json.h"

enum { CP_WHY_BYTES = 128, CP_MAX_KEYS = 64 };

typedef struct cp_fault {
    char text[CP_WHY_BYTES]; /* "" = none */
} cp_fault;

typedef struct cp_fields {
    const cp_json *json;
    const cp_value *object;
    const char *where;
    cp_fault *fault;
    uint64_t taken; /* a bit for each of the first CP_MAX_KEYS keys */
} cp_fields;

/* Says what is wrong, unless something was already. */
void cp_fail(cp_fault *fault, const char *where, const char *key, const char *why);

/* value must be an object; NULL is none. */
cp_fields cp_fields_of(const cp_json *json, const cp_value *value, const char *where,
                       cp_fault *fault);
void cp_fields_end(const cp_fields *f);

/* The required value; NULL, and a fault, when it is missing. */
const cp_value *cp_field(cp_fields *f, const char *key);
/* Whether it is absent or null; takes a null away. */
bool cp_field_is_null(cp_fields *f, const char *key);

/* The texts live until the next header is read; "" after a fault. */
const char *cp_field_text(cp_fields *f, const char *key, uint32_t least, uint32_t most);
const char *cp_field_word(cp_fields *f, const char *key);
/* Place of the text in names, which ends with NULL. */
int32_t cp_field_choice(cp_fields *f, const char *key, const char *const *names);
int64_t cp_field_integer(cp_fields *f, const char *key, int64_t low, int64_t high);
double cp_field_number(cp_fields *f, const char *key, double low, double high);
bool cp_field_flag(cp_fields *f, const char *key);
/* A list of at most so many; NULL after a fault. */
const cp_value *cp_field_list(cp_fields *f, const char *key, uint32_t most);

#endif
