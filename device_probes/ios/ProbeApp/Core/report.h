/* The parts of a `result` that the core knows by itself. */
#ifndef CHIRPBENCH_REPORT_H
#define CHIRPBENCH_REPORT_H

#include "duplex.h"
#include "writer.h"

/* One direction as it was granted; 0 and NULL = the system does not say. */
typedef struct cp_stream {
    int32_t rate_hz, channels, burst_frames, buffer_frames;
    const char *route;
} cp_stream;

/* Begins the frame `result` and its `report`. */
void cp_report_begin(cp_writer *w, const char *version);
/* key = output or input */
void cp_report_stream(cp_writer *w, const char *key, const cp_stream *stream);
/* state = off, on, default, unknown; inside the object `effects` */
void cp_report_effect(cp_writer *w, const char *key, const char *state);
/* Gaps, latencies, pairs, histogram, start-up and zeros; when the timeline is quiet. */
void cp_report_timeline(cp_writer *w, const cp_duplex *d);
/* Into the object `observed`; gives the number of entries. */
int32_t cp_report_observed(cp_writer *w, const cp_duplex *d);
/* A number as a text of `observed`. */
void cp_report_count(cp_writer *w, const char *key, int64_t value);
/* Ends the report; cp_write_frame gives the frame. */
void cp_report_end(cp_writer *w, const char *format, int64_t frames);

/* int16, when float32 would break the bound of a recording. */
bool cp_is_sent_as_int16(int64_t frames, int32_t channels);
/* Full scale is 32768 as on Android; NaN is 0 because it has no place in int16. */
void cp_to_int16(const float *from, int64_t count, int16_t *into);

#endif
