/* The stimuli of one host, oldest first; the oldest are forgotten when there is no more room. */
#ifndef CHIRPBENCH_STIMULI_H
#define CHIRPBENCH_STIMULI_H

#include <stdbool.h>
#include <stdint.h>

#include "bounds.h"

typedef struct cp_stimulus {
    struct cp_stimulus *next;
    char id[4 * CP_MAX_STIMULUS_ID_CHARS + 1];
    int32_t rate_hz, frames;
    float *samples;
} cp_stimulus;

typedef struct cp_stimuli {
    cp_stimulus *oldest;
} cp_stimuli;

/* Room for one, not kept yet; NULL: no memory. */
cp_stimulus *cp_stimulus_new(const char *id, int32_t rate_hz, int32_t frames);
void cp_stimulus_free(cp_stimulus *one);

/* Keeps it, in place of one of the same name and rate. */
void cp_stimuli_keep(cp_stimuli *all, cp_stimulus *one);
const cp_stimulus *cp_stimuli_find(const cp_stimuli *all, const char *id, int32_t rate_hz);
void cp_stimuli_forget(cp_stimuli *all);

#endif
