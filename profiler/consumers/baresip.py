"""baresip (BSD) starts with each config and says which values are in force."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from profiler.consumers.checks import Comparison, Unreadable, rejected, unavailable
from profiler.consumers.files import read_index, read_text
from profiler.consumers.process import run
from profiler.model import ConsumerCheck

TARGET = "baresip"
INSTALL = "apt install baresip-core"
MODULES = ("/usr/lib/baresip/modules", "/usr/local/lib/baresip/modules",
           "/usr/lib/*/baresip/modules")  # fmt: skip
TIMEOUT_S = 20.0
SECONDS = 1
"""baresip's own smallest ``-t``."""
AT_ONCE = 4
"""baresip waits, it does not work."""
NEW_KEYS_SINCE = 4
"""Major version that knows ``audio_jitter_buffer_ms``."""
KEYS = frozenset({
    "ausrc_srate", "auplay_srate", "ausrc_channels", "opus_application", "opus_bitrate",
    "opus_complexity", "opus_stereo", "opus_sprop_stereo", "opus_inbandfec", "opus_packet_loss",
    "opus_dtx", "opus_cbr", "jitter_buffer_delay", "audio_jitter_buffer_type",
    "audio_jitter_buffer_ms",
})  # fmt: skip
"""All that a file may hold: a foreign one must not load modules or open ports."""
SHOWN = ("ausrc_srate", "auplay_srate", "ausrc_channels", "jitter_buffer_delay",
         "audio_jitter_buffer_type", "audio_jitter_buffer_ms")  # fmt: skip
"""Keys that ``/config`` prints."""
FMTP = {
    "opus_bitrate": "maxaveragebitrate", "opus_stereo": "stereo",
    "opus_sprop_stereo": "sprop-stereo", "opus_inbandfec": "useinbandfec", "opus_dtx": "usedtx",
    "opus_cbr": "cbr",
}  # fmt: skip
"""Keys that come back as a parameter of the SDP."""
_VERSION = re.compile(r"baresip v(\d+)(\S*)")
_FMTP = re.compile(r'opus: fmtp="([^"]*)"')
_LINE = re.compile(r"^(\w+)\s+(\S+)$", re.MULTILINE)


def check(folder: Path) -> list[ConsumerCheck]:
    """Load every profile."""
    program, modules = shutil.which("baresip"), _modules()
    if program is None or modules is None:
        return [unavailable(TARGET, "baresip", INSTALL)]
    version = _version(program)
    number = "1" if int(version.split(".")[0]) < NEW_KEYS_SINCE else "4"
    compared = Comparison(TARGET, f"baresip {version}")
    try:
        profiles = read_index(folder, f"{TARGET}/index.json").profiles
        configs = {}
        for name, values in sorted(profiles.items()):
            texts = {n: _checked(folder, f"{TARGET}/{name}/config-{n}", values, compared)
                     for n in ("1", "4")}  # fmt: skip
            configs[name] = texts[number]
    except Unreadable as exc:
        return [rejected(TARGET, compared.consumer, str(exc))]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        said = pool.map(lambda text: _said(program, modules, text), configs.values())
        for name, output in zip(configs, said, strict=True):
            _compare(compared, name, profiles[name], configs[name], output)
    return [compared.result(
        f"{len(profiles)} configs: rates, jitter buffer and the Opus parameters in force; "
        "complexity, packet loss and application are not shown by it, only read in the file"
    )]  # fmt: skip


def _modules() -> Path | None:
    found = (path for text in MODULES for path in sorted(Path("/").glob(text.lstrip("/"))))
    return next((path for path in found if (path / "opus.so").is_file()), None)


def _version(program: str) -> str:
    with tempfile.TemporaryDirectory() as home:
        found = _VERSION.search(run([program, "-h"], home=Path(home), timeout_s=TIMEOUT_S).out)
    return f"{found[1]}{found[2]}" if found else "0"


def _checked(folder: Path, name: str, values: Mapping[str, Any], compared: Comparison) -> str:
    """The file, which holds what the index says and nothing else."""
    text = read_text(folder, name)
    found: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        key, _, value = line.partition(" ")
        if key == "module" and value.strip() == "opus.so":
            continue
        if key not in KEYS or key in found:
            raise Unreadable(f"{name}, line {number}: {key!r} does not belong in this file")
        found[key] = value.strip()
    other = _of_other_version(found)
    for key, value in values.items():
        if type(value) not in (bool, int, str) or (key in FMTP and type(value) is str):
            raise Unreadable(f"{TARGET}/index.json: {key} is {value!r}")
        if key not in other:
            compared.same(f"{name}: {key}", _word(value), found.get(key))
    return text


def _of_other_version(found: Mapping[str, str]) -> frozenset[str]:
    new = frozenset({"audio_jitter_buffer_type", "audio_jitter_buffer_ms"})
    return new if "jitter_buffer_delay" in found else frozenset({"jitter_buffer_delay"})


def _said(program: str, modules: Path, text: str) -> str:
    with tempfile.TemporaryDirectory() as home:
        place = Path(home)
        head = f"sip_listen 127.0.0.1:0\nmodule_path {modules}\nmodule debug_cmd.so\n"
        (place / "config").write_text(head + text, encoding="utf-8")
        (place / "accounts").touch()
        (place / "contacts").touch()
        argv = [program, "-4", "-f", home, "-t", str(SECONDS), "-v", "-e", "/config"]
        ran = run(argv, home=place, timeout_s=TIMEOUT_S)
    return ran.out if ran.code == 0 else f"{ran.out}\nbaresip {ran.ending}"


def _compare(
    compared: Comparison, name: str, values: Mapping[str, Any], config: str, output: str
) -> None:
    compared.true(f"{name}: {output.strip()[-200:]!r}", "baresip is ready" in output)
    fmtp = _FMTP.search(output)
    announced = dict(p.partition("=")[::2] for p in fmtp[1].split(";")) if fmtp else {}
    shown = dict(_LINE.findall(output))
    for key, value in values.items():
        if key in FMTP:
            wanted = str(int(value))
            compared.same(f"{name}: fmtp {FMTP[key]}", wanted, announced.get(FMTP[key]))
        elif key in SHOWN and re.search(rf"^{key}\s", config, re.MULTILINE):
            compared.same(f"{name}: {key}", _word(value), shown.get(key))


def _word(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)
