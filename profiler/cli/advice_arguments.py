"""Options of the commands from advice to exported files."""

from __future__ import annotations

from profiler.cli.parsing import (
    Commands,
    Parser,
    between,
    command,
    db,
    jobs,
    json_lines,
    seed,
)

USES = ("voice-agent", "call", "music")


def _use_and_network(p: Parser) -> None:
    p.add_argument(
        "--use",
        choices=USES,
        default="voice-agent",
        help="what the app does with the sound (voice-agent)",
    )
    p.add_argument(
        "--network", default="good", metavar="NAME", help="network scenario (good); see --networks"
    )
    p.add_argument(
        "--networks",
        metavar="FILE.toml",
        help="own network scenarios beside the built-in ones (docs/recommend.md has the keys)",
    )


def _described(p: Parser) -> None:
    what = p.add_argument_group(
        "a model that was never measured", "with these MODEL need not be in the store"
    )
    what.add_argument("--manufacturer", metavar="TEXT", help="as Build.MANUFACTURER")
    what.add_argument("--soc", metavar="TEXT", help="as Build.SOC_MODEL or ro.board.platform")
    what.add_argument("--os-build", metavar="TEXT", help="fingerprint of its OS build")
    what.add_argument("--api-level", type=jobs, metavar="N", help="Android's API level")


def _recommend(commands: Commands[Parser]) -> None:
    p = command(
        commands,
        "recommend",
        "recommend settings for a model, with reasons, evidence and the delay they cost",
        "MODEL is a part of a model's name, SoC or OS build that fits one model.",
    )
    p.add_argument("model", metavar="MODEL", help="whose settings")
    _use_and_network(p)
    _described(p)
    p.add_argument(
        "--pipelines", metavar="FILE.toml", help="own agent pipelines beside the built-in ones"
    )
    p.add_argument(
        "--pipeline", metavar="NAME", help="only this agent pipeline (default: all of them)"
    )
    p.add_argument(
        "--picture", metavar="FILE.svg", help="also draw the budgets as stacked bars: .svg or .png"
    )
    db(p)
    json_lines(p)


def _verify(commands: Commands[Parser]) -> None:
    p = command(
        commands,
        "verify",
        "prove a recommendation beside the defaults in real Opus, NetEq and AEC3",
        "Needs the extra chirpbench[verify]. The outcome is stored: export marks what it proved.",
    )
    p.add_argument("model", metavar="MODEL", help="whose settings")
    _use_and_network(p)
    _described(p)
    p.add_argument(
        "--sessions", type=jobs, default=6, metavar="N", help="sessions of each side (6)"
    )
    p.add_argument(
        "--seconds", type=between(4.0, 300.0), default=12.0, metavar="S", help="of each (12)"
    )
    p.add_argument("--seed", type=seed, default=1, metavar="N", help="of the network's dice (1)")
    db(p)
    json_lines(p)


def _export(commands: Commands[Parser]) -> None:
    p = command(
        commands,
        "export",
        "write config profiles that real stacks load, with what each cannot express",
        "Virtual phones, emulators and custom ROMs are refused unless allowed.",
    )
    p.add_argument(
        "models", nargs="*", metavar="MODEL", help="only these models (default: every stored one)"
    )
    p.add_argument(
        "--format",
        default="all",
        metavar="NAMES",
        help="comma-separated targets, or all (docs/exports.md lists them)",
    )
    p.add_argument("--out", required=True, metavar="DIR", help="folder for the files")
    _use_and_network(p)
    p.add_argument("--allow-virtual", action="store_true", help="export simulated phones, marked")
    p.add_argument(
        "--allow-custom-rom", action="store_true", help="export phones with a custom ROM, marked"
    )
    p.add_argument("--allow-stale", action="store_true", help="export results past their expiry")
    p.add_argument(
        "--expires-days", type=jobs, default=180, metavar="N", help="after the newest result (180)"
    )
    p.add_argument("--sign", metavar="KEY", help="sign every file with this Ed25519 key (PEM)")
    db(p)
    json_lines(p)


def _verify_export(commands: Commands[Parser]) -> None:
    p = command(
        commands,
        "verify-export",
        "load exported files with the programs they are for",
        "Exit code 1 when a consumer rejects a file or a signature does not fit.",
    )
    p.add_argument("folder", metavar="DIR", help="what export wrote")
    p.add_argument(
        "--format", default="all", metavar="NAMES", help="comma-separated targets, or all"
    )
    p.add_argument("--public-key", metavar="KEY", help="check the signatures with this key (PEM)")
    p.add_argument(
        "--require-all", action="store_true", help="an absent consumer is a failure, too"
    )
    json_lines(p)


def _export_diff(commands: Commands[Parser]) -> None:
    p = command(
        commands,
        "export-diff",
        "show what changed between two exports, model by model and setting by setting",
    )
    p.add_argument("old", metavar="OLD", help="folder of the earlier export")
    p.add_argument("new", metavar="NEW", help="folder of the later one")
    json_lines(p)


ADVICE_COMMANDS = (_recommend, _verify, _export, _verify_export, _export_diff)
