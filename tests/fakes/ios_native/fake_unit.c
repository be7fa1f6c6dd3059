#include "fake_unit.h"

#include <AudioToolbox/AudioToolbox.h>
#include <mach/mach_time.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { DUCKING = 2108, AIR = 1 << 20, MAX_FRAMES = 16384, MAX_CHANNELS = 8, NUMER = 125, DENOM = 3 };

static struct setting {
    const char *name;
    int64_t value;
} settings[] = {
    {"burst", 192},      {"delay", 480},       {"order", 0},   {"in_burst", 0},
    {"lead", 0},         {"gap_at", -1},       {"gap", 0},     {"silent", 0},
    {"deaf", 0},         {"freeze_at", -1},    {"slices", 0},  {"render_error_at", -1},
    {"in_channels", 8},  {"out_channels", 8},  {"refuse", -1}, {"init_error", 0},
    {"start_error", 0},  {"no_unit", 0},       {"no_ducking", 0}, {"init_fails", 0},
    {"forgets", 0},      {"linger_ms", 0},   {"mono_voice", 0},
};

struct OpaqueAudioComponentInstance {
    int is_voice;
    AURenderCallbackStruct input, output;
    UInt32 input_channels, output_channels, bypass, agc, ducking, enabled, max_slice;
    Float64 rate_hz;
    float *air;              /* what was played, mono */
    int64_t played, heard;   /* frames ever */
    int64_t elapsed;         /* frames since the start: the time of the air */
    int64_t output_from, input_from; /* when each began; -1 = not yet */
    double input_skip;       /* frames that were lost */
    atomic_int runs, lingers;
    int is_initialized, has_thread, tries;
    pthread_t thread;
};

static atomic_int open_units;
static _Atomic uint64_t now_ticks = 24000000;
static UInt32 last[4];

static int64_t get(const char *name)
{
    for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++) {
        if (strcmp(settings[i].name, name) == 0) {
            return settings[i].value;
        }
    }
    abort();
}

int fake_set(const char *word)
{
    const char *equals = strchr(word, '=');
    for (size_t i = 0; equals != NULL && i < sizeof settings / sizeof settings[0]; i++) {
        size_t length = (size_t)(equals - word);
        if (strlen(settings[i].name) == length && strncmp(settings[i].name, word, length) == 0) {
            settings[i].value = strtoll(equals + 1, NULL, 10);
            return 0;
        }
    }
    return 1;
}

int fake_left_open(void)
{
    return atomic_load(&open_units);
}

void fake_print(void)
{
    printf("unit voice=%u bypass=%u agc=%u ducking=%u\n", last[0], last[1], last[2], last[3]);
}

int mach_timebase_info(mach_timebase_info_data_t *info)
{
    info->numer = NUMER;
    info->denom = DENOM;
    return 0;
}

uint64_t mach_absolute_time(void)
{
    return atomic_load(&now_ticks);
}

static uint64_t ticks_of(double seconds)
{
    return (uint64_t)(seconds * 1e9 * DENOM / NUMER);
}

AudioComponent AudioComponentFindNext(AudioComponent after, const AudioComponentDescription *what)
{
    int is_known = what->componentType == kAudioUnitType_Output &&
                   what->componentManufacturer == kAudioUnitManufacturer_Apple;
    (void)after;
    if (!is_known || get("no_unit")) {
        return NULL;
    }
    if (what->componentSubType == kAudioUnitSubType_VoiceProcessingIO) {
        return (AudioComponent)2;
    }
    return what->componentSubType == kAudioUnitSubType_RemoteIO ? (AudioComponent)1 : NULL;
}

OSStatus AudioComponentInstanceNew(AudioComponent component, AudioComponentInstance *instance)
{
    struct OpaqueAudioComponentInstance *u = calloc(1, sizeof *u);
    u->is_voice = component == (AudioComponent)2;
    u->agc = 1;
    u->output_from = u->input_from = -1;
    u->air = calloc(AIR, sizeof(float));
    last[0] = (UInt32)u->is_voice;
    last[1] = 0;
    last[2] = 1;
    last[3] = 0;
    atomic_fetch_add(&open_units, 1);
    *instance = u;
    return noErr;
}

static OSStatus set_format(AudioUnit u, UInt32 scope, UInt32 bus,
                           const AudioStreamBasicDescription *f)
{
    int is_input = scope == kAudioUnitScope_Output && bus == 1;
    int is_output = scope == kAudioUnitScope_Input && bus == 0;
    UInt32 most = (UInt32)get(is_input ? "in_channels" : "out_channels");
    UInt32 bytes = f->mChannelsPerFrame * 4;
    if ((!is_input && !is_output) || f->mFormatID != kAudioFormatLinearPCM ||
        f->mFormatFlags != (kAudioFormatFlagIsFloat | kAudioFormatFlagIsPacked) ||
        f->mBytesPerFrame != bytes || f->mBytesPerPacket != bytes || f->mFramesPerPacket != 1 ||
        f->mBitsPerChannel != 32 || f->mReserved != 0 || f->mChannelsPerFrame > most) {
        return kAudioUnitErr_FormatNotSupported;
    }
    *(is_input ? &u->input_channels : &u->output_channels) = f->mChannelsPerFrame;
    u->rate_hz = f->mSampleRate;
    return noErr;
}

