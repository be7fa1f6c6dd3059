"""The pages a browser gets: packaged files, headers that lock them down, refusals for people. Pure.

Files are looked up by their exact name in a table that was read when the server started, so no
path of a request ever reaches the file system.
"""

from __future__ import annotations

import base64
import hashlib
import html
import re
import string
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

from profiler.errors import InputError

PAGE_FOLDER = Path(__file__).parent / "page"
INDEX = "index.html"
TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
}
QUIET = frozenset({"/favicon.ico", "/apple-touch-icon.png", "/apple-touch-icon-precomposed.png"})
"""What browsers ask for unasked: an empty answer, so that no console shows an error."""

_HOST = re.compile(r"(\[[0-9a-f:.]{2,45}\]|[a-z0-9.-]{1,253})(?::([0-9]{1,5}))?\Z")
_STYLE = (
    ":root{color-scheme:light dark}"
    "body{font:1.1rem/1.5 system-ui,sans-serif;max-width:36rem;margin:8vh auto;padding:0 1.5rem}"
    "h1{font-size:1.7rem;line-height:1.2}h2{font-size:1.2rem;margin-top:2rem}li{margin:.4rem 0}"
    ".key{padding:.8rem 1rem;border:1px solid #8888;border-radius:.6rem}"
    "code{overflow-wrap:anywhere;font-size:.95em}"
    ".button{display:inline-block;padding:.7rem 1.2rem;border-radius:.6rem;background:#0b7f70;"
    "color:#fff;text-decoration:none;font-weight:600}"
)
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_TRUST_PAGE = Path(__file__).parent / "trust.html"


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP response; ``headers`` are complete but for the connection's own."""

    status: HTTPStatus
    headers: tuple[tuple[str, str], ...]
    body: bytes


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why there is no page, for a person who looks at the browser."""

    status: HTTPStatus
    title: str
    text: str


NO_TOKEN = Refusal(
    HTTPStatus.FORBIDDEN,
    "Open the link from the terminal",
    "This address works only with the link or the QR code that chirpbench shows. "
    "Open that link in this browser.",
)
WRONG_TOKEN = Refusal(
    HTTPStatus.FORBIDDEN,
    "This link is not valid",
    "It belongs to another run, or a part of it is missing. "
    "Open the newest link that chirpbench shows in the terminal.",
)
USED = Refusal(
    HTTPStatus.FORBIDDEN,
    "This link was used already",
    "A link works in one browser only. Go back to the browser that opened it first, "
    "or start chirpbench again for a new link.",
)
FINISHED = Refusal(
    HTTPStatus.GONE,
    "Finished",
    "This measurement is done. You may close this tab.",
)
NO_PAGE = Refusal(
    HTTPStatus.NOT_FOUND,
    "There is no such page",
    "Open the link that chirpbench shows in the terminal.",
)
WRONG_HOST = Refusal(
    HTTPStatus.FORBIDDEN,
    "Wrong address",
    "The bench does not go by this name. "
    "Open the link exactly as chirpbench shows it in the terminal.",
)
WRONG_ORIGIN = Refusal(
    HTTPStatus.FORBIDDEN, "Not allowed", "Only the bench's own page may connect here."
)
ONLY_TRUST = Refusal(
    HTTPStatus.NOT_FOUND,
    "There is no such page",
    "This address only helps a phone to trust the bench: open /trust here. "
    "The measurement itself is at the link that chirpbench shows, which begins with https.",
)
ONLY_GET = Refusal(HTTPStatus.METHOD_NOT_ALLOWED, "Not allowed", "Only GET is answered here.")
TOO_LARGE = Refusal(
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
    "The request is too large",
    "Clear this site's cookies, then open the link from the terminal again.",
)


def known_host(values: list[str], names: frozenset[str]) -> str | None:
    """The ``Host`` of a request as the browser wrote it, when its name is one of ``names``.

    The port is the browser's affair: through a tunnel it differs from ours.
    """
    if len(values) != 1:
        return None
    match = _HOST.match(values[0].lower())
    return match.group() if match and match.group(1) in names else None


def same_origin(values: list[str], host: str, *, tls: bool) -> bool:
    """Whether the ``Origin`` of a request is the page's own."""
    return values == [f"{'https' if tls else 'http'}://{host}"]


def load_files(folder: Path = PAGE_FOLDER) -> dict[str, bytes]:
    """The page's files by name. Raises :class:`InputError` when the page is not whole."""
    try:
        files = {
            path.name: path.read_bytes()
            for path in sorted(folder.iterdir())
            if path.suffix in TYPES and path.is_file()
        }
    except OSError as exc:
        raise InputError(
            f"the web probe's page cannot be read ({exc.strerror})",
            file=str(folder),
            hint="install chirpbench again",
        ) from exc
    if INDEX not in files:
        raise InputError(
            f"the web probe's page has no {INDEX}",
            file=str(folder),
            hint="install chirpbench again",
        )
    return files


