/*
 * One full duplex session. Numbers are those of NativeAudio.java, where they are explained; a test
 * compares the two. Threads: the functions session_* take turns under one lock, the callbacks of
 * AAudio touch only what is atomic or marked as theirs.
 */
#ifndef CHIRPBENCH_SESSION_H
#define CHIRPBENCH_SESSION_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "aaudio_api.h"

enum { INTERFACE_VERSION = 1, MAX_CHANNELS = 8, SCRATCH_FRAMES = 1024, HISTOGRAM_EDGES = 81 };

enum {
    ERROR_NO_AAUDIO = -1000,
    ERROR_ARGUMENT = -1001,
    ERROR_BUSY = -1002,
    ERROR_CLOSED = -1003,
    ERROR_NO_MEMORY = -1004,
    ERROR_STATE = -1005,
    ERROR_SYMBOL = -1006,
    ERROR_GRANTED = -1007,
};

enum { UNKNOWN = INT32_MIN, DEFAULT = -1, SESSION_NONE = -2 };

enum {
    W_RATE_HZ, W_OUTPUT_CHANNELS, W_INPUT_CHANNELS, W_OUTPUT_FORMAT, W_INPUT_FORMAT, W_SHARING,
    W_PERFORMANCE, W_INPUT_PRESET, W_USAGE, W_CONTENT_TYPE, W_SESSION, W_OUTPUT_DEVICE,
    W_INPUT_DEVICE, W_BUFFER_BURSTS, W_BUFFER_FRAMES, W_CAPACITY_FRAMES, W_COUNT,
};

enum { G_OUTPUT = 0, G_INPUT = 20, G_NOT_ASKED = 40, G_FAILED_STEP = 41, G_COUNT = 42 };

enum {
    G_RATE_HZ, G_CHANNELS, G_FORMAT, G_BURST_FRAMES, G_BUFFER_FRAMES, G_CAPACITY_FRAMES,
    G_SHARING, G_PERFORMANCE, G_DEVICE_ID, G_SESSION_ID, G_MMAP, G_INPUT_PRESET, G_USAGE,
    G_CONTENT_TYPE, G_HARDWARE_RATE_HZ, G_HARDWARE_CHANNELS, G_HARDWARE_FORMAT,
};

enum { F_USAGE = 1, F_CONTENT_TYPE = 2, F_INPUT_PRESET = 4, F_SESSION = 8 };

enum { STEP_NONE, STEP_OUTPUT, STEP_INPUT };

enum {
    S_STATE, S_ERROR, S_LOST_DIRECTION, S_PLAYED_FRAMES, S_RECORDED_FRAMES, S_CALLBACKS,
    S_SHORT_READS, S_FILLED_FRAMES, S_OWED_FRAMES_MAX, S_DRAINED_FRAMES, S_XRUNS_OUTPUT,
    S_XRUNS_INPUT, S_OPENED_NS, S_STARTED_NS, S_FIRST_OUTPUT_NS, S_FIRST_INPUT_NS,
    S_FIRST_NONZERO_NS, S_INTERVAL_MAX_NS, S_OUTPUT_FRAME_0, S_READ_ERRORS, S_READ_ERROR, S_COUNT,
};

enum { STATE_OPEN, STATE_WARMING, STATE_PLAYING, STATE_DONE, STATE_STOPPED, STATE_LOST };

enum { H_COUNT = HISTOGRAM_EDGES + 1 };

typedef struct side {
    _Atomic(AAudioStream *) stream; /* NULL = closed */
    int32_t rate_hz, channels, format, frame_bytes;
} side;

typedef struct session {
    int64_t handle; /* 0 = no session; a number is never used twice */
    int64_t origin_ns;
    side output, input;

    float *timeline; /* mono */
    char *recording; /* interleaved, format of the input */
    int32_t timeline_frames, recording_frames;
    bool prepared, halted;

    /* Of the output callback alone, once the streams run. */
    int32_t warmup_left, owed, stream_frames;
    double carry; /* what division of the rates left over, in frames times the output rate */
    int64_t last_callback_ns;
    char scratch[SCRATCH_FRAMES * MAX_CHANNELS * 4];

    atomic_bool allowed; /* false: a callback touches nothing */
    atomic_int in_callback;
    atomic_bool input_begun; /* a frame came since frame 0 */
    _Atomic int32_t state, error, lost_direction, played, recorded, callbacks, short_reads, filled;
    _Atomic int32_t owed_max, drained, output_frame_0, read_errors, read_error;
    _Atomic int64_t opened_ns, started_ns, first_output_ns, first_input_ns, first_nonzero_ns;
    _Atomic int64_t interval_max_ns;
    _Atomic int32_t histogram[H_COUNT];
} session;

/* streams.c: opens both directions, or none and a negative code. */
int32_t streams_open(session *s, const int32_t *wanted, int32_t *granted);
void streams_close(session *s);

/* callback.c: what AAudio calls. user = the session. */
int32_t callback_output(AAudioStream *stream, void *user, void *samples, int32_t frames);
void callback_error(AAudioStream *stream, void *user, int32_t error);

/* samples.c */
void samples_write(const float *mono, int32_t frames, const side *to, void *into);
bool samples_all_zero(const char *samples, int32_t frames, const side *of);
int32_t samples_zero_run(const char *samples, int32_t frames, const side *of);
int32_t histogram_edge_us(int32_t bin);
int32_t histogram_bin(int64_t interval_ns);

/* session.c: the session of this handle with the lock held, or NULL with it released. */
session *session_enter(int64_t handle);
/* Releases the lock; gives back its argument. */
int32_t session_leave(int32_t result);

/* session.c and report.c: the calls of NativeAudio.java, without JNI. */
int64_t session_open(const int32_t wanted[W_COUNT], int32_t granted[G_COUNT]);
int32_t session_check(void);
int32_t session_prepare(int64_t handle, int32_t warmup, int32_t timeline, int32_t recording);
int32_t session_mix(int64_t handle, int32_t at_frame, const float *samples, int32_t count);
int32_t session_start(int64_t handle);
int32_t session_poll(int64_t handle, int64_t status[S_COUNT]);
int32_t session_timestamp(int64_t handle, int32_t direction, int64_t pair[2]);
int32_t session_histogram(int64_t handle, int64_t counts[H_COUNT]);
int32_t session_stop(int64_t handle);
int32_t session_zero_run(int64_t handle);
int32_t session_frame_bytes(int64_t handle); /* of the recording */
/* Copies whole frames; gives their number. */
int32_t session_read(int64_t handle, int32_t first_frame, char *into, int32_t bytes);
int32_t session_close(int64_t handle);

#endif
