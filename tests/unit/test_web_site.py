"""The page's files and headers, refusals for people, and what a path or a Host may be."""

import html
import re
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device_probes.web import site
from device_probes.web.site import PAGE_FOLDER, Site, TrustSite, known_host, load_files, same_origin
from profiler.errors import InputError

HOST = "localhost:8000"
NAMES = frozenset({"localhost", "127.0.0.1", "[fd00::5]", "bench.local"})
FINGERPRINT = ":".join(["AB"] * 32)
REFUSALS = [value for value in vars(site).values() if isinstance(value, site.Refusal)]


@pytest.fixture(scope="module")
def files():
    return load_files()


@pytest.fixture
def pages(files):
    return Site(files, tls=False)


@pytest.fixture
def trust():
    return TrustSite("chirpbench lab <1>", FINGERPRINT, b"\x30\x82")


def headers(answer):
    assert len(dict(answer.headers)) == len(answer.headers)
    return dict(answer.headers)


def policy(answer):
    parts = headers(answer)["Content-Security-Policy"].split("; ")
    return {part.partition(" ")[0]: part.partition(" ")[2] for part in parts}


class Links(HTMLParser):
    """Everything a page would load."""

    def __init__(self, text):
        super().__init__()
        self.found = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.found += [(tag, value) for name, value in attrs if name in ("src", "href") and value]


def all_answers(pages, trust):
    return [
        pages.page(HOST),
        pages.page(HOST, set_cookie="a=b"),
        *(pages.file(f"/page/{path.name}", HOST) for path in PAGE_FOLDER.iterdir()),
        pages.file("/favicon.ico", HOST),
        pages.file("/nothing", HOST),
        trust.answer("/trust"),
        trust.answer("/ca.crt"),
        trust.answer("/favicon.ico"),
        trust.answer("/x"),
        *(site.refuse(refusal) for refusal in REFUSALS),
    ]


def test_every_answer_is_locked_down(pages, trust):
    for answer in all_answers(pages, trust):
        sent = headers(answer)
        assert sent["X-Content-Type-Options"] == "nosniff"
        assert sent["Referrer-Policy"] == "no-referrer"
        assert sent["Cache-Control"] == "no-store"
        assert sent["Cross-Origin-Opener-Policy"] == "same-origin"
        assert sent["Cross-Origin-Embedder-Policy"] == "require-corp"
        assert "microphone=(self)" in sent["Permissions-Policy"]
        assert policy(answer)["default-src"] == "'none'"
        assert "unsafe" not in sent["Content-Security-Policy"]
        for name, value in answer.headers:
            assert "\n" not in name + value


def test_the_page_may_load_and_reach_its_own_server_only(pages, files):
    allowed = policy(pages.page(HOST))
    assert allowed["script-src"] == "'self'"
    assert allowed["style-src"] == "'self'"
    assert allowed["connect-src"] == f"'self' ws://{HOST}"
    assert allowed["frame-ancestors"] == "'none'"
    assert allowed["base-uri"] == "'none'"
    assert allowed["form-action"] == "'none'"
    assert policy(Site(files, tls=True).page(HOST))["connect-src"] == f"'self' wss://{HOST}"


def test_the_page_needs_nothing_that_its_policy_or_its_server_refuses(pages):
    page = pages.page(HOST).body.decode()
    assert not re.search(r"<style|\sstyle=|\son[a-z]+=|<script(?![^>]*\bsrc=)", page)
    for _, link in Links(page).found:
        if not link.startswith("data:"):
            assert pages.file("/" + link.removeprefix("/"), HOST).status == 200


def test_files_have_their_types(pages, files):
    types = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
    for name, content in files.items():
        if name == "index.html":
            continue
        answer = pages.file(f"/page/{name}", HOST)
        assert answer.body == content
        assert headers(answer)["Content-Type"].startswith(types["." + name.rpartition(".")[2]])


@pytest.mark.parametrize(
    "path",
    [
        "/page/../server.py",
        "/page/%2e%2e/server.py",
        "/page/..%2fserver.py",
        "/page/..\\server.py",
        "/page//etc/passwd",
        "/page/app.js/",
        "/page/app.js%00",
        "/page/app.js\x00",
        "/page/APP.JS",
        "/page/",
        "/page",
        "/page/index.html",
        "//page/app.js",
        "app.js",
        "",
        "*",
        "http://localhost:8000/page/app.js",
        "/" + "a" * 7000,
    ],
)
def test_other_paths_are_not_found(pages, path):
    answer = pages.file(path, HOST)
    assert answer.status == 404
    assert b"Open the link" in answer.body


@given(path=st.text(max_size=60) | st.text(max_size=30).map("/page/".__add__))
def test_any_path_is_a_listed_file_or_nothing(files, path):
    answer = Site(files, tls=False).file(path, HOST)
    if answer.status == 200:
        assert path.removeprefix("/page/") in files
    else:
        assert answer.status in (204, 404)


