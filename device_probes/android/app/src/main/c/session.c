/* Life of the one session: every call by handle, one at a time. */
#include "session.h"

#include "bionic.h"

enum {
    LOCK_WAIT_US = 200,
    CALLBACK_WAIT_US = 500,
    CALLBACK_WAITS = 4000, /* 2 s: a callback that long is stuck in the vendor's library */
    STOP_TIMEOUT_MS = 500,
    CLOSE_WAIT_US = 10000, /* late callbacks after a stop, seen up to Android 11 (google/oboe) */
    MAX_FRAMES = 1 << 27,
    MAX_BYTES = 1 << 29,
};

static session the_session;
static atomic_flag taken = ATOMIC_FLAG_INIT;
static int64_t last_handle;

static void lock(void)
{
    while (atomic_flag_test_and_set(&taken)) {
        (void)usleep(LOCK_WAIT_US);
    }
}

int32_t session_leave(int32_t result)
{
    atomic_flag_clear(&taken);
    return result;
}

session *session_enter(int64_t handle)
{
    lock();
    if (handle > 0 && handle == the_session.handle) {
        return &the_session;
    }
    (void)session_leave(0);
    return NULL;
}

int32_t session_check(void)
{
    lock();
    return session_leave(aaudio_load());
}

static bool in_range(int32_t value, int32_t low, int32_t high)
{
    return value >= low && value <= high;
}

static bool wanted_is_sane(const int32_t *w)
{
    bool formats = (w[W_OUTPUT_FORMAT] == DEFAULT || in_range(w[W_OUTPUT_FORMAT], 1, 2)) &&
                   (w[W_INPUT_FORMAT] == DEFAULT || in_range(w[W_INPUT_FORMAT], 1, 2));
    bool sizes = w[W_RATE_HZ] >= 0 && w[W_OUTPUT_DEVICE] >= 0 && w[W_INPUT_DEVICE] >= 0 &&
                 w[W_BUFFER_BURSTS] >= 0 && w[W_BUFFER_FRAMES] >= 0 && w[W_CAPACITY_FRAMES] >= 0;
    return formats && sizes && in_range(w[W_OUTPUT_CHANNELS], 1, MAX_CHANNELS) &&
           in_range(w[W_INPUT_CHANNELS], 1, MAX_CHANNELS) && w[W_SESSION] >= SESSION_NONE;
}

/* No callback looks at these before start; a late one of the session before is not allowed in. */
static void reset(session *s)
{
    s->timeline = NULL;
    s->recording = NULL;
    s->timeline_frames = s->recording_frames = 0;
    s->prepared = s->halted = false;
    s->warmup_left = s->owed = s->stream_frames = 0;
    s->carry = 0.0;
    s->last_callback_ns = 0;
    atomic_store(&s->input_begun, false);
    _Atomic int32_t *zeros[] = {&s->state,       &s->error,    &s->played,      &s->recorded,
                                &s->callbacks,   &s->filled,   &s->short_reads, &s->owed_max,
                                &s->read_errors, &s->drained,  &s->read_error};
    for (size_t i = 0; i < sizeof zeros / sizeof zeros[0]; i++) {
        atomic_store(zeros[i], 0);
    }
    for (int i = 0; i < H_COUNT; i++) {
        atomic_store(&s->histogram[i], 0);
    }
    _Atomic int64_t *times[] = {&s->opened_ns, &s->started_ns, &s->first_output_ns,
                                &s->first_input_ns, &s->first_nonzero_ns, &s->interval_max_ns};
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
        atomic_store(times[i], -1);
    }
    atomic_store(&s->lost_direction, -1);
    atomic_store(&s->output_frame_0, -1);
    s->origin_ns = bionic_now_ns();
}

static int64_t open_locked(session *s, const int32_t *wanted, int32_t *granted)
{
    if (!wanted_is_sane(wanted)) {
        return ERROR_ARGUMENT;
    }
    if (s->handle != 0) {
        return ERROR_BUSY;
    }
    int32_t result = aaudio_load();
    if (result < 0) {
        return result;
    }
    reset(s);
    result = streams_open(s, wanted, granted);
    if (result < 0) {
        return result;
    }
    atomic_store(&s->opened_ns, bionic_now_ns() - s->origin_ns);
    s->handle = ++last_handle;
    return s->handle;
}

int64_t session_open(const int32_t wanted[W_COUNT], int32_t granted[G_COUNT])
{
    lock();
    int64_t result = open_locked(&the_session, wanted, granted);
    (void)session_leave(0);
    return result;
}

/* Memory whose pages are there: a page fault in a callback would be a click. */
static void *take(int64_t bytes)
{
    void *memory = malloc((size_t)bytes);
    if (memory != NULL) {
        memset(memory, 0, (size_t)bytes);
    }
    return memory;
}

static int32_t prepare_locked(session *s, int32_t warmup, int32_t timeline, int32_t recording)
{
    if (!in_range(warmup, 0, MAX_FRAMES) || !in_range(timeline, 0, MAX_FRAMES) ||
        !in_range(recording, 1, MAX_FRAMES)) {
        return ERROR_ARGUMENT;
    }
    if (s->prepared || atomic_load(&s->state) != STATE_OPEN) {
        return ERROR_STATE;
    }
    int64_t played = ((int64_t)timeline + 1) * (int64_t)sizeof(float);
    int64_t recorded = (int64_t)recording * s->input.frame_bytes;
    if (played + recorded > MAX_BYTES) {
        return ERROR_NO_MEMORY;
    }
    s->timeline = take(played);
    s->recording = take(recorded);
    if (s->timeline == NULL || s->recording == NULL) {
        free(s->timeline);
        free(s->recording);
        s->timeline = NULL;
        s->recording = NULL;
        return ERROR_NO_MEMORY;
    }
    s->warmup_left = warmup;
    s->timeline_frames = timeline;
    s->recording_frames = recording;
    s->prepared = true;
    return AAUDIO_OK;
}

