/* The native methods of org.chirpbench.probe.NativeAudio: arrays in, arrays out, nothing kept. */
#include <jni.h>

#include "bionic.h"
#include "session.h"

enum { CHUNK_FLOATS = 1024, CHUNK_BYTES = 4096 };

#define NATIVE(type, name) JNIEXPORT type JNICALL Java_org_chirpbench_probe_NativeAudio_##name

/* Whether an array is there and holds so many elements. */
static bool holds(JNIEnv *env, jarray array, jint elements)
{
    return array != NULL && (*env)->GetArrayLength(env, array) >= elements;
}

/* Java's long array is our int64_t array on every ABI; the compiler checks the size. */
static void put_longs(JNIEnv *env, jlongArray to, jint count, const int64_t *from)
{
    _Static_assert(sizeof(jlong) == sizeof(int64_t), "jlong");
    (*env)->SetLongArrayRegion(env, to, 0, count, (const jlong *)from);
}

NATIVE(jint, version)(JNIEnv *env, jclass type)
{
    (void)env;
    (void)type;
    return INTERFACE_VERSION;
}

NATIVE(jint, check)(JNIEnv *env, jclass type)
{
    (void)env;
    (void)type;
    return session_check();
}

NATIVE(jstring, missing)(JNIEnv *env, jclass type)
{
    (void)type;
    return (*env)->NewStringUTF(env, aaudio_missing());
}

NATIVE(jlong, open)(JNIEnv *env, jclass type, jintArray wanted, jintArray granted)
{
    (void)type;
    jint asked[W_COUNT];
    jint got[G_COUNT] = {0};
    if (!holds(env, wanted, W_COUNT) || !holds(env, granted, G_COUNT)) {
        return ERROR_ARGUMENT;
    }
    (*env)->GetIntArrayRegion(env, wanted, 0, W_COUNT, asked);
    if ((*env)->ExceptionCheck(env)) {
        return ERROR_ARGUMENT;
    }
    jlong handle = session_open(asked, got);
    (*env)->SetIntArrayRegion(env, granted, 0, G_COUNT, got);
    return handle;
}

NATIVE(jint, prepare)
(JNIEnv *env, jclass type, jlong handle, jint warmup, jint timeline, jint recording)
{
    (void)env;
    (void)type;
    return session_prepare(handle, warmup, timeline, recording);
}

NATIVE(jint, mix)
(JNIEnv *env, jclass type, jlong handle, jint at_frame, jfloatArray samples, jint first, jint count)
{
    (void)type;
    jfloat chunk[CHUNK_FLOATS];
    bool inside = first >= 0 && count >= 0 && first <= INT32_MAX - count && at_frame >= 0 &&
                  at_frame <= INT32_MAX - count;
    if (!inside || !holds(env, samples, first + count)) {
        return ERROR_ARGUMENT;
    }
    /* the whole place is checked before the first sample is added */
    jint result = session_mix(handle, at_frame + count, chunk, 0);
    for (jint done = 0; result == AAUDIO_OK && done < count;) {
        jint now = count - done < CHUNK_FLOATS ? count - done : CHUNK_FLOATS;
        (*env)->GetFloatArrayRegion(env, samples, first + done, now, chunk);
        if ((*env)->ExceptionCheck(env)) {
            return ERROR_ARGUMENT;
        }
        result = session_mix(handle, at_frame + done, chunk, now);
        done += now;
    }
    return result;
}

NATIVE(jint, start)(JNIEnv *env, jclass type, jlong handle)
{
    (void)env;
    (void)type;
    return session_start(handle);
}

NATIVE(jint, poll)(JNIEnv *env, jclass type, jlong handle, jlongArray status)
{
    (void)type;
    int64_t values[S_COUNT];
    if (!holds(env, status, S_COUNT)) {
        return ERROR_ARGUMENT;
    }
    jint result = session_poll(handle, values);
    if (result == AAUDIO_OK) {
        put_longs(env, status, S_COUNT, values);
    }
    return result;
}

NATIVE(jint, timestamp)(JNIEnv *env, jclass type, jlong handle, jint direction, jlongArray pair)
{
    (void)type;
    int64_t values[2];
    if (!holds(env, pair, 2)) {
        return ERROR_ARGUMENT;
    }
    jint result = session_timestamp(handle, direction, values);
    if (result == AAUDIO_OK) {
        put_longs(env, pair, 2, values);
    }
    return result;
}

NATIVE(jint, histogram)(JNIEnv *env, jclass type, jlong handle, jlongArray counts)
{
    (void)type;
    int64_t values[H_COUNT];
    if (!holds(env, counts, H_COUNT)) {
        return ERROR_ARGUMENT;
    }
    jint result = session_histogram(handle, values);
    if (result == AAUDIO_OK) {
        put_longs(env, counts, H_COUNT, values);
    }
    return result;
}

NATIVE(jint, stop)(JNIEnv *env, jclass type, jlong handle)
{
    (void)env;
    (void)type;
    return session_stop(handle);
}

NATIVE(jint, zeroRun)(JNIEnv *env, jclass type, jlong handle)
{
    (void)env;
    (void)type;
    return session_zero_run(handle);
}

NATIVE(jint, read)(JNIEnv *env, jclass type, jlong handle, jint first_frame, jbyteArray into)
{
    (void)type;
    char chunk[CHUNK_BYTES];
    jint total = 0;
    jint frame_bytes = session_frame_bytes(handle);
    if (frame_bytes < 0 || !holds(env, into, frame_bytes)) {
        return frame_bytes < 0 ? frame_bytes : ERROR_ARGUMENT;
    }
    jint room = (*env)->GetArrayLength(env, into);
    while (room - total >= frame_bytes) {
        jint now = room - total < CHUNK_BYTES ? room - total : CHUNK_BYTES;
        jint frames = session_read(handle, first_frame, chunk, now);
        if (frames <= 0) {
            return frames < 0 ? frames : total;
        }
        (*env)->SetByteArrayRegion(env, into, total, frames * frame_bytes, (const jbyte *)chunk);
        if ((*env)->ExceptionCheck(env)) {
            return ERROR_ARGUMENT;
        }
        total += frames * frame_bytes;
        first_frame += frames;
    }
    return total;
}

NATIVE(jint, close)(JNIEnv *env, jclass type, jlong handle)
{
    (void)env;
    (void)type;
    return session_close(handle);
}
