"""Whatever a phone prints is read as a bounded value: no exception, nothing that could do harm."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import fields
from functools import cache
from typing import Any

import pytest
from adbd_phones import one_phone, shell
from hostile_android import TEXTS
from hypothesis import example, given, settings
from hypothesis import strategies as st

from db.codec import decode, encode
from device_probes.android import commands, dumps, facts, parsers
from device_probes.android.parsers import MAX_SECTION_CHARS
from device_probes.android.prepare import Before, health, refuse_deaf
from device_probes.codec import facts_to_json, read_facts
from profiler.errors import DeviceNotReady, ProbePermission
from profiler.model import DeviceFacts, Platform

SAID = (
    commands.GETPROP, commands.DUMP_PACKAGE, commands.FEATURES, commands.BATTERY, commands.THERMAL,
    commands.TRUST, commands.POLICY, commands.SENSOR_PRIVACY, commands.AUDIO, commands.ACTIVITIES,
    commands.FLINGER, commands.CODECS, commands.EFFECTS, commands.PM_PATH, commands.FREE_SPACE,
    commands.CRASH_LOG, commands.PIDOF, commands.GET_STAY_ON,
)  # fmt: skip


@cache
def real(api_level: int) -> tuple[str, ...]:
    """What a well-behaved phone of that Android prints, with the probe crashed on it."""
    phone = one_phone(api_level=api_level)
    phone.preinstall()
    phone.other_app_records()
    shell(phone, "am start -W -n org.chirpbench.probe/.ProbeActivity --es socket a --es token b")
    phone.crash_probe()
    return tuple(shell(phone, command.text).out for command in SAID)


SEEDS = (
    *TEXTS.values(), "Failure [INSTALL_FAILED_X: y]", "java.lang.SecurityException: no", "@@a\n",
    "Error type 3\n", "[ro.product.model]: [", "]\n", "=true", "granted=false", "\u0663\u0664",
    "9" * 30, "-", "package:/data/app/x/base.apk\n", "org.chirpbench.probe", "(current):",
)  # fmt: skip


@st.composite
def dumps_of_phones(draw: st.DrawFn) -> str:
    """Real dumps, several in one, with lines lost and doubled and pieces of other text in them."""
    parts = draw(
        st.lists(st.sampled_from(real(draw(st.sampled_from((26, 29, 31, 34))))), max_size=3)
    )
    parts += draw(st.lists(st.sampled_from(SEEDS) | st.text(max_size=40), max_size=4))
    text = "".join(draw(st.permutations(parts)))
    for _ in range(draw(st.integers(0, 4))):
        lines = text.split("\n")
        at = draw(st.integers(0, len(lines) - 1))
        line = lines[at]
        cut = draw(st.integers(0, len(line)))
        piece = draw(st.sampled_from(SEEDS) | st.text(max_size=10))
        lines[at : at + draw(st.integers(0, 2))] = [line[:cut] + piece + line[cut:]]
        text = "\n".join(lines)
    return text


HARM = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def within(value: Any, pattern: str) -> bool:
    return re.fullmatch(pattern, value) is not None


def check_properties(found: dict[str, str]) -> bool:
    keys = all(1 <= len(k) <= 256 and "\n" not in k for k in found)
    return keys and len(found) <= 8192 and all(len(v) <= 1024 for v in found.values())


def check_package(found: parsers.PackageInfo | None) -> bool:
    if found is None:
        return True
    code = found.version_code is None or 0 <= found.version_code < 10**9
    names = all(within(p, r"[A-Za-z0-9_.]{1,128}") for p in found.granted)
    return code and names and len(found.granted) <= 128 and harmless(found.version_name, 64)


def harmless(text: str, chars: int) -> bool:
    return len(text) <= chars and not HARM.search(text)


def check_stream(found: dumps.NativeStream | None) -> bool:
    return found is None or (0 <= found.rate_hz < 10**6 and 0 < found.frames_per_burst < 10**6)


def check_effects(found: tuple[dumps.Effect, ...]) -> bool:
    texts = [text for e in found for text in (e.name, e.uuid, e.library)]
    return len(found) <= 24 and all(harmless(text, 128) for text in texts)


def check_coders(found: dict[str, tuple[str, ...]]) -> bool:
    names = [name for kind in ("Encoder", "Decoder") for name in found[kind]]
    return len(names) <= 32 and all(within(n, r"[A-Za-z0-9_.-]{1,128}") for n in names)


Reader = Callable[[str], Any]
READERS: dict[str, tuple[Reader, Callable[[Any], bool]]] = {
    "properties": (parsers.properties, check_properties),
    "boot_id": (parsers.boot_id, lambda v: not v or within(v, r"[0-9a-f-]{36}")),
    "serial_number": (parsers.serial_number, lambda v: within(v, r"[A-Za-z0-9._:-]{0,64}")),
    "apk_path": (parsers.apk_path, lambda v: not v or within(v, r"/[A-Za-z0-9_./=~+-]{1,240}")),
    "temp_apks": (parsers.temp_apks, lambda v: len(v) < 100 and all(
        within(p, r"/data/local/tmp/chirpbench-[0-9a-f]{16}\.apk") for p in v)),
    "digest": (lambda t: parsers.digest(t, 64), lambda v: not v or within(v, r"[0-9a-f]{64}")),
    "package": (parsers.package, check_package),
    "features": (parsers.features, lambda v: len(v) <= 1024 and all(
        within(f, r"[A-Za-z0-9_.-]{1,128}") for f in v)),
    "setting": (parsers.setting, lambda v: within(v, r"\d{1,3}|null|")),
    "free_kib": (parsers.free_kib, lambda v: v is None or 0 <= v < 10**15),
    "install_result": (parsers.install_result, lambda v: v.ok or (
        within(v.reason, r"[A-Z0-9_]{3,64}") and harmless(v.text, 200))),
    "start_failure": (parsers.start_failure, lambda v: harmless(v, 200)),
    "pid": (parsers.pid, lambda v: within(v, r"\d{0,7}")),
    "crash_line": (parsers.crash_line, lambda v: harmless(v, 200)),
    "battery": (dumps.battery, lambda v: (v.percent is None or 0 <= v.percent <= 100)
                and (v.temperature_c is None or -40 <= v.temperature_c <= 150)),
    "thermal_status": (dumps.thermal_status, lambda v: v is None or within(v, r"[a-z]{4,9}")),
    "device_locked": (dumps.device_locked, lambda v: v in (None, True, False)),
    "screen": (dumps.screen, lambda v: {v.keyguard, v.awake} <= {None, True, False}),
    "microphone_off": (dumps.microphone_off, lambda v: v in (None, True, False)),
    "recorders": (dumps.recorders, lambda v: len(v) <= 8 and all(
        within(name, r"[A-Za-z0-9_.]{1,200}|an app of the system") for name in v)),
    "foreground": (dumps.foreground, lambda v: v is None or within(v, r"[A-Za-z0-9_.]{1,200}")),
    "native_stream": (dumps.native_stream, check_stream),
    "coders": (dumps.coders, check_coders),
    "effects": (dumps.effects, check_effects),
    "restore": (Before.read, lambda v: v is None or v.stay_on is None or 0 <= v.stay_on <= 255),
}  # fmt: skip


@settings(deadline=None)
@given(dumps_of_phones())
@example("Package [org.chirpbench.probe]\n" + "versionCode=999999999\n" * 2)
@example('<effect name="aec\x1b[2J" uuid="x"/>')
def test_every_reader_gives_a_bounded_value(text: str) -> None:
    for name, (read, holds) in READERS.items():
        value = read(text)
        assert holds(value), f"{name}: {value!r}"


def test_the_dumps_that_are_changed_above_are_read_when_they_are_whole() -> None:
    """Or the test above would only show that nothing is read as nothing."""
    for level in (26, 29, 31, 34):
        said = dict(zip(SAID, real(level), strict=True))
        assert parsers.properties(said[commands.GETPROP])["ro.product.model"] == "A 1"
        assert parsers.package(said[commands.DUMP_PACKAGE]) is not None
        assert dumps.battery(said[commands.BATTERY]).percent is not None
        assert dumps.recorders(said[commands.AUDIO]) == ("com.example.recorder",)
        assert dumps.device_locked(said[commands.TRUST]) is False
        assert dumps.native_stream(said[commands.FLINGER]) is not None
        assert "the audio server died" in parsers.crash_line(said[commands.CRASH_LOG])


# --- what may be forged ---------------------------------------------------------------------------

one_line = st.text(st.characters(exclude_characters="\n"), max_size=60)
keys = st.from_regex(r"[a-z][a-z0-9._]{0,40}", fullmatch=True)


@settings(deadline=None)
@given(st.dictionaries(keys, one_line | st.sampled_from(sorted(TEXTS.values())), max_size=12))
def test_a_property_forges_no_other(table: dict[str, str]) -> None:
    """As long as it has one line; one of several may only say more of its own phone."""
    table = {k: v for k, v in table.items() if "\n" not in v}
    printed = "".join(f"[{key}]: [{value}]\n" for key, value in table.items())
    assert parsers.properties(printed) == {k: v[:1024] for k, v in table.items()}


@settings(deadline=None)
@given(st.lists(dumps_of_phones(), min_size=1, max_size=4), st.integers(0, 3))
def test_a_section_changes_none_before_it(bodies: list[str], which: int) -> None:
    names = ("boot", "path", "props", "stay")[: len(bodies)]
    which = min(which, len(bodies) - 1)
    clean = [re.sub(r"(?m)^@@", "__", body.replace("\r", "")) for body in bodies]
    clean[which] = bodies[which]
    text = "".join(f"@@{n}\n{b}\n" for n, b in zip(names, clean, strict=True))
    found = parsers.sections(text, names)
    for name, body in list(zip(names, clean, strict=True))[:which]:
        assert found[name] == body


@settings(deadline=None)
@given(st.text(max_size=80) | st.sampled_from(
    ["chirpbench-restore 1\nglobal stay_on_while_plugged_in 7\nend\n",
     "chirpbench-restore 1\nglobal stay_on_while_plugged_in 256\nend",
     "chirpbench-restore 1\nglobal adb_enabled 0\nend\n",
     "chirpbench-restore 1\nglobal stay_on_while_plugged_in \u0663\nend\n",
     "chirpbench-restore 1\nglobal stay_on_while_plugged_in 7\nend\nglobal x 1\nend\n"]
))  # fmt: skip
def test_a_note_on_the_phone_restores_one_setting_or_nothing(text: str) -> None:
    """Whoever can write to the phone's folder can write that file."""
    before = Before.read(text)
    if before is not None:
        assert before.text().rstrip("\n") == text.rstrip("\n")
        assert commands.set_stay_on(before.stay_on).text.startswith("settings ")


