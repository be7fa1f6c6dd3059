/* Names of AAudio's functions, which of them may be absent, and their addresses. */
#include "aaudio_api.h"

#include "bionic.h"
#include "session.h"

typedef struct entry {
    size_t offset;
    bool required;
    const char *name;
    const char *alias; /* name of the same function in early builds of Android 8 */
} entry;

#define REQUIRED(field, name) {offsetof(aaudio_api, field), true, name, NULL}
#define RENAMED(field, name, old) {offsetof(aaudio_api, field), true, name, old}
#define OPTIONAL(field, name) {offsetof(aaudio_api, field), false, name, NULL}

static const entry ENTRIES[] = {
    REQUIRED(createStreamBuilder, "AAudio_createStreamBuilder"),
    REQUIRED(openStream, "AAudioStreamBuilder_openStream"),
    REQUIRED(deleteBuilder, "AAudioStreamBuilder_delete"),
    REQUIRED(setDirection, "AAudioStreamBuilder_setDirection"),
    REQUIRED(setSampleRate, "AAudioStreamBuilder_setSampleRate"),
    RENAMED(setChannelCount, "AAudioStreamBuilder_setChannelCount",
            "AAudioStreamBuilder_setSamplesPerFrame"),
    REQUIRED(setFormat, "AAudioStreamBuilder_setFormat"),
    REQUIRED(setSharingMode, "AAudioStreamBuilder_setSharingMode"),
    REQUIRED(setPerformanceMode, "AAudioStreamBuilder_setPerformanceMode"),
    REQUIRED(setDeviceId, "AAudioStreamBuilder_setDeviceId"),
    REQUIRED(setBufferCapacityInFrames, "AAudioStreamBuilder_setBufferCapacityInFrames"),
    REQUIRED(setDataCallback, "AAudioStreamBuilder_setDataCallback"),
    REQUIRED(setErrorCallback, "AAudioStreamBuilder_setErrorCallback"),
    REQUIRED(close, "AAudioStream_close"),
    REQUIRED(requestStart, "AAudioStream_requestStart"),
    REQUIRED(requestStop, "AAudioStream_requestStop"),
    REQUIRED(waitForStateChange, "AAudioStream_waitForStateChange"),
    REQUIRED(read, "AAudioStream_read"),
    REQUIRED(setBufferSizeInFrames, "AAudioStream_setBufferSizeInFrames"),
    REQUIRED(getTimestamp, "AAudioStream_getTimestamp"),
    REQUIRED(getSampleRate, "AAudioStream_getSampleRate"),
    RENAMED(getChannelCount, "AAudioStream_getChannelCount", "AAudioStream_getSamplesPerFrame"),
    REQUIRED(getFormat, "AAudioStream_getFormat"),
    REQUIRED(getFramesPerBurst, "AAudioStream_getFramesPerBurst"),
    REQUIRED(getBufferSizeInFrames, "AAudioStream_getBufferSizeInFrames"),
    REQUIRED(getBufferCapacityInFrames, "AAudioStream_getBufferCapacityInFrames"),
    REQUIRED(getSharingMode, "AAudioStream_getSharingMode"),
    REQUIRED(getPerformanceMode, "AAudioStream_getPerformanceMode"),
    REQUIRED(getDeviceId, "AAudioStream_getDeviceId"),
    REQUIRED(getXRunCount, "AAudioStream_getXRunCount"),
    /* Android 9 */
    OPTIONAL(setUsage, "AAudioStreamBuilder_setUsage"),
    OPTIONAL(setContentType, "AAudioStreamBuilder_setContentType"),
    OPTIONAL(setInputPreset, "AAudioStreamBuilder_setInputPreset"),
    OPTIONAL(setSessionId, "AAudioStreamBuilder_setSessionId"),
    OPTIONAL(getUsage, "AAudioStream_getUsage"),
    OPTIONAL(getContentType, "AAudioStream_getContentType"),
    OPTIONAL(getInputPreset, "AAudioStream_getInputPreset"),
    OPTIONAL(getSessionId, "AAudioStream_getSessionId"),
    /* Android 14 */
    OPTIONAL(getHardwareSampleRate, "AAudioStream_getHardwareSampleRate"),
    OPTIONAL(getHardwareChannelCount, "AAudioStream_getHardwareChannelCount"),
    OPTIONAL(getHardwareFormat, "AAudioStream_getHardwareFormat"),
    /* Exported by the library, not in its public header */
    OPTIONAL(isMMapUsed, "AAudioStream_isMMapUsed"),
};

enum { ENTRY_COUNT = sizeof(ENTRIES) / sizeof(ENTRIES[0]), MISSING_BYTES = ENTRY_COUNT * 48 };

static aaudio_api api;
static char missing[MISSING_BYTES];
static bool tried;
static int32_t answer;

static void note_missing(const char *name)
{
    size_t at = 0;
    while (missing[at] != '\0') {
        at++;
    }
    if (at > 0 && at < MISSING_BYTES - 1) {
        missing[at++] = ',';
    }
    for (; *name != '\0' && at < MISSING_BYTES - 1; name++) {
        missing[at++] = *name;
    }
}

static int32_t load_all(void *library)
{
    int32_t result = AAUDIO_OK;
    for (int i = 0; i < ENTRY_COUNT; i++) {
        const entry *one = &ENTRIES[i];
        void *address = dlsym(library, one->name);
        if (address == NULL && one->alias != NULL) {
            address = dlsym(library, one->alias);
        }
        if (address == NULL) {
            note_missing(one->name);
            result = one->required ? ERROR_SYMBOL : result;
        }
        /* C has no cast from void * to a pointer to a function */
        memcpy((char *)&api + one->offset, &address, sizeof address);
    }
    return result;
}

int32_t aaudio_load(void)
{
    if (!tried) {
        tried = true;
        void *library = dlopen("libaaudio.so", BIONIC_RTLD_NOW);
        answer = library == NULL ? ERROR_NO_AAUDIO : load_all(library);
    }
    return answer;
}

const aaudio_api *aaudio(void)
{
    return &api;
}

const char *aaudio_missing(void)
{
    return missing;
}
