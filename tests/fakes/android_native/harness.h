/* The native methods of NativeAudio, called from C through a JNI made by hand. */
#ifndef HARNESS_H
#define HARNESS_H

#include <jni.h>
#include <stdbool.h>
#include <stdint.h>

enum { WANTED = 16, GRANTED = 42, STATUS = 21, BINS = 82, ERROR_CLOSED = -1003 };

/* What a jarray points to here. */
typedef struct array {
    jint length;
    char *elements;
} array;

typedef struct native {
    JNIEnv *env;
    jint (*version)(JNIEnv *, jclass);
    jint (*check)(JNIEnv *, jclass);
    jstring (*missing)(JNIEnv *, jclass);
    jlong (*open)(JNIEnv *, jclass, jintArray, jintArray);
    jint (*prepare)(JNIEnv *, jclass, jlong, jint, jint, jint);
    jint (*mix)(JNIEnv *, jclass, jlong, jint, jfloatArray, jint, jint);
    jint (*start)(JNIEnv *, jclass, jlong);
    jint (*poll)(JNIEnv *, jclass, jlong, jlongArray);
    jint (*timestamp)(JNIEnv *, jclass, jlong, jint, jlongArray);
    jint (*histogram)(JNIEnv *, jclass, jlong, jlongArray);
    jint (*stop)(JNIEnv *, jclass, jlong);
    jint (*zeroRun)(JNIEnv *, jclass, jlong);
    jint (*read)(JNIEnv *, jclass, jlong, jint, jbyteArray);
    jint (*close)(JNIEnv *, jclass, jlong);
} native;

/* Looks every method up in the library of this path ("-": the program itself); ends without one. */
native load_native(const char *path);

/* Calls every method with what Java could send by mistake, and prints the codes. */
void abuse(const native *n);

/* Stops and closes a running session under the hands of three other threads. */
void race(const native *n, jlong handle);

#endif
