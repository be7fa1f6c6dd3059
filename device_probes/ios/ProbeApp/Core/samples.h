/* Samples and numbers: nothing here knows of streams. */
#ifndef CHIRPBENCH_SAMPLES_H
#define CHIRPBENCH_SAMPLES_H

#include <stdbool.h>
#include <stdint.h>

#include "bounds.h"

enum { CP_HISTOGRAM_EDGES = 81, CP_HISTOGRAM_BINS = CP_HISTOGRAM_EDGES + 1 };

/* A play with its samples (float32, mono), which somebody else owns. */
typedef struct cp_sound {
    const float *samples;
    int64_t frames, at_frame;
} cp_sound;

/*
 * Frames from .. from + frames of the timeline, to every channel, interleaved. What overlaps is
 * added in the order of the sounds; nothing is scaled.
 */
void cp_mix(const cp_sound *sounds, int32_t count, int64_t from, int64_t frames, int32_t channels,
            float *into);

/* Whether every sample is exactly 0 (minus zero counts as zero). */
bool cp_all_zero(const float *samples, int64_t count);
/* Longest run of frames that are exactly 0 in every channel. */
int64_t cp_zero_run(const float *samples, int64_t frames, int32_t channels);

/* Upper edge of a bin in microseconds, 0 <= bin < CP_HISTOGRAM_EDGES; as on Android. */
int32_t cp_histogram_edge_us(int32_t bin);
/* The bin of an interval; CP_HISTOGRAM_EDGES = above the last edge. */
int32_t cp_histogram_bin(int64_t interval_ns);

/* mach_absolute_time into nanoseconds, exact over any time a phone is up. */
int64_t cp_ticks_to_ns(uint64_t ticks, uint32_t numer, uint32_t denom);

/* The upper median, in place; 0 of nothing. */
int64_t cp_median(int64_t *values, int32_t count);

#endif
