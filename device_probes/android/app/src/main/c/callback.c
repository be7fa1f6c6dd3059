/*
 * The callbacks of AAudio. The output's drives both directions. It takes no lock and no memory,
 * calls no library but AAudioStream_read without waiting, and writes no log.
 */
#include "bionic.h"
#include "session.h"

enum { DRAIN_READS = 64 };

static void set_once(_Atomic int64_t *time_ns, int64_t value_ns)
{
    if (atomic_load_explicit(time_ns, memory_order_relaxed) < 0) {
        atomic_store(time_ns, value_ns);
    }
}

/* The first loss counts, and what is complete stays complete. */
static void lose(session *s, int32_t direction, int32_t error)
{
    int32_t none = 0;
    int32_t state = atomic_load(&s->state);
    if (state >= STATE_DONE || !atomic_compare_exchange_strong(&s->error, &none, error)) {
        return;
    }
    atomic_store(&s->lost_direction, direction);
    while (state < STATE_DONE &&
           !atomic_compare_exchange_weak(&s->state, &state, STATE_LOST)) {
    }
}

/* Frames got, 0 when there are none; an error other than a lost stream is counted and is no end. */
static int32_t read_input(session *s, char *into, int32_t frames, int64_t now_ns)
{
    AAudioStream *stream = atomic_load(&s->input.stream);
    int32_t got = frames > 0 ? aaudio()->read(stream, into, frames, 0) : 0;
    if (got == AAUDIO_ERROR_DISCONNECTED) {
        lose(s, AAUDIO_INPUT, got);
    }
    if (got < 0) {
        atomic_fetch_add(&s->read_errors, 1);
        atomic_store(&s->read_error, got);
        return 0;
    }
    got = got > frames ? frames : got;
    if (got > 0) {
        int64_t since_ns = now_ns - s->origin_ns;
        set_once(&s->first_input_ns, since_ns);
        if (atomic_load_explicit(&s->first_nonzero_ns, memory_order_relaxed) < 0 &&
            !samples_all_zero(into, got, &s->input)) {
            atomic_store(&s->first_nonzero_ns, since_ns);
        }
    }
    return got;
}

static void drain(session *s, int64_t now_ns)
{
    for (int i = 0; i < DRAIN_READS; i++) {
        int32_t got = read_input(s, s->scratch, SCRATCH_FRAMES, now_ns);
        atomic_fetch_add(&s->drained, got);
        if (got < SCRATCH_FRAMES) {
            return;
        }
    }
}

/*
 * Cold start: the input ran before the output's first callback, and no warm-up drained it. What is
 * older than this callback's own frames is thrown away, or it would be counted as latency.
 */
static int32_t read_newest(session *s, int32_t want, int64_t now_ns)
{
    int32_t room = s->recording_frames;
    int32_t got = read_input(s, s->recording, room, now_ns);
    int32_t touched = got;
    for (int i = 0; i < DRAIN_READS && got == room && room > want; i++) {
        atomic_fetch_add(&s->drained, got);
        got = read_input(s, s->recording, room, now_ns);
    }
    int32_t old = got > want ? got - want : 0;
    size_t frame = (size_t)s->input.frame_bytes;
    memmove(s->recording, s->recording + (size_t)old * frame, (size_t)(got - old) * frame);
    /* what is not recorded yet must be zeros; no more than was touched: all would be a click */
    memset(s->recording + (size_t)(got - old) * frame, 0, (size_t)(touched - got + old) * frame);
    atomic_fetch_add(&s->drained, old);
    return got - old;
}

/*
 * Until the input gives frames there are zeros; its first ones end where the callback's own frames
 * end, so that the newest frame read lies beside the newest frame written.
 */
static void fill(session *s, char *into, int32_t want, int32_t got)
{
    size_t frame = (size_t)s->input.frame_bytes;
    size_t gap = (size_t)(want - got) * frame;
    memmove(into + gap, into, (size_t)got * frame);
    memset(into, 0, gap);
    atomic_fetch_add(&s->filled, want - got);
}

/* Input frames due for so many output frames; exact over any time (doubles hold whole numbers). */
static int32_t frames_due(session *s, int32_t frames)
{
    if (s->input.rate_hz == s->output.rate_hz) {
        return frames;
    }
    double sum = (double)frames * s->input.rate_hz + s->carry;
    int32_t due = (int32_t)(sum / s->output.rate_hz);
    s->carry = sum - (double)due * s->output.rate_hz;
    return due;
}

