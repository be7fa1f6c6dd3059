#include "io_unit.h"

#include <AudioToolbox/AudioToolbox.h>
#include <mach/mach_time.h>
#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    OUTPUT_BUS = 0, /* to the loudspeaker; its input scope is ours */
    INPUT_BUS = 1,  /* from the microphone; its output scope is ours */
    QUIET_WAITS = 400,
    QUIET_WAIT_MS = 5,
    /* A unit that is opened right after another one closed may fail for a moment (WebRTC's
     * voice_processing_audio_unit.mm waits as often and as long). */
    INITIALIZE_TRIES = 5,
    INITIALIZE_WAIT_MS = 100,
    /* Of iOS 17. By number, because an enumerator that is newer than the target warns. */
    DUCKING_PROPERTY = 2108,
};

/* AUVoiceIOOtherAudioDuckingConfiguration */
typedef struct ducking {
    Boolean is_advanced;
    UInt32 level;
} ducking;

struct cp_io {
    AudioUnit unit;
    int32_t output_channels, input_channels;
    bool is_initialized, is_running;
    _Atomic(cp_duplex *) timeline; /* NULL: silence */
    atomic_int inside; /* callbacks that run; each looks at the timeline after it was counted */
    atomic_int render_errors, last_render_error, oversized;
    mach_timebase_info_data_t timebase;
    float scratch[CP_MAX_SLICE_FRAMES * CP_MAX_CHANNELS]; /* of the input callback */
};

static int64_t ns_of(const cp_io *io, uint64_t ticks)
{
    return cp_ticks_to_ns(ticks, io->timebase.numer, io->timebase.denom);
}

int64_t cp_now_ns(void)
{
    mach_timebase_info_data_t timebase = {0, 0};
    (void)mach_timebase_info(&timebase);
    return cp_ticks_to_ns(mach_absolute_time(), timebase.numer, timebase.denom);
}

static cp_stamp stamp_of(const cp_io *io, const AudioTimeStamp *time)
{
    bool has_host = (time->mFlags & kAudioTimeStampHostTimeValid) != 0;
    bool has_sample = (time->mFlags & kAudioTimeStampSampleTimeValid) != 0;
    cp_stamp stamp = {
        .host_ns = has_host ? ns_of(io, time->mHostTime) : 0,
        .now_ns = ns_of(io, mach_absolute_time()),
        .sample_time = has_sample ? time->mSampleTime : NAN,
    };
    return stamp;
}

static void wait_ms(long ms)
{
    (void)nanosleep(&(struct timespec){0, ms * 1000000L}, NULL);
}

static void take_input(cp_io *io, AudioUnitRenderActionFlags *flags, const AudioTimeStamp *time,
                       UInt32 bus, UInt32 frames)
{
    cp_duplex *timeline = atomic_load(&io->timeline);
    if (timeline == NULL || frames > CP_MAX_SLICE_FRAMES) {
        atomic_fetch_add(&io->oversized, timeline != NULL);
        return;
    }
    UInt32 bytes = frames * (UInt32)io->input_channels * (UInt32)sizeof(float);
    AudioBufferList list;
    list.mNumberBuffers = 1;
    list.mBuffers[0].mNumberChannels = (UInt32)io->input_channels;
    list.mBuffers[0].mDataByteSize = bytes;
    list.mBuffers[0].mData = io->scratch;
    OSStatus status = AudioUnitRender(io->unit, flags, time, bus, frames, &list);
    if (status != noErr || list.mBuffers[0].mDataByteSize < bytes) {
        atomic_fetch_add(&io->render_errors, 1);
        atomic_store(&io->last_render_error, status);
        return; /* the next one may come again */
    }
    cp_stamp stamp = stamp_of(io, time);
    cp_duplex_input(timeline, list.mBuffers[0].mData, frames, &stamp);
}

