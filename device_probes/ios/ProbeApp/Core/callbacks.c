/*
 * What the audio threads do. The same bookkeeping as the Android probe's callback.c, with a ring
 * where AAudio has AAudioStream_read: Core Audio hands the input over in a callback of its own.
 */
#include <math.h>
#include <string.h>

#include "duplex_parts.h"

static void set_once(_Atomic int64_t *time_ns, int64_t value_ns)
{
    if (atomic_load_explicit(time_ns, memory_order_relaxed) < 0) {
        atomic_store(time_ns, value_ns);
    }
}

static void raise_to(_Atomic int64_t *most, int64_t value)
{
    if (value > atomic_load_explicit(most, memory_order_relaxed)) {
        atomic_store(most, value);
    }
}

/* Counts a buffer that does not begin where the one before ended. */
static void note_gap(double *next, const cp_stamp *stamp, int64_t frames, bool counts,
                     _Atomic int32_t *gaps)
{
    if (counts && fabs(stamp->sample_time - *next) > 0.5) { /* false for NaN */
        atomic_fetch_add(gaps, 1);
    }
    *next = stamp->sample_time + (double)frames;
}

static void publish_newest(cp_duplex *d, int64_t frame, int64_t host_ns)
{
    atomic_fetch_add(&d->newest_turn, 1);
    atomic_store(&d->newest_frame, frame);
    atomic_store(&d->newest_ns, host_ns);
    atomic_fetch_add(&d->newest_turn, 1);
}

static void take_input(cp_duplex *d, const float *samples, int64_t frames, const cp_stamp *stamp)
{
    int64_t since_ns = stamp->now_ns - d->plan.began_ns;
    set_once(&d->first_input_ns, since_ns);
    if (atomic_load_explicit(&d->first_nonzero_ns, memory_order_relaxed) < 0 &&
        !cp_all_zero(samples, frames * d->plan.input_channels)) {
        atomic_store(&d->first_nonzero_ns, since_ns);
    }
    bool counts = atomic_load(&d->state) == CP_PLAYING;
    note_gap(&d->next_input, stamp, frames, counts, &d->input_gaps);
    atomic_fetch_add(&d->input_callbacks, 1);
    int64_t begin = atomic_load_explicit(&d->ring.written, memory_order_relaxed);
    int64_t done = cp_ring_write(&d->ring, samples, frames);
    if (done < frames) {
        atomic_fetch_add(&d->overrun, frames - done);
    }
    if (stamp->host_ns > 0) {
        publish_newest(d, begin, stamp->host_ns);
    }
}

void cp_duplex_input(cp_duplex *d, const float *samples, int64_t frames, const cp_stamp *stamp)
{
    /* what comes after the end has no reader, and would be counted as an overrun */
    bool is_wanted = atomic_load(&d->allowed) && atomic_load(&d->state) < CP_DONE;
    if (is_wanted && frames > 0) {
        take_input(d, samples, frames, stamp);
    }
}

static void drain(cp_duplex *d, int64_t keep)
{
    int64_t waiting = cp_ring_waiting(&d->ring);
    if (waiting > keep) {
        atomic_fetch_add(&d->drained, cp_ring_read(&d->ring, NULL, waiting - keep));
    }
}

/*
 * Until the input gives frames there are zeros; its first ones end where the callback's own frames
 * end, so that the newest frame read lies beside the newest frame written.
 */
static void fill(cp_duplex *d, float *into, int64_t want, int64_t got)
{
    size_t frame = (size_t)d->plan.input_channels * sizeof(float);
    size_t gap = (size_t)(want - got) * (size_t)d->plan.input_channels;
    memmove(into + gap, into, (size_t)got * frame);
    memset(into, 0, gap * sizeof(float));
    atomic_fetch_add(&d->filled, want - got);
}

static void record(cp_duplex *d, int64_t frames, bool is_first)
{
    int64_t recorded = atomic_load_explicit(&d->recorded, memory_order_relaxed);
    int64_t left = d->plan.recording_frames - recorded;
    int64_t want = frames + d->owed < left ? frames + d->owed : left;
    float *into = d->recording + recorded * d->plan.input_channels;
    if (is_first) {
        drain(d, want); /* what is older than this callback would be counted as latency */
    }
    raise_to(&d->waiting_max, cp_ring_waiting(&d->ring));
    int64_t got = cp_ring_read(&d->ring, into, want);
    if (got < want) {
        atomic_fetch_add(&d->short_reads, 1);
    }
    if (!atomic_load(&d->input_begun)) {
        fill(d, into, want, got);
        atomic_store(&d->input_begun, got > 0);
        got = want;
    }
    d->owed = want - got;
    raise_to(&d->owed_max, d->owed);
    atomic_store(&d->recorded, recorded + got);
    if (recorded + got >= d->plan.recording_frames) {
        int32_t playing = CP_PLAYING;
        atomic_compare_exchange_strong(&d->state, &playing, CP_DONE);
    }
}

