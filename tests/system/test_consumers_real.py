"""Every exported format in the program it is for: a good file is accepted, and a file that is
broken is not. A check that cannot fail proves nothing."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from consumer_exports import edit, phones, replace, write

from profiler.consumers import CONSUMERS
from profiler.consumers.process import run
from profiler.model import ConsumerCheck

LINPHONE = (
    pytest.mark.needs_apt("linphone-cli", "linphone-daemon"),
    pytest.mark.needs_apt("libmediastreamer12", "lib:mediastreamer"),
    pytest.mark.needs_apt("gcc", "gcc"),
)
BARESIP = (pytest.mark.needs_apt("baresip-core", "baresip"),)
MARKS = {"linphone": LINPHONE, "baresip": BARESIP}
LOADED = (
    "profile", "webrtc", "signal", "linphone", "baresip", "pjsua2", "livekit", "firebase",
    "openai_realtime", "csv", "parquet",
)  # fmt: skip
"""Formats that a program of this machine loads."""
Breaker = Callable[[Path], None]


def marked(name: str, *values: Any, id: str = "") -> Any:
    return pytest.param(name, *values, marks=MARKS.get(name, ()), id=id or name)


@pytest.fixture(scope="session")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("export"))


@pytest.fixture
def export(good: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(good, tmp_path / "export"))


@pytest.mark.parametrize("name", [marked(name) for name in LOADED])
def test_a_good_export_is_accepted(good: Path, name: str) -> None:
    checks = CONSUMERS[name](good)
    assert checks
    for check in checks:
        assert (check.target, check.status) == (name, "accepted"), check.text
        assert check.checked >= 10, check
        assert check.consumer


@pytest.mark.parametrize("name", ["android", "apple", "agora"])
def test_what_runs_on_phones_only_is_said_to(good: Path, name: str) -> None:
    (check,) = CONSUMERS[name](good)
    assert (check.status, check.checked) == ("no_consumer", 0)


@pytest.mark.skipif(importlib.util.find_spec("pipecat") is None, reason="pip install pipecat-ai")
def test_pipecat_takes_the_parameters_where_it_is_installed(export: Path) -> None:
    (check,) = CONSUMERS["pipecat"](export)
    assert check.status == "accepted", check.text
    replace(export, "pipecat/*.json", '"stop_secs": 0.2', '"stop_secs": "never"')
    assert CONSUMERS["pipecat"](export)[0].status == "rejected"


def in_profiles(name: str, change: Callable[[dict[str, Any]], None]) -> Breaker:
    def breaks(folder: Path) -> None:
        def each(data: Any) -> None:
            for profile in data["profiles"].values():
                change(profile)

        edit(folder, name, each)

    return breaks


def text_in(pattern: str, old: str, new: str) -> Breaker:
    return lambda folder: replace(folder, pattern, old, new)


def everywhere(old: tuple[str, str], new: tuple[str, str]) -> Breaker:
    """Wrong in the index and in the files alike: only the program itself can tell."""

    def breaks(folder: Path) -> None:
        replace(folder, "*/index.json", old[0], new[0])
        replace(folder, "*/*/config-*", old[1], new[1])

    return breaks


def linphone_word(folder: Path) -> None:
    replace(folder, "linphone/index.json", '"audio_jitt_comp": 40', '"audio_jitt_comp": "soon"')
    replace(folder, "linphone/*.linphonerc", "audio_jitt_comp=40", "audio_jitt_comp=soon")
    replace(folder, "linphone/*.xml", ">40</entry>", ">soon</entry>")


def twice(folder: Path) -> None:
    """A second row of the same phone: Linphone's own lookup finds one of the two."""

    def add(data: Any) -> None:
        data["rows"] += [{**row, "delay_ms": row["delay_ms"] + 1} for row in data["rows"]]

    edit(folder, "linphone/devices.json", add)


def longer_than_a_buffer(folder: Path) -> None:
    """libwebrtc takes the number, but its buffer of 200 packets cannot hold so much."""

    def change(data: Any) -> None:
        for row in data["models"]:
            row["receiver"]["jitterBufferTarget"] = 4_000

    edit(folder, "webrtc/sessions.json", change)


def other_packets(folder: Path) -> None:
    """A packet time that RFC 7587 allows and libwebrtc does not make, in settings and SDP alike."""
    replace(folder, "manifest.json", '"opus_frame_ms": 20', '"opus_frame_ms": 3')
    replace(folder, "webrtc/*", ";ptime=20", ";ptime=3")
    replace(folder, "webrtc/*", '"ptime": 20', '"ptime": 3')


