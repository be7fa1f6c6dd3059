"""Whatever a hostile phone prints, its readers answer, in time linear in the text."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device_probes.android import dumps, parsers

_READERS: tuple[Callable[[str], object], ...] = (
    parsers.properties, parsers.boot_id, parsers.serial_number, parsers.apk_path, parsers.package,
    parsers.features, parsers.setting, parsers.free_kib, parsers.install_result,
    parsers.start_failure, parsers.crash_line, parsers.pid, dumps.battery, dumps.thermal_status,
    dumps.device_locked, dumps.screen, dumps.microphone_off, dumps.recorders, dumps.foreground,
    dumps.native_stream, dumps.coders, dumps.effects, dumps.volumes,
    lambda text: parsers.digest(text, 64),
    lambda text: parsers.sections(text, ("a", "b")),
)  # fmt: skip
_SEEDS = (
    "[ro.product.model]: [Pixel 7]\n", "[ro.many]: [first\nsecond\n]\n",
    "Package [org.chirpbench.probe] (1):\n  versionCode=7 minSdk=26\n  versionName=0.3\n",
    "    User 0: x\n android.permission.RECORD_AUDIO: granted=true, flags=[]\n",
    "E/AndroidRuntime( 42): FATAL EXCEPTION: main\nE/AndroidRuntime( 42): org.chirpbench.probe\n",
    "users=[\n {\n user_id=0\n sensors={\n sensor=1\n toggles={\n state_type=1\n",
    "RecordActivityMonitor dump time: 1\nriid 3; active? true\n -- source client=MIC -- pack:a.b\n",
    "Output thread 0x1, name A:\n  Sample rate: 48000 Hz\n  HAL frame count: 192\n",
    "Media type 'audio/opus':\n  Encoder \"c2.x\" supports\n", "Thermal Status: 3\n",
    "  level: 83\n  scale: 100\n  temperature: 287\n", "(current): deviceLocked=1\n",
    "topResumedActivity=ActivityRecord{1 u0 a.b/.C t1}\n", "showing=true\n",
    "Stream volumes (device: index)\n- STREAM_MUSIC:\n   Max: 15\n   streamVolume:5\n",
    "   Current: 1 (earpiece): 4, 2 (speaker): 3\n   Devices: speaker\n",
    "Filesystem 1K-blocks Used Available Use% Mounted on\n/x 1 2 3 4% /data\n",
    "package:/data/app/x/base.apk\n", "Failure [", "@@a\n", "<effect name=\"aec\" uuid=\"",
    "\x1b]0;title\x07", "'; DROP TABLE devices; --", "<script>alert(1)</script>", "$(reboot)`id`",
)  # fmt: skip


@st.composite
def _hostile(draw: st.DrawFn) -> str:
    parts = draw(st.lists(st.sampled_from(_SEEDS) | st.text(max_size=60), max_size=6))
    text = "".join(parts)
    if text and draw(st.booleans()):
        at = draw(st.integers(0, len(text)))
        text = text[:at] + draw(st.text(max_size=20)) + text[draw(st.integers(at, len(text))) :]
    return text


@given(_hostile())
def test_no_text_breaks_a_reader(text: str) -> None:
    for read in _READERS:
        read(text)


@pytest.mark.parametrize(
    "piece",
    ["\n", " ", "\t\n", "[a]: [", "@@a\n", "<", "<effect ", "<!--", "<library name=\"", "Failure [",
     "Package [org.chirpbench.probe]\n", "User 1:\n", "riid 1; active? true\n", "sensor=1\n",
     "RecordActivityMonitor dump time", "topResumedActivity=ActivityRecord{", "Output thread ",
     "Stream volumes", "- STREAM_MUSIC:\n", "streamVolume:", "(a): 1, ", "Current: ",
     "(current):", "Media type 'a':\n", "E/AndroidRuntime( 1): x\n", "9" * 50, "a" * 50 + ": "],
)  # fmt: skip
def test_a_flood_is_read_in_linear_time(piece: str) -> None:
    """A square in the length would take an hour; the time-out of the test is the check."""
    text = piece * (400_000 // len(piece))
    for read in _READERS:
        read(text)
