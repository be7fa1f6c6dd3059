/*
 * The iOS probe's C on Linux: core and I/O unit behind a TCP port, with the few lines around them
 * that the app has in Swift (sockets, the trial's thread). Real hosts talk to it.
 *
 * probe [token=HEX] [latency_out_us=N] [latency_in_us=N] [words of fake_unit.h]
 * Prints "port N"; then serves one host after another until its standard input ends.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "fake_unit.h"
#include "io_unit.h"
#include "probe_core.h"

static const char *token = "";
static int64_t latency_out_us, latency_in_us;

typedef struct host {
    int socket;
    pthread_mutex_t writing;
    cp_session *session;
    pthread_t trial;
    int has_trial;
    atomic_int is_cancelled;
    cp_request request;
    int32_t rate_hz, play_count;
    cp_sound sounds[CP_MAX_PLAYS];
} host;

static int exactly(int socket, uint8_t *into, size_t bytes)
{
    while (bytes > 0) {
        ssize_t got = recv(socket, into, bytes, 0);
        if (got <= 0) {
            return 0;
        }
        into += got;
        bytes -= (size_t)got;
    }
    return 1;
}

static void give(int socket, const void *from, size_t bytes)
{
    const char *at = from;
    while (bytes > 0) {
        ssize_t sent = send(socket, at, bytes, MSG_NOSIGNAL);
        if (sent <= 0) {
            return;
        }
        at += sent;
        bytes -= (size_t)sent;
    }
}

static void say(host *h, const uint8_t *frame, size_t bytes, const void *payload, size_t more)
{
    if (frame == NULL) {
        fprintf(stderr, "a frame broke a bound\n");
        abort();
    }
    pthread_mutex_lock(&h->writing);
    give(h->socket, frame, bytes);
    give(h->socket, payload, more);
    pthread_mutex_unlock(&h->writing);
}

static void send_written(host *h, cp_writer *w)
{
    size_t bytes = 0;
    const uint8_t *frame = cp_write_frame(w, 0, &bytes);
    say(h, frame, bytes, NULL, 0);
}

static void send_facts(host *h)
{
    cp_writer *w = cp_writer_new();
    cp_write_begin(w, "facts");
    cp_write_object(w, "facts");
    cp_write_text(w, "platform", "ios", 64);
    static const char *const texts[] = {"manufacturer", "Apple", "model", "iPhone14,7",
                                        "marketing_name", "", "soc", "", "os_name", "iOS",
                                        "os_version", "17.0", "os_build", "21A329"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i += 2) {
        cp_write_text(w, texts[i], texts[i + 1], CP_MAX_NAME_CHARS);
    }
    cp_write_object(w, "raw");
    cp_write_text(w, "routes", "speaker", CP_MAX_RAW_VALUE_CHARS);
    cp_write_end(w);
    cp_write_text(w, "collected_at", "2026-01-01T00:00:00+00:00", 40);
    cp_write_end(w);
    send_written(h, w);
    cp_writer_free(w);
}

static void refuse(host *h, cp_writer *w, const char *code, const char *text, int32_t rate_hz)
{
    cp_write_refused(w, code, text, rate_hz);
    cp_session_over(h->session);
    send_written(h, w);
}

static void send_samples(host *h, cp_writer *w, const void *samples, size_t all)
{
    size_t bytes = 0;
    for (size_t at = 0; at < all; at += CP_MAX_PAYLOAD_BYTES) {
        size_t piece = all - at < CP_MAX_PAYLOAD_BYTES ? all - at : CP_MAX_PAYLOAD_BYTES;
        cp_write_pcm(w, (int64_t)at);
        const uint8_t *frame = cp_write_frame(w, (uint32_t)piece, &bytes);
        say(h, frame, bytes, (const char *)samples + at, piece);
    }
    cp_write_done(w, cp_crc32(0, samples, all));
    cp_session_over(h->session);
    send_written(h, w);
}

static void send_result(host *h, cp_writer *w, cp_duplex *d, cp_io *io, const cp_io_granted *g)
{
    int64_t frames = cp_frames_of(h->request.duration_s, h->rate_hz);
    cp_stream out = {h->rate_hz, g->output_channels, 192, 192, "speaker"};
    cp_stream in = {h->rate_hz, g->input_channels, 192, 0, NULL};
    cp_io_counts counts;
    cp_io_counts_of(io, &counts);
    cp_report_begin(w, "harness");
    cp_report_stream(w, "output", &out);
    cp_report_stream(w, "input", &in);
    cp_report_timeline(w, d);
    cp_write_object(w, "observed");
    (void)cp_report_observed(w, d);
    cp_report_count(w, "render_errors", counts.render_errors);
    if (cp_words_is_voice(&h->request)) {
        cp_report_count(w, "bypass", g->bypass);
        cp_report_count(w, "agc", g->agc);
        cp_report_count(w, "ducking_level", g->ducking);
    }
    cp_write_end(w);
    cp_report_end(w, "float32", frames);
    send_written(h, w);
    send_samples(h, w, cp_duplex_recording(d), (size_t)(frames * g->input_channels) * 4);
}

/* Until the timeline is whole; NULL, or the code of a refusal. */
static const char *watch(host *h, cp_writer *w, cp_duplex *d)
{
    for (int turn = 0;; turn++) {
        int32_t now = cp_duplex_look(d, cp_now_ns());
        if (now != CP_GOING) {
            return now == CP_FINISHED ? NULL : CP_STREAM_LOST;
        }
        if (atomic_load(&h->is_cancelled)) {
            return CP_CANCELLED;
        }
        if (turn % 50 == 0) {
            cp_write_progress(w, CP_STAGE_PLAYING, cp_duplex_fraction(d, cp_now_ns()));
            send_written(h, w);
        }
        nanosleep(&(struct timespec){0, 1000000}, NULL);
    }
}