BROKEN: list[tuple[str, str, Breaker, str]] = [
    ("profile", "a value out of range", lambda f: edit(f, "profile/profiles.json", lambda d: d[
        "profiles"][0]["settings"]["opus_complexity"].update(value=11)), "11"),
    ("profile", "a value that is another model's", lambda f: edit(f, "profile/profiles.json",
        lambda d: d["profiles"][0]["settings"]["opus_complexity"].update(value=9)), "complexity"),
    ("profile", "a schema that allows all", lambda f: edit(f, "profile/profile-1.schema.json",
        lambda _: {}), "published"),
    ("webrtc", "an fmtp out of range", text_in("webrtc/*", "maxaveragebitrate=16000",
        "maxaveragebitrate=600000"), "600000"),
    ("webrtc", "an fmtp that is no parameter", text_in("webrtc/*", "cbr=0", "cbt=0"), "cbt=0"),
    ("webrtc", "a line break in the fmtp", text_in("webrtc/*", "cbr=0", "cbr=0\\r\\na=x"), "a=x"),
    ("webrtc", "more delay than the buffer holds", longer_than_a_buffer, "aims at"),
    ("webrtc", "packets of two lengths", text_in("webrtc/*", '"ptime": 20', '"ptime": 40'),
        "ptime of the SDP"),
    ("webrtc", "a packet time that it does not make", other_packets, "exported 3"),
    ("signal", "a rule less", lambda f: edit(f, "signal/audio_device_config.json",
        lambda d: d[1:]), "exported"),
    ("signal", "a wildcard that catches all", lambda f: edit(f, "signal/audio_device_config.json",
        lambda d: [*d, {"settings": {"inVoiceComm": False}}]), "inVoiceComm is False"),
    ("signal", "a wildcard that catches strangers", lambda f: edit(f,
        "signal/audio_device_config.json", lambda d: [*d, {"target": {"include": ["chirp*"]},
        "settings": {"oboe": True}}]), "nobody measured"),
    ("signal", "a wrong type", lambda f: edit(f, "signal/audio_device_config.json",
        lambda d: [*d, {"final": "yes"}]), "no boolean"),
    ("linphone", "rows that are there twice", twice, "delay_ms"),
    ("linphone", "a C file of other values", text_in("linphone/devices.c", ", 240, ", ", 241, "),
        "241"),
    ("linphone", "a C file that does not compile", text_in("linphone/devices.c",
        "\tsize_t i;\n", ""), "compiler"),
    ("linphone", "a word that is no number to it", linphone_word, "jitter-buffer"),
    ("linphone", "a key less", text_in("linphone/*.linphonerc", "upload_ptime=20\n", ""), "keys"),
    ("linphone", "provisioning of another schema", text_in("linphone/*.xml", "lpconfig.xsd",
        "other.xsd"), "lpconfig"),
    ("baresip", "a key less", text_in("baresip/*/config-1", "opus_complexity", "# "), "complexity"),
    ("baresip", "a word that is no number to it", everywhere(
        ('"ausrc_srate": 48000', "ausrc_srate              48000"),
        ('"ausrc_srate": "high"', "ausrc_srate              high")), "ausrc_srate"),
    ("baresip", "a range with one end", everywhere(
        ('"jitter_buffer_delay": "2-15"', "jitter_buffer_delay      2-15"),
        ('"jitter_buffer_delay": "2"', "jitter_buffer_delay      2")), "2-2"),
    ("baresip", "a switch of another word", everywhere(
        ('"opus_inbandfec": true', "opus_inbandfec           yes"),
        ('"opus_inbandfec": 1', "opus_inbandfec           nope")), "nope"),
    ("pjsua2", "a negative rate", in_profiles("pjsua2/media.json",
        lambda p: p["MediaConfig"].update(clockRate=-1)), "clockRate"),
    ("pjsua2", "a member it does not have", in_profiles("pjsua2/media.json",
        lambda p: p["MediaConfig"].update(ecTail=3)), "no such member"),
    ("pjsua2", "an Opus value out of range", in_profiles("pjsua2/media.json",
        lambda p: p["CodecOpusConfig"].update(complexity=11)), "complexity"),
    ("livekit", "a negative bit rate", text_in("livekit/options.json", 'Bitrate": 24000',
        'Bitrate": -1'), "max_bitrate"),
    ("livekit", "a switch that is a word", text_in("livekit/options.json", '"dtx": false',
        '"dtx": "no"'), "dtx"),
    ("livekit", "a script of other values", text_in("livekit/*.mjs", "24000", "25000"), "the data"),
    ("firebase", "an expression that does not parse", text_in("firebase/*", ".exactlyMatches([",
        ".exactly(["), "condition"),
    ("firebase", "a value that is another model's", text_in("firebase/*",
        'opus_bitrate_bps\\":16000', 'opus_bitrate_bps\\":17000'), "no model's"),
    ("firebase", "a type that it does not have", text_in("firebase/*", '"JSON"', '"YAML"'),
        "valueType"),
    ("firebase", "a condition less", lambda f: edit(f, "firebase/template.json",
        lambda d: d["conditions"].pop()), "conditions"),
    ("openai_realtime", "a word it does not know", text_in("openai_realtime/*", "far_field",
        "mid_field"), "near_field"),
    ("openai_realtime", "a field it does not have", text_in("openai_realtime/*", '"threshold"',
        '"treshold"'), "treshold"),
    ("openai_realtime", "a threshold out of range", text_in("openai_realtime/*",
        '"threshold": 0.6', '"threshold": 6.0'), "6.0"),
    ("openai_realtime", "a number that is a word", text_in("openai_realtime/*",
        '"silence_duration_ms": 200', '"silence_duration_ms": "200"'), "silence"),
    ("csv", "another value", text_in("csv/*", '"opus_bitrate_bps","","16000"',
        '"opus_bitrate_bps","","17000"'), "17000"),
    ("csv", "a quote that never closes", lambda f: (f / "csv/settings.csv").write_bytes(
        (f / "csv/settings.csv").read_bytes()[:-3]), "end of data"),
    ("csv", "a column less", text_in("csv/*", '"setting"', '"thing"'), "column setting"),
    ("parquet", "a file cut short", lambda f: (f / "parquet/settings.parquet").write_bytes(
        (f / "parquet/settings.parquet").read_bytes()[:-50]), "parquet"),
    ("parquet", "settings that changed since", lambda f: edit(f, "manifest.json", lambda d: d[
        "models"][0]["settings"].update(opus_complexity=1)), "opus_complexity"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "breaks", "why"),
    [marked(name, breaks, why, id=f"{name}: {what}") for name, what, breaks, why in BROKEN],
)
def test_a_broken_export_is_rejected(export: Path, name: str, breaks: Breaker, why: str) -> None:
    breaks(export)
    refused = [check for check in CONSUMERS[name](export) if check.status == "rejected"]
    assert refused, "accepted a broken file"
    assert why in " ".join(check.text for check in refused)


