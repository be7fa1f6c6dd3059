#include "message.h"

#include <math.h>
#include <string.h>

static const char *const KINDS[] = {"hello", "facts",  "load", "pcm", "run",
                                    "codec", "cancel", "act",  "bye", NULL};

static void read_hello(cp_fields *f, cp_message *m)
{
    m->protocol = cp_field_integer(f, "protocol", 0, INT64_C(1) << 31);
    (void)cp_field_text(f, "version", 0, CP_MAX_VERSION_CHARS);
    if (!cp_field_is_null(f, "token")) {
        m->token = cp_field_text(f, "token", 0, CP_MAX_TOKEN_CHARS);
    }
}

static int32_t rate(cp_fields *f)
{
    return (int32_t)cp_field_integer(f, "rate_hz", CP_MIN_RATE_HZ, CP_MAX_RATE_HZ);
}

static void read_load(cp_fields *f, cp_message *m)
{
    m->stimulus_id = cp_field_text(f, "stimulus_id", 1, CP_MAX_STIMULUS_ID_CHARS);
    m->rate_hz = rate(f);
    m->frames = (int32_t)cp_field_integer(f, "frames", 1, CP_MAX_STIMULUS_BYTES / 4);
    m->crc32 = (uint32_t)cp_field_integer(f, "crc32", 0, UINT32_MAX);
}

/* "unknown" is a word of the vocabulary; asked for, it means: leave the effect alone. */
static int32_t effect(cp_fields *f, const char *key)
{
    static const char *const states[] = {"off", "on", "default", "unknown", NULL};
    int32_t state = cp_field_choice(f, key, states);
    return state > CP_DEFAULT ? CP_DEFAULT : state;
}

static void read_call(cp_fields *f)
{
    static const int64_t allowed_ms[] = {10, 20, 40, 60, 80, 100, 120};
    cp_fields call = cp_fields_of(f->json, cp_field(f, "call"), "call", f->fault);
    int64_t ptime_ms = cp_field_integer(&call, "ptime_ms", 10, 120);
    bool is_allowed = false;
    for (size_t i = 0; i < sizeof allowed_ms / sizeof allowed_ms[0]; i++) {
        is_allowed = is_allowed || ptime_ms == allowed_ms[i];
    }
    if (!is_allowed) {
        cp_fail(f->fault, "call", "ptime_ms", "is no packet length");
    }
    (void)cp_field_flag(&call, "fec");
    (void)cp_field_flag(&call, "dtx");
    if (!cp_field_is_null(&call, "bitrate_bps")) {
        (void)cp_field_integer(&call, "bitrate_bps", CP_MIN_BITRATE_BPS, CP_MAX_BITRATE_BPS);
    }
    if (!cp_field_is_null(&call, "jitter_buffer_target_ms")) {
        (void)cp_field_integer(&call, "jitter_buffer_target_ms", 0,
                               CP_MAX_JITTER_BUFFER_TARGET_MS);
    }
    cp_fields_end(&call);
}

static void read_words(cp_fields *f, cp_request *r)
{
    r->api = cp_field_word(f, "api");
    r->sharing = cp_field_word(f, "sharing");
    r->performance_mode = cp_field_word(f, "performance_mode");
    r->input_preset = cp_field_word(f, "input_preset");
    r->audio_mode = cp_field_word(f, "audio_mode");
    r->route = cp_field_word(f, "route");
    r->usage = cp_field_word(f, "usage");
    r->audio_session = cp_field_word(f, "audio_session");
}

static void read_request(cp_fields *f, cp_request *r)
{
    static const char *const backgrounds[] = {"refuse", "continue", NULL};
    read_words(f, r);
    r->rate_hz = rate(f);
    r->output_channels = (int32_t)cp_field_integer(f, "output_channels", 1, CP_MAX_CHANNELS);
    r->input_channels = (int32_t)cp_field_integer(f, "input_channels", 1, CP_MAX_CHANNELS);
    if (!cp_field_is_null(f, "buffer_bursts")) {
        r->buffer_bursts =
            (int32_t)cp_field_integer(f, "buffer_bursts", 1, CP_MAX_BUFFER_BURSTS);
    }
    if (!cp_field_is_null(f, "buffer_frames")) {
        r->buffer_frames =
            (int32_t)cp_field_integer(f, "buffer_frames", 1, CP_MAX_BUFFER_FRAMES);
    }
    r->volume = cp_field_is_null(f, "volume") ? -1 : cp_field_number(f, "volume", 0, 1);
    r->aec = effect(f, "aec");
    r->ns = effect(f, "ns");
    r->agc = effect(f, "agc");
    r->warmup_s = cp_field_number(f, "warmup_s", 0, CP_MAX_WARMUP_S);
    r->cpu_load = cp_field_number(f, "cpu_load", 0, 1);
    r->cpu_threads = (int32_t)cp_field_integer(f, "cpu_threads", 1, CP_MAX_CPU_THREADS);
    r->continues_in_background = cp_field_choice(f, "background", backgrounds) == 1;
    r->asks_for_call = !cp_field_is_null(f, "call");
    if (r->asks_for_call) {
        read_call(f);
    }
    r->duration_s = cp_field_number(f, "duration_s", 0.02, CP_MAX_TRIAL_S);
    cp_fields_end(f);
}

