/*
 * The core, asked line by line: "word HEX" in, one line out. What each word does is beside it; the
 * tests compare the answers with what the host's own code says.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "probe_core.h"
#include "ring.h"
#include "text.h"

enum { MAX_BYTES = CP_MAX_HEADER_BYTES + CP_PREFIX_BYTES + 16 };

static uint8_t data[MAX_BYTES + 1];
static char line[2 * MAX_BYTES + 64];

static size_t from_hex(const char *hex)
{
    size_t bytes = 0;
    unsigned value = 0;
    while (bytes < MAX_BYTES && sscanf(hex + 2 * bytes, "%2x", &value) == 1) {
        data[bytes++] = (uint8_t)value;
    }
    data[bytes] = 0;
    return bytes;
}

static void print_hex(const void *from, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        printf("%02x", ((const uint8_t *)from)[i]);
    }
}

static void print_frame(cp_writer *w, uint32_t payload_bytes)
{
    size_t bytes = 0;
    const uint8_t *frame = cp_write_frame(w, payload_bytes, &bytes);
    if (frame == NULL) {
        printf("broken");
    } else {
        print_hex(frame, bytes);
    }
    printf("\n");
}

/* 12 bytes -> code and both lengths */
static void prefix(void)
{
    uint32_t header = 0;
    uint32_t payload = 0;
    int32_t code = cp_prefix_read(data, &header, &payload);
    uint8_t again[CP_PREFIX_BYTES];
    int same = cp_prefix_write(again, header, payload) == code &&
               (code == CP_PREFIX_MAGIC || memcmp(again, data, sizeof again) == 0);
    printf("%d %" PRIu32 " %" PRIu32 " %d\n", code, header, payload,
           same || code == CP_PREFIX_MAGIC);
}

/* bytes -> checksum of all, of all in two pieces */
static void crc(size_t bytes)
{
    uint32_t one = cp_crc32(0, data, bytes);
    uint32_t half = cp_crc32(0, data, bytes / 2);
    printf("%" PRIu32 " %" PRIu32 "\n", one, cp_crc32(half, data + bytes / 2, bytes - bytes / 2));
}

/* 8 bytes of a double -> a frame that carries it */
static void number(cp_writer *w)
{
    double value = 0;
    memcpy(&value, data, sizeof value);
    cp_write_begin(w, "x");
    cp_write_number(w, "v", value);
    print_frame(w, 0);
}

/* UTF-8 (or not) -> a frame that carries it, cut to 40 characters */
static void text(cp_writer *w)
{
    cp_write_begin(w, "x");
    cp_write_text(w, "v", (const char *)data, 40);
    print_frame(w, 0);
}

static void print_text(const char *name, const char *value)
{
    printf(" %s=", name);
    print_hex(value, strlen(value));
}

static void print_run(const cp_message *m)
{
    const cp_request *r = &m->request;
    print_text("api", r->api);
    print_text("sharing", r->sharing);
    print_text("performance_mode", r->performance_mode);
    print_text("input_preset", r->input_preset);
    print_text("audio_mode", r->audio_mode);
    print_text("route", r->route);
    print_text("usage", r->usage);
    print_text("audio_session", r->audio_session);
    printf(" rate_hz=%d output_channels=%d input_channels=%d", r->rate_hz, r->output_channels,
           r->input_channels);
    printf(" buffer_bursts=%d buffer_frames=%d volume=%.17g", r->buffer_bursts, r->buffer_frames,
           r->volume);
    printf(" aec=%d ns=%d agc=%d warmup_s=%.17g duration_s=%.17g", r->aec, r->ns, r->agc,
           r->warmup_s, r->duration_s);
    printf(" cpu_load=%.17g cpu_threads=%d goes_on=%d call=%d", r->cpu_load, r->cpu_threads,
           r->continues_in_background, r->asks_for_call);
    printf(" loaded_hz=%d plays=", m->rate_hz);
    for (int32_t i = 0; i < m->play_count; i++) {
        print_hex(m->plays[i].stimulus_id, strlen(m->plays[i].stimulus_id));
        printf("@%" PRId64 ",", m->plays[i].at_frame);
    }
    const char *fault = cp_words_fault(r);
    printf(" mode=%s voice=%d fault=%s", cp_mode_word(cp_words_mode(r)), cp_words_is_voice(r),
           fault == NULL ? "" : fault);
}

