/* One message of the host, read strictly. Texts live until the next header is read. */
#ifndef CHIRPBENCH_MESSAGE_H
#define CHIRPBENCH_MESSAGE_H

#include "fields.h"

enum {
    CP_NONE = -1, /* malformed */
    CP_HELLO, CP_FACTS, CP_LOAD, CP_PCM, CP_RUN, CP_CODEC, CP_CANCEL, CP_ACT, CP_BYE,
};

enum { CP_OFF, CP_ON, CP_DEFAULT };

/* One configuration as the host asks for it (docs/probe-protocol.md, `request`). */
typedef struct cp_request {
    const char *api, *sharing, *performance_mode, *input_preset, *audio_mode, *route;
    const char *usage, *audio_session;
    int32_t rate_hz, output_channels, input_channels;
    int32_t buffer_bursts, buffer_frames; /* 0 = left to the system */
    double volume;                        /* negative = leave it alone */
    int32_t aec, ns, agc;                 /* CP_OFF, CP_ON, CP_DEFAULT */
    double warmup_s, duration_s;
    double cpu_load; /* of each of cpu_threads, 0..1 of a core */
    int32_t cpu_threads;
    bool continues_in_background, asks_for_call;
} cp_request;

typedef struct cp_play {
    const char *stimulus_id;
    int64_t at_frame;
} cp_play;

typedef struct cp_message {
    int32_t kind;
    int64_t protocol;     /* of hello */
    const char *token;    /* of hello; "" when it brings none */
    const char *stimulus_id; /* of load */
    int32_t rate_hz;      /* of load and run */
    int32_t frames;       /* of load */
    uint32_t crc32;       /* of load */
    int64_t offset;       /* of pcm */
    cp_request request;   /* of run */
    cp_play plays[CP_MAX_PLAYS];
    int32_t play_count;
    const char *action, *value; /* of act */
} cp_message;

/* Its kind, or CP_NONE with the reason in fault. */
int32_t cp_message_read(cp_json *json, const void *header, size_t header_bytes,
                        size_t payload_bytes, cp_message *message, cp_fault *fault);

/* Frames of a recording of so many seconds: rounded as the host rounds, half to even. */
int64_t cp_frames_of(double seconds, int32_t rate_hz);

#endif