def test_every_format_that_is_loaded_is_broken_somewhere() -> None:
    assert {name for name, *_ in BROKEN} == set(LOADED)
    assert len(LOADED) >= 8


@pytest.mark.needs_apt("nodejs", "node")
def test_the_javascript_gives_each_model_its_options(good: Path) -> None:
    wanted = [i.advice.facts.key for i in phones()]
    asks = [[key.manufacturer.upper(), key.model, key.os_build] for key in wanted]
    module = str(good / "livekit/chirpbench-livekit.mjs")
    script = (
        'const m = await import(process.argv[1]); let text = "";'
        "for await (const part of process.stdin) text += part;"
        "const out = JSON.parse(text).map((a) => m.roomOptions(m.profileOf(...a)));"
        "console.log(JSON.stringify([...out, m.roomOptions(undefined)]));"
    )
    program = shutil.which("node")
    assert program is not None
    ran = run(
        [program, "--input-type=module", "-e", script, module],
        home=good.parent, timeout_s=60.0, stdin=json.dumps(asks),
    )  # fmt: skip
    assert ran.code == 0, ran.err
    *found, stranger = json.loads(ran.out)
    assert stranger == {}
    for key, options in zip(wanted, found, strict=True):
        rate = 16_000 if key.model == "SM-A125F" else 24_000
        assert options["publishDefaults"]["audioPreset"] == {"maxBitrate": rate}, key.model


def statuses(checks: list[ConsumerCheck]) -> set[str]:
    return {check.status for check in checks}


@pytest.mark.parametrize("name", [marked(name) for name in LOADED])
def test_an_export_of_no_model_is_no_proof(tmp_path: Path, name: str) -> None:
    checks = CONSUMERS[name](write(tmp_path, [], [name]))
    assert statuses(checks) <= {"accepted"}, checks


@pytest.mark.needs_apt("libmediastreamer12", "lib:mediastreamer")
def test_no_copyleft_library_comes_into_this_process(good: Path) -> None:
    for name in ("linphone", "pjsua2"):
        CONSUMERS[name](good)
    assert "pjsua2" not in sys.modules
    loaded = Path("/proc/self/maps").read_text(encoding="utf-8")
    assert [lib for lib in ("pjsua2", "mediastreamer", "linphone") if f"/{lib}" in loaded] == []
    assert "libmediastreamer" not in loaded


def program(folder: Path, name: str, text: str) -> None:
    """A program that stands in for a consumer that is broken."""
    path = folder / name
    path.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
    path.chmod(0o755)


@pytest.mark.needs_apt("libmediastreamer12", "lib:mediastreamer")
@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("sleep 60", "did not end in time"),
        ("yes daemon-linphone", "did not end in time"),
        ("exit 7", "exit code 7"),
        ("kill -9 $$", "signal 9"),
        ("exit 0", "is None"),
    ],
)
def test_a_linphone_that_hangs_floods_or_crashes_is_a_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, why: str
) -> None:
    folder = write(tmp_path, phones()[:1], ["linphone"])
    program(tmp_path, "linphone-daemon", text)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr("profiler.consumers.linphone.TIMEOUT_S", 1.0)
    monkeypatch.setattr("profiler.consumers.checks.MAX_SHOWN", 99)
    found = [c for c in CONSUMERS["linphone"](folder) if "linphone-daemon" in c.consumer]
    assert statuses(found) == {"rejected"}
    assert all(why in c.text for c in found)


@BARESIP[0]
def test_a_baresip_that_says_nothing_is_a_line(
    good: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(tmp_path, "baresip", 'echo "baresip v1.0.0 Copyright"')
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    (check,) = CONSUMERS["baresip"](good)
    assert check.status == "rejected"
