"""facebook-wda's exceptions under names of ours, and the package that may be missing."""

from __future__ import annotations

import inspect
import subprocess
import sys
from http.client import RemoteDisconnected

import pytest
from construct import StreamError
from hypothesis import given
from hypothesis import strategies as st
from wda import exceptions as wda_errors
from wda.usbmux import exceptions as mux_errors

from device_probes.ios.foreign import AgentRefused, Garbled, Oversized, translate
from profiler.errors import DeviceError, DeviceLost, DeviceNotReady, DeviceTimeout

PHONE = "00008110-000A1B2C3D4E5F67"
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5000),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=12,
)

_OURS: dict[type[BaseException], type[DeviceError]] = {
    mux_errors.NotPairedError: Garbled,
    mux_errors.MuxError: Garbled,
    mux_errors.MuxVersionError: Garbled,
    mux_errors.BadCommandError: Garbled,
    mux_errors.BadDevError: DeviceLost,
    mux_errors.MuxConnectError: DeviceNotReady,
    mux_errors.MuxConnectToUsbmuxdError: DeviceNotReady,
    mux_errors.ArgumentError: Garbled,
    mux_errors.HTTPError: Garbled,
    wda_errors.WDAError: Garbled,
    wda_errors.WDABadGateway: Garbled,
    wda_errors.WDAEmptyResponseError: Garbled,
    wda_errors.WDAElementNotFoundError: Garbled,
    wda_errors.WDAElementNotDisappearError: Garbled,
    wda_errors.WDARequestError: AgentRefused,
    wda_errors.WDAKeyboardNotPresentError: AgentRefused,
    wda_errors.WDAInvalidSessionIdError: AgentRefused,
    wda_errors.WDAPossiblyCrashedError: AgentRefused,
    wda_errors.WDAUnknownError: AgentRefused,
    wda_errors.WDAStaleElementReferenceError: AgentRefused,
    StreamError: Garbled,
    Oversized: Garbled,
    TimeoutError: DeviceTimeout,
    FileNotFoundError: DeviceNotReady,
    ConnectionRefusedError: DeviceNotReady,
    PermissionError: DeviceNotReady,
    ConnectionResetError: DeviceLost,
    BrokenPipeError: DeviceLost,
    OSError: DeviceLost,
    ValueError: Garbled,
    UnicodeDecodeError: Garbled,
    TypeError: Garbled,
    KeyError: Garbled,
    AttributeError: Garbled,
    RecursionError: Garbled,
    RuntimeError: Garbled,
}
_NEVER_RAISED = {wda_errors.MuxError, wda_errors.MuxConnectError}
"""facebook-wda has these names twice and uses the other ones."""


def _example(kind: type[BaseException]) -> BaseException:
    if kind is UnicodeDecodeError:
        return UnicodeDecodeError("utf-8", b"\xff", 0, 1, "bad")
    if issubclass(kind, wda_errors.WDARequestError):
        return kind(110, {"error": "unknown error", "message": "no\x1b[2J way"})
    return kind("bad\x1b[2J\nword")


def test_every_class_of_the_library_has_a_name_of_ours() -> None:
    foreign = {
        kind
        for module in (wda_errors, mux_errors)
        for _, kind in inspect.getmembers(module, inspect.isclass)
        if kind.__module__ == module.__name__
    }
    assert len(foreign) >= 20
    assert foreign - _NEVER_RAISED <= set(_OURS)


@pytest.mark.parametrize("kind", _OURS, ids=lambda kind: kind.__name__)
def test_each_error_says_what_on_which_phone_and_what_next(kind: type[BaseException]) -> None:
    ours = translate(_example(kind), device=PHONE, what="screenshot", seconds=5)
    assert type(ours) is _OURS[kind]
    assert isinstance(ours, DeviceError)
    assert ours.device == PHONE
    assert ours.hint
    assert "\x1b" not in str(ours)
    assert "\n" not in str(ours)


