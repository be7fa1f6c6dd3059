"""``chirpbench verify-export``: what it loads, what it refuses and what it says of it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cli_process import chirpbench
from consumer_exports import edit, replace, write
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from export_items import facts, item

from profiler.export import MANIFEST, SUFFIX, signature

FORMATS = ["profile", "signal", "android", "csv", "parquet"]
"""Quick to load, and always there."""


@pytest.fixture
def export(tmp_path: Path) -> Path:
    return write(tmp_path / "export", [item(facts("SM-A125F")), item(facts("Z"))], FORMATS)


def verify(folder: Path, *words: str | Path, **env: str) -> subprocess.CompletedProcess[str]:
    return chirpbench("verify-export", folder, *words, cwd=folder.parent, env=env)


def lines(done: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    assert done.stderr == ""
    return [json.loads(line) for line in done.stdout.splitlines()]


def sign(folder: Path) -> Path:
    """Sign every file; returns the public key's."""
    key = Ed25519PrivateKey.generate()
    for path in [p for p in folder.rglob("*") if p.is_file()]:
        path.with_name(f"{path.name}{SUFFIX}").write_bytes(signature(key, path.read_bytes()))
    public = folder.parent / "public.pem"
    public.write_bytes(
        key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    )
    return public


def test_a_good_export_is_loaded_and_the_table_says_by_what(export: Path) -> None:
    done = verify(export)
    assert (done.returncode, done.stderr) == (0, "")
    for word in ("jsonschema", "pyarrow", "accepted", "none exists", "4 of 5 formats loaded"):
        assert word in done.stdout


def test_the_same_as_json(export: Path) -> None:
    *checks, last = lines(verify(export, "--json"))
    assert {c["kind"] for c in checks} == {"consumer_check"}
    assert [c["target"] for c in checks] == ["files", *FORMATS]
    assert all(c["checked"] > 0 for c in checks if c["status"] == "accepted")
    assert last["loaded"] == ["profile", "signal", "csv", "parquet"]
    assert (last["ok"], last["accepted"], last["rejected"], last["no_consumer"]) == (True, 5, 0, 1)


def test_only_the_formats_that_are_named(export: Path) -> None:
    *checks, _ = lines(verify(export, "--json", "--format", "csv, profile"))
    assert [c["target"] for c in checks] == ["files", "profile", "csv"]


def test_a_file_that_was_changed_is_refused_and_not_loaded(export: Path) -> None:
    replace(export, "csv/*", "SM-A125F", "SM-A999F")
    done = verify(export, "--json")
    assert done.returncode == 1
    found = {c["target"]: c for c in lines(done)[:-1]}
    assert found["files"]["status"] == found["csv"]["status"] == "rejected"
    assert "csv/settings.csv" in found["files"]["text"]
    assert "not loaded" in found["csv"]["text"]
    assert found["profile"]["status"] == "accepted"


def test_a_file_that_is_gone(export: Path) -> None:
    (export / "parquet/settings.parquet").unlink()
    done = verify(export)
    assert done.returncode == 1
    assert "parquet/settings.parquet: cannot be read" in done.stdout


def test_a_wrong_value_under_a_right_hash_is_refused_by_its_consumer(export: Path) -> None:
    def raise_complexity(data: Any) -> None:
        for model in data["models"]:
            model["settings"]["opus_complexity"] = 9

    edit(export, MANIFEST, raise_complexity)
    done = verify(export, "--format", "csv")
    assert done.returncode == 1
    assert "REJECTED" in done.stdout
    assert "opus_complexity is '5', exported '9'" in done.stdout


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (None, "no manifest.json can be read"),
        ("{", "is not JSON"),
        ('{"format": "other"}', "is not a manifest"),
        ('{"format": "chirpbench-export", "manifest_version": 99}', "is not a manifest"),
    ],
)
def test_a_folder_that_is_no_export(tmp_path: Path, content: str | None, why: str) -> None:
    folder = tmp_path / "other"
    folder.mkdir()
    if content is not None:
        (folder / MANIFEST).write_text(content)
    done = verify(folder)
    assert done.returncode == 2
    assert why in done.stderr
    assert "export" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    done = verify(tmp_path / "nowhere")
    assert done.returncode == 2
    assert "nowhere" in done.stderr


def test_a_manifest_that_points_out_of_the_folder(export: Path) -> None:
    edit(export, MANIFEST, lambda d: d["targets"][0]["files"][0].update(name="../secret"))
    done = verify(export)
    assert done.returncode == 2
    assert "../secret" in done.stderr


def test_a_format_it_does_not_hold_names_the_nearest(export: Path) -> None:
    done = verify(export, "--format", "profil")
    assert done.returncode == 2
    assert "did you mean profile? it holds profile, signal" in done.stderr
    assert verify(export, "--format", ",").returncode == 2


def test_a_format_of_another_version_is_not_passed_over(export: Path) -> None:
    edit(export, MANIFEST, lambda d: d["targets"].append({"name": "telepathy", "files": []}))
    done = verify(export)
    assert done.returncode == 1
    assert "knows no such format" in done.stdout


def test_signatures(export: Path) -> None:
    public = sign(export)
    assert "not checked" in verify(export).stdout
    done = verify(export, "--public-key", public)
    assert done.returncode == 0, done.stdout
    assert "every signature fits the key" in done.stdout

    (export / f"csv/settings.csv{SUFFIX}").write_bytes(b"\0" * 64)
    done = verify(export, "--public-key", public)
    assert done.returncode == 1
    assert "csv/settings.csv: the signature does not fit" in done.stdout


def test_an_unsigned_export_never_passes_for_a_signed_one(export: Path, tmp_path: Path) -> None:
    public = sign(write(tmp_path / "other", [item()], ["csv"]))
    done = verify(export, "--public-key", public)
    assert done.returncode == 1
    assert "no signature can be read" in done.stdout
    sign(export)  # with a key of its own
    assert verify(export, "--public-key", tmp_path / "nowhere.pem").returncode == 2


def test_an_absent_program_counts_when_all_are_required(tmp_path: Path) -> None:
    folder = write(tmp_path / "export", [item()], ["baresip", "csv"])
    nowhere = {"PATH": str(Path(sys.executable).parent)}
    done = verify(folder, **nowhere)
    assert done.returncode == 0
    assert "apt install baresip-core" in done.stdout
    assert "1 consumer not on this machine" in done.stdout
    assert verify(folder, "--require-all", **nowhere).returncode == 1


def test_names_of_phones_never_reach_the_terminal_raw(tmp_path: Path) -> None:
    folder = write(tmp_path / "export", [item(facts("\x1b[31mred\x1b[0m"))], ["csv"])
    edit(folder, MANIFEST, lambda d: d["models"][0]["settings"].update(opus_complexity=9))
    done = verify(folder)
    assert done.returncode == 1
    assert "\x1b" not in done.stdout
