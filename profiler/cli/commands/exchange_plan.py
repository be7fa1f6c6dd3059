"""``chirpbench exchange-plan``: what two devices play, and the plan that reads their recordings."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from profiler import __version__
from profiler.cli.jsonlines import print_json
from profiler.cli.text import clean
from profiler.errors import InputError
from profiler.model import Geometry
from profiler.stimulus import ExchangePlan, exchange_schedule, write_plan
from profiler.stimulus.exchange_files import PLAN, PLAY_A, PLAY_B


def execute(args: Namespace) -> int:
    """Write the three files, or none."""
    folder = Path(args.out)
    if folder.exists() and not folder.is_dir():
        raise InputError("is not a folder", file=args.out, hint="name a folder, new or not")
    _refuse_foreign(folder)
    schedule = exchange_schedule(args.seed, args.rate_a, args.rate_b, short=args.short)
    place = Geometry(args.distance_m, args.partner_distance_m)
    plan = ExchangePlan(args.seed, schedule, place, __version__)
    files = write_plan(folder, plan)
    if args.json:
        names = ("a_play", "b_play", "plan")
        print_json({
            **{name: str(file) for name, file in zip(names, files, strict=True)},
            "duration_s": schedule.duration_s, "seed": args.seed,
            "rate_a_hz": args.rate_a, "rate_b_hz": args.rate_b,
            "distance_m": place.distance_m, "partner_distance_m": place.partner_distance_m,
        })  # fmt: skip
        return 0
    print(
        f"{clean(folder)}: {PLAY_A} ({args.rate_a} Hz), {PLAY_B} ({args.rate_b} Hz), {PLAN}; "
        f"{schedule.duration_s:g} s, {place.distance_m:g} m apart, seed {args.seed}. "
        "Play each on its device while it records; start both within "
        f"{2.5 if args.short else 9.5:g} s; effects of B off."
    )
    return 0


def _refuse_foreign(folder: Path) -> None:
    """Files of these names that are no plan's must not be lost."""
    if (folder / PLAN).exists():
        return
    for name in (PLAY_A, PLAY_B):
        if (folder / name).exists():
            raise InputError(
                "exists and belongs to no plan", file=str(folder / name), hint="name another folder"
            )
