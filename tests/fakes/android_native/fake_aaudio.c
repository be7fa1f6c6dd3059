/*
 * The functions of libaaudio.so over the engine. FAKE_OLD leaves out what came after Android 8,
 * FAKE_BROKEN one that every Android has.
 */
#include "fake_aaudio.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum { UNASKED = -99, NEW_SESSION = 4711, STATE_OPEN = 2, STATE_STARTED = 4, STATE_STOPPED = 10 };

pthread_mutex_t fake_mutex = PTHREAD_MUTEX_INITIALIZER;
config fake_config;

#define KEY(field) {#field, offsetof(config, field)}
static const struct {
    const char *name;
    size_t offset;
} KEYS[] = {
    KEY(burst), KEY(vary), KEY(in_burst), KEY(delay), KEY(lead), KEY(rate), KEY(in_rate),
    KEY(channels), KEY(in_channels), KEY(formats), KEY(in_formats), KEY(grant_format),
    KEY(exclusive), KEY(mmap), KEY(capacity), KEY(open_error), KEY(in_open_error),
    KEY(start_error), KEY(in_start_error), KEY(stall_at), KEY(stall), KEY(lose_at), KEY(lose),
    KEY(xrun_every), KEY(disconnect_at), KEY(in_disconnect_at), KEY(read_error_at),
    KEY(read_error), KEY(zero_from), KEY(zero), KEY(late_callback),
};

void fake_log(const char *format, ...)
{
    char path[512];
    snprintf(path, sizeof path, "%s.log", getenv("FAKE_AAUDIO_CONFIG"));
    FILE *file = fopen(path, "a");
    va_list values;
    va_start(values, format);
    vfprintf(file, format, values);
    va_end(values);
    fputc('\n', file);
    fclose(file);
}

static void set_key(config *c, const char *name, const char *value)
{
    for (size_t i = 0; i < sizeof KEYS / sizeof KEYS[0]; i++) {
        if (strcmp(KEYS[i].name, name) == 0) {
            int64_t number = strtoll(value, NULL, 10);
            memcpy((char *)c + KEYS[i].offset, &number, sizeof number);
        }
    }
    if (strcmp(name, "name") == 0) {
        snprintf(c->name, sizeof c->name, "%s", value);
    }
}

void fake_read_config(void)
{
    config c = {.burst = 192, .formats = 3, .in_formats = 3, .exclusive = 1, .mmap = 1,
                .capacity = 3072, .stall_at = -1, .lose_at = -1, .disconnect_at = -1,
                .in_disconnect_at = -1, .read_error_at = -1, .zero_from = -1};
    char word[256];
    FILE *file = fopen(getenv("FAKE_AAUDIO_CONFIG"), "r");
    while (file != NULL && fscanf(file, "%255s", word) == 1) {
        char *equals = strchr(word, '=');
        if (equals != NULL) {
            *equals = '\0';
            set_key(&c, word, equals + 1);
        }
    }
    if (file != NULL) {
        fclose(file);
    }
    pthread_mutex_lock(&fake_mutex);
    bool new_name = strcmp(c.name, fake_config.name) != 0;
    fake_config = c;
    pthread_mutex_unlock(&fake_mutex);
    if (new_name) {
        fake_log("scenario %s", c.name);
    }
}

int32_t AAudio_createStreamBuilder(builder **out)
{
    fake_read_config();
    *out = malloc(sizeof(builder));
    **out = (builder){.sharing = UNASKED, .performance = UNASKED, .usage = UNASKED,
                      .content_type = UNASKED, .input_preset = UNASKED, .session = UNASKED};
    return OK;
}

int32_t AAudioStreamBuilder_delete(builder *b)
{
    free(b);
    return OK;
}

#define SETTER(name, field) \
    void AAudioStreamBuilder_##name(builder *b, int32_t value) \
    { \
        b->field = value; \
    }
SETTER(setDirection, direction)
SETTER(setSampleRate, rate)
SETTER(setChannelCount, channels)
SETTER(setFormat, format)
SETTER(setSharingMode, sharing)
SETTER(setPerformanceMode, performance)
SETTER(setDeviceId, device)
SETTER(setBufferCapacityInFrames, capacity)

void AAudioStreamBuilder_setDataCallback(builder *b,
                                         int32_t (*call)(stream *, void *, void *, int32_t),
                                         void *user)
{
    b->data = call;
    b->data_user = user;
}

void AAudioStreamBuilder_setErrorCallback(builder *b, void (*call)(stream *, void *, int32_t),
                                          void *user)
{
    b->error = call;
    b->error_user = user;
}

static int32_t refusal(const builder *b)
{
    const config *c = &fake_config;
    bool out = b->direction == OUTPUT;
    int64_t code = out ? c->open_error : c->in_open_error;
    if (code == 0 && b->format != 0 && ((out ? c->formats : c->in_formats) & b->format) == 0) {
        code = INVALID_FORMAT;
    }
    return (int32_t)code;
}

static int32_t granted_or(int64_t granted, int32_t asked, int32_t otherwise)
{
    return granted != 0 ? (int32_t)granted : asked != 0 ? asked : otherwise;
}