def test_what_browsers_ask_for_unasked_is_no_error(pages):
    for path in ("/favicon.ico", "/apple-touch-icon.png", "/apple-touch-icon-precomposed.png"):
        answer = pages.file(path, HOST)
        assert (answer.status, answer.body) == (204, b"")


@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda refusal: refusal.title)
def test_refusals_are_pages_for_people(refusal):
    answer = site.refuse(refusal)
    text = answer.body.decode()
    assert answer.status == refusal.status >= 400
    assert f"<h1>{refusal.title}</h1>" in text
    assert html.escape(refusal.text) in text
    assert not Links(text).found
    assert headers(answer)["Content-Type"] == "text/html; charset=utf-8"
    assert policy(answer)["style-src"].startswith("'sha256-")


def test_a_wrong_method_is_told_the_right_one():
    assert headers(site.refuse(site.ONLY_GET))["Allow"] == "GET"


def test_the_cookie_is_for_this_server_alone(files):
    plain = Site(files, tls=False).cookie("chirpbench_8000", "K")
    assert plain == "chirpbench_8000=K; Path=/; HttpOnly; SameSite=Strict"
    assert Site(files, tls=True).cookie("n", "K").endswith("; Secure")


@pytest.mark.parametrize(
    ("host", "known"),
    [
        ("localhost:8000", True),
        ("LOCALHOST:8000", True),
        ("localhost:9999", True),  # a tunnel on the phone has a port of its own
        ("localhost", True),
        ("[fd00::5]:443", True),
        ("bench.local", True),
        ("evil.example:8000", False),
        ("localhost.evil.example", False),
        ("localhost:8000.evil.example", False),
        ("localhost:", False),
        ("localhost:port", False),
        ("localhost:123456", False),
        ("localhost.", False),
        ("user@localhost", False),
        ("localhost; script-src *", False),
        ("", False),
        ("[fd00::6]:443", False),
        ("192.168.1.1:8000", False),
    ],
)
def test_only_known_hosts_are_answered(host, known):
    assert known_host([host], NAMES) == (host.lower() if known else None)


def test_a_request_has_one_host():
    assert known_host([], NAMES) is None
    assert known_host([HOST, HOST], NAMES) is None


@given(st.text(max_size=80))
def test_a_known_host_can_be_put_into_a_policy(host):
    found = known_host([host], NAMES)
    assert found is None or re.fullmatch(r"[a-z0-9.:\[\]-]+", found)


@pytest.mark.parametrize(
    ("origins", "good"),
    [
        (["http://localhost:8000"], True),
        ([], False),
        (["null"], False),
        (["https://localhost:8000"], False),
        (["http://localhost:8001"], False),
        (["http://localhost"], False),
        (["http://localhost:8000.evil.example"], False),
        (["http://localhost:8000", "http://localhost:8000"], False),
    ],
)
def test_only_the_own_origin_connects(origins, good):
    assert same_origin(origins, HOST, tls=False) is good


def test_the_origin_of_a_secure_page_is_secure():
    assert same_origin(["https://localhost:8000"], HOST, tls=True)
    assert not same_origin(["http://localhost:8000"], HOST, tls=True)


def test_the_trust_page_tells_every_step(trust):
    answer = trust.answer("/trust")
    text = answer.body.decode()
    assert answer.status == 200
    for step in (
        "VPN &amp; Device Management",
        "Certificate Trust Settings",
        "Remove Profile",
        "Trusted credentials",
        "CA certificate",
        "USB",
        FINGERPRINT,
        "chirpbench lab &lt;1&gt;",
    ):
        assert step in text
    assert "$" not in text
    assert Links(text).found == [("a", "/ca.crt")]
    assert trust.answer("/ca.crt").status == 200


def test_the_certificate_has_the_type_that_ios_installs(trust):
    answer = trust.answer("/ca.crt")
    assert headers(answer)["Content-Type"] == "application/x-x509-ca-cert"
    assert answer.body == b"\x30\x82"


@pytest.mark.parametrize("path", ["/", "/page/app.js", "/probe", "/trust/", "/ca.key", "/../x", ""])
def test_the_trust_site_serves_nothing_else(trust, path):
    assert trust.answer(path).status == 404
    assert b"/trust" in trust.answer(path).body


def test_a_page_that_is_not_whole_says_so(tmp_path):
    with pytest.raises(InputError, match=r"no index\.html"):
        load_files(tmp_path)
    with pytest.raises(InputError, match="cannot be read"):
        load_files(tmp_path / "missing")


def test_only_files_of_known_types_are_served(tmp_path):
    (tmp_path / "index.html").write_text("x")
    (tmp_path / "app.js~").write_text("x")
    (tmp_path / ".secret").write_text("x")
    (tmp_path / "folder.js").mkdir()
    assert list(load_files(tmp_path)) == ["index.html"]
