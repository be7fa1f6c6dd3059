/*
 * The few functions of Android's libc, libdl and liblog that the library imports. Declared here
 * because the build has no NDK; the list is the gate: the linker's stubs hold these and no others.
 */
#ifndef CHIRPBENCH_BIONIC_H
#define CHIRPBENCH_BIONIC_H

#include <stddef.h>
#include <stdint.h>

#define BIONIC_CLOCK_MONOTONIC 1
#define BIONIC_RTLD_NOW 2
#define BIONIC_LOG_INFO 4

/* struct timespec where time_t is a long: every Android ABI, and 32 bit Linux as well. */
struct bionic_timespec {
    long tv_sec;
    long tv_nsec;
};

void *malloc(size_t bytes);
void free(void *memory);
void *memcpy(void *to, const void *from, size_t bytes);
void *memmove(void *to, const void *from, size_t bytes);
void *memset(void *to, int value, size_t bytes);
int usleep(unsigned microseconds);
int clock_gettime(int clock, struct bionic_timespec *time);
void *dlopen(const char *file, int mode);
void *dlsym(void *library, const char *name);
int __android_log_print(int priority, const char *tag, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Nanoseconds of the clock behind System.nanoTime(). Safe in a callback. */
static inline int64_t bionic_now_ns(void)
{
    struct bionic_timespec now = {0, 0};
    (void)clock_gettime(BIONIC_CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

#endif
