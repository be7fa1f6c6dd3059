"""PJSUA2 (GPL-2.0 or later, its binding GPL-3.0, run as a program of its own): MediaConfig takes
the values and gives them back."""

from __future__ import annotations

import importlib.util
import tempfile
from importlib import metadata
from pathlib import Path

from profiler.consumers.checks import Comparison, Unreadable, rejected, unavailable
from profiler.consumers.files import read_index, typed
from profiler.consumers.process import run_module
from profiler.model import ConsumerCheck

TARGET = "pjsua2"
FILE = "pjsua2/media.json"
INSTALL = "pip install 'chirpbench[consumers]'"
TIMEOUT_S = 30.0
OPUS = {
    "sample_rate": (8_000, 48_000), "channel_cnt": (1, 2), "frm_ptime": (10, 120),
    "bit_rate": (6_000, 510_000), "packet_loss": (0, 100), "complexity": (0, 10), "cbr": (0, 1),
}  # fmt: skip
"""Members of ``CodecOpusConfig`` with their ranges; the Python binding does not have it."""


def check(folder: Path) -> list[ConsumerCheck]:
    """Set and read back every value of every profile."""
    # find_spec does not load it: the library must not come into this process.
    if importlib.util.find_spec("pjsua2") is None:
        return [unavailable(TARGET, "PJSUA2 (pjsua2-pybind11)", INSTALL)]
    version = metadata.version("pjsua2-pybind11")
    compared = Comparison(TARGET, f"PJSUA2 (pjsua2-pybind11 {version})")
    try:
        profiles = read_index(folder, FILE).profiles
        wanted = {}
        for name, values in profiles.items():
            wanted[name] = typed(values.get("MediaConfig"), dict, f"{FILE}: {name}: MediaConfig")
            opus = typed(values.get("CodecOpusConfig"), dict, f"{FILE}: {name}: CodecOpusConfig")
            for key, value in opus.items():
                low, high = OPUS.get(key, (1, 0))
                compared.true(f"{name}: CodecOpusConfig.{key} is {value!r}",
                              isinstance(value, int) and low <= value <= high)  # fmt: skip
        with tempfile.TemporaryDirectory() as home:
            asked = {"profiles": wanted}
            answer = run_module("pjsua2_child", asked, home=Path(home), timeout_s=TIMEOUT_S)
        said = typed(answer.get("profiles"), dict, "the answer")
    except Unreadable as exc:
        return [rejected(TARGET, compared.consumer, str(exc))]
    for name, values in wanted.items():
        for key, value in values.items():
            got = said[name].get(key, {})
            compared.same(f"{name}: MediaConfig.{key}", {"is": value}, got)
    return [compared.result(
        f"{len(wanted)} MediaConfig set and read back; CodecOpusConfig is held to its ranges, the "
        "Python binding lacks it"
    )]  # fmt: skip
