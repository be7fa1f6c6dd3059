/* A JNINativeInterface_ with the functions that the library uses; another call is a crash. */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness.h"

static _Thread_local bool thrown;

static jint JNICALL get_array_length(JNIEnv *env, jarray of)
{
    (void)env;
    return ((const array *)(const void *)of)->length;
}

/* Where a region begins, or NULL with an exception pending, as in a JVM. */
static char *region(jobject of, jint first, jint count, size_t size)
{
    array *a = (array *)(void *)of;
    if (first < 0 || count < 0 || first > a->length - count) {
        thrown = true;
        return NULL;
    }
    return a->elements + (size_t)first * size;
}

#define GET(name, java_array, element) \
    static void JNICALL name(JNIEnv *env, java_array of, jint first, jint count, element *into) \
    { \
        (void)env; \
        char *from = region(of, first, count, sizeof(element)); \
        if (from != NULL) { \
            memcpy(into, from, (size_t)count * sizeof(element)); \
        } \
    }
#define SET(name, java_array, element) \
    static void JNICALL name(JNIEnv *env, java_array of, jint first, jint count, \
                             const element *from) \
    { \
        (void)env; \
        char *into = region(of, first, count, sizeof(element)); \
        if (into != NULL) { \
            memcpy(into, from, (size_t)count * sizeof(element)); \
        } \
    }
GET(get_int_array_region, jintArray, jint)
GET(get_float_array_region, jfloatArray, jfloat)
SET(set_int_array_region, jintArray, jint)
SET(set_long_array_region, jlongArray, jlong)
SET(set_byte_array_region, jbyteArray, jbyte)

static jstring JNICALL new_string_utf(JNIEnv *env, const char *text)
{
    (void)env;
    return (jstring)(void *)(uintptr_t)text;
}

static jboolean JNICALL exception_check(JNIEnv *env)
{
    (void)env;
    return thrown ? JNI_TRUE : JNI_FALSE;
}

static const struct JNINativeInterface_ TABLE = {
    .GetArrayLength = get_array_length,
    .GetIntArrayRegion = get_int_array_region,
    .GetFloatArrayRegion = get_float_array_region,
    .SetIntArrayRegion = set_int_array_region,
    .SetLongArrayRegion = set_long_array_region,
    .SetByteArrayRegion = set_byte_array_region,
    .NewStringUTF = new_string_utf,
    .ExceptionCheck = exception_check,
};
static JNIEnv table = &TABLE;

static void *find(void *library, const char *method)
{
    char name[128];
    snprintf(name, sizeof name, "Java_org_chirpbench_probe_NativeAudio_%s", method);
    void *address = dlsym(library, name);
    if (address == NULL) {
        fprintf(stderr, "no %s: %s\n", name, dlerror());
        exit(2);
    }
    return address;
}

native load_native(const char *path)
{
    void *library = dlopen(strcmp(path, "-") == 0 ? NULL : path, RTLD_NOW);
    if (library == NULL) {
        fprintf(stderr, "%s\n", dlerror());
        exit(2);
    }
    native n = {.env = &table};
    struct {
        void *slot;
        const char *method;
    } all[] = {
        {&n.version, "version"}, {&n.check, "check"}, {&n.missing, "missing"}, {&n.open, "open"},
        {&n.prepare, "prepare"}, {&n.mix, "mix"}, {&n.start, "start"}, {&n.poll, "poll"},
        {&n.timestamp, "timestamp"}, {&n.histogram, "histogram"}, {&n.stop, "stop"},
        {&n.zeroRun, "zeroRun"}, {&n.read, "read"}, {&n.close, "close"},
    };
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        void *address = find(library, all[i].method);
        memcpy(all[i].slot, &address, sizeof address);
    }
    return n;
}
