/* What duplex.c and callbacks.c share; nobody else includes it. */
#ifndef CHIRPBENCH_DUPLEX_PARTS_H
#define CHIRPBENCH_DUPLEX_PARTS_H

#include <stdatomic.h>

#include "duplex.h"
#include "ring.h"

/* Pairs of one direction; written by the output callback alone. */
typedef struct pair_log {
    int32_t count;
    int64_t frames[CP_MAX_TIMESTAMPS], times_ns[CP_MAX_TIMESTAMPS];
    int64_t latencies_ns[CP_MAX_TIMESTAMPS];
} pair_log;

struct cp_duplex {
    cp_plan plan;
    cp_sound sounds[CP_MAX_PLAYS];
    int32_t sound_count;
    cp_ring ring;
    float *recording;

    /* Of the output callback alone. */
    int64_t warmup_left, owed, last_callback_ns, stamp_every, next_stamp;
    double next_output;
    pair_log output_log, input_log;
    /* Of the input callback alone. */
    double next_input;

    /* The newest input buffer's place in the ring and time; odd while it is written. */
    _Atomic uint32_t newest_turn;
    _Atomic int64_t newest_frame, newest_ns;

    atomic_bool allowed; /* false: a callback touches nothing */
    atomic_bool input_begun; /* a frame came since frame 0 */
    _Atomic int32_t state, callbacks, input_callbacks, short_reads, output_gaps, input_gaps;
    _Atomic int64_t played, recorded, filled, owed_max, drained, overrun, waiting_max;
    _Atomic int64_t interval_max_ns, zero_ns;
    _Atomic int64_t opened_ns, started_ns, first_output_ns, first_input_ns, first_nonzero_ns;
    _Atomic int32_t histogram[CP_HISTOGRAM_BINS];

    /* Of the thread that looks. */
    int64_t movement, moved_ns;
};

#endif
