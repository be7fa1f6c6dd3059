"""Device rows as Linphone's table has them: manufacturer, model, platform, flags, delay, rate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntFlag

from profiler.export.c_text import c_string
from profiler.export.choice import android, one_per
from profiler.export.origin import head_lines, origin, origin_line
from profiler.export.profiles import Words
from profiler.export.render import JsonValue, comment, json_rows
from profiler.export.target import Item
from profiler.model import ModelFacts, Unsupported

MAX_MARGIN_MS = 40
GENERIC_DELAY_MS = 250
"""Linphone's own row for a device it does not know."""


class Flag(IntFlag):
    """``DEVICE_…`` of mediastreamer2's ``devices.h``."""

    HAS_BUILTIN_AEC = 1
    HAS_BUILTIN_AEC_CRAPPY = 2
    USE_ANDROID_MIC = 4
    HAS_BUILTIN_OPENSLES_AEC = 8
    HAS_CRAPPY_ANDROID_FASTTRACK = 16
    HAS_CRAPPY_ANDROID_FASTRECORD = 32
    HAS_CRAPPY_OPENSLES = 256
    USE_ANDROID_CAMCORDER = 512
    HAS_CRAPPY_AAUDIO = 4096


_AEC = {
    "hardware": Flag.HAS_BUILTIN_AEC | Flag.HAS_BUILTIN_OPENSLES_AEC,
    "software": Flag.HAS_BUILTIN_AEC_CRAPPY,
    "both": Flag.HAS_BUILTIN_AEC_CRAPPY,
    "off": Flag.HAS_BUILTIN_AEC_CRAPPY,
}
_API = {
    "aaudio": Flag.HAS_CRAPPY_OPENSLES,
    "opensles": Flag.HAS_CRAPPY_AAUDIO,
    "java": Flag.HAS_CRAPPY_AAUDIO | Flag.HAS_CRAPPY_OPENSLES,
}
_PRESET = {
    "generic": Flag.USE_ANDROID_MIC,
    "camcorder": Flag.USE_ANDROID_CAMCORDER,
    "voice_communication": Flag(0),
}
_NOT_FAST = Flag.HAS_CRAPPY_ANDROID_FASTTRACK | Flag.HAS_CRAPPY_ANDROID_FASTRECORD


@dataclass(frozen=True, slots=True)
class Row:
    """One row with the item it is of."""

    item: Item
    manufacturer: str
    model: str
    platform: str
    flags: int
    delay_ms: int
    rate_hz: int


def rows_of(items: Sequence[Item]) -> tuple[list[Row], list[Unsupported], list[str]]:
    """The rows of the Android models, values without a word, and notes."""
    kept, notes = one_per(android(items), _found_by)
    rows, gaps = [], dict[Unsupported, None]()
    for item in kept:
        facts = item.advice.facts
        if any("\0" in text for text in (facts.key.manufacturer, facts.key.model, facts.board)):
            notes.append(f"{comment(str(facts.key))} has no row: C strings cannot hold a NUL")
            continue
        row, missing = _row(item)
        rows.append(row)
        gaps.update(dict.fromkeys(missing))
    assumed = sum(r.delay_ms == GENERIC_DELAY_MS and _delay(r.item) is None for r in rows)
    if assumed:
        notes.append(
            f"{assumed} rows have Linphone's own {GENERIC_DELAY_MS} ms: no echo delay is measured"
        )
    return rows, list(gaps), notes


def rows_json(items: Sequence[Item], rows: Sequence[Row]) -> bytes:
    """The rows as JSON, a line a row."""
    head: dict[str, JsonValue] = {
        "format": "chirpbench.linphone.devices",
        "schema_version": 1,
        "made_by": head_lines(list(items), "Linphone device rows")[0],
    }
    return json_rows(head, "rows", map(_row_json, rows))


def _row_json(row: Row) -> JsonValue:
    return {
        "manufacturer": row.manufacturer,
        "model": row.model,
        "platform": row.platform,
        "flags": row.flags,
        "flag_names": [flag.name or "" for flag in Flag(row.flags)],
        "delay_ms": row.delay_ms,
        "recommended_rate_hz": row.rate_hz,
        "origin": origin(row.item),
    }


def rows_c(items: Sequence[Item], rows: Sequence[Row]) -> bytes:
    """The rows as a C file that adds them to mediastreamer2's table at run time."""
    lines = [f"/* {line} */" for line in head_lines(list(items), "Linphone device rows")]
    lines += [
        "#include <stddef.h>",
        "#include <mediastreamer2/devices.h>",
        "",
        "/* Call once, with ms_factory_get_devices_info(factory). */",
        "void chirpbench_add_devices(MSDevicesInfo *devices);",
        "void chirpbench_add_devices(MSDevicesInfo *devices) {",
        "\tstatic const struct {",
        "\t\tconst char *manufacturer, *model, *platform;",
        "\t\tunsigned int flags;",
        "\t\tint delay, rate;",
        "\t} rows[] = {",
    ]
    for row in rows:
        names = ", ".join(map(c_string, (row.manufacturer, row.model, row.platform)))
        lines.append(f"\t\t/* {origin_line(row.item)} */")
        lines.append(f"\t\t{{{names}, {row.flags}, {row.delay_ms}, {row.rate_hz}}},")
    lines += [
        "\t\t{NULL, NULL, NULL, 0, 0, 0}",
        "\t};",
        "\tsize_t i;",
        "\tfor (i = 0; rows[i].manufacturer != NULL; i++)",
        "\t\tms_devices_info_add(devices, rows[i].manufacturer, rows[i].model, rows[i].platform,",
        "\t\t\trows[i].flags, rows[i].delay, rows[i].rate);",
        "}",
    ]
    return ("\n".join(lines) + "\n").encode("ascii")


def _found_by(facts: ModelFacts) -> tuple[str, str, str]:
    # Linphone compares the manufacturer without regard to ASCII case.
    return facts.key.manufacturer.lower(), facts.key.model, facts.board


def own_delay_ms(words: Words) -> int | None:
    """Delay for Linphone's own canceller: the echo's, less the margin of Linphone's calibrator.

    It must never be longer than the echo's own, or the canceller looks for the echo after it came
    (``ec-calibrator.c``: the smaller of 20 % and 40 ms). ``None`` = not known.
    """
    delay = words.integer("aec_delay_hint_ms")
    return None if delay is None else delay - min(delay // 5, MAX_MARGIN_MS)


def _delay(item: Item) -> int | None:
    return own_delay_ms(Words(item.advice))


def _row(item: Item) -> tuple[Row, list[Unsupported]]:
    words, facts = Words(item.advice), item.advice.facts
    aec, api, preset = words.text("aec"), words.text("api"), words.text("input_preset")
    flags, gaps = Flag(0), []
    for name, value, table in (
        ("aec", aec, _AEC), ("api", api, _API), ("input_preset", preset, _PRESET),
    ):  # fmt: skip
        if value is None:
            continue
        if value in table:
            flags |= table[value]
        else:
            gaps.append(Unsupported(f"{name}={value}", "no flag of a device row says so"))
    if words.text("performance_mode") in ("none", "power_saving"):
        flags |= _NOT_FAST
    delay = _delay(item)
    software = aec in ("software", "both")
    return Row(
        item=item,
        manufacturer=facts.key.manufacturer,
        model=facts.key.model,
        platform=facts.board,
        flags=int(flags),
        delay_ms=(GENERIC_DELAY_MS if delay is None else delay) if software else 0,
        rate_hz=words.integer("capture_rate_hz") or 0,
    ), gaps
