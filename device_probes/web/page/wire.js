// Frames of docs/probe-protocol.md: magic "CHRP", two lengths, a JSON header, a payload.

import { Malformed, parse, write } from "./json.js";
import { MAX_HEADER_BYTES, MAX_PAYLOAD_BYTES } from "./limits.js";

const MAGIC = [0x43, 0x48, 0x52, 0x50];
const PREFIX_BYTES = 12;
const NOTHING = new Uint8Array(0);

/** The bytes of one frame. Throws RangeError when it would break a bound. */
export function encodeFrame(header, payload = NOTHING) {
  const text = new TextEncoder().encode(write(header));
  if (text.length < 2 || text.length > MAX_HEADER_BYTES || payload.length > MAX_PAYLOAD_BYTES) {
    throw new RangeError(
      `frame too large: header ${text.length} bytes, payload ${payload.length} bytes`,
    );
  }
  const frame = new Uint8Array(PREFIX_BYTES + text.length + payload.length);
  const view = new DataView(frame.buffer);
  frame.set(MAGIC);
  view.setUint32(4, text.length, true);
  view.setUint32(8, payload.length, true);
  frame.set(text, PREFIX_BYTES);
  frame.set(payload, PREFIX_BYTES + text.length);
  return frame;
}

/** Puts frames together from pieces cut anywhere; memory is bounded by the largest frame. */
export class FrameReader {
  #buffer = new Uint8Array(PREFIX_BYTES + MAX_HEADER_BYTES + MAX_PAYLOAD_BYTES);
  #filled = 0;
  #header = 0; // lengths of the frame that is coming in; 0 while its prefix is not whole
  #payload = 0;

  /**
   * Calls `take({header: Map, payload: Uint8Array})` for each frame that `chunk` completes; the
   * payload is valid until `take` returns. Throws Malformed.
   */
  push(chunk, take) {
    let at = 0;
    while (at < chunk.length) {
      const size = Math.min(this.#wanted() - this.#filled, chunk.length - at);
      this.#buffer.set(chunk.subarray(at, at + size), this.#filled);
      this.#filled += size;
      at += size;
      if (this.#filled === this.#wanted()) this.#complete(take);
    }
  }

  #wanted() {
    return this.#header ? PREFIX_BYTES + this.#header + this.#payload : PREFIX_BYTES;
  }

  #complete(take) {
    if (!this.#header) {
      [this.#header, this.#payload] = lengths(this.#buffer);
      return;
    }
    const body = PREFIX_BYTES + this.#header;
    const header = readHeader(this.#buffer.subarray(PREFIX_BYTES, body), this.#payload);
    const payload = this.#buffer.subarray(body, body + this.#payload);
    this.#filled = this.#header = this.#payload = 0;
    take({ header, payload });
  }
}

function lengths(prefix) {
  if (MAGIC.some((byte, at) => prefix[at] !== byte)) {
    throw new Malformed("frame does not begin with CHRP");
  }
  const view = new DataView(prefix.buffer, prefix.byteOffset, PREFIX_BYTES);
  const header = view.getUint32(4, true);
  const payload = view.getUint32(8, true);
  if (header < 2 || header > MAX_HEADER_BYTES) {
    throw new Malformed(`header of ${header} bytes, at most ${MAX_HEADER_BYTES} are allowed`);
  }
  if (payload > MAX_PAYLOAD_BYTES) {
    throw new Malformed(`payload of ${payload} bytes, at most ${MAX_PAYLOAD_BYTES} allowed`);
  }
  return [header, payload];
}

function readHeader(bytes, payload) {
  let text;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new Malformed("header is not UTF-8");
  }
  const header = parse(text);
  if (payload && header.get("type") !== "pcm") {
    throw new Malformed("a frame other than pcm carries a payload");
  }
  return header;
}

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit += 1) {
    value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  }
  return value;
});

/** zlib's CRC-32 of `bytes`; `before` is that of what came before them. */
export function crc32(bytes, before = 0) {
  let crc = ~before;
  for (let at = 0; at < bytes.length; at += 1) {
    crc = CRC_TABLE[(crc ^ bytes[at]) & 0xff] ^ (crc >>> 8);
  }
  return ~crc >>> 0;
}
