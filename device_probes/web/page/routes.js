// A route's word into the browser's devices: a browser knows them by their labels alone.

import { Refusal } from "./refusal.js";

const PATTERNS = {
  speaker: /speaker/i,
  earpiece: /earpiece/i,
  bluetooth: /bluetooth|airpods|hands-?free/i,
  usb: /\busb\b/i,
  wired: /wired|headset|headphone/i,
};
const BY_ROUTE = {
  speaker: "speaker",
  earpiece: "earpiece",
  wired: "wired",
  wired_headset: "wired",
  headset: "wired",
  usb: "usb",
  bluetooth: "bluetooth",
  bluetooth_sco: "bluetooth",
  bluetooth_a2dp: "bluetooth",
  bluetooth_le: "bluetooth",
};
const SYSTEM = { input: null, output: null };

/** The kind of path that a device's label speaks of; "" when of none. */
export function kindOf(label) {
  // "Headset earpiece" is Android's earpiece, "Bluetooth headset" is not wired.
  const order = ["earpiece", "bluetooth", "usb", "speaker", "wired"];
  return order.find((kind) => PATTERNS[kind].test(label)) ?? "";
}

/**
 * The devices of `route`, `{input, output}` of MediaDeviceInfo or null for the system's own.
 *
 * Chrome on Android lists its paths as inputs ("Speakerphone", "Bluetooth headset") and takes the
 * sound there; a computer's inputs say nothing about where it comes out, so there "speaker" leaves
 * the microphone alone. Throws Refusal (`unsupported`).
 */
export function chooseRoute(route, devices, { android = false, can_set_sink = false } = {}) {
  if (route === "default") return SYSTEM;
  const kind = BY_ROUTE[route];
  const of = (direction) =>
    devices.find((one) => one.kind === direction && kindOf(one.label) === kind) ?? null;
  const output = kind && can_set_sink ? of("audiooutput") : null;
  const input = kind && (android || kind !== "speaker") ? of("audioinput") : null;
  if (output || (input && android)) return { input, output };
  if (route === "speaker") return SYSTEM;
  const why = can_set_sink || android ? "finds no such device" : "does not let a page choose it";
  throw new Refusal("unsupported", `the browser ${why}: ${route}`);
}

/** The devices now; empty when the browser does not say. */
export async function listDevices() {
  try {
    return await navigator.mediaDevices.enumerateDevices();
  } catch {
    return [];
  }
}
