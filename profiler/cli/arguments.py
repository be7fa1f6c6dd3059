"""Every command and its options. Standard library only: ``--help`` reads nothing else."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence

from profiler import __version__
from profiler.cli.advice_arguments import ADVICE_COMMANDS
from profiler.cli.parsing import (
    PROBES,
    Commands,
    Parser,
    between,
    command,
    db,
    jobs,
    json_lines,
    port,
    positive,
    probe_list,
    seed,
)
from profiler.cli.web_arguments import web

# Both may be given without a value and be followed by a SERIAL, which is not one.
_OPTIONAL_VALUE = {
    "--virtual": re.compile(r".+\.toml", re.DOTALL),
    "--resume": re.compile(r"[0-9a-fA-F]{8}(-?[0-9a-fA-F]{4}){3}-?[0-9a-fA-F]{12}"),
}

EPILOG = """\
exit codes: 0 done (a bad verdict is a result, not an error), 1 a device, the store or the tool
failed, 2 a file, an argument or a serial cannot be used, 130 interrupted.
environment: CHIRPBENCH_DB the store, CHIRPBENCH_DEBUG=1 shows tracebacks."""


def bind_optional_values(argv: Sequence[str]) -> list[str]:
    """Join ``--virtual``/``--resume`` with the next word only when that is a fleet or a UUID."""
    words, bound = list(argv), []
    while words:
        word = words.pop(0)
        if word in _OPTIONAL_VALUE:
            takes_next = bool(words) and _OPTIONAL_VALUE[word].fullmatch(words[0])
            word += f"={words.pop(0) if takes_next else ''}"
        bound.append(word)
    return bound


def build_parser() -> Parser:
    """The whole command line."""
    parser = Parser(
        prog="chirpbench",
        description="A lab bench for real-time voice on phones: measured round-trip latency with "
        "an uncertainty and a verdict.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"chirpbench {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for add in (
        _devices, _doctor, _run, _stimulus, _exchange_plan, _analyze, _reanalyze, _results,
        _models, _compare, *ADVICE_COMMANDS, _dashboard,
    ):  # fmt: skip
        add(commands)
    return parser


def _virtual(parser: Parser) -> None:
    parser.add_argument(
        "--virtual",
        nargs="?",
        const="",
        metavar="FLEET.toml",
        help="use virtual phones with known truth: the built-in fleet, or the one in FLEET.toml",
    )
    parser.add_argument(
        "--probe",
        type=probe_list,
        metavar="KINDS",
        help=f"comma-separated kinds of device to look for: {', '.join(PROBES)}",
    )


def _devices(commands: Commands[Parser]) -> None:
    p = command(commands, "devices", "list what is connected and in what state")
    _virtual(p)
    web(p)
    p.add_argument(
        "--release",
        metavar="SERIAL",
        help="end the rest of a phone that failed three times, or give back an iPhone that a "
        "killed bench left (docs/ios.md)",
    )
    json_lines(p)


def _doctor(commands: Commands[Parser]) -> None:
    p = command(
        commands,
        "doctor",
        "check this computer: what is wrong and the next step",
        "Exit code 1 when something that is required fails.",
    )
    db(p)
    json_lines(p)


def _run(commands: Commands[Parser]) -> None:
    p = command(
        commands,
        "run",
        "measure: probe every device, analyse, store, print the summary",
        "Bad verdicts are results (exit code 0); exit code 1 when a planned device was absent, "
        "lost or failed, 2 when there is no device to measure.",
    )
    p.add_argument("serials", nargs="*", metavar="SERIAL", help="only these devices (default: all)")
    _virtual(p)
    web(p)
    p.add_argument("--suite", metavar="NAME", help="set of tests (default: bench.toml's, or smoke)")
    p.add_argument("--bench", metavar="bench.toml", help="plan: tests, limits, devices, zones")
    clock = p.add_mutually_exclusive_group()
    clock.add_argument(
        "--speed",
        type=positive,
        metavar="N",
        help="virtual clock N times as fast as real time (virtual phones only)",
    )
    clock.add_argument("--fast", action="store_true", help="virtual clock as fast as possible")
    p.add_argument(
        "--resume",
        nargs="?",
        const="",
        metavar="UUID",
        help="go on with a run that was killed: the newest, or the one with this UUID",
    )
    p.add_argument(
        "--seed", type=seed, metavar="N", help="chooses other gap patterns for the trains"
    )
    p.add_argument("--plain", action="store_true", help="a plain log instead of the live display")
    db(p)
    json_lines(p)


def _stimulus(commands: Commands[Parser]) -> None:
    p = command(
        commands,
        "stimulus",
        "write the stimulus WAV and its description beside it",
        "Give phones that play at the same time different seeds.",
    )
    p.add_argument("--out", required=True, metavar="S.wav", help="the WAV; S.json is put beside it")
    p.add_argument("--rate", type=int, default=48_000, metavar="HZ", help="8000 to 192000 (48000)")
    p.add_argument("--seed", type=seed, default=1, metavar="N", help="gap pattern (1)")
    length = p.add_mutually_exclusive_group()
    length.add_argument("--chirps", type=int, default=8, metavar="N", help="number of chirps (8)")
    length.add_argument(
        "--length", type=positive, metavar="S", help="as many chirps as fit into S seconds"
    )
    p.add_argument(
        "--chirp", type=between(0.02, 5.0), default=0.5, metavar="S", help="one chirp (0.5)"
    )
    p.add_argument(
        "--amplitude", type=between(0.001, 1.0), default=0.9, metavar="A", help="0.001 to 1 (0.9)"
    )
    json_lines(p)


def _exchange_plan(commands: Commands[Parser]) -> None:
    p = command(
        commands,
        "exchange-plan",
        "write what two devices play to measure one of them while its echo canceller is on",
        "Writes a_play.wav, b_play.wav and plan.json; analyze --exchange reads the recordings.",
    )
    p.add_argument("--out", required=True, metavar="DIR", help="folder for the three files")
    p.add_argument("--rate-a", type=int, default=48_000, metavar="HZ", help="of device A (48000)")
    p.add_argument("--rate-b", type=int, default=48_000, metavar="HZ", help="of partner B (48000)")
    p.add_argument(
        "--distance-m", type=between(0.0, 20.0), default=0.3, metavar="D", help="from A to B (0.3)"
    )
    p.add_argument(
        "--partner-distance-m",
        type=between(0.0, 20.0),
        default=0.0,
        metavar="D",
        help="from B's loudspeaker to B's own microphone (0)",
    )
    p.add_argument("--seed", type=seed, default=1, metavar="N", help="gap patterns (1)")
    p.add_argument("--short", action="store_true", help="19 s instead of 40 s; start within 2.5 s")
    json_lines(p)


def _exchange(p: Parser) -> None:
    p.add_argument(
        "--exchange",
        nargs=2,
        metavar=("A_REC.wav", "B_REC.wav"),
        help="the round trip of A from a two-way exchange with B, each recording on its device's "
        "own timeline",
    )
    p.add_argument("--plan", metavar="plan.json", help="what exchange-plan wrote, for --exchange")


def _analyze(commands: Commands[Parser]) -> None:
    p = command(
        commands,
        "analyze",
        "measure the round-trip latency in recordings",
        "Frame 0 of each recording is frame 0 of the stimulus. Exit code 0 when every file could "
        "be read (rejected ones included), 2 when one could not.",
    )
    p.missing = _analyze_misses
    p.add_argument("recordings", nargs="*", metavar="REC.wav", help="WAV, FLAC, …")
    p.add_argument("--stimulus", metavar="S.wav", help="the stimulus, S.json beside it")
    p.add_argument(
        "--echo",
        nargs=2,
        metavar=("ON.wav", "OFF.wav"),
        help="what an echo canceller removes: a recording with it, one without; --stimulus is any "
        "far-end WAV, frame 0 is frame 0 of both",
    )
    _exchange(p)
    p.add_argument(
        "--glitches",
        nargs="+",
        metavar="REC.wav",
        help="where a steady tone breaks in recordings of it; the tone may begin anywhere",
    )
    p.add_argument(
        "--tone-hz", type=between(40.0, 20_000.0), metavar="F", help="its frequency, for --glitches"
    )
    p.add_argument(
        "--json", metavar="OUT", help="write one JSON object a line to OUT, - for stdout"
    )
    p.add_argument("--channel", type=int, metavar="N", help="channel to analyse, from 1 (1)")
    p.add_argument(
        "--jobs", type=jobs, metavar="N", help="processes (one, or one per core from 8 files on)"
    )


def _analyze_misses(args: argparse.Namespace) -> str:
    """Without another mode it takes recordings and a stimulus."""
    if any(getattr(args, mode, None) for mode in ("echo", "exchange", "plan", "glitches")):
        return ""
    words = ("" if args.recordings else "REC.wav", "" if args.stimulus else "--stimulus")
    return ", ".join(word for word in words if word)


def _reanalyze(commands: Commands[Parser]) -> None:
    p = command(commands, "reanalyze", "recompute stored trials from their recordings")
    p.add_argument("uuids", nargs="*", metavar="UUID", help="runs or trials (default: all)")
    p.add_argument("--jobs", type=jobs, metavar="N", help="processes (one per core)")
    db(p)
    json_lines(p)


def _results(commands: Commands[Parser]) -> None:
    p = command(commands, "results", "show stored results, newest first")
    p.add_argument("uuid", nargs="?", metavar="UUID", help="one run with its trials")
    p.add_argument("--device", metavar="UID", help="only this device, as platform:serial")
    p.add_argument("--limit", type=jobs, default=20, metavar="N", help="newest runs (20)")
    db(p)
    json_lines(p)


def _models(commands: Commands[Parser]) -> None:
    p = command(commands, "models", "round-trip latency per model and path")
    p.add_argument("model", nargs="?", metavar="TEXT", help="only models whose name holds TEXT")
    db(p)
    json_lines(p)


def _compare(commands: Commands[Parser]) -> None:
    p = command(
        commands,
        "compare",
        "compare two models, or two OS builds of one model",
        "A and B are parts of a model's name, SoC or OS build that fit one model each.",
    )
    p.add_argument("a", metavar="A", help="the model in question")
    p.add_argument("b", metavar="B", help="the model it is compared with")
    db(p)
    json_lines(p)


def _dashboard(commands: Commands[Parser]) -> None:
    p = command(
        commands,
        "dashboard",
        "show the store in the browser: fleet, models, evidence, advice, the running bench",
        "Serves pages on 127.0.0.1 until Ctrl-C; it only looks at the store.",
    )
    p.add_argument(
        "--port", type=port, metavar="N", help="of 127.0.0.1 (default: the first free from 8501)"
    )
    p.add_argument("--no-browser", action="store_true", help="open no browser window")
    p.add_argument(
        "--demo",
        action="store_true",
        help="fill a temporary store with virtual phones meanwhile; with --db a new one that stays",
    )
    db(p)
