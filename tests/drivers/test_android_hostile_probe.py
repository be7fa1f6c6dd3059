"""Probes that break the contract, behind a real adb tunnel and the whole driver."""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import bad_probes
import numpy as np
import pytest
from bad_probes import Script, frame, hello_of, report
from hostile_android import (
    QUICK,
    REQUEST,
    STEADY,
    TEXTS,
    TRAIN,
    Peak,
    cleaned,
    driving,
    elsewhere,
    harmless,
    hostile_phones,
    life,
    not_allowed,
    private_server,
)
from hostile_probes import FACTS, floats, recording, reporting, saying, serving

from device_probes.android import PrivateServer
from device_probes.driver import Play
from profiler.errors import (
    DeviceError,
    DeviceLost,
    DeviceTimeout,
    ProbeError,
    ProbeProtocolError,
    ProbeRefused,
    ProbeVersionMismatch,
)

MAX_GROWTH_MIB = 64.0
"""What probes may cost that announce gigabytes, one after the other."""
MEGABYTE = "A" * 1_000_000


def raw_frame(header: int, payload: int, rest: bytes = b"") -> bytes:
    return b"CHRP" + struct.pack("<II", header, payload) + rest


def facts_frame(text: str) -> bytes:
    """A facts message whose object is ``text``."""
    return frame(b'{"type":"facts","facts":' + text.encode() + b"}")


def with_facts(**changes: object) -> Script:
    return serving(facts={**FACTS, **changes})


NOT_FACTS = json.dumps(FACTS)
QUOTES = b'{"type":"facts","facts":"' + b'\\"' * 32_000
"""Sixteen seconds of one regular expression, before quotes that do not end were read as one."""
HELLO = b'{"type":"hello","protocol":'
CONNECTING: dict[str, tuple[Script, type[DeviceError]]] = {
    "garbage": (bad_probes.garbage, ProbeProtocolError),
    "a web server": (bad_probes.http, ProbeProtocolError),
    "silence": (bad_probes.never_answers, DeviceTimeout),
    "drips": (bad_probes.drips, DeviceTimeout),
    "closes": (bad_probes.closes_at_once, DeviceLost),
    "half a hello": (bad_probes.truncated_hello, DeviceLost),
    "header of 4 GiB": (bad_probes.huge_header, ProbeProtocolError),
    "payload of 4 GiB": (bad_probes.huge_payload, ProbeProtocolError),
    "hello with a payload": (bad_probes.payload_on_hello, ProbeProtocolError),
    "another protocol": (bad_probes.wrong_version, ProbeVersionMismatch),
    "protocol NaN": (hello_of(HELLO + b"NaN}"), ProbeProtocolError),
    "protocol of 9000 digits": (hello_of(HELLO + b"9" * 9000 + b"}"), ProbeProtocolError),
    "deep": (hello_of(b'{"type":' + b"[" * 30_000), ProbeProtocolError),
    "deep objects": (hello_of(b'{"a":' * 10_000), ProbeProtocolError),
    "a key twice": (hello_of(b'{"type":"hello","type":"hello"}'), ProbeProtocolError),
    "no UTF-8": (hello_of(b'{"type":"hello\xff"}'), ProbeProtocolError),
    "quotes without end": (serving(facts=frame(QUOTES)), ProbeProtocolError),
    "facts too long": (serving(facts=raw_frame(1_000_000, 0)), ProbeProtocolError),
    "a million letters": (serving(facts=facts_frame(f'{{"model":"{MEGABYTE}"}}')),
                          ProbeProtocolError),
    "500 letters": (with_facts(model="A" * 500), ProbeProtocolError),
    "a rate of NaN": (serving(facts=facts_frame(NOT_FACTS.replace("48000", "NaN"))),
                      ProbeProtocolError),
    "a rate of 1e999": (serving(facts=facts_frame(NOT_FACTS.replace("48000", "1e999"))),
                        ProbeProtocolError),
    "too many facts": (with_facts(raw={f"k{i}": "v" for i in range(300)}), ProbeProtocolError),
    "facts with a surprise": (with_facts(surprise=1), ProbeProtocolError),
    "facts that are a list": (serving(facts=facts_frame("[]")), ProbeProtocolError),
    "a platform of its own": (with_facts(platform=TEXTS["escapes"]), ProbeProtocolError),
    "a date of its own": (with_facts(collected_at=TEXTS["sql"]), ProbeProtocolError),
    "refuses with text": (serving(facts=frame(
        {"type": "refused", "code": "busy", "text": TEXTS["escapes"]})), ProbeRefused),
    "fails with text": (serving(facts=frame({"type": "error", "text": TEXTS["lines"]})),
                        ProbeError),
}  # fmt: skip
FRAMES = round(REQUEST.duration_s * 8000)
RESULT = {"type": "result", "format": "int16", "frames": FRAMES}
PROGRESS = {"type": "progress", "stage": "playing", "fraction": 0.5}


