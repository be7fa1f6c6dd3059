#include "samples.h"

#include <stdlib.h>
#include <string.h>

static void add(const cp_sound *s, int64_t from, int64_t frames, int32_t channels, float *into)
{
    int64_t begin = from > s->at_frame ? from : s->at_frame;
    int64_t last = s->at_frame + s->frames;
    int64_t end = from + frames < last ? from + frames : last;
    for (int64_t frame = begin; frame < end; frame++) {
        float sample = s->samples[frame - s->at_frame];
        float *to = into + (frame - from) * channels;
        for (int32_t c = 0; c < channels; c++) {
            to[c] += sample;
        }
    }
}

void cp_mix(const cp_sound *sounds, int32_t count, int64_t from, int64_t frames, int32_t channels,
            float *into)
{
    memset(into, 0, (size_t)(frames * channels) * sizeof(float));
    for (int32_t i = 0; i < count; i++) {
        add(&sounds[i], from, frames, channels, into);
    }
}

bool cp_all_zero(const float *samples, int64_t count)
{
    for (int64_t i = 0; i < count; i++) {
        if (samples[i] != 0.0f) {
            return false;
        }
    }
    return true;
}

int64_t cp_zero_run(const float *samples, int64_t frames, int32_t channels)
{
    int64_t longest = 0;
    int64_t run = 0;
    for (int64_t i = 0; i < frames; i++) {
        run = cp_all_zero(samples + i * channels, channels) ? run + 1 : 0;
        longest = run > longest ? run : longest;
    }
    return longest;
}

/* Renard's R20: twenty steps a decade, 12 % apart. */
int32_t cp_histogram_edge_us(int32_t bin)
{
    static const int32_t steps[20] = {100, 112, 125, 140, 160, 180, 200, 224, 250, 280,
                                      315, 355, 400, 450, 500, 560, 630, 710, 800, 900};
    static const int32_t decades[5] = {1, 10, 100, 1000, 10000};
    return steps[bin % 20] * decades[bin / 20];
}

int32_t cp_histogram_bin(int64_t interval_ns)
{
    int32_t low = 0;
    int32_t high = CP_HISTOGRAM_EDGES;
    while (low < high) {
        int32_t middle = (low + high) / 2;
        if (interval_ns <= (int64_t)cp_histogram_edge_us(middle) * 1000) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return low;
}

int64_t cp_ticks_to_ns(uint64_t ticks, uint32_t numer, uint32_t denom)
{
    if (denom == 0) {
        return 0;
    }
    /* the product alone does not fit after some months at 125/3 */
    return (int64_t)(ticks / denom * numer + ticks % denom * numer / denom);
}

static int by_size(const void *one, const void *other)
{
    int64_t a = *(const int64_t *)one;
    int64_t b = *(const int64_t *)other;
    return (a > b) - (a < b);
}

int64_t cp_median(int64_t *values, int32_t count)
{
    if (count <= 0) {
        return 0;
    }
    qsort(values, (size_t)count, sizeof *values, by_size);
    return values[count / 2];
}
