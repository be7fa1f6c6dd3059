"""Facts: the table, who is believed, what is kept, what marks an emulator or a custom ROM."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device_probes.android import facts, prepare
from device_probes.android.assets import probe_package
from device_probes.android.commands import RECORD_AUDIO, Command, sections
from device_probes.android.install import REMEDIES
from device_probes.android.prepare import Before
from device_probes.codec import MAX_RAW_ENTRIES, facts_to_json, read_facts
from profiler.errors import InputError
from profiler.model import DeviceFacts, DeviceHealth, Platform

PIXEL = {
    "ro.product.manufacturer": "Google",
    "ro.product.brand": "google",
    "ro.product.model": "Pixel 7",
    "ro.product.board": "panther",
    "ro.product.cpu.abi": "arm64-v8a",
    "ro.product.cpu.abilist": "arm64-v8a,armeabi-v7a,armeabi",
    "ro.soc.manufacturer": "Google",
    "ro.soc.model": "GS201",
    "ro.board.platform": "gs201",
    "ro.build.fingerprint": "google/panther/panther:14/UP1A.231005.007/10754064:user/release-keys",
    "ro.build.display.id": "UP1A.231005.007",
    "ro.build.version.release": "14",
    "ro.build.version.sdk": "34",
    "ro.build.version.security_patch": "2023-10-05",
    "ro.build.tags": "release-keys",
    "ro.odm.build.media_performance_class": "33",
    "ro.hardware": "panther",
    "aaudio.mmap_policy": "2",
    "aaudio.mmap_exclusive_policy": "2",
    "ro.serialno": "2A021FDH2005ZK",
    "ro.boot.serialno": "2A021FDH2005ZK",
    "ro.ril.imei": "352099001761481",
    "gsm.operator.alpha": "Carrier",
    "ro.build.host": "abfarm-release-rbe-64-2004",
    "ro.product.build.date": "Thu Oct  5",
}


def getprop(properties: Mapping[str, str]) -> str:
    return "".join(f"[{key}]: [{value}]\n" for key, value in properties.items())


def parts(properties: Mapping[str, str], **more: str) -> dict[str, str]:
    return {"props": getprop(properties), **more}


def from_probe(**changes: object) -> DeviceFacts:
    base = DeviceFacts(Platform.ANDROID, "GOOGLE", "pixel", "Pixel 7", "gs", "Android", "14", "x")
    return dataclasses.replace(base, **changes)  # type: ignore[arg-type]


def test_a_pixel_over_adb() -> None:
    found = facts.adb_facts(
        parts(
            PIXEL,
            features="feature:android.hardware.audio.low_latency\nfeature:android.hardware.audio.pro",
            disk="Filesystem 1K-blocks Used Available Use% Mounted on\n/x 9 1 8 9% /data\n",
        )
    )
    assert found.model_key == dataclasses.replace(
        found.model_key, manufacturer="Google", model="Pixel 7", soc="GS201",
        os_build=PIXEL["ro.build.fingerprint"],
    )  # fmt: skip
    assert (found.api_level, found.low_latency, found.pro_audio) == (34, True, True)
    assert not found.is_emulator
    assert found.raw["media_performance_class"] == "33"
    assert (found.raw["mmap_policy"], found.raw["security_patch"]) == ("2", "2023-10-05")
    assert found.raw["free_kib"] == "8"
    assert "custom_rom" not in found.raw
    assert found.collected_at is not None
    assert found.collected_at.tzinfo is not None


def test_nothing_private_is_kept() -> None:
    text = json.dumps(facts_to_json(facts.adb_facts(parts(PIXEL))))
    for secret in ("2A021FDH2005ZK", "352099001761481", "Carrier", "abfarm"):
        assert secret not in text


@pytest.mark.parametrize(
    ("properties", "soc", "name"),
    [
        ({"ro.product.model": "SM-G991B", "ro.hardware.chipname": "exynos2100",
          "ro.board.platform": "exynos2100"}, "exynos2100", "SM-G991B"),
        ({"ro.product.model": "22081212UG", "ro.product.marketname": "Xiaomi 12T Pro",
          "ro.board.platform": "taro", "ro.soc.model": "unknown"}, "taro", "Xiaomi 12T Pro"),
        ({"ro.product.model": "CPH2451", "ro.vendor.oplus.market.name": "OnePlus 11 5G",
          "ro.soc.model": "SM8550"}, "SM8550", "OnePlus 11 5G"),
        ({}, "", ""),
    ],
)  # fmt: skip
def test_makers_spell_it_differently(properties: dict[str, str], soc: str, name: str) -> None:
    found = facts.adb_facts(parts(properties))
    assert (found.soc, found.marketing_name) == (soc, name)


@pytest.mark.parametrize(
    ("said", "apis"),
    [({"aaudio": "available"}, "aaudio,java"), ({"aaudio": "not loaded"}, "java"), ({}, None),
     ({"aaudio": "available", "apis": "opensles,java"}, "opensles,java")],
)  # fmt: skip
def test_the_probe_says_which_apis_can_be_compared(said: dict[str, str], apis: str | None) -> None:
    both = facts.merged(facts.adb_facts(parts(PIXEL)), from_probe(raw=said), Platform.ANDROID)
    assert both.raw.get("apis") == apis


def test_who_is_believed_is_in_the_table() -> None:
    adb = facts.adb_facts(parts(PIXEL, features="feature:android.hardware.audio.pro"))
    probe = from_probe(
        native_rate_hz=48_000, frames_per_burst=96, low_latency=True, marketing_name="Pixel Seven",
        raw={"abi": "arm64-v8a", "hardware": "else", "effect.aec": "uuid-of-the-probe"},
    )  # fmt: skip
    both = facts.merged(adb, probe, Platform.ANDROID)
    assert (both.manufacturer, both.model, both.soc) == ("Google", "Pixel 7", "GS201")
    assert (both.native_rate_hz, both.frames_per_burst) == (48_000, 96)
    assert (both.low_latency, both.pro_audio) == (True, True), "what the probe leaves out is adb's"
    assert both.marketing_name == "Pixel Seven", "adb knew no name but the model's"
    assert both.raw["hardware"] == "panther"
    assert both.raw["probe.hardware"] == "else"
    assert "probe.abi" not in both.raw
    assert both.raw["effect.aec"] == "uuid-of-the-probe"
    wins = {fact.field: fact.wins for fact in facts.FACTS}
    assert {f.name for f in dataclasses.fields(DeviceFacts)} >= set(wins)
    assert wins["native_rate_hz"] is facts.Wins.PROBE
    assert wins["os_build"] is facts.Wins.ADB


def test_a_virtual_phone_is_marked_whatever_it_says() -> None:
    both = facts.merged(facts.adb_facts(parts(PIXEL)), from_probe(), Platform.VIRTUAL)
    assert both.is_virtual
    assert both.platform is Platform.VIRTUAL
    assert not facts.merged(
        facts.adb_facts(parts(PIXEL)), from_probe(), Platform.ANDROID
    ).is_virtual


@pytest.mark.parametrize(
    "properties",
    [{"ro.kernel.qemu": "1"}, {"ro.boot.qemu": "1"}, {"ro.hardware": "ranchu"},
     {"ro.hardware": "cutf_cvm"}, {"ro.product.model": "sdk_gphone64_x86_64"},
     {"ro.build.characteristics": "emulator"}, {"ro.product.device": "generic_x86_64"},
     {"ro.build.fingerprint": "generic/vbox86p/vbox86p:8.0/OPR6/1:userdebug/test-keys"}],
    ids=lambda p: next(iter(p.values()))[:20],
)  # fmt: skip
def test_emulators_are_told(properties: dict[str, str]) -> None:
    assert facts.adb_facts(parts({**PIXEL, **properties})).is_emulator


@pytest.mark.parametrize(
    ("properties", "rom"),
    [({"ro.product.name": "lineage_panther"}, "lineage"),
     ({"ro.build.display.id": "CalyxOS 5.1"}, "calyxos"),
     ({"ro.build.host": "build3.LineageOS.org"}, "lineage"),
     ({"ro.lineage.version": "21.0"}, "lineage"), ({"ro.build.tags": "test-keys"}, "test-keys"),
     ({}, "")],
)  # fmt: skip
def test_custom_roms_are_told(properties: dict[str, str], rom: str) -> None:
    assert facts.custom_rom({**PIXEL, **properties}) == rom
    assert facts.adb_facts(parts({**PIXEL, **properties})).raw.get("custom_rom", "") == rom


_text = st.text(max_size=300)


@given(
    st.dictionaries(st.sampled_from([*PIXEL, "ro.x"]) | _text, _text, max_size=40),
    st.dictionaries(st.sampled_from(list(facts.STATIC)), _text, max_size=6),
    st.dictionaries(_text, _text, max_size=300),
)
def test_whatever_a_phone_says_its_facts_fit_the_contract(
    properties: dict[str, str], dumps: dict[str, str], raw: dict[str, str]
) -> None:
    both = facts.merged(
        facts.adb_facts({**dumps, "props": getprop(properties)}),
        from_probe(raw=raw),
        Platform.ANDROID,
    )
    assert len(both.raw) <= MAX_RAW_ENTRIES
    assert read_facts(json.loads(json.dumps(facts_to_json(both)))).model == both.model
    assert not any(ord(char) < 32 for char in both.model + "".join(both.raw.values()))


# --- the note on the phone, the package, the messages ---------------------------------------------


@pytest.mark.parametrize("value", [None, 0, 3, 7, 255])
def test_a_note_is_read_back_as_it_was_written(value: int | None) -> None:
    assert Before.read(Before(value).text()) == Before(value)


@given(st.text(max_size=200) | st.sampled_from([Before(3).text()]).flatmap(
    lambda text: st.integers(0, len(text) - 2).map(lambda n: text[:n])))  # fmt: skip
def test_any_other_text_is_no_note(text: str) -> None:
    assert Before.read(text) is None
    assert Before.read(Before(7).text() + text + "x") is None


def test_no_more_than_the_health_that_is_told() -> None:
    assert prepare.health({}) == DeviceHealth()
    told = {"battery": "  level: 80\n  temperature: 301\n", "thermal": "Thermal Status: 1\n"}
    assert prepare.health(told) == DeviceHealth(80.0, 30.1, "light")


def test_the_probe_that_is_shipped_is_whole() -> None:
    package = probe_package()
    assert hashlib.sha256(package.data).hexdigest() == package.sha256
    assert package.version_code > 0


@pytest.mark.parametrize(
    ("change", "words"),
    [({"sha256": "0" * 64}, "says sha256"), ({"size": 1}, "says size"),
     ({"package": "com.x"}, "says package"), ({"activity": "com.x.Y"}, "says activity"),
     ({"version_code": None}, "lacks version_code"), (None, "not here")],
    ids=str,
)  # fmt: skip
def test_a_damaged_or_missing_probe_is_not_used(
    tmp_path: Path, change: dict[str, object] | None, words: str
) -> None:
    if change is not None:
        data = b"PK not an apk"
        info = {"package": "org.chirpbench.probe", "sha256": hashlib.sha256(data).hexdigest(),
                "activity": "org.chirpbench.probe.ProbeActivity", "size": len(data),
                "version_code": 1, "version_name": "1", "protocol": 4, **change}  # fmt: skip
        (tmp_path / "probe.apk").write_bytes(data)
        (tmp_path / "build-info.json").write_text(json.dumps(info))
    with pytest.raises(InputError, match=words) as caught:
        probe_package(tmp_path)
    assert "make apk" in caught.value.hint


def test_every_remedy_says_something_to_do() -> None:
    assert all(len(text) > 20 for text in REMEDIES.values())
    assert RECORD_AUDIO.endswith("RECORD_AUDIO")
    assert sections({"a": Command("x"), "b": Command("y z")}).text == "echo @@a; x; echo @@b; y z"
