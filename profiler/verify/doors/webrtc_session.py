"""One session through the real libwebrtc: the only door to ``wrtc``.

Runs as a process of its own (``python -m profiler.verify.doors.webrtc_session JOB.json``), so
that a crash or a hang of native code ends a session and nothing else. Reads the job, writes
what happened beside it.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

os.environ["WRTC_ALLOW_LOOPBACK"] = "1"
with contextlib.suppress(OSError):  # punctual on a busy machine, where the system allows it
    os.nice(-10)

import webrtc

from profiler.model import NetworkPhase, NetworkScenario
from profiler.verify.job import (
    BLOCK_S,
    RATE_HZ,
    SETUP_S,
    WARM_UP_S,
    tail_s,
)
from profiler.verify.proxy import NetworkProxy
from profiler.verify.stack import (
    StackSettings,
    asking,
    without_bandwidth_estimation,
    without_candidates,
)

LOCALHOST = "127.0.0.1"
_POLL_S = 0.003
_QUEUE = 400
"""Blocks of 10 ms that may wait to be read: the native side stamps them, so late is harmless."""


async def run(job: dict[str, Any], samples: np.ndarray[Any, Any]) -> dict[str, Any]:
    """The session's record; see :mod:`profiler.verify.job` for its fields."""
    settings = StackSettings(**job["settings"])
    scenario = _scenario(job["scenario"])
    sender, receiver = webrtc.RTCPeerConnection(), webrtc.RTCPeerConnection()
    try:
        source = webrtc.MediaStreamTrackGenerator("audio")
        sender.add_track(source)
        track, port = await _describe(sender, receiver, settings)
        transport, proxy = await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: NetworkProxy(scenario, job["seed"], (LOCALHOST, port), settings.frame_samples),
            local_addr=(LOCALHOST, 0),
        )
        await _connect(sender, receiver, transport.get_extra_info("sockname")[1])
        record = await _talk(receiver, source, track, samples, scenario)
        transport.close()
        return {**record, "proxy": asdict(proxy.log)}
    finally:
        sender.close()
        receiver.close()


async def _describe(sender: Any, receiver: Any, settings: StackSettings) -> tuple[Any, int]:
    """Offer and answer; the receiver's track and its UDP port on this machine."""
    tracks: list[Any] = []
    receiver.on("track", lambda event: tracks.append(event.track))
    await sender.set_local_description(await sender.create_offer())
    offer = without_bandwidth_estimation(without_candidates(sender.local_description.sdp))
    await receiver.set_remote_description(webrtc.RTCSessionDescriptionInit("offer", offer))
    await receiver.set_local_description(await receiver.create_answer())
    while receiver.ice_gathering_state != "complete":
        await asyncio.sleep(0.01)
    full = receiver.local_description.sdp
    answer = asking(without_bandwidth_estimation(without_candidates(full)), settings)
    await sender.set_remote_description(webrtc.RTCSessionDescriptionInit("answer", answer))
    if settings.floor_ms:
        receiver.get_receivers()[0].jitter_buffer_target = settings.floor_ms
    ports = [
        int(line.split()[5])
        for line in full.splitlines()
        if line.startswith("a=candidate") and f" {LOCALHOST} " in line and " udp " in line.lower()
    ]
    return tracks[0], ports[0]


async def _connect(sender: Any, receiver: Any, port: int) -> None:
    candidate = f"candidate:1 1 udp 2122194687 {LOCALHOST} {port} typ host generation 0"
    await sender.add_ice_candidate(
        webrtc.RTCIceCandidateInit(candidate, sdp_mid="0", sdp_m_line_index=0)
    )
    async with asyncio.timeout(SETUP_S):
        while not sender.connection_state == receiver.connection_state == "connected":
            await asyncio.sleep(0.01)


async def _talk(
    receiver: Any, source: Any, track: Any, samples: np.ndarray[Any, Any], scenario: NetworkScenario
) -> dict[str, Any]:
    loop = asyncio.get_running_loop()
    processor = webrtc.MediaStreamTrackProcessor(
        webrtc.MediaStreamTrackProcessorInit(track, max_buffer_size=_QUEUE)
    )
    heard: list[tuple[bytes, int]] = []
    reading = asyncio.create_task(_read(processor._native_obj, heard))
    size = round(BLOCK_S * RATE_HZ)
    begin_s, late_ms = loop.time() + 0.05, []
    warm: dict[str, Any] = {}
    for k in range(len(samples) // size):
        due_s = begin_s + k * BLOCK_S
        await asyncio.sleep(max(0.0, due_s - loop.time()))
        late_ms.append((loop.time() - due_s) * 1000.0)
        block = np.ascontiguousarray(samples[k * size : (k + 1) * size])
        source._generator.writeAudio(block.tobytes(), RATE_HZ, block.shape[1], size)
        if k == round(WARM_UP_S / BLOCK_S):
            warm = await _inbound(receiver)
    await asyncio.sleep(tail_s(scenario))
    reading.cancel()
    return {
        "begin_s": begin_s,
        "write_late_ms": late_ms,
        "discarded": processor.discarded_frames,
        "heard": heard,
        "warm": warm,
        "stats": await _inbound(receiver),
    }


async def _read(native: Any, heard: list[tuple[bytes, int]]) -> None:
    """Every block with the time at which the stack handed it out, on the clock of the sender.

    ``read`` is not public, but the public reader loses the time: (samples, bits, rate, channels,
    frames, microseconds of the monotonic clock).
    """
    while True:
        while (item := native.read()) is not None:
            pcm, _, rate, channels, _, at_us = item
            if rate != RATE_HZ:
                raise RuntimeError(f"the stack plays at {rate} Hz, not {RATE_HZ}")
            heard.append((bytes(np.frombuffer(pcm, "<i2")[::channels].tobytes()), int(at_us)))
        await asyncio.sleep(_POLL_S)


async def _inbound(receiver: Any) -> dict[str, Any]:
    report = await receiver.get_stats()
    for entry in report.values():
        if entry.type == "inbound-rtp":
            names = (n for n in dir(entry) if n.islower() and not n.startswith("_"))
            values = {name: getattr(entry, name) for name in names}
            return {n: v for n, v in values.items() if isinstance(v, int | float)}
    return {}


def _scenario(tree: dict[str, Any]) -> NetworkScenario:
    return NetworkScenario(
        tree["name"],
        tree["title"],
        tuple(NetworkPhase(**phase) for phase in tree["phases"]),
        tree["source"],
    )


def main(path: Path) -> None:
    """Run the job at ``path``; the result appears whole or not at all."""
    job = json.loads(path.read_text(encoding="utf-8"))
    samples = np.load(job["samples"], allow_pickle=False)
    record = asyncio.run(run(job, samples))
    blocks = record.pop("heard")
    heard = np.frombuffer(b"".join(pcm for pcm, _ in blocks), "<i2")
    times = np.array([at_us for _, at_us in blocks], np.int64)
    part = path.with_suffix(".part.npz")
    with part.open("wb") as f:
        np.savez(f, heard=heard, times_us=times, record=np.array(json.dumps(record)))
    part.replace(path.with_suffix(".npz"))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
    sys.stdout.flush()
    os._exit(0)  # native threads may outlive the interpreter's own clean-up
