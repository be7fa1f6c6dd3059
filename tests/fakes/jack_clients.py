"""JACK clients of the tests, each run as a process of its own: a known delay, and a recorder.

``python jack_clients.py delay …`` delays its input by D frames (D may be fractional).
``python jack_clients.py record …`` plays an .npy while recording, on one timeline.
Both print one line when they are ready or done; the parent ends them by pid.
"""

from __future__ import annotations

import argparse
import json
import sys
import threading
from pathlib import Path

import jack
import numpy as np

HALF_TAPS = 64
"""Half length of the fractional-delay filter; its error is below -100 dB to 0.42 of the rate."""


def fractional_filter(fraction: float) -> np.ndarray:
    """Kaiser-windowed sinc delaying by ``HALF_TAPS - 1 + fraction`` frames, 0 <= fraction < 1."""
    n = np.arange(2 * HALF_TAPS) - (HALF_TAPS - 1) - fraction
    window = np.i0(10.0 * np.sqrt(np.clip(1 - (n / HALF_TAPS) ** 2, 0, 1))) / np.i0(10.0)
    return np.sinc(n) * window


class Delay:
    """A ring buffer: write the input block first, then read it D frames back."""

    def __init__(self, delay: float, gain: float, noise: float, block: int, rate: int) -> None:
        whole = int(np.floor(delay))
        fraction = delay - whole
        self.taps = fractional_filter(fraction) if fraction else np.ones(1)
        self.back = whole - (HALF_TAPS - 1) if fraction else whole
        if self.back < 0:
            raise SystemExit(f"a fractional delay needs at least {HALF_TAPS} frames")
        self.gain = gain
        self.ring = np.zeros(self.back + self.taps.size + 4 * block)
        self.noise = noise * np.random.default_rng(1).standard_normal(rate + block)
        self.frame = 0
        self.drop: tuple[int, int] | None = None
        """Armed: silence this many frames, beginning that long after the next loud input."""
        self.hole = (0, 0)

    def _arm_hole(self, block: np.ndarray) -> None:
        loud = np.flatnonzero(np.abs(block) > 0.01)
        if self.drop and loud.size:
            frames, after = self.drop
            first = self.frame + int(loud[0]) + after
            self.hole, self.drop = (first, first + frames), None

    def process(self, block: np.ndarray) -> np.ndarray:
        size, n = self.ring.size, block.size
        self.ring[np.arange(self.frame, self.frame + n) % size] = block
        self._arm_hole(block)
        first = self.frame - self.back - (self.taps.size - 1)
        wanted = self.ring[np.arange(first, first + n + self.taps.size - 1) % size]
        out = np.convolve(wanted, self.taps, "valid") * self.gain
        at = self.frame % (self.noise.size - n)
        out += self.noise[at : at + n]
        a, b = (int(np.clip(edge - self.frame, 0, n)) for edge in self.hole)
        out[a:b] = 0.0
        self.frame += n
        return out


def run_delay(args: argparse.Namespace) -> None:
    client = jack.Client(args.name, servername=args.server, no_start_server=True)
    delay = Delay(args.frames, args.gain, args.noise, client.blocksize, client.samplerate)
    source, sink = client.inports.register("in"), client.outports.register("out")
    gone = threading.Event()
    client.set_shutdown_callback(lambda _status, _reason: gone.set())

    @client.set_process_callback
    def process(_frames: int) -> None:
        sink.get_array()[:] = delay.process(source.get_array())

    with client:
        print("ready", flush=True)
        for line in sys.stdin:  # ends when the parent closes the pipe or dies
            frames, after = line.split()
            delay.drop = (int(frames), int(after))
            print("armed", flush=True)


def run_record(args: argparse.Namespace) -> None:
    """Recording frame n is what the callback reads while it writes stimulus frame n."""
    stimulus = np.load(args.stimulus).astype(np.float32)
    client = jack.Client(args.name, servername=args.server, no_start_server=True)
    facts = {"rate_hz": client.samplerate, "period": client.blocksize}
    out = client.outports.register("out")
    ins = [client.inports.register(f"in_{i}") for i in range(len(args.loop))]
    captured = np.zeros((stimulus.size, len(ins)), dtype=np.float32)
    state = {"frame": -args.warmup, "armed": False, "xruns": 0}
    done = threading.Event()
    client.set_shutdown_callback(lambda _status, _reason: done.set())

    @client.set_xrun_callback
    def xrun(_delayed_us: float) -> None:
        state["xruns"] += state["armed"]

    @client.set_process_callback
    def process(frames: int) -> None:
        block = out.get_array()
        block[:] = 0.0
        if not state["armed"]:
            return
        first = state["frame"]
        state["frame"] += frames
        a, b = max(first, 0), min(first + frames, stimulus.size)
        if a < b:
            block[a - first : b - first] = stimulus[a:b]
            for channel, port in enumerate(ins):
                captured[a:b, channel] = port.get_array()[a - first : b - first]
        if first >= stimulus.size:
            done.set()

    with client:
        for port, loop in zip(ins, args.loop, strict=True):
            client.connect(out, f"{loop}:in")
            client.connect(f"{loop}:out", port)
        state["armed"] = True
        if not done.wait(args.timeout) or state["frame"] < stimulus.size:
            raise SystemExit(f"stopped at frame {state['frame']} of {stimulus.size}")
    np.save(args.out, captured)
    print(json.dumps({**facts, "xruns": state["xruns"]}), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--server", required=True)
    parser.add_argument("--name", required=True)
    commands = parser.add_subparsers(required=True)
    delay = commands.add_parser("delay")
    delay.add_argument("--frames", type=float, required=True)
    delay.add_argument("--gain", type=float, default=1.0)
    delay.add_argument("--noise", type=float, default=0.0)
    delay.set_defaults(run=run_delay)
    record = commands.add_parser("record")
    record.add_argument("--stimulus", type=Path, required=True)
    record.add_argument("--out", type=Path, required=True)
    record.add_argument("--loop", action="append", required=True, help="name of a delay client")
    record.add_argument("--warmup", type=int, default=4096)
    record.add_argument("--timeout", type=float, default=60.0)
    record.set_defaults(run=run_record)
    args = parser.parse_args()
    args.run(args)


if __name__ == "__main__":
    main()
