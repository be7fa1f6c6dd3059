"""The folder: whole or not at all, with a true manifest, signed, equal for equal input."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

import export_items as make
import pytest

from profiler.errors import InputError
from profiler.export import (
    MANIFEST,
    SUFFIX,
    TARGETS,
    Item,
    bad_signatures,
    check_replaceable,
    damaged_files,
    export_all,
    load_private_key,
    load_public_key,
    manifest_bytes,
    read_manifest,
    signature,
    write_folder,
)


def files_of(items: Sequence[Item], names: Sequence[str] = ("profile", "csv")) -> dict[str, bytes]:
    made = export_all(items, list(names))
    files = {f.name: f.content for m in made for f in m.files}
    return {**files, MANIFEST: manifest_bytes(items, made)}


def tree(folder: Path) -> dict[str, bytes]:
    found = (p for p in folder.rglob("*") if p.is_file())
    return {str(p.relative_to(folder)): p.read_bytes() for p in found}


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Keys as docs/exports.md makes them."""
    from cryptography.hazmat.primitives import serialization as s
    from cryptography.hazmat.primitives.asymmetric import ed25519, rsa

    folder = tmp_path_factory.mktemp("keys")
    pem, plain = s.Encoding.PEM, s.NoEncryption()
    for name in ("key", "other"):
        key = ed25519.Ed25519PrivateKey.generate()
        (folder / f"{name}.pem").write_bytes(key.private_bytes(pem, s.PrivateFormat.PKCS8, plain))
        (folder / f"{name}.pub").write_bytes(
            key.public_key().public_bytes(pem, s.PublicFormat.SubjectPublicKeyInfo)
        )
    locked = s.BestAvailableEncryption(b"secret")
    (folder / "locked.pem").write_bytes(key.private_bytes(pem, s.PrivateFormat.PKCS8, locked))
    other = rsa.generate_private_key(65_537, 2048)
    (folder / "rsa.pem").write_bytes(other.private_bytes(pem, s.PrivateFormat.PKCS8, plain))
    (folder / "rsa.pub").write_bytes(
        other.public_key().public_bytes(pem, s.PublicFormat.SubjectPublicKeyInfo)
    )
    (folder / "text.pem").write_text("no key")
    return folder


@pytest.fixture
def signed(tmp_path: Path, keys: Path) -> Path:
    files = files_of([make.item()])
    key = load_private_key(keys / "key.pem")
    files |= {f"{name}{SUFFIX}": signature(key, content) for name, content in files.items()}
    write_folder(tmp_path / "out", files)
    return tmp_path / "out"


def test_written_as_made_and_nothing_beside_it(tmp_path: Path) -> None:
    files = files_of([make.item()])
    write_folder(tmp_path / "a" / "out", files)
    assert tree(tmp_path / "a") == {f"out/{name}": content for name, content in files.items()}


def test_manifest_is_true(tmp_path: Path) -> None:
    item = make.item(values={"aec@usb": "off"})
    write_folder(tmp_path / "out", files_of([item], [*TARGETS]))
    manifest = read_manifest(tmp_path / "out")
    assert damaged_files(manifest) == []
    assert set(manifest.files) | {MANIFEST} == set(tree(tmp_path / "out"))
    assert list(manifest.targets) == list(TARGETS)
    assert (manifest.use, manifest.network) == ("voice-agent", "good")
    settings = manifest.models[item.advice.facts.key]
    assert settings == {s.key: s.value for s in item.advice.settings}
    (tmp_path / "out" / "csv" / "settings.csv").write_text("x")
    (tmp_path / "out" / "signal" / "models.json").unlink()
    problems = damaged_files(manifest)
    assert [p.partition(":")[0] for p in problems] == ["signal/models.json", "csv/settings.csv"]


def test_a_file_that_export_did_not_write_is_named(signed: Path) -> None:
    assert damaged_files(read_manifest(signed)) == [], "signatures belong to it"
    (signed / "added").mkdir()
    (signed / "added" / "modules").write_text("module evil.so\n")
    assert damaged_files(read_manifest(signed)) == ["added/modules: is not part of the export"]


def test_equal_input_gives_equal_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        items = [make.item(make.facts(model)) for model in ("A", "B")]
        write_folder(tmp_path / name, files_of(items, [*TARGETS]))
    assert tree(tmp_path / "one") == tree(tmp_path / "two")


def test_an_export_is_replaced_as_a_whole(signed: Path) -> None:
    files = files_of([make.item()], ["csv"])
    write_folder(signed, files)
    assert tree(signed) == files


@pytest.mark.parametrize("inside", ["notes.txt", "profile/mine.json"])
def test_what_export_did_not_write_is_never_touched(signed: Path, inside: str) -> None:
    (signed / inside).write_text("mine")
    before = tree(signed)
    with pytest.raises(InputError, match="which export did not write; nothing was written"):
        write_folder(signed, files_of([make.item()]))
    assert tree(signed) == before