@pytest.mark.parametrize(
    ("exc", "state"),
    [
        (FileNotFoundError(2, "no"), "no_usbmuxd"),
        (ConnectionRefusedError(111, "no"), "no_usbmuxd"),
        (mux_errors.MuxConnectToUsbmuxdError(), "no_usbmuxd"),
        (PermissionError(13, "no"), "no_permission"),
        (mux_errors.MuxConnectError("no"), "port_closed"),
    ],
)
def test_states_that_wait_for_a_person(exc: Exception, state: str) -> None:
    ours = translate(exc, device=PHONE, what="port 7878", seconds=5)
    assert isinstance(ours, DeviceNotReady)
    assert ours.state == state


@pytest.mark.parametrize(
    ("inner", "kind"), [(TimeoutError("x"), DeviceTimeout), (RemoteDisconnected("x"), Garbled)]
)
def test_what_the_library_wraps_is_looked_into(inner: Exception, kind: type[DeviceError]) -> None:
    ours = translate(mux_errors.HTTPError(inner), device=PHONE, what="status", seconds=5)
    assert type(ours) is kind


@pytest.mark.parametrize(
    ("inner", "kind"),
    [
        (TimeoutError(), DeviceTimeout),
        (Oversized("x"), Garbled),
        (ConnectionResetError(), DeviceLost),
    ],
)
def test_a_failed_read_says_why(inner: Exception, kind: type[DeviceError]) -> None:
    failed = StreamError("stream.read() failed")  # what construct makes of it
    failed.__context__ = inner
    assert type(translate(failed, device=PHONE, what="list", seconds=5)) is kind


@given(VALUES)
def test_a_refusal_may_hold_anything(value: object) -> None:
    for held in (value, {"error": value, "message": value}):
        ours = translate(
            wda_errors.WDARequestError(110, held), device=PHONE, what="launch", seconds=5
        )
        assert isinstance(ours, AgentRefused)
        assert "\n" not in str(ours)
        assert len(str(ours)) < 500


def test_a_mistake_of_our_own_is_not_hidden() -> None:
    assert translate(ZeroDivisionError(), device=PHONE, what="x", seconds=1) is None
    assert translate(AssertionError(), device=PHONE, what="x", seconds=1) is None


# --- the package ----------------------------------------------------------------------------------


def _door_without(preparation: str) -> subprocess.CompletedProcess[str]:
    program = (
        f"import sys, types; {preparation}\n"
        "from device_probes.ios import agent, door, tracking\n"
        "from profiler.errors import InputError\n"
        "try:\n    door.MuxDoor('/nowhere')\n"
        "except InputError as exc:\n    print(exc.message, '|', exc.hint)\n"
    )
    return subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False
    )


def test_without_the_package_the_next_step_is_named() -> None:
    done = _door_without("sys.modules['wda'] = None")
    assert (done.returncode, done.stderr) == (0, "")
    assert "facebook-wda" in done.stdout
    assert "pip install 'chirpbench'" in done.stdout


@pytest.mark.parametrize("left", ["types.ModuleType('retry')", "None"])
def test_a_retry_package_that_is_broken_is_named(left: str) -> None:
    done = _door_without(f"sys.modules['retry'] = {left}")
    assert (done.returncode, done.stderr) == (0, "")
    assert "--force-reinstall --no-deps retry retry2" in done.stdout


def test_adbutils_and_facebook_wda_live_together_though_their_retry_packages_share_files() -> None:
    program = (
        "import adbutils.shell, adbutils.screenrecord, wda, retry\n"
        "calls = []\n"
        "@retry.retry(KeyError, tries=3, delay=0.001, backoff=2, jitter=0.001)\n"
        "def third_time_lucky():\n"
        "    calls.append(1)\n"
        "    if len(calls) < 3:\n        raise KeyError('x')\n"
        "    return 'well'\n"
        "print(third_time_lucky(), len(calls))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stdout == "well 3\n", done.stderr
