"""The bench's certificate authority: what it signs, how long, how it is kept, who accepts it."""

import importlib
import os
import socket
import ssl
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID
from hypothesis import given
from hypothesis import strategies as st

from device_probes.web import certificates
from device_probes.web.certificates import CA_LIFE, server_identity
from profiler.errors import InputError

NAMES = ("192.168.7.9", "localhost", "bench.local", "::1", "fd00::5")
NOW = datetime.now(UTC)
needs_openssl = pytest.mark.needs_apt("openssl", "openssl")


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "certificates"


def leaf_of(identity):
    return x509.load_pem_x509_certificate(identity.file.read_bytes())


def ca_of(identity):
    return x509.load_der_x509_certificate(identity.ca_der)


def extension(certificate, kind):
    return certificate.extensions.get_extension_for_class(kind)


def test_the_leaf_follows_the_rules_of_phones(folder):
    identity = server_identity(folder, NAMES)
    leaf, ca = leaf_of(identity), ca_of(identity)
    leaf.verify_directly_issued_by(ca)
    life = leaf.not_valid_after_utc - leaf.not_valid_before_utc
    assert timedelta(days=390) < life <= timedelta(days=397)
    assert leaf.not_valid_before_utc <= datetime.now(UTC) - timedelta(hours=23)
    names = extension(leaf, x509.SubjectAlternativeName).value
    assert tuple(str(name.value) for name in names) == NAMES == identity.names
    usage = extension(leaf, x509.ExtendedKeyUsage).value
    assert list(usage) == [ExtendedKeyUsageOID.SERVER_AUTH]
    assert isinstance(leaf.public_key(), ec.EllipticCurvePublicKey)
    assert leaf.public_key().curve.name == "secp256r1"
    assert isinstance(leaf.signature_hash_algorithm, hashes.SHA256)
    assert not extension(leaf, x509.BasicConstraints).value.ca


def test_the_authority_is_confined_and_has_a_name_for_the_settings(folder):
    identity = server_identity(folder, NAMES)
    ca = ca_of(identity)
    limits = extension(ca, x509.NameConstraints)
    assert limits.critical
    assert {str(name.value) for name in limits.value.permitted_subtrees} == {
        *("localhost", "local", "lan", "home.arpa"),
        *("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16"),
        *("::1/128", "fc00::/7", "fe80::/10"),
    }
    basic = extension(ca, x509.BasicConstraints)
    assert (basic.critical, basic.value.ca, basic.value.path_length) == (True, True, 0)
    assert ca.not_valid_after_utc - ca.not_valid_before_utc <= timedelta(days=3 * 366)
    assert identity.ca_name == ca.subject.rfc4514_string().split("CN=")[1].split(",")[0]
    assert identity.fingerprint.replace(":", "").lower() == ca.fingerprint(hashes.SHA256()).hex()


def test_nobody_else_can_read_the_keys(folder):
    old = os.umask(0)
    try:
        server_identity(folder, NAMES)
    finally:
        os.umask(old)
    assert folder.stat().st_mode & 0o777 == 0o700
    files = list(folder.iterdir())
    assert len(files) == 2
    for file in files:
        assert file.stat().st_mode & 0o777 == 0o600


def test_it_is_made_once(folder):
    first = server_identity(folder, NAMES)
    second = server_identity(folder, NAMES)
    assert (first.is_new, second.is_new) == (True, False)
    assert second.ca_der == first.ca_der
    assert leaf_of(second) == leaf_of(first)


def test_other_addresses_get_another_leaf_of_the_same_authority(folder):
    first = server_identity(folder, NAMES)
    other = server_identity(folder, ["10.1.2.3"])
    assert other.ca_der == first.ca_der
    assert other.names == ("10.1.2.3",)
    assert leaf_of(server_identity(folder, NAMES)) == leaf_of(first)


def test_a_leaf_near_its_end_is_made_anew(folder):
    first = server_identity(folder, NAMES, now=NOW)
    soon = server_identity(folder, NAMES, now=NOW + timedelta(days=365))
    late = server_identity(folder, NAMES, now=NOW + timedelta(days=367))
    assert soon.expires == first.expires
    assert late.expires > first.expires
    assert late.ca_der == first.ca_der
    assert not late.is_new


def test_an_authority_near_its_end_is_made_anew_and_says_so(folder):
    first = server_identity(folder, NAMES, now=NOW)
    before = NOW + CA_LIFE - timedelta(days=61)
    kept = server_identity(folder, NAMES, now=before)
    assert kept.ca_der == first.ca_der
    assert kept.expires <= ca_of(first).not_valid_after_utc
    renewed = server_identity(folder, NAMES, now=before + timedelta(days=2))
    assert renewed.is_new
    assert renewed.ca_der != first.ca_der
    leaf_of(renewed).verify_directly_issued_by(ca_of(renewed))