def test_a_folder_that_is_no_export_is_never_touched(tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    check_replaceable(folder)  # empty
    (folder / "a.jpg").write_text("x")
    with pytest.raises(InputError, match=r"hold.* no export"):
        write_folder(folder, {MANIFEST: b"{}"})
    (folder / MANIFEST).write_text('{"name": "a web app"}')
    with pytest.raises(InputError, match="is not a manifest"):
        check_replaceable(folder)
    assert set(tree(folder)) == {"a.jpg", MANIFEST}
    with pytest.raises(InputError, match="is not a folder"):
        check_replaceable(folder / "a.jpg")


def test_an_empty_folder_is_used(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    write_folder(tmp_path / "out", {MANIFEST: b"{}"})
    assert tree(tmp_path) == {"out/manifest.json": b"{}"}


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    write_folder(tmp_path / "link", {MANIFEST: b"{}"})
    assert (tmp_path / "link").is_symlink()
    assert tree(tmp_path / "real") == {MANIFEST: b"{}"}


@pytest.mark.parametrize("name", ["../x", "/x", "a/../../x", ".bashrc", "a\\b"])
def test_no_name_leaves_the_folder(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="unsafe"):
        write_folder(tmp_path / "out", {name: b""})
    assert list(tmp_path.iterdir()) == []


def test_nothing_half_written_stays(signed: Path) -> None:
    """A file where a folder must be: the third write fails, as on a full disk."""
    before = tree(signed)
    with pytest.raises(InputError, match="cannot be written"):
        write_folder(signed, {MANIFEST: b"{}", "profile/a": b"", "profile/a/b": b""})
    assert tree(signed) == before
    assert [p.name for p in signed.parent.iterdir()] == ["out"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written(tmp_path: Path) -> None:
    (tmp_path / "locked").mkdir(mode=0o500)
    with pytest.raises(InputError, match="cannot be written"):
        write_folder(tmp_path / "locked" / "out", {MANIFEST: b"{}"})


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"null",
        b"[" * 100_000,
        b"\xff\xfe",
        b'{"format": "chirpbench-export", "manifest_version": 2}',
        b'{"format": "chirpbench-export", "manifest_version": 1}',
    ],
)
def test_manifests_that_are_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / MANIFEST).write_bytes(content)
    with pytest.raises(InputError, match="export it again"):
        read_manifest(tmp_path)


@pytest.mark.parametrize("name", ["../../secret", "/etc/passwd", "a/../b", "~/.ssh/id"])
def test_a_manifest_names_no_file_outside(tmp_path: Path, name: str) -> None:
    write_folder(tmp_path / "out", files_of([make.item()]))
    path = tmp_path / "out" / MANIFEST
    found = json.loads(path.read_text())
    found["targets"][0]["files"][0]["name"] = name
    path.write_text(json.dumps(found))
    with pytest.raises(InputError, match="file name"):
        read_manifest(tmp_path / "out")


def test_no_manifest(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no manifest\.json"):
        read_manifest(tmp_path)


def test_signatures_fit(signed: Path, keys: Path) -> None:
    manifest = read_manifest(signed)
    assert bad_signatures(manifest, load_public_key(keys / "key.pub")) == []
    wrong = bad_signatures(manifest, load_public_key(keys / "other.pub"))
    assert len(wrong) == 1 + len(manifest.files)


@pytest.mark.needs_apt("openssl", "openssl")
def test_openssl_accepts_a_signature(signed: Path, keys: Path) -> None:
    """As docs/exports.md says."""
    name = "profile/profiles.json"
    command = ["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", keys / "key.pub", "-rawin",
               "-in", signed / name, "-sigfile", signed / f"{name}{SUFFIX}"]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "Signature Verified Successfully" in done.stdout, done


@pytest.mark.parametrize("name", ["csv/settings.csv", MANIFEST, f"csv/settings.csv{SUFFIX}"])
def test_one_changed_bit_is_found(signed: Path, keys: Path, name: str) -> None:
    manifest = read_manifest(signed)
    content = bytearray((signed / name).read_bytes())
    content[len(content) // 2] ^= 1
    (signed / name).write_bytes(content)
    problems = bad_signatures(manifest, load_public_key(keys / "key.pub"))
    assert problems == [f"{name.removesuffix(SUFFIX)}: the signature does not fit"]


def test_missing_and_swapped_signatures_are_found(signed: Path, keys: Path) -> None:
    manifest = read_manifest(signed)
    one, other = (signed / f"{n}{SUFFIX}" for n in ("csv/settings.csv", "profile/profiles.json"))
    content = one.read_bytes()
    one.write_bytes(other.read_bytes())
    other.write_bytes(content)
    (signed / f"{MANIFEST}{SUFFIX}").write_bytes(b"short")
    problems = bad_signatures(manifest, load_public_key(keys / "key.pub"))
    assert {p.partition(":")[0] for p in problems} == {
        MANIFEST, "csv/settings.csv", "profile/profiles.json",
    }  # fmt: skip
    one.unlink()
    assert any(
        "no signature" in p for p in bad_signatures(manifest, load_public_key(keys / "key.pub"))
    )


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("locked.pem", "has a password"),
        ("rsa.pem", "no Ed25519 key"),
        ("text.pem", "no private key"),
        ("key.pub", "no private key"),
        ("absent.pem", "cannot be read"),
    ],
)
def test_wrong_private_keys(keys: Path, name: str, text: str) -> None:
    with pytest.raises(InputError, match=text):
        load_private_key(keys / name)


@pytest.mark.parametrize(
    ("name", "text"), [("rsa.pub", "no Ed25519"), ("key.pem", "no public key"), ("no", "read")]
)
def test_wrong_public_keys(keys: Path, name: str, text: str) -> None:
    with pytest.raises(InputError, match=text):
        load_public_key(keys / name)
