#include "session.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stimuli.h"
#include "wire.h"
#include "words.h"
#include "writer.h"

enum { TOKEN_BYTES = 4 * CP_MAX_TOKEN_CHARS + 1, VERSION_BYTES = 4 * CP_MAX_VERSION_CHARS + 1 };

struct cp_session {
    char version[VERSION_BYTES];
    char token[TOKEN_BYTES];
    cp_json *json;
    cp_writer *answer;
    cp_message message;
    bool has_begun;
    atomic_bool is_busy;

    cp_stimuli stimuli;
    /* A stimulus that arrives; loading is NULL when there is no memory for it. */
    cp_stimulus *loading;
    char id[4 * CP_MAX_STIMULUS_ID_CHARS + 1];
    int64_t load_bytes, loaded_bytes; /* of all of it, and of what has come; 0, 0 = none */
    int32_t load_rate_hz;
    uint32_t load_crc32, loaded_crc32;
};

cp_session *cp_session_new(const char *version, const char *token)
{
    cp_session *s = calloc(1, sizeof *s);
    if (s == NULL) {
        return NULL;
    }
    s->json = cp_json_new();
    s->answer = cp_writer_new();
    if (s->json == NULL || s->answer == NULL) {
        cp_session_free(s);
        return NULL;
    }
    strncpy(s->version, version, sizeof s->version - 1);
    strncpy(s->token, token, sizeof s->token - 1);
    return s;
}

void cp_session_free(cp_session *s)
{
    if (s != NULL) {
        cp_stimulus_free(s->loading);
        cp_stimuli_forget(&s->stimuli);
        cp_writer_free(s->answer);
        cp_json_free(s->json);
        free(s);
    }
}

const uint8_t *cp_session_answer(cp_session *s, size_t *bytes)
{
    return cp_write_frame(s->answer, 0, bytes);
}

const cp_message *cp_session_message(const cp_session *s)
{
    return &s->message;
}

bool cp_session_has_begun(const cp_session *s)
{
    return s->has_begun;
}

void cp_session_over(cp_session *s)
{
    atomic_store(&s->is_busy, false);
}

static int32_t refuse(cp_session *s, const char *code, const char *text, int32_t what)
{
    cp_write_refused(s->answer, code, text, 0);
    return what;
}

static int32_t malformed(cp_session *s, const char *why)
{
    return refuse(s, CP_MALFORMED, why, CP_DO_SEND_AND_CLOSE);
}

int32_t cp_session_refuse_prefix(cp_session *s, int32_t code)
{
    static const char *const why[] = {"", "no frame of this protocol begins so",
                                      "a header that is too short or too long",
                                      "a payload that is too long"};
    return malformed(s, why[code >= 0 && code <= CP_PREFIX_PAYLOAD ? code : 0]);
}

/* Takes the same time for every wrong token of the same length. */
static bool is_token(const cp_session *s, const char *given)
{
    size_t bytes = strlen(s->token);
    size_t given_bytes = strlen(given);
    unsigned differs = bytes != given_bytes;
    for (size_t i = 0; i < given_bytes; i++) {
        differs |= (unsigned)(uint8_t)given[i] ^ (uint8_t)s->token[bytes == 0 ? 0 : i % bytes];
    }
    return differs == 0;
}

static int32_t handshake(cp_session *s)
{
    bool is_hello = s->message.kind == CP_HELLO;
    if (is_hello && !is_token(s, s->message.token)) {
        return refuse(s, CP_UNAUTHORIZED, "the token is wrong", CP_DO_SEND_AND_CLOSE);
    }
    /* also to a host of another version: it is the one that can tell the user */
    cp_write_hello(s->answer, s->version);
    s->has_begun = is_hello && s->message.protocol == CP_PROTOCOL;
    return s->has_begun ? CP_DO_SEND : CP_DO_SEND_AND_CLOSE;
}

static void forget_load(cp_session *s)
{
    cp_stimulus_free(s->loading);
    s->loading = NULL;
    s->load_bytes = s->loaded_bytes = 0;
}

static int32_t begin_load(cp_session *s)
{
    const cp_message *m = &s->message;
    s->load_bytes = (int64_t)m->frames * 4;
    s->loaded_bytes = 0;
    s->load_rate_hz = m->rate_hz;
    s->load_crc32 = m->crc32;
    s->loaded_crc32 = 0;
    strncpy(s->id, m->stimulus_id, sizeof s->id - 1);
    s->loading = cp_stimulus_new(m->stimulus_id, m->rate_hz, m->frames);
    return CP_DO_NOTHING; /* that there is no memory is said after the samples, which are coming */
}

