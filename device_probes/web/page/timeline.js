// Plain arithmetic on a trial's samples.

/** What is played, mono, `frames` long: every play from its frame on, added up, times `gain`. */
export function mix(plays, frames, gain = 1) {
  const output = new Float32Array(frames);
  for (const { samples, at_frame } of plays) {
    const size = Math.min(samples.length, frames - at_frame);
    for (let i = 0; i < size; i += 1) output[at_frame + i] += samples[i] * gain;
  }
  return output;
}

/** Longest run of frames that are exactly 0 in every one of `channels` interleaved channels. */
export function longestZeroRun(samples, channels) {
  let longest = 0;
  let run = 0;
  for (let i = 0; i < samples.length; i += channels) {
    let silent = true;
    for (let c = 0; c < channels; c += 1) silent &&= samples[i + c] === 0;
    run = silent ? run + 1 : 0;
    if (run > longest) longest = run;
  }
  return longest;
}

/** Middle of `values`, or null when there are none. */
export function median(values) {
  if (!values.length) return null;
  return [...values].sort((a, b) => a - b)[values.length >> 1];
}
