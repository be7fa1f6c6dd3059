/*
 * Frames from the input callback to the output callback: one writer, one reader, no lock, no memory
 * taken. A frame is `channels` interleaved float32 samples.
 */
#ifndef CHIRPBENCH_RING_H
#define CHIRPBENCH_RING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct cp_ring {
    float *samples;
    int64_t capacity; /* frames, a power of two */
    int32_t channels;
    _Atomic int64_t written, read; /* frames ever */
} cp_ring;

/* Zeros whose pages are there: a page fault in a callback would be a click. NULL: no memory. */
void *cp_memory(size_t bytes);

/* Takes memory for at least so many frames; false: there is none. */
bool cp_ring_open(cp_ring *r, int64_t least_frames, int32_t channels);
void cp_ring_close(cp_ring *r);

/* Of the writer. Frames that found room; the newest are left out. */
int64_t cp_ring_write(cp_ring *r, const float *from, int64_t frames);
/* Of the reader. into = NULL throws them away. */
int64_t cp_ring_read(cp_ring *r, float *into, int64_t frames);
/* Of the reader: frames that wait. */
int64_t cp_ring_waiting(const cp_ring *r);

#endif
