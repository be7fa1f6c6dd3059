"""Real audio servers for the tests: private names and folders, every process ended by its pid.

Each context manager leaves nothing behind and asserts it. Only the *set-up* of a server is
retried; a measurement never is.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

JACK_CLIENTS = Path(__file__).with_name("jack_clients.py")
SHM = Path("/dev/shm")
START_TIMEOUT_S = 30.0
SETUP_ATTEMPTS = 3


def _priority() -> tuple[str, ...]:
    """Sound comes before whatever else the machine does, as far as this user may say so."""
    realtime = ("chrt", "--rr", "10")
    if shutil.which("chrt"):
        tried = subprocess.run([*realtime, "true"], capture_output=True, check=False)
        if tried.returncode == 0:
            return realtime
    return ("nice", "-n", "-15")  # goes on at the usual priority where it is not allowed


PRIORITY = _priority()


class SetUpFailed(Exception):
    """A server or client did not come up."""


# --- processes -----------------------------------------------------------------------------------


@contextlib.contextmanager
def process(
    command: Sequence[str], *, env: dict[str, str], log: Path, stdout_pipe: bool = False
) -> Iterator[subprocess.Popen[str]]:
    """Run ``command`` with its noise in ``log``; on exit end it (TERM, KILL) and reap it."""
    command = [*PRIORITY, *command]
    if shutil.which("setpriv"):  # an aborted test run takes its servers with it
        command = ["setpriv", "--pdeathsig", "TERM", *command]
    with log.open("w") as noise:
        child = subprocess.Popen(
            list(command),
            env=env,
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE if stdout_pipe else noise,
            stderr=noise,
        )
    try:
        yield child
    finally:
        end(child)
        assert child.returncode is not None, f"{command[0]} is still there"


def end(child: subprocess.Popen[str]) -> None:
    """TERM, then KILL; a stopped process is continued so that it can obey."""
    for stream in (child.stdin, child.stdout):
        if stream is not None:
            with contextlib.suppress(BrokenPipeError):
                stream.close()
    if child.poll() is None:
        child.send_signal(signal.SIGCONT)
        child.terminate()
        try:
            child.wait(2.0)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait(10.0)


def wait_until(ready: Callable[[], bool], child: subprocess.Popen[str], log: Path) -> None:
    """Poll ``ready`` until it holds; raises :class:`SetUpFailed` with the end of the log."""
    deadline = time.monotonic() + START_TIMEOUT_S
    while not ready():
        if child.poll() is not None or time.monotonic() > deadline:
            state = "ended" if child.poll() is not None else "is not ready"
            tail = " | ".join(log.read_text(errors="replace").splitlines()[-5:])
            raise SetUpFailed(f"{child.args!r} {state}: {tail}")
        time.sleep(0.02)


def _quiet(command: Sequence[str], env: dict[str, str]) -> bool:
    """Whether ``command`` succeeds."""
    try:
        done = subprocess.run(list(command), env=env, capture_output=True, timeout=10, check=False)
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0


def probes_running() -> list[int]:
    """Processes of the host probe that this process started and that are still there."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError, ValueError, IndexError):
            parent = int(stat.read_text().rpartition(")")[2].split()[1])
            words = stat.with_name("cmdline").read_bytes().split(b"\0")
            if parent == os.getpid() and b"device_probes.host" in words:
                found.append(int(stat.parent.name))
    return found


