"""The page server in a real Chromium: whom it trusts, its policy, reloading, second tabs."""

import os
import ssl
import subprocess
import time
from contextlib import contextmanager
from dataclasses import replace

import pytest
from cryptography import x509
from page_clients import serving
from playwright.sync_api import Error, sync_playwright

from device_probes.web import certificates
from device_probes.web.certificates import server_identity
from device_probes.web.sockets import Timings

pytestmark = [
    pytest.mark.needs_apt("chromium", "chromium"),
    pytest.mark.needs_apt("libnss3-tools", "certutil"),
    pytest.mark.timeout(180),
]
SEEN = frozenset({"waiting_for_tap", "asking", "ready", "denied", "no_microphone", "suspended"})
USUAL = Timings()


@pytest.fixture(scope="module")
def identity(tmp_path_factory):
    return server_identity(tmp_path_factory.mktemp("ca"), ["127.0.0.1", "localhost"])


@pytest.fixture(scope="module")
def trusting_home(tmp_path_factory, identity):
    """A home folder whose certificate store trusts the bench's authority."""
    home = tmp_path_factory.mktemp("home")
    store = home / ".pki" / "nssdb"
    store.mkdir(parents=True)
    (home / "ca.crt").write_text(ssl.DER_cert_to_PEM_cert(identity.ca_der))
    certutil = ["certutil", "-d", f"sql:{store}"]
    subprocess.run([*certutil, "-N", "--empty-password"], check=True)
    add = ["-A", "-n", "bench", "-t", "C,,", "-i", str(home / "ca.crt")]
    subprocess.run([*certutil, *add], check=True)
    return home


@contextmanager
def chromium(home, *args):
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium",
            args=["--no-sandbox", *args],
            env={**os.environ, "HOME": str(home)},
        )
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def tab(context):
    """A tab, and what it said on its console."""
    page, said = context.new_page(), []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    yield page, said
    page.close()


def eventually(true):
    end = time.monotonic() + 20
    while not true():
        assert time.monotonic() < end, "did not happen"
        time.sleep(0.05)


def test_a_browser_that_trusts_the_bench_shows_the_page_over_https(identity, trusting_home):
    with (
        serving(tls=identity, names=("127.0.0.1",), timings=USUAL) as server,
        chromium(trusting_home) as browser,
        tab(browser) as (page, said),
    ):
        seat = server.seat("desk")
        answer = page.goto(seat.url)
        assert answer.status == 200
        assert answer.security_details()["issuer"] == identity.ca_name
        assert page.evaluate("isSecureContext && crossOriginIsolated")
        assert seat.wait_for(SEEN, 20).browser_id
        assert said == []


def test_a_browser_that_does_not_trust_the_bench_refuses_it(identity, tmp_path):
    with (
        serving(tls=identity, names=("127.0.0.1",), timings=USUAL) as server,
        chromium(tmp_path) as browser,
        tab(browser) as (page, _),
    ):
        seat = server.seat("desk")
        with pytest.raises(Error, match="ERR_CERT_AUTHORITY_INVALID"):
            page.goto(seat.url)
        assert not seat.connected


def test_a_stolen_key_cannot_vouch_for_the_internet(identity, trusting_home, tmp_path):
    """What the authority signs for a public name is refused even where the authority is trusted."""
    ca = certificates._read(identity.file.parent / "ca.pem")
    name = x509.DNSName("www.example.com")
    forged = tmp_path / "forged.pem"
    forged.write_bytes(
        certificates._new_leaf(ca, [name], certificates.datetime.now(certificates.UTC)).pem()
    )
    thief = replace(identity, file=forged)
    with (
        serving(tls=thief, names=("www.example.com",), timings=USUAL) as server,
        chromium(trusting_home, "--host-resolver-rules=MAP www.example.com 127.0.0.1") as browser,
        tab(browser) as (page, _),
        pytest.raises(Error, match="ERR_CERT_INVALID"),
    ):
        page.goto(server.seat("x").url)


def test_the_certificate_can_be_fetched_from_the_trust_page(identity, tmp_path):
    with (
        serving(tls=identity, trust_port=0, timings=USUAL) as server,
        chromium(tmp_path) as browser,
        tab(browser) as (page, said),
    ):
        page.goto(server.trust_url)
        assert identity.fingerprint in page.inner_text("main")
        with page.expect_download() as download:
            page.click("text=Download the certificate")
        assert download.value.path().read_bytes() == identity.ca_der
        assert said == []


def test_reloading_is_no_second_tab(tmp_path):
    with (
        serving(timings=USUAL) as server,
        chromium(tmp_path) as browser,
        tab(browser) as (page, said),
    ):
        seat = server.seat("desk")
        page.goto(seat.url)
        for _ in range(4):
            seat.wait_for(SEEN, 20)
            stream = seat.stream()
            page.reload()
            eventually(lambda: seat.connected and seat.stream() is not stream)  # noqa: B023
        seat.wait_for(SEEN, 20)
        assert said == []


def test_a_second_tab_leaves_the_first_alone_and_a_second_browser_gets_nothing(tmp_path):
    with serving(timings=USUAL) as server, chromium(tmp_path) as browser:
        seat = server.seat("desk")
        own, other = browser.new_context(), browser.new_context()
        with tab(own) as (first, _), tab(own) as (second, _), tab(other) as (stranger, _):
            first.goto(seat.url)
            seat.wait_for(SEEN, 20)
            stream = seat.stream()
            assert second.goto(seat.url).status == 200
            refused = stranger.goto(seat.url)
            assert refused.status == 403
            assert "used already" in stranger.inner_text("main")
            second.wait_for_selector("text=another tab")
            assert seat.stream() is stream
            seat.finish()
            eventually(lambda: not seat.connected)
            assert first.goto(seat.url).status == 410
