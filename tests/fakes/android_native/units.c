/* Prints what samples.c answers; the expected answers are in the test. */
#include <math.h>
#include <stdio.h>

#include "session.h"

static void print_int16(float sample)
{
    int16_t out[2] = {0, 0};
    side two = {.channels = 2, .format = AAUDIO_INT16, .frame_bytes = 4};
    samples_write(&sample, 1, &two, out);
    printf("%d %d\n", out[0], out[1]);
}

static void print_zero_run(void)
{
    side one = {.channels = 1, .format = AAUDIO_FLOAT32, .frame_bytes = 4};
    float samples[8] = {0.0f, -0.0f, 1e-30f, 0.0f, 0.0f, 0.0f, NAN, 0.0f};
    side two = {.channels = 2, .format = AAUDIO_INT16, .frame_bytes = 4};
    int16_t pairs[8] = {0, 0, 0, 1, 0, 0, 0, 0};
    printf("%d %d\n", samples_zero_run((const char *)samples, 8, &one),
           samples_zero_run((const char *)pairs, 4, &two));
}

int main(void)
{
    for (int bin = 0; bin < HISTOGRAM_EDGES; bin++) {
        int64_t edge_ns = (int64_t)histogram_edge_us(bin) * 1000;
        printf("%d %d %d\n", histogram_edge_us(bin), histogram_bin(edge_ns),
               histogram_bin(edge_ns + 1));
    }
    printf("%d %d\n", histogram_bin(0), histogram_bin(INT64_MAX));
    const float samples[] = {0.0f, 1.0f,           -1.0f,  2.0f,  -2.0f, 0.5f, 1.4f / 32768.0f,
                             -0.6f / 32768.0f, 1e30f, -1e30f, NAN,   INFINITY};
    for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++) {
        print_int16(samples[i]);
    }
    print_zero_run();
    return 0;
}
