// Headers into messages of the host, or Malformed.

import { Fields, boolean, choice, integer, list, number, text, word } from "./fields.js";
import { Malformed } from "./json.js";
import {
  MAX_CHANNELS,
  MAX_PCM_BYTES,
  MAX_PLAYS,
  MAX_RATE_HZ,
  MAX_STIMULI,
  MAX_STIMULUS_BYTES,
  MIN_RATE_HZ,
} from "./limits.js";

const rate = integer(MIN_RATE_HZ, MAX_RATE_HZ);
const frames = integer(0, MAX_PCM_BYTES);
const channels = integer(1, MAX_CHANNELS);
const effect = choice("off", "on", "default", "unknown");
const stimulusId = text(96, 1);

const READERS = {
  hello: (f) => ({
    protocol: f.get("protocol", integer(0, 2 ** 31)),
    version: f.get("version", text(64)),
    token: f.opt("token", text(128)) ?? "",
  }),
  facts: () => ({}),
  load: (f) => ({
    stimulus_id: f.get("stimulus_id", stimulusId),
    rate_hz: f.get("rate_hz", rate),
    frames: f.get("frames", integer(1, MAX_STIMULUS_BYTES / 4)),
    crc32: f.get("crc32", integer(0, 0xffff_ffff)),
  }),
  pcm: (f) => ({ offset: f.get("offset", frames) }),
  run: readRun,
  codec: (f) => ({
    codec: f.get("codec", word),
    rate_hz: f.get("rate_hz", rate),
    channels: f.get("channels", integer(1, 2)),
    bitrate_bps: f.get("bitrate_bps", integer(6000, 510_000)),
    complexity: f.opt("complexity", integer(0, 10)),
    frame_ms: f.get("frame_ms", number(2.5, 120)),
    frames: f.get("frames", integer(1, 10_000)),
    paced: f.get("paced", boolean),
  }),
  cancel: () => ({}),
  act: (f) => ({ action: f.get("action", word), value: f.get("value", word) }),
  bye: () => ({}),
};

/** The message of a frame's header (a Map), with its `type`; throws Malformed. */
export function readFromHost(header) {
  const type = header.get("type");
  if (typeof type !== "string" || !Object.hasOwn(READERS, type)) {
    throw new Malformed("unknown message type");
  }
  const fields = new Fields(header, type);
  fields.left.delete("type");
  const message = READERS[type](fields);
  if (type !== "hello") fields.end(); // another version's hello may say more
  return { type, ...message };
}

function readRun(f) {
  const run = {
    request: f.get("request", readRequest),
    rate_hz: f.get("rate_hz", rate),
    plays: f.get("plays", list(readPlay, MAX_PLAYS)),
  };
  if (new Set(run.plays.map((play) => play.stimulus_id)).size > MAX_STIMULI) {
    throw new Malformed(`run plays more than ${MAX_STIMULI} different stimuli`);
  }
  return run;
}

function readPlay(value) {
  const f = new Fields(value, "plays");
  const play = {
    stimulus_id: f.get("stimulus_id", stimulusId),
    at_frame: f.get("at_frame", frames),
  };
  f.end();
  return play;
}

function readRequest(value) {
  const f = new Fields(value, "request");
  const request = {};
  for (const key of ["api", "sharing", "performance_mode", "input_preset", "audio_mode", "route"]) {
    request[key] = f.get(key, word);
  }
  request.rate_hz = f.get("rate_hz", rate);
  request.output_channels = f.get("output_channels", channels);
  request.input_channels = f.get("input_channels", channels);
  request.buffer_bursts = f.opt("buffer_bursts", integer(1, 1024));
  request.buffer_frames = f.opt("buffer_frames", integer(1, 2 ** 24));
  request.volume = f.opt("volume", number(0, 1));
  for (const key of ["aec", "ns", "agc"]) request[key] = f.get(key, effect);
  request.warmup_s = f.get("warmup_s", number(0, 60));
  request.cpu_load = f.get("cpu_load", number(0, 1));
  request.cpu_threads = f.get("cpu_threads", integer(1, 64));
  request.usage = f.get("usage", word);
  request.audio_session = f.get("audio_session", word);
  request.background = f.get("background", choice("refuse", "continue"));
  request.call = f.opt("call", readCall);
  request.duration_s = f.get("duration_s", number(0.02, 900));
  f.end();
  return request;
}

function readCall(value) {
  const f = new Fields(value, "call");
  const call = {
    ptime_ms: f.get("ptime_ms", choice(10, 20, 40, 60, 80, 100, 120)),
    fec: f.get("fec", boolean),
    dtx: f.get("dtx", boolean),
    bitrate_bps: f.opt("bitrate_bps", integer(6000, 510_000)),
    jitter_buffer_target_ms: f.opt("jitter_buffer_target_ms", integer(0, 4000)),
  };
  f.end();
  return call;
}
