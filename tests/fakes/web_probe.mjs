// The page's Probe without a browser: bytes in on stdin, out on stdout. Its device is a tape that
// records exactly what is played; it plays on until it is cancelled when that is 5 s or more.

import { Probe } from "../../device_probes/web/page/probe.js";
import { mix } from "../../device_probes/web/page/timeline.js";

const device = {
  async facts() {
    return {
      platform: "web", manufacturer: "ACME", model: "Tape (node)", marketing_name: "", soc: "",
      os_name: "node", os_version: process.version, os_build: "1",
    };
  },
  async run({ request, rate_hz, plays, signal, acts, progress }) {
    progress("playing", 0.5);
    acts.begin(async (route) => ({ granted: route, at_ms: 1, took_ms: 2 }));
    if (request.duration_s >= 5) {
      await new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
    }
    for (let n = 0; n < 500; n += 1) progress("playing", 0.5); // far too many: the probe thins them
    const stream = { rate_hz, channels: 1 };
    const samples = mix(plays, Math.round(request.duration_s * rate_hz));
    await new Promise((resolve) => setTimeout(resolve, 50));
    const report = { probe_version: "1", output: stream, input: stream, observed: acts.observed };
    return { report, samples };
  },
};

const link = {
  send: (bytes) => process.stdout.write(bytes),
  drained: async () => {},
  hangUp: () => process.stdout.end(() => process.exit(0)),
};
const probe = new Probe(link, device);
process.stdin.on("data", (chunk) => probe.receive(new Uint8Array(chunk)));
process.stdin.on("end", () => process.exit(0));
