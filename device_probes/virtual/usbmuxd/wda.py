"""WebDriverAgent of a virtual iPhone, as facebook-wda meets it (routes of WebDriverAgent 16)."""

from __future__ import annotations

import asyncio
import base64
import json
import struct
import uuid
import zlib
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeAlias

from device_probes.virtual.usbmuxd.core import IphoneCore
from device_probes.virtual.usbmuxd.http import HttpRequest, read_request, response
from device_probes.virtual.usbmuxd.pipe import Pipe
from device_probes.virtual.usbmuxd.state import (
    FOREGROUND,
    HOME_BUNDLE,
    NOT_RUNNING,
    PROBE_BUNDLE,
    SUSPENDED,
    WDA_BUNDLE,
    ShownAlert,
)

VERSION = "16.7.0"
_SIZE = {"width": 390, "height": 844}


class WdaError(Exception):
    """An error as WebDriver names it."""

    def __init__(self, error: str, message: str, status: int = 404) -> None:
        super().__init__(message)
        self.error = error
        self.message = message
        self.status = status


class Odd(NamedTuple):
    """An answer in place of the right one."""

    status: int
    body: bytes


Handler: TypeAlias = Callable[["Wda", Mapping[str, Any]], Any]


class Wda:
    """The server on the phone's port 8100, as far as it runs."""

    def __init__(self, phone: IphoneCore) -> None:
        self._phone = phone
        self._turn = asyncio.Lock()
        self.session: str | None = None
        """The id of the session it knows."""
        self.hangs = False
        """It takes connections and answers nothing."""
        self.odd: list[Odd] = []
        """Answers that come in place of the next right ones."""

    async def serve(self, pipe: Pipe) -> None:
        """Answer requests until the host hangs up; it does one thing at a time."""
        while (request := await read_request(pipe)) is not None:
            async with self._turn:
                await self._phone.moments.event(f"wda:{request.method} {_bare(request.path)[1]}")
                while self.hangs:
                    await asyncio.sleep(0.02)
                status, body = await self._answer(request)
            await pipe.write(response(status, body))

    async def _answer(self, request: HttpRequest) -> tuple[int, bytes]:
        if self.odd:
            return self.odd.pop(0)
        status, value = 200, None
        try:
            value = self._do(request)
        except WdaError as exc:
            status = exc.status
            value = {"error": exc.error, "message": exc.message, "traceback": ""}
        if request.path.endswith("/wda/apps/launch") and status == 200:
            await self._phone.moments.event("probe:start")
        return status, json.dumps({"value": value, "sessionId": self.session}).encode()

    def _do(self, request: HttpRequest) -> Any:
        session, path = _bare(request.path)
        if (request.method, request.path) == ("POST", "/session"):
            return self._new_session(request.body)
        handler = _ROUTES.get((request.method, path))
        if handler is None or (session is None and (request.method, path) not in _WITHOUT_SESSION):
            raise WdaError("unknown command", f"Unhandled endpoint: {request.path}")
        if session is not None and session != self.session:
            raise WdaError("invalid session id", "Session does not exist")
        return handler(self, request.body)

    # --- sessions and apps ------------------------------------------------------------------------

    def _new_session(self, body: Mapping[str, Any]) -> dict[str, Any]:
        wanted = body.get("capabilities", {}).get("alwaysMatch", {})
        if wanted.get("bundleId"):
            self._launch(wanted)
        self.session = str(uuid.uuid4()).upper()
        return {"sessionId": self.session, "capabilities": {"device": "iphone",
                "sdkVersion": self._phone.spec.os_version,
                "CFBundleIdentifier": wanted.get("bundleId", "")}}  # fmt: skip

    def _delete(self, _: Mapping[str, Any]) -> None:
        self.session = None

    def _status(self, _: Mapping[str, Any]) -> dict[str, Any]:
        version = self._phone.spec.os_version
        return {
            "message": "WebDriverAgent is ready to accept commands",
            "state": "success",
            "ready": True,
            "device": "iphone",
            "os": {"name": "iOS", "version": version, "sdkVersion": version,
                   "testmanagerdVersion": 65535},
            "ios": {"ip": "192.0.2.17"},
            "build": {"time": "Nov  3 2025 09:00:00", "version": VERSION,
                      "productBundleIdentifier": WDA_BUNDLE.removesuffix(".xctrunner")},
        }  # fmt: skip

    def _launch(self, body: Mapping[str, Any]) -> None:
        """Start an app; one that runs only comes to the front (``FBSession.m``)."""
        bundle, state = str(body.get("bundleId", "")), self._phone.state
        arguments = tuple(str(a) for a in body.get("arguments") or ())
        if state.locked:
            raise _not_opened(bundle, 7, "Locked", f"Unable to launch {bundle} because the device "
                              "was not, or could not be, unlocked")  # fmt: skip
        if bundle not in state.installed:
            raise _not_opened(bundle, 4, "NotFound", "Application info provider "
                              f'(FBSApplicationLibrary) returned nil for "{bundle}"')  # fmt: skip
        if bundle in state.expired:
            raise _not_opened(bundle, 3, "Security", f"Unable to launch {bundle} because it has an "
                              "invalid code signature, inadequate entitlements or its profile has "
                              "not been explicitly trusted by the user")  # fmt: skip
        state.launches.append((bundle, arguments))
        if bundle == PROBE_BUNDLE:
            self._phone.app.launch(arguments)
        else:
            state.show(bundle)

    def _terminate(self, body: Mapping[str, Any]) -> bool:
        return self._phone.app.stop() if body.get("bundleId") == PROBE_BUNDLE else False

    def _app_state(self, body: Mapping[str, Any]) -> int:
        bundle, state = body.get("bundleId"), self._phone.state
        if bundle == PROBE_BUNDLE:
            return self._phone.app.xcui_state
        if bundle == state.front:
            return FOREGROUND
        return SUSPENDED if bundle in state.installed else NOT_RUNNING

    def _active(self, _: Mapping[str, Any]) -> dict[str, Any]:
        return {"bundleId": self._phone.state.front, "name": "", "pid": 4711}

    # --- the screen -------------------------------------------------------------------------------

    def _locked(self, _: Mapping[str, Any]) -> bool:
        return self._phone.state.locked

    def _lock(self, _: Mapping[str, Any]) -> None:
        self._phone.state.lock_screen(locked=True)

    def _unlock(self, _: Mapping[str, Any]) -> None:
        state = self._phone.state
        if state.passcode and state.locked:
            raise WdaError("unknown error", "Timed out while waiting until the screen gets "
                           "unlocked", 500)  # fmt: skip
        state.lock_screen(locked=False)

    def _home(self, _: Mapping[str, Any]) -> None:
        self._phone.state.show(HOME_BUNDLE)

    def _alert_text(self, _: Mapping[str, Any]) -> str:
        return self._alert().text

    def _alert_buttons(self, _: Mapping[str, Any]) -> list[str]:
        return list(self._alert().buttons)

    def _alert(self) -> ShownAlert:
        alert = self._phone.state.alert
        if alert is None:
            raise WdaError("no such alert", "An attempt was made to operate on a modal dialog when "
                           "one was not open")  # fmt: skip
        return alert

    def _accept(self, body: Mapping[str, Any], *, accept: bool = True) -> None:
        self._alert()
        name = body.get("name")
        if not self._phone.state.press(None if name is None else str(name), accept=accept):
            raise WdaError("invalid element state", f"Failed to find button with label '{name}' "
                           "for alert", 400)  # fmt: skip

    def _dismiss(self, body: Mapping[str, Any]) -> None:
        self._accept(body, accept=False)

    def _screenshot(self, _: Mapping[str, Any]) -> str:
        return base64.b64encode(png(39, 84, shade=64 if self._phone.state.alert else 160)).decode()

    # --- facts ------------------------------------------------------------------------------------

    def _info(self, _: Mapping[str, Any]) -> dict[str, Any]:
        return {"name": self._phone.spec.marketing_name, "model": "iPhone", "timeZone": "GMT",
                "currentLocale": self._phone.state.language, "isSimulator": False,
                "uuid": str(uuid.uuid5(uuid.NAMESPACE_URL, self._phone.udid)).upper()}  # fmt: skip

    def _battery(self, _: Mapping[str, Any]) -> dict[str, Any]:
        battery = self._phone.state.battery
        return {"level": battery.level, "state": 2 if battery.charging else 1}

    def _window(self, _: Mapping[str, Any]) -> dict[str, int]:
        return dict(_SIZE)

    def _nothing(self, _: Mapping[str, Any]) -> dict[str, Any]:
        return {}


