// The page: joins the person, the bench's connection and the trials.

import { collectFacts, thisBrowser } from "./facts.js";
import { Link } from "./link.js";
import { describe, openMicrophone, stop } from "./microphone.js";
import { Probe } from "./probe.js";
import { Refusal, within } from "./refusal.js";
import { openSession } from "./session.js";
import { View } from "./view.js";
import { outcome } from "./words.js";

const FOR_EVER_MS = 2 ** 31 - 1;
const DETAIL_CHARS = 200;

class App {
  #view = new View();
  #link = null;
  #who = null; // what `identify` found
  #link_state = "connecting";
  #trouble = support(); // the state that keeps the page from measuring; "" = none
  #detail = "";
  #asking = false;
  #started = false;
  #measuring = false;
  #stale = false;
  #microphone = null; // what the browser said of it at the tap
  #said = ""; // the bench's newest line
  #probe = null;
  #last = Promise.resolve(); // the trial before: its sound is closed before the next one opens
  #lock = null;
  #id = browserId();

  async begin() {
    this.#who = await thisBrowser();
    this.#view.browser(this.#who);
    this.#view.onPress(() => this.#pressed());
    document.addEventListener("visibilitychange", () => this.#turned());
    this.#watchPermission();
    const at = location;
    const url = `${at.protocol === "https:" ? "wss" : "ws"}://${at.host}/probe${at.search}`;
    this.#link = new Link(url, {
      open: () => this.#opened(),
      bytes: (bytes) => this.#probe?.receive(bytes),
      say: (text) => this.#say(text),
      closed: () => this.#probe?.end(),
      state: (state) => this.#linked(state),
    });
    this.#link.connect();
    this.#show();
  }

  // --- the connection ---------------------------------------------------------------------------

  #opened() {
    const link = this.#link;
    const end = (why) => {
      this.#stale ||= why === "version";
      link.hangUp();
      this.#show();
    };
    this.#probe = new Probe(
      { send: (bytes) => link.send(bytes), drained: () => link.drained(), hangUp: end },
      { facts: () => collectFacts(this.#microphone), run: (trial) => this.#run(trial) },
    );
    this.#show();
  }

  #linked(state) {
    this.#link_state = state;
    this.#view.connection(state);
    if (state === "finished") this.#release();
    this.#show();
  }

  #say(text) {
    this.#said = text;
    this.#view.line(text);
  }

  // --- the person -------------------------------------------------------------------------------

  async #pressed() {
    if (this.#stale) return location.reload();
    if (["lost", "another_tab"].includes(this.#link_state)) {
      this.#linked("connecting");
      return this.#link.connect();
    }
    if (this.#trouble === "insecure" || this.#trouble === "no_worklet") return location.reload();
    if (!this.#started || this.#trouble) await this.#start();
    return null;
  }

  /** Asks for the microphone and wakes the sound: in the tap, as browsers want it. */
  async #start() {
    if (this.#asking) return;
    this.#set({ asking: true, trouble: "" });
    const waking = wake();
    try {
      const stream = await openMicrophone({ audio: true }, { wait_ms: FOR_EVER_MS });
      this.#microphone = describe(stream.getAudioTracks()[0]);
      stop(stream);
      await waking;
      this.#started = true;
      this.#set({ asking: false });
      this.#keepAwake();
    } catch (error) {
      const state = error instanceof Refusal && error.state ? error.state : "no_microphone";
      this.#set({ asking: false, trouble: state, detail: error.message });
    }
  }

  #turned() {
    if (document.visibilityState === "visible" && this.#started) this.#keepAwake();
    this.#show();
  }

  /** Somebody allowed the microphone in the settings: no need to tap again. */
  async #watchPermission() {
    try {
      const permission = await navigator.permissions.query({ name: "microphone" });
      permission.addEventListener("change", () => {
        if (permission.state === "granted" && this.#trouble === "denied") this.#start();
      });
    } catch {
      // Not every browser tells; the button is there.
    }
  }

  async #keepAwake() {
    if (this.#lock && !this.#lock.released) return;
    try {
      this.#lock = await navigator.wakeLock?.request("screen");
    } catch {
      // low battery, or the page is hidden: the screen may go off
    }
  }

  #release() {
    this.#lock?.release().catch(() => {});
    this.#lock = null;
  }

  // --- trials -----------------------------------------------------------------------------------

  async #run(trial) {
    const before = this.#last;
    let over = () => {};
    this.#last = new Promise((resolve) => {
      over = resolve;
    });
    await before;
    this.#measuring = true;
    this.#show();
    try {
      const result = await this.#record(trial);
      this.#trouble = "";
      this.#view.notify("");
      this.#row("good", `${trial.request.duration_s.toFixed(1)} s recorded`);
      return result;
    } catch (error) {
      this.#failed(error);
      throw error;
    } finally {
      over();
      this.#measuring = false;
      this.#show();
    }
  }

  async #record(trial) {
    if (!this.#started) {
      throw new Refusal("permission", "nobody has tapped Start on the page yet");
    }
    const view = this.#view;
    const progress = (stage, fraction) => {
      view.progress(stage, fraction);
      trial.progress(stage, fraction);
    };
    const level = (peak) => view.meter.show(peak);
    let session = null;
    try {
      session = await openSession({ ...trial, progress, level });
      return await session.record();
    } finally {
      await session?.close();
    }
  }

  #failed(error) {
    const refused = error instanceof Refusal ? error : new Refusal("", error.message);
    const { text, ordinary } = outcome(refused);
    if (refused.state && refused.state !== "hidden") {
      this.#trouble = refused.state;
      this.#detail = refused.message;
    }
    this.#view.notify(refused.code === "cancelled" ? "" : text);
    this.#row(ordinary ? "plain" : "bad", text);
  }

  #row(kind, text) {
    this.#view.row(kind, this.#said || "Trial", text);
  }

  // --- what is told -----------------------------------------------------------------------------

  #set({ asking = this.#asking, trouble = this.#trouble, detail = "" }) {
    this.#asking = asking;
    this.#trouble = trouble;
    this.#detail = detail;
    this.#show();
  }

  #show() {
    const state = this.#state();
    const { detail, away } = { detail: this.#detail, away: this.#link_state !== "online" };
    this.#link.tell({ state, detail: detail.slice(0, DETAIL_CHARS), browser_id: this.#id });
    const shown = this.#stale ? "old_page" : away ? this.#link_state : state;
    this.#view.state(shown, this.#who);
  }

  /** One of the states that the bench knows. */
  #state() {
    if (this.#asking) return "asking";
    if (this.#trouble && this.#trouble !== "suspended") return this.#trouble;
    if (!this.#started) return "waiting_for_tap";
    if (this.#measuring) return "measuring";
    if (document.visibilityState !== "visible") return "hidden";
    return this.#trouble || "ready";
  }
}

/** The state of a page that can never measure here; "" when it can. */
function support() {
  if (!globalThis.isSecureContext) return "insecure";
  if (!globalThis.AudioWorkletNode || !globalThis.AudioContext) return "no_worklet";
  if (!navigator.mediaDevices?.getUserMedia) return "no_microphone";
  return "";
}

/** Lets the page make sound from now on; Safari wants it to happen in the tap. */
async function wake() {
  try {
    const context = new AudioContext();
    await within(context.resume(), 500, () => null).catch(() => {});
    await context.close();
  } catch {
    // the first trial says what is wrong
  }
}

/** Names this browser to the bench over reloads: 16 hex digits. */
function browserId() {
  const key = "chirpbench-browser";
  const fresh = [...crypto.getRandomValues(new Uint8Array(8))]
    .map((byte) => byte.toString(16).padStart(2, "0"))
    .join("");
  try {
    const old = localStorage.getItem(key);
    if (/^[0-9a-f]{16}$/.test(old ?? "")) return old;
    localStorage.setItem(key, fresh);
  } catch {
    // a private window: it has another name each time
  }
  return fresh;
}

await new App().begin();
