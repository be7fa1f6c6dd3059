/* The contract's words as what iOS has, and back. */
#ifndef CHIRPBENCH_WORDS_H
#define CHIRPBENCH_WORDS_H

#include "message.h"

/* AVAudioSession.Mode of a trial. */
enum { CP_MODE_DEFAULT, CP_MODE_MEASUREMENT, CP_MODE_VOICE_CHAT, CP_MODE_VIDEO_CHAT, CP_MODES };

enum {
    CP_ROUTE_DEFAULT, /* left to the system */
    CP_ROUTE_SPEAKER, CP_ROUTE_EARPIECE, CP_ROUTE_WIRED, CP_ROUTE_USB, CP_ROUTE_BLUETOOTH_SCO,
    CP_ROUTE_BLUETOOTH_A2DP, CP_ROUTE_BLUETOOTH_LE, CP_ROUTES,
};

/* Codes of `refused`. */
#define CP_RATE_DIFFERS "rate_differs"
#define CP_NOT_LOADED "not_loaded"
#define CP_CANCELLED "cancelled"
#define CP_BUSY "busy"
#define CP_UNSUPPORTED "unsupported"
#define CP_PERMISSION "permission"
#define CP_BACKGROUND "background"
#define CP_OPEN_FAILED "open_failed"
#define CP_STREAM_LOST "stream_lost"
#define CP_TOO_LARGE "too_large"
#define CP_MALFORMED "malformed"
#define CP_UNAUTHORIZED "unauthorized"

/* Stages of `progress`; fetching is the host's own. */
#define CP_STAGE_OPENING "opening"
#define CP_STAGE_WARMING "warming"
#define CP_STAGE_PLAYING "playing"

#define CP_ACT_ROUTE "route"
#define CP_API_REMOTE_IO "coreaudio_remote_io"
#define CP_API_VOICE_PROCESSING "coreaudio_voice_processing"

/* NULL when this probe can do it, else why it is `unsupported`. */
const char *cp_words_fault(const cp_request *r);

/* CP_MODE_… of a request that has no fault. */
int32_t cp_words_mode(const cp_request *r);
/* default, measurement, voice_chat, video_chat */
const char *cp_mode_word(int32_t mode);

/* Whether the voice-processing unit is meant; api `default` takes it when aec is asked for. */
bool cp_words_is_voice(const cp_request *r);

/* CP_ROUTE_… of a word; -1 for one that iOS does not have. */
int32_t cp_route_of(const char *word);
const char *cp_route_word(int32_t route);

#endif
