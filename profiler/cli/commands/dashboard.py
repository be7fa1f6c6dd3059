"""``chirpbench dashboard``: pages over the store in the browser of this computer.

The dashboard is a program of its own (``python -m dashboard``): it only looks at the store, and
the command line never imports it.
"""

from __future__ import annotations

import importlib.util
import os
import signal
import subprocess
import sys
from argparse import Namespace
from collections.abc import Callable
from contextlib import ExitStack

from profiler.cli.demo import DemoBench, demo_store
from profiler.cli.place import open_store, open_to_read, store_url
from profiler.errors import InputError

PACKAGES = ("streamlit", "altair", "pandas", "vl_convert", "jinja2")
END_S = 10.0
"""Open pages are told, answers under way are finished."""


def execute(args: Namespace) -> int:
    """Serve until Ctrl-C; 0 then, else the server's own exit code."""
    _need_packages()
    _end_on_signals()
    with ExitStack() as ended:
        if not args.demo:
            with open_to_read(args):  # every command upgrades an older store; pages only look
                pass
            return _serve(args, store_url(args))
        place = ended.enter_context(demo_store(args.db))
        with open_store(place):
            pass
        bench = ended.enter_context(DemoBench(place))
        return _serve(args, place, beside=bench.check, temporary=args.db is None)


def _end_on_signals() -> None:
    """What was started ends with us. A script's background job begins with SIGINT ignored, and is
    meant when somebody sends it one; SIGHUP is only ignored by who asked for it (nohup)."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        signal.signal(signal.SIGHUP, signal.default_int_handler)


def _need_packages() -> None:
    for name in PACKAGES:
        if importlib.util.find_spec(name) is None:
            raise InputError(
                f"the dashboard needs {name}, which is not installed",
                hint="pip install 'chirpbench[dashboard]'",
            )


def _serve(
    args: Namespace,
    store: str,
    beside: Callable[[], None] | None = None,
    *,
    temporary: bool = False,
) -> int:
    words = [sys.executable, "-P", "-m", "dashboard", "--until-eof"]
    if args.port is not None:
        words += ["--port", str(args.port)]
    if not args.no_browser and _has_screen():
        words.append("--browser")
    # The URL may hold a password, and everybody on this computer can read a command line.
    env = {**os.environ, "CHIRPBENCH_DB": store, "CHIRPBENCH_DB_TEMPORARY": str(int(temporary))}
    server = subprocess.Popen(words, env=env, stdin=subprocess.PIPE)  # noqa: S603 - our own words
    try:
        while server.poll() is None:
            if beside is not None:
                beside()
            try:
                server.wait(timeout=None if beside is None else 1.0)
            except subprocess.TimeoutExpired:
                continue
    except KeyboardInterrupt:
        _end(server)
        return 0
    finally:
        _end(server)
    return server.returncode


def _end(server: subprocess.Popen[bytes]) -> None:
    if server.stdin is not None:
        server.stdin.close()  # it ends when nobody holds the other end
    try:
        server.wait(timeout=END_S)
    except (subprocess.TimeoutExpired, KeyboardInterrupt):  # twice Ctrl-C: at once
        server.kill()
        server.wait()


def _has_screen() -> bool:
    """Whether a browser window can open; one in the terminal would be in the way."""
    if sys.platform in ("darwin", "win32"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
