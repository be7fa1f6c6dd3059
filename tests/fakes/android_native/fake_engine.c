/* The audio clock and the air of the fake libaaudio; see fake_aaudio.h. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "fake_aaudio.h"

enum { AIR_FRAMES = 1 << 20, PACE_NS = 20000 };

static stream *streams[DIRECTIONS];
static float air[AIR_FRAMES]; /* what the output played, first channel */
static int64_t played, callbacks, captured, taken, lost;
static bool running, input_runs;
static pthread_t engine;
static pthread_t messengers[DIRECTIONS];
static bool messenger_runs[DIRECTIONS];

void engine_attach(stream *one)
{
    pthread_mutex_lock(&fake_mutex);
    streams[one->asked.direction] = one;
    if (one->asked.direction == OUTPUT) {
        memset(air, 0, sizeof air);
        played = callbacks = captured = taken = lost = 0;
    }
    pthread_mutex_unlock(&fake_mutex);
}

/* Frames the input has collected when the callback for [played, played + frames) comes. */
static void capture(int64_t frames)
{
    const config *c = &fake_config;
    int64_t since = callbacks - c->stall_at;
    bool stalled = c->stall_at >= 0 && since >= 0 && since < c->stall;
    stream *input = streams[INPUT];
    if (!input_runs || input == NULL || input->lost || stalled) {
        return;
    }
    if (callbacks == c->lose_at && lost == 0) {
        lost = c->lose;
        input->xruns++;
    }
    int64_t count = played + frames + c->lead;
    if (streams[OUTPUT] != NULL && streams[OUTPUT]->rate != input->rate) {
        count = count * input->rate / streams[OUTPUT]->rate;
    }
    if (c->in_burst > 0 && count > 0) {
        count = count / c->in_burst * c->in_burst;
    }
    count -= lost;
    captured = count > captured ? count : captured;
}

static float heard(int64_t frame)
{
    const config *c = &fake_config;
    if (c->zero_from >= 0 && frame >= c->zero_from && frame < c->zero_from + c->zero) {
        return 0.0f;
    }
    stream *input = streams[INPUT];
    int64_t at = frame + lost;
    if (streams[OUTPUT] != NULL && streams[OUTPUT]->rate != input->rate) {
        at = at * streams[OUTPUT]->rate / input->rate;
    }
    at -= c->lead + c->burst + c->delay;
    float unit = ((uint32_t)frame * 2654435761u >> 16 & 1u) != 0 ? 1.0f : -1.0f;
    float sound = at >= 0 && at < played && at < AIR_FRAMES ? air[at] : 0.0f;
    return sound * 0.5f + unit / 32768.0f;
}

static int32_t read_locked(stream *one, void *into, int32_t frames)
{
    const config *c = &fake_config;
    if (one->lost) {
        return DISCONNECTED;
    }
    if (callbacks == c->read_error_at) {
        return (int32_t)c->read_error;
    }
    int64_t there = captured - taken;
    int32_t count = there < frames ? (int32_t)there : frames;
    for (int32_t i = 0; i < count; i++) {
        float sample = heard(taken + i);
        for (int32_t channel = 0; channel < one->channels; channel++) {
            float signed_sample = channel % 2 == 0 ? sample : -sample;
            int32_t place = i * one->channels + channel;
            if (one->format == FLOAT32) {
                ((float *)into)[place] = signed_sample;
            } else {
                ((int16_t *)into)[place] = (int16_t)(signed_sample * 32768.0f);
            }
        }
    }
    taken += count;
    return count;
}

int32_t engine_read(stream *one, void *into, int32_t frames)
{
    pthread_mutex_lock(&fake_mutex);
    int32_t result = read_locked(one, into, frames);
    pthread_mutex_unlock(&fake_mutex);
    return result;
}

static void *send_error(void *argument)
{
    stream *one = argument;
    one->asked.error(one, one->asked.error_user, DISCONNECTED);
    return NULL;
}

/* As AAudio does: the stream is dead at once, the error callback comes from a thread of its own. */
static void disconnect(int direction)
{
    stream *one = streams[direction];
    if (one == NULL || one->lost) {
        return;
    }
    one->lost = true;
    if (one->asked.error != NULL) {
        messenger_runs[direction] =
            pthread_create(&messengers[direction], NULL, send_error, one) == 0;
    }
}