int32_t session_prepare(int64_t handle, int32_t warmup, int32_t timeline, int32_t recording)
{
    session *s = session_enter(handle);
    return s == NULL ? ERROR_CLOSED : session_leave(prepare_locked(s, warmup, timeline, recording));
}

int32_t session_mix(int64_t handle, int32_t at_frame, const float *samples, int32_t count)
{
    session *s = session_enter(handle);
    if (s == NULL) {
        return ERROR_CLOSED;
    }
    if (!s->prepared || atomic_load(&s->state) != STATE_OPEN) {
        return session_leave(ERROR_STATE);
    }
    if (at_frame < 0 || count < 0 || (int64_t)at_frame + count > s->timeline_frames) {
        return session_leave(ERROR_ARGUMENT);
    }
    for (int32_t i = 0; i < count; i++) {
        s->timeline[at_frame + i] += samples[i];
    }
    return session_leave(AAUDIO_OK);
}

static void stop_side(const side *of)
{
    AAudioStream *stream = atomic_load(&of->stream);
    if (stream != NULL && aaudio()->requestStop(stream) == AAUDIO_OK) {
        int32_t now = 0;
        (void)aaudio()->waitForStateChange(stream, AAUDIO_STATE_STOPPING, &now,
                                           (int64_t)STOP_TIMEOUT_MS * 1000000);
    }
}

/* Whether no callback runs any more. */
static bool callbacks_ended(session *s)
{
    atomic_store(&s->allowed, false);
    for (int i = 0; i < CALLBACK_WAITS && atomic_load(&s->in_callback) != 0; i++) {
        (void)usleep(CALLBACK_WAIT_US);
    }
    return atomic_load(&s->in_callback) == 0;
}

static int32_t halt(session *s)
{
    if (s->halted) {
        return AAUDIO_OK;
    }
    s->halted = true;
    (void)callbacks_ended(s);
    int32_t state = atomic_load(&s->state);
    while (state < STATE_DONE &&
           !atomic_compare_exchange_weak(&s->state, &state, STATE_STOPPED)) {
    }
    stop_side(&s->output);
    stop_side(&s->input);
    return AAUDIO_OK;
}

static int32_t start_locked(session *s)
{
    int32_t opened = STATE_OPEN;
    if (!s->prepared || s->halted ||
        !atomic_compare_exchange_strong(&s->state, &opened, STATE_WARMING)) {
        return ERROR_STATE;
    }
    atomic_store(&s->allowed, true);
    int32_t result = aaudio()->requestStart(atomic_load(&s->input.stream));
    if (result == AAUDIO_OK) {
        result = aaudio()->requestStart(atomic_load(&s->output.stream));
    }
    if (result != AAUDIO_OK) {
        (void)halt(s);
        return result < 0 ? result : ERROR_STATE;
    }
    atomic_store(&s->started_ns, bionic_now_ns() - s->origin_ns);
    return AAUDIO_OK;
}

int32_t session_start(int64_t handle)
{
    session *s = session_enter(handle);
    return s == NULL ? ERROR_CLOSED : session_leave(start_locked(s));
}

int32_t session_stop(int64_t handle)
{
    session *s = session_enter(handle);
    return s == NULL ? ERROR_CLOSED : session_leave(halt(s));
}

static int32_t close_locked(session *s)
{
    (void)halt(s);
    (void)usleep(CLOSE_WAIT_US);
    streams_close(s);
    if (callbacks_ended(s)) { /* otherwise the memory stays with the stuck callback */
        free(s->timeline);
        free(s->recording);
    }
    s->timeline = NULL;
    s->recording = NULL;
    s->handle = 0;
    return AAUDIO_OK;
}

int32_t session_close(int64_t handle)
{
    session *s = session_enter(handle);
    return s == NULL ? ERROR_CLOSED : session_leave(close_locked(s));
}

int32_t session_zero_run(int64_t handle)
{
    session *s = session_enter(handle);
    if (s == NULL) {
        return ERROR_CLOSED;
    }
    if (!s->halted || !s->prepared) {
        return session_leave(ERROR_STATE);
    }
    return session_leave(samples_zero_run(s->recording, atomic_load(&s->recorded), &s->input));
}

int32_t session_frame_bytes(int64_t handle)
{
    session *s = session_enter(handle);
    return s == NULL ? ERROR_CLOSED : session_leave(s->input.frame_bytes);
}

static int32_t read_locked(session *s, int32_t first_frame, char *into, int32_t bytes)
{
    if (!s->prepared) {
        return ERROR_STATE;
    }
    if (!in_range(first_frame, 0, s->recording_frames) || bytes < s->input.frame_bytes) {
        return ERROR_ARGUMENT;
    }
    int32_t there = atomic_load(&s->recorded);
    int32_t frames = first_frame < there ? there - first_frame : 0;
    /* in doubles: not every 32 bit ARM divides whole numbers, and no helper library is linked */
    int32_t room = (int32_t)((double)bytes / s->input.frame_bytes);
    frames = frames < room ? frames : room;
    size_t frame = (size_t)s->input.frame_bytes;
    memcpy(into, s->recording + (size_t)first_frame * frame, (size_t)frames * frame);
    return frames;
}

int32_t session_read(int64_t handle, int32_t first_frame, char *into, int32_t bytes)
{
    session *s = session_enter(handle);
    return s == NULL ? ERROR_CLOSED : session_leave(read_locked(s, first_frame, into, bytes));
}
