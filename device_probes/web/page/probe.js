// The device's side of docs/probe-protocol.md, for one connection.

import { Acts } from "./acts.js";
import { cut } from "./fields.js";
import { Malformed } from "./json.js";
import {
  MAX_PAYLOAD_BYTES,
  MAX_PCM_BYTES,
  MAX_PROGRESS_PER_S,
  MAX_STIMULUS_BYTES,
  PROBE_VERSION,
  PROTOCOL,
} from "./limits.js";
import { readFromHost } from "./messages.js";
import { Refusal } from "./refusal.js";
import { FrameReader, crc32, encodeFrame } from "./wire.js";

/**
 * Answers a host until it leaves.
 *
 * `link` has `send(bytes)`, `drained()` (a promise: there is room for more) and `hangUp(why)`.
 * `device` has `facts()` and `run(trial)`: promises of the contract's facts and of
 * `{report, samples}` (Float32Array, interleaved); a trial is `{request, rate_hz, plays, signal,
 * acts, progress(stage, fraction)}`, and `run` throws Refusal.
 */
export class Probe {
  #reader = new FrameReader();
  #stimuli = new Map(); // "rate/id" -> Float32Array, the oldest first
  #loading = null; // the load whose samples are coming in
  #abort = null; // of the trial that runs
  #acts = null;
  #greeted = false;
  #over = false;

  constructor(link, device) {
    this.link = link;
    this.device = device;
  }

  /** Bytes from the host. Never throws. */
  receive(chunk) {
    try {
      this.#reader.push(chunk, (frame) => !this.#over && this.#take(frame));
    } catch (error) {
      if (!(error instanceof Malformed)) throw error;
      if (!this.#over) this.#refuse("malformed", error.message);
      this.#hangUp("malformed");
    }
  }

  /** The connection is gone: a running trial ends, and nothing is said any more. */
  end() {
    this.#over = true;
    this.#loading = null;
    this.#stimuli.clear();
    this.#abort?.abort(new Refusal("cancelled", "the connection was lost"));
  }

  #take({ header, payload }) {
    const message = readFromHost(header);
    if (!this.#greeted) return this.#hello(message);
    if (this.#loading) return this.#piece(message, payload);
    switch (message.type) {
      case "cancel":
        return this.#abort?.abort(new Refusal("cancelled", "the trial was cancelled"));
      case "act":
        return this.#acts?.take(message);
      case "bye":
      case "hello":
      case "pcm":
        return this.#hangUp(message.type);
    }
    if (this.#abort) return this.#refuse("busy", "a trial is running");
    if (message.type === "facts") return this.#facts();
    if (message.type === "load") return this.#load(message);
    return this.#trial(message);
  }

  #hello(message) {
    if (message.type !== "hello") throw new Malformed("hello comes first");
    this.#greeted = true;
    // Also to a host of another version: it is the one that can tell the user.
    this.#send({ type: "hello", protocol: PROTOCOL, version: PROBE_VERSION });
    if (message.protocol !== PROTOCOL) this.#hangUp("version");
  }

  async #facts() {
    try {
      this.#send({ type: "facts", facts: await this.device.facts() });
    } catch (error) {
      this.#fail(error);
    }
  }

  #load(message) {
    this.#loading = { ...message, bytes: new Uint8Array(message.frames * 4), at: 0 };
  }

  #piece(message, payload) {
    const load = this.#loading;
    const room = load.bytes.length - load.at;
    if (message.offset !== load.at || !payload.length || payload.length > room) {
      throw new Malformed(`expected pcm at byte ${load.at}`);
    }
    load.bytes.set(payload, load.at);
    load.at += payload.length;
    if (load.at === load.bytes.length) this.#loaded(load);
  }

  #loaded({ stimulus_id, rate_hz, bytes, crc32: announced }) {
    this.#loading = null;
    const crc = crc32(bytes);
    if (crc !== announced) throw new Malformed("the stimulus arrived damaged");
    const key = `${rate_hz}/${stimulus_id}`;
    this.#stimuli.delete(key);
    this.#stimuli.set(key, new Float32Array(bytes.buffer));
    let size = [...this.#stimuli.values()].reduce((sum, one) => sum + one.byteLength, 0);
    for (const [oldest, samples] of this.#stimuli) {
      if (size <= MAX_STIMULUS_BYTES) break;
      this.#stimuli.delete(oldest);
      size -= samples.byteLength;
    }
    this.#send({ type: "loaded", stimulus_id, rate_hz, crc32: crc });
  }

  async #trial(message) {
    this.#abort = new AbortController();
    this.#acts = message.type === "run" ? new Acts() : null;
    try {
      if (message.type === "codec") {
        throw new Refusal("unsupported", "a browser does not tell what coding costs");
      }
      await this.#deliver(await this.#record(message));
    } catch (error) {
      // Not busy from before the answer on: the host may ask the next thing at once.
      this.#abort = this.#acts = null;
      if (error instanceof Refusal) this.#refuse(error.code, error.message, error.granted_rate_hz);
      else this.#fail(error);
    }
  }

  async #record({ request, rate_hz, plays }) {
    const acts = this.#acts;
    if (Math.round(request.duration_s * rate_hz) * request.input_channels * 4 > MAX_PCM_BYTES) {
      throw new Refusal("too_large", `${request.duration_s} s are more than a recording may hold`);
    }
    const found = plays.map(({ stimulus_id, at_frame }) => {
      const samples = this.#stimuli.get(`${rate_hz}/${stimulus_id}`);
      if (!samples) throw new Refusal("not_loaded", `${stimulus_id} is not loaded`);
      return { samples, at_frame };
    });
    const { signal } = this.#abort;
    const progress = this.#progress();
    try {
      return await this.device.run({ request, rate_hz, plays: found, signal, acts, progress });
    } finally {
      acts.end();
    }
  }

  #progress() {
    let stage = "";
    let last = -Infinity;
    return (next, fraction) => {
      const now = performance.now();
      if (next === stage && now - last < 1000 / MAX_PROGRESS_PER_S) return;
      [stage, last] = [next, now];
      this.#send({ type: "progress", stage, fraction: Math.min(Math.max(fraction, 0), 1) });
    };
  }

  async #deliver({ report, samples }) {
    const bytes = new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength);
    const frames = samples.length / report.input.channels;
    this.#send({ type: "result", report, format: "float32", frames });
    let crc = 0;
    for (let at = 0; at < bytes.length; at += MAX_PAYLOAD_BYTES) {
      const piece = bytes.subarray(at, at + MAX_PAYLOAD_BYTES);
      crc = crc32(piece, crc);
      await this.link.drained();
      if (this.#over) return;
      this.#send({ type: "pcm", offset: at }, piece);
    }
    this.#abort = this.#acts = null;
    this.#send({ type: "done", crc32: crc });
  }

  #refuse(code, text, granted_rate_hz = null) {
    this.#send({ type: "refused", code, text: cut(text, 300), granted_rate_hz });
  }

  #fail(error) {
    console.error(error);
    this.#send({ type: "error", text: cut(`${error?.name ?? "error"}: ${error?.message}`, 300) });
  }

  #send(header, payload) {
    if (!this.#over) this.link.send(encodeFrame(header, payload));
  }

  #hangUp(why) {
    if (this.#over) return;
    this.end();
    this.link.hangUp(why);
  }
}