static int32_t end_load(cp_session *s)
{
    if (s->loaded_crc32 != s->load_crc32) {
        return malformed(s, "the stimulus arrived damaged");
    }
    cp_stimulus *one = s->loading;
    s->loading = NULL;
    forget_load(s);
    if (one == NULL) {
        return refuse(s, CP_TOO_LARGE, "the phone's memory is too small", CP_DO_SEND);
    }
    cp_stimuli_keep(&s->stimuli, one);
    cp_write_loaded(s->answer, s->id, s->load_rate_hz, s->load_crc32);
    return CP_DO_SEND;
}

static int32_t go_on_loading(cp_session *s, const uint8_t *payload, uint32_t bytes)
{
    int64_t left = s->load_bytes - s->loaded_bytes;
    if (s->message.kind != CP_PCM || s->message.offset != s->loaded_bytes || bytes == 0 ||
        bytes > left) {
        return malformed(s, "expected the next pcm of the stimulus");
    }
    s->loaded_crc32 = cp_crc32(s->loaded_crc32, payload, bytes);
    if (s->loading != NULL) {
        memcpy((char *)s->loading->samples + s->loaded_bytes, payload, bytes);
    }
    s->loaded_bytes += bytes;
    return s->loaded_bytes == s->load_bytes ? end_load(s) : CP_DO_NOTHING;
}

static const cp_stimulus *of_play(const cp_session *s, int32_t play)
{
    return cp_stimuli_find(&s->stimuli, s->message.plays[play].stimulus_id, s->message.rate_hz);
}

static int32_t begin_run(cp_session *s)
{
    const cp_message *m = &s->message;
    const cp_request *r = &m->request;
    /* int16 at the rate asked for: the smallest that it can be */
    if (cp_frames_of(r->duration_s, r->rate_hz) * r->input_channels * 2 > CP_MAX_PCM_BYTES) {
        return refuse(s, CP_TOO_LARGE, "the recording would be too large", CP_DO_SEND);
    }
    const char *fault = cp_words_fault(r);
    if (fault != NULL) {
        return refuse(s, CP_UNSUPPORTED, fault, CP_DO_SEND);
    }
    for (int32_t play = 0; play < m->play_count; play++) {
        if (of_play(s, play) == NULL) {
            char text[5 * CP_MAX_STIMULUS_ID_CHARS];
            (void)snprintf(text, sizeof text, "%s is not loaded", m->plays[play].stimulus_id);
            return refuse(s, CP_NOT_LOADED, text, CP_DO_SEND);
        }
    }
    atomic_store(&s->is_busy, true);
    return CP_DO_RUN;
}

int32_t cp_session_sounds(const cp_session *s, cp_sound *sounds)
{
    for (int32_t play = 0; play < s->message.play_count; play++) {
        const cp_stimulus *one = of_play(s, play);
        sounds[play].samples = one->samples;
        sounds[play].frames = one->frames;
        sounds[play].at_frame = s->message.plays[play].at_frame;
    }
    return s->message.play_count;
}

static int32_t answer(cp_session *s)
{
    switch (s->message.kind) {
    case CP_BYE:
        return CP_DO_CLOSE;
    case CP_CANCEL:
        return CP_DO_CANCEL;
    case CP_ACT:
        return CP_DO_ACT;
    case CP_HELLO:
    case CP_PCM:
        return malformed(s, "a message out of turn");
    default:
        break;
    }
    if (atomic_load(&s->is_busy)) {
        return refuse(s, CP_BUSY, "a trial is running", CP_DO_SEND);
    }
    switch (s->message.kind) {
    case CP_FACTS:
        return CP_DO_FACTS;
    case CP_LOAD:
        return begin_load(s);
    case CP_CODEC:
        return refuse(s, CP_UNSUPPORTED, "this probe codes no speech", CP_DO_SEND);
    default:
        return begin_run(s);
    }
}

int32_t cp_session_take(cp_session *s, const uint8_t *header, uint32_t header_bytes,
                        const uint8_t *payload, uint32_t payload_bytes)
{
    cp_fault fault;
    int32_t kind =
        cp_message_read(s->json, header, header_bytes, payload_bytes, &s->message, &fault);
    if (kind == CP_NONE) {
        return malformed(s, fault.text);
    }
    if (!s->has_begun) {
        return handshake(s);
    }
    if (s->load_bytes > 0) {
        return go_on_loading(s, payload, payload_bytes);
    }
    return answer(s);
}