static void note_last(AudioUnit u)
{
    last[1] = u->bypass;
    last[2] = u->agc;
    last[3] = u->ducking;
}

/* A plain word of the unit, or NULL. */
static UInt32 *flag_of(AudioUnit u, UInt32 property)
{
    switch (property) {
    case kAudioUnitProperty_MaximumFramesPerSlice:
        return &u->max_slice;
    case kAudioOutputUnitProperty_EnableIO:
        return &u->enabled;
    case kAUVoiceIOProperty_BypassVoiceProcessing:
        return u->is_voice ? &u->bypass : NULL;
    case kAUVoiceIOProperty_VoiceProcessingEnableAGC:
        return u->is_voice ? &u->agc : NULL;
    default:
        return NULL;
    }
}

OSStatus AudioUnitSetProperty(AudioUnit u, AudioUnitPropertyID property, AudioUnitScope scope,
                              AudioUnitElement bus, const void *value, UInt32 bytes)
{
    UInt32 *flag = flag_of(u, property);
    int is_voice = property == DUCKING || property == kAUVoiceIOProperty_BypassVoiceProcessing ||
                   property == kAUVoiceIOProperty_VoiceProcessingEnableAGC;
    if ((u->is_initialized && !is_voice) || (int64_t)property == get("refuse")) {
        return kAudioUnitErr_InvalidPropertyValue;
    }
    if (property == kAudioUnitProperty_StreamFormat &&
        bytes == sizeof(AudioStreamBasicDescription)) {
        return set_format(u, scope, bus, value);
    }
    if (property == kAudioOutputUnitProperty_SetInputCallback) {
        u->input = *(const AURenderCallbackStruct *)value;
    } else if (property == kAudioUnitProperty_SetRenderCallback) {
        u->output = *(const AURenderCallbackStruct *)value;
    } else if (property == DUCKING && u->is_voice && !get("no_ducking") && bytes == 8) {
        memcpy(&u->ducking, (const char *)value + 4, 4);
    } else if (flag != NULL && bytes == 4) {
        memcpy(flag, value, 4);
    } else if (property != kAudioUnitProperty_ShouldAllocateBuffer) {
        return kAudioUnitErr_InvalidProperty;
    }
    note_last(u);
    return noErr;
}

OSStatus AudioUnitGetProperty(AudioUnit u, AudioUnitPropertyID property, AudioUnitScope scope,
                              AudioUnitElement bus, void *value, UInt32 *bytes)
{
    UInt32 *flag = flag_of(u, property);
    (void)scope;
    (void)bus;
    if (property == DUCKING && u->is_voice && !get("no_ducking") && *bytes == 8) {
        memset(value, 0, 8);
        memcpy((char *)value + 4, &u->ducking, 4);
        return noErr;
    }
    if (flag == NULL || *bytes != 4) {
        return kAudioUnitErr_InvalidProperty;
    }
    memcpy(value, flag, 4);
    return noErr;
}

static void wait_ms(int64_t ms)
{
    if (ms > 0) {
        (void)nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000}, NULL);
    }
}

OSStatus AudioUnitInitialize(AudioUnit u)
{
    if (get("init_error")) {
        return (OSStatus)get("init_error");
    }
    if (get("mono_voice") && u->is_voice && (u->input_channels > 1 || u->output_channels > 1)) {
        return kAudioUnitErr_FormatNotSupported;
    }
    if (get("init_fails") > u->tries++) {
        return kAudioUnitErr_FailedInitialization;
    }
    u->is_initialized = u->enabled && u->rate_hz > 0;
    if (get("forgets")) {
        u->bypass = u->ducking = 0;
        u->agc = 1;
        note_last(u);
    }
    return u->is_initialized ? noErr : kAudioUnitErr_FailedInitialization;
}

OSStatus AudioUnitUninitialize(AudioUnit u)
{
    u->is_initialized = 0;
    return noErr;
}

OSStatus AudioUnitRender(AudioUnit u, AudioUnitRenderActionFlags *flags, const AudioTimeStamp *time,
                         UInt32 bus, UInt32 frames, AudioBufferList *list)
{
    float *to = list->mBuffers[0].mData;
    if (get("linger_ms") > 0) {
        atomic_store(&u->lingers, 1);
        while (atomic_load(&u->runs)) {
            wait_ms(1); /* the stop is to catch it here */
        }
        wait_ms(get("linger_ms"));
    }
    (void)flags;
    (void)time;
    if (bus != 1 || (get("render_error_at") >= 0 &&
                     u->heard / get("burst") == get("render_error_at"))) {
        u->heard += frames;
        return kAudioUnitErr_CannotDoInCurrentContext;
    }
    for (UInt32 i = 0; i < frames; i++) {
        int64_t frame = u->input_from + u->heard + (int64_t)u->input_skip + i;
        int64_t of = frame - get("burst") - get("delay");
        float heard = of >= 0 ? u->air[of % AIR] / 2 : 0.0f;
        heard += frame % 2 ? 1 / 32768.0f : -1 / 32768.0f;
        for (UInt32 c = 0; c < u->input_channels; c++) {
            *to++ = get("silent") ? 0.0f : c % 2 ? -heard : heard;
        }
    }
    u->heard += frames;
    return noErr;
}