static void run_opened(host *h, cp_writer *w, cp_io *io, const cp_io_granted *g, int64_t began_ns)
{
    cp_plan plan = {h->rate_hz,
                    g->output_channels,
                    g->input_channels,
                    cp_frames_of(h->request.warmup_s, h->rate_hz),
                    cp_frames_of(h->request.duration_s, h->rate_hz),
                    began_ns,
                    latency_out_us * 1000,
                    latency_in_us * 1000};
    cp_duplex *d = cp_duplex_new(&plan, h->sounds, h->play_count);
    if (d == NULL) {
        refuse(h, w, CP_TOO_LARGE, "no memory", 0);
        return;
    }
    cp_duplex_opened(d, cp_now_ns());
    int32_t status = cp_io_start(io, d);
    cp_duplex_started(d, cp_now_ns());
    const char *code = status == 0 ? watch(h, w, d) : CP_OPEN_FAILED;
    if (!cp_io_stop(io)) {
        abort();
    }
    if (code == NULL) {
        send_result(h, w, d, io, g);
    } else {
        char text[80];
        snprintf(text, sizeof text, status == 0 ? "the harness ended it"
                                                : "the unit does not start: status %d", status);
        refuse(h, w, code, text, 0);
    }
    cp_duplex_free(d);
}

static void *trial(void *user)
{
    host *h = user;
    cp_writer *w = cp_writer_new();
    cp_io_granted g;
    int is_voice = cp_words_is_voice(&h->request);
    int32_t bypass = h->request.aec == CP_DEFAULT ? CP_LEAVE : h->request.aec == CP_OFF;
    int32_t agc = h->request.agc == CP_DEFAULT ? CP_LEAVE : h->request.agc == CP_ON;
    cp_io_plan plan = {is_voice, h->rate_hz, h->request.output_channels, h->request.input_channels,
                       bypass, agc, 10};
    int64_t began_ns = cp_now_ns();
    cp_write_progress(w, CP_STAGE_OPENING, 0);
    send_written(h, w);
    cp_io *io = h->rate_hz == 48000 ? cp_io_open(&plan, &g) : NULL;
    if (io != NULL) {
        run_opened(h, w, io, &g, began_ns);
        cp_io_close(io);
    } else if (h->rate_hz != 48000) {
        refuse(h, w, CP_RATE_DIFFERS, "the output opens at 48000 Hz", 48000);
    } else {
        char text[80];
        snprintf(text, sizeof text, "%s: status %d", g.failed_step, g.failed_status);
        refuse(h, w, CP_OPEN_FAILED, text, 0);
    }
    cp_writer_free(w);
    return NULL;
}