def result(**more: object) -> bytes:
    return frame({**RESULT, "report": report(**more)})


TRIAL: dict[str, tuple[Script, type[DeviceError]]] = {
    "endless progress": (serving(bad_probes.endless_progress), ProbeProtocolError),
    "slow endless progress": (serving(bad_probes.slow_endless_progress), DeviceTimeout),
    "wrong checksum": (serving(bad_probes.wrong_checksum), ProbeProtocolError),
    "hours of frames": (serving(bad_probes.too_many_frames), ProbeProtocolError),
    "17 frames": (serving(bad_probes.too_few_frames), ProbeProtocolError),
    "more than announced": (serving(bad_probes.more_samples_than_announced), ProbeProtocolError),
    "samples from elsewhere": (serving(bad_probes.samples_from_elsewhere), ProbeProtocolError),
    "empty samples": (serving(bad_probes.empty_samples_for_ever), ProbeProtocolError),
    "goes in the middle": (serving(bad_probes.disconnects_in_samples), DeviceLost),
    "stops in the middle": (serving(bad_probes.stops_in_samples), DeviceTimeout),
    "another rate, always": (serving(bad_probes.always_another_rate), ProbeRefused),
    "never ends": (serving(bad_probes.never_ends), DeviceTimeout),
    "fails with escapes": (serving(bad_probes.fails), ProbeError),
    "samples of 4 GiB": (serving(saying(result(), raw_frame(27, 0xFFFF_FFFF))), ProbeProtocolError),
    "samples in a stranger": (serving(saying(frame(PROGRESS, b"\0" * 64))), ProbeProtocolError),
    "frames of 2^53": (serving(saying(frame({**RESULT, "frames": 2**53, "report": report()}))),
                       ProbeProtocolError),
    "99 channels": (serving(saying(result(input={"rate_hz": 8000, "channels": 99}))),
                    ProbeProtocolError),
    "a fraction of NaN": (serving(saying(frame(json.dumps(
        {**PROGRESS, "fraction": math.nan}).encode()))), ProbeProtocolError),
    "a stage of its own": (serving(saying(frame({**PROGRESS, "stage": TEXTS["escapes"]}))),
                           ProbeProtocolError),
    "a million notes": (serving(saying(result(notes=["n"] * 20_000))), ProbeProtocolError),
    "observes too much": (serving(saying(result(observed={f"k{i}": "v" for i in range(99)}))),
                          ProbeProtocolError),
    "observes markup": (serving(saying(result(observed={TEXTS["html"]: "v"}))),
                        ProbeProtocolError),
    "refuses with markup": (serving(saying(frame(
        {"type": "refused", "code": "open_failed", "text": TEXTS["markup"] + TEXTS["sql"]}))),
        ProbeRefused),
    "in the background": (serving(saying(frame(
        {"type": "refused", "code": "background", "text": TEXTS["bidi"]}))), ProbeError),
}  # fmt: skip


@pytest.fixture(scope="module")
def server() -> Iterator[PrivateServer]:
    with private_server() as running:
        yield running


@pytest.fixture(autouse=True)
def _nothing_elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with elsewhere(tmp_path_factory.mktemp("elsewhere")):
        yield


@pytest.mark.parametrize("moment", ["connecting", "trial"])
def test_a_probe_that_breaks_the_contract_is_a_named_error(
    server: PrivateServer, tmp_path: Path, moment: str
) -> None:
    cases = CONNECTING if moment == "connecting" else TRIAL
    phones = hostile_phones(*(f"H{i}" for i in range(len(cases))))
    for phone, (script, _) in zip(phones, cases.values(), strict=True):
        phone.hostile_probe = script
    with (
        driving(server, tmp_path, phones, QUICK) as drivers,
        ThreadPoolExecutor(8) as pool,  # most of it is waiting
        Peak() as peak,
    ):
        errors = list(pool.map(lambda phone: life(drivers[phone.serial]), phones))
    for phone, error, (name, (_, kind)) in zip(phones, errors, cases.items(), strict=True):
        assert isinstance(error, kind), f"{name}: {error!r}"
        assert harmless(error), name
        assert not_allowed(phone.asked) == []
    assert peak.mib < MAX_GROWTH_MIB


def test_the_scaffold_itself_is_accepted(server: PrivateServer, tmp_path: Path) -> None:
    (phone,) = hostile_phones("H1")
    phone.hostile_probe = serving(bad_probes.good)
    with driving(server, tmp_path, [phone], STEADY) as drivers:
        assert life(drivers["H1"]) is None


