"""The phone's shell: runs the fixed set of commands of :mod:`.commands`, never a real program."""

from __future__ import annotations

import asyncio
import inspect
import struct
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

from device_probes.virtual.adbd.core import PhoneCore
from device_probes.virtual.adbd.files import Node
from device_probes.virtual.adbd.grammar import (
    Command,
    Part,
    Redirect,
    ShellSyntaxError,
    Step,
    Word,
    parse,
)
from device_probes.virtual.adbd.stream import Stream

MAX_CAPTURED_BYTES = 16 * 2**20
"""What one command may print before it has to be sent; a pipe holds no more either."""
NOT_FOUND, SYNTAX_ERROR = 127, 1
SHELL = "/system/bin/sh"
STDIN, STDOUT, STDERR, EXIT = 0, 1, 2, 3


class ExitShell(Exception):
    """``exit N``."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class Sink(Protocol):
    """Where output goes."""

    async def write(self, data: bytes) -> None:
        """Take ``data``; waits while the host is slow."""
        ...


class Source(Protocol):
    """Where input comes from."""

    async def read(self) -> bytes:
        """The next bytes; ``b""`` at the end."""
        ...


class Capture:
    """Keeps what is written, for a pipe or a test."""

    def __init__(self) -> None:
        self.data = bytearray()

    async def write(self, data: bytes) -> None:
        """Keep ``data`` up to :data:`MAX_CAPTURED_BYTES`."""
        self.data += data[: MAX_CAPTURED_BYTES - len(self.data)]


class Held:
    """Input that is there already."""

    def __init__(self, data: bytes = b"") -> None:
        self._data = data

    async def read(self) -> bytes:
        """All of it, then the end."""
        data, self._data = self._data, b""
        return data


class Nowhere:
    """``/dev/null``."""

    async def write(self, data: bytes) -> None:
        """Forget ``data``."""


@dataclass(slots=True)
class IntoFile:
    """``> file``."""

    phone: PhoneCore
    node: Node

    async def write(self, data: bytes) -> None:
        """Append ``data``; raises ``OSError`` when the phone is full."""
        self.phone.files.append(self.node, data)


@dataclass(slots=True)
class Call:
    """One command while it runs."""

    phone: PhoneCore
    argv: list[str]
    stdin: Source
    sinks: dict[int, Sink]
    commands: Mapping[str, CommandFunction]
    """Every command there is, for those that name or run another."""
    _out: bytearray = field(default_factory=bytearray)
    _err: bytearray = field(default_factory=bytearray)

    @property
    def args(self) -> list[str]:
        """Without the name."""
        return self.argv[1:]

    def out(self, data: str | bytes) -> None:
        """Print to stdout; sent when the command ends, or at :meth:`flush`."""
        self._keep(self._out, data)

    def err(self, data: str | bytes) -> None:
        """Print to stderr."""
        self._keep(self._err, data)

    async def flush(self) -> None:
        """Send what was printed."""
        for fd, kept in ((STDOUT, self._out), (STDERR, self._err)):
            if kept:
                data = bytes(kept)
                kept.clear()
                await self.sinks[fd].write(data)

    def _keep(self, kept: bytearray, data: str | bytes) -> None:
        text = data.encode("utf-8", "surrogateescape") if isinstance(data, str) else data
        kept += text[: MAX_CAPTURED_BYTES - len(kept)]


CommandFunction: TypeAlias = Callable[[Call], int | Awaitable[int]]


class Interpreter:
    """One shell process."""

    def __init__(
        self, phone: PhoneCore, commands: Mapping[str, CommandFunction], sinks: dict[int, Sink]
    ) -> None:
        self._phone = phone
        self._commands = commands
        self._sinks = sinks
        self._variables = {"HOME": "/", "USER": "shell", "HOSTNAME": phone.spec.model, "?": "0"}

    async def run(self, line: str, stdin: Source) -> int:
        """Run a command line; returns its exit code."""
        try:
            steps = parse(line)
        except ShellSyntaxError as exc:
            await self._sinks[STDERR].write(f"{SHELL}: {exc}\n".encode("utf-8", "surrogateescape"))
            return SYNTAX_ERROR
        code = 0
        try:
            for step in steps:
                if (step.connector == "&&" and code) or (step.connector == "||" and not code):
                    continue
                code = await self._pipeline(step, stdin)
                self._variables["?"] = str(code)
        except ExitShell as exc:
            code = exc.code
        return code

    async def _pipeline(self, step: Step, stdin: Source) -> int:
        code = 0
        for i, command in enumerate(step.pipeline):
            sinks = dict(self._sinks)
            last = i == len(step.pipeline) - 1
            pipe = Capture()
            if not last:
                sinks[STDOUT] = pipe
            try:
                code = await self._command(command, stdin, sinks)
            except ExitShell as exc:
                if len(step.pipeline) == 1:
                    raise
                code = exc.code  # each part of a pipeline is a process of its own
            stdin = Held(bytes(pipe.data))
        return code

    async def _command(self, command: Command, stdin: Source, sinks: dict[int, Sink]) -> int:
        try:
            for redirect in command.redirects:
                stdin = self._redirect(redirect, sinks, stdin)
        except OSError as exc:
            text = f"{SHELL}: can't create {exc.filename}: {exc.strerror}\n"
            await self._sinks[STDERR].write(text.encode("utf-8", "surrogateescape"))
            return 1
        argv = [text for word in command.words for text in self._expand(word)]
        if not argv:
            for name, word in command.assignments:
                self._variables[name] = "".join(self._text(p) for p in word)
            return 0
        call = Call(self._phone, argv, stdin, sinks, self._commands)
        code = await self._call(call)
        await call.flush()
        return code

    async def _call(self, call: Call) -> int:
        line = " ".join(call.argv)
        await self._phone.moments.event(f"shell:{line}")
        code = await self._overridden(call, line)
        if code is None:
            name = call.argv[0].removeprefix("/system/bin/")
            run = self._commands.get(name)
            if run is None:
                old = (self._phone.spec.api_level or 34) < 29
                why = "not found" if old else "inaccessible or not found"
                call.err(f"{SHELL}: {call.argv[0]}: {why}\n")
                return NOT_FOUND
            result = run(call)
            code = await result if inspect.isawaitable(result) else result
        await self._phone.moments.event(f"shell-done:{line}")
        return code

    async def _overridden(self, call: Call, line: str) -> int | None:
        """Let a hostile phone answer; ``None`` when nothing was set on ``line``."""
        override = self._phone.override_for(line)
        reply = override(call.argv) if override else None
        if reply is None:
            return None
        code = 0
        if isinstance(reply, tuple):
            reply, code = reply
        if isinstance(reply, str | bytes):
            call.out(reply)
            return code
        for piece in reply:
            await call.sinks[STDOUT].write(piece)
            await asyncio.sleep(0)  # a sink that never waits must not stop the other phones
        return code

    # --- words ------------------------------------------------------------------------------------

    def _text(self, part: Part) -> str:
        return self._variables.get(part.text, "") if part.is_variable else part.text

    def _expand(self, word: Word) -> list[str]:
        """A word as arguments: variables filled in, unquoted ones split, ``*`` matched."""
        words = [""]
        exists = glob = False
        for part in word:
            text = self._text(part)
            if part.is_variable and not part.quoted:
                fields = text.split()
                if fields:
                    words[-1] += fields[0]
                    words += fields[1:]
                    exists = True
                continue
            exists = True
            glob = glob or (not part.quoted and any(c in text for c in "*?"))
            words[-1] += text
        if not exists:
            return []
        return (self._phone.files.glob(words[0]) if glob else []) or words

    def _redirect(self, redirect: Redirect, sinks: dict[int, Sink], stdin: Source) -> Source:
        target = "".join(self._text(p) for p in redirect.target)
        if redirect.operator == ">&":
            other = int(target) if target.isdecimal() else -1
            if other not in sinks:
                raise OSError(9, "Bad file descriptor", target)
            sinks[redirect.fd] = sinks[other]
        elif redirect.operator == "<":
            return Held(b"" if target == "/dev/null" else self._phone.files.read(target))
        elif target == "/dev/null":
            sinks[redirect.fd] = Nowhere()
        else:
            node = self._phone.files.get(target) if redirect.operator == ">>" else None
            node = node or self._phone.files.create(target)
            sinks[redirect.fd] = IntoFile(self._phone, node)
        return stdin


# --- services ------------------------------------------------------------------------------------


class _Raw:
    """Shell protocol 1 and ``exec:``: both outputs mixed, no exit code."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream

    async def write(self, data: bytes) -> None:
        await self._stream.write(data)

    async def read(self) -> bytes:
        return await self._stream.read()


