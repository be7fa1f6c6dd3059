/*
 * One I/O unit of Core Audio, remote or voice-processing, with both callbacks on one duplex
 * timeline. In C because the callbacks run on the audio thread, where Swift may take memory. Plain
 * AudioToolbox, so that a test runs it against a fake of that.
 */
#ifndef CHIRPBENCH_IO_UNIT_H
#define CHIRPBENCH_IO_UNIT_H

#include <stdbool.h>
#include <stdint.h>

#include "../Core/duplex.h"

enum { CP_MAX_SLICE_FRAMES = 8192, CP_LEAVE = -1 };

typedef struct cp_io cp_io;

typedef struct cp_io_plan {
    bool is_voice; /* the voice-processing unit */
    int32_t rate_hz, output_channels, input_channels;
    /* Of the voice-processing unit; CP_LEAVE = as the system has it. */
    int32_t bypass, agc;
    int32_t ducking; /* of other audio, kAUVoiceIOOtherAudioDuckingLevel…; iOS 17 */
} cp_io_plan;

typedef struct cp_io_granted {
    int32_t output_channels, input_channels;
    /* As read back; CP_LEAVE = the unit does not say. */
    int32_t bypass, agc, ducking;
    int32_t failed_status;   /* 0 = opened */
    const char *failed_step; /* what could not be done */
} cp_io_granted;

typedef struct cp_io_counts {
    int32_t render_errors, last_render_error, oversized;
} cp_io_counts;

/* NULL: see failed_step. Does not run yet. */
cp_io *cp_io_open(const cp_io_plan *plan, cp_io_granted *granted);
/* The status of AudioOutputUnitStart. The timeline must outlive cp_io_close. */
int32_t cp_io_start(cp_io *io, cp_duplex *timeline);
/* Waits until no callback runs any more; false: one is stuck, and its memory has to stay. */
bool cp_io_stop(cp_io *io);
void cp_io_counts_of(const cp_io *io, cp_io_counts *counts);
/* After cp_io_stop. */
void cp_io_close(cp_io *io);

/* mach_absolute_time in nanoseconds: the clock of all stamps. */
int64_t cp_now_ns(void);

#endif
