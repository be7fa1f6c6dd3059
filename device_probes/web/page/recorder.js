// Plays and records in one process(): frame 0 of the recording is what is read in the call in
// which frame 0 is written. All memory comes from outside, before the sound starts.

const EDGES_MS = [
  1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 25, 30, 40, 50, 75, 100, 150, 200, 500, 1000, 10_000,
];
const LEVELS_PER_S = 15;

/**
 * Told `{type: "arm", output, recording, frames, warmup_frames, channels}`: `output` is mono and
 * goes to every output channel; `recording` holds `frames` × all channels, interleaved; each of
 * the node's inputs gives `channels` of them. Tells `armed`, `zero` (the context's frame that is
 * frame 0), `level` 15 times a second, and `done` with the recording; `stop` ends it early.
 */
class Recorder extends AudioWorkletProcessor {
  constructor() {
    super();
    this.armed = false;
    this.over = false;
    this.port.onmessage = ({ data }) => {
      if (data.type === "arm") this.arm(data);
      else this.over = true;
    };
  }

  arm({ output, recording, frames, warmup_frames, channels }) {
    Object.assign(this, { output, recording, frames, channels });
    this.at = -warmup_frames; // frame of the timeline that the next call begins with
    this.width = recording.length / frames;
    this.counts = new Uint32Array(EDGES_MS.length);
    this.last_ms = 0;
    this.ahead = 0; // frame of the context that is frame 0
    this.missing = 0; // frames of the recording for which no input was given
    this.first = { output: 0, input: 0, nonzero: 0 };
    this.peak = 0;
    this.told = 0;
    this.armed = true;
    this.port.postMessage({ type: "armed" });
  }

  process(inputs, outputs) {
    if (this.over) return false;
    if (!this.armed) return true;
    const quantum = outputs[0][0].length;
    this.watch();
    const from = Math.max(0, -this.at);
    const to = Math.min(quantum, this.frames - this.at);
    if (this.at <= 0 && from < quantum) {
      this.ahead = currentFrame - this.at;
      this.port.postMessage({ type: "zero", frame: currentFrame + from });
    }
    this.hear(inputs, from, to);
    for (let c = 0; c < outputs[0].length; c += 1) this.play(outputs[0][c], from, to);
    this.at += quantum;
    this.level(quantum);
    if (this.at < this.frames) return true;
    // Chromium's clock is now and then one block off for one call; what stays was left out.
    this.finish(currentFrame + quantum - this.at - this.ahead);
    return false;
  }

  play(channel, from, to) {
    for (let i = from; i < to; i += 1) channel[i] = this.output[this.at + i];
  }

  hear(inputs, from, to) {
    let given = false;
    for (let n = 0; n < inputs.length; n += 1) {
      const input = inputs[n];
      given ||= input.length > 0;
      for (let c = 0; c < input.length && c < this.channels; c += 1) {
        this.keep(input[c], n * this.channels + c, from, to);
      }
    }
    if (given) this.first.input ||= Date.now();
    else if (from < to) this.missing += to - from;
  }

  keep(samples, column, from, to) {
    for (let i = 0; i < samples.length; i += 1) {
      const loud = Math.abs(samples[i]);
      if (loud > this.peak) this.peak = loud;
      if (i >= from && i < to) this.recording[(this.at + i) * this.width + column] = samples[i];
    }
    if (this.peak > 0) this.first.nonzero ||= Date.now();
  }

  watch() {
    const now_ms = Date.now();
    this.first.output ||= now_ms;
    if (this.at >= 0 && this.last_ms) {
      let bin = 0;
      while (bin < EDGES_MS.length - 1 && EDGES_MS[bin] < now_ms - this.last_ms) bin += 1;
      this.counts[bin] += 1;
    }
    this.last_ms = now_ms;
  }

  level(quantum) {
    this.told += quantum;
    if (this.told * LEVELS_PER_S < sampleRate) return;
    this.port.postMessage({ type: "level", at: this.at, peak: this.peak });
    this.told = this.peak = 0;
  }

  finish(skipped) {
    const { recording, missing, first } = this;
    const histogram = EDGES_MS.map((edge, n) => [edge, this.counts[n]]).filter(([, n]) => n);
    const told = { recording, skipped, missing, first, histogram };
    this.port.postMessage({ type: "done", ...told }, [recording.buffer]);
    this.over = true;
  }
}

registerProcessor("chirpbench-recorder", Recorder);
