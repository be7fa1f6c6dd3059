/*
 * A libaaudio.so without a phone. An engine thread plays the part of the audio clock: it calls the
 * data callback burst after burst, much faster than real time, and between two calls lets the input
 * collect as many frames. What was played comes back in the input, later by
 *
 *     delay + burst frames
 *
 * (delay is set; one burst is what a loop by callback cannot do without: what is written now can be
 * heard in the next call at the earliest), times 0.5, plus one unit of int16 of either sign, so
 * that no sample is exactly 0 unless it is meant to be. Everything is counted in frames; no clock
 * decides anything.
 *
 * Set by "key=value" words in the file $FAKE_AAUDIO_CONFIG, read again whenever a builder is made.
 * What was asked for is appended to that file's name + ".log".
 */
#ifndef FAKE_AAUDIO_H
#define FAKE_AAUDIO_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum { OUTPUT, INPUT, DIRECTIONS };
enum { INT16 = 1, FLOAT32 = 2 };
enum {
    OK = 0,
    DISCONNECTED = -899,
    ILLEGAL_ARGUMENT = -898,
    INVALID_STATE = -895,
    INVALID_FORMAT = -883,
};

/* Times are in data callbacks since the output's start, places in frames; -1 = never. */
typedef struct config {
    char name[64];
    int64_t burst, vary;     /* frames a callback; every other one gets half of it */
    int64_t in_burst;        /* the input hands out in such pieces; 0 = frame by frame */
    int64_t delay;           /* see above */
    int64_t lead;            /* frames the input ran before the output (negative: after) */
    int64_t rate, in_rate;   /* granted; 0 = as wanted */
    int64_t channels, in_channels;
    int64_t formats, in_formats; /* what open allows: 1 int16, 2 float32, 3 both */
    int64_t grant_format;    /* 0 = as asked; else what the input says it has */
    int64_t exclusive;       /* 0: exclusive is refused, shared granted */
    int64_t mmap;
    int64_t capacity;
    int64_t open_error, in_open_error, start_error, in_start_error;
    int64_t stall_at, stall; /* the input hands out nothing for so many callbacks, then all */
    int64_t lose_at, lose;   /* so many frames of the input are lost in an overrun */
    int64_t xrun_every;      /* the output underruns at every such callback; 0 = never */
    int64_t disconnect_at, in_disconnect_at;
    int64_t read_error_at, read_error;
    int64_t zero_from, zero; /* so many frames of the input are exactly 0 */
    int64_t late_callback;   /* call once more after close, as old systems did */
} config;

typedef struct AAudioStreamStruct stream;

typedef struct AAudioStreamBuilderStruct {
    int32_t direction, rate, channels, format, sharing, performance, device, capacity;
    int32_t usage, content_type, input_preset, session;
    int32_t (*data)(stream *, void *, void *, int32_t);
    void (*error)(stream *, void *, int32_t);
    void *data_user, *error_user;
} builder;

struct AAudioStreamStruct {
    builder asked;
    int32_t rate, channels, format, sharing, mmap, burst, buffer, capacity, session, xruns, state;
    bool lost;
};

extern config fake_config;
extern pthread_mutex_t fake_mutex;

void fake_read_config(void);
void fake_log(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* engine.c: the clock and the air between loudspeaker and microphone; both streams may be NULL. */
void engine_attach(stream *one);
void engine_detach(stream *one);
int32_t engine_start(stream *one);
void engine_stop(stream *one);
int32_t engine_read(stream *one, void *into, int32_t frames);
int32_t engine_timestamp(stream *one, int64_t *frame, int64_t *time_ns);

#endif
