"""From ``argv`` to an exit code: the one place where errors become lines.

Only the standard library is imported before the command is known, so that ``--help`` is instant.
"""

from __future__ import annotations

import importlib
import io
import os
import sys
import traceback
from argparse import Namespace
from collections.abc import Callable, Sequence

from profiler.cli.arguments import bind_optional_values, build_parser
from profiler.cli.text import clean
from profiler.errors import ChirpbenchError, PlanError

EXIT_OK = 0
EXIT_FAILED = 1
EXIT_INTERRUPTED = 130
EXIT_PIPE = 141
"""128 + SIGPIPE: what a shell reports for a program whose reader went away."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code and raises nothing but ``SystemExit``."""
    _prepare_streams()
    # Analysis runs one process per core; BLAS threads on top of that only fight for the cores.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    words = bind_optional_values(sys.argv[1:] if argv is None else argv)
    try:
        try:
            return _guarded(build_parser().parse_args(words))
        finally:
            sys.stdout.flush()
    except BrokenPipeError:
        # The reader (``head``, a pager) has enough.
        _drop_output()
        return EXIT_PIPE
    except OSError as exc:
        print(f"chirpbench: the output cannot be written: {exc.strerror}", file=sys.stderr)
        _drop_output()
        return EXIT_FAILED


def _prepare_streams() -> None:
    if sys.stdout is None:  # closed by the caller: ``>&-``
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115, PTH123
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115, PTH123
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A file name may hold bytes that the terminal's encoding does not know.
            stream.reconfigure(errors="replace")


def _drop_output() -> None:
    """What is left in the buffer has nowhere to go; Python would complain while closing."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def _guarded(args: Namespace) -> int:
    try:
        module = importlib.import_module(f"profiler.cli.commands.{args.command.replace('-', '_')}")
        execute: Callable[[Namespace], int] = module.execute
        code = execute(args)
    except BrokenPipeError:
        raise
    except (Exception, KeyboardInterrupt) as exc:  # noqa: BLE001 - a user never meets a traceback
        lines, code = explain(exc)
        if os.environ.get("CHIRPBENCH_DEBUG") == "1":
            traceback.print_exc()
        for line in lines:
            print(f"chirpbench {args.command}: {clean(line)}", file=sys.stderr)
    return code


def explain(exc: BaseException) -> tuple[list[str], int]:
    """What to tell the user, and the exit code."""
    code = EXIT_FAILED
    match exc:
        case KeyboardInterrupt():
            lines, code = ["interrupted"], EXIT_INTERRUPTED
        case PlanError():  # a plan file gets a line for each mistake
            lines, code = str(exc).split("\n"), exc.exit_code
        case ChirpbenchError():
            lines, code = [str(exc)], exc.exit_code
        case MemoryError():
            lines = ["out of memory; give fewer --jobs or shorter files"]
        case OSError():
            where = f"{exc.filename}: " if exc.filename else ""
            lines = [f"{where}{exc.strerror or exc}"]
        case _:
            what = f"internal error: {type(exc).__name__}: {exc}"
            lines = [f"{what}; set CHIRPBENCH_DEBUG=1 for the details and report them"]
    return lines, code
