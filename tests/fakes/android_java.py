"""The probe app's own Java code in a JVM: compiled once, tested with JUnit, served over TCP.

Robolectric gives the code Android's real framework classes (API 34); only what lies below them is
replaced. The jars are those of ``.toolchain``, which ``python tools/apk/fetch.py`` fills.
"""

from __future__ import annotations

import hashlib
import os
import queue
import re
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
APP = ROOT / "device_probes" / "android" / "app"
MAIN, TESTS = APP / "src" / "main" / "java", APP / "src" / "test" / "java"
TOOLCHAIN = ROOT / ".toolchain"
FRAMEWORK, ROBOLECTRIC, INSTRUMENTED = (
    TOOLCHAIN / name for name in ("build", "robolectric", "android-all")
)
JDK = ("openjdk-17-jdk-headless", "javac")
PACKAGE = "org.chirpbench.probe"
SOCKET, TOKEN = "chirpbench_0123456789abcdef", "00112233445566778899aabbccddeeff"
_COMPILE_S, _TESTS_S, _START_S, _ANSWER_S, _END_S = 200.0, 300.0, 60.0, 30.0, 10.0
_STALE_S = 3600.0
_FLAGS = ("-Xmx1g", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xshare:auto")
_OFFLINE = {
    "robolectric.offline": "true",
    "robolectric.dependency.dir": str(INSTRUMENTED),
    "robolectric.graphicsMode": "LEGACY",  # the native one unpacks 150 MB first
    "robolectric.sqliteMode": "LEGACY",
    "robolectric.logging": "stderr",
    "java.awt.headless": "true",
}
_RESULT = re.compile(r"RESULT (ok|failed) (\w+\.\w+)")
_TEST_METHOD = re.compile(r"@Test\b[^{;]*?public void (\w+)\(")


def require_jars() -> None:
    """Skip a test when the jars are absent, or fail it when nothing may be skipped."""
    wanted = {FRAMEWORK: "android-all-*.jar", ROBOLECTRIC: "robolectric-*.jar"}
    wanted[INSTRUMENTED] = "android-all-instrumented-*.jar"
    missing = [str(at.relative_to(ROOT)) for at, name in wanted.items() if not any(at.glob(name))]
    if not missing:
        return
    message = f"needs the jars of {', '.join(missing)} (run: python tools/apk/fetch.py)"
    if os.environ.get("CHIRPBENCH_NO_SKIP") == "1":
        pytest.fail(f"{message}, and CHIRPBENCH_NO_SKIP=1 forbids skipping", pytrace=False)
    pytest.skip(message)


def _libraries() -> str:
    jars = [*sorted(ROBOLECTRIC.glob("*.jar")), *sorted(FRAMEWORK.glob("android-all-*.jar"))]
    return os.pathsep.join(str(jar) for jar in jars)


def classes() -> Path:
    """Class files of the app and of its tests, compiled anew only when a source has changed."""
    files = sorted([*MAIN.rglob("*.java"), *TESTS.rglob("*.java")])
    digest = hashlib.sha256()
    for file in files:
        digest.update(f"{file.relative_to(APP)}\0".encode() + file.read_bytes() + b"\0")
    target = TOOLCHAIN / "java-classes" / digest.hexdigest()[:16]
    if target.is_dir():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    for old in target.parent.iterdir():  # another test process may still run from a young one
        if time.time() - old.stat().st_mtime > _STALE_S:
            shutil.rmtree(old, ignore_errors=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix="new-") as folder:
        flags = ["--release", "8", "-encoding", "UTF-8", "-proc:none", "-nowarn", "-Xlint:none"]
        into = Path(folder) / "classes"
        done = subprocess.run(
            ["javac", *flags, "-cp", _libraries(), "-d", into, *files],
            capture_output=True,
            text=True,
            timeout=_COMPILE_S,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        try:
            into.rename(target)
        except OSError:
            if not target.is_dir():  # another test process was faster
                raise
    return target


def _command(
    main: str, properties: Mapping[str, str], jvm: Sequence[str], arguments: Sequence[str]
) -> list[str]:
    defined = [f"-D{key}={value}" for key, value in {**_OFFLINE, **properties}.items()]
    path = f"{classes()}{os.pathsep}{_libraries()}"
    return ["java", *_FLAGS, *jvm, *defined, "-cp", path, f"{PACKAGE}.{main}", *arguments]


def junit_tests() -> dict[str, list[str]]:
    """Class -> its test methods, as the sources have them."""
    found = {}
    for file in sorted(TESTS.rglob("*Test.java")):
        if names := _TEST_METHOD.findall(file.read_text("utf-8")):
            found[file.stem] = names
    return found


@dataclass(slots=True)
class JUnitRun:
    """``Class.method`` -> passed; everything the JVM printed."""

    passed: dict[str, bool] = field(default_factory=dict)
    output: str = ""


def run_junit(*names: str) -> JUnitRun:
    """Run JUnit classes in one JVM; a test that did not even begin is not in the result."""
    done = subprocess.run(
        _command("TestMain", {}, (), names),
        capture_output=True,
        text=True,
        timeout=_TESTS_S,
        check=False,
        cwd=ROOT,
    )
    run = JUnitRun(output=f"{done.stdout}\n{done.stderr}")
    run.passed = {name: word == "ok" for word, name in _RESULT.findall(done.stdout)}
    return run


def run_main(main: str, given: str) -> str:
    """Standard output of a main class of the tests that reads ``given``."""
    done = subprocess.run(
        _command(main, {}, (), ()),
        input=given,
        capture_output=True,
        text=True,
        timeout=_TESTS_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


class JavaProbe:
    """The app running in a JVM, as ``am start`` starts it; a context manager."""

    def __init__(
        self,
        *,
        socket_name: str = SOCKET,
        token: str = TOKEN,
        delay_frames: int = 0,
        gain: float = 0.5,
        realtime: bool = False,
        microphone: bool = True,
        build: Mapping[str, str] | None = None,
        jvm: Sequence[str] = (),
        env: Mapping[str, str] | None = None,
    ) -> None:
        """``build``: fields of ``android.os.Build``, e.g. ``MODEL``."""
        own = {
            "socket": socket_name,
            "token": token,
            "delay": str(delay_frames),
            "gain": str(gain),
            "realtime": str(realtime).lower(),
            "microphone": "allowed" if microphone else "denied",
            **{f"build.{name}": value for name, value in (build or {}).items()},
        }
        properties = {f"chirpbench.{key}": value for key, value in own.items()}
        self._lines: queue.Queue[str | None] = queue.Queue()
        self._said: list[str] = []
        self._process = subprocess.Popen(
            _command("VirtualPhone", properties, jvm, ()),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=ROOT,
            env={**os.environ, **(env or {})},
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self.port = 0
        try:
            self.port = int(self._wait("PORT ", _START_S).removeprefix("PORT "))
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> JavaProbe:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def pid(self) -> int:
        """Of the JVM."""
        return self._process.pid

    def connect(self) -> socket.socket:
        """A stream to the probe, for a ``ProbeClient``."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=_ANSWER_S)

    def tell(self, word: str) -> None:
        """``background``, ``foreground``, ``freeze`` (the microphone) or ``thaw``; waits for it."""
        assert self._process.stdin
        self._process.stdin.write(f"{word}\n")
        self._process.stdin.flush()
        self._wait(f"DONE {word}", _ANSWER_S)

    def close(self) -> None:
        """End the JVM; what it said is in the error when it does not end by itself."""
        if self._process.stdin:
            self._process.stdin.close()
        try:
            self._process.wait(_END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(_END_S)
        self._reader.join(_END_S)
        if self._process.stdout:
            self._process.stdout.close()

    def _read(self) -> None:
        assert self._process.stdout
        for line in self._process.stdout:
            self._said.append(line)
            self._lines.put(line.rstrip("\n"))
        self._lines.put(None)

    def _wait(self, beginning: str, seconds: float) -> str:
        for line in self._until(seconds):
            # The JUnit runner prints dots without an end of line before it.
            if beginning in line:
                return line[line.index(beginning) :]
        raise AssertionError(f"no {beginning!r} came:\n{''.join(self._said)}")

    def _until(self, seconds: float) -> Iterator[str]:
        while True:
            try:
                line = self._lines.get(timeout=seconds)
            except queue.Empty:
                return
            if line is None:
                return
            yield line
