#include "report.h"

#include <stdio.h>

static void frames_of(cp_writer *w, const char *key, int32_t frames)
{
    if (frames > 0 && frames <= CP_MAX_BUFFER_FRAMES) {
        cp_write_integer(w, key, frames);
    }
}

void cp_report_begin(cp_writer *w, const char *version)
{
    cp_write_begin(w, "result");
    cp_write_object(w, "report");
    cp_write_text(w, "probe_version", version, CP_MAX_VERSION_CHARS);
}

void cp_report_stream(cp_writer *w, const char *key, const cp_stream *stream)
{
    cp_write_object(w, key);
    cp_write_integer(w, "rate_hz", stream->rate_hz);
    cp_write_integer(w, "channels", stream->channels);
    frames_of(w, "frames_per_burst", stream->burst_frames);
    frames_of(w, "buffer_frames", stream->buffer_frames);
    if (stream->route != NULL) {
        cp_write_text(w, "route", stream->route, CP_MAX_NAME_CHARS);
    }
    cp_write_end(w);
}

void cp_report_effect(cp_writer *w, const char *key, const char *state)
{
    cp_write_object(w, key);
    cp_write_text(w, "state", state, CP_MAX_WORD_CHARS);
    cp_write_end(w);
}

static void latency(cp_writer *w, const char *key, int64_t latency_ns)
{
    double latency_ms = (double)latency_ns / 1e6;
    if (latency_ms >= -CP_MAX_LATENCY_MS && latency_ms <= CP_MAX_LATENCY_MS) {
        cp_write_number(w, key, latency_ms);
    }
}

static void pairs(cp_writer *w, const char *key, const cp_duplex *d, bool is_output)
{
    cp_write_list(w, key);
    for (int32_t i = 0; i < cp_duplex_stamps(d, is_output); i++) {
        int64_t frame = 0;
        int64_t time_ns = 0;
        cp_duplex_stamp(d, is_output, i, &frame, &time_ns);
        cp_write_list(w, NULL);
        cp_write_integer(w, NULL, frame);
        cp_write_integer(w, NULL, time_ns);
        cp_write_end(w);
    }
    cp_write_end(w);
}

static void histogram(cp_writer *w, const cp_duplex *d)
{
    cp_write_list(w, "callback_histogram_ms");
    for (int32_t bin = 0; bin < CP_HISTOGRAM_BINS; bin++) {
        int64_t count = cp_duplex_histogram(d, bin);
        if (count > 0) {
            /* the last bin has no upper edge of its own: the longest trial there is */
            bool has_edge = bin < CP_HISTOGRAM_EDGES;
            cp_write_list(w, NULL);
            cp_write_number(w, NULL,
                            has_edge ? cp_histogram_edge_us(bin) / 1000.0 : CP_MAX_TRIAL_S * 1e3);
            cp_write_integer(w, NULL, count);
            cp_write_end(w);
        }
    }
    cp_write_end(w);
}

static void startup(cp_writer *w, const char *key, int64_t time_ns)
{
    if (time_ns >= 0 && time_ns <= CP_MAX_STARTUP_MS * INT64_C(1000000)) {
        cp_write_number(w, key, (double)time_ns / 1e6);
    }
}

void cp_report_timeline(cp_writer *w, const cp_duplex *d)
{
    cp_status s;
    cp_duplex_status(d, &s);
    cp_write_integer(w, "xruns_output", s.output_gaps);
    cp_write_integer(w, "xruns_input", s.input_gaps + (s.overrun > 0));
    latency(w, "reported_output_latency_ms", cp_duplex_latency_ns(d, true));
    latency(w, "reported_input_latency_ms", cp_duplex_latency_ns(d, false));
    pairs(w, "timestamps_output", d, true);
    pairs(w, "timestamps_input", d, false);
    histogram(w, d);
    cp_write_object(w, "startup_ms");
    startup(w, "open", s.opened_ns);
    startup(w, "start", s.started_ns);
    startup(w, "first_output", s.first_output_ns);
    startup(w, "first_input", s.first_input_ns);
    startup(w, "first_nonzero", s.first_nonzero_ns);
    cp_write_end(w);
    cp_write_integer(w, "longest_zero_run_frames", cp_duplex_zero_run(d));
}

void cp_report_count(cp_writer *w, const char *key, int64_t value)
{
    char text[32];
    (void)snprintf(text, sizeof text, "%lld", (long long)value);
    cp_write_text(w, key, text, CP_MAX_OBSERVED_CHARS);
}

int32_t cp_report_observed(cp_writer *w, const cp_duplex *d)
{
    cp_status s;
    cp_duplex_status(d, &s);
    const struct {
        const char *key;
        int64_t value;
    } counts[] = {
        {"callbacks", s.callbacks},
        {"callback_max_us", s.interval_max_ns / 1000},
        {"input_callbacks", s.input_callbacks},
        {"short_reads", s.short_reads},
        {"filled_frames", s.filled},
        {"owed_frames_max", s.owed_max},
        {"drained_frames", s.drained},
        {"waiting_frames_max", s.waiting_max},
        {"overrun_frames", s.overrun},
    };
    int32_t count = sizeof counts / sizeof counts[0];
    for (int32_t i = 0; i < count; i++) {
        cp_report_count(w, counts[i].key, counts[i].value);
    }
    return count;
}

void cp_report_end(cp_writer *w, const char *format, int64_t frames)
{
    cp_write_end(w);
    cp_write_text(w, "format", format, CP_MAX_WORD_CHARS);
    cp_write_integer(w, "frames", frames);
}

bool cp_is_sent_as_int16(int64_t frames, int32_t channels)
{
    return frames * channels * 4 > CP_MAX_PCM_BYTES;
}

static int16_t to_int16(float sample)
{
    if (!(sample == sample)) {
        return 0;
    }
    float scaled = sample * 32768.0f;
    if (scaled >= 32767.0f) {
        return 32767;
    }
    if (scaled <= -32768.0f) {
        return -32768;
    }
    return (int16_t)(scaled + (scaled < 0.0f ? -0.5f : 0.5f));
}

void cp_to_int16(const float *from, int64_t count, int16_t *into)
{
    for (int64_t i = 0; i < count; i++) {
        into[i] = to_int16(from[i]);
    }
}
