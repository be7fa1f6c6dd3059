/*
 * harness LIBRARY SCENARIOS STIMULUS OUT: runs every line of SCENARIOS ("key=value" words) through
 * the native methods, prints what they answer, and writes OUT/<name>.pcm. The same line configures
 * the fake libaaudio. NativeHarness.java does the same in a JVM and prints the same.
 */
#include "harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { LINE = 1024, POLL_NS = 1000000, POLLS = 20000, S_STATE = 0, S_PLAYED = 3, STATE_DONE = 3 };

static array stimulus;
static const char *out_folder;
static jint frame_bytes; /* of the granted input */

/* The value of a key in a line, or a default. */
static long number(const char *line, const char *key, long otherwise)
{
    char pattern[64];
    snprintf(pattern, sizeof pattern, " %s=", key);
    const char *found = strstr(line, pattern);
    return found == NULL ? otherwise : strtol(found + strlen(pattern), NULL, 10);
}

static void name_of(const char *line, char *name)
{
    const char *found = strstr(line, " name=");
    if (found == NULL || sscanf(found, " name=%63s", name) != 1) {
        exit(3);
    }
}

static void print_longs(const char *what, const jlong *values, int count)
{
    printf("%s", what);
    for (int i = 0; i < count; i++) {
        printf(" %lld", (long long)values[i]);
    }
    printf("\n");
}

static jlong open_session(const native *n, const char *line)
{
    jint wanted[WANTED] = {48000, 1, 1, -1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0};
    jint granted[GRANTED] = {0};
    for (int i = 0; i < WANTED; i++) {
        char key[16];
        snprintf(key, sizeof key, "w%d", i);
        wanted[i] = (jint)number(line, key, wanted[i]);
    }
    array asked = {WANTED, (char *)wanted};
    array got = {GRANTED, (char *)granted};
    jlong handle = n->open(n->env, NULL, (jintArray)&asked, (jintArray)&got);
    frame_bytes = granted[21] * (granted[22] == 2 ? 4 : 2);
    jlong values[GRANTED];
    for (int i = 0; i < GRANTED; i++) {
        values[i] = granted[i];
    }
    print_longs("open", &(jlong){handle > 0 ? 1 : handle}, 1);
    print_longs("granted", values, GRANTED);
    return handle;
}

static jint mix_all(const native *n, const char *line, jlong handle, jint frames)
{
    const char *plays = strstr(line, " plays=");
    jint result = 0;
    for (char *at = plays == NULL ? NULL : (char *)(uintptr_t)plays + 6; at != NULL;) {
        jint frame = (jint)strtol(at + 1, &at, 10);
        jint count = stimulus.length < frames - frame ? stimulus.length : frames - frame;
        result = n->mix(n->env, NULL, handle, frame, (jfloatArray)&stimulus, 0, count);
        at = *at == ':' && result == 0 ? at : NULL;
    }
    return result;
}

/* Until the run ended, or so many frames were played. */
static void wait_for(const native *n, jlong handle, long stop_at, jlong *status)
{
    array into = {STATUS, (char *)status};
    const struct timespec pause = {0, POLL_NS};
    for (int i = 0; i < POLLS; i++) {
        (void)n->poll(n->env, NULL, handle, (jlongArray)&into);
        if (status[S_STATE] >= STATE_DONE || (stop_at > 0 && status[S_PLAYED] >= stop_at)) {
            return;
        }
        nanosleep(&pause, NULL);
    }
}

static void write_recording(const native *n, jlong handle, const char *name)
{
    char path[512];
    char part[10007]; /* no whole number of frames, on purpose */
    array into = {sizeof part, part};
    snprintf(path, sizeof path, "%s/%s.pcm", out_folder, name);
    FILE *file = fopen(path, "wb");
    jint total = 0;
    for (jint got = 1; got > 0; total += got > 0 ? got : 0) {
        got = n->read(n->env, NULL, handle, total / frame_bytes, (jbyteArray)&into);
        fwrite(part, 1, got > 0 ? (size_t)got : 0, file);
    }
    fclose(file);
    printf("read %d\n", (int)total);
}

static void report(const native *n, jlong handle, const char *name)
{
    jlong status[STATUS], bins[BINS], pair[2];
    array statuses = {STATUS, (char *)status};
    array counts = {BINS, (char *)bins};
    array pairs = {2, (char *)pair};
    for (jint direction = 0; direction < 2; direction++) {
        if (n->timestamp(n->env, NULL, handle, direction, (jlongArray)&pairs) == 0) {
            print_longs(direction == 0 ? "output_time" : "input_time", pair, 2);
        }
    }
    printf("stop %d\n", (int)n->stop(n->env, NULL, handle));
    (void)n->poll(n->env, NULL, handle, (jlongArray)&statuses);
    print_longs("status", status, STATUS);
    (void)n->histogram(n->env, NULL, handle, (jlongArray)&counts);
    print_longs("histogram", bins, BINS);
    printf("zero_run %d\n", (int)n->zeroRun(n->env, NULL, handle));
    write_recording(n, handle, name);
}

static void run(const native *n, const char *line)
{
    char name[64];
    name_of(line, name);
    printf("scenario %s\n", name);
    if (number(line, "abuse", 0) != 0) {
        abuse(n);
        return;
    }
    jlong handle = open_session(n, line);
    if (handle <= 0) {
        return;
    }
    jint frames = (jint)number(line, "frames", 0);
    jint made = n->prepare(n->env, NULL, handle, (jint)number(line, "warmup", 0), frames,
                           (jint)number(line, "record", 1));
    printf("prepare %d\nmix %d\n", (int)made, (int)mix_all(n, line, handle, frames));
    jint started = n->start(n->env, NULL, handle);
    printf("start %d\n", (int)started);
    if (started == 0 && number(line, "race", 0) != 0) {
        race(n, handle);
        return;
    }
    jlong status[STATUS] = {0};
    if (started == 0) {
        wait_for(n, handle, number(line, "stop_at", 0), status);
    }
    report(n, handle, name);
    printf("close %d\n", (int)n->close(n->env, NULL, handle));
    printf("closed %d\n", (int)n->stop(n->env, NULL, handle));
}

static void read_stimulus(const char *path)
{
    FILE *file = fopen(path, "rb");
    fseek(file, 0, SEEK_END);
    long bytes = ftell(file);
    rewind(file);
    stimulus = (array){(jint)(bytes / 4), malloc((size_t)bytes)};
    if (fread(stimulus.elements, 1, (size_t)bytes, file) != (size_t)bytes) {
        exit(3);
    }
    fclose(file);
}

int main(int count, char **arguments)
{
    if (count != 5) {
        return 3;
    }
    native n = load_native(arguments[1]);
    read_stimulus(arguments[3]);
    out_folder = arguments[4];
    printf("version %d\ncheck %d\n", (int)n.version(n.env, NULL), (int)n.check(n.env, NULL));
    printf("missing %s\n", (const char *)(const void *)n.missing(n.env, NULL));
    FILE *scenarios = fopen(arguments[2], "r");
    char line[LINE] = " ";
    while (scenarios != NULL && fgets(line + 1, sizeof line - 1, scenarios) != NULL) {
        FILE *config = fopen(getenv("FAKE_AAUDIO_CONFIG"), "w");
        fputs(line, config);
        fclose(config);
        run(&n, line);
        fflush(stdout);
    }
    fclose(scenarios);
    free(stimulus.elements);
    return 0;
}
