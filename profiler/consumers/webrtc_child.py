"""Child program: short sessions between two libwebrtc connections of this machine (``wrtc``).

Nothing else imports it. JSON on stdin: ``trials`` (field trials, set before the first connection)
and ``sessions``, each with ``fmtp``, ``ptime``, ``red``, ``floor_ms`` and ``talk``; with ``talk``
sound is sent, else the session is only negotiated. JSON on stdout: ``version`` and ``sessions``.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
from importlib import metadata
from typing import Any

import numpy as np

os.environ["WRTC_ALLOW_LOOPBACK"] = "1"

import webrtc

RATE_HZ = 48_000
BLOCK_FRAMES = 480
BLOCKS = 300
"""3 s: NetEq reaches its floor within one."""
WARM_UP_BLOCKS = 150
AT_ONCE = 4
SETUP_S = 15.0
LEVEL = 3_000.0
"""Of 32 768: a silent source counts as concealed, and DTX would stop it."""


async def session(asked: dict[str, Any], gate: asyncio.Semaphore) -> dict[str, Any]:
    """Negotiate, talk, and say what is in force."""
    async with gate:
        sender, receiver = webrtc.RTCPeerConnection(), webrtc.RTCPeerConnection()
        try:
            source = webrtc.MediaStreamTrackGenerator("audio")
            sender.add_track(source)
            await negotiate(sender, receiver, asked)
            if asked["floor_ms"]:
                receiver.get_receivers()[0].jitter_buffer_target = asked["floor_ms"]
            return await talk(sender, receiver, source, asked)
        finally:
            sender.close()
            receiver.close()


async def negotiate(sender: Any, receiver: Any, asked: dict[str, Any]) -> None:
    """Offer and answer; the answer asks the sender for the settings."""
    await sender.set_local_description(await sender.create_offer())
    await gathered(sender)
    await receiver.set_remote_description(sender.local_description)
    await receiver.set_local_description(await receiver.create_answer())
    await gathered(receiver)
    answer = asking(receiver.local_description.sdp, asked)
    await sender.set_remote_description(webrtc.RTCSessionDescriptionInit("answer", answer))
    async with asyncio.timeout(SETUP_S):
        while not sender.connection_state == receiver.connection_state == "connected":
            await asyncio.sleep(0.01)


async def gathered(connection: Any) -> None:
    """Wait for its addresses."""
    async with asyncio.timeout(SETUP_S):
        while connection.ice_gathering_state != "complete":
            await asyncio.sleep(0.01)


def asking(sdp: str, asked: dict[str, Any]) -> str:
    """The answer with the exported parameters instead of libwebrtc's own."""
    opus = re.search(r"^a=rtpmap:(\d+) opus/48000/2", sdp, re.MULTILINE)
    red = re.search(r"^a=rtpmap:(\d+) red/48000/2", sdp, re.MULTILINE)
    if opus is None:
        raise SystemExit("this libwebrtc offers no Opus")
    lines = []
    for line in sdp.splitlines():
        kept = line
        if line.startswith("m=audio"):
            words = line.split(" ")
            first = [red[1], opus[1]] if asked["red"] and red else [opus[1]]
            kept = " ".join([*words[:3], *first, *(w for w in words[3:] if w not in first)])
        elif line.startswith(f"a=fmtp:{opus[1]} "):
            kept = f"a=fmtp:{opus[1]} {asked['fmtp']}"
        # Its probes for bandwidth would be counted as sound.
        if not re.search("transport-cc|transport-wide|abs-send-time|goog-remb", kept):
            lines.append(kept)
    if asked["ptime"] is not None:
        lines.append(f"a=ptime:{asked['ptime']}")
    return "\r\n".join(lines) + "\r\n"


async def talk(sender: Any, receiver: Any, source: Any, asked: dict[str, Any]) -> dict[str, Any]:
    """Send noise in real time; the differences of the statistics after the warm-up."""
    dice = np.random.default_rng(1)
    loop = asyncio.get_running_loop()
    begin_s, before, after = loop.time(), {}, {}
    for block in range(BLOCKS if asked["talk"] else 0):
        await asyncio.sleep(max(0.0, begin_s + block * 0.01 - loop.time()))
        noise = dice.normal(0.0, LEVEL, BLOCK_FRAMES).astype(np.int16)
        source._generator.writeAudio(noise.tobytes(), RATE_HZ, 1, BLOCK_FRAMES)
        if block == WARM_UP_BLOCKS:
            before = await numbers(sender, receiver)
    after = await numbers(sender, receiver)
    answer = {"codec": await codec(sender), "floor_ms": floor(receiver), "talked": asked["talk"]}
    if asked["talk"]:
        moved = {name: after.get(name, 0) - before.get(name, 0) for name in after}
        answer["sent_ms"] = (BLOCKS - 1 - WARM_UP_BLOCKS) * 10
        answer |= {"packets": moved["packets_sent"], "bytes": moved["bytes_sent"],
                   "emitted": moved["jitter_buffer_emitted_count"],
                   "target_s": moved["jitter_buffer_target_delay"]}  # fmt: skip
    return answer


def floor(receiver: Any) -> float | None:
    """The receiver's own word for its target, in ms."""
    value = receiver.get_receivers()[0].jitter_buffer_target
    return None if value is None else float(value)


async def numbers(sender: Any, receiver: Any) -> dict[str, float]:
    """The counters of what is sent and of what is played."""
    wanted = {
        "outbound-rtp": ("packets_sent", "bytes_sent"),
        "inbound-rtp": ("jitter_buffer_emitted_count", "jitter_buffer_target_delay"),
    }
    found = {}
    for connection in (sender, receiver):
        for entry in (await connection.get_stats()).values():
            for name in wanted.get(str(entry.type), ()):
                found[name] = getattr(entry, name, None) or 0
    return found


async def codec(sender: Any) -> dict[str, Any]:
    """The codec in use with the parameters that libwebrtc says it has."""
    report = await sender.get_stats()
    codecs = {key: entry for key, entry in report.items() if str(entry.type) == "codec"}
    sent = [e for e in report.values() if str(e.type) == "outbound-rtp"]
    used = codecs.get(sent[0].codec_id) if sent else None
    opus = next((c for c in codecs.values() if c.mime_type.lower() == "audio/opus"), used)
    return {
        "mime": None if used is None else used.mime_type.lower(),
        "fmtp": None if opus is None else opus.sdp_fmtp_line,
    }


async def main() -> int:
    """Run every session."""
    asked = json.load(sys.stdin)
    for name, value in asked["trials"].items():
        webrtc.field_trials[name] = value
    gate = asyncio.Semaphore(AT_ONCE)
    done = await asyncio.gather(*(session(one, gate) for one in asked["sessions"]))
    version = metadata.version("wrtc")
    print(json.dumps({"version": version, "sessions": done}))  # noqa: T201 - the answer
    return 0


if __name__ == "__main__":
    raise SystemExit(asyncio.run(main()))