static void record(session *s, int32_t frames, bool cold, int64_t now_ns)
{
    int32_t recorded = atomic_load_explicit(&s->recorded, memory_order_relaxed);
    int32_t left = s->recording_frames - recorded;
    int32_t want = frames_due(s, frames) + s->owed;
    want = want > left ? left : want;
    char *into = s->recording + (size_t)recorded * (size_t)s->input.frame_bytes;
    int32_t got = cold ? read_newest(s, want, now_ns) : read_input(s, into, want, now_ns);
    if (got < want) {
        atomic_fetch_add(&s->short_reads, 1);
    }
    if (!atomic_load(&s->input_begun)) {
        fill(s, into, want, got);
        atomic_store(&s->input_begun, got > 0);
        got = want;
    }
    s->owed = want - got;
    if (s->owed > atomic_load_explicit(&s->owed_max, memory_order_relaxed)) {
        atomic_store(&s->owed_max, s->owed);
    }
    atomic_store(&s->recorded, recorded + got);
    if (recorded + got >= s->recording_frames) {
        int32_t playing = STATE_PLAYING;
        atomic_compare_exchange_strong(&s->state, &playing, STATE_DONE);
    }
}

static void play(session *s, void *samples, int32_t frames)
{
    int32_t played = atomic_load_explicit(&s->played, memory_order_relaxed);
    int32_t left = played < s->timeline_frames ? s->timeline_frames - played : 0;
    int32_t sounding = frames < left ? frames : left;
    samples_write(&s->timeline[sounding > 0 ? played : 0], sounding, &s->output, samples);
    size_t done = (size_t)sounding * (size_t)s->output.frame_bytes;
    memset((char *)samples + done, 0, (size_t)frames * (size_t)s->output.frame_bytes - done);
    atomic_store(&s->played, played + frames);
}

static void note_interval(session *s, int64_t now_ns)
{
    if (atomic_fetch_add(&s->callbacks, 1) > 0) {
        int64_t interval_ns = now_ns - s->last_callback_ns;
        atomic_fetch_add(&s->histogram[histogram_bin(interval_ns)], 1);
        if (interval_ns > atomic_load_explicit(&s->interval_max_ns, memory_order_relaxed)) {
            atomic_store(&s->interval_max_ns, interval_ns);
        }
    }
    s->last_callback_ns = now_ns;
}

static void duplex(session *s, void *samples, int32_t frames)
{
    int64_t now_ns = bionic_now_ns();
    int32_t state = atomic_load(&s->state);
    bool cold = false;
    set_once(&s->first_output_ns, now_ns - s->origin_ns);
    if (state == STATE_WARMING && s->warmup_left <= 0) {
        if (atomic_compare_exchange_strong(&s->state, &state, STATE_PLAYING)) {
            state = STATE_PLAYING;
            atomic_store(&s->output_frame_0, s->stream_frames);
            cold = s->stream_frames == 0;
        }
    }
    if (state == STATE_PLAYING) {
        note_interval(s, now_ns);
        play(s, samples, frames);
        record(s, frames, cold, now_ns);
    } else {
        memset(samples, 0, (size_t)frames * (size_t)s->output.frame_bytes);
        if (state == STATE_WARMING) {
            drain(s, now_ns);
            s->warmup_left -= frames;
        }
    }
    s->stream_frames += frames;
}

/*
 * Always goes on: before Android 12 a callback that stops the stream while another thread does it
 * too leaves it hanging (google/oboe 1230). Who stops forbids first; then silence is played.
 */
int32_t callback_output(AAudioStream *stream, void *user, void *samples, int32_t frames)
{
    session *s = user;
    /* counted before it looks at allowed: who forbids and then sees no callback is alone */
    atomic_fetch_add(&s->in_callback, 1);
    bool ours = stream == atomic_load(&s->output.stream) && samples != NULL && frames > 0;
    if (ours && atomic_load(&s->allowed)) {
        duplex(s, samples, frames);
    } else if (ours) {
        memset(samples, 0, (size_t)frames * (size_t)s->output.frame_bytes);
    }
    atomic_fetch_sub(&s->in_callback, 1);
    return AAUDIO_CONTINUE;
}

void callback_error(AAudioStream *stream, void *user, int32_t error)
{
    session *s = user;
    if (stream == NULL) {
        return;
    }
    if (stream == atomic_load(&s->output.stream)) {
        lose(s, AAUDIO_OUTPUT, error);
    } else if (stream == atomic_load(&s->input.stream)) {
        lose(s, AAUDIO_INPUT, error);
    }
}
