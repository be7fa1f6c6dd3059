"""facebook-wda and the names of ours for its exceptions: the only module that imports it.

It is imported when it is first needed, so a bench of Android phones does without it.
"""

from __future__ import annotations

import binascii
import socket
import struct
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from http.client import HTTPException
from types import SimpleNamespace
from typing import NamedTuple
from xml.parsers.expat import ExpatError

from device_probes.fields import clean, shown
from device_probes.ios.errors import HOST, lost, not_ready, timed_out
from profiler.errors import DeviceError, DeviceLost, InputError
from profiler.model import DeviceState

_NONSENSE = (
    ValueError, TypeError, KeyError, IndexError, AttributeError, EOFError, RecursionError,
    struct.error, binascii.Error, ExpatError, HTTPException,
)  # fmt: skip
"""What facebook-wda's own code falls over when an answer is not what it expects."""
_REPAIR = "pip install --force-reinstall --no-deps retry retry2"
_MAX_CAUSES = 8
_MAX_TEXT = 4096
"""Of WebDriverAgent's error messages: the reason may stand at the end of a long one."""


@cache
def library() -> SimpleNamespace:
    """facebook-wda: ``wda``, ``mux`` (its usbmux client) and ``mux_errors``.

    Raises :class:`~profiler.errors.InputError` when it is missing or broken.
    """
    try:
        import construct  # noqa: PLC0415 - only who has an iPhone needs it
        import wda  # noqa: PLC0415
        from wda.usbmux import exceptions, pyusbmux  # noqa: PLC0415
    except (ImportError, AttributeError) as exc:
        # retry and retry2 (adbutils) own the same files: removing one breaks both
        broken = isinstance(exc, AttributeError) or (exc.name or "").partition(".")[0] == "retry"
        raise InputError(
            f"iPhones need the package facebook-wda ({shown(str(exc), 80)})",
            hint=_REPAIR if broken else "pip install 'chirpbench'",
        ) from exc
    return SimpleNamespace(
        wda=wda, mux=pyusbmux, mux_errors=exceptions, construct_error=construct.ConstructError
    )


class Oversized(Exception):
    """usbmuxd sent more than is ever needed."""


class Garbled(DeviceLost):
    """There was an answer, and it makes no sense: whatever answers is not, or no longer, well."""


class AgentRefused(DeviceError):
    """WebDriverAgent understood the request and says that it cannot be done.

    ``code`` is its own word, e.g. ``no such alert``; ``text`` its message, cleaned and bounded.
    """

    def __init__(self, message: str, *, device: str, code: str, text: str) -> None:
        super().__init__(message, device=device, hint="look at the phone's screen, then run again")
        self.code = code
        self.text = text


class _Case(NamedTuple):
    """What is known of a failed call."""

    exc: BaseException
    device: str
    what: str
    seconds: float

    @property
    def says(self) -> str:
        """What the library said, without the address of our own forward."""
        said = [str(arg) for arg in self.exc.args if "://127.0.0.1" not in str(arg)]
        return shown(" ".join((type(self.exc).__name__, *said)).replace("\n", " "), 120)


_Kinds = type[BaseException] | tuple[type[BaseException], ...]
_Rule = tuple[_Kinds, Callable[[_Case], DeviceError]]


def translate(exc: BaseException, *, device: str, what: str, seconds: float) -> DeviceError | None:
    """The error of ours for whatever came out of facebook-wda; ``None``: a mistake of our own."""
    if isinstance(exc, DeviceError):
        return exc
    case = _Case(exc, device, what, seconds)
    return next((make(case) for kinds, make in _rules() if isinstance(exc, kinds)), None)


@cache
def _rules() -> tuple[_Rule, ...]:
    """First match counts, so children stand before their parents."""
    lib = library()
    wda, mux = lib.wda, lib.mux_errors
    return (
        (TimeoutError, lambda c: timed_out(c.device, c.what, c.seconds)),
        (mux.HTTPError, _transport),
        (wda.WDARequestError, _refused),
        (wda.WDAError, _garbled),
        (mux.MuxConnectToUsbmuxdError, _no_usbmuxd),
        (mux.MuxConnectError, lambda c: not_ready(c.device, DeviceState.PORT_CLOSED, c.what)),
        (mux.BadDevError, lambda c: lost(c.device, f"unplugged during {c.what}")),
        (lib.construct_error, _reading),
        ((mux.MuxError, mux.NotPairedError, mux.ArgumentError), _garbled),
        (Oversized, _garbled),
        (PermissionError, lambda c: not_ready(c.device, DeviceState.NO_PERMISSION)),
        ((FileNotFoundError, ConnectionRefusedError, socket.gaierror), _no_usbmuxd),
        (OSError, lambda c: lost(c.device, f"gone during {c.what} ({c.says})")),
        (_NONSENSE, _garbled),
        (RuntimeError, _garbled),  # the library's guard against its own recursion
    )


def _transport(case: _Case) -> DeviceError:
    """facebook-wda wraps whatever happened on the way in one class."""
    inner = case.exc.args[0] if case.exc.args else None
    if isinstance(inner, TimeoutError):
        return timed_out(case.device, case.what, case.seconds)
    return Garbled(
        f"{case.what}: WebDriverAgent's connection broke "
        f"({shown(f'{type(inner).__name__} {inner}', 120)})",
        device=case.device,
        hint="start WebDriverAgent again, then run again",
    )


def _reading(case: _Case) -> DeviceError:
    """``construct`` says "read failed" whatever the stream raised; that stands behind it."""
    cause = case.exc.__context__
    for _ in range(_MAX_CAUSES):
        if isinstance(cause, OSError | Oversized):
            return translate(cause, device=case.device, what=case.what, seconds=case.seconds) or (
                _garbled(case)
            )
        cause = None if cause is None else cause.__context__
    return _garbled(case)


def _refused(case: _Case) -> DeviceError:
    value = getattr(case.exc, "value", None)
    fields = value if isinstance(value, Mapping) else {}
    code = shown(str(fields.get("error", "") or "unknown error"), 60)
    said = clean(str(fields.get("message", "") or code)[:_MAX_TEXT])
    return AgentRefused(
        f"WebDriverAgent refused {case.what}: {code} ({shown(said, 160)})",
        device=case.device,
        code=code,
        text=said,
    )


def _garbled(case: _Case) -> DeviceError:
    program = "usbmuxd" if case.device == HOST else "WebDriverAgent"
    return Garbled(
        f"{case.what}: {program}'s answer makes no sense ({case.says})",
        device=case.device,
        hint=f"start {program} again, then run again",
    )


def _no_usbmuxd(case: _Case) -> DeviceError:
    return not_ready(case.device, DeviceState.NO_USBMUXD)


@contextmanager
def translated(what: str, device: str, seconds: float) -> Iterator[None]:
    """Let whatever facebook-wda raises inside leave as an error of ours."""
    try:
        yield
    except Exception as exc:  # its trees have no common root; what is not its own goes on as it is
        ours = translate(exc, device=device, what=what, seconds=seconds)
        if ours is None or ours is exc:
            raise
        raise ours from exc