@pytest.mark.parametrize("content", [b"", b"garbage", b"\x00" * 100])
def test_a_damaged_authority_says_what_to_delete(folder, content):
    server_identity(folder, NAMES)
    (folder / "ca.pem").write_bytes(content)
    with pytest.raises(InputError, match=r"ca\.pem.*damaged.*delete this file") as caught:
        server_identity(folder, NAMES)
    assert "trust the new" in caught.value.hint
    (folder / "ca.pem").unlink()
    assert server_identity(folder, NAMES).is_new


def test_half_an_authority_is_damaged(folder):
    server_identity(folder, NAMES)
    pem = (folder / "ca.pem").read_bytes()
    for part in (pem[: pem.index(b"-----BEGIN PRIVATE")], pem[: len(pem) - 60]):
        (folder / "ca.pem").write_bytes(part)
        with pytest.raises(InputError, match="damaged"):
            server_identity(folder, NAMES)


def test_an_authority_with_the_key_of_another_is_damaged(folder, tmp_path):
    server_identity(folder, NAMES)
    server_identity(tmp_path / "other", NAMES)
    mine = (folder / "ca.pem").read_bytes().partition(b"-----BEGIN PRIVATE")
    other = (tmp_path / "other" / "ca.pem").read_bytes().partition(b"-----BEGIN PRIVATE")
    (folder / "ca.pem").write_bytes(mine[0] + other[1] + other[2])
    with pytest.raises(InputError, match="damaged"):
        server_identity(folder, NAMES)


def test_an_authority_without_limits_is_not_used(folder):
    server_identity(folder, NAMES)
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([])
    free = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(NOW - timedelta(days=1))
        .not_valid_after(NOW + timedelta(days=900))
        .sign(key, hashes.SHA256())
    )
    pem, kind = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    secret = key.private_bytes(pem, kind, serialization.NoEncryption())
    (folder / "ca.pem").write_bytes(free.public_bytes(pem) + secret)
    with pytest.raises(InputError, match="damaged"):
        server_identity(folder, NAMES)


def test_a_damaged_or_foreign_leaf_is_simply_made_anew(folder, tmp_path):
    identity = server_identity(folder, NAMES)
    foreign = server_identity(tmp_path / "other", NAMES)
    for content in (b"", b"garbage", foreign.file.read_bytes()):
        identity.file.write_bytes(content)
        again = server_identity(folder, NAMES)
        leaf_of(again).verify_directly_issued_by(ca_of(identity))
        assert isinstance(again.context(), ssl.SSLContext)


def test_a_key_that_others_can_read_is_not_used(folder):
    server_identity(folder, NAMES)
    (folder / "ca.pem").chmod(0o644)
    with pytest.raises(InputError, match="chmod 600"):
        server_identity(folder, NAMES)


def test_an_authority_from_the_future_names_the_clock(folder):
    server_identity(folder, NAMES, now=NOW + timedelta(days=10))
    with pytest.raises(InputError, match="clock"):
        server_identity(folder, NAMES, now=NOW)


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(InputError, match="cannot be kept here"):
        server_identity(blocked / "certificates", NAMES)
    with pytest.raises(InputError, match="cannot be kept here"):
        server_identity(blocked, NAMES)


def test_no_half_file_is_left_when_the_disk_is_full(folder, monkeypatch):
    def full(_fd):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(InputError, match="No space left"):
        server_identity(folder, NAMES)
    assert list(folder.iterdir()) == []


