/* Opens the two streams as wanted and writes down what was granted. */
#include "bionic.h"
#include "session.h"

#define LOG(...) ((void)__android_log_print(BIONIC_LOG_INFO, "chirpbench", __VA_ARGS__))

enum { MAX_RATE_HZ = 1000000 };

/* What one direction is asked for; DEFAULT = leave it to the system. */
typedef struct plan {
    int32_t direction, rate_hz, channels, format, sharing, performance, device, capacity;
    int32_t usage, content_type, input_preset, session;
    session *owner;
} plan;

/* Calls an optional setter, or says with which bit it could not. */
static int32_t ask(aaudio_set set, AAudioStreamBuilder *builder, int32_t value, int32_t bit)
{
    if (set == NULL) {
        return bit;
    }
    set(builder, value);
    return 0;
}

static int32_t ask_optional(const plan *p, AAudioStreamBuilder *builder)
{
    const aaudio_api *a = aaudio();
    int32_t not_asked = 0;
    if (p->usage != DEFAULT) {
        not_asked |= ask(a->setUsage, builder, p->usage, F_USAGE);
    }
    if (p->content_type != DEFAULT) {
        not_asked |= ask(a->setContentType, builder, p->content_type, F_CONTENT_TYPE);
    }
    if (p->input_preset != DEFAULT) {
        not_asked |= ask(a->setInputPreset, builder, p->input_preset, F_INPUT_PRESET);
    }
    if (p->session != DEFAULT) {
        int32_t id = p->session == SESSION_NONE ? AAUDIO_SESSION_NONE : p->session;
        not_asked |= ask(a->setSessionId, builder, id, F_SESSION);
    }
    return not_asked;
}

static void ask_required(const plan *p, AAudioStreamBuilder *builder, int32_t format)
{
    const aaudio_api *a = aaudio();
    a->setDirection(builder, p->direction);
    a->setSampleRate(builder, p->rate_hz);
    a->setChannelCount(builder, p->channels);
    a->setFormat(builder, format);
    a->setDeviceId(builder, p->device);
    a->setErrorCallback(builder, callback_error, p->owner);
    if (p->sharing != DEFAULT) {
        a->setSharingMode(builder, p->sharing);
    }
    if (p->performance != DEFAULT) {
        a->setPerformanceMode(builder, p->performance);
    }
    if (p->capacity > 0) {
        a->setBufferCapacityInFrames(builder, p->capacity);
    }
    if (p->direction == AAUDIO_OUTPUT) {
        a->setDataCallback(builder, callback_output, p->owner);
    }
}

static int32_t try_open(const plan *p, int32_t format, AAudioStream **stream, int32_t *not_asked)
{
    AAudioStreamBuilder *builder = NULL;
    int32_t result = aaudio()->createStreamBuilder(&builder);
    if (result != AAUDIO_OK || builder == NULL) {
        return result < 0 ? result : ERROR_GRANTED;
    }
    ask_required(p, builder, format);
    *not_asked |= ask_optional(p, builder);
    *stream = NULL;
    result = aaudio()->openStream(builder, stream);
    (void)aaudio()->deleteBuilder(builder);
    LOG("open direction %d format %d: %d", (int)p->direction, (int)format, (int)result);
    if (result == AAUDIO_OK && *stream == NULL) {
        return ERROR_GRANTED;
    }
    return result > 0 ? AAUDIO_OK : result;
}

/* DEFAULT: float32 holds every sample the hardware gives; int16 where it is refused. */
static int32_t open_side(const plan *p, side *to, int32_t *not_asked)
{
    AAudioStream *stream = NULL;
    int32_t first = p->format == DEFAULT ? AAUDIO_FLOAT32 : p->format;
    int32_t result = try_open(p, first, &stream, not_asked);
    if (result < 0 && p->format == DEFAULT) {
        int32_t again = try_open(p, AAUDIO_INT16, &stream, not_asked);
        result = again < 0 ? result : again;
    }
    if (result < 0) {
        return result;
    }
    to->rate_hz = aaudio()->getSampleRate(stream);
    to->channels = aaudio()->getChannelCount(stream);
    to->format = aaudio()->getFormat(stream);
    to->frame_bytes = to->channels * (to->format == AAUDIO_FLOAT32 ? 4 : 2);
    atomic_store(&to->stream, stream);
    bool known = to->format == AAUDIO_FLOAT32 || to->format == AAUDIO_INT16;
    bool sane = to->rate_hz > 0 && to->rate_hz <= MAX_RATE_HZ && to->channels > 0;
    return known && sane && to->channels <= MAX_CHANNELS ? AAUDIO_OK : ERROR_GRANTED;
}

/* Before anything is written down, so that the granted buffer is the final one. */
static void set_buffer(const side *of, const int32_t *wanted)
{
    AAudioStream *stream = atomic_load(&of->stream);
    int64_t frames = wanted[W_BUFFER_FRAMES];
    if (frames == 0) {
        frames = (int64_t)wanted[W_BUFFER_BURSTS] * aaudio()->getFramesPerBurst(stream);
    }
    frames = frames > INT32_MAX ? INT32_MAX : frames;
    if (frames > 0) {
        (void)aaudio()->setBufferSizeInFrames(stream, (int32_t)frames);
    }
}

