/* One thread writes a ring, another reads it: every frame arrives once and in order. */
#include <pthread.h>
#include <sched.h>
#include <stdio.h>

#include "ring.h"

enum { FRAMES = 200000, MOST = 97 };

static cp_ring ring;

static void *write_all(void *unused)
{
    float samples[2 * MOST];
    int64_t written = 0;
    for (int size = 1; written < FRAMES; size = size % MOST + 1) {
        for (int i = 0; i < size; i++) {
            samples[2 * i] = (float)(written + i);
            samples[2 * i + 1] = -samples[2 * i];
        }
        written += cp_ring_write(&ring, samples, size);
        sched_yield();
    }
    return unused;
}

int main(void)
{
    float samples[2 * MOST];
    int64_t read = 0;
    int wrong = 0;
    pthread_t writer;
    if (!cp_ring_open(&ring, 256, 2) || pthread_create(&writer, NULL, write_all, NULL) != 0) {
        return 1;
    }
    for (int size = MOST; read < FRAMES; size = size > 1 ? size - 1 : MOST) {
        int64_t got = cp_ring_read(&ring, samples, size);
        for (int64_t i = 0; i < got; i++) {
            float expected = (float)(read + i);
            wrong += samples[2 * i] != expected || samples[2 * i + 1] != -expected;
        }
        read += got;
        sched_yield();
    }
    pthread_join(writer, NULL);
    cp_ring_close(&ring);
    printf("%d wrong\n", wrong);
    return wrong != 0;
}