def test_what_a_probe_says_of_its_phone_is_cleaned_and_kept(
    server: PrivateServer, tmp_path: Path
) -> None:
    texts = {name: text for name, text in TEXTS.items() if len(text) <= 128}
    texts["surrogates"] = "a\ud800b\udfff"
    phones = hostile_phones(*(f"H{i}" for i in range(len(texts))))
    for phone, text in zip(phones, texts.values(), strict=True):
        for name in phone.properties:  # or adb would be believed
            phone.properties[name] = ""
        phone.hostile_probe = with_facts(
            manufacturer=text, model=text, soc=text, os_build=text, raw={text[:90]: text}
        )
    with driving(server, tmp_path, phones, STEADY) as drivers:
        for phone, text in zip(phones, texts.values(), strict=True):
            facts = drivers[phone.serial].connect()
            shown = cleaned(text)
            assert (facts.manufacturer.strip(), facts.model.strip()) == (shown, shown)
            assert (facts.soc.strip(), facts.os_build.strip()) == (shown, shown)
            assert shown in {value.strip() for value in facts.raw.values()}
            assert not_allowed(phone.asked) == []


@pytest.mark.parametrize(
    "pattern",
    [(math.nan,), (math.inf, -math.inf), (0.5, math.nan, -0.5), (3e38, -3e38), (1e-45, 0.0)],
    ids=str,
)
def test_samples_that_are_no_numbers_arrive_as_they_are(
    server: PrivateServer, tmp_path: Path, pattern: tuple[float, ...]
) -> None:
    (phone,) = hostile_phones("H1")
    phone.hostile_probe = serving(floats(*pattern))
    with driving(server, tmp_path, [phone], STEADY) as drivers:
        drivers["H1"].connect()
        capture = drivers["H1"].run(REQUEST, (Play(TRAIN),), lambda _: None)
    heard = capture.audio.samples[: len(pattern), 0]
    np.testing.assert_array_equal(heard, np.array(pattern, np.float32))


def test_samples_of_another_shape_than_announced(server: PrivateServer, tmp_path: Path) -> None:
    """Two channels, and bytes for one and a half frames more or less."""
    odd = {"rate_hz": 8000, "channels": 2}
    cases = {
        "half a frame less": recording(bytes(4 * FRAMES - 2), "int16", FRAMES, input=odd),
        "half a frame more": recording(bytes(4 * FRAMES + 2), "int16", FRAMES, input=odd),
        "an odd byte": recording(bytes(4 * FRAMES - 1), "int16", FRAMES, input=odd),
        "whole": recording(bytes(4 * FRAMES), "int16", FRAMES, input=odd),
    }
    phones = hostile_phones(*(f"H{i}" for i in range(len(cases))))
    for phone, act in zip(phones, cases.values(), strict=True):
        phone.hostile_probe = serving(act)
    with driving(server, tmp_path, phones, STEADY) as drivers:
        found = {name: life(drivers[p.serial]) for p, name in zip(phones, cases, strict=True)}
    assert found.pop("whole") is None
    assert {name: type(error) for name, error in found.items()} == dict.fromkeys(
        found, ProbeProtocolError
    )


@pytest.mark.parametrize("text", [TEXTS["escapes"], TEXTS["sql"], "a\ud800"], ids=ascii)
def test_what_a_report_says_is_cleaned(server: PrivateServer, tmp_path: Path, text: str) -> None:
    (phone,) = hostile_phones("H1")
    phone.hostile_probe = serving(
        reporting(
            notes=[text],
            observed={"output_device": text, "audio_mode": text},
            thermal_status=text[:32],
            probe_version=text[:64],
            effects={"aec": {"state": "on", "uuid": text[:64], "implementor": text}},
            input={"rate_hz": 8000, "channels": 1, "route": text, "sharing": text[:64]},
        )
    )
    with driving(server, tmp_path, [phone], STEADY) as drivers:
        drivers["H1"].connect()
        told = drivers["H1"].run(REQUEST, (Play(TRAIN),), lambda _: None).report
    shown = cleaned(text)
    assert told.notes[0].strip() == told.observed["output_device"].strip() == shown
    assert (told.input.route or "").strip() == told.effects["aec"].implementor.strip() == shown
    assert told.probe_version == cleaned(text, 64)


def test_after_a_broken_answer_the_next_trial_has_a_new_probe(
    server: PrivateServer, tmp_path: Path
) -> None:
    """Nothing a probe said before it broke the contract is taken for an answer to what follows."""
    (phone,) = hostile_phones("H1")
    phone.hostile_probe = serving(facts=frame(QUOTES))
    with driving(server, tmp_path, [phone], STEADY) as drivers:
        assert isinstance(life(drivers["H1"]), DeviceError)
        phone.hostile_probe = None
        assert life(drivers["H1"]) is None
    starts = [line for line in phone.asked if "am start" in line]
    names = {line.split("--es socket ")[1].split()[0] for line in starts}
    assert len(names) == len(starts) == 2, "each start has a socket and a token of its own"
