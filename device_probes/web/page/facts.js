// Who this browser is, as it says itself.

import { cut } from "./fields.js";
import { MAX_RAW_ENTRIES } from "./limits.js";
import { Refusal, within } from "./refusal.js";
import { listDevices } from "./routes.js";

const HINTS = ["architecture", "bitness", "model", "platformVersion", "fullVersionList"];
const ANSWER_MS = 1500; // the host waits 5 s for all of it
const CONSTRAINTS = [
  "autoGainControl", "channelCount", "deviceId", "echoCancellation", "latency", "noiseSuppression",
  "restrictOwnAudio", "sampleRate", "sampleSize", "suppressLocalAudioPlayback", "voiceIsolation",
];
const BRANDS = {
  "Google Chrome": "Chrome",
  "Microsoft Edge": "Edge",
  "Samsung Internet": "Samsung Internet",
  "Opera": "Opera",
  "Brave": "Brave",
  "Vivaldi": "Vivaldi",
  "YaBrowser": "Yandex",
};
// Names in user agents, the special before the general. iOS browsers are all Safari inside.
const AGENTS = [
  [/EdgiOS\/([\d.]+)/, "Edge"],
  [/CriOS\/([\d.]+)/, "Chrome"],
  [/FxiOS\/([\d.]+)/, "Firefox"],
  [/SamsungBrowser\/([\d.]+)/, "Samsung Internet"],
  [/EdgA?\/([\d.]+)/, "Edge"],
  [/OPR\/([\d.]+)/, "Opera"],
  [/Firefox\/([\d.]+)/, "Firefox"],
  [/HeadlessChrome\/([\d.]+)/, "Chromium"],
  [/Chrome\/([\d.]+)/, "Chrome"],
  [/Version\/([\d.]+).*Safari\//, "Safari"],
];

/**
 * `{browser, version, os, os_version, device, maker, soc}` from a user agent, the high-entropy
 * hints (null where the browser has none) and the number of touch points. Pure.
 */
export function identify(agent, hints = null, touch_points = 0) {
  const { browser, version } = hints?.fullVersionList ? byBrand(hints) : byAgent(agent);
  const system = systemOf(agent, hints, touch_points);
  if (system.os === "iOS" || system.os === "iPadOS") system.os_version = iosVersion(agent);
  const soc = architecture(agent, hints);
  const device = deviceOf(agent, hints, system, soc);
  return { browser, version, ...system, device, maker: makerOf(device), soc };
}

function byBrand({ fullVersionList }) {
  const real = fullVersionList.filter(({ brand }) => !/not.*brand/i.test(brand));
  const known = real.find(({ brand }) => Object.hasOwn(BRANDS, brand));
  if (known) return { browser: BRANDS[known.brand], version: known.version };
  const base = real.find(({ brand }) => brand === "Chromium") ?? real[0];
  return { browser: base?.brand ?? "browser", version: base?.version ?? "" };
}

function byAgent(agent) {
  for (const [pattern, browser] of AGENTS) {
    const found = pattern.exec(agent);
    if (found) return { browser, version: found[1] };
  }
  return { browser: "browser", version: "" };
}

function systemOf(agent, hints, touch_points) {
  const version = hints?.platformVersion ?? "";
  if (/iPhone|iPod/.test(agent)) return { os: "iOS", os_version: "" };
  // An iPad calls itself a Macintosh; no Mac has a touch screen.
  if (/iPad/.test(agent) || (/Macintosh/.test(agent) && touch_points > 1)) {
    return { os: "iPadOS", os_version: "" };
  }
  if (/Android/.test(agent)) {
    return { os: "Android", os_version: version || (/Android ([\d.]+)/.exec(agent)?.[1] ?? "") };
  }
  if (/Macintosh/.test(agent)) return { os: "macOS", os_version: version };
  if (/Windows/.test(agent)) return { os: "Windows", os_version: windowsVersion(version) };
  if (/CrOS/.test(agent)) return { os: "ChromeOS", os_version: version };
  return { os: "Linux", os_version: version };
}

/** Windows 11 calls itself 13 and more. */
function windowsVersion(version) {
  const major = Number(version.split(".")[0]);
  if (!major) return "";
  return major >= 13 ? "11" : "10";
}

/** Since version 26 user agents keep an old system's number, and Safari's is the system's. */
function iosVersion(agent) {
  const safari = /Version\/(\d+)([\d.]*)/.exec(agent);
  if (safari && Number(safari[1]) >= 26) return safari[1] + safari[2];
  return (/OS (\d+(?:_\d+)*) like Mac/.exec(agent)?.[1] ?? safari?.[0].slice(8) ?? "")
    .replaceAll("_", ".");
}

function architecture(agent, hints) {
  const { architecture: name = "", bitness = "" } = hints ?? {};
  if (name === "x86") return bitness === "64" ? "x86_64" : "x86";
  if (name === "arm") return bitness === "64" ? "arm64" : "arm";
  return name || (/\b(x86_64|aarch64|armv\w+)\b/.exec(agent)?.[1] ?? "");
}

function deviceOf(agent, hints, { os }, soc) {
  if (os === "iOS") return /iPod/.test(agent) ? "iPod" : "iPhone";
  if (os === "iPadOS") return "iPad";
  if (os === "macOS") return "Mac";
  if (os === "Android") {
    const told = /Android [\d.]+; ([^;)]+)/.exec(agent)?.[1].replace(/ Build\/.*/, "") ?? "";
    const usual = ["K", "Mobile", "Tablet"].includes(told) ? "" : told; // "K": kept secret
    return hints?.model || usual || "Android";
  }
  return `${os} ${soc}`.trim();
}

