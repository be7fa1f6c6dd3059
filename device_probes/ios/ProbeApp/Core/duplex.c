/* Life of one trial's timeline, and what is told of it. */
#include "duplex.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "duplex_parts.h"

#define STALL_NS INT64_C(4000000000)

static void init_atomics(cp_duplex *d)
{
    _Atomic int64_t *times[] = {&d->interval_max_ns, &d->zero_ns,        &d->opened_ns,
                                &d->started_ns,      &d->first_output_ns, &d->first_input_ns,
                                &d->first_nonzero_ns};
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
        atomic_store(times[i], -1);
    }
    d->next_output = d->next_input = NAN;
    d->movement = -1;
}

/* Even as int16 it has to fit into what a host takes; the rate that was granted decides. */
static bool is_sendable(const cp_plan *plan)
{
    return plan->recording_frames > 0 &&
           plan->recording_frames * plan->input_channels * 2 <= CP_MAX_PCM_BYTES;
}

cp_duplex *cp_duplex_new(const cp_plan *plan, const cp_sound *sounds, int32_t count)
{
    cp_duplex *d = calloc(1, sizeof *d);
    if (d == NULL || count > CP_MAX_PLAYS || !is_sendable(plan)) {
        free(d);
        return NULL;
    }
    d->plan = *plan;
    if (count > 0) { /* sounds may be NULL then, which memcpy must not be given */
        memcpy(d->sounds, sounds, (size_t)count * sizeof *sounds);
    }
    d->sound_count = count;
    d->warmup_left = plan->warmup_frames;
    int64_t spread = plan->recording_frames / (CP_MAX_TIMESTAMPS - 8);
    d->stamp_every = spread > plan->rate_hz / 10 ? spread : plan->rate_hz / 10;
    init_atomics(d);
    d->recording =
        cp_memory((size_t)(plan->recording_frames * plan->input_channels) * sizeof(float));
    bool is_there = d->recording != NULL &&
                    cp_ring_open(&d->ring, plan->rate_hz, plan->input_channels);
    if (!is_there) {
        cp_duplex_free(d);
        return NULL;
    }
    return d;
}

void cp_duplex_free(cp_duplex *d)
{
    if (d != NULL) {
        cp_ring_close(&d->ring);
        free(d->recording);
        free(d);
    }
}

void cp_duplex_opened(cp_duplex *d, int64_t now_ns)
{
    atomic_store(&d->opened_ns, now_ns - d->plan.began_ns);
}

void cp_duplex_started(cp_duplex *d, int64_t now_ns)
{
    atomic_store(&d->started_ns, now_ns - d->plan.began_ns);
}

void cp_duplex_allow(cp_duplex *d)
{
    int32_t open = CP_OPEN;
    if (atomic_compare_exchange_strong(&d->state, &open, CP_WARMING)) {
        atomic_store(&d->allowed, true);
    }
}

void cp_duplex_forbid(cp_duplex *d)
{
    atomic_store(&d->allowed, false);
    int32_t state = atomic_load(&d->state);
    while (state < CP_DONE && !atomic_compare_exchange_weak(&d->state, &state, CP_STOPPED)) {
    }
}

int32_t cp_duplex_look(cp_duplex *d, int64_t now_ns)
{
    int32_t state = atomic_load(&d->state);
    if (state == CP_DONE) {
        bool is_deaf = atomic_load(&d->filled) >= d->plan.recording_frames;
        return is_deaf ? CP_DEAF : CP_FINISHED;
    }
    /* in the warm-up both count, so that an input alone that never begins is seen at its end */
    int64_t movement = atomic_load(&d->played) + atomic_load(&d->recorded) + state;
    if (movement != d->movement) {
        d->movement = movement;
        d->moved_ns = now_ns;
    }
    int64_t warmup_ns = state > CP_WARMING
                            ? 0
                            : (int64_t)((double)d->plan.warmup_frames * 1e9 / d->plan.rate_hz);
    return now_ns - d->moved_ns > STALL_NS + warmup_ns ? CP_STALLED : CP_GOING;
}

double cp_duplex_fraction(const cp_duplex *d, int64_t now_ns)
{
    if (atomic_load(&d->state) >= CP_PLAYING) {
        return (double)atomic_load(&d->recorded) / (double)d->plan.recording_frames;
    }
    double warmup_ns = (double)d->plan.warmup_frames * 1e9 / d->plan.rate_hz;
    return (double)(now_ns - d->plan.began_ns) / (warmup_ns > 1e6 ? warmup_ns : 1e6);
}

void cp_duplex_status(const cp_duplex *d, cp_status *status)
{
    status->state = atomic_load(&d->state);
    status->callbacks = atomic_load(&d->callbacks);
    status->input_callbacks = atomic_load(&d->input_callbacks);
    status->short_reads = atomic_load(&d->short_reads);
    status->output_gaps = atomic_load(&d->output_gaps);
    status->input_gaps = atomic_load(&d->input_gaps);
    status->played = atomic_load(&d->played);
    status->recorded = atomic_load(&d->recorded);
    status->filled = atomic_load(&d->filled);
    status->owed_max = atomic_load(&d->owed_max);
    status->drained = atomic_load(&d->drained);
    status->overrun = atomic_load(&d->overrun);
    status->waiting_max = atomic_load(&d->waiting_max);
    status->interval_max_ns = atomic_load(&d->interval_max_ns);
    status->zero_ns = atomic_load(&d->zero_ns);
    status->opened_ns = atomic_load(&d->opened_ns);
    status->started_ns = atomic_load(&d->started_ns);
    status->first_output_ns = atomic_load(&d->first_output_ns);
    status->first_input_ns = atomic_load(&d->first_input_ns);
    status->first_nonzero_ns = atomic_load(&d->first_nonzero_ns);
}

const float *cp_duplex_recording(const cp_duplex *d)
{
    return d->recording;
}

int64_t cp_duplex_zero_run(const cp_duplex *d)
{
    return cp_zero_run(d->recording, atomic_load(&d->recorded), d->plan.input_channels);
}

int64_t cp_duplex_histogram(const cp_duplex *d, int32_t bin)
{
    return bin < 0 || bin >= CP_HISTOGRAM_BINS ? 0 : atomic_load(&d->histogram[bin]);
}

static const pair_log *log_of(const cp_duplex *d, bool is_output)
{
    return is_output ? &d->output_log : &d->input_log;
}

int32_t cp_duplex_stamps(const cp_duplex *d, bool is_output)
{
    return log_of(d, is_output)->count;
}

void cp_duplex_stamp(const cp_duplex *d, bool is_output, int32_t place, int64_t *frame,
                     int64_t *time_ns)
{
    *frame = log_of(d, is_output)->frames[place];
    *time_ns = log_of(d, is_output)->times_ns[place];
}

int64_t cp_duplex_latency_ns(const cp_duplex *d, bool is_output)
{
    const pair_log *of = log_of(d, is_output);
    int64_t sorted[CP_MAX_TIMESTAMPS];
    memcpy(sorted, of->latencies_ns, sizeof sorted);
    return of->count == 0 ? INT64_MIN : cp_median(sorted, of->count);
}