/* Frames of the next callback, 0 = the output is to end. */
static int32_t before_callback(void)
{
    const config *c = &fake_config;
    pthread_mutex_lock(&fake_mutex);
    int64_t frames = c->vary != 0 && callbacks % 2 == 1 ? c->burst / 2 : c->burst;
    if (callbacks == c->disconnect_at) {
        disconnect(OUTPUT);
    }
    if (callbacks == c->in_disconnect_at) {
        disconnect(INPUT);
    }
    if (c->xrun_every > 0 && callbacks > 0 && callbacks % c->xrun_every == 0) {
        streams[OUTPUT]->xruns++;
    }
    capture(frames);
    bool ended = !running || streams[OUTPUT]->lost;
    pthread_mutex_unlock(&fake_mutex);
    return ended ? 0 : (int32_t)frames;
}

static void after_callback(const stream *out, const void *samples, int32_t frames)
{
    pthread_mutex_lock(&fake_mutex);
    for (int32_t i = 0; i < frames && played + i < AIR_FRAMES; i++) {
        int32_t place = i * out->channels;
        float wide = ((const float *)samples)[out->format == FLOAT32 ? place : 0];
        float narrow = (float)((const int16_t *)samples)[place] / 32768.0f;
        air[played + i] = out->format == FLOAT32 ? wide : narrow;
    }
    played += frames;
    callbacks++;
    pthread_mutex_unlock(&fake_mutex);
}

static void *run(void *argument)
{
    stream *out = argument;
    size_t bytes = (size_t)fake_config.burst * (size_t)out->channels * sizeof(float);
    char *samples = malloc(bytes);
    const struct timespec pause = {0, PACE_NS};
    for (int32_t frames = before_callback(); frames > 0; frames = before_callback()) {
        memset(samples, 0x55, bytes); /* what a callback leaves alone must be found */
        int32_t said = out->asked.data(out, out->asked.data_user, samples, frames);
        after_callback(out, samples, frames);
        if (said != 0) {
            break;
        }
        nanosleep(&pause, NULL);
    }
    free(samples);
    return NULL;
}

int32_t engine_start(stream *one)
{
    const config *c = &fake_config;
    if (one->asked.direction == INPUT) {
        pthread_mutex_lock(&fake_mutex);
        input_runs = c->in_start_error == 0;
        pthread_mutex_unlock(&fake_mutex);
        return (int32_t)c->in_start_error;
    }
    if (c->start_error != 0) {
        return (int32_t)c->start_error;
    }
    running = true;
    return pthread_create(&engine, NULL, run, one) == 0 ? OK : INVALID_STATE;
}

void engine_stop(stream *one)
{
    if (one->asked.direction == INPUT) {
        pthread_mutex_lock(&fake_mutex);
        input_runs = false;
        pthread_mutex_unlock(&fake_mutex);
        return;
    }
    pthread_mutex_lock(&fake_mutex);
    bool was = running;
    running = false;
    pthread_mutex_unlock(&fake_mutex);
    if (was) {
        pthread_join(engine, NULL);
    }
}

void engine_detach(stream *one)
{
    int direction = one->asked.direction;
    engine_stop(one);
    if (messenger_runs[direction]) {
        pthread_join(messengers[direction], NULL);
        messenger_runs[direction] = false;
    }
    pthread_mutex_lock(&fake_mutex);
    streams[direction] = NULL;
    pthread_mutex_unlock(&fake_mutex);
}

/* Frame f of the output passes at 1000 s + f / rate; the input's frames lie on the same line. */
int32_t engine_timestamp(stream *one, int64_t *frame, int64_t *time_ns)
{
    pthread_mutex_lock(&fake_mutex);
    bool output = one->asked.direction == OUTPUT;
    int64_t lead = output ? 0 : fake_config.lead;
    *frame = output ? played - fake_config.burst : captured - 1;
    *time_ns = 1000000000000 + (*frame - lead) * 1000000000 / one->rate;
    int32_t result = *frame < 0 || one->lost ? INVALID_STATE : OK;
    pthread_mutex_unlock(&fake_mutex);
    return result;
}
