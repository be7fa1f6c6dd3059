"""Peers that break the probe contract, made of raw bytes.

They share no code with the package: framing is written here once more with ``struct`` and
``json``, one layer below the real client, which sees nothing but a socket.
"""

from __future__ import annotations

import json
import os
import socket
import struct
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

Script = Callable[[socket.socket], None]


def frame(header: dict | bytes, payload: bytes = b"") -> bytes:
    """One frame from a header (an object, or bytes as they are)."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return b"CHRP" + struct.pack("<II", len(text), len(payload)) + text + payload


def exactly(sock: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        part = sock.recv(size - len(data))
        if not part:
            raise ConnectionError
        data += part
    return data


def next_frame(sock: socket.socket) -> dict:
    """Read one frame of the host and return its header."""
    magic, header, payload = struct.unpack("<4sII", exactly(sock, 12))
    assert magic == b"CHRP"
    result = json.loads(exactly(sock, header))
    exactly(sock, payload)
    return result


def hello(sock: socket.socket, protocol: int = 4, **more: object) -> None:
    next_frame(sock)
    sock.sendall(frame({"type": "hello", "protocol": protocol, "version": "9.9-fake", **more}))


def up_to_run(sock: socket.socket) -> dict:
    """Behave well until a trial is asked for; returns its header."""
    hello(sock)
    while True:
        message = next_frame(sock)
        if message["type"] == "load":
            left = message["frames"] * 4
            while left:
                _, header, payload = struct.unpack("<4sII", exactly(sock, 12))
                exactly(sock, header + payload)
                left -= payload
            del message["frames"]
            sock.sendall(frame({**message, "type": "loaded"}))
        elif message["type"] == "run":
            return message


def stream(rate_hz: int = 8000) -> dict:
    return {"rate_hz": rate_hz, "channels": 1}


def report(**more: object) -> dict:
    return {"probe_version": "9.9-fake", "output": stream(), "input": stream(), **more}


def result(frames: int, **more: object) -> bytes:
    return frame(
        {"type": "result", "report": report(), "format": "int16", "frames": frames, **more}
    )


def hold(sock: socket.socket) -> None:
    """Keep the connection open until the host goes."""
    with suppress(OSError):
        while sock.recv(65_536):
            pass


# --- scripts: before the handshake ---------------------------------------------------------------


def garbage(sock: socket.socket) -> None:
    next_frame(sock)
    sock.sendall(os.urandom(4096))
    hold(sock)


def http(sock: socket.socket) -> None:
    sock.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
    hold(sock)


def never_answers(sock: socket.socket) -> None:
    hold(sock)


def drips(sock: socket.socket) -> None:
    next_frame(sock)
    for byte in frame({"type": "hello", "protocol": 4, "version": "x" * 60}):
        time.sleep(0.05)
        sock.sendall(bytes([byte]))


def closes_at_once(sock: socket.socket) -> None:
    sock.close()


def truncated_hello(sock: socket.socket) -> None:
    next_frame(sock)
    sock.sendall(frame({"type": "hello", "protocol": 4, "version": "1"})[:-5])
    sock.close()


def huge_header(sock: socket.socket) -> None:
    next_frame(sock)
    sock.sendall(b"CHRP" + struct.pack("<II", 0xFFFF_FFFF, 0))
    hold(sock)


def huge_payload(sock: socket.socket) -> None:
    next_frame(sock)
    sock.sendall(b"CHRP" + struct.pack("<II", 2, 0xFFFF_FFFF) + b"{}")
    hold(sock)


def payload_on_hello(sock: socket.socket) -> None:
    next_frame(sock)
    sock.sendall(frame({"type": "hello", "protocol": 4, "version": "1"}, b"abcd"))
    hold(sock)


def hello_of(text: bytes) -> Script:
    def script(sock: socket.socket) -> None:
        next_frame(sock)
        sock.sendall(frame(text))
        hold(sock)

    return script


def wrong_version(sock: socket.socket) -> None:
    hello(sock, protocol=77, extra={"from": "the future"})
    hold(sock)


# --- scripts: after it ---------------------------------------------------------------------------


def after_run(act: Callable[[socket.socket, dict], None]) -> Script:
    def script(sock: socket.socket) -> None:
        act(sock, up_to_run(sock))
        hold(sock)

    return script


def endless_progress(sock: socket.socket, run: dict) -> None:
    event = frame({"type": "progress", "stage": "playing", "fraction": 0.5})
    while True:
        sock.sendall(event * 100)


def slow_endless_progress(sock: socket.socket, run: dict) -> None:
    while True:
        sock.sendall(frame({"type": "progress", "stage": "playing", "fraction": 0.5}))
        time.sleep(0.05)


def wrong_checksum(sock: socket.socket, run: dict) -> None:
    frames = round(run["request"]["duration_s"] * 8000)
    sock.sendall(result(frames) + frame({"type": "pcm", "offset": 0}, b"\0\0" * frames))
    sock.sendall(frame({"type": "done", "crc32": 1}))


def too_many_frames(sock: socket.socket, run: dict) -> None:
    sock.sendall(result(60_000_000))


def too_few_frames(sock: socket.socket, run: dict) -> None:
    sock.sendall(result(17))


def more_samples_than_announced(sock: socket.socket, run: dict) -> None:
    frames = round(run["request"]["duration_s"] * 8000)
    sock.sendall(result(frames) + frame({"type": "pcm", "offset": 0}, b"\0\0" * (frames + 1)))


def samples_from_elsewhere(sock: socket.socket, run: dict) -> None:
    frames = round(run["request"]["duration_s"] * 8000)
    sock.sendall(result(frames) + frame({"type": "pcm", "offset": 4}, b"\0\0" * 8))


def empty_samples_for_ever(sock: socket.socket, run: dict) -> None:
    sock.sendall(result(round(run["request"]["duration_s"] * 8000)))
    while True:
        sock.sendall(frame({"type": "pcm", "offset": 0}))


def disconnects_in_samples(sock: socket.socket, run: dict) -> None:
    sock.sendall(result(round(run["request"]["duration_s"] * 8000)))
    sock.sendall(frame({"type": "pcm", "offset": 0}, bytes(512))[:-100])
    sock.close()


def stops_in_samples(sock: socket.socket, run: dict) -> None:
    sock.sendall(result(round(run["request"]["duration_s"] * 8000)))
    sock.sendall(frame({"type": "pcm", "offset": 0}, bytes(512)))


def progress_among_samples(sock: socket.socket, run: dict) -> None:
    sock.sendall(result(round(run["request"]["duration_s"] * 8000)))
    sock.sendall(frame({"type": "progress", "stage": "playing", "fraction": 1}))


def always_another_rate(sock: socket.socket, run: dict) -> None:
    rate = 16_000
    while True:
        refusal = {"type": "refused", "code": "rate_differs", "text": "no"}
        sock.sendall(frame({**refusal, "granted_rate_hz": rate}))
        rate += 1000
        message = next_frame(sock)
        while message["type"] != "run":
            if message["type"] == "load":
                left, crc = message["frames"] * 4, message["crc32"]
                sid, load_rate = message["stimulus_id"], message["rate_hz"]
                while left:
                    _, header, payload = struct.unpack("<4sII", exactly(sock, 12))
                    exactly(sock, header + payload)
                    left -= payload
                loaded = {"type": "loaded", "stimulus_id": sid, "rate_hz": load_rate, "crc32": crc}
                sock.sendall(frame(loaded))
            message = next_frame(sock)


def never_ends(sock: socket.socket, run: dict) -> None:
    hold(sock)


def fails(sock: socket.socket, run: dict) -> None:
    sock.sendall(frame({"type": "error", "text": "AAudio died\n\x1b[31mred"}))


def answers_with(message: dict) -> Script:
    def act(sock: socket.socket, run: dict) -> None:
        sock.sendall(frame(message))

    return after_run(act)


def good(sock: socket.socket, run: dict) -> None:
    """The right answer, to show that the scaffold itself is not what is refused."""
    frames = round(run["request"]["duration_s"] * 8000)
    data = struct.pack(f"<{frames}h", *(i % 100 for i in range(frames)))
    sock.sendall(result(frames) + frame({"type": "pcm", "offset": 0}, data))
    sock.sendall(frame({"type": "done", "crc32": zlib.crc32(data)}))


def never_reads(sock: socket.socket) -> None:
    hello(sock)
    time.sleep(2.5)


@contextmanager
def playing(script: Script) -> Iterator[socket.socket]:
    """A socket whose other end follows ``script`` in a thread."""
    ours, theirs = socket.socketpair()

    def run() -> None:
        with theirs, suppress(OSError):
            script(theirs)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield ours
    finally:
        ours.close()
        with suppress(OSError):
            theirs.shutdown(socket.SHUT_RDWR)
        thread.join(timeout=5)