static AudioTimeStamp stamp(double sample_time, uint64_t host_ticks)
{
    AudioTimeStamp t;
    memset(&t, 0, sizeof t);
    t.mSampleTime = sample_time;
    t.mHostTime = host_ticks;
    t.mFlags = kAudioTimeStampSampleTimeValid | kAudioTimeStampHostTimeValid;
    return t;
}

static void call_input(AudioUnit u, UInt32 frames, uint64_t at)
{
    AudioUnitRenderActionFlags flags = 0;
    /* the first frame of a buffer was heard a burst ago */
    AudioTimeStamp t =
        stamp((double)u->heard + u->input_skip, at - ticks_of((double)frames / u->rate_hz));
    if (!get("deaf")) {
        (void)u->input.inputProc(u->input.inputProcRefCon, &flags, &t, 1, frames, NULL);
    }
}

static void call_output(AudioUnit u, UInt32 frames, uint64_t at, double skipped)
{
    static float samples[MAX_FRAMES * MAX_CHANNELS];
    AudioUnitRenderActionFlags flags = 0;
    AudioTimeStamp t =
        stamp((double)u->played + skipped, at + ticks_of((double)frames / u->rate_hz));
    AudioBufferList list = {1, {{u->output_channels, frames * u->output_channels * 4, samples}}};
    u->output_from = u->output_from < 0 ? u->elapsed : u->output_from;
    memset(samples, 0x55, sizeof samples); /* what the callback does not write is loud */
    (void)u->output.inputProc(u->output.inputProcRefCon, &flags, &t, 0, frames, &list);
    for (UInt32 i = 0; i < frames; i++) {
        u->air[(u->output_from + u->played + i) % AIR] = samples[i * u->output_channels];
    }
    u->played += frames;
}

/* The input that has come since the last cycle, in pieces. */
static void call_inputs(AudioUnit u, int64_t *owed, uint64_t at)
{
    int64_t piece = get("in_burst") > 0 ? get("in_burst") : *owed;
    while (piece > 0 && *owed >= piece) {
        call_input(u, (UInt32)piece, at);
        *owed -= piece;
    }
}

static void *cycles(void *user)
{
    AudioUnit u = user;
    int64_t burst = get("burst");
    int64_t owed = 0;
    double skipped = 0;
    for (int64_t cycle = 0; atomic_load(&u->runs); cycle++) {
        int64_t frames = get("slices") ? burst / 2 + burst * (cycle % 2) : burst;
        uint64_t at = mach_absolute_time();
        int frozen = get("freeze_at") >= 0 && cycle >= get("freeze_at");
        if (cycle == get("gap_at")) {
            skipped += (double)get("gap");
            u->input_skip += (double)get("gap");
        }
        if (!frozen && get("order") && cycle >= get("lead")) {
            call_output(u, (UInt32)frames, at, skipped);
        }
        if (!frozen && cycle >= -get("lead")) {
            u->input_from = u->input_from < 0 ? u->elapsed : u->input_from;
            owed += frames;
            call_inputs(u, &owed, at);
        }
        if (!frozen && !get("order") && cycle >= get("lead")) {
            call_output(u, (UInt32)frames, at, skipped);
        }
        u->elapsed += frames;
        atomic_fetch_add(&now_ticks, ticks_of((double)frames / u->rate_hz));
        (void)nanosleep(&(struct timespec){0, 20000}, NULL);
    }
    return NULL;
}

OSStatus AudioOutputUnitStart(AudioUnit u)
{
    if (get("start_error") || !u->is_initialized) {
        return get("start_error") ? (OSStatus)get("start_error") : kAudioUnitErr_Uninitialized;
    }
    atomic_store(&u->runs, 1);
    u->has_thread = pthread_create(&u->thread, NULL, cycles, u) == 0;
    return noErr;
}

static void join(AudioUnit u)
{
    atomic_store(&u->runs, 0);
    if (u->has_thread) {
        pthread_join(u->thread, NULL);
        u->has_thread = 0;
    }
}

OSStatus AudioOutputUnitStop(AudioUnit u)
{
    if (get("linger_ms") > 0) {
        /* a stop that came before the first callback has nobody to catch */
        for (int i = 0; i < 2000 && u->has_thread && !atomic_load(&u->lingers); i++) {
            wait_ms(1);
        }
        atomic_store(&u->runs, 0); /* the callback that runs goes on */
    } else {
        join(u);
    }
    return noErr;
}

OSStatus AudioComponentInstanceDispose(AudioComponentInstance u)
{
    join(u);
    free(u->air);
    free(u);
    atomic_fetch_sub(&open_units, 1);
    return noErr;
}