static stream *grant(const builder *b)
{
    const config *c = &fake_config;
    bool out = b->direction == OUTPUT;
    stream *s = calloc(1, sizeof *s);
    s->asked = *b;
    s->rate = granted_or(out ? c->rate : c->in_rate, b->rate, 48000);
    s->channels = granted_or(out ? c->channels : c->in_channels, b->channels, out ? 2 : 1);
    s->format = out ? b->format : granted_or(c->grant_format, b->format, INT16);
    s->sharing = b->sharing == 0 && c->exclusive != 0 ? 0 : 1;
    s->mmap = (int32_t)c->mmap;
    s->burst = (int32_t)c->burst;
    s->capacity = granted_or(0, b->capacity, (int32_t)c->capacity);
    s->buffer = s->burst * 2;
    s->session = b->session == 0 ? NEW_SESSION : b->session > 0 ? b->session : -1;
    s->state = STATE_OPEN;
    return s;
}

int32_t AAudioStreamBuilder_openStream(builder *b, stream **out)
{
    int32_t result = refusal(b);
    if (result == OK) {
        *out = grant(b);
        engine_attach(*out);
    }
    fake_log("open %s rate=%d channels=%d format=%d sharing=%d performance=%d device=%d "
             "capacity=%d usage=%d content_type=%d input_preset=%d session=%d callback=%d -> %d",
             b->direction == OUTPUT ? "output" : "input", b->rate, b->channels, b->format,
             b->sharing, b->performance, b->device, b->capacity, b->usage, b->content_type,
             b->input_preset, b->session, b->data != NULL, result);
    return result;
}

int32_t AAudioStream_close(stream *s)
{
    bool out = s->asked.direction == OUTPUT;
    engine_detach(s);
    fake_log("close %s", out ? "output" : "input");
    if (out && fake_config.late_callback != 0) {
        float samples[64] = {1.0f};
        int32_t said = s->asked.data(s, s->asked.data_user, samples, 1);
        s->asked.error(s, s->asked.error_user, DISCONNECTED);
        fake_log("late callback -> %d, sample %.1f", said, (double)samples[0]);
    }
    free(s);
    return OK;
}

int32_t AAudioStream_requestStart(stream *s)
{
    int32_t result = engine_start(s);
    s->state = result == OK ? STATE_STARTED : s->state;
    fake_log("start %s -> %d", s->asked.direction == OUTPUT ? "output" : "input", result);
    return result;
}

int32_t AAudioStream_requestStop(stream *s)
{
    engine_stop(s);
    s->state = STATE_STOPPED;
    fake_log("stop %s", s->asked.direction == OUTPUT ? "output" : "input");
    return OK;
}

int32_t AAudioStream_waitForStateChange(stream *s, int32_t from, int32_t *now, int64_t timeout_ns)
{
    (void)timeout_ns;
    *now = s->state;
    return s->state != from ? OK : -885;
}

#ifndef FAKE_BROKEN
int32_t AAudioStream_read(stream *s, void *into, int32_t frames, int64_t timeout_ns)
{
    return timeout_ns != 0 || frames <= 0 ? ILLEGAL_ARGUMENT : engine_read(s, into, frames);
}
#endif

int32_t AAudioStream_getTimestamp(stream *s, int32_t clock, int64_t *frame, int64_t *time_ns)
{
    return clock != 1 ? ILLEGAL_ARGUMENT : engine_timestamp(s, frame, time_ns);
}

int32_t AAudioStream_setBufferSizeInFrames(stream *s, int32_t frames)
{
    s->buffer = frames > s->capacity ? s->capacity : frames < s->burst ? s->burst : frames;
    return s->buffer;
}

#define GETTER(name, value) \
    int32_t AAudioStream_##name(stream *s) \
    { \
        pthread_mutex_lock(&fake_mutex); \
        int32_t result = s != NULL ? (value) : ILLEGAL_ARGUMENT; \
        pthread_mutex_unlock(&fake_mutex); \
        return result; \
    }
GETTER(getSampleRate, s->rate)
GETTER(getChannelCount, s->channels)
GETTER(getFormat, s->format)
GETTER(getFramesPerBurst, s->burst)
GETTER(getBufferSizeInFrames, s->buffer)
GETTER(getBufferCapacityInFrames, s->capacity)
GETTER(getSharingMode, s->sharing)
GETTER(getPerformanceMode, s->asked.performance == UNASKED ? 10 : s->asked.performance)
GETTER(getDeviceId, s->asked.device != 0 ? s->asked.device : 2 + s->asked.direction)
GETTER(getXRunCount, s->xruns)

#ifndef FAKE_OLD
SETTER(setUsage, usage)
SETTER(setContentType, content_type)
SETTER(setInputPreset, input_preset)
SETTER(setSessionId, session)
GETTER(getUsage, s->asked.usage == UNASKED ? 1 : s->asked.usage)
GETTER(getContentType, s->asked.content_type == UNASKED ? 2 : s->asked.content_type)
GETTER(getInputPreset, s->asked.input_preset == UNASKED ? 6 : s->asked.input_preset)
GETTER(getSessionId, s->session)
GETTER(getHardwareSampleRate, 48000)
GETTER(getHardwareChannelCount, s->asked.direction == OUTPUT ? 2 : 1)
GETTER(getHardwareFormat, 3)

bool AAudioStream_isMMapUsed(stream *s)
{
    return s->mmap != 0;
}
#endif
