"""``export`` and ``export-diff`` on real stores: what is refused, marked, signed and compared."""

from __future__ import annotations

import json
import sqlite3
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import export_items
import model_stores
import pytest
import store_records as make
from cli_process import assert_one_line_error, chirpbench, json_lines

from db.knowledge import save_verification
from db.store import Store
from profiler.export import damaged_files, read_manifest
from profiler.model import Measurement, Outcome, Platform, RunStatus

OLD = "2025-01-02 03:04:05.000000"


def fill(store: Store, serial: str, model: str, **changes: Any) -> None:
    """One phone with one finished run and a latency."""
    ref = replace(make.device(serial), platform=Platform.ANDROID)
    said = {
        "platform": Platform.ANDROID, "os_name": "Android", "api_level": 34, "is_virtual": False,
        "native_rate_hz": 48_000, "frames_per_burst": 192, "low_latency": True,
    }  # fmt: skip
    run_uuid = f"0000{serial}-run"
    store.upsert_device(ref, make.facts(model, **{**said, **changes}))
    store.begin_run(make.run(run_uuid, ref.uid, bench_uuid=f"bench-{serial}"))
    store.add_trial(make.trial(f"{serial}-t0", run_uuid=run_uuid))
    numbers = (Measurement("rtl_ms", 41.0, "ms", 0.4), Measurement("rtl_p95_ms", 43.0, "ms"))
    store.add_test_result(
        make.result(run_uuid, measurements=numbers, trial_uuids=(f"{serial}-t0",))
    )
    store.finish_run(run_uuid, RunStatus.OK)


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A real phone, a virtual one, one with a custom ROM, and one measured long ago."""
    folder = tmp_path_factory.mktemp("export")
    path = folder / "chirpbench.db"
    with Store.open(path) as store:
        fill(store, "s1", 'Real "A*", x')
        fill(store, "s2", "Virtual B", is_virtual=True)
        fill(store, "s3", "Rom C", raw={"ro.build.product": "lineage_c", "product": "lineage_c"},
             soc="soc7")  # fmt: skip
        fill(store, "s4", "Old D", soc="soc8", manufacturer="Other")
    with sqlite3.connect(path) as db:
        changed = db.execute(
            "update test_results set recorded_at = ? where run_id ="
            " (select id from runs where run_uuid = '0000s4-run')", (OLD,),
        )  # fmt: skip
        assert changed.rowcount == 1
    db.close()
    return folder


def models_of(folder: Path) -> dict[str, dict[str, Any]]:
    found = json.loads((folder / "manifest.json").read_text())["models"]
    return {model["model"]: model["origin"] for model in found}


def test_only_what_may_be_exported(bench: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = chirpbench("export", "--out", out, "--json", cwd=bench)
    assert done.returncode == 0, done.stderr
    assert list(models_of(out)) == ['Real "A*", x']
    for needle in ("3 models not exported", "virtual: --allow-virtual",
                   "custom_rom: --allow-custom-rom", "stale: --allow-stale"):  # fmt: skip
        assert needle in done.stderr
    lines = json_lines(done.stdout)
    assert [line["target"] for line in lines[:3]] == ["profile", "webrtc", "signal"]
    assert lines[-1] == {
        "kind": "exported", "folder": str(out), "models": 1, "manifest": "manifest.json",
        "signed": False,
    }  # fmt: skip
    assert damaged_files(read_manifest(out)) == []


@pytest.mark.parametrize(
    ("model", "flag"),
    [("Virtual B", "--allow-virtual"), ("Rom C", "--allow-custom-rom"), ("Old D", "--allow-stale")],
)
def test_a_named_model_needs_permission_and_is_marked(
    bench: Path, tmp_path: Path, model: str, flag: str
) -> None:
    command = ("export", model, "--format", "profile,android", "--out", tmp_path / "out")
    refused = chirpbench(*command, cwd=bench)
    assert_one_line_error(refused, 2, "1 model not exported", model, f"allow it with {flag}")
    assert list(tmp_path.iterdir()) == []
    allowed = chirpbench(*command, flag, cwd=bench)
    assert (allowed.returncode, allowed.stderr) == (0, "")
    assert models_of(tmp_path / "out")[model]["marks"] == [
        flag.removeprefix("--allow-").replace("-", "_")
    ]


def test_a_longer_expiry_is_not_stale(bench: Path, tmp_path: Path) -> None:
    done = chirpbench(
        "export", "Old D", "--format", "csv", "--expires-days", "9999", "--out", tmp_path / "out",
        cwd=bench,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert models_of(tmp_path / "out")["Old D"]["expires_at"] == "2052-05-19T03:04:05Z"


def test_equal_bytes_and_another_network(bench: Path, tmp_path: Path) -> None:
    command = ("export", "--allow-virtual", "--allow-custom-rom", "--allow-stale")
    for name, more in (("a", ()), ("b", ()), ("c", ("--use", "call"))):
        assert chirpbench(*command, *more, "--out", tmp_path / name, cwd=bench).returncode == 0
    same = subprocess.run(["diff", "-r", tmp_path / "a", tmp_path / "b"], check=False)
    assert same.returncode == 0
    nothing = chirpbench("export-diff", tmp_path / "a", tmp_path / "b", cwd=bench)
    assert (nothing.returncode, nothing.stderr) == (0, "")
    assert "hold the same" in nothing.stdout
    (tmp_path / "b" / "added.txt").write_text("not ours")
    tampered = chirpbench("export-diff", tmp_path / "a", tmp_path / "b", cwd=bench)
    assert_one_line_error(tampered, 2, "added.txt: is not part of the export")
    shown = chirpbench("export-diff", tmp_path / "a", tmp_path / "c", cwd=bench)
    assert "use: voice-agent -> call" in shown.stdout
    assert "opus_dtx" in shown.stdout
    lines = json_lines(
        chirpbench("export-diff", tmp_path / "a", tmp_path / "c", "--json", cwd=bench).stdout
    )
    change = next(x for x in lines if x["kind"] == "setting" and x["setting"] == "opus_dtx")
    assert (change["old"], change["new"]) == (False, True)


def test_the_table_says_what_is_not_expressed(bench: Path, tmp_path: Path) -> None:
    done = chirpbench("export", "Real", "--out", tmp_path / "out", cwd=bench)
    assert (done.returncode, done.stderr) == (0, "")
    for needle in ("1 model in", "use voice-agent, network good", "audio_device_config.json",
                   "not expressed", "signal: "):  # fmt: skip
        assert needle in done.stdout


@pytest.mark.needs_apt("openssl", "openssl")
def test_a_signed_export(bench: Path, tmp_path: Path) -> None:
    key, public = tmp_path / "key.pem", tmp_path / "public.pem"
    for command in (
        ["openssl", "genpkey", "-algorithm", "ed25519", "-out", key],
        ["openssl", "pkey", "-in", key, "-pubout", "-out", public],
    ):
        subprocess.run(command, check=True, capture_output=True)
    out = tmp_path / "out"
    done = chirpbench("export", "Real", "--sign", key, "--out", out, cwd=bench)
    assert (done.returncode, done.stderr) == (0, "")
    files = {str(p.relative_to(out)) for p in out.rglob("*") if p.is_file()}
    plain = {name for name in files if not name.endswith(".sig")}
    assert files == plain | {f"{name}.sig" for name in plain}
    checked = subprocess.run(
        ["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", public, "-rawin", "-in",
         out / "manifest.json", "-sigfile", out / "manifest.json.sig"],
        capture_output=True, check=False,
    )  # fmt: skip
    assert checked.returncode == 0, checked


def test_what_cannot_be_used(bench: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "a.txt").write_text("x")
    for words, needles in (
        (("Reel A", "--out", out), ("Real",)),
        (("--out", tmp_path / "mine"), ("holds files that are no export",)),
        (("--out", out, "--format", "signl"), ("unknown format", "did you mean signal?")),
        (("--out", out, "--sign", tmp_path / "no.pem"), ("key cannot be read", "openssl genpkey")),
        (("--out", out, "--network", "gud"), ("good",)),
        (("--out", out, "--db", tmp_path / "no.db"), ("no results are stored here",)),
    ):
        assert_one_line_error(chirpbench("export", *words, cwd=bench), 2, *needles)
    assert not out.exists()
    for words in ((out, out), (tmp_path / "mine", tmp_path / "mine")):
        assert_one_line_error(chirpbench("export-diff", *words, cwd=bench), 2, "manifest.json")


def test_verified_as_the_store_says(bench: Path, tmp_path: Path) -> None:
    path = tmp_path / "own.db"
    with sqlite3.connect(bench / "chirpbench.db") as old, sqlite3.connect(path) as new:
        old.backup(new)
    old.close()
    new.close()
    command = ("export", "Real", "--format", "profile", "--db", path, "--out", tmp_path / "out")
    assert chirpbench(*command, cwd=bench).returncode == 0
    origin = models_of(tmp_path / "out")['Real "A*", x']
    assert origin["verified"] is False
    item = export_items.item()
    for n, (outcome, verified) in enumerate(((Outcome.BETTER, True), (Outcome.WORSE, False))):
        proof = export_items.verification(item.advice, origin["advice_sha256"], outcome, n)
        with Store.open(path) as store:
            assert save_verification(store, proof)
        assert chirpbench(*command, cwd=bench).returncode == 0
        assert models_of(tmp_path / "out")['Real "A*", x']["verified"] is verified
    other = export_items.verification(item.advice, "f" * 64, Outcome.BETTER, 9)
    with Store.open(path) as store:
        save_verification(store, other)
    assert chirpbench(*command, cwd=bench).returncode == 0
    assert models_of(tmp_path / "out")['Real "A*", x']["verified"] is False


def test_forty_models_with_hostile_names(tmp_path: Path) -> None:
    model_stores.make_store(tmp_path / "chirpbench.db", 40, 3)
    done = chirpbench("export", "--allow-stale", "--out", tmp_path / "out", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    manifest = read_manifest(tmp_path / "out")
    assert len(manifest.models) == 40
    assert damaged_files(manifest) == []
