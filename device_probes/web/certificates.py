"""A certificate authority of the bench's own, for phones on the lab's Wi-Fi: the only door here to
``cryptography``.

Browsers give the microphone to pages they trust, and a phone reaches this computer by its address
in the lab, for which no public authority signs. So one is made here, once, and people trust it on
their lab phones. What it can sign is confined by critical name constraints to private addresses and
local names: whoever stole its key could not pretend to be any site of the internet.

Rules the certificates follow: support.apple.com/103769 (iOS 13 and later: SAN, serverAuth, at most
825 days) and 102028 (398 days, for public authorities only, kept all the same); Apple's trustd
checks name constraints of DNS names and IP addresses as RFC 5280, 4.2.1.10, says (its
nameconstraints.c is public). A root without a common name never shows in iOS's Certificate Trust
Settings (github.com/FiloSottile/mkcert/issues/47).
"""

from __future__ import annotations

import hashlib
import ipaddress
import os
import re
import secrets
import ssl
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from profiler.errors import InputError

try:
    from cryptography import x509
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
except ImportError as exc:
    raise InputError(
        "HTTPS needs the package cryptography", hint="pip install 'chirpbench[web]'"
    ) from exc

LOCAL_DOMAINS = ("localhost", "local", "lan", "home.arpa")
PRIVATE_NETWORKS = tuple(
    ipaddress.ip_network(net)
    for net in (
        "127.0.0.0/8",
        "10.0.0.0/8",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "169.254.0.0/16",
        "::1/128",
        "fc00::/7",
        "fe80::/10",
    )
)
CA_LIFE = timedelta(days=3 * 365)
LEAF_LIFE = timedelta(days=396)
BACKDATED = timedelta(days=1)
"""A phone's clock may be behind. With it a leaf is valid for 397 days."""
CA_RENEWED = timedelta(days=60)
LEAF_RENEWED = timedelta(days=30)

_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\Z")


@dataclass(frozen=True, slots=True)
class ServerIdentity:
    """What the page server shows to browsers, and what phones have to trust for it.

    ``file`` holds the certificate and its key in PEM; ``ca_der`` is the authority's certificate,
    ``fingerprint`` its SHA-256 as phones show it, ``is_new`` whether it was made just now.
    """

    file: Path
    ca_der: bytes
    ca_name: str
    fingerprint: str
    names: tuple[str, ...]
    expires: datetime
    is_new: bool

    def context(self) -> ssl.SSLContext:
        """A TLS context for a server, TLS 1.2 or later."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.set_alpn_protocols(["http/1.1"])
        context.load_cert_chain(self.file)
        return context


@dataclass(frozen=True, slots=True)
class _Pair:
    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    def pem(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.PEM) + self.key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )


def server_identity(
    folder: Path, names: Sequence[str], *, now: datetime | None = None
) -> ServerIdentity:
    """An identity for ``names`` (host names and IP addresses), kept in ``folder``.

    The authority is made once and again shortly before its end, which phones have to trust anew;
    the server's own certificate is made anew whenever that is due. Raises :class:`InputError` for
    names outside the lab and for files that are damaged, cannot be written or are open to others.
    """
    now = now or datetime.now(UTC)
    wanted = tuple(dict.fromkeys(_general_name(name) for name in names))
    if not wanted:
        raise InputError("a certificate needs a name or an address")
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        ca, is_new = _authority(folder / "ca.pem", now)
        file = folder / f"server-{_short_hash(wanted)}.pem"
        leaf = _kept_leaf(file, ca, now)
        if leaf is None:
            leaf = _new_leaf(ca, wanted, now)
            _write(file, leaf.pem())
    except OSError as exc:
        raise InputError(
            f"certificates cannot be kept here ({exc.strerror})",
            file=str(exc.filename or folder),
            hint="free the disk or name another folder",
        ) from exc
    der = ca.certificate.public_bytes(serialization.Encoding.DER)
    return ServerIdentity(
        file=file,
        ca_der=der,
        ca_name=_common_name(ca.certificate),
        fingerprint=hashlib.sha256(der).digest().hex(":").upper(),
        names=tuple(str(name.value) for name in wanted),
        expires=leaf.certificate.not_valid_after_utc,
        is_new=is_new,
    )


def _general_name(name: str) -> x509.DNSName | x509.IPAddress:
    """A name within what the authority may sign."""
    text = name.strip("[]").rstrip(".").lower()
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        pass
    else:
        if "%" not in text and any(address in net for net in PRIVATE_NETWORKS):
            return x509.IPAddress(address)
        raise InputError(
            f"the bench signs no certificate for {name}",
            hint="use a private address of this computer in the lab's network, such as 192.168.…",
        )
    local = any(text == end or text.endswith(f".{end}") for end in LOCAL_DOMAINS)
    if len(text) <= 253 and local and all(_LABEL.match(part) for part in text.split(".")):
        return x509.DNSName(text)
    ends = ", ".join(f".{end}" for end in LOCAL_DOMAINS[1:])
    raise InputError(
        f"the bench signs no certificate for {name!r}",
        hint=f"use localhost, a name that ends in {ends}, or a private address",
    )


def _authority(file: Path, now: datetime) -> tuple[_Pair, bool]:
    """The bench's authority, and whether it was made just now."""
    kept = _kept_authority(file, now)
    if kept is not None and kept.certificate.not_valid_after_utc - now > CA_RENEWED:
        return kept, False
    new = _new_authority(now)
    if kept is not None:
        _write(file, new.pem())
    elif not _create(file, new.pem()):
        # Another process was faster: one bench has one authority.
        return _kept_authority(file, now) or new, False
    return new, True