/* a header -> its message, or "malformed" and why; "pcm" first: with a payload */
static void message(cp_json *json, size_t bytes, size_t payload_bytes)
{
    cp_message m;
    cp_fault fault;
    int32_t kind = cp_message_read(json, data, bytes, payload_bytes, &m, &fault);
    if (kind == CP_NONE) {
        printf("malformed %s\n", fault.text);
        return;
    }
    printf("%d", kind);
    if (kind == CP_HELLO) {
        printf(" protocol=%" PRId64, m.protocol);
        print_text("token", m.token);
    } else if (kind == CP_LOAD) {
        print_text("stimulus_id", m.stimulus_id);
        printf(" rate_hz=%d frames=%d crc32=%" PRIu32, m.rate_hz, m.frames, m.crc32);
    } else if (kind == CP_PCM) {
        printf(" offset=%" PRId64, m.offset);
    } else if (kind == CP_ACT) {
        print_text("action", m.action);
        print_text("value", m.value);
    } else if (kind == CP_RUN) {
        print_run(&m);
    }
    printf("\n");
}

/* every message of a probe that is all of one form */
static void frames(cp_writer *w)
{
    cp_write_hello(w, "0.1.0");
    print_frame(w, 0);
    cp_write_loaded(w, "train-\xc3\xbc\xf0\x9f\x8e\xb5", 48000, 0xffffffffu);
    print_frame(w, 0);
    cp_write_progress(w, CP_STAGE_PLAYING, 0.125);
    print_frame(w, 0);
    cp_write_progress(w, CP_STAGE_WARMING, 7);
    print_frame(w, 0);
    cp_write_refused(w, CP_RATE_DIFFERS, "the output opens at 44100 Hz", 44100);
    print_frame(w, 0);
    cp_write_refused(w, CP_BUSY, "a \"trial\"\nruns", 0);
    print_frame(w, 0);
    cp_write_error(w, "broke");
    print_frame(w, 0);
    cp_write_pcm(w, 0);
    print_frame(w, 4);
    cp_write_done(w, 4294967295u);
    print_frame(w, 0);
    cp_write_pcm(w, 0);
    print_frame(w, CP_MAX_PAYLOAD_BYTES + 1);
    cp_write_begin(w, "x");
    for (int i = 0; i < 20000; i++) {
        cp_write_null(w, "key");
    }
    print_frame(w, 0);
}

/* numbers of float32 -> as int16, whether all are zero, the longest run of mono and stereo zeros */
static void samples(size_t bytes)
{
    static float values[MAX_BYTES / 4];
    static int16_t whole[MAX_BYTES / 4];
    int64_t count = (int64_t)bytes / 4;
    memcpy(values, data, bytes);
    cp_to_int16(values, count, whole);
    for (int64_t i = 0; i < count; i++) {
        printf("%d ", whole[i]);
    }
    printf("%d %" PRId64 " %" PRId64 "\n", cp_all_zero(values, count),
           cp_zero_run(values, count, 1), cp_zero_run(values, count / 2, 2));
}

static void histogram(void)
{
    for (int32_t i = 0; i < CP_HISTOGRAM_EDGES; i++) {
        int64_t edge_ns = (int64_t)cp_histogram_edge_us(i) * 1000;
        printf("%d:%d:%d ", cp_histogram_edge_us(i), cp_histogram_bin(edge_ns),
               cp_histogram_bin(edge_ns + 1));
    }
    printf("%d %d\n", cp_histogram_bin(-5), cp_histogram_bin(INT64_MAX));
}

/* ticks, numer, denom in decimal */
static void ticks(const char *at)
{
    uint64_t given = 0;
    unsigned numer = 0;
    unsigned denom = 0;
    (void)sscanf(at, "%" SCNu64 " %u %u", &given, &numer, &denom);
    printf("%" PRId64 "\n", cp_ticks_to_ns(given, numer, denom));
}

