// Bounds of docs/probe-protocol.md; a test compares them with the host's code.

export const PROTOCOL = 4;
export const VERSION = "0.1.0"; // chirpbench's own: page and host come from the same package
export const PROBE_VERSION = `web ${VERSION}`;
export const MAX_HEADER_BYTES = 65_536;
export const MAX_PAYLOAD_BYTES = 262_144;
export const MAX_JSON_DEPTH = 8;
export const MAX_STIMULUS_BYTES = 64 * 2 ** 20;
export const MAX_PCM_BYTES = 128 * 2 ** 20;
export const MAX_STIMULI = 8;
export const MAX_PLAYS = 64;
export const MAX_ACTS = 8;
export const MAX_PROGRESS_PER_S = 50;
export const MAX_TIMESTAMPS = 256;
export const MAX_OBSERVED = 64;
export const MAX_NOTES = 16;
export const MAX_RAW_ENTRIES = 256;
export const MIN_RATE_HZ = 8000;
export const MAX_RATE_HZ = 192_000;
export const MAX_CHANNELS = 8;
export const MAX_COUNT = 2 ** 53;