def _kept_authority(file: Path, now: datetime) -> _Pair | None:
    """The authority in a file; ``None`` when there is no file."""
    try:
        mode = file.stat().st_mode
    except FileNotFoundError:
        return None
    if os.name == "posix" and stat.S_IMODE(mode) & 0o077:
        raise InputError(
            "others on this computer can read the key of the bench's certificate authority",
            file=str(file),
            hint=f"chmod 600 {file}",
        )
    pair = _read(file)
    if pair is None or not _is_ours(pair.certificate):
        raise InputError(
            "the bench's certificate authority is damaged",
            file=str(file),
            hint="delete this file and run again; phones then have to trust the new authority",
        )
    if pair.certificate.not_valid_before_utc > now:
        raise InputError(
            "the bench's certificate authority is not valid yet",
            file=str(file),
            hint="set this computer's clock, or delete this file",
        )
    return pair


def _is_ours(certificate: x509.Certificate) -> bool:
    try:
        limits = certificate.extensions.get_extension_for_class(x509.NameConstraints)
    except (x509.ExtensionNotFound, ValueError):
        return False
    return limits.critical and limits.value == _limits()


def _kept_leaf(file: Path, ca: _Pair, now: datetime) -> _Pair | None:
    """The server's certificate in a file, when it is still good for a while."""
    pair = _read(file)
    if pair is None:
        return None
    try:
        pair.certificate.verify_directly_issued_by(ca.certificate)
    except (ValueError, TypeError, InvalidSignature):
        return None
    start, end = pair.certificate.not_valid_before_utc, pair.certificate.not_valid_after_utc
    return pair if start <= now and end - now > LEAF_RENEWED else None


def _read(file: Path) -> _Pair | None:
    """Certificate and key of a PEM file; ``None`` when there is no file or not both in it."""
    try:
        pem = file.read_bytes()
        certificate = x509.load_pem_x509_certificate(pem)
        key = serialization.load_pem_private_key(pem, password=None)
        fits = certificate.public_key() == key.public_key()
    except (FileNotFoundError, ValueError, TypeError, UnsupportedAlgorithm):
        return None
    return _Pair(certificate, key) if isinstance(key, ec.EllipticCurvePrivateKey) and fits else None


def _new_authority(now: datetime) -> _Pair:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "chirpbench"),
            x509.NameAttribute(NameOID.COMMON_NAME, f"chirpbench lab {secrets.token_hex(3)}"),
        ]
    )
    builder = (
        _builder(name, name, key, now, now + CA_LIFE)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .add_extension(_limits(), critical=True)
    )
    return _Pair(builder.sign(key, hashes.SHA256()), key)


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _limits() -> x509.NameConstraints:
    permitted: list[x509.GeneralName] = [x509.DNSName(name) for name in LOCAL_DOMAINS]
    permitted += [x509.IPAddress(network) for network in PRIVATE_NETWORKS]
    return x509.NameConstraints(permitted_subtrees=permitted, excluded_subtrees=None)


def _new_leaf(ca: _Pair, names: Sequence[x509.DNSName | x509.IPAddress], now: datetime) -> _Pair:
    key = ec.generate_private_key(ec.SECP256R1())
    # No name that looks like a host: some check the common name against the constraints, too.
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "chirpbench page server")])
    end = min(now + LEAF_LIFE, ca.certificate.not_valid_after_utc)
    authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(ca.key.public_key())
    builder = (
        _builder(name, ca.certificate.subject, key, now, end)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(authority, critical=False)
    )
    return _Pair(builder.sign(ca.key, hashes.SHA256()), key)


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    now: datetime,
    end: datetime,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATED)
        .not_valid_after(end)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _common_name(certificate: x509.Certificate) -> str:
    return str(certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value)


def _short_hash(names: Sequence[x509.DNSName | x509.IPAddress]) -> str:
    return hashlib.sha256("\n".join(str(name.value) for name in names).encode()).hexdigest()[:12]


def _create(file: Path, content: bytes) -> bool:
    """Write a file that nobody else can read unless it is there; whether this process did."""
    part = _part(file, content)
    try:
        os.link(part, file)
    except FileExistsError:
        return False
    finally:
        part.unlink()
    return True


def _write(file: Path, content: bytes) -> None:
    """Write, or replace as a whole, a file that nobody else can read."""
    _part(file, content).replace(file)


def _part(file: Path, content: bytes) -> Path:
    part = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    try:
        with os.fdopen(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as out:
            out.write(content)
            out.flush()
            os.fsync(out.fileno())
    except OSError:
        part.unlink(missing_ok=True)
        raise
    return part