static int32_t say(aaudio_get get, AAudioStream *stream)
{
    return get == NULL ? UNKNOWN : get(stream);
}

static void write_granted(const side *of, int32_t direction, int32_t *granted)
{
    const aaudio_api *a = aaudio();
    AAudioStream *stream = atomic_load(&of->stream);
    granted[G_RATE_HZ] = of->rate_hz;
    granted[G_CHANNELS] = of->channels;
    granted[G_FORMAT] = of->format;
    granted[G_BURST_FRAMES] = a->getFramesPerBurst(stream);
    granted[G_BUFFER_FRAMES] = a->getBufferSizeInFrames(stream);
    granted[G_CAPACITY_FRAMES] = a->getBufferCapacityInFrames(stream);
    granted[G_SHARING] = a->getSharingMode(stream);
    granted[G_PERFORMANCE] = a->getPerformanceMode(stream);
    granted[G_DEVICE_ID] = a->getDeviceId(stream);
    granted[G_SESSION_ID] = say(a->getSessionId, stream);
    granted[G_MMAP] = a->isMMapUsed == NULL ? UNKNOWN : a->isMMapUsed(stream);
    granted[G_HARDWARE_RATE_HZ] = say(a->getHardwareSampleRate, stream);
    granted[G_HARDWARE_CHANNELS] = say(a->getHardwareChannelCount, stream);
    granted[G_HARDWARE_FORMAT] = say(a->getHardwareFormat, stream);
    if (direction == AAUDIO_INPUT) {
        granted[G_INPUT_PRESET] = say(a->getInputPreset, stream);
    } else {
        granted[G_USAGE] = say(a->getUsage, stream);
        granted[G_CONTENT_TYPE] = say(a->getContentType, stream);
    }
}

static plan make_plan(session *s, const int32_t *w, int32_t direction)
{
    bool out = direction == AAUDIO_OUTPUT;
    plan p = {
        .direction = direction,
        .rate_hz = w[W_RATE_HZ],
        .channels = w[out ? W_OUTPUT_CHANNELS : W_INPUT_CHANNELS],
        .format = w[out ? W_OUTPUT_FORMAT : W_INPUT_FORMAT],
        .sharing = w[W_SHARING],
        .performance = w[W_PERFORMANCE],
        .device = w[out ? W_OUTPUT_DEVICE : W_INPUT_DEVICE],
        .capacity = out ? w[W_CAPACITY_FRAMES] : 0,
        .usage = out ? w[W_USAGE] : DEFAULT,
        .content_type = out ? w[W_CONTENT_TYPE] : DEFAULT,
        .input_preset = out ? DEFAULT : w[W_INPUT_PRESET],
        .session = w[W_SESSION],
        .owner = s,
    };
    return p;
}

static int32_t open_both(session *s, const int32_t *wanted, int32_t *granted)
{
    plan p = make_plan(s, wanted, AAUDIO_OUTPUT);
    granted[G_FAILED_STEP] = STEP_OUTPUT;
    int32_t result = open_side(&p, &s->output, &granted[G_NOT_ASKED]);
    if (result < 0) {
        return result;
    }
    set_buffer(&s->output, wanted);
    write_granted(&s->output, AAUDIO_OUTPUT, granted + G_OUTPUT);
    p = make_plan(s, wanted, AAUDIO_INPUT);
    if (p.session == AAUDIO_SESSION_ALLOCATE && granted[G_OUTPUT + G_SESSION_ID] > 0) {
        p.session = granted[G_OUTPUT + G_SESSION_ID]; /* platform effects need one id for both */
    }
    granted[G_FAILED_STEP] = STEP_INPUT;
    result = open_side(&p, &s->input, &granted[G_NOT_ASKED]);
    if (result < 0) {
        return result;
    }
    write_granted(&s->input, AAUDIO_INPUT, granted + G_INPUT);
    granted[G_FAILED_STEP] = STEP_NONE;
    return AAUDIO_OK;
}

int32_t streams_open(session *s, const int32_t *wanted, int32_t *granted)
{
    for (int i = 0; i < G_NOT_ASKED; i++) {
        granted[i] = UNKNOWN;
    }
    granted[G_NOT_ASKED] = 0;
    int32_t result = open_both(s, wanted, granted);
    if (result < 0) {
        streams_close(s);
    }
    return result;
}

static void close_side(side *of)
{
    /* first out of the callbacks' sight, then gone */
    AAudioStream *stream = atomic_exchange(&of->stream, NULL);
    if (stream != NULL) {
        int32_t result = aaudio()->close(stream);
        LOG("close: %d", (int)result);
    }
}

void streams_close(session *s)
{
    close_side(&s->output);
    close_side(&s->input);
}