class TrustSite:
    """What phones get over plain HTTP before they trust the bench: two answers, nothing else."""

    def __init__(self, name: str, fingerprint: str, certificate: bytes) -> None:
        page = string.Template(_TRUST_PAGE.read_text("utf-8")).substitute(
            style=_STYLE, name=html.escape(name), fingerprint=html.escape(fingerprint)
        )
        self._page = _plain_page(HTTPStatus.OK, page)
        # iOS offers to install a profile for this type only.
        kind = (("Content-Type", "application/x-x509-ca-cert"),)
        headers = kind + locked_down("default-src 'none'")
        self._certificate = Answer(HTTPStatus.OK, headers, certificate)

    def answer(self, path: str) -> Answer:
        """The page, the certificate in DER, or a refusal that names the page."""
        if path == "/trust":
            return self._page
        if path == "/ca.crt":
            return self._certificate
        if path in QUIET:
            return Answer(HTTPStatus.NO_CONTENT, locked_down("default-src 'none'"), b"")
        return refuse(ONLY_TRUST)


class Site:
    """All answers of one server; ``tls`` says by which scheme its pages are reached."""

    def __init__(self, files: dict[str, bytes], *, tls: bool) -> None:
        self._files = files
        self._tls = tls

    def page(self, host: str, *, set_cookie: str = "") -> Answer:
        """The probe's page."""
        cookie = (("Set-Cookie", set_cookie),) if set_cookie else ()
        return self._file(INDEX, host, cookie)

    def file(self, path: str, host: str) -> Answer:
        """A file below ``/page/``, a quiet nothing, or the refusal."""
        name = path.removeprefix("/page/")
        if name != path and name in self._files and name != INDEX:
            return self._file(name, host, ())
        if path in QUIET:
            return Answer(HTTPStatus.NO_CONTENT, self._headers(host, ()), b"")
        return refuse(NO_PAGE)

    def cookie(self, name: str, key: str) -> str:
        """The header that makes a browser known by ``key``."""
        secure = "; Secure" if self._tls else ""
        return f"{name}={key}; Path=/; HttpOnly; SameSite=Strict{secure}"

    def _file(self, name: str, host: str, more: tuple[tuple[str, str], ...]) -> Answer:
        kind = (("Content-Type", TYPES[Path(name).suffix]),)
        return Answer(HTTPStatus.OK, self._headers(host, kind + more), self._files[name])

    def _headers(self, host: str, more: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
        # 'self' covers WebSockets in browsers of CSP level 3; Safari before 15.4 wants them named.
        socket = f"{'wss' if self._tls else 'ws'}://{host}"
        policy = (
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
            f"connect-src 'self' {socket}; worker-src 'self'; frame-ancestors 'none'; "
            "base-uri 'none'; form-action 'none'"
        )
        return more + locked_down(policy)


_PLAIN_POLICY = (
    f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; frame-ancestors 'none'; "
    "base-uri 'none'; form-action 'none'"
)
_PLAIN = (
    '<!doctype html><html lang="en"><meta charset="utf-8">'
    '<meta name="viewport" content="width=device-width, initial-scale=1">'
    "<title>{title} – chirpbench</title><style>{style}</style>"
    "<main><h1>{title}</h1><p>{text}</p></main></html>\n"
)


def refuse(refusal: Refusal) -> Answer:
    """A plain page that says what is wrong and what to do."""
    page = _PLAIN.format(
        style=_STYLE, title=html.escape(refusal.title), text=html.escape(refusal.text)
    )
    return _plain_page(refusal.status, page, (("Allow", "GET"),) if refusal is ONLY_GET else ())


def _plain_page(status: HTTPStatus, page: str, more: tuple[tuple[str, str], ...] = ()) -> Answer:
    headers = (("Content-Type", TYPES[".html"]), *more, *locked_down(_PLAIN_POLICY))
    return Answer(status, headers, page.encode())


def locked_down(policy: str) -> tuple[tuple[str, str], ...]:
    """The security headers every response carries, with its content policy."""
    return (
        ("Content-Security-Policy", policy),
        ("Permissions-Policy", "microphone=(self), camera=(), geolocation=()"),
        ("X-Content-Type-Options", "nosniff"),
        ("Referrer-Policy", "no-referrer"),
        ("Cross-Origin-Opener-Policy", "same-origin"),
        ("Cross-Origin-Embedder-Policy", "require-corp"),
        ("Cross-Origin-Resource-Policy", "same-origin"),
        ("X-Frame-Options", "DENY"),
        ("Cache-Control", "no-store"),
    )