static void note_interval(cp_duplex *d, int64_t now_ns)
{
    if (atomic_fetch_add(&d->callbacks, 1) > 0) {
        int64_t interval_ns = now_ns - d->last_callback_ns;
        atomic_fetch_add(&d->histogram[cp_histogram_bin(interval_ns)], 1);
        raise_to(&d->interval_max_ns, interval_ns);
    }
    d->last_callback_ns = now_ns;
}

static void log_pair(pair_log *to, int64_t frame, int64_t time_ns, int64_t latency_ns)
{
    if (to->count < CP_MAX_TIMESTAMPS) {
        to->frames[to->count] = frame;
        to->times_ns[to->count] = time_ns;
        to->latencies_ns[to->count++] = latency_ns;
    }
}

/* How old is the recording's frame `played`, which this callback has read? */
static void stamp_input(cp_duplex *d, int64_t played, int64_t now_ns)
{
    uint32_t turn = atomic_load(&d->newest_turn);
    int64_t place = atomic_load(&d->newest_frame);
    int64_t time_ns = atomic_load(&d->newest_ns) - d->plan.input_latency_ns;
    bool is_whole = turn > 0 && turn % 2 == 0 && turn == atomic_load(&d->newest_turn);
    if (!is_whole || !atomic_load(&d->input_begun)) {
        return;
    }
    /* since the first frame every frame read is a frame recorded */
    int64_t frame = place - (atomic_load(&d->ring.read) - atomic_load(&d->recorded));
    double ahead_ns = (double)(played - frame) * 1e9 / d->plan.rate_hz;
    log_pair(&d->input_log, frame, time_ns, now_ns - time_ns - (int64_t)ahead_ns);
}

static void stamp_both(cp_duplex *d, int64_t played, const cp_stamp *stamp)
{
    if (played < d->next_stamp) {
        return;
    }
    d->next_stamp = played + d->stamp_every;
    if (stamp->host_ns > 0) {
        int64_t time_ns = stamp->host_ns + d->plan.output_latency_ns;
        log_pair(&d->output_log, played, time_ns, time_ns - stamp->now_ns);
    }
    stamp_input(d, played, stamp->now_ns);
}

static void play_and_record(cp_duplex *d, float *samples, int64_t frames, const cp_stamp *stamp)
{
    int64_t played = atomic_load_explicit(&d->played, memory_order_relaxed);
    bool is_first = played == 0;
    set_once(&d->zero_ns, stamp->now_ns);
    note_interval(d, stamp->now_ns);
    note_gap(&d->next_output, stamp, frames, !is_first, &d->output_gaps);
    cp_mix(d->sounds, d->sound_count, played, frames, d->plan.output_channels, samples);
    record(d, frames, is_first);
    stamp_both(d, played, stamp);
    atomic_store(&d->played, played + frames);
}

static void duplex(cp_duplex *d, float *samples, int64_t frames, const cp_stamp *stamp)
{
    int32_t state = atomic_load(&d->state);
    set_once(&d->first_output_ns, stamp->now_ns - d->plan.began_ns);
    if (state == CP_WARMING && d->warmup_left <= 0 &&
        atomic_compare_exchange_strong(&d->state, &state, CP_PLAYING)) {
        state = CP_PLAYING;
    }
    if (state == CP_PLAYING) {
        play_and_record(d, samples, frames, stamp);
        return;
    }
    memset(samples, 0, (size_t)(frames * d->plan.output_channels) * sizeof(float));
    if (state == CP_WARMING) {
        drain(d, 0);
        d->warmup_left -= frames;
    }
}

void cp_duplex_output(cp_duplex *d, float *samples, int64_t frames, const cp_stamp *stamp)
{
    if (atomic_load(&d->allowed) && frames > 0) {
        duplex(d, samples, frames, stamp);
    } else if (frames > 0) {
        memset(samples, 0, (size_t)(frames * d->plan.output_channels) * sizeof(float));
    }
}