function makerOf(device) {
  if (/^(iP|Mac)/.test(device)) return "Apple";
  if (/^Pixel/.test(device)) return "Google";
  if (/^(SM-|Galaxy)/.test(device)) return "Samsung";
  return "";
}

/** This browser; never throws. */
export async function thisBrowser() {
  let hints = null;
  try {
    const asked = navigator.userAgentData?.getHighEntropyValues(HINTS);
    if (asked) hints = await within(asked, ANSWER_MS, () => new Error("no answer"));
  } catch {
    // It keeps them to itself; the user agent says enough.
  }
  return { ...identify(navigator.userAgent, hints, navigator.maxTouchPoints), hints };
}

/** `microphone`: what `describe` said of the track that was opened at the tap, or null. */
export async function collectFacts(microphone) {
  const [who, sound, devices] = await Promise.all([thisBrowser(), soundFacts(), listDevices()]);
  const model = `${who.device} (${who.browser})`;
  return {
    platform: "web",
    manufacturer: cut(who.maker, 128),
    model: cut(model, 128),
    marketing_name: cut(model, 128),
    soc: cut(who.soc, 128),
    os_name: who.os,
    os_version: cut(who.os_version, 128),
    os_build: cut(`${who.browser} ${who.version}`.trim(), 128),
    native_rate_hz: sound.rate_hz,
    frames_per_burst: sound.quantum,
    is_emulator: /^sdk_|emulator/i.test(who.device),
    raw: table({ ...base(who), ...sound.raw, ...named("input", devices, "audioinput"),
      ...named("output", devices, "audiooutput"), ...supported(), ...prefixed(microphone) }),
    collected_at: new Date().toISOString(),
  };
}

function base({ hints }) {
  const agent = navigator.userAgent;
  return {
    apis: "web_audio",
    user_agent: agent.slice(0, 128),
    ...(agent.length > 128 ? { user_agent_more: agent.slice(128, 256) } : {}),
    platform: navigator.platform,
    ...Object.fromEntries(
      Object.entries(hints ?? {}).map(([name, value]) => [
        `hints.${name}`, typeof value === "object" ? JSON.stringify(value) : value,
      ]),
    ),
    cores: navigator.hardwareConcurrency,
    memory_gb: navigator.deviceMemory,
    languages: navigator.languages?.join(" "),
    cross_origin_isolated: globalThis.crossOriginIsolated,
    has_wake_lock: "wakeLock" in navigator,
    has_peer_connection: "RTCPeerConnection" in globalThis,
    has_jitter_buffer_target: "jitterBufferTarget" in (globalThis.RTCRtpReceiver?.prototype ?? {}),
    has_track_stats: "stats" in (globalThis.MediaStreamTrack?.prototype ?? {}),
  };
}

/** What a context is that nothing is asked of; it is closed again at once. */
async function soundFacts() {
  let context = null;
  try {
    context = new AudioContext();
    const { baseLatency, destination, outputLatency, sampleRate } = context;
    const has = (name) => name in AudioContext.prototype;
    const raw = {
      context_rate_hz: sampleRate,
      base_latency_s: baseLatency,
      output_latency_s: outputLatency,
      max_output_channels: destination.maxChannelCount,
      has_set_sink_id: has("setSinkId"),
      has_playback_stats: has("playbackStats") || has("playoutStats"),
      has_output_timestamp: has("getOutputTimestamp"),
    };
    return { rate_hz: sampleRate, quantum: context.renderQuantumSize ?? 128, raw };
  } catch (error) {
    return { rate_hz: null, quantum: null, raw: { context_error: error.message } };
  } finally {
    if (context) within(context.close(), ANSWER_MS, () => new Refusal("", "")).catch(() => {});
  }
}

function named(word, devices, kind) {
  const labels = devices.filter((one) => one.kind === kind).map((one) => one.label || "unnamed");
  return Object.fromEntries(labels.map((label, n) => [`${word}_${n + 1}`, label]));
}

function supported() {
  const known = navigator.mediaDevices?.getSupportedConstraints() ?? {};
  return Object.fromEntries(CONSTRAINTS.map((name) => [`supports.${name}`, Boolean(known[name])]));
}

function prefixed(microphone) {
  const entries = Object.entries(microphone ?? {});
  return Object.fromEntries(entries.map(([name, value]) => [`microphone.${name}`, value]));
}

function table(values) {
  const told = Object.entries(values).filter(([, value]) => value !== undefined && value !== "");
  const texts = told.map(([key, value]) => [cut(key, 96), cut(value, 128)]);
  return Object.fromEntries(texts.slice(0, MAX_RAW_ENTRIES));
}