static void read_plays(cp_fields *f, cp_message *m)
{
    const cp_value *list = cp_field_list(f, "plays", CP_MAX_PLAYS);
    const cp_value *one = list == NULL ? NULL : cp_json_at(f->json, list->first);
    int32_t different = 0;
    for (; one != NULL; one = cp_json_at(f->json, one->next)) {
        cp_fields p = cp_fields_of(f->json, one, "plays", f->fault);
        cp_play *play = &m->plays[m->play_count];
        play->stimulus_id = cp_field_text(&p, "stimulus_id", 1, CP_MAX_STIMULUS_ID_CHARS);
        play->at_frame = cp_field_integer(&p, "at_frame", 0, CP_MAX_PCM_BYTES);
        cp_fields_end(&p);
        bool is_new = true;
        for (int32_t i = 0; i < m->play_count; i++) {
            is_new = is_new && strcmp(m->plays[i].stimulus_id, play->stimulus_id) != 0;
        }
        different += is_new;
        m->play_count++;
    }
    if (different > CP_MAX_STIMULI) {
        cp_fail(f->fault, "run", "plays", "names too many different stimuli");
    }
}

static void read_run(cp_fields *f, cp_message *m)
{
    cp_fields request = cp_fields_of(f->json, cp_field(f, "request"), "request", f->fault);
    read_request(&request, &m->request);
    m->rate_hz = rate(f);
    read_plays(f, m);
}

/* Read to the end although it is refused: what is malformed is said to be so. */
static void read_codec(cp_fields *f)
{
    (void)cp_field_word(f, "codec");
    (void)rate(f);
    (void)cp_field_integer(f, "channels", 1, 2);
    (void)cp_field_integer(f, "bitrate_bps", CP_MIN_BITRATE_BPS, CP_MAX_BITRATE_BPS);
    if (!cp_field_is_null(f, "complexity")) {
        (void)cp_field_integer(f, "complexity", 0, 10);
    }
    (void)cp_field_number(f, "frame_ms", 2.5, 120);
    (void)cp_field_integer(f, "frames", 1, 10000);
    (void)cp_field_flag(f, "paced");
}

static void read_body(cp_fields *f, cp_message *m)
{
    switch (m->kind) {
    case CP_HELLO:
        read_hello(f, m);
        return; /* another version's hello may say more; it must stay readable */
    case CP_LOAD:
        read_load(f, m);
        break;
    case CP_PCM:
        m->offset = cp_field_integer(f, "offset", 0, CP_MAX_PCM_BYTES);
        break;
    case CP_RUN:
        read_run(f, m);
        break;
    case CP_CODEC:
        read_codec(f);
        break;
    case CP_ACT:
        m->action = cp_field_word(f, "action");
        m->value = cp_field_word(f, "value");
        break;
    default:
        break;
    }
    cp_fields_end(f);
}

int32_t cp_message_read(cp_json *json, const void *header, size_t header_bytes,
                        size_t payload_bytes, cp_message *message, cp_fault *fault)
{
    memset(message, 0, sizeof *message);
    message->kind = CP_NONE;
    message->token = "";
    fault->text[0] = '\0';
    const cp_value *object = cp_json_read(json, header, header_bytes);
    if (object == NULL) {
        cp_fail(fault, "header", "", cp_json_why(json));
        return CP_NONE;
    }
    cp_fields f = cp_fields_of(json, object, "message", fault);
    int32_t kind = cp_field_choice(&f, "type", KINDS);
    if (fault->text[0] == '\0' && payload_bytes > 0 && kind != CP_PCM) {
        cp_fail(fault, "message", "", "carries a payload and is no pcm");
    }
    if (fault->text[0] != '\0') {
        return CP_NONE;
    }
    message->kind = kind;
    f.where = KINDS[kind];
    read_body(&f, message);
    return fault->text[0] == '\0' ? kind : CP_NONE;
}

int64_t cp_frames_of(double seconds, int32_t rate_hz)
{
    return (int64_t)nearbyint(seconds * rate_hz);
}
