"""Linphone (GPL-3.0 and AGPL-3.0, run as programs of their own): device rows in mediastreamer2's
own table, linphonerc and provisioning in ``linphone-daemon``."""

from __future__ import annotations

import ctypes.util
import re
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from profiler.consumers.checks import Comparison, Unreadable, rejected, unavailable
from profiler.consumers.files import read_index, read_json, read_text, typed
from profiler.consumers.linphone_c import compiled
from profiler.consumers.linphone_files import plain_ini, plain_xml
from profiler.consumers.process import Ran, run, run_module
from profiler.model import ConsumerCheck

TARGET = "linphone"
INSTALL_DAEMON = "apt install linphone-cli"
INSTALL_LIBRARY = "apt install libmediastreamer12"
INSTALL_COMPILER = "apt install gcc libc6-dev"
KINDS = {"linphonerc": "linphonerc", "xml": "provisioning"}
TIMEOUT_S = 30.0
AT_ONCE = 4
"""The daemon mostly waits."""
FACTORY = "[sip]\nsip_port=-1\nsip_tcp_port=0\n[video]\ncapture=0\ndisplay=0\n"
"""Ports of its own choice: a bench may run another Linphone."""
_UNKNOWN = ("chirpbench no such maker", "chirpbench no such model", "")
_OPUS = "audio-codec-get opus/48000/2"
_IN_FORCE = {
    "rtp/upload_ptime": ("ptime up", "Upload"),
    "rtp/download_ptime": ("ptime down", "Download"),
    "rtp/audio_jitt_comp": ("jitter-buffer audio", "audio-jitter-buffer-size"),
    "audio_codec_0/recv_fmtp": (_OPUS, "Recv-fmtp"),
    "audio_codec_0/rate": (_OPUS, "Clock-rate"),
    "audio_codec_0/channels": (_OPUS, "Channels"),
}
"""Key to the daemon's command that says what is in force, and the name in its answer."""
_ANSWER = re.compile(r"^([\w-]+): (.*)$", re.MULTILINE)


def check(folder: Path) -> list[ConsumerCheck]:
    """Rows as JSON and as C, configuration files, provisioning."""
    return [*_rows(folder), *_configs(folder)]


def _rows(folder: Path) -> list[ConsumerCheck]:
    library = ctypes.util.find_library("mediastreamer")
    if library is None:
        return [unavailable(TARGET, "libmediastreamer", INSTALL_LIBRARY)]
    name = f"{library}, ms_devices_info_lookup_device"
    compared = Comparison(TARGET, name)
    in_c = Comparison(TARGET, f"{name} after devices.c")
    compiler = shutil.which("cc") or shutil.which("gcc")
    try:
        rows = _read_rows(folder)
    except Unreadable as exc:
        return [rejected(TARGET, name, str(exc))]
    checks = [_looked_up(compared, library, rows, None, "rows found, each with its own values")]
    if compiler is None:
        return [*checks, unavailable(TARGET, in_c.consumer, INSTALL_COMPILER)]
    with tempfile.TemporaryDirectory() as home:
        try:
            shared = compiled(read_text(folder, f"{TARGET}/devices.c"), compiler, Path(home))
        except Unreadable as exc:
            return [*checks, rejected(TARGET, in_c.consumer, str(exc))]
        text = "rows of the compiled C file found, each with the values of devices.json"
        return [*checks, _looked_up(in_c, library, rows, shared, text)]


def _read_rows(folder: Path) -> list[dict[str, Any]]:
    name = f"{TARGET}/devices.json"
    data = typed(read_json(folder, name), dict, name)
    rows: list[dict[str, Any]] = []
    for number, row in enumerate(typed(data.get("rows"), list, f"{name}: rows"), 1):
        what = f"{name}: row {number}"
        typed(row, dict, what)
        kinds = {"manufacturer": str, "model": str, "platform": str, "flags": int,
                 "delay_ms": int, "recommended_rate_hz": int}  # fmt: skip
        found = {key: typed(row.get(key), kind, f"{what}: {key}") for key, kind in kinds.items()}
        if any("\0" in value for value in found.values() if isinstance(value, str)):
            raise Unreadable(f"{what} holds a NUL: C strings cannot")
        if not 0 <= found["flags"] < 2**32:
            raise Unreadable(f"{what}: flags is {found['flags']}")
        rows.append(found)
    return rows