_ROUTES: dict[tuple[str, str], Handler] = {
    ("GET", "/status"): Wda._status,
    ("GET", "/"): Wda._nothing,
    ("DELETE", "/"): Wda._delete,
    ("GET", "/wda/locked"): Wda._locked,
    ("POST", "/wda/lock"): Wda._lock,
    ("POST", "/wda/unlock"): Wda._unlock,
    ("POST", "/wda/homescreen"): Wda._home,
    ("GET", "/screenshot"): Wda._screenshot,
    ("GET", "/alert/text"): Wda._alert_text,
    ("POST", "/alert/accept"): Wda._accept,
    ("POST", "/alert/dismiss"): Wda._dismiss,
    ("GET", "/wda/alert/buttons"): Wda._alert_buttons,
    ("GET", "/wda/device/info"): Wda._info,
    ("GET", "/wda/batteryInfo"): Wda._battery,
    ("GET", "/wda/activeAppInfo"): Wda._active,
    ("GET", "/window/size"): Wda._window,
    ("POST", "/wda/apps/launch"): Wda._launch,
    ("POST", "/wda/apps/terminate"): Wda._terminate,
    ("POST", "/wda/apps/state"): Wda._app_state,
    ("POST", "/appium/settings"): Wda._nothing,
    ("GET", "/appium/settings"): Wda._nothing,
}
_WITHOUT_SESSION = frozenset({
    ("GET", "/status"), ("GET", "/wda/locked"), ("POST", "/wda/lock"), ("POST", "/wda/unlock"),
    ("POST", "/wda/homescreen"), ("GET", "/screenshot"), ("GET", "/alert/text"),
    ("POST", "/alert/accept"), ("POST", "/alert/dismiss"), ("GET", "/wda/device/info"),
    ("GET", "/wda/activeAppInfo"), ("GET", "/window/size"),
})  # fmt: skip
"""Routes that WebDriverAgent also registers ``.withoutSession``."""


def _bare(path: str) -> tuple[str | None, str]:
    """Session id and the path behind it."""
    parts = path.split("/", 3)
    if len(parts) < 3 or parts[1] != "session":
        return None, path
    return parts[2], "/" + (parts[3] if len(parts) > 3 else "")


def _not_opened(bundle: str, code: int, word: str, reason: str) -> WdaError:
    """Why the system does not open an app, in FrontBoard's words."""
    return WdaError(
        "unknown error",
        "Error Domain=FBSOpenApplicationServiceErrorDomain Code=1 "
        f'"The request to open "{bundle}" failed." UserInfo={{BSErrorCodeDescription='
        f"RequestDenied, NSUnderlyingError=0x2829 {{Error Domain=FBSOpenApplicationErrorDomain "
        f'Code={code} "{reason}" UserInfo={{BSErrorCodeDescription={word}, '
        f"NSLocalizedFailureReason={reason}}}}}}}",
        500,
    )


def png(width: int, height: int, shade: int) -> bytes:
    """A grey picture."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        named = kind + data
        return struct.pack(">I", len(data)) + named + struct.pack(">I", zlib.crc32(named))

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    rows = (b"\0" + bytes([shade]) * width) * height
    body = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body