static OSStatus on_input(void *user, AudioUnitRenderActionFlags *flags, const AudioTimeStamp *time,
                         UInt32 bus, UInt32 frames, AudioBufferList *unused)
{
    cp_io *io = user;
    (void)unused;
    atomic_fetch_add(&io->inside, 1);
    take_input(io, flags, time, bus, frames);
    atomic_fetch_sub(&io->inside, 1);
    return noErr; /* an error here would stop the unit, and say less than the counts do */
}

static void give_output(cp_io *io, const AudioTimeStamp *time, UInt32 frames, AudioBufferList *list)
{
    cp_duplex *timeline = atomic_load(&io->timeline);
    UInt32 bytes = frames * (UInt32)io->output_channels * (UInt32)sizeof(float);
    if (timeline != NULL && list->mNumberBuffers == 1 && list->mBuffers[0].mDataByteSize >= bytes) {
        cp_stamp stamp = stamp_of(io, time);
        cp_duplex_output(timeline, list->mBuffers[0].mData, frames, &stamp);
        return;
    }
    atomic_fetch_add(&io->oversized, timeline != NULL);
    for (UInt32 i = 0; i < list->mNumberBuffers; i++) {
        memset(list->mBuffers[i].mData, 0, list->mBuffers[i].mDataByteSize);
    }
}

static OSStatus on_output(void *user, AudioUnitRenderActionFlags *flags,
                          const AudioTimeStamp *time, UInt32 bus, UInt32 frames,
                          AudioBufferList *list)
{
    cp_io *io = user;
    (void)flags;
    (void)bus;
    atomic_fetch_add(&io->inside, 1);
    give_output(io, time, frames, list);
    atomic_fetch_sub(&io->inside, 1);
    return noErr;
}

static OSStatus set(cp_io *io, UInt32 property, UInt32 scope, UInt32 bus, const void *value,
                    UInt32 bytes)
{
    return AudioUnitSetProperty(io->unit, property, scope, bus, value, bytes);
}

static OSStatus set_flag(cp_io *io, UInt32 property, UInt32 scope, UInt32 bus, UInt32 value)
{
    return set(io, property, scope, bus, &value, sizeof value);
}

static OSStatus set_format(cp_io *io, UInt32 scope, UInt32 bus, int32_t rate_hz, int32_t channels)
{
    UInt32 frame_bytes = (UInt32)channels * (UInt32)sizeof(float);
    AudioStreamBasicDescription format = {
        .mSampleRate = rate_hz,
        .mFormatID = kAudioFormatLinearPCM,
        .mFormatFlags = kAudioFormatFlagIsFloat | kAudioFormatFlagIsPacked,
        .mBytesPerPacket = frame_bytes,
        .mFramesPerPacket = 1,
        .mBytesPerFrame = frame_bytes,
        .mChannelsPerFrame = (UInt32)channels,
        .mBitsPerChannel = 32,
    };
    return set(io, kAudioUnitProperty_StreamFormat, scope, bus, &format, sizeof format);
}

/* As many channels as the unit takes, one at least; 0 and the status when it takes none. */
static int32_t open_format(cp_io *io, UInt32 scope, UInt32 bus, int32_t rate_hz, int32_t channels,
                           OSStatus *status)
{
    for (; channels > 0; channels--) {
        *status = set_format(io, scope, bus, rate_hz, channels);
        if (*status == noErr) {
            return channels;
        }
    }
    return 0;
}

/* What the unit does not take is told by what is read back, and is no end. */
static void set_voice(cp_io *io, const cp_io_plan *plan)
{
    const UInt32 global = kAudioUnitScope_Global;
    if (plan->bypass != CP_LEAVE) {
        (void)set_flag(io, kAUVoiceIOProperty_BypassVoiceProcessing, global, INPUT_BUS,
                       (UInt32)plan->bypass);
    }
    if (plan->agc != CP_LEAVE) {
        (void)set_flag(io, kAUVoiceIOProperty_VoiceProcessingEnableAGC, global, INPUT_BUS,
                       (UInt32)plan->agc);
    }
    if (plan->ducking != CP_LEAVE) {
        ducking wanted;
        memset(&wanted, 0, sizeof wanted);
        wanted.level = (UInt32)plan->ducking;
        (void)set(io, DUCKING_PROPERTY, global, INPUT_BUS, &wanted, sizeof wanted);
    }
}