@settings(deadline=None)
@given(st.none() | st.integers(0, 255))
def test_a_note_is_read_as_it_was_written(value: int | None) -> None:
    assert Before.read(Before(value).text()) == Before(value)
    assert Before.read(Before(value).text()[:-5]) is None, "a note cut short is none"


# --- what comes of it all -------------------------------------------------------------------------

sections = st.fixed_dictionaries({}, optional={name: dumps_of_phones() for name in facts.STATIC})


@settings(deadline=None)
@given(sections, sections)
def test_facts_of_a_hostile_phone_fit_the_contract_the_store_and_a_page(
    adb: dict[str, str], probe: dict[str, str]
) -> None:
    told = facts.adb_facts(probe)
    joined = facts.merged(facts.adb_facts(adb), told, Platform.ANDROID)
    for found in (told, joined):
        assert read_facts(facts_to_json(found)) == found, "as the contract bounds a probe's facts"
        assert decode(DeviceFacts, json.loads(json.dumps(encode(found))), where="x") == found
        texts = [getattr(found, f.name) for f in fields(found) if f.type == "str"]
        assert all(harmless(text, 128) for text in texts)
        assert len(found.raw) <= 256
        assert all(harmless(k, 96) and harmless(v, 128) for k, v in found.raw.items())


@settings(deadline=None)
@given(dumps_of_phones())
def test_gates_refuse_or_pass(text: str) -> None:
    found = health({"battery": text, "thermal": text})
    assert found.battery_percent is None or 0 <= found.battery_percent <= 100
    assert harmless(refusal({"privacy": text, "audio": text}), 2000)


def refusal(parts: dict[str, str]) -> str:
    try:
        refuse_deaf(parts, "Pixel 7")
    except (DeviceNotReady, ProbePermission) as exc:
        return str(exc)
    return ""


@pytest.mark.parametrize(
    "piece", ["\n", "x", "(current):", "[a]: [", "User 1:\n", "E/AndroidRuntime( 1): x\n"]
)
def test_the_longest_section_there_is_costs_no_square(piece: str) -> None:
    """A square in the length, or a search that starts anew at every letter, would take hours; the
    time-out is the check. One thread that reads must not make the others miss their deadlines."""
    head = "Package [org.chirpbench.probe]\n[a]: [RecordActivityMonitor dump time"
    text = head + piece * (MAX_SECTION_CHARS // len(piece))
    for name, (read, holds) in READERS.items():
        assert holds(read(text)), name
    assert len(parsers.sections(f"@@a\n{text}{text}", ("a",))["a"]) == MAX_SECTION_CHARS
