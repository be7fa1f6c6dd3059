"""The web probe on an Android phone: real adb server, real adbutils, real DevTools, real Chromium.

The phone is virtual and its browser a Chromium of this computer, whose ``localhost`` is the
phone's: everything the page loads and sends goes through the phone's reverse tunnel.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest
from adb_servers import until
from android_benches import QUICK, Rig, has_note, rig, stay_on
from cli_process import environment, script
from phone_browsers import Host, host
from phone_chromium import PhoneChromium

from db import queries
from db.store import Store
from device_probes.android import PrivateServer
from device_probes.driver import Capture, Play
from device_probes.virtual import Clock
from device_probes.virtual.adbd.browser import CHROME
from device_probes.web.bench import WebBench
from device_probes.web.driver import WebDriver
from device_probes.web.phone import PhoneOpener
from device_probes.web.server import PageServer
from device_probes.web.status import PageState
from profiler.errors import (
    ChirpbenchError,
    DeviceError,
    DeviceLost,
    DeviceNotReady,
    DeviceTimeout,
    ProbePermission,
)
from profiler.model import DeviceRef, DeviceState, Platform, TimedAction, TrialRequest, Verdict
from profiler.stimulus import make_train

pytestmark = pytest.mark.needs_apt("chromium", "chromium")

REQUEST = TrialRequest(api="web_audio", duration_s=1.0, warmup_s=0.2)
LONG = TrialRequest(api="web_audio", duration_s=60.0, warmup_s=0.2)
PERMISSION = "navigator.permissions.query({name: 'microphone'}).then((p) => p.state)"
TAP = "document.getElementById('start').click()"


@pytest.fixture(scope="module")
def adb_server() -> Iterator[PrivateServer]:
    with tempfile.TemporaryDirectory(prefix="adb-") as home:
        made = PrivateServer(Path(home))
        made.ensure()
        yield made
        made.close()


@dataclass
class Table:
    """One phone on a cable, the page's server, and the driver of the phone's browser."""

    rig: Rig
    server: PageServer
    opener: PhoneOpener
    driver: WebDriver

    @property
    def phone(self):
        return self.rig.phone

    @property
    def chromium(self) -> PhoneChromium:
        running = self.phone.browser.running
        assert isinstance(running, PhoneChromium)
        return running

    def pages(self) -> list[str]:
        return [tab["url"] for tab in self.chromium.tabs() if tab["url"].startswith("http")]

    def seat(self):
        return self.driver._seat


@contextlib.contextmanager
def table(on: PrivateServer, *, join_s: float = 30.0, **chromium) -> Iterator[Table]:
    """``chromium`` is for :class:`PhoneChromium`."""
    with contextlib.ExitStack() as stack:
        made = stack.enter_context(rig("A1", on=on, clock=Clock(1.0)))
        made.phone.have_browser(partial(PhoneChromium, **chromium))
        server = PageServer()
        server.start()
        stack.callback(server.close)
        (chrome,) = made.bench(deadlines=QUICK).browsers()
        opener = PhoneOpener(chrome)
        ref = DeviceRef(Platform.WEB, "A1", "A 1 (Chrome)", "adb")
        driver = WebBench(server).opened_by(ref, opener, join_s=join_s)
        stack.callback(driver.close)
        yield Table(made, server, opener, driver)


def trial(driver: WebDriver, request: TrialRequest = REQUEST) -> Capture:
    return driver.run(request, (Play(make_train(seed=7)),), lambda _: None)


def assert_as_found(made: Table) -> None:
    phone = made.phone
    assert phone.reversed.listed() == {}
    assert not phone.packages.allowed(CHROME)
    assert stay_on(phone) == "0"
    assert not has_note(phone)


class InThread:
    """A call that lasts, from another thread; its error is raised by :meth:`result`."""

    def __init__(self, call: Callable[[], object]) -> None:
        self._call = call
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._call()
        except BaseException as exc:  # noqa: BLE001 - whatever it is, the test has to get it
            self._error = exc

    def result(self) -> None:
        self._thread.join(60)
        assert not self._thread.is_alive(), "it does not end"
        if self._error is not None:
            raise self._error


def in_mid_trial(made: Table) -> InThread:
    running = InThread(lambda: trial(made.driver, LONG))
    until(lambda: state_of(made) is PageState.MEASURING, 20, "the trial runs")
    return running


def state_of(made: Table) -> PageState | None:
    status = made.seat().status
    return status.state if status is not None and made.seat().connected else None


# --- the whole way --------------------------------------------------------------------------------


def test_a_phones_browser_is_opened_allowed_tapped_and_measured(adb_server) -> None:
    with table(adb_server) as made:
        facts = made.driver.connect()
        assert facts.platform is Platform.WEB
        assert (facts.manufacturer, facts.model, facts.soc) == ("Acme", "A 1 (Chromium)", "S9")
        assert (facts.os_name, facts.os_version, facts.is_virtual) == ("Android", "14", True)
        assert facts.os_build.startswith("Chromium ")
        assert facts.raw["phone.os_build"] == "acme/a1:14/AP1A/1:user"
        port = made.server.port
        assert made.phone.reversed.listed() == {f"tcp:{port}": f"tcp:{port}"}
        (url,) = made.pages()
        assert url.startswith(f"http://localhost:{port}/")
        assert made.phone.state.top.startswith(CHROME)
        capture = trial(made.driver)
        assert capture.audio.frames == 48_000
        assert capture.report.observed["track_label"].startswith("Fake Default")
        assert capture.report.observed["visible"] == "true"
        made.driver.close()
        assert_as_found(made)
        made.driver.connect()  # and again, from the start
        trial(made.driver)


def test_every_byte_of_the_page_goes_through_the_phone(adb_server) -> None:
    with table(adb_server) as made:
        made.driver.connect()
        accepted = []
        made.phone.on("reverse:accept", lambda _: accepted.append(1))
        made.phone.on("reverse:data:out", lambda phone: phone.unplug(), after=50_000)
        with pytest.raises(ChirpbenchError):
            trial(made.driver)  # a second of it is 192 kB


def test_the_tab_is_closed_and_what_was_allowed_is_forgotten(adb_server) -> None:
    with table(adb_server) as made:
        # What a browser is, an app that has the microphone: its user's, so it is not ended.
        made.phone.packages.grant(CHROME, "android.permission.RECORD_AUDIO")
        made.driver.connect()
        chromium, origin = made.chromium, made.pages()[0].partition("?")[0]
        assert chromium.tap(PERMISSION) == "granted"
        made.driver.close()
        until(lambda: made.pages() == [], 10, "the tab is closed")
        assert chromium.alive
        with own_page(made.phone.loopback, made.server.port):
            chromium.view(origin)
            until(lambda: chromium.has_loaded(origin), 10, "the page")
            assert chromium.tap(PERMISSION) == "prompt"


@contextlib.contextmanager
def own_page(address: str, port: int) -> Iterator[Host]:
    """A page at the phone's own port: of the same origin as the probe's was."""
    with host((address, port)) as made:
        made.body = b"<!doctype html>"
        yield made


def test_a_page_on_another_port_of_the_phone_works_as_well(adb_server) -> None:
    with table(adb_server) as made, own_page(made.phone.loopback, made.server.port):
        made.driver.connect()
        (remote,) = made.phone.reversed.listed()
        assert remote != f"tcp:{made.server.port}"
        assert made.pages()[0].startswith(f"http://localhost:{remote.removeprefix('tcp:')}/")
        trial(made.driver)


def test_the_home_button_and_back_in_mid_trial(adb_server) -> None:
    request = TrialRequest(api="web_audio", duration_s=5.0, warmup_s=0.2, background="continue")
    with table(adb_server) as made:
        made.driver.connect()
        got: list[Capture] = []
        running = InThread(lambda: got.append(trial(made.driver, request)))
        until(lambda: state_of(made) is PageState.MEASURING, 20, "the trial runs")
        made.driver.act(TimedAction(0.0, "home"))
        assert not made.phone.state.top.startswith(CHROME)
        until(lambda: made.chromium.tap("document.visibilityState") == "hidden", 10, "it is hidden")
        made.driver.act(TimedAction(0.0, "front"))
        assert made.phone.state.top.startswith(CHROME)
        running.result()
        observed = got[0].report.observed
        assert float(observed["left_front_ms"]) < float(observed["came_front_ms"])


# --- a person taps --------------------------------------------------------------------------------


def test_without_devtools_a_person_taps(adb_server) -> None:
    with table(adb_server, devtools=False, ask=True) as made:
        connecting = InThread(made.driver.connect)
        until(lambda: state_of(made) is PageState.WAITING_FOR_TAP, 30, "the page is open")
        assert made.opener.tell() == "on the phone: tap Start, then Allow"
        made.chromium.tap(TAP)
        connecting.result()
        trial(made.driver)
        made.driver.close()
        assert_as_found(made)


def test_nobody_taps(adb_server) -> None:
    with table(adb_server, devtools=False, join_s=6.0) as made:
        with pytest.raises(DeviceTimeout, match=r"nobody tapped Start.*tap Start, then Allow"):
            made.driver.connect()
        made.driver.close()
        assert_as_found(made)


def test_a_microphone_that_is_blocked_for_good(adb_server) -> None:
    with table(adb_server, devtools=False, blocked=True) as made:
        connecting = InThread(made.driver.connect)
        until(lambda: state_of(made) is PageState.WAITING_FOR_TAP, 30, "the page is open")
        made.chromium.tap(TAP)
        with pytest.raises(ProbePermission, match="site settings"):
            connecting.result()
        made.driver.close()
        assert_as_found(made)


def test_a_block_by_the_user_gives_way_to_devtools_while_it_is_connected(adb_server) -> None:
    with table(adb_server, blocked=True) as made:
        made.driver.connect()
        trial(made.driver)


# --- trouble in mid-trial -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("end", "words"),
    [
        (lambda phone: phone.stop_browser(), "Chrome ended"),
        (lambda phone: phone.update_browser(), "Chrome was updated from 150.0.7300.40 to"),
    ],
    ids=["ended", "updated"],
)
def test_a_browser_that_ends_in_mid_trial(adb_server, end, words: str) -> None:
    with table(adb_server) as made:
        made.driver.connect()
        running = in_mid_trial(made)
        end(made.phone)
        with pytest.raises(DeviceLost) as caught:
            running.result()
        assert words in str(caught.value)
        made.driver.connect()
        trial(made.driver)
        made.driver.close()
        assert_as_found(made)


def test_a_cable_pulled_in_mid_trial(adb_server) -> None:
    with table(adb_server) as made:
        made.driver.connect()
        running = in_mid_trial(made)
        made.phone.unplug()
        with pytest.raises(DeviceLost, match="the phone went away"):
            running.result()
        with pytest.raises(DeviceError):
            made.driver.connect()
        made.phone.replug()
        until(lambda: made.phone.plug.online, 20, "the phone is back")
        made.driver.connect()
        assert len(made.pages()) == 1, "the tab of before was left open"
        trial(made.driver)
        made.driver.close()
        assert_as_found(made)


def test_an_adb_server_that_is_killed_in_mid_trial() -> None:
    with tempfile.TemporaryDirectory(prefix="adb-") as home:
        server = PrivateServer(Path(home))
        server.ensure()
        try:
            with table(server) as made:
                made.driver.connect()
                running = in_mid_trial(made)
                os.killpg(server.process_group, signal.SIGKILL)
                with pytest.raises(DeviceLost):
                    running.result()
                made.driver.connect()
                trial(made.driver)
                made.driver.close()
                assert_as_found(made)
        finally:
            server.close()


def test_a_phone_that_is_locked_between_trials(adb_server) -> None:
    with table(adb_server) as made:
        made.driver.connect()
        made.driver.close()
        made.phone.lock()
        with pytest.raises(DeviceNotReady) as caught:
            made.driver.connect()
        assert caught.value.state == DeviceState.LOCKED
        made.phone.unlock()
        made.driver.connect()


def test_the_command_line_measures_a_phones_browser(adb_server: PrivateServer) -> None:
    """Chromium's fake microphone beeps by itself: the run ends, and no latency is made of that."""
    with tempfile.TemporaryDirectory() as folder, table(adb_server) as made:
        plan = Path(folder) / "bench.toml"
        plan.write_text('name = "tab"\ntests = ["L1"]\nrepeats = 1\n')
        done = subprocess.run(
            [script(), "run", "--browser", "android", "--bench", plan, "--db", "tab.db"],
            cwd=folder,
            env={**environment(), "ANDROID_ADB_SERVER_PORT": str(adb_server.adb.port)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        with Store.open(str(Path(folder) / "tab.db"), create=False) as store:
            (result,) = queries.results(store, queries.Filter())
            assert result.verdict is Verdict.NOT_MEASURABLE
            (trial_made,) = queries.trials(store, queries.Filter())
            assert trial_made.request.api == "web_audio"
            assert trial_made.report is not None
            assert trial_made.report.observed["echo_cancellation"] == "false"
            facts = queries.facts_of(store, result.run_uuid)
            assert facts is not None
            assert facts.model.endswith("(Chromium)")
            assert facts.raw["phone.os_build"]
        assert_as_found(made)