def test_many_processes_at_once_make_one_authority(folder):
    go, made = threading.Barrier(8), []

    def make():
        go.wait()
        made.append(server_identity(folder, NAMES))

    threads = [threading.Thread(target=make) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({identity.ca_der for identity in made}) == 1
    assert sum(identity.is_new for identity in made) == 1
    leaf_of(server_identity(folder, NAMES)).verify_directly_issued_by(ca_of(made[0]))
    assert not [file for file in folder.iterdir() if file.name.startswith(".")]


@pytest.mark.parametrize(
    "name",
    [
        *("8.8.8.8", "0.0.0.0", "172.32.0.1", "192.169.0.1", "2001:db8::1", "::", "fe80::1%eth0"),
        *("example.com", "local.example.com", "notlocal", "xlan", "*.local", "a..local"),
        *("", ".", "-a.local", "a_b.local", "bench.local/x", "bench.local\n", "ä.local"),
        "a" * 64 + ".local",
        ".".join(["a" * 60] * 5) + ".local",
        "100.64.0.1",
    ],
)
def test_names_outside_the_lab_are_refused(folder, name):
    with pytest.raises(InputError, match="signs no certificate"):
        server_identity(folder, ["localhost", name])
    assert not folder.exists()


def test_an_identity_needs_a_name(folder):
    with pytest.raises(InputError, match="name or an address"):
        server_identity(folder, [])


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        (["LOCALHOST", "localhost"], ("localhost",)),
        (["[fd00::5]", "fd00:0::5"], ("fd00::5",)),
        (["Bench.Local."], ("bench.local",)),
    ],
)
def test_names_are_kept_as_browsers_compare_them(folder, written, kept):
    assert server_identity(folder, written).names == kept


@given(st.text(max_size=40) | st.ip_addresses().map(str))
def test_any_name_is_inside_the_limits_or_refused(name):
    try:
        found = certificates._general_name(name)
    except InputError:
        return
    if isinstance(found, x509.IPAddress):
        assert any(found.value in network for network in certificates.PRIVATE_NETWORKS)
    else:
        assert found.value.rpartition(".")[2] in ("localhost", "local", "lan", "arpa")


# --- who accepts it -------------------------------------------------------------------------------


def shake_hands(identity, trusted, hostname):
    """Connect a client that trusts the CA ``trusted`` and asks for ``hostname``."""
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.load_verify_locations(cadata=ssl.DER_cert_to_PEM_cert(trusted.ca_der))
    here, there = socket.socketpair()
    served = []

    def serve():
        try:
            with identity.context().wrap_socket(there, server_side=True) as secure:
                served.append(secure.version())
        except OSError:
            there.close()

    server = threading.Thread(target=serve)
    server.start()
    try:
        with client.wrap_socket(here, server_hostname=hostname):
            pass
    finally:
        here.close()
        server.join(10)
    return served


@pytest.mark.parametrize("hostname", NAMES)
def test_python_accepts_the_server_under_each_name(folder, hostname):
    identity = server_identity(folder, NAMES)
    assert shake_hands(identity, identity, hostname) == ["TLSv1.3"]


def test_python_refuses_another_name_and_another_authority(folder, tmp_path):
    identity = server_identity(folder, NAMES)
    stranger = server_identity(tmp_path / "other", NAMES)
    with pytest.raises(ssl.SSLCertVerificationError, match="IP address mismatch"):
        shake_hands(identity, identity, "192.168.7.10")
    with pytest.raises(ssl.SSLCertVerificationError, match="unable to get local issuer"):
        shake_hands(identity, stranger, "localhost")


def openssl_verify(identity, tmp_path, certificate, *options):
    ca = tmp_path / "ca.crt"
    ca.write_text(ssl.DER_cert_to_PEM_cert(identity.ca_der))
    command = ["openssl", "verify", "-x509_strict", "-purpose", "sslserver", "-CAfile", str(ca)]
    return subprocess.run(
        [*command, *options, str(certificate)], capture_output=True, text=True, check=False
    )


@needs_openssl
def test_openssl_accepts_the_leaf_strictly(folder, tmp_path):
    identity = server_identity(folder, NAMES)
    for option in (["-verify_ip", "192.168.7.9"], ["-verify_hostname", "bench.local"]):
        done = openssl_verify(identity, tmp_path, identity.file, *option)
        assert done.returncode == 0, done.stderr


@needs_openssl
@pytest.mark.parametrize(
    "name",
    [x509.DNSName("www.example.com"), x509.IPAddress(certificates.ipaddress.ip_address("8.8.8.8"))],
)
def test_a_stolen_key_cannot_vouch_for_the_internet(folder, tmp_path, name):
    identity = server_identity(folder, NAMES)
    ca = certificates._read(folder / "ca.pem")
    forged = tmp_path / "forged.pem"
    forged.write_bytes(certificates._new_leaf(ca, [name], NOW).pem())
    done = openssl_verify(identity, tmp_path, forged)
    assert done.returncode != 0
    assert "permitted subtree violation" in done.stderr


def test_without_the_package_it_says_what_to_install(monkeypatch):
    monkeypatch.delitem(sys.modules, "device_probes.web.certificates")
    monkeypatch.setitem(sys.modules, "cryptography", None)
    with pytest.raises(InputError, match=r"cryptography.*pip install 'chirpbench\[web\]'"):
        importlib.import_module("device_probes.web.certificates")
