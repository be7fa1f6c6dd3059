"""``python -m dashboard``: the server as a program of its own; ``chirpbench dashboard`` runs it."""

from __future__ import annotations

import argparse
import os
import sys
import traceback

from profiler.errors import ChirpbenchError, InputError


def main(argv: list[str] | None = None) -> int:
    """Serve until interrupted; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m dashboard", allow_abbrev=False)
    parser.add_argument("--db", metavar="URL", help="the store (default: $CHIRPBENCH_DB)")
    parser.add_argument("--port", type=int, metavar="N", help="default: first free one from 8501")
    parser.add_argument("--browser", action="store_true", help="open a browser when it is ready")
    parser.add_argument("--until-eof", action="store_true", help="end when standard input ends")
    args = parser.parse_args(argv)
    try:
        from dashboard.server import serve  # noqa: PLC0415 - needs the extra
        from db.store import DEFAULT_STORE  # noqa: PLC0415

        store = args.db or os.environ.get("CHIRPBENCH_DB") or DEFAULT_STORE
        serve(
            store, args.port, browser=args.browser, until_eof=args.until_eof, begun=_begun,
            ready=_ready,
        )  # fmt: skip
    except ImportError as exc:
        return _failed(
            InputError(
                f"the dashboard needs {exc.name or exc}, which is not installed",
                hint="pip install 'chirpbench[dashboard]'",
            )
        )
    except ChirpbenchError as exc:
        return _failed(exc)
    except KeyboardInterrupt:  # before the server was there
        return 0
    return 0


def _begun() -> None:
    print("chirpbench dashboard: preparing, this takes some seconds", flush=True)  # noqa: T201


def _ready(url: str) -> None:
    print(f"chirpbench dashboard: {url} (Ctrl-C ends it)", flush=True)  # noqa: T201


def _failed(exc: ChirpbenchError) -> int:
    if os.environ.get("CHIRPBENCH_DEBUG") == "1":
        traceback.print_exc()
    print(f"chirpbench dashboard: {exc}", file=sys.stderr)  # noqa: T201
    return exc.exit_code


if __name__ == "__main__":
    sys.exit(main())
