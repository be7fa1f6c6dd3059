/* Wrong calls, and calls at the wrong time. NativeHarness.java makes the same ones in a JVM. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include "harness.h"

static jint ints[GRANTED];
static jlong longs[BINS];
static jfloat floats[4];
static char bytes[64];
static array wanted = {WANTED, (char *)ints};
static array granted = {GRANTED, (char *)ints};
static array short_ints = {WANTED - 1, (char *)ints};
static array one_long = {1, (char *)longs};
static array four_floats = {4, (char *)floats};
static array some_bytes = {64, bytes};
static array one_byte = {1, bytes};

static void say(const char *what, jlong code)
{
    printf("abuse %s %lld\n", what, (long long)code);
}

static void set_wanted(int index, jint value)
{
    const jint defaults[WANTED] = {48000, 1, 1, -1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0};
    for (int i = 0; i < WANTED; i++) {
        ints[i] = i == index ? value : defaults[i];
    }
}

static jlong open_with(const native *n, int index, jint value)
{
    set_wanted(index, value);
    return n->open(n->env, NULL, (jintArray)&wanted, (jintArray)&granted);
}

static void unopened(const native *n)
{
    JNIEnv *e = n->env;
    set_wanted(-1, 0);
    say("open_null", n->open(e, NULL, NULL, (jintArray)&granted));
    say("open_null_granted", n->open(e, NULL, (jintArray)&wanted, NULL));
    say("open_short", n->open(e, NULL, (jintArray)&short_ints, (jintArray)&granted));
    say("channels_0", open_with(n, 1, 0));
    say("channels_9", open_with(n, 2, 9));
    say("format_3", open_with(n, 3, 3));
    say("rate_negative", open_with(n, 0, -1));
    say("buffer_negative", open_with(n, 14, -1));
    say("closed_prepare", n->prepare(e, NULL, 7, 0, 1, 1));
    say("closed_poll", n->poll(e, NULL, 0, (jlongArray)&one_long));
    say("closed_stop", n->stop(e, NULL, -1));
    say("closed_read", n->read(e, NULL, 7, 0, (jbyteArray)&some_bytes));
    say("closed_close", n->close(e, NULL, 7));
}

static void opened(const native *n, jlong handle)
{
    JNIEnv *e = n->env;
    set_wanted(-1, 0);
    say("open_twice", open_with(n, -1, 0));
    say("start_unprepared", n->start(e, NULL, handle));
    say("mix_unprepared", n->mix(e, NULL, handle, 0, (jfloatArray)&four_floats, 0, 4));
    say("read_unprepared", n->read(e, NULL, handle, 0, (jbyteArray)&some_bytes));
    say("zero_run_unstopped", n->zeroRun(e, NULL, handle));
    say("prepare_nothing", n->prepare(e, NULL, handle, 0, 0, 0));
    say("prepare_negative", n->prepare(e, NULL, handle, -1, 10, 10));
    say("prepare_huge", n->prepare(e, NULL, handle, 0, 134217728, 134217728));
    say("prepare", n->prepare(e, NULL, handle, 0, 10, 10));
    say("prepare_twice", n->prepare(e, NULL, handle, 0, 10, 10));
    say("mix_null", n->mix(e, NULL, handle, 0, NULL, 0, 4));
    say("mix_beyond_array", n->mix(e, NULL, handle, 0, (jfloatArray)&four_floats, 2, 3));
    say("mix_beyond_timeline", n->mix(e, NULL, handle, 7, (jfloatArray)&four_floats, 0, 4));
    say("mix_before", n->mix(e, NULL, handle, -1, (jfloatArray)&four_floats, 0, 4));
    say("mix_overflow", n->mix(e, NULL, handle, 0, (jfloatArray)&four_floats, 2147483647, 1));
    say("mix", n->mix(e, NULL, handle, 6, (jfloatArray)&four_floats, 0, 4));
    say("poll_null", n->poll(e, NULL, handle, NULL));
    say("poll_short", n->poll(e, NULL, handle, (jlongArray)&one_long));
    say("timestamp_early", n->timestamp(e, NULL, handle, 0, (jlongArray)&some_bytes));
    say("timestamp_direction", n->timestamp(e, NULL, handle, 2, (jlongArray)&some_bytes));
    say("histogram_short", n->histogram(e, NULL, handle, (jlongArray)&one_long));
    say("read_small", n->read(e, NULL, handle, 0, (jbyteArray)&one_byte));
    say("read_null", n->read(e, NULL, handle, 0, NULL));
    say("read_before", n->read(e, NULL, handle, -1, (jbyteArray)&some_bytes));
    say("read_beyond", n->read(e, NULL, handle, 11, (jbyteArray)&some_bytes));
    say("read_early", n->read(e, NULL, handle, 0, (jbyteArray)&some_bytes));
    say("stop_unstarted", n->stop(e, NULL, handle));
    say("start_stopped", n->start(e, NULL, handle));
    say("stop_twice", n->stop(e, NULL, handle));
    say("close", n->close(e, NULL, handle));
    say("close_twice", n->close(e, NULL, handle));
    say("start_closed", n->start(e, NULL, handle));
}

void abuse(const native *n)
{
    unopened(n);
    jlong handle = open_with(n, -1, 0);
    say("opened", handle > 0);
    opened(n, handle);
}

static const native *racing;
static jlong raced;
static atomic_long calls;

/* Until the session is closed under its hands: every call must end with a code. */
static void *disturb(void *argument)
{
    jlong values[BINS];
    array numbers = {BINS, (char *)values};
    char part[1000];
    array samples = {1000, part};
    JNIEnv *e = racing->env;
    for (jint code = 0; code != ERROR_CLOSED;) {
        code = racing->poll(e, NULL, raced, (jlongArray)&numbers);
        (void)racing->timestamp(e, NULL, raced, 0, (jlongArray)&numbers);
        (void)racing->histogram(e, NULL, raced, (jlongArray)&numbers);
        (void)racing->read(e, NULL, raced, 0, (jbyteArray)&samples);
        if (argument != NULL) {
            (void)racing->stop(e, NULL, raced);
        }
        atomic_fetch_add(&calls, 1);
        usleep(100);
    }
    return NULL;
}

void race(const native *n, jlong handle)
{
    pthread_t threads[3];
    racing = n;
    raced = handle;
    for (int i = 0; i < 3; i++) {
        pthread_create(&threads[i], NULL, disturb, i == 2 ? (void *)&calls : NULL);
        usleep(2000);
    }
    printf("raced_stop %d\n", (int)n->stop(n->env, NULL, handle));
    printf("raced_close %d\n", (int)n->close(n->env, NULL, handle));
    for (int i = 0; i < 3; i++) {
        pthread_join(threads[i], NULL);
    }
    printf("raced_calls %d\n", atomic_load(&calls) > 0);
}
