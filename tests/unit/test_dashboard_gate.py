"""Who may talk to the dashboard's server."""

from __future__ import annotations

import asyncio
import html
from pathlib import Path
from typing import Any

import pytest

from dashboard.assets import Assets
from dashboard.gate import POLICY, Gate, Message, is_own
from dashboard.links import PAGES

PAGE = b"<html><head><title>Streamlit</title></head><body></body></html>"


def headers(host: str | None = "127.0.0.1:8501", **more: str) -> dict[bytes, bytes]:
    found = {name.replace("_", "-"): value for name, value in more.items()}
    if host is not None:
        found["host"] = host
    return {name.encode(): value.encode() for name, value in found.items()}


@pytest.mark.parametrize(
    "asked",
    [
        headers(), headers("localhost:8501"), headers("LOCALHOST:9000"), headers("127.0.0.1"),
        headers(origin="http://127.0.0.1:8501"),
        headers("localhost:8501", origin="http://localhost:8501", sec_fetch_site="same-origin"),
        headers(sec_fetch_site="cross-site", sec_fetch_mode="navigate"),
        headers(sec_fetch_site="none"),
    ],
)  # fmt: skip
def test_own_pages_and_local_programs_may(asked: dict[bytes, bytes]) -> None:
    assert is_own(asked)


@pytest.mark.parametrize(
    "asked",
    [
        headers("evil.example:8501"), headers("127.0.0.1.evil.example"), headers(None),
        headers("localhost.evil.example:8501"), headers("127.0.0.1:8501:80"), headers(""),
        headers("evil.example@127.0.0.1:8501"),
        headers(origin="http://evil.example"), headers(origin="http://127.0.0.1:3000"),
        headers(origin="http://localhost:8501"), headers(origin="https://127.0.0.1:8501"),
        headers(origin="null"), headers(origin=""),
        headers(sec_fetch_site="cross-site", sec_fetch_mode="no-cors"),
        headers(sec_fetch_site="same-site", sec_fetch_mode="cors"),
    ],
)  # fmt: skip
def test_others_may_not(asked: dict[bytes, bytes]) -> None:
    assert not is_own(asked)


