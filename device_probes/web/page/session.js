// One trial: a fresh microphone, a fresh AudioContext, one recorder between them.

import { Load } from "./load.js";
import { constraints, openMicrophone, stop } from "./microphone.js";
import { Refusal, within } from "./refusal.js";
import { report } from "./report.js";
import { chooseRoute, listDevices } from "./routes.js";
import { Stamps } from "./stamps.js";
import { mix } from "./timeline.js";
import { Watch } from "./watch.js";

const STEP_MS = 5000; // what a browser may take for one step of opening
const CALL_MS = 12_000; // and for the first packets of a call
const CLOSE_MS = 2000;
const HINTS = { none: "balanced", power_saving: "playback" };
const RECORDER = new URL("./recorder.js", import.meta.url);

/**
 * Opens a trial: `{request, rate_hz, plays: [{samples, at_frame}], signal?, acts?, progress?,
 * level?, streams?}`; `streams` (MediaStreams) are recorded instead of a microphone, their
 * channels side by side. The session has `record()`, a promise of `{report, samples}`, and
 * `close()`, which must be awaited. Throws Refusal.
 */
export async function openSession(options) {
  const session = new Session(options);
  try {
    await session.open();
    return session;
  } catch (error) {
    await session.close();
    throw error;
  }
}

/** What the AudioContext is asked to be: a word, or a buffer in seconds. */
export function latencyHint(request, rate_hz) {
  if (request.buffer_frames) return request.buffer_frames / rate_hz;
  return HINTS[request.performance_mode] ?? "interactive";
}

class Session {
  #began_ms = performance.now();
  #began_epoch_ms = Date.now();
  #own = []; // streams opened here
  #load = null;
  #calling = null; // the call, also one that comes too late
  #done = null;
  #zero_frame = null;
  startup_ms = {};

  constructor(options) {
    Object.assign(this, { signal: null, progress: () => {}, level: () => {} }, options);
    this.frames = Math.round(this.request.duration_s * this.rate_hz);
    this.warmup_frames = Math.round(this.request.warmup_s * this.rate_hz);
    this.watch = new Watch({ signal: this.signal, background: this.request.background });
  }

  async open() {
    this.#check();
    this.progress("opening", 0);
    const { request } = this;
    this.devices = await listDevices();
    this.route = chooseRoute(request.route, this.devices, abilities());
    // The microphone first: Safari lets a page that captures start its sound without a tap.
    if (!this.streams && !request.call) {
      const wanted = constraints(request, this.route.input);
      this.#own = [await openMicrophone(wanted, { signal: this.signal })];
    }
    this.streams ??= this.#own;
    this.watch.microphone(this.streams);
    this.track = this.streams[0]?.getAudioTracks()[0] ?? null;
    await this.#openContext();
    await this.#openGraph();
    await this.#arm();
    this.#mark("open");
  }

  /** Plays and records; resolves when the last frame is there. */
  async record() {
    const { context, request } = this;
    this.#load = new Load(request.cpu_load, request.cpu_threads);
    this.progress("warming", 0);
    await this.#step(context.resume(), asleep);
    if (context.state !== "running") throw asleep();
    this.#mark("start");
    this.watch.sound(context, this.node);
    this.stamps = new Stamps(context, this.track, this.request.duration_s);
    this.acts?.begin((route) => this.#reroute(route));
    const recorded = await Promise.race([this.#done, this.watch.lost]);
    this.stamps.end();
    this.acts?.end();
    this.#first(recorded.first);
    const call = this.call ? await this.#step(this.call.statistics()) : {};
    return { report: await report(this, recorded, call), samples: recorded.recording };
  }

  /** Gives everything back; never throws. The next session may begin after it. */
  async close() {
    this.watch.end();
    this.stamps?.end();
    this.#load?.end();
    this.node?.port.postMessage({ type: "stop" });
    this.node?.disconnect();
    for (const stream of this.#own) stop(stream);
    const closing = [this.#calling?.then((call) => call.close()), this.context?.close()];
    await within(Promise.allSettled(closing), CLOSE_MS, () => null).catch(() => {});
  }

  /** Frame `0` of the recording in seconds of the context; null before it was played. */
  get zero_s() {
    return this.#zero_frame === null ? null : this.#zero_frame / this.context.sampleRate;
  }

  #check() {
    const { request } = this;
    if (!["default", "web_audio"].includes(request.api)) {
      throw new Refusal("unsupported", `a browser has web_audio, not ${request.api}`);
    }
    if (document.visibilityState !== "visible") {
      throw new Refusal("background", "the page is hidden", { state: "hidden" });
    }
    if (!globalThis.AudioWorkletNode) {
      throw new Refusal("unsupported", "this browser has no AudioWorklet", { state: "no_worklet" });
    }
  }

  async #openContext() {
    const { rate_hz, request } = this;
    this.hint = latencyHint(request, rate_hz);
    try {
      this.context = new AudioContext({ sampleRate: rate_hz, latencyHint: this.hint });
    } catch (error) {
      throw new Refusal("unsupported", `the browser does not play at ${rate_hz} Hz: ${error.name}`);
    }
    if (this.context.sampleRate !== rate_hz) throw differs(this.context.sampleRate);
    // It stands still until all is connected: its first callback is then the trial's first.
    this.context.suspend().catch(() => {});
    if (this.route.output) {
      const refused = (error) => new Refusal("open_failed", `the output refused: ${error.message}`);
      await this.#step(this.context.setSinkId(this.route.output.deviceId).catch((error) => {
        throw refused(error);
      }));
    }
    await this.#step(this.context.audioWorklet.addModule(RECORDER));
  }

