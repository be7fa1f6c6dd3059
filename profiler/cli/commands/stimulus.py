"""``chirpbench stimulus``: the WAV to play and its description."""

from __future__ import annotations

import tempfile
from argparse import Namespace
from pathlib import Path

from profiler.cli.jsonlines import print_json
from profiler.cli.text import clean
from profiler.errors import InputError, StimulusError
from profiler.model import StimulusSpec
from profiler.stimulus import MAX_CHIRPS, MAX_TRAIN_S, make_train, spec_to_json, write_stimulus


def execute(args: Namespace) -> int:
    """Write both files, or neither."""
    out = Path(args.out)
    if out.suffix.lower() != ".wav":
        raise InputError("the stimulus is a WAV file", file=args.out, hint="name it S.wav")
    if out.is_file() and not out.with_suffix(".json").exists():
        raise InputError(
            "exists and is not a stimulus with its description",
            file=args.out,
            hint="name another file, or remove this one",
        )
    spec = _fitting(args) if args.length is not None else _train(args, args.chirps)
    _write_both(out, spec)
    if args.json:
        print_json({"file": str(out), **spec_to_json(spec)})
    else:
        print(
            f"{clean(out)}: {len(spec.starts_s)} chirps of {spec.chirp_s:g} s, "
            f"{spec.f_lo_hz:g}-{spec.f_hi_hz:g} Hz, {spec.duration_s:.2f} s at {spec.rate_hz} Hz, "
            f"seed {spec.seed}; description in {clean(out.with_suffix('.json').name)}"
        )
    return 0


def _train(args: Namespace, chirps: int) -> StimulusSpec:
    if not 1 <= chirps <= MAX_CHIRPS:
        raise StimulusError(f"{chirps} chirps", hint=f"use 1 to {MAX_CHIRPS}")
    return make_train(
        args.seed, rate_hz=args.rate, chirps=chirps, chirp_s=args.chirp, amplitude=args.amplitude
    )


def _fitting(args: Namespace) -> StimulusSpec:
    """The longest train within ``--length``: a longer train begins with the shorter one."""
    if args.length > MAX_TRAIN_S:
        raise StimulusError(f"{args.length:g} s is too long", hint=f"use at most {MAX_TRAIN_S:g} s")
    best = _train(args, 1)  # also complains about every other value
    if best.duration_s > args.length:
        raise StimulusError(
            f"one chirp of {args.chirp:g} s needs {best.duration_s:g} s, not {args.length:g} s",
            hint="give a longer --length or a shorter --chirp",
        )
    fits, too_many = 1, MAX_CHIRPS + 1
    while too_many - fits > 1:
        middle = (fits + too_many) // 2
        try:
            spec = _train(args, middle)
        except StimulusError:  # longer than any train may be
            too_many = middle
            continue
        if spec.duration_s <= args.length:
            best, fits = spec, middle
        else:
            too_many = middle
    return best


def _write_both(out: Path, spec: StimulusSpec) -> None:
    """Write the pair in a folder of its own and move it: no WAV is left without its JSON."""
    try:
        with tempfile.TemporaryDirectory(dir=out.parent, prefix=".chirpbench-") as folder:
            wav = Path(folder) / "stimulus.wav"
            beside = write_stimulus(wav, spec)
            if out.is_dir() or out.with_suffix(".json").is_dir():
                raise InputError("is a folder", file=str(out), hint="name a file")
            beside.replace(out.with_suffix(".json"))
            wav.replace(out)
    except OSError as exc:
        raise InputError(
            f"cannot be written ({exc.strerror})",
            file=str(out),
            hint="check the folder and the free space",
        ) from exc
