#include "stimuli.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_KEPT = 4096 }; /* of one frame each; what lists cost is not counted as samples */

cp_stimulus *cp_stimulus_new(const char *id, int32_t rate_hz, int32_t frames)
{
    cp_stimulus *one = calloc(1, sizeof *one);
    if (one == NULL) {
        return NULL;
    }
    strncpy(one->id, id, sizeof one->id - 1);
    one->rate_hz = rate_hz;
    one->frames = frames;
    one->samples = malloc((size_t)frames * sizeof(float));
    if (one->samples == NULL) {
        free(one);
        return NULL;
    }
    return one;
}

void cp_stimulus_free(cp_stimulus *one)
{
    if (one != NULL) {
        free(one->samples);
        free(one);
    }
}

static bool is(const cp_stimulus *one, const char *id, int32_t rate_hz)
{
    return one->rate_hz == rate_hz && strcmp(one->id, id) == 0;
}

static void drop(cp_stimulus **place)
{
    cp_stimulus *gone = *place;
    *place = gone->next;
    cp_stimulus_free(gone);
}

void cp_stimuli_keep(cp_stimuli *all, cp_stimulus *one)
{
    int64_t bytes = 0;
    int32_t kept = 0;
    cp_stimulus **place = &all->oldest;
    while (*place != NULL) {
        if (is(*place, one->id, one->rate_hz)) {
            drop(place);
            continue;
        }
        bytes += (int64_t)(*place)->frames * 4;
        kept++;
        place = &(*place)->next;
    }
    *place = one;
    bytes += (int64_t)one->frames * 4;
    while (all->oldest != one && (bytes > CP_MAX_STIMULUS_BYTES || kept >= MAX_KEPT)) {
        bytes -= (int64_t)all->oldest->frames * 4;
        kept--;
        drop(&all->oldest);
    }
}

const cp_stimulus *cp_stimuli_find(const cp_stimuli *all, const char *id, int32_t rate_hz)
{
    const cp_stimulus *one = all->oldest;
    while (one != NULL && !is(one, id, rate_hz)) {
        one = one->next;
    }
    return one;
}

void cp_stimuli_forget(cp_stimuli *all)
{
    while (all->oldest != NULL) {
        drop(&all->oldest);
    }
}
