/*
 * One trial's timeline: plays and records at once, frame 0 of both in one output callback
 * (docs/probe-protocol.md, "The timeline"). All times are nanoseconds of one monotonic clock.
 *
 * Threads: cp_duplex_input and cp_duplex_output belong to the audio threads; they take no lock and
 * no memory. cp_duplex_look and cp_duplex_status may be called by one other thread meanwhile; what
 * stands under "when it is quiet" only after cp_duplex_forbid, when no callback runs any more (the
 * I/O unit counts them).
 */
#ifndef CHIRPBENCH_DUPLEX_H
#define CHIRPBENCH_DUPLEX_H

#include "samples.h"

typedef struct cp_duplex cp_duplex;

typedef struct cp_plan {
    int32_t rate_hz, output_channels, input_channels;
    int64_t warmup_frames, recording_frames;
    int64_t began_ns;                            /* the trial began to open its streams */
    int64_t output_latency_ns, input_latency_ns; /* what the session claims, beyond the buffers */
} cp_plan;

/* What the system says of a buffer, and when it was said. */
typedef struct cp_stamp {
    int64_t host_ns; /* its first frame passes the hardware; 0 = the system does not say */
    int64_t now_ns;
    double sample_time; /* of its first frame; NaN = the system does not say */
} cp_stamp;

enum { CP_OPEN, CP_WARMING, CP_PLAYING, CP_DONE, CP_STOPPED };

/* Answers of cp_duplex_look. */
enum {
    CP_GOING,
    CP_FINISHED, /* whole */
    CP_DEAF,     /* whole, and the input gave no single frame */
    CP_STALLED,  /* nothing moved for 4 s */
};

typedef struct cp_status {
    int32_t state, callbacks, input_callbacks, short_reads, output_gaps, input_gaps;
    int64_t played, recorded, filled, owed_max, drained, overrun, waiting_max;
    int64_t interval_max_ns;
    int64_t zero_ns; /* the moment of the callback that wrote frame 0; -1 = not yet */
    /* Since the trial began to open; -1 = it has not happened. */
    int64_t opened_ns, started_ns, first_output_ns, first_input_ns, first_nonzero_ns;
} cp_status;

/*
 * NULL: no memory, or more than CP_MAX_PCM_BYTES as int16. The samples of the sounds stay whose
 * they are, and stay there.
 */
cp_duplex *cp_duplex_new(const cp_plan *plan, const cp_sound *sounds, int32_t count);
/* When it is quiet. */
void cp_duplex_free(cp_duplex *d);

void cp_duplex_opened(cp_duplex *d, int64_t now_ns);
/* From now on the callbacks do something. */
void cp_duplex_allow(cp_duplex *d);
void cp_duplex_started(cp_duplex *d, int64_t now_ns);
/* From now on they write silence and read nothing; what is whole stays CP_DONE. */
void cp_duplex_forbid(cp_duplex *d);

/* Frames that came from the microphone, interleaved. */
void cp_duplex_input(cp_duplex *d, const float *samples, int64_t frames, const cp_stamp *stamp);
/* Frames that go to the loudspeaker, interleaved. */
void cp_duplex_output(cp_duplex *d, float *samples, int64_t frames, const cp_stamp *stamp);

/* Looks several times a second whether it goes on; of one thread. */
int32_t cp_duplex_look(cp_duplex *d, int64_t now_ns);
/* 0..1 of the stage that runs. */
double cp_duplex_fraction(const cp_duplex *d, int64_t now_ns);
void cp_duplex_status(const cp_duplex *d, cp_status *status);

/* When it is quiet. */
const float *cp_duplex_recording(const cp_duplex *d);
int64_t cp_duplex_zero_run(const cp_duplex *d);
int64_t cp_duplex_histogram(const cp_duplex *d, int32_t bin);

/* When it is quiet: frame and time of the recording's or the timeline's pairs. */
int32_t cp_duplex_stamps(const cp_duplex *d, bool is_output);
void cp_duplex_stamp(const cp_duplex *d, bool is_output, int32_t place, int64_t *frame,
                     int64_t *time_ns);
/*
 * Median over the pairs: the first frame that a callback writes is heard after so long, the
 * first that it reads was in the air so long ago; together they are the round trip that the system
 * claims. INT64_MIN = the system does not say.
 */
int64_t cp_duplex_latency_ns(const cp_duplex *d, bool is_output);

#endif
