"""The server of ``python -m dashboard``: Streamlit behind the gate, on one port of 127.0.0.1."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import threading
import webbrowser
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

from dashboard import settings, source
from profiler.errors import InputError

ADDRESS = "127.0.0.1"
FIRST_PORT = 8501
_PORTS = 100
"""Tried one after the other when none was named."""
_END_S = 3
"""For answers under way when the server ends; an open page's connection is cut then."""


def listening(port: int | None) -> socket.socket:
    """A socket on ``port``, or on the first free one from 8501. Raises :class:`InputError`."""
    first = FIRST_PORT if port is None else port
    for number in range(first, first + (_PORTS if port is None else 1)):
        found = socket.socket()
        # Without SO_REUSEADDR a port that was just closed would be refused for a minute.
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            found.bind((ADDRESS, number))
            found.listen(128)
        except OSError as exc:
            found.close()
            reason = exc.strerror or str(exc)
        else:
            return found
    where = f"port {port}" if port is not None else f"ports {first} to {first + _PORTS - 1}"
    raise InputError(
        f"{where} of {ADDRESS} cannot be used ({reason})",
        hint="choose another one with --port" if port else "name one with --port",
    )


def serve(
    store: str,
    port: int | None,
    *,
    browser: bool,
    until_eof: bool,
    begun: Callable[[], None],
    ready: Callable[[str], None],
) -> None:
    """Serve until interrupted; ``begun`` is called when the port is ours and nothing is ready yet,
    ``ready`` is told the URL when pages open without delay.

    With ``until_eof`` also until standard input ends: whoever started the server is gone then.
    Raises :class:`InputError` when no port is free.
    """
    import uvicorn  # noqa: PLC0415

    with listening(port) as listener:
        begun()
        number = int(listener.getsockname()[1])
        url = f"http://{ADDRESS}:{number}"
        settings.apply(number)
        source.use(store)
        if until_eof:
            threading.Thread(target=_end_with_stdin, daemon=True).start()

        def started() -> None:
            ready(url)
            if browser:
                threading.Thread(target=webbrowser.open, args=(url,), daemon=True).start()

        config = uvicorn.Config(
            _application(started), log_level="warning", access_log=False, ws="websockets-sansio",
            ws_max_size=2**27, ws_per_message_deflate=False, timeout_graceful_shutdown=_END_S,
            lifespan="on",
        )  # fmt: skip
        with contextlib.suppress(KeyboardInterrupt):  # uvicorn raises it again after its end
            uvicorn.Server(config).run(sockets=[listener])
    source.current().close()


def _application(started: Callable[[], None]) -> Any:
    import streamlit  # noqa: PLC0415
    from starlette.middleware import Middleware  # noqa: PLC0415
    from streamlit.starlette import App  # noqa: PLC0415

    from dashboard.assets import Assets  # noqa: PLC0415
    from dashboard.frame import on_script_error  # noqa: PLC0415
    from dashboard.gate import Gate  # noqa: PLC0415
    from dashboard.warm import warm_up  # noqa: PLC0415

    @contextlib.asynccontextmanager
    async def lifespan(_: Any) -> AsyncIterator[None]:
        warm_up()
        started()
        yield

    assets = Assets(Path(streamlit.__file__).parent / "static")
    return App(
        Path(__file__).parent / "script" / "run.py",
        lifespan=lifespan,
        middleware=[Middleware(Gate, assets=assets)],
        on_script_error=on_script_error,
    )


def _end_with_stdin() -> None:
    with contextlib.suppress(OSError, ValueError):
        while os.read(0, 4096):  # not sys.stdin: its lock would be held at the end of Python
            pass
    os.kill(os.getpid(), signal.SIGINT)
