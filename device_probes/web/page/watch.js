// What can go wrong while a trial runs, and what is only worth a note.

import { Refusal } from "./refusal.js";

const STALL_MS = 3000;
const LOOK_MS = 250;

/** Watches one trial; `lost` rejects with the Refusal that ends it. */
export class Watch {
  notes = [];
  muted = false;
  leaving = false;
  left_s = null; // context times at which the page left the front and came back
  came_s = null;
  #stop = [];
  #fail = () => {};

  /** `signal` is the host's cancel, `background` the request's. */
  constructor({ signal, background }) {
    this.lost = new Promise((_, reject) => {
      this.#fail = (error) => reject(error);
    });
    this.lost.catch(() => {}); // it may be lost before anybody waits for it
    this.background = background;
    if (signal?.aborted) this.#fail(signal.reason);
    this.#on(signal, "abort", () => this.#fail(signal.reason));
    this.#on(document, "visibilitychange", () => this.#turned());
    // A tab that is closed is hidden on the way: the lost connection says what happened.
    this.#on(globalThis, "pagehide", () => {
      this.leaving = true;
    });
    this.#on(globalThis, "pageshow", () => {
      this.leaving = false;
    });
    this.#on(navigator.mediaDevices, "devicechange", () => this.note("sound devices changed"));
  }

  /** From now on also what happens to `streams`. */
  microphone(streams) {
    for (const track of streams.flatMap((stream) => stream.getAudioTracks())) {
      if (track.readyState === "ended") this.fail("stream_lost", "the microphone was taken away");
      this.muted ||= track.muted;
      this.#on(track, "ended", () => this.fail("stream_lost", "the microphone was taken away"));
      this.#on(track, "mute", () => {
        this.muted = true;
        this.note("the system muted the microphone");
      });
      this.#on(track, "unmute", () => this.note("the microphone is no longer muted"));
    }
  }

  /** From now on also what happens to the sound, which runs. */
  sound(context, node) {
    this.context = context;
    this.heard();
    this.#on(context, "statechange", () => this.#state());
    this.#on(context, "error", () => this.fail("stream_lost", "the browser lost the sound device"));
    this.#on(context, "sinkchange", () => this.note("the sound goes to another device"));
    this.#on(node, "processorerror", () => this.fail("stream_lost", "the recorder broke"));
    const timer = setInterval(() => this.#look(), LOOK_MS);
    this.#stop.push(() => clearInterval(timer));
    this.#state();
  }

  /** The recorder has given a sign of life. */
  heard() {
    this.heard_ms = performance.now();
  }

  note(text) {
    if (!this.notes.includes(text)) this.notes.push(text);
  }

  fail(code, text, state = "") {
    this.#fail(new Refusal(code, text, { state }));
  }

  /** Stop watching. */
  end() {
    for (const stop of this.#stop.splice(0)) stop();
  }

  #turned() {
    const hidden = document.visibilityState !== "visible";
    if (hidden && this.background === "refuse") {
      if (this.leaving) return null;
      return this.fail("background", "the page was hidden during the trial", "hidden");
    }
    const now_s = this.context?.currentTime ?? 0;
    if (hidden) this.left_s ??= now_s;
    else if (this.left_s !== null) this.came_s = now_s;
    this.heard(); // a hidden page may hear nothing for a while
    return null;
  }

  #state() {
    const { state } = this.context;
    if (state === "running") return;
    const why = state === "interrupted" ? "a call or another app took the sound" : `it is ${state}`;
    this.fail("stream_lost", `the browser stopped the sound: ${why}`, "suspended");
  }

  #look() {
    const silent = performance.now() - this.heard_ms > STALL_MS;
    if (silent && document.visibilityState === "visible") {
      this.fail("stream_lost", `the sound stopped: no callback for ${STALL_MS / 1000} s`);
    }
  }

  #on(target, type, listener) {
    if (!target?.addEventListener) return;
    target.addEventListener(type, listener);
    this.#stop.push(() => target.removeEventListener(type, listener));
  }
}
