"""Takes a picture of the web probe's page in every state: ``python tools/web_pictures.py FOLDER``.

The page is served by the real server and shown by the Chromium of this computer, as a phone and as
a desktop, light and dark. Trials are real; only what a browser cannot be made to do (no
microphone, an open permission question) is put into the page before it loads.
"""

from __future__ import annotations

import argparse
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from PIL import Image
from playwright.sync_api import sync_playwright

from device_probes.client import ProbeClient
from device_probes.driver import Play
from device_probes.web.chromium import find_program
from device_probes.web.seats import Seat
from device_probes.web.server import PageServer
from profiler.errors import ProbeRefused
from profiler.model import TrialRequest
from profiler.stimulus import make_train

SIZES = {"phone": (360, 740), "desktop": (1280, 800)}
SCHEMES = ("light", "dark")
IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 "
    "(KHTML, like Gecko) Version/17.4 Mobile/15E148 Safari/604.1"
)
TRAIN = make_train(5, chirps=12, chirp_s=0.1, gap_s=(0.2, 0.4), tail_s=0.4)
READY = frozenset({"ready"})
JOINED, JOINED_HEIGHT = ("waiting_for_tap", "measuring", "denied_iphone"), 1400
LOOK_S = 2.2
"""Into a recording: enough for the strip to show something."""

_FAILS = "navigator.mediaDevices.getUserMedia = async () => {{ throw new DOMException('', '{}') }};"
_ASKING = "navigator.mediaDevices.getUserMedia = () => new Promise(() => {});"
_HIDDEN = (
    "Object.defineProperty(document, 'visibilityState', {value: 'hidden'});"
    "document.dispatchEvent(new Event('visibilitychange'));"
)
_CONTEXTS = (
    "globalThis.contexts = []; const Plain = AudioContext;"
    "globalThis.AudioContext = class extends Plain {"
    " constructor(...all) { super(...all); contexts.push(this); } };"
)


@dataclass(frozen=True)
class Shot:
    """One state: what is in the page before it loads, and what is done until it looks so."""

    name: str
    act: Callable[[Scene], None] = lambda _scene: None
    script: str = ""
    agent: str | None = None


class Scene:
    """One page on one seat."""

    def __init__(self, page: Any, server: PageServer) -> None:
        self.page = page
        self.seat: Seat = server.seat("pictures")
        self.page.goto(self.seat.url)
        self.page.wait_for_selector("#link[data-state=online]")

    def tap(self) -> None:
        """Press the button and wait until the page is ready, or says why not."""
        self.page.click("#start")
        self.page.wait_for_selector(
            "html:is([data-state=ready], [data-state=denied], "
            "[data-state=no_microphone], [data-state=asking])"
        )

    @contextmanager
    def trial(self, line: str, request: TrialRequest | None = None) -> Iterator[None]:
        """A real trial, which runs while the body does."""
        request = request or TrialRequest(warmup_s=0.3, duration_s=TRAIN.duration_s)
        self.seat.wait_for(READY, 5.0)
        client = ProbeClient(self.seat.stream(), "page")
        self.seat.say(line)

        def work() -> None:
            client.handshake()
            try:
                client.run(request, [Play(TRAIN)], lambda _progress: None)
            except ProbeRefused:
                pass  # the picture is of that
            finally:
                client.close()

        thread = threading.Thread(target=work)
        thread.start()
        yield
        while thread.is_alive():
            self.page.wait_for_timeout(50)  # lets Playwright breathe
        self.page.wait_for_selector("#link[data-state=online]")


def measured(scene: Scene) -> None:
    """Three short trials are done."""
    scene.tap()
    short = TrialRequest(warmup_s=0.1, duration_s=0.5)
    for number in range(1, 4):
        with scene.trial(f"L1, trial {number} of 6", short):
            pass


def done(scene: Scene) -> None:
    """The bench has said goodbye."""
    measured(scene)
    scene.seat.finish()
    scene.page.wait_for_selector("html[data-state=finished]")


def cut_off(scene: Scene) -> None:
    """The browser stopped the sound of a trial."""
    measured(scene)
    with scene.trial("L1, trial 4 of 6"):
        scene.page.wait_for_timeout(1000)
        scene.page.evaluate("contexts.at(-1).suspend()")


def closed_with(code: int, state: str) -> Callable[[Scene], None]:
    """The server closes every connection with ``code``."""

    def act(scene: Scene) -> None:
        scene.page.evaluate(
            "code => { globalThis.WebSocket = class {"
            " constructor() { setTimeout(() => this.onclose({code})) } } }",
            code,
        )
        scene.seat.stream().close()
        scene.page.wait_for_selector(f"html[data-state={state}]")

    return act


