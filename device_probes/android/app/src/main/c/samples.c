/* Samples and numbers: nothing here knows of streams. */
#include "bionic.h"
#include "session.h"

/* Renard's R20: twenty steps a decade, 12 % apart. */
static const int32_t R20[20] = {100, 112, 125, 140, 160, 180, 200, 224, 250, 280,
                                315, 355, 400, 450, 500, 560, 630, 710, 800, 900};
static const int32_t DECADES[5] = {1, 10, 100, 1000, 10000};

/* Upper edge of a bin in microseconds, 0 <= bin < HISTOGRAM_EDGES. */
int32_t histogram_edge_us(int32_t bin)
{
    return R20[bin % 20] * DECADES[bin / 20];
}

/* The bin of an interval; HISTOGRAM_EDGES = above the last edge. */
int32_t histogram_bin(int64_t interval_ns)
{
    int32_t low = 0;
    int32_t high = HISTOGRAM_EDGES;
    while (low < high) {
        int32_t middle = (low + high) / 2;
        if (interval_ns <= (int64_t)histogram_edge_us(middle) * 1000) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return low;
}

/* Full scale is 32768 as in Android's own conversion; NaN is 0 because it has no place in int16. */
static int16_t to_int16(float sample)
{
    if (!(sample == sample)) {
        return 0;
    }
    float scaled = sample * 32768.0f;
    if (scaled >= 32767.0f) {
        return 32767;
    }
    if (scaled <= -32768.0f) {
        return -32768;
    }
    return (int16_t)(scaled + (scaled < 0.0f ? -0.5f : 0.5f));
}

/* Mono samples to every channel, in the stream's format. */
void samples_write(const float *mono, int32_t frames, const side *to, void *into)
{
    if (to->format == AAUDIO_FLOAT32) {
        float *out = into;
        for (int32_t i = 0; i < frames; i++) {
            for (int32_t c = 0; c < to->channels; c++) {
                *out++ = mono[i];
            }
        }
        return;
    }
    int16_t *out = into;
    for (int32_t i = 0; i < frames; i++) {
        int16_t sample = to_int16(mono[i]);
        for (int32_t c = 0; c < to->channels; c++) {
            *out++ = sample;
        }
    }
}

/* Whether every channel of every frame is exactly 0 (minus zero counts as zero). */
bool samples_all_zero(const char *samples, int32_t frames, const side *of)
{
    int32_t count = frames * of->channels;
    if (of->format == AAUDIO_FLOAT32) {
        const float *at = (const float *)(const void *)samples;
        for (int32_t i = 0; i < count; i++) {
            if (at[i] != 0.0f) {
                return false;
            }
        }
        return true;
    }
    const int16_t *at = (const int16_t *)(const void *)samples;
    for (int32_t i = 0; i < count; i++) {
        if (at[i] != 0) {
            return false;
        }
    }
    return true;
}

/* Longest run of frames that are exactly 0 in every channel. */
int32_t samples_zero_run(const char *samples, int32_t frames, const side *of)
{
    int32_t longest = 0;
    int32_t run = 0;
    for (int32_t i = 0; i < frames; i++) {
        bool zero = samples_all_zero(samples + (size_t)i * (size_t)of->frame_bytes, 1, of);
        run = zero ? run + 1 : 0;
        longest = run > longest ? run : longest;
    }
    return longest;
}