# --- JACK ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class JackServer:
    """A jackd with the dummy driver: real callbacks and periods, no hardware."""

    name: str
    rate_hz: int
    period_frames: int
    folder: Path
    env: dict[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class JackDelay:
    """A client between ``name:in`` and ``name:out`` that delays by exactly ``frames``."""

    name: str
    frames: float
    process: subprocess.Popen[str] = field(repr=False)

    def drop(self, frames: int, *, after_frames: int) -> None:
        """Silence ``frames`` frames of its output, ``after_frames`` after the next loud input."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{frames} {after_frames}\n")
        self.process.stdin.flush()
        assert self.process.stdout.readline().strip() == "armed"


@dataclass(frozen=True, slots=True, eq=False)
class JackCapture:
    """Samples of shape (frames, loops); frame 0 is simultaneous with stimulus frame 0."""

    samples: np.ndarray
    rate_hz: int
    period_frames: int
    xruns: int


@contextlib.contextmanager
def jack_server(
    folder: Path, *, period_frames: int = 128, rate_hz: int = 48_000
) -> Iterator[JackServer]:
    """Start a private jackd; nothing of it is left in shared memory afterwards."""
    with contextlib.ExitStack() as stack:
        for attempt in range(SETUP_ATTEMPTS):
            try:
                yield_to = stack.enter_context(_jackd(folder, period_frames, rate_hz))
                break
            except SetUpFailed:
                if attempt == SETUP_ATTEMPTS - 1:
                    raise
        yield yield_to


@contextlib.contextmanager
def _jackd(folder: Path, period_frames: int, rate_hz: int) -> Iterator[JackServer]:
    name = f"cb{uuid.uuid4().hex[:10]}"
    env = {
        **os.environ,
        "HOME": str(folder),
        "XDG_RUNTIME_DIR": str(folder),
        "JACK_NO_AUDIO_RESERVATION": "1",
        "JACK_NO_START_SERVER": "1",
        "JACK_DEFAULT_SERVER": name,
    }
    log = folder / f"{name}.log"
    # No realtime priority and no memory lock: neither is there in a container. Few ports: each
    # costs shared memory, of which containers often have 64 MB only.
    # Synchronous (-S): the server waits for late clients, so a loaded machine makes the graph
    # slower than real time, not wrong.
    command = ["jackd", "-S", "-r", "-m", "-p", "64", "-n", name, "-d", "dummy"]
    command += ["-r", str(rate_hz), "-p", str(period_frames), "-C", "2", "-P", "2"]
    segments: set[Path] = set()
    try:
        with process(command, env=env, log=log) as server:
            wait_until(lambda: _quiet(["jack_lsp", "-s", name], env), server, log)
            segments = _mapped_segments(server.pid)
            yield JackServer(name, rate_hz, period_frames, folder, env)
    finally:
        # One that ended by itself leaves nothing; a wedged one had to be killed.
        for path in {*segments, *_named_remains(name)}:
            path.unlink(missing_ok=True)


def _named_remains(name: str) -> list[Path]:
    return [p for p in SHM.iterdir() if re.search(rf"_{re.escape(name)}_", p.name)]


def _mapped_segments(pid: int) -> set[Path]:
    """The numbered shared-memory files of one server; their names do not say whose they are."""
    maps = Path(f"/proc/{pid}/maps").read_text()
    return {Path(p) for p in re.findall(r"/dev/shm/jack-\d+-\d+", maps)}


@contextlib.contextmanager
def jack_delay(
    server: JackServer, frames: float, *, name: str = "", gain: float = 1.0, noise: float = 0.0
) -> Iterator[JackDelay]:
    """Start a delay client (``gain`` < 0 inverts, ``noise`` is RMS) and wait until it runs."""
    name = name or f"delay{uuid.uuid4().hex[:6]}"
    command = [sys.executable, str(JACK_CLIENTS), "--server", server.name, "--name", name]
    command += ["delay", "--frames", repr(frames), "--gain", repr(gain), "--noise", repr(noise)]
    log = server.folder / f"{name}.log"
    with process(command, env=server.env, log=log, stdout_pipe=True) as child:
        assert child.stdout is not None
        assert child.stdin is not None
        if child.stdout.readline().strip() != "ready":
            raise SetUpFailed(f"{name}: {log.read_text(errors='replace')[-500:]}")
        yield JackDelay(name, frames, child)
        # It leaves the graph in order: a client that just dies can wedge the server.
        child.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(5.0)


def jack_record(
    server: JackServer, stimulus: np.ndarray, loops: Sequence[JackDelay]
) -> JackCapture:
    """Play ``stimulus`` (frames,) into every loop while recording them, in a fresh client."""
    name = f"rec{uuid.uuid4().hex[:8]}"
    source, target = server.folder / f"{name}-in.npy", server.folder / f"{name}-out.npy"
    np.save(source, stimulus)
    command = [*PRIORITY, sys.executable, str(JACK_CLIENTS)]
    command += ["--server", server.name, "--name", name]
    command += ["record", "--stimulus", str(source), "--out", str(target)]
    for loop in loops:
        command += ["--loop", loop.name]
    done = subprocess.run(
        command, env=server.env, capture_output=True, text=True, timeout=90, check=False
    )
    if done.returncode != 0:
        raise SetUpFailed(f"{name}: {done.stderr[-500:]}")
    facts = json.loads(done.stdout.splitlines()[-1])
    samples = np.load(target)
    source.unlink()
    target.unlink()
    return JackCapture(samples, facts["rate_hz"], facts["period"], facts["xruns"])


def jack_iodelay(server: JackServer, loop: JackDelay, *, readings: int = 6) -> list[float]:
    """Round trips in frames that ``jack_iodelay`` prints for the same loop; doubtful ones left out.

    It prints ``  4928.000 frames    102.667 ms total roundtrip latency`` about twice a second,
    with ``??`` when unsure and ``Inv`` when inverted. The first lines come while its filters
    settle, so two are dropped.
    """
    log = server.folder / "iodelay.log"
    command = ["stdbuf", "-oL", "jack_iodelay"]
    with process(command, env=server.env, log=log) as child:
        env = server.env
        wait_until(
            lambda: _quiet(
                ["jack_connect", "-s", server.name, "jack_delay:out", f"{loop.name}:in"], env
            ),
            child,
            log,
        )
        wait_until(
            lambda: _quiet(
                ["jack_connect", "-s", server.name, f"{loop.name}:out", "jack_delay:in"], env
            ),
            child,
            log,
        )

        def values() -> list[float]:
            lines = [s for s in log.read_text(errors="replace").splitlines() if "total" in s]
            return [float(s.split()[0]) for s in lines if "??" not in s][2:]

        wait_until(lambda: len(values()) >= readings, child, log)
        return values()[:readings]


# --- PulseAudio ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PulseServer:
    """A private PulseAudio whose default sink is a null sink, its monitor the default source."""

    folder: Path
    process: subprocess.Popen[str] = field(repr=False)
    env: dict[str, str] = field(repr=False)
    """Environment in which ALSA's default device (and so PortAudio) is this server."""

    def pactl(self, *words: str) -> str:
        """Run pactl; returns what it printed."""
        done = subprocess.run(
            ["pactl", *words], env=self.env, capture_output=True, text=True, timeout=10, check=True
        )
        return done.stdout


@contextlib.contextmanager
def pulse_server(folder: Path) -> Iterator[PulseServer]:
    """Start a private PulseAudio with one null sink."""
    with contextlib.ExitStack() as stack:
        for attempt in range(SETUP_ATTEMPTS):
            try:
                server = stack.enter_context(_pulseaudio(folder / f"pulse{attempt}"))
                break
            except SetUpFailed:
                if attempt == SETUP_ATTEMPTS - 1:
                    raise
        yield server


@contextlib.contextmanager
def _pulseaudio(folder: Path) -> Iterator[PulseServer]:
    runtime = folder / "pulse"
    runtime.mkdir(parents=True)
    folder.chmod(0o700)
    socket = runtime / "native"
    if len(str(socket)) > 100:  # the limit of a unix socket's path is 107
        raise SetUpFailed(f"{socket}: path too long for a socket")
    (folder / ".asoundrc").write_text("pcm.!default {type pulse}\nctl.!default {type pulse}\n")
    env = {
        **{k: v for k, v in os.environ.items() if not k.startswith(("PULSE_", "DBUS_"))},
        "HOME": str(folder),
        "XDG_RUNTIME_DIR": str(folder),
        "XDG_CONFIG_HOME": str(folder / "config"),
        "PULSE_RUNTIME_PATH": str(runtime),
        "PULSE_SERVER": f"unix:{socket}",
        # Larger buffers in the server: with its usual ones a busy machine tears most streams.
        # PortAudio knows nothing of them, so what it reports is too small by as much.
        "PULSE_LATENCY_MSEC": "200",
    }
    command = ["pulseaudio", "-n", "--daemonize=no", "--exit-idle-time=-1", "--disallow-exit=yes"]
    command += ["--realtime=no", "--high-priority=no", "--use-pid-file=no"]
    null_sink = "module-null-sink sink_name=loop rate=48000 format=float32le channels=2"
    door = f"module-native-protocol-unix socket={socket} auth-anonymous=1"
    command += ["-L", null_sink, "-L", door]
    log = folder / "server.log"
    with process(command, env=env, log=log) as child:
        wait_until(lambda: _quiet(["pactl", "info"], env), child, log)
        server = PulseServer(folder, child, env)
        server.pactl("set-default-sink", "loop")
        server.pactl("set-default-source", "loop.monitor")
        yield server
    assert not socket.exists(), "PulseAudio left its socket behind"
