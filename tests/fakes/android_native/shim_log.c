/* liblog.so for Linux: Android's log goes to standard error. */
#include <stdarg.h>
#include <stdio.h>

int __android_log_print(int priority, const char *tag, const char *format, ...);

int __android_log_print(int priority, const char *tag, const char *format, ...)
{
    va_list values;
    va_start(values, format);
    int written = fprintf(stderr, "%d %s: ", priority, tag);
    written += vfprintf(stderr, format, values);
    va_end(values);
    fputc('\n', stderr);
    return written;
}