static void read_voice(cp_io *io, cp_io_granted *granted)
{
    const UInt32 global = kAudioUnitScope_Global;
    UInt32 value = 0;
    UInt32 bytes = sizeof value;
    if (AudioUnitGetProperty(io->unit, kAUVoiceIOProperty_BypassVoiceProcessing, global, INPUT_BUS,
                             &value, &bytes) == noErr) {
        granted->bypass = value != 0;
    }
    bytes = sizeof value;
    if (AudioUnitGetProperty(io->unit, kAUVoiceIOProperty_VoiceProcessingEnableAGC, global,
                             INPUT_BUS, &value, &bytes) == noErr) {
        granted->agc = value != 0;
    }
    ducking level = {0, 0};
    bytes = sizeof level;
    if (AudioUnitGetProperty(io->unit, DUCKING_PROPERTY, global, INPUT_BUS, &level, &bytes) ==
        noErr) {
        granted->ducking = (int32_t)level.level;
    }
}

static OSStatus create(cp_io *io, bool is_voice)
{
    AudioComponentDescription wanted = {
        .componentType = kAudioUnitType_Output,
        .componentSubType =
            is_voice ? kAudioUnitSubType_VoiceProcessingIO : kAudioUnitSubType_RemoteIO,
        .componentManufacturer = kAudioUnitManufacturer_Apple,
    };
    AudioComponent component = AudioComponentFindNext(NULL, &wanted);
    if (component == NULL) {
        return kAudioUnitErr_FailedInitialization;
    }
    return AudioComponentInstanceNew(component, &io->unit);
}

static OSStatus set_callbacks(cp_io *io, const char **step)
{
    AURenderCallbackStruct input = {on_input, io};
    AURenderCallbackStruct output = {on_output, io};
    *step = "the slice";
    OSStatus status = set_flag(io, kAudioUnitProperty_MaximumFramesPerSlice,
                               kAudioUnitScope_Global, OUTPUT_BUS, CP_MAX_SLICE_FRAMES);
    /* our own buffer is given to AudioUnitRender; a unit that allocates all the same is no fault */
    (void)set_flag(io, kAudioUnitProperty_ShouldAllocateBuffer, kAudioUnitScope_Output, INPUT_BUS,
                   0);
    if (status == noErr) {
        *step = "the input callback";
        status = set(io, kAudioOutputUnitProperty_SetInputCallback, kAudioUnitScope_Global,
                     INPUT_BUS, &input, sizeof input);
    }
    if (status == noErr) {
        *step = "the output callback";
        status = set(io, kAudioUnitProperty_SetRenderCallback, kAudioUnitScope_Input, OUTPUT_BUS,
                     &output, sizeof output);
    }
    return status;
}

static OSStatus initialize(cp_io *io)
{
    OSStatus status = AudioUnitInitialize(io->unit);
    for (int tries = 1; status != noErr && tries < INITIALIZE_TRIES; tries++) {
        wait_ms(INITIALIZE_WAIT_MS);
        status = AudioUnitInitialize(io->unit);
    }
    io->is_initialized = status == noErr;
    return status;
}

