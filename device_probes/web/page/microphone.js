// The microphone: asked for anew for every trial, and described as the browser describes it.

import { Refusal, within } from "./refusal.js";

const OPEN_MS = 10_000;
const EFFECTS = { aec: "echoCancellation", ns: "noiseSuppression", agc: "autoGainControl" };
const BY_NAME = {
  NotAllowedError: ["permission", "the microphone is not allowed", "denied"],
  SecurityError: ["permission", "the microphone is not allowed on this page", "denied"],
  NotFoundError: ["open_failed", "the browser finds no microphone", "no_microphone"],
  OverconstrainedError: ["unsupported", "no microphone is as asked", ""],
  NotReadableError: ["open_failed", "the microphone cannot be opened", "no_microphone"],
};

/** What getUserMedia is asked for; `default` leaves an effect to the browser. */
export function constraints(request, input = null) {
  const audio = { channelCount: request.input_channels };
  for (const [key, name] of Object.entries(EFFECTS)) {
    if (request[key] === "on" || request[key] === "off") audio[name] = request[key] === "on";
  }
  if (input?.deviceId) audio.deviceId = { exact: input.deviceId };
  return { audio };
}

/** A fresh MediaStream; throws Refusal, and leaves none open when it comes too late. */
export async function openMicrophone(wanted, { signal = null, wait_ms = OPEN_MS } = {}) {
  if (!navigator.mediaDevices?.getUserMedia) {
    throw new Refusal("permission", "the browser gives this page no microphone", {
      state: isSecureContext ? "no_microphone" : "insecure",
    });
  }
  const opening = navigator.mediaDevices.getUserMedia(wanted);
  const tooLate = () => new Refusal("permission", "nobody allowed the microphone");
  try {
    return await within(opening, wait_ms, tooLate, { signal, late: stop });
  } catch (error) {
    throw error instanceof Refusal ? error : asRefusal(error);
  }
}

/** Ends all tracks of a stream. */
export function stop(stream) {
  for (const track of stream.getTracks()) track.stop();
}

/** States of the processing as granted: `{aec: {state}, ns: …, agc: …}`. */
export function effects(track) {
  const settings = track.getSettings();
  const states = {};
  for (const [key, name] of Object.entries(EFFECTS)) {
    const value = settings[name];
    // Newer browsers name the kind of echo cancellation: "all", "remote-only".
    states[key] = { state: value === undefined ? "unknown" : value ? "on" : "off" };
  }
  return states;
}

/** Label, settings and capabilities of a track as flat texts, `settings.latency` … */
export function describe(track) {
  const told = { label: track.label };
  for (const [prefix, values] of [
    ["settings", track.getSettings()],
    ["capabilities", track.getCapabilities?.() ?? {}],
  ]) {
    for (const [name, value] of Object.entries(values)) {
      if (/Id$/.test(name)) continue; // made up for this page alone: tells nothing
      told[`${prefix}.${name}`] = typeof value === "object" ? JSON.stringify(value) : String(value);
    }
  }
  return told;
}

function asRefusal(error) {
  const [code, text, state] = BY_NAME[error.name] ?? ["open_failed", "no microphone", ""];
  return new Refusal(code, `${text} (${error.name}: ${error.message})`, { state });
}