def answered(
    asked: dict[bytes, bytes],
    *,
    kind: str = "http",
    assets: Assets | None = None,
    path: str = "/",
    content_type: bytes = b"text/html",
    parts: tuple[bytes, ...] = (PAGE,),
) -> list[Message]:
    """What is sent for a request; the application behind the gate sends ``parts``."""
    sent: list[Message] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "websocket":
            await send({"type": "websocket.accept"})
            return
        length = str(sum(map(len, parts))).encode()
        start = [(b"content-type", content_type), (b"content-length", length)]
        await send({"type": "http.response.start", "status": 200, "headers": start})
        for part in parts:
            await send({"type": "http.response.body", "body": part, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def receive() -> Message:
        return {"type": "websocket.connect"}

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {"type": kind, "method": "GET", "path": path, "headers": list(asked.items())}
    asyncio.run(Gate(app, assets=assets)(scope, receive, send))
    return sent


def test_a_foreign_request_is_refused_in_plain_words() -> None:
    start, body = answered(headers("evil.example"))
    assert start["status"] == 403
    assert b"only its own pages" in body["body"]
    assert PAGE not in body["body"]


def test_a_foreign_websocket_is_closed_before_it_opens() -> None:
    assert answered(headers(origin="http://evil.example"), kind="websocket") == [
        {"type": "websocket.close", "code": 1008}
    ]
    assert answered(headers(), kind="websocket") == [{"type": "websocket.accept"}]


def test_every_answer_forbids_the_browser_to_ask_elsewhere() -> None:
    start = answered(headers(), content_type=b"text/css")[0]
    sent = dict(start["headers"])
    assert sent[b"content-security-policy"] == POLICY.encode()
    assert sent[b"x-frame-options"] == b"DENY"
    sources = {word for rule in POLICY.split("; ") for word in rule.split()[1:]}
    assert sources <= {"'self'", "'none'", "'unsafe-inline'", "'unsafe-eval'", "data:", "blob:"}


@pytest.fixture
def assets(tmp_path: Path) -> Assets:
    """A client of four scripts: two of them are needed by a part that comes early."""
    scripts = tmp_path / "static" / "js"
    scripts.mkdir(parents=True)
    (scripts / "DataFrame.abc.js").write_text('import{a}from"./shared.1.js";import("./late.2.js")')
    (scripts / "shared.1.js").write_text('import"./DataFrame.abc.js";export const a=1')
    (scripts / "late.2.js").write_text("")
    (scripts / "Other.abc.js").write_text("")
    (tmp_path / "secret.txt").write_text("not ours to give")
    return Assets(tmp_path)


def test_the_start_page_asks_early_for_what_charts_need(assets: Assets) -> None:
    start, body = answered(headers(), assets=assets, parts=(PAGE[:30], PAGE[30:]))
    made = body["body"].decode()
    for name in ("DataFrame.abc", "shared.1"):
        assert made.count(f'href="./static/js/{name}.js"') == 1
    assert "late" not in made
    assert "Other" not in made
    assert "<title>chirpbench</title>" in made
    assert made.index("DataFrame") < made.index("</head>")
    assert dict(start["headers"])[b"content-length"] == str(len(body["body"])).encode()


def test_a_page_without_charts_asks_for_nothing_early(assets: Assets) -> None:
    _, body = answered(headers(), assets=assets, path="/help")
    assert b"modulepreload" not in body["body"]
    assert b"BACKEND_BASE_URL" in body["body"]


@pytest.mark.parametrize("path", ["/nopage", "/a/b", "/fleet/<b>x", "/index.html"])
def test_an_address_without_a_page_says_so_and_names_the_pages(path: str, assets: Assets) -> None:
    """Streamlit would answer with its start page: with the first page's content, or empty."""
    start, body = answered(headers(), assets=assets, path=path)
    said = body["body"].decode()
    assert start["status"] == 404
    assert f"There is no page “{html.escape(path)}”" in said
    assert '<a href="/">Fleet</a>' in said
    assert '<a href="/live">Live bench</a>' in said
    assert "<script" not in said
    assert "<b>" not in said
    assert dict(start["headers"])[b"content-length"] == str(len(body["body"])).encode()
    assert b"content-security-policy" in dict(start["headers"])


@pytest.mark.parametrize("name", PAGES)
def test_every_page_is_there(name: str, assets: Assets) -> None:
    start, _ = answered(headers(), assets=assets, path=f"/{name}")
    assert start["status"] == 200


def test_a_report_that_is_downloaded_stays_as_it_is(assets: Assets) -> None:
    sent = answered(headers(), assets=assets, path="/media/0f3a.html", parts=(PAGE,))
    assert b"".join(message.get("body", b"") for message in sent[1:]) == PAGE


def test_files_of_the_client_are_handed_out_once_read(assets: Assets, tmp_path: Path) -> None:
    for _ in range(2):
        start, body = answered(headers(), assets=assets, path="/static/js/shared.1.js")
        assert dict(start["headers"])[b"content-type"] == b"text/javascript"
        assert b"immutable" in dict(start["headers"])[b"cache-control"]
        assert b"export const" in body["body"]
        (tmp_path / "static" / "js" / "shared.1.js").write_text("")  # its name holds its hash


@pytest.mark.parametrize(
    "path",
    [
        "/static/../secret.txt",
        "/static/js/../../secret.txt",
        "/secret.txt",
        "/static//js",
        "/static",
    ],
)
def test_no_other_file_is_handed_out(path: str, assets: Assets) -> None:
    assert assets.get(path) is None


def test_a_foreign_page_gets_no_file_either(assets: Assets) -> None:
    start = answered(headers("evil.example"), assets=assets, path="/static/js/shared.1.js")[0]
    assert start["status"] == 403


def test_nothing_is_packed_for_a_browser_of_this_computer() -> None:
    seen: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.extend(scope["headers"])

    asked = {**headers(), b"accept-encoding": b"gzip", b"accept": b"*/*"}
    scope = {"type": "http", "method": "GET", "path": "/", "headers": list(asked.items())}
    asyncio.run(Gate(app)(scope, _nobody, _nobody))
    assert (b"accept", b"*/*") in seen
    assert not [name for name, _ in seen if name == b"accept-encoding"]


async def _nobody(*_: Any) -> Any:
    raise AssertionError("nothing is read or sent")


def test_other_answers_pass_through_unchanged(assets: Assets) -> None:
    sent = answered(headers(), assets=assets, content_type=b"audio/wav", parts=(b"RI", b"FF"))
    assert b"".join(message.get("body", b"") for message in sent[1:]) == b"RIFF"
