#include "words.h"

#include <string.h>

static bool is_one_of(const char *word, const char *const *words)
{
    for (; *words != NULL; words++) {
        if (strcmp(word, *words) == 0) {
            return true;
        }
    }
    return false;
}

static bool is(const char *word, const char *other)
{
    return strcmp(word, other) == 0;
}

/* Presets that name a mode of the session; the others are Android's. */
static int32_t mode_of(const char *preset)
{
    static const struct {
        const char *word;
        int32_t mode;
    } presets[] = {
        {"generic", CP_MODE_DEFAULT},           {"unprocessed", CP_MODE_MEASUREMENT},
        {"measurement", CP_MODE_MEASUREMENT},   {"voice_communication", CP_MODE_VOICE_CHAT},
        {"voice_chat", CP_MODE_VOICE_CHAT},     {"video_chat", CP_MODE_VIDEO_CHAT},
    };
    for (size_t i = 0; i < sizeof presets / sizeof presets[0]; i++) {
        if (is(preset, presets[i].word)) {
            return presets[i].mode;
        }
    }
    return -1;
}

bool cp_words_is_voice(const cp_request *r)
{
    return is(r->api, CP_API_VOICE_PROCESSING) || (is(r->api, "default") && r->aec == CP_ON);
}

/* Echo, noise and level are one unit: either it runs, or nothing of it does. */
static const char *effects_fault(const cp_request *r)
{
    bool asks = r->aec == CP_ON || r->ns == CP_ON || r->agc == CP_ON;
    if (!cp_words_is_voice(r)) {
        return asks ? "remote I/O processes nothing: ask for api coreaudio_voice_processing" : NULL;
    }
    if (r->aec == CP_OFF && (r->ns == CP_ON || r->agc == CP_ON)) {
        return "iOS cancels echo with noise and level in one unit: ask for aec on";
    }
    return NULL;
}

static const char *streams_fault(const cp_request *r)
{
    static const char *const apis[] = {"default", CP_API_REMOTE_IO, CP_API_VOICE_PROCESSING, NULL};
    static const char *const sharings[] = {"default", "shared", NULL};
    static const char *const performances[] = {"default", "low_latency", NULL};
    if (!is_one_of(r->api, apis)) {
        return "iOS has no such api, but coreaudio_remote_io and coreaudio_voice_processing";
    }
    if (!is_one_of(r->sharing, sharings)) {
        return "iOS shares its streams: sharing default or shared";
    }
    if (!is_one_of(r->performance_mode, performances)) {
        return "on iOS the buffer says it: performance_mode default or low_latency";
    }
    if (!is(r->audio_session, "default")) {
        return "iOS has no session ids: audio_session default";
    }
    return NULL;
}

static const char *modes_fault(const cp_request *r)
{
    bool is_communication = is(r->audio_mode, "communication");
    if (!is_communication && !is(r->audio_mode, "media")) {
        return "audio_mode is media or communication";
    }
    if (!is(r->input_preset, "default") && mode_of(r->input_preset) < 0) {
        return "AVAudioSession has no mode for this input_preset, but generic, unprocessed or"
               " measurement, voice_communication or voice_chat, video_chat";
    }
    if (!is(r->usage, "default") &&
        !is(r->usage, is_communication ? "voice_communication" : "media")) {
        return "on iOS the mode says the usage: leave it at default";
    }
    return NULL;
}

const char *cp_words_fault(const cp_request *r)
{
    const char *fault = streams_fault(r);
    fault = fault != NULL ? fault : modes_fault(r);
    fault = fault != NULL ? fault : effects_fault(r);
    if (fault == NULL && cp_route_of(r->route) < 0) {
        fault = "iOS has no such route";
    }
    if (fault == NULL && r->asks_for_call) {
        fault = "this app has no call stack; a browser has: probe web";
    }
    return fault;
}

int32_t cp_words_mode(const cp_request *r)
{
    int32_t mode = mode_of(r->input_preset);
    if (mode >= 0) {
        return mode;
    }
    return is(r->audio_mode, "communication") ? CP_MODE_VOICE_CHAT : CP_MODE_DEFAULT;
}

const char *cp_mode_word(int32_t mode)
{
    static const char *const words[CP_MODES] = {"default", "measurement", "voice_chat",
                                                "video_chat"};
    return mode >= 0 && mode < CP_MODES ? words[mode] : "unknown";
}

static const char *const ROUTE_WORDS[CP_ROUTES] = {
    "default",       "speaker",        "earpiece",    "wired", "usb",
    "bluetooth_sco", "bluetooth_a2dp", "bluetooth_le"};

int32_t cp_route_of(const char *word)
{
    for (int32_t route = 0; route < CP_ROUTES; route++) {
        if (is(word, ROUTE_WORDS[route])) {
            return route;
        }
    }
    return -1;
}

const char *cp_route_word(int32_t route)
{
    return route >= 0 && route < CP_ROUTES ? ROUTE_WORDS[route] : "unknown";
}
