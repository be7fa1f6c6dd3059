// A call inside the page: two RTCPeerConnections, one sends what the graph plays, the other hands
// back what it decoded. Coder (Opus), packets and jitter buffer (NetEq in Chromium) are the
// browser's own; no loudspeaker and no microphone are in the path.

import { CallCounters, described } from "./call-statistics.js";
import { Refusal } from "./refusal.js";

const READY_S = 10;
const POLL_MS = 100;
const PACKETS_FLOW = 5;
const OPUS = "audio/opus";

/**
 * Opens a call within `context`; `call` is the contract's object. What is connected to `input`
 * comes back from `output`. `ready()` waits until packets flow (the context must run), `begin()`
 * marks frame 0 of the recording, from which `statistics()` counts, `close()` ends the call.
 * Throws Refusal.
 */
export async function openCall(context, call) {
  const codecs = opusOnly();
  const sender = new RTCPeerConnection();
  const receiver = new RTCPeerConnection();
  try {
    joinCandidates(sender, receiver);
    const input = new MediaStreamAudioDestinationNode(context, { channelCount: 1 });
    const [track] = input.stream.getAudioTracks();
    const transceiver = sender.addTransceiver(track, { direction: "sendonly" });
    // Nothing but Opus can then be agreed on.
    transceiver.setCodecPreferences?.(codecs);
    const arrived = trackOf(receiver);
    await negotiate(sender, receiver, call);
    setTarget(receiver, call.jitter_buffer_target_ms);
    return new Call(context, { sender, receiver, input, track: await arrived });
  } catch (error) {
    sender.close();
    receiver.close();
    if (error instanceof Refusal) throw error;
    throw new Refusal("open_failed", `the call does not open: ${error.name}, ${error.message}`);
  }
}

class Call {
  #sender;
  #receiver;
  #counters;
  #player = new Audio();

  constructor(context, { sender, receiver, input, track }) {
    this.#sender = sender;
    this.#receiver = receiver;
    this.#counters = new CallCounters(sender, receiver);
    const stream = new MediaStream([track]);
    this.input = input;
    this.output = new MediaStreamAudioSourceNode(context, { mediaStream: stream });
    // Chromium gives the graph nothing of a remote track that no element plays.
    this.#player.muted = true;
    this.#player.srcObject = stream;
  }

  /** Waits until the two are connected and packets arrive. Throws Refusal when they do not. */
  async ready() {
    await this.#player.play();
    const deadline_ms = performance.now() + READY_S * 1000;
    while (performance.now() < deadline_ms && this.#sender.connectionState !== "failed") {
      const { packets_received } = await this.#counters.look();
      if (packets_received >= PACKETS_FLOW) return this.begin();
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
    const states = `${this.#sender.connectionState}, ${this.#receiver.connectionState}`;
    throw new Refusal("open_failed", `the call's packets do not arrive (connections: ${states})`);
  }

  /** Frame 0 of the recording is now. */
  begin() {
    this.#counters.begin();
  }

  /** What the stack itself counted since begin(): texts by the contract's words. */
  async statistics() {
    return described(await this.#counters.end());
  }

  /** Gives everything back. */
  close() {
    this.#counters.stop();
    this.output.disconnect();
    this.#player.pause();
    this.#player.srcObject = null;
    this.#sender.close();
    this.#receiver.close();
  }
}

function opusOnly() {
  if (!globalThis.RTCPeerConnection) {
    throw new Refusal("unsupported", "this browser has no RTCPeerConnection, or it is switched off");
  }
  const { codecs } = RTCRtpReceiver.getCapabilities("audio") ?? { codecs: [] };
  const opus = codecs.filter(({ mimeType }) => mimeType.toLowerCase() === OPUS);
  if (!opus.length) throw new Refusal("unsupported", "this browser has no Opus for calls");
  return opus;
}

function joinCandidates(one, other) {
  const hand = (to) => (event) => event.candidate && to.addIceCandidate(event.candidate);
  one.onicecandidate = hand(other);
  other.onicecandidate = hand(one);
}

function trackOf(receiver) {
  return new Promise((resolve) => {
    receiver.ontrack = ({ track }) => resolve(track);
  });
}

async function negotiate(sender, receiver, call) {
  await sender.setLocalDescription(await sender.createOffer());
  await receiver.setRemoteDescription(sender.localDescription);
  const answer = await receiver.createAnswer();
  await receiver.setLocalDescription(answer);
  const sdp = withOptions(answer.sdp, call);
  try {
    await sender.setRemoteDescription({ type: "answer", sdp });
  } catch (error) {
    throw new Refusal("unsupported", `this browser refuses the call's options: ${error.message}`);
  }
}

function setTarget(receiver, target_ms) {
  if (target_ms === null) return;
  const [receiving] = receiver.getReceivers();
  if (!("jitterBufferTarget" in receiving)) {
    throw new Refusal("unsupported", "this browser has no jitterBufferTarget");
  }
  receiving.jitterBufferTarget = target_ms;
}

/**
 * The answer's SDP with the call's options: what a sender does follows the answer it gets (Opus'
 * parameters: RFC 7587; `ptime` and `maxptime`: RFC 8866).
 */
export function withOptions(sdp, call) {
  const lines = sdp.split(/\r?\n/).filter((line) => line);
  const opus = lines.findIndex((line) => /^a=rtpmap:\d+ opus\/48000/i.test(line));
  if (opus < 0) throw new Refusal("unsupported", "the two ends of the call agreed on no Opus");
  const [, payload] = /^a=rtpmap:(\d+) /.exec(lines[opus]);
  const replaced = [`a=fmtp:${payload} `, "a=ptime:", "a=maxptime:"];
  const isKept = (line) => !replaced.some((start) => line.startsWith(start));
  const given = lines.find((line) => line.startsWith(replaced[0]))?.slice(replaced[0].length);
  const options = { ...parameters(given ?? ""), ...wanted(call) };
  const text = Object.entries(options).map(([name, value]) => `${name}=${value}`);
  const ours = [
    `${replaced[0]}${text.join(";")}`,
    `a=ptime:${call.ptime_ms}`,
    `a=maxptime:${call.ptime_ms}`,
  ];
  const before = lines.slice(0, opus + 1).filter(isKept);
  const behind = lines.slice(opus + 1).filter(isKept);
  return `${[...before, ...ours, ...behind].join("\r\n")}\r\n`;
}

function parameters(text) {
  const pairs = text.split(";").map((pair) => pair.trim().split("="));
  return Object.fromEntries(pairs.filter(([name]) => name));
}

function wanted({ bitrate_bps, dtx, fec }) {
  const options = { useinbandfec: Number(fec), usedtx: Number(dtx), stereo: 0, minptime: 10 };
  return bitrate_bps === null ? options : { ...options, maxaveragebitrate: bitrate_bps };
}
