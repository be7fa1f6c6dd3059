#include "fields.h"

#include <stdio.h>
#include <string.h>

#include "text.h"

void cp_fail(cp_fault *fault, const char *where, const char *key, const char *why)
{
    if (fault->text[0] == '\0') {
        (void)snprintf(fault->text, sizeof fault->text, "%s%s%s %s", where, key[0] ? "." : "", key,
                       why);
    }
}

cp_fields cp_fields_of(const cp_json *json, const cp_value *value, const char *where,
                       cp_fault *fault)
{
    cp_fields f = {json, value, where, fault, 0};
    if (value == NULL || value->kind != CP_OBJECT) {
        cp_fail(fault, where, "", "is no object");
        f.object = NULL;
    }
    return f;
}

static bool is_taken(const cp_fields *f, uint32_t number)
{
    return number < CP_MAX_KEYS && (f->taken >> number & 1) != 0;
}

void cp_fields_end(const cp_fields *f)
{
    if (f->object == NULL) {
        return;
    }
    uint32_t number = 0;
    const cp_value *one = cp_json_at(f->json, f->object->first);
    for (; one != NULL; one = cp_json_at(f->json, one->next)) {
        if (!is_taken(f, number++)) {
            cp_fail(f->fault, f->where, "", "has an unknown key");
        }
    }
}

static const cp_value *find(const cp_fields *f, const char *key, uint32_t *number)
{
    size_t bytes = strlen(key);
    const cp_value *one = f->object == NULL ? NULL : cp_json_at(f->json, f->object->first);
    for (*number = 0; one != NULL; one = cp_json_at(f->json, one->next)) {
        if (one->key.bytes == bytes && memcmp(one->key.at, key, bytes) == 0) {
            return one;
        }
        ++*number;
    }
    return NULL;
}

const cp_value *cp_field(cp_fields *f, const char *key)
{
    uint32_t number = 0;
    const cp_value *found = find(f, key, &number);
    if (found == NULL) {
        cp_fail(f->fault, f->where, key, "is missing");
    } else if (number < CP_MAX_KEYS) {
        f->taken |= UINT64_C(1) << number;
    }
    return found;
}

bool cp_field_is_null(cp_fields *f, const char *key)
{
    uint32_t number = 0;
    const cp_value *found = find(f, key, &number);
    if (found != NULL && found->kind != CP_NULL) {
        return false;
    }
    if (found != NULL) {
        (void)cp_field(f, key);
    }
    return true;
}

static const cp_value *of_kind(cp_fields *f, const char *key, int32_t kind, const char *why)
{
    const cp_value *value = cp_field(f, key);
    if (value != NULL && value->kind != kind) {
        cp_fail(f->fault, f->where, key, why);
        return NULL;
    }
    return value;
}

const char *cp_field_text(cp_fields *f, const char *key, uint32_t least, uint32_t most)
{
    const cp_value *value = of_kind(f, key, CP_TEXT, "is no text");
    if (value == NULL) {
        return "";
    }
    if (value->text.chars < least || value->text.chars > most) {
        cp_fail(f->fault, f->where, key, "has too few or too many characters");
        return "";
    }
    return value->text.at;
}

const char *cp_field_word(cp_fields *f, const char *key)
{
    const cp_value *value = of_kind(f, key, CP_TEXT, "is no text");
    if (value == NULL) {
        return "";
    }
    if (!cp_is_word(value->text.at, value->text.bytes)) {
        cp_fail(f->fault, f->where, key, "is no lower_snake_case name");
        return "";
    }
    return value->text.at;
}

int32_t cp_field_choice(cp_fields *f, const char *key, const char *const *names)
{
    const cp_value *value = cp_field(f, key);
    for (int32_t i = 0; value != NULL && value->kind == CP_TEXT && names[i] != NULL; i++) {
        if (value->text.bytes == strlen(names[i]) && strcmp(value->text.at, names[i]) == 0) {
            return i;
        }
    }
    cp_fail(f->fault, f->where, key, "is none of the allowed words");
    return 0;
}

int64_t cp_field_integer(cp_fields *f, const char *key, int64_t low, int64_t high)
{
    const cp_value *value = of_kind(f, key, CP_INTEGER, "is no whole number");
    if (value == NULL) {
        return low;
    }
    if (value->is_beyond || value->integer < low || value->integer > high) {
        cp_fail(f->fault, f->where, key, "is out of range");
        return low;
    }
    return value->integer;
}

double cp_field_number(cp_fields *f, const char *key, double low, double high)
{
    const cp_value *value = cp_field(f, key);
    if (value != NULL && value->kind != CP_INTEGER && value->kind != CP_FRACTION) {
        cp_fail(f->fault, f->where, key, "is no number");
        return low;
    }
    if (value != NULL && !(value->number >= low && value->number <= high)) {
        cp_fail(f->fault, f->where, key, "is out of range");
        return low;
    }
    return value == NULL ? low : value->number;
}

bool cp_field_flag(cp_fields *f, const char *key)
{
    const cp_value *value = cp_field(f, key);
    if (value != NULL && value->kind != CP_TRUE && value->kind != CP_FALSE) {
        cp_fail(f->fault, f->where, key, "is neither true nor false");
    }
    return value != NULL && value->kind == CP_TRUE;
}

const cp_value *cp_field_list(cp_fields *f, const char *key, uint32_t most)
{
    const cp_value *value = of_kind(f, key, CP_LIST, "is no list");
    if (value != NULL && value->count > most) {
        cp_fail(f->fault, f->where, key, "has too many entries");
        return NULL;
    }
    return value;
}
