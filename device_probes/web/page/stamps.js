// What the browser says of its own clocks and buffers while a trial runs.

import { MAX_TIMESTAMPS } from "./limits.js";
import { median } from "./timeline.js";

const LEAST_MS = 50;

/** Reads them every now and then until `end()`. */
export class Stamps {
  #pairs = []; // [context seconds, ms of the page's clock]
  #output_s = [];
  #input_ms = [];
  #timer;

  constructor(context, track, duration_s) {
    this.context = context;
    this.track = track;
    this.begin();
    const every_ms = Math.max(LEAST_MS, (1000 * duration_s) / (MAX_TIMESTAMPS - 16));
    this.#timer = setInterval(() => this.#read(), every_ms);
  }

  /** Counts from now on. */
  begin() {
    this.before = this.#counts();
  }

  end() {
    if (this.#timer === null) return;
    clearInterval(this.#timer);
    this.#timer = null;
    this.after = this.#counts();
  }

  /** `[frame of the recording, ns]` of what leaves the output. */
  timestamps(zero_s, rate_hz, frames) {
    return this.#pairs
      .map(([at_s, ms]) => [Math.round((at_s - zero_s) * rate_hz), Math.round(ms * 1e6)])
      .filter(([frame]) => frame >= 0 && frame < frames)
      .slice(0, MAX_TIMESTAMPS);
  }

  /** Middle of what `outputLatency` said, in ms; null when the browser has none. */
  get output_latency_ms() {
    const middle = median(this.#output_s);
    return middle === null ? null : 1000 * middle;
  }

  /** Middle of the track's own measured latency in ms; null when the browser has none. */
  get input_latency_ms() {
    return median(this.#input_ms);
  }

  /** What was counted since begin(), e.g. `{underrun_events: 2}`; absent = not told. */
  get counted() {
    const found = {};
    for (const [name, value] of Object.entries(this.after ?? {})) {
      if (Number.isFinite(value)) found[name] = Math.max(0, value - (this.before[name] ?? 0));
    }
    return found;
  }

  #read() {
    const { contextTime, performanceTime } = this.context.getOutputTimestamp?.() ?? {};
    const last = this.#pairs.at(-1);
    if (performanceTime > 0 && performanceTime !== last?.[1]) {
      this.#pairs.push([contextTime, performanceTime]);
    }
    if (this.context.outputLatency > 0) this.#output_s.push(this.context.outputLatency);
    const latency = this.track?.stats?.latency;
    if (latency > 0) this.#input_ms.push(latency);
  }

  #counts() {
    const { playbackStats: played, playoutStats: older } = this.context;
    const stats = this.track?.stats;
    return {
      underrun_events: played?.underrunEvents ?? older?.fallbackFramesEvents,
      underrun_ms: 1000 * (played?.underrunDuration ?? NaN),
      dropped_input_ms: stats ? stats.totalFramesDuration - stats.deliveredFramesDuration : NaN,
    };
  }
}