class _Framed:
    """Shell protocol 2: one byte of channel, four of length, the data."""

    def __init__(self, stream: Stream, channel: int) -> None:
        self._stream = stream
        self._channel = channel

    async def write(self, data: bytes) -> None:
        await self._stream.write(struct.pack("<BI", self._channel, len(data)) + data)

    async def read(self) -> bytes:
        """The next piece of stdin; window sizes and unknown packets are skipped."""
        while True:
            channel, size = struct.unpack("<BI", await self._stream.exactly(5))
            if size > self._stream.max_payload_bytes:
                raise ConnectionAbortedError(f"a shell packet of {size} bytes")
            data = await self._stream.exactly(size)
            if channel == STDIN:
                return data
            if channel == EXIT:  # from the host: close stdin
                return b""


async def serve_shell(
    stream: Stream,
    phone: PhoneCore,
    commands: Mapping[str, CommandFunction],
    line: str,
    *,
    version: int,
) -> None:
    """Run ``line`` (or read lines, when it is empty) on a stream of shell protocol 1 or 2."""
    out: _Raw | _Framed = _Framed(stream, STDOUT) if version == 2 else _Raw(stream)
    err = _Framed(stream, STDERR) if version == 2 else out
    shell = Interpreter(phone, commands, {STDOUT: out, STDERR: err})
    work = _interactive(shell, phone, out) if not line else shell.run(line, out)
    running = asyncio.ensure_future(work)
    gone = asyncio.ensure_future(stream.wait_gone())
    try:
        # When the host leaves, adbd hangs up on the process.
        await asyncio.wait({running, gone}, return_when=asyncio.FIRST_COMPLETED)
        if running.done():
            code = running.result()
            if version == 2:
                await stream.write(struct.pack("<BIB", EXIT, 1, code & 0xFF))
    finally:
        for task in (running, gone):
            task.cancel()
        await asyncio.gather(running, gone, return_exceptions=True)


async def _interactive(shell: Interpreter, phone: PhoneCore, host: _Raw | _Framed) -> int:
    """A prompt, for people who look at a virtual phone by hand."""
    prompt = f"{phone.spec.model}:/ $ ".encode()
    kept = b""
    code = 0
    await host.write(prompt)
    while True:
        data = await host.read()
        if not data or b"\x04" in data:
            return code
        kept = (kept + data.replace(b"\r", b"\n"))[-4096:]
        while b"\n" in kept:
            line, _, kept = kept.partition(b"\n")
            if line.strip() == b"exit":
                return code
            code = await shell.run(line.decode("utf-8", "surrogateescape"), Held())
            await host.write(prompt)
