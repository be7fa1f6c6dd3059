/*
 * AAudio through dlopen: types and numbers of its public documentation, and a table of functions.
 * A function that came after Android 8.0 may be NULL here.
 */
#ifndef CHIRPBENCH_AAUDIO_API_H
#define CHIRPBENCH_AAUDIO_API_H

#include <stdbool.h>
#include <stdint.h>

typedef struct AAudioStreamStruct AAudioStream;
typedef struct AAudioStreamBuilderStruct AAudioStreamBuilder;

typedef int32_t (*aaudio_data_callback)(AAudioStream *, void *user, void *samples, int32_t frames);
typedef void (*aaudio_error_callback)(AAudioStream *, void *user, int32_t error);

enum {
    AAUDIO_OK = 0,
    AAUDIO_ERROR_DISCONNECTED = -899,
    AAUDIO_OUTPUT = 0,
    AAUDIO_INPUT = 1,
    AAUDIO_INT16 = 1,
    AAUDIO_FLOAT32 = 2,
    AAUDIO_SESSION_NONE = -1,
    AAUDIO_SESSION_ALLOCATE = 0,
    AAUDIO_STATE_STOPPING = 9,
    AAUDIO_CONTINUE = 0,
};

typedef int32_t (*aaudio_get)(AAudioStream *);
typedef void (*aaudio_set)(AAudioStreamBuilder *, int32_t);

/* Field = name of the function without AAudioStream_ / AAudioStreamBuilder_. */
typedef struct aaudio_api {
    int32_t (*createStreamBuilder)(AAudioStreamBuilder **);
    int32_t (*openStream)(AAudioStreamBuilder *, AAudioStream **);
    int32_t (*deleteBuilder)(AAudioStreamBuilder *);
    aaudio_set setDirection, setSampleRate, setChannelCount, setFormat, setSharingMode;
    aaudio_set setPerformanceMode, setDeviceId, setBufferCapacityInFrames;
    void (*setDataCallback)(AAudioStreamBuilder *, aaudio_data_callback, void *user);
    void (*setErrorCallback)(AAudioStreamBuilder *, aaudio_error_callback, void *user);
    int32_t (*close)(AAudioStream *);
    int32_t (*requestStart)(AAudioStream *);
    int32_t (*requestStop)(AAudioStream *);
    int32_t (*waitForStateChange)(AAudioStream *, int32_t from, int32_t *now, int64_t timeout_ns);
    int32_t (*read)(AAudioStream *, void *into, int32_t frames, int64_t timeout_ns);
    int32_t (*setBufferSizeInFrames)(AAudioStream *, int32_t frames);
    int32_t (*getTimestamp)(AAudioStream *, int32_t clock, int64_t *frame, int64_t *time_ns);
    aaudio_get getSampleRate, getChannelCount, getFormat, getFramesPerBurst;
    aaudio_get getBufferSizeInFrames, getBufferCapacityInFrames, getSharingMode;
    aaudio_get getPerformanceMode, getDeviceId, getXRunCount;
    /* From here on NULL where the phone has no such function. */
    aaudio_set setUsage, setContentType, setInputPreset, setSessionId;
    aaudio_get getUsage, getContentType, getInputPreset, getSessionId;
    aaudio_get getHardwareSampleRate, getHardwareChannelCount, getHardwareFormat;
    bool (*isMMapUsed)(AAudioStream *);
} aaudio_api;

/*
 * Loads libaaudio.so once; later calls repeat the answer. 0, ERROR_NO_AAUDIO or ERROR_SYMBOL.
 * Not for two threads at once, and not for a callback.
 */
int32_t aaudio_load(void);

/* The table; whole only after aaudio_load gave 0. */
const aaudio_api *aaudio(void);

/* Names of the functions that are not there, comma separated; "" when none is missing. */
const char *aaudio_missing(void);

#endif
