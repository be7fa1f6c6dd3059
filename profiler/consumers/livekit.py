"""``livekit`` (Apache-2.0, LiveKit's own Rust core): its publish options and its audio processing
take the values. The JS, Android and Swift clients run in browsers and on phones only."""

from __future__ import annotations

import importlib.util
import tempfile
from collections.abc import Iterator, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

from profiler.consumers.checks import Comparison, Unreadable, rejected, unavailable
from profiler.consumers.files import parse_json, read_index, read_json, read_text, typed
from profiler.consumers.process import run_module
from profiler.model import ConsumerCheck

TARGET = "livekit"
FILE = "livekit/options.json"
SCRIPT = "livekit/chirpbench-livekit.mjs"
INSTALL = "pip install 'chirpbench[consumers]'"
TIMEOUT_S = 60.0
PUBLISH = {"maxBitrate": "max_bitrate", "audioBitrate": "max_bitrate", "dtx": "dtx", "red": "red"}
CAPTURE = {
    "echoCancellation": "echo_cancellation", "noiseSuppression": "noise_suppression",
    "autoGainControl": "auto_gain_control",
}  # fmt: skip
CLIENTS = ("js", "android", "swift")
OTHERS = {
    "forceStereo": (False, True), "channelCount": range(1, 9), "sampleRate": range(8_000, 192_001),
}  # fmt: skip
"""Options of the clients alone, with their values."""


def check(folder: Path) -> list[ConsumerCheck]:
    """Every client's options of every profile."""
    if importlib.util.find_spec("livekit") is None:
        return [unavailable(TARGET, "livekit", INSTALL)]
    compared = Comparison(TARGET, f"livekit {metadata.version('livekit')}")
    try:
        profiles = read_index(folder, FILE).profiles
        compared.same(f"the data in {SCRIPT}", read_json(folder, FILE), _in_script(folder))
        asked = dict(_asked(compared, profiles))
        with tempfile.TemporaryDirectory() as home:
            answer = run_module(
                "livekit_child", {"options": asked}, home=Path(home), timeout_s=TIMEOUT_S
            )
        said = typed(answer.get("options"), dict, "the answer")
    except Unreadable as exc:
        return [rejected(TARGET, compared.consumer, str(exc))]
    for name, options in asked.items():
        for group, values in options.items():
            for key, value in values.items():
                compared.same(f"{name}: {group}.{key}", value, said[name][group].get(key))
    return [compared.result(
        f"{len(asked)} sets of options taken by TrackPublishOptions and AudioProcessingModule; the "
        "JS, Android and Swift clients take them by the same names"
    )]  # fmt: skip


def _asked(
    compared: Comparison, profiles: Mapping[str, Mapping[str, Any]]
) -> Iterator[tuple[str, dict[str, dict[str, Any]]]]:
    for name, clients in profiles.items():
        for client in CLIENTS:
            if client not in clients:
                continue
            place = f"{name}.{client}"
            options = typed(clients[client], dict, f"{FILE}: {place}")
            publish = _split(compared, f"{place}.publish", options.get("publish"), PUBLISH)
            capture = _split(compared, f"{place}.capture", options.get("capture"), CAPTURE)
            yield place, {"publish": publish, "capture": capture}


def _split(
    compared: Comparison, place: str, values: Any, names: Mapping[str, str]
) -> dict[str, Any]:
    """The options the core has, under its own names; the clients' own are only held to a list."""
    core: dict[str, Any] = {}
    for key, value in typed(values, dict, f"{FILE}: {place}").items():
        if key in names:
            core[names[key]] = value
        else:
            compared.true(f"{place}.{key} is {value!r}", value in OTHERS.get(key, ()))
    return core


def _in_script(folder: Path) -> Any:
    """The data of the script, read as JSON; a foreign script is never run."""
    for line in read_text(folder, SCRIPT).split("\n"):
        if line.startswith("const data = ") and line.endswith(";"):
            return parse_json(line.removeprefix("const data = ")[:-1], SCRIPT)
    raise Unreadable(f"{SCRIPT} holds no data")
