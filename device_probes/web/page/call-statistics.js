// What the two ends of a call count themselves, and what that says of a recording.

// Unequal, so that the packets between two looks are not always as many: see packetMs().
const LOOKS_MS = [890, 1010, 1130];
const END_S = 3; // "at the end": over the last seconds, when the jitter buffer has settled
const RTP_PER_MS = 48; // Opus' RTP clock (RFC 7587)

/** Looks at the counters of `sender` and `receiver` from time to time. */
export class CallCounters {
  #looks = [];
  #timer = null;

  constructor(sender, receiver) {
    this.sender = sender;
    this.receiver = receiver;
  }

  /** All counters as they are now. */
  async look() {
    const ends = [this.sender.getStats(), this.receiver.getStats()];
    const [sent, received] = await Promise.all(ends);
    const [receiving] = this.receiver.getReceivers();
    const [source] = receiving.getSynchronizationSources?.() ?? [];
    return { ...sending(sent), ...receivingNow(received), rtp: source?.rtpTimestamp };
  }

  /** Forgets what was; looks now and then about every second. */
  begin() {
    this.stop();
    const looks = [];
    const next = async (n) => {
      this.#timer = setTimeout(next, LOOKS_MS[n % LOOKS_MS.length], n + 1);
      looks.push(await this.look());
    };
    this.#looks = looks;
    next(0);
  }

  /** A last look; all looks since begin(). */
  async end() {
    this.stop();
    this.#looks.push(await this.look());
    return this.#looks;
  }

  stop() {
    clearTimeout(this.#timer);
  }
}

function sending(stats) {
  const sent = only(stats, "outbound-rtp");
  return {
    codec: stats.get(sent.codecId) ?? {},
    packets_sent: sent.packetsSent,
    bytes_sent: sent.bytesSent,
    send_delay_s: sent.totalPacketSendDelay,
  };
}

function receivingNow(stats) {
  const received = only(stats, "inbound-rtp");
  const playout = only(stats, "media-playout");
  return {
    time_ms: received.timestamp ?? performance.now(),
    packets_received: received.packetsReceived ?? 0,
    packets_lost: received.packetsLost,
    fec_packets: received.fecPacketsReceived,
    buffer_s: received.jitterBufferDelay,
    target_s: received.jitterBufferTargetDelay,
    minimum_s: received.jitterBufferMinimumDelay,
    emitted: received.jitterBufferEmittedCount,
    samples: received.totalSamplesReceived,
    concealed: received.concealedSamples,
    inserted: received.insertedSamplesForDeceleration,
    removed: received.removedSamplesForAcceleration,
    playout_s: playout.totalPlayoutDelay,
    played: playout.totalSamplesCount,
  };
}

function only(stats, type) {
  for (const entry of stats.values()) {
    if (entry.type === type) return entry;
  }
  return {};
}

/** Texts of what changed from the first to the last of `looks`; what is not known is left out. */
export function described(looks) {
  const first = looks[0];
  const last = looks.at(-1);
  const late = looks.findLast(({ time_ms }) => last.time_ms - time_ms >= END_S * 1000) ?? first;
  const more = (name) => last[name] - first[name];
  const meanMs = (sum, count, since = first) =>
    (1000 * (last[sum] - since[sum])) / (last[count] - since[count]);
  const values = {
    call_ptime_ms: packetMs(looks),
    call_packets_sent: more("packets_sent"),
    call_packets_received: more("packets_received"),
    call_packets_lost: more("packets_lost"),
    call_fec_packets: more("fec_packets"),
    call_bitrate_bps: (8000 * more("bytes_sent")) / more("time_ms"),
    call_concealed_share: more("concealed") / more("samples"),
    call_inserted_ms: more("inserted") / RTP_PER_MS,
    call_removed_ms: more("removed") / RTP_PER_MS,
    call_jitter_buffer_ms: meanMs("buffer_s", "emitted"),
    call_jitter_buffer_end_ms: meanMs("buffer_s", "emitted", late),
    call_jitter_buffer_target_ms: meanMs("target_s", "emitted"),
    call_jitter_buffer_target_end_ms: meanMs("target_s", "emitted", late),
    call_jitter_buffer_minimum_ms: meanMs("minimum_s", "emitted"),
    call_send_delay_ms: meanMs("send_delay_s", "packets_sent"),
    call_playout_ms: meanMs("playout_s", "played"),
  };
  const known = Object.entries(values).filter(([, value]) => Number.isFinite(value));
  const texts = known.map(([name, value]) => [name, String(Number(value.toFixed(4)))]);
  return { ...Object.fromEntries(texts), ...agreed(last.codec) };
}

/**
 * Sound of one packet: what all differences of RTP timestamps are multiples of. (The number of
 * packets does not say it: Chromium also sends padding.) NaN when too few packets were looked at.
 */
function packetMs(looks) {
  const stamps = looks.map(({ rtp }) => rtp).filter((rtp) => rtp !== undefined);
  const steps = stamps.slice(1).map((rtp, n) => (rtp - stamps[n]) >>> 0);
  if (steps.length < 5) return NaN;
  return steps.reduce(divisor, 0) / RTP_PER_MS;
}

function divisor(a, b) {
  return b === 0 ? a : divisor(b, a % b);
}

/** What the two ends agreed on, which is no proof that it is done. */
function agreed({ mimeType = "unknown", sdpFmtpLine = "" }) {
  const isOn = (name) => sdpFmtpLine.split(/; */).includes(`${name}=1`);
  return {
    call_codec: `${mimeType} ${sdpFmtpLine}`.slice(0, 128),
    call_fec: isOn("useinbandfec") ? "agreed" : "off",
    call_dtx: isOn("usedtx") ? "agreed" : "off",
  };
}
