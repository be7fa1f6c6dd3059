#include "ring.h"

#include <stdlib.h>
#include <string.h>

enum { PAGE_BYTES = 4096 }; /* the smallest there is */

void *cp_memory(size_t bytes)
{
    volatile char *memory = calloc(bytes, 1);
    /* malloc and memset would not do: compilers make calloc of them, and that leaves pages out */
    for (size_t at = 0; memory != NULL && at < bytes; at += PAGE_BYTES) {
        memory[at] = 0;
    }
    return (void *)memory;
}

bool cp_ring_open(cp_ring *r, int64_t least_frames, int32_t channels)
{
    r->capacity = 1;
    while (r->capacity < least_frames) {
        r->capacity *= 2;
    }
    r->channels = channels;
    atomic_store(&r->written, 0);
    atomic_store(&r->read, 0);
    r->samples = cp_memory((size_t)r->capacity * (size_t)channels * sizeof(float));
    return r->samples != NULL;
}

void cp_ring_close(cp_ring *r)
{
    free(r->samples);
    r->samples = NULL;
}

/* Frames from `at` on that lie in one piece. */
static int64_t piece(const cp_ring *r, int64_t at, int64_t frames)
{
    int64_t to_end = r->capacity - at % r->capacity;
    return frames < to_end ? frames : to_end;
}

static float *place(const cp_ring *r, int64_t at)
{
    return r->samples + (at % r->capacity) * r->channels;
}

int64_t cp_ring_write(cp_ring *r, const float *from, int64_t frames)
{
    int64_t at = atomic_load_explicit(&r->written, memory_order_relaxed);
    int64_t room = r->capacity - (at - atomic_load_explicit(&r->read, memory_order_acquire));
    int64_t left = frames < room ? frames : room;
    int64_t done = 0;
    while (done < left) {
        int64_t now = piece(r, at + done, left - done);
        memcpy(place(r, at + done), from + done * r->channels,
               (size_t)(now * r->channels) * sizeof(float));
        done += now;
    }
    atomic_store_explicit(&r->written, at + done, memory_order_release);
    return done;
}

int64_t cp_ring_read(cp_ring *r, float *into, int64_t frames)
{
    int64_t at = atomic_load_explicit(&r->read, memory_order_relaxed);
    int64_t there = cp_ring_waiting(r);
    int64_t left = frames < there ? frames : there;
    int64_t done = 0;
    while (into != NULL && done < left) {
        int64_t now = piece(r, at + done, left - done);
        memcpy(into + done * r->channels, place(r, at + done),
               (size_t)(now * r->channels) * sizeof(float));
        done += now;
    }
    done = left > 0 ? left : 0;
    atomic_store_explicit(&r->read, at + done, memory_order_release);
    return done;
}

int64_t cp_ring_waiting(const cp_ring *r)
{
    return atomic_load_explicit(&r->written, memory_order_acquire) -
           atomic_load_explicit(&r->read, memory_order_relaxed);
}
