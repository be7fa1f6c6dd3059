"""The app's AAudio path whole: ProbeClient, Java, JNI, the C library, and a fake libaaudio below.

Android's framework is Robolectric's. The fake gives back what was played after ``delay + burst``
frames; what it grants and how it fails is written into its configuration before each trial.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import android_java
import numpy as np
import pytest
from android_native import native_rig as rig

from device_probes.client import ProbeClient
from device_probes.driver import Play
from profiler.analysis import analyze
from profiler.errors import ProbeRefused
from profiler.model import EffectState, ProbeReport, TrialRequest, Verdict
from profiler.stimulus import make_train, render
from profiler.wav import Audio
from tools.apk import layout, native

pytestmark = [*rig.apt(*rig.GCC, *rig.JDK), pytest.mark.timeout(180)]

SPEC = make_train(11, chirps=4)
SECONDS = 4.5
BURST, DELAY = 192, 480
LAG_FRAMES = DELAY + BURST
UNIT = 1 / 32768
"""The fake adds one unit of int16, of either sign, to what comes back."""


@dataclass(frozen=True)
class Rig:
    """The app with the library in it, and where the fake reads what it shall do."""

    probe: android_java.JavaProbe
    config: Path

    def fake(self, words: str = "") -> None:
        self.config.write_text(f"name=app delay={DELAY} burst={BURST} {words}")


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """One JVM for all."""
    android_java.require_jars()
    folder = tmp_path_factory.mktemp("aaudio")
    libraries = folder / "libraries"
    rig.make_fake(["gcc"], libraries)
    command = ["gcc", *rig.WARNINGS, "-fvisibility=hidden", "-shared", "-fPIC", *rig.jni_flags()]
    files = [*sorted(native.SOURCES.glob("*.c")), *rig.sources("shim_log.c")]
    rig.run([*command, *files, "-o", libraries / layout.LIBRARY])
    config = folder / "config"
    env = {"FAKE_AAUDIO_CONFIG": str(config), "LD_LIBRARY_PATH": str(libraries)}
    flags = (f"-Djava.library.path={libraries}",)
    with android_java.JavaProbe(jvm=flags, env=env) as probe:
        yield Rig(probe, config)


@pytest.fixture
def run(app: Rig) -> Iterator[Callable[..., tuple[ProbeReport, Audio]]]:
    """``run(fake's words, **request)`` in a session of its own."""
    client = ProbeClient(app.probe.connect(), "java", token=android_java.TOKEN)
    client.handshake()

    def one(words: str = "", **changes: object) -> tuple[ProbeReport, Audio]:
        app.fake(words)
        wanted = {"api": "aaudio", "warmup_s": 0.2, "duration_s": SECONDS, **changes}
        capture = client.run(TrialRequest(**wanted), (Play(SPEC),), lambda _: None)  # type: ignore[arg-type]
        return capture.report, capture.audio

    yield one
    client.close()


def expected(rate_hz: int) -> np.ndarray:
    """float32 of shape (frames, 1): the stimulus, LAG_FRAMES late and half as loud."""
    out = np.zeros((round(SECONDS * rate_hz), 1), np.float32)
    wave = 0.5 * render(SPEC, rate_hz)
    end = min(LAG_FRAMES + wave.size, len(out))
    out[LAG_FRAMES:end] = wave[: end - LAG_FRAMES, None]
    return out


PIECES = ("in_burst=960", {"performance_mode": "low_latency", "sharing": "exclusive"}, 0.2)
"""The input comes in pieces: a cold start with it has no lag that is known beforehand."""


@pytest.mark.parametrize(
    ("words", "changes", "warmup_s"),
    [
        ("", {}, 0.0),
        ("", {}, 0.2),
        ("", {"input_channels": 2, "output_channels": 2}, 0.0),
        ("", {"input_channels": 2, "output_channels": 2}, 0.2),
        ("formats=1", {}, 0.0),
        ("formats=1", {}, 0.2),
        PIECES,
    ],
)
def test_the_lag_is_exact(run, words: str, changes: dict[str, object], warmup_s: float) -> None:
    report, audio = run(words, warmup_s=warmup_s, **changes)
    assert audio.samples.shape == (round(SECONDS * 48_000), report.input.channels)
    estimate = analyze(audio, SPEC)
    assert estimate.verdict is Verdict.PASS, estimate.reasons
    assert estimate.round_trip_latency_ms is not None
    found = estimate.round_trip_latency_ms * 48
    if "in_burst" in words:
        assert found == pytest.approx(round(found), abs=0.01)
        assert LAG_FRAMES <= round(found) <= LAG_FRAMES + 960
        return
    assert found == pytest.approx(LAG_FRAMES, abs=0.01)
    # The fake turns every other channel upside down. Rounding is on the way in int16.
    difference = audio.samples[:, 0] - expected(48_000)[:, 0]
    assert np.max(np.abs(difference)) <= (2.01 if "formats" in words else 1.01) * UNIT


def test_what_aaudio_grants_is_reported(run) -> None:
    report, _ = run("mmap=1", sharing="exclusive", performance_mode="low_latency", buffer_bursts=3)
    assert report.output.sharing == "exclusive"
    assert report.output.performance_mode == "low_latency"
    assert report.output.mmap is True
    assert report.output.frames_per_burst == BURST
    assert report.output.buffer_frames == 3 * BURST
    assert report.observed["api"] == "aaudio"
    assert report.observed["short_reads"] == "0"
    assert report.xruns_output == 0
    assert report.longest_zero_run_frames == 0
    assert report.timestamps_output
    assert report.timestamps_input
    assert {"open", "start", "first_output", "first_input", "first_nonzero"} == set(
        report.startup_ms
    )
    assert report.effects["aec"].state is EffectState.UNKNOWN  # no session to ask


def test_granted_is_not_requested(run) -> None:
    report, _ = run("exclusive=0 mmap=0", sharing="exclusive", input_preset="unprocessed")
    assert report.output.sharing == "shared"
    assert report.output.mmap is False
    assert report.observed["input_preset"] == "unprocessed"


def test_the_client_follows_another_rate(run) -> None:
    report, audio = run("rate=44100 in_rate=44100")
    assert (report.output.rate_hz, audio.rate_hz) == (44_100, 44_100)
    assert np.max(np.abs(audio.samples - expected(44_100))) <= 1.01 * UNIT


def test_default_is_aaudio_where_it_is(run) -> None:
    report, _ = run(api="default")
    assert report.observed["api"] == "aaudio"


def test_silence_is_counted(run) -> None:
    report, audio = run("zero_from=0 zero=99999999")
    assert report.longest_zero_run_frames == len(audio.samples)
    assert not audio.samples.any()
    assert "first_nonzero" not in report.startup_ms


def test_xruns_of_the_warm_up_are_told_apart(run) -> None:
    report, _ = run("xrun_every=10")
    assert report.xruns_output is not None
    assert report.xruns_output > 0
    assert int(report.observed["warmup_xruns"]) >= 0


@pytest.mark.parametrize(
    ("words", "changes", "code"),
    [
        ("disconnect_at=50", {}, "stream_lost"),
        ("in_disconnect_at=50", {}, "stream_lost"),
        ("open_error=-889", {}, "open_failed"),
        ("in_open_error=-889", {}, "open_failed"),
        ("open_error=-880", {}, "unsupported"),
        ("start_error=-895", {}, "open_failed"),
        ("", {"aec": EffectState.ON}, "unsupported"),
        ("", {"route": "wired"}, "unsupported"),
    ],
)
def test_failures_are_refusals(run, words: str, changes: dict[str, object], code: str) -> None:
    with pytest.raises(ProbeRefused) as caught:
        run(words, **changes)
    assert caught.value.code == code, caught.value
    report, _ = run()  # nothing is left open: the next trial runs
    assert report.observed["api"] == "aaudio"