def hidden(scene: Scene) -> None:
    """The page believes that it is hidden."""
    scene.tap()
    scene.page.evaluate(_HIDDEN)


def tapped(scene: Scene) -> None:
    """Start was pressed."""
    scene.tap()


SHOTS = (
    Shot("waiting_for_tap"),
    Shot("asking", tapped, _ASKING),
    Shot("ready", tapped),
    Shot("measured", measured),
    Shot("done", done),
    Shot("denied", tapped, _FAILS.format("NotAllowedError")),
    Shot("denied_iphone", tapped, _FAILS.format("NotAllowedError"), IPHONE),
    Shot("no_microphone", tapped, _FAILS.format("NotFoundError")),
    Shot("insecure", script="Object.defineProperty(globalThis, 'isSecureContext', {value: false})"),
    Shot("no_worklet", script="delete globalThis.AudioWorkletNode"),
    Shot("hidden", hidden),
    Shot("suspended", cut_off, _CONTEXTS),
    Shot("lost", closed_with(1006, "lost")),
    Shot("another_tab", closed_with(4001, "another_tab")),
    Shot("link_used", closed_with(4003, "not_allowed")),
)


def picture(browser: Any, server: PageServer, shot: Shot, size: str, scheme: str) -> bytes:
    """The page in one state, PNG."""
    width, height = SIZES[size]
    context = browser.new_context(
        viewport={"width": width, "height": height},
        device_scale_factor=2 if size == "phone" else 1,
        color_scheme=scheme,
        reduced_motion="reduce",
        user_agent=shot.agent,
    )
    try:
        page = context.new_page()
        if shot.agent:
            page.add_init_script("delete Navigator.prototype.userAgentData")
        page.add_init_script(shot.script)
        scene = Scene(page, server)
        shot.act(scene)
        page.wait_for_timeout(200)
        return bytes(page.screenshot(full_page=True))
    finally:
        context.close()


def measuring(browser: Any, server: PageServer, size: str, scheme: str) -> bytes:
    """The page in the middle of a trial, with motion."""
    width, height = SIZES[size]
    context = browser.new_context(
        viewport={"width": width, "height": height},
        device_scale_factor=2 if size == "phone" else 1,
        color_scheme=scheme,
    )
    try:
        scene = Scene(context.new_page(), server)
        measured(scene)
        with scene.trial("L1, trial 4 of 6"):
            scene.page.wait_for_timeout(LOOK_S * 1000)
            return bytes(scene.page.screenshot(full_page=True))
    finally:
        context.close()


def join(folder: Path, file: Path) -> None:
    """README's picture: some states on a phone side by side, few colours."""
    found = [Image.open(folder / f"{name}-phone-light.png") for name in JOINED]
    height = min(JOINED_HEIGHT, *(one.height for one in found))
    gap = 24
    width = sum(one.width for one in found) + gap * (len(found) - 1)
    sheet = Image.new("RGB", (width, height), "white")
    left = 0
    for one in found:
        sheet.paste(one.convert("RGB").crop((0, 0, one.width, height)), (left, 0))
        left += one.width + gap
    small = sheet.resize((width // 2, height // 2))
    small.quantize(128, Image.Quantize.MAXCOVERAGE).save(file, optimize=True)


def main() -> int:
    """Write all pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--only", help="the states whose names begin with this", default="")
    parser.add_argument("--join", type=Path, help="also write some side by side to this file")
    args = parser.parse_args()
    args.folder.mkdir(parents=True, exist_ok=True)
    server = PageServer()
    server.start()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=find_program(),
            args=[
                "--no-sandbox",
                "--disable-gpu",
                "--use-fake-ui-for-media-stream",
                "--use-fake-device-for-media-stream",
            ],
        )
        for size in SIZES:
            for scheme in SCHEMES:
                for shot in SHOTS:
                    if shot.name.startswith(args.only):
                        file = args.folder / f"{shot.name}-{size}-{scheme}.png"
                        file.write_bytes(picture(browser, server, shot, size, scheme))
                if "measuring".startswith(args.only):
                    file = args.folder / f"measuring-{size}-{scheme}.png"
                    file.write_bytes(measuring(browser, server, size, scheme))
        browser.close()
    server.close()
    if args.join:
        join(args.folder, args.join)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