static OSStatus set_up(cp_io *io, const cp_io_plan *plan, cp_io_granted *granted,
                       const char **step)
{
    *step = "the unit";
    OSStatus status = create(io, plan->is_voice);
    if (status == noErr) {
        *step = "the microphone";
        status = set_flag(io, kAudioOutputUnitProperty_EnableIO, kAudioUnitScope_Input, INPUT_BUS,
                          1);
    }
    if (status == noErr) {
        *step = "the input's format";
        io->input_channels = open_format(io, kAudioUnitScope_Output, INPUT_BUS, plan->rate_hz,
                                         plan->input_channels, &status);
    }
    if (status == noErr) {
        *step = "the output's format";
        io->output_channels = open_format(io, kAudioUnitScope_Input, OUTPUT_BUS, plan->rate_hz,
                                          plan->output_channels, &status);
    }
    if (status == noErr) {
        status = set_callbacks(io, step);
    }
    if (status == noErr && plan->is_voice) {
        set_voice(io, plan);
    }
    if (status == noErr) {
        *step = "initializing";
        status = initialize(io);
    }
    if (status == noErr && plan->is_voice) {
        set_voice(io, plan); /* again: initializing may set it back, and WebRTC sets it only now */
        read_voice(io, granted);
    }
    return status;
}

/* Voice processing may know one channel only, and say so no sooner than now. */
static OSStatus set_up_with_one(cp_io *io, const cp_io_plan *plan, cp_io_granted *granted,
                                const char **step)
{
    cp_io_plan one = *plan;
    one.input_channels = one.output_channels = 1;
    (void)AudioComponentInstanceDispose(io->unit);
    io->unit = NULL;
    return set_up(io, &one, granted, step);
}

cp_io *cp_io_open(const cp_io_plan *plan, cp_io_granted *granted)
{
    memset(granted, 0, sizeof *granted);
    granted->bypass = granted->agc = granted->ducking = CP_LEAVE;
    granted->failed_step = "memory";
    granted->failed_status = kAudio_MemFullError;
    cp_io *io = calloc(1, sizeof *io);
    if (io == NULL) {
        return NULL;
    }
    (void)mach_timebase_info(&io->timebase);
    granted->failed_status = set_up(io, plan, granted, &granted->failed_step);
    bool has_more = io->input_channels > 1 || io->output_channels > 1;
    if (granted->failed_status != noErr && io->unit != NULL && plan->is_voice && has_more) {
        granted->failed_status = set_up_with_one(io, plan, granted, &granted->failed_step);
    }
    if (granted->failed_status != noErr) {
        cp_io_close(io);
        return NULL;
    }
    granted->failed_step = "";
    granted->output_channels = io->output_channels;
    granted->input_channels = io->input_channels;
    return io;
}

int32_t cp_io_start(cp_io *io, cp_duplex *timeline)
{
    atomic_store(&io->timeline, timeline);
    cp_duplex_allow(timeline);
    OSStatus status = AudioOutputUnitStart(io->unit);
    io->is_running = status == noErr;
    return status;
}

bool cp_io_stop(cp_io *io)
{
    cp_duplex *timeline = atomic_exchange(&io->timeline, NULL);
    if (timeline != NULL) {
        cp_duplex_forbid(timeline);
    }
    if (io->is_running) {
        (void)AudioOutputUnitStop(io->unit);
        io->is_running = false;
    }
    /* one that renders has the timeline in hand, and has not told it so yet */
    for (int i = 0; atomic_load(&io->inside) > 0 && i < QUIET_WAITS; i++) {
        wait_ms(QUIET_WAIT_MS);
    }
    return atomic_load(&io->inside) == 0;
}

void cp_io_counts_of(const cp_io *io, cp_io_counts *counts)
{
    counts->render_errors = atomic_load(&io->render_errors);
    counts->last_render_error = atomic_load(&io->last_render_error);
    counts->oversized = atomic_load(&io->oversized);
}

void cp_io_close(cp_io *io)
{
    if (io == NULL) {
        return;
    }
    if (io->unit != NULL) {
        if (io->is_initialized) {
            (void)AudioUnitUninitialize(io->unit);
        }
        (void)AudioComponentInstanceDispose(io->unit);
    }
    free(io);
}