static void words(void)
{
    for (int32_t mode = -1; mode <= CP_MODES; mode++) {
        printf("%s ", cp_mode_word(mode));
    }
    for (int32_t route = -1; route <= CP_ROUTES; route++) {
        printf("%s:%d ", cp_route_word(route), cp_route_of(cp_route_word(route)));
    }
    printf("\n");
}

/* a ring of 8 frames of 2 channels: sizes to write and read in turn; every frame is a number */
static void ring(const char *at)
{
    cp_ring r;
    float in[64];
    float out[64];
    int64_t written = 0;
    int64_t expected = 0;
    int used = 0;
    int size = 0;
    if (!cp_ring_open(&r, 5, 2)) {
        abort();
    }
    for (int turn = 0; sscanf(at, "%d%n", &size, &used) == 1; turn++, at += used) {
        if (turn % 2 == 0) {
            for (int i = 0; i < size; i++) {
                in[2 * i] = (float)(written + i);
                in[2 * i + 1] = -in[2 * i];
            }
            int64_t done = cp_ring_write(&r, in, size);
            written += done;
            printf("w%" PRId64 " ", done);
        } else {
            int64_t done = cp_ring_read(&r, size % 2 ? out : NULL, size);
            for (int i = 0; size % 2 && i < done; i++) {
                if (out[2 * i] != (float)(expected + i) || out[2 * i + 1] != -out[2 * i]) {
                    printf("wrong ");
                }
            }
            expected += done;
            printf("r%" PRId64 " ", done);
        }
    }
    printf("%" PRId64 "\n", cp_ring_waiting(&r));
    cp_ring_close(&r);
}

/* 480 frames are recorded in callbacks of 48; then 2 s of input come that nobody reads */
static void ended(void)
{
    static float buffer[48];
    cp_plan plan = {48000, 1, 1, 0, 480, 0, 0, 0};
    cp_stamp stamp = {1, 1, 0};
    cp_status s;
    cp_duplex *d = cp_duplex_new(&plan, NULL, 0);
    if (d == NULL) {
        abort();
    }
    cp_duplex_allow(d);
    for (int turn = 0; turn < 2000; turn++) {
        cp_duplex_input(d, buffer, 48, &stamp);
        if (turn < 10) {
            cp_duplex_output(d, buffer, 48, &stamp);
        }
    }
    cp_duplex_status(d, &s);
    printf("state=%d recorded=%" PRId64 " overrun=%" PRId64 " inputs=%d\n", s.state, s.recorded,
           s.overrun, s.input_callbacks);
    cp_duplex_free(d);
}

int main(void)
{
    cp_json *json = cp_json_new();
    cp_writer *w = cp_writer_new();
    while (fgets(line, sizeof line, stdin) != NULL) {
        char *hex = strchr(line, ' ');
        size_t bytes = hex == NULL ? 0 : from_hex(hex + 1);
        const char *rest = hex == NULL ? "" : hex + 1;
        if (strncmp(line, "prefix", 6) == 0) {
            prefix();
        } else if (strncmp(line, "crc", 3) == 0) {
            crc(bytes);
        } else if (strncmp(line, "number", 6) == 0) {
            number(w);
        } else if (strncmp(line, "text", 4) == 0) {
            text(w);
        } else if (strncmp(line, "message", 7) == 0) {
            message(json, bytes, 0);
        } else if (strncmp(line, "pcm", 3) == 0) {
            message(json, bytes, 4);
        } else if (strncmp(line, "frames", 6) == 0) {
            frames(w);
        } else if (strncmp(line, "samples", 7) == 0) {
            samples(bytes);
        } else if (strncmp(line, "histogram", 9) == 0) {
            histogram();
        } else if (strncmp(line, "ticks", 5) == 0) {
            ticks(rest);
        } else if (strncmp(line, "words", 5) == 0) {
            words();
        } else if (strncmp(line, "ended", 5) == 0) {
            ended();
        } else if (strncmp(line, "ring", 4) == 0) {
            ring(rest);
        } else {
            printf("no such word\n");
        }
    }
    cp_writer_free(w);
    cp_json_free(json);
    return 0;
}
