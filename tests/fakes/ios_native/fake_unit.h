/*
 * A fake of Core Audio's I/O units behind sdk/AudioToolbox: one thread calls the input callback and
 * the output callback in cycles, on a clock of its own that moves with them. What was played comes
 * back as half of it after burst + delay frames, and one unit of int16, of either sign, is added.
 *
 * Words: burst, delay (frames), order (1 = the output's callback first), in_burst (the input comes in
 * pieces of so many), lead (cycles of input before the first output; negative: later), gap_at (cycle)
 * and gap (frames that are lost there), silent (1 = zeros), deaf (1 = no input callback),
 * freeze_at (cycle after which nothing is called any more), render_error_at (cycle), in_channels and
 * out_channels (at most so many are taken), refuse (property that is not taken), init_error,
 * start_error, no_unit, no_ducking, slices (1 = sizes change), init_fails (so many times, then it
 * opens), forgets (1 = initializing sets the voice properties back), mono_voice (1 = a voice unit
 * with more than one channel does not initialize), linger_ms (the callback that
 * runs at the stop is in the middle of its render, which takes so long then; the stop does not wait),
 * mono_voice (1 = a voice unit with more than one channel does not initialize).
 */
#ifndef FAKE_UNIT_H
#define FAKE_UNIT_H

#include <stdint.h>

/* Reads key=value; nonzero when no such word is known. */
int fake_set(const char *word);
/* Units that are not disposed of, and callbacks that came after a stop. */
int fake_left_open(void);
/* What was set last: subtype (1 = voice), bypass, agc, ducking level, format flags. */
void fake_print(void);

#endif