  async #openGraph() {
    const { context, request, streams } = this;
    const most = context.destination.maxChannelCount || 2;
    this.output_channels = Math.min(request.output_channels, most);
    const granted = this.track?.getSettings().channelCount ?? request.input_channels;
    const each = request.call ? 1 : Math.max(1, Math.min(request.input_channels, granted));
    this.channels_each = each;
    this.input_channels = each * Math.max(1, streams.length);
    this.node = new AudioWorkletNode(context, "chirpbench-recorder", {
      numberOfInputs: Math.max(1, streams.length),
      numberOfOutputs: 1,
      outputChannelCount: [this.output_channels],
      channelCount: each,
      channelCountMode: "explicit",
      channelInterpretation: "discrete", // no mixing: channel 0 stays channel 0
    });
    if (request.call) return this.#joinCall();
    if (this.output_channels > 2) context.destination.channelCount = this.output_channels;
    this.sources = streams.map((stream) => this.#source(stream)); // kept: Firefox forgets them
    this.sources.forEach((source, input) => source.connect(this.node, 0, input));
    this.node.connect(context.destination);
  }

  #source(stream) {
    try {
      return this.context.createMediaStreamSource(stream);
    } catch (error) {
      // Firefox joins no streams of another rate than its own to a context.
      const plain = new AudioContext();
      const { sampleRate } = plain;
      plain.close();
      if (sampleRate !== this.rate_hz) throw differs(sampleRate);
      throw new Refusal("open_failed", `the microphone does not join: ${error.message}`);
    }
  }

  async #joinCall() {
    const { openCall } = await import("./call.js");
    const pull = new GainNode(this.context, { gain: 0 });
    this.#calling = openCall(this.context, this.request.call);
    this.call = await this.#step(this.#calling);
    this.node.connect(this.call.input);
    this.call.output.connect(this.node);
    this.node.connect(pull).connect(this.context.destination);
    // A context that stands still sends nothing: the call comes up while it runs.
    await this.#step(this.context.resume(), asleep);
    await this.#step(this.call.ready(), stuck, CALL_MS);
  }

  async #arm() {
    const { frames, input_channels, node, warmup_frames } = this;
    const output = mix(this.plays, frames, this.request.volume ?? 1);
    const recording = new Float32Array(frames * input_channels);
    let armed = () => {};
    const ready = new Promise((resolve) => {
      armed = resolve;
    });
    this.#done = new Promise((resolve) => {
      node.port.onmessage = ({ data }) => {
        this.watch.heard();
        if (data.type === "armed") armed();
        else if (data.type === "zero") this.#zero(data.frame);
        else if (data.type === "level") this.#level(data);
        else resolve(data);
      };
    });
    const message = { type: "arm", output, recording, frames, warmup_frames };
    node.port.postMessage({ ...message, channels: this.channels_each }, [
      output.buffer,
      recording.buffer,
    ]);
    // A browser that answers only while the sound runs answers later.
    await Promise.race([ready, new Promise((resolve) => setTimeout(resolve, 500))]);
  }

  #zero(frame) {
    this.#zero_frame = frame;
    this.stamps?.begin(); // what is counted is of the recording
    this.call?.begin();
  }

  #level({ at, peak }) {
    this.level(peak);
    if (at < 0) this.progress("warming", 1 + at / this.warmup_frames);
    else this.progress("playing", at / this.frames);
  }

  async #reroute(route) {
    const chosen = chooseRoute(route, await listDevices(), abilities());
    if (chosen.input && !chosen.output) {
      throw new Refusal("unsupported", "a running microphone cannot be changed");
    }
    if (!this.context.setSinkId) throw new Refusal("unsupported", "the browser has no setSinkId");
    const asked_s = this.context.currentTime;
    const from_ms = performance.now();
    await this.#step(this.context.setSinkId(chosen.output?.deviceId ?? ""));
    const took_ms = performance.now() - from_ms;
    const at_ms = this.zero_s === null ? null : (asked_s - this.zero_s) * 1000;
    return { granted: chosen.output?.label ?? "default", at_ms, took_ms };
  }

  #mark(name) {
    this.startup_ms[name] = Math.min(performance.now() - this.#began_ms, 60_000);
  }

  #first(first) {
    for (const [name, epoch_ms] of Object.entries(first)) {
      const ms = epoch_ms - this.#began_epoch_ms;
      if (epoch_ms && ms >= 0 && ms <= 60_000) this.startup_ms[`first_${name}`] = ms;
    }
  }

  /** One step of the browser; ends with the trial, and when it takes too long. */
  #step(promise, error = stuck, ms = STEP_MS) {
    return Promise.race([within(promise, ms, error, { signal: this.signal }), this.watch.lost]);
  }
}

function abilities() {
  return {
    android: /Android/.test(navigator.userAgent),
    can_set_sink: "setSinkId" in AudioContext.prototype,
  };
}

function differs(granted_rate_hz) {
  const text = `the output opens at ${granted_rate_hz} Hz`;
  return new Refusal("rate_differs", text, { granted_rate_hz });
}

function asleep() {
  const text = "the browser does not start the sound: tap the page once";
  return new Refusal("open_failed", text, { state: "suspended" });
}

function stuck() {
  return new Refusal("open_failed", "the browser did not answer in time");
}