static void end_trial(host *h)
{
    if (h->has_trial) {
        pthread_join(h->trial, NULL);
        h->has_trial = 0;
    }
}

static int act_on(host *h, int32_t what)
{
    size_t bytes = 0;
    switch (what) {
    case CP_DO_SEND:
    case CP_DO_SEND_AND_CLOSE: {
        const uint8_t *frame = cp_session_answer(h->session, &bytes);
        say(h, frame, bytes, NULL, 0);
        return what == CP_DO_SEND;
    }
    case CP_DO_FACTS:
        send_facts(h);
        return 1;
    case CP_DO_RUN:
        end_trial(h);
        h->request = cp_session_message(h->session)->request;
        h->rate_hz = cp_session_message(h->session)->rate_hz;
        h->play_count = cp_session_sounds(h->session, h->sounds);
        /* words live until the next take only */
        h->request.api = cp_words_is_voice(&h->request) ? CP_API_VOICE_PROCESSING
                                                        : CP_API_REMOTE_IO;
        atomic_store(&h->is_cancelled, 0);
        h->has_trial = pthread_create(&h->trial, NULL, trial, h) == 0;
        return 1;
    case CP_DO_CANCEL:
        atomic_store(&h->is_cancelled, 1);
        return 1;
    default:
        return what != CP_DO_CLOSE;
    }
}

static void serve(host *h)
{
    static uint8_t header[CP_MAX_HEADER_BYTES], payload[CP_MAX_PAYLOAD_BYTES];
    uint8_t prefix[CP_PREFIX_BYTES];
    uint32_t header_bytes = 0;
    uint32_t payload_bytes = 0;
    int goes_on = 1;
    while (goes_on && exactly(h->socket, prefix, sizeof prefix)) {
        int32_t code = cp_prefix_read(prefix, &header_bytes, &payload_bytes);
        if (code != CP_PREFIX_GOOD) {
            goes_on = act_on(h, cp_session_refuse_prefix(h->session, code));
        } else if (exactly(h->socket, header, header_bytes) &&
                   exactly(h->socket, payload, payload_bytes)) {
            goes_on = act_on(h, cp_session_take(h->session, header, header_bytes, payload,
                                                payload_bytes));
        } else {
            break;
        }
    }
    atomic_store(&h->is_cancelled, 1);
    end_trial(h);
}

static void *accept_all(void *user)
{
    int listener = *(int *)user;
    for (;;) {
        host *h = calloc(1, sizeof *h);
        h->socket = accept(listener, NULL, NULL);
        if (h->socket < 0) {
            free(h);
            return NULL;
        }
        pthread_mutex_init(&h->writing, NULL);
        h->session = cp_session_new("harness", token);
        serve(h);
        cp_session_free(h->session);
        shutdown(h->socket, SHUT_RDWR);
        close(h->socket);
        free(h);
    }
}

static void read_words(int count, char **words)
{
    for (int i = 1; i < count; i++) {
        if (strncmp(words[i], "token=", 6) == 0) {
            token = words[i] + 6;
        } else if (strncmp(words[i], "latency_out_us=", 15) == 0) {
            latency_out_us = atoll(words[i] + 15);
        } else if (strncmp(words[i], "latency_in_us=", 14) == 0) {
            latency_in_us = atoll(words[i] + 14);
        } else if (fake_set(words[i]) != 0) {
            fprintf(stderr, "no such word: %s\n", words[i]);
            exit(2);
        }
    }
}

int main(int count, char **words)
{
    read_words(count, words);
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof at;
    pthread_t thread;
    if (listener < 0 || bind(listener, (struct sockaddr *)&at, size) != 0 ||
        listen(listener, 4) != 0 || getsockname(listener, (struct sockaddr *)&at, &size) != 0) {
        return 1;
    }
    printf("port %d\n", ntohs(at.sin_port));
    fflush(stdout);
    pthread_create(&thread, NULL, accept_all, &listener);
    while (getchar() != EOF) {
    }
    shutdown(listener, SHUT_RDWR);
    pthread_join(thread, NULL);
    close(listener);
    fake_print();
    printf("left open %d\n", fake_left_open());
    return fake_left_open();
}
