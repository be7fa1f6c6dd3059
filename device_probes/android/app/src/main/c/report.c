/* What a session says of itself while it runs and after. */
#include "bionic.h"
#include "session.h"

static int64_t xruns(const side *of)
{
    AAudioStream *stream = atomic_load(&of->stream);
    int32_t count = stream == NULL ? 0 : aaudio()->getXRunCount(stream);
    return count < 0 ? 0 : count; /* negative = the stream is gone */
}

static void write_status(session *s, int64_t *status)
{
    status[S_STATE] = atomic_load(&s->state);
    bool lost = status[S_STATE] == STATE_LOST;
    status[S_ERROR] = lost ? atomic_load(&s->error) : 0;
    status[S_LOST_DIRECTION] = lost ? atomic_load(&s->lost_direction) : -1;
    status[S_PLAYED_FRAMES] = atomic_load(&s->played);
    status[S_RECORDED_FRAMES] = atomic_load(&s->recorded);
    status[S_CALLBACKS] = atomic_load(&s->callbacks);
    status[S_SHORT_READS] = atomic_load(&s->short_reads);
    status[S_FILLED_FRAMES] = atomic_load(&s->filled);
    status[S_OWED_FRAMES_MAX] = atomic_load(&s->owed_max);
    status[S_DRAINED_FRAMES] = atomic_load(&s->drained);
    status[S_XRUNS_OUTPUT] = xruns(&s->output);
    status[S_XRUNS_INPUT] = xruns(&s->input);
    status[S_OPENED_NS] = atomic_load(&s->opened_ns);
    status[S_STARTED_NS] = atomic_load(&s->started_ns);
    status[S_FIRST_OUTPUT_NS] = atomic_load(&s->first_output_ns);
    status[S_FIRST_INPUT_NS] = atomic_load(&s->first_input_ns);
    status[S_FIRST_NONZERO_NS] = atomic_load(&s->first_nonzero_ns);
    status[S_INTERVAL_MAX_NS] = atomic_load(&s->interval_max_ns);
    status[S_OUTPUT_FRAME_0] = atomic_load(&s->output_frame_0);
    status[S_READ_ERRORS] = atomic_load(&s->read_errors);
    status[S_READ_ERROR] = atomic_load(&s->read_error);
}

int32_t session_poll(int64_t handle, int64_t status[S_COUNT])
{
    session *s = session_enter(handle);
    if (s == NULL) {
        return ERROR_CLOSED;
    }
    write_status(s, status);
    return session_leave(AAUDIO_OK);
}

/* Frame of the stream's own count that stands at frame 0 of the timeline or the recording. */
static int64_t frame_zero(session *s, int32_t direction)
{
    if (direction == AAUDIO_OUTPUT) {
        return atomic_load(&s->output_frame_0);
    }
    return (int64_t)atomic_load(&s->drained) - atomic_load(&s->filled);
}

static int32_t timestamp_locked(session *s, int32_t direction, int64_t *pair)
{
    if (direction != AAUDIO_OUTPUT && direction != AAUDIO_INPUT) {
        return ERROR_ARGUMENT;
    }
    bool output = direction == AAUDIO_OUTPUT;
    if (output ? atomic_load(&s->output_frame_0) < 0 : !atomic_load(&s->input_begun)) {
        return ERROR_STATE;
    }
    int64_t frame = 0;
    int64_t time_ns = 0;
    AAudioStream *stream = atomic_load(output ? &s->output.stream : &s->input.stream);
    int32_t result = aaudio()->getTimestamp(stream, BIONIC_CLOCK_MONOTONIC, &frame, &time_ns);
    if (result != AAUDIO_OK) {
        return result < 0 ? result : ERROR_STATE;
    }
    pair[0] = frame - frame_zero(s, direction);
    pair[1] = time_ns;
    return AAUDIO_OK;
}

int32_t session_timestamp(int64_t handle, int32_t direction, int64_t pair[2])
{
    session *s = session_enter(handle);
    return s == NULL ? ERROR_CLOSED : session_leave(timestamp_locked(s, direction, pair));
}

int32_t session_histogram(int64_t handle, int64_t counts[H_COUNT])
{
    session *s = session_enter(handle);
    if (s == NULL) {
        return ERROR_CLOSED;
    }
    for (int i = 0; i < H_COUNT; i++) {
        counts[i] = atomic_load(&s->histogram[i]);
    }
    return session_leave(AAUDIO_OK);
}