def _looked_up(
    compared: Comparison,
    library: str,
    rows: Sequence[dict[str, Any]],
    shared: Path | None,
    text: str,
) -> ConsumerCheck:
    asked = {"library": library, "shared": None if shared is None else str(shared),
             "rows": rows, "unknown": _UNKNOWN}  # fmt: skip
    with tempfile.TemporaryDirectory() as home:
        try:
            answer = run_module("linphone_child", asked, home=Path(home), timeout_s=TIMEOUT_S)
        except Unreadable as exc:
            return rejected(TARGET, compared.consumer, str(exc))
    compared.true("a model that is in no row is found", answer.get("unknown") is None)
    found = answer.get("found")
    if not isinstance(found, list) or len(found) != len(rows):
        return rejected(TARGET, compared.consumer, "the lookup answered with other rows")
    for row, got in zip(rows, found, strict=True):
        who = f"{row['manufacturer']!r} {row['model']!r}"
        for key in ("flags", "delay_ms", "recommended_rate_hz", "model"):
            compared.same(f"{who}: {key}", row[key], None if got is None else got.get(key))
    return compared.result(f"{len(rows)} {text}; an unknown model is not found")


def _configs(folder: Path) -> list[ConsumerCheck]:
    program = shutil.which("linphone-daemon")
    if program is None:
        return [unavailable(TARGET, "linphone-daemon", INSTALL_DAEMON)]
    return [_config(folder, program, ending) for ending in ("linphonerc", "xml")]


def _config(folder: Path, program: str, ending: str) -> ConsumerCheck:
    """Every profile's file of one kind in the daemon."""
    compared = Comparison(TARGET, f"linphone-daemon, {KINDS[ending]}")
    wanted, held, texts = {}, {}, {}
    try:
        for name, sections in read_index(folder, f"{TARGET}/index.json").profiles.items():
            file = f"{TARGET}/{name}.{ending}"
            texts[file] = read_text(folder, file)
            plain = plain_ini if ending == "linphonerc" else plain_xml
            held[file], wanted[file] = plain(texts[file], file), _wanted(sections)
    except Unreadable as exc:
        return rejected(TARGET, compared.consumer, str(exc))
    version = ""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        runs = pool.map(lambda file: _daemon(program, texts[file], held[file], ending), texts)
        for file, ran in zip(texts, runs, strict=True):
            compared.same(f"{file}: its keys", sorted(wanted[file]), sorted(held[file]))
            version = _compare(compared, file, wanted[file], ran) or version
    compared.consumer = f"linphone-daemon {version}, {KINDS[ending]}"
    return compared.result(
        f"{len(texts)} profiles: every value in its configuration, packet time, jitter buffer and "
        "Opus parameters in force"
    )


def _wanted(sections: Mapping[str, Any]) -> dict[str, str]:
    return {
        f"{section}/{key}": str(value)
        for section, keys in sections.items()
        for key, value in typed(keys, dict, f"{TARGET}/index.json: {section}").items()
    }


def _compare(compared: Comparison, file: str, wanted: Mapping[str, str], ran: Ran) -> str:
    """Compare one file with the index; the daemon's version."""
    answers = _answers(ran.out)
    for path, value in wanted.items():
        section, key = path.split("/", 1)
        got = answers.get(f"config-get {section} {key}", {}).get("Value")
        compared.same(f"{file}: {path}", value, got)
        if path in _IN_FORCE:
            command, field = _IN_FORCE[path]
            compared.same(f"{file}: {command}", value, answers.get(command, {}).get(field))
    if ran.code != 0:
        compared.true(f"{file}: linphone-daemon {ran.ending}", False)
    return answers.get("version", {}).get("Version", "")


def _daemon(program: str, text: str, held: Mapping[str, str], ending: str) -> Ran:
    # config-get of a key that is not there ends the daemon: it is asked for what the file holds.
    asked = dict.fromkeys(
        ["version", *(command for path, (command, _) in _IN_FORCE.items() if path in held)]
    )
    gets = [f"config-get {path.replace('/', ' ')}" for path in held]
    commands = "\n".join([*asked, *gets, "quit", ""])
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        # It keeps a database there and ends in an error when the folder is missing.
        (home / ".local/share/linphone").mkdir(parents=True)
        (home / "factory").write_text(FACTORY, encoding="utf-8")
        given = home / f"given.{ending}"
        given.write_text(text, encoding="utf-8")
        if ending == "xml":
            (home / "rc").write_text(f"[misc]\nconfig-uri={given.as_uri()}\n", encoding="utf-8")
            given = home / "rc"
        argv = [program, "--factory-config", str(home / "factory"), "--config", str(given)]
        return run(argv, home=home, timeout_s=TIMEOUT_S, stdin=commands)


def _answers(out: str) -> dict[str, dict[str, str]]:
    """The daemon's answers by command; it echoes each behind its prompt."""
    found: dict[str, dict[str, str]] = {}
    for part in out.split("daemon-linphone>")[1:]:
        command, _, answer = part.partition("\n")
        found[command.strip()] = dict(_ANSWER.findall(answer))
    return found
