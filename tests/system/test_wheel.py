"""The wheel in a clean venv without the development extras, used from an empty folder."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import soundfile
from cli_process import delayed, environment

from profiler import __version__
from profiler.stimulus import read_stimulus

ROOT = Path(__file__).resolve().parents[2]
APP_SOURCES = {
    ROOT / "device_probes" / "android" / "app",
    ROOT / "device_probes" / "ios" / "ProbeApp",
}
"""They stay in the repository; the wheel has the package that was built from them."""
PACKAGES = ("profiler", "device_probes", "db", "dashboard")

pytestmark = pytest.mark.timeout(400)  # builds, makes a venv and fetches the dependencies


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out)]
    subprocess.run([*command, str(ROOT)], check=True, capture_output=True, text=True)
    (built,) = out.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def clean_bin(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The ``bin`` folder of a venv that holds the wheel and its own dependencies only."""
    venv = tmp_path_factory.mktemp("clean") / "venv"
    subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True)
    pip = [str(venv / "bin" / "python"), "-m", "pip", "install", "-q"]
    pip += ["--disable-pip-version-check", "-c", str(ROOT / "constraints.txt"), str(wheel)]
    subprocess.run(pip, check=True, capture_output=True, text=True)
    return venv / "bin"


def run(clean_bin: Path, *words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    env = environment({"PYTHONWARNINGS": "error::DeprecationWarning:profiler"})
    env.pop("PYTHONPATH", None)
    return subprocess.run(
        [str(clean_bin / "chirpbench"), *words],
        cwd=cwd, env=env, capture_output=True, text=True, check=False, timeout=200,
    )  # fmt: skip


def test_wheel_holds_the_four_packages_and_every_file_of_them(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        inside = set(archive.namelist())
    folders = {name.split("/")[0] for name in inside}
    assert {f for f in folders if not f.endswith(".dist-info")} == set(PACKAGES)
    ours = {
        path.relative_to(ROOT).as_posix()
        for package in PACKAGES
        for path in (ROOT / package).rglob("*")
        if path.is_file()
        and "__pycache__" not in path.parts
        and APP_SOURCES.isdisjoint(path.parents)
    }
    assert any("migrations/versions/" in name for name in ours)
    assert any(name.endswith(".toml") for name in ours)
    assert {f"device_probes/android/assets/{n}" for n in ("probe.apk", "build-info.json")} <= ours
    assert {name for name in inside if ".dist-info/" not in name} == ours


def test_no_development_tool_is_needed(clean_bin: Path, tmp_path: Path) -> None:
    code = (
        "import importlib.util as u, json, profiler, db, device_probes, dashboard;"
        "print(json.dumps([[m.__file__ for m in (profiler, db, device_probes, dashboard)],"
        "[n for n in ('pytest', 'hypothesis', 'mypy', 'jack') if u.find_spec(n)]]))"
    )
    done = subprocess.run(
        [str(clean_bin / "python"), "-P", "-c", code],
        cwd=tmp_path, capture_output=True, text=True, check=True,
    )  # fmt: skip
    files, tools = json.loads(done.stdout)
    assert tools == []
    assert all(str(clean_bin.parent) in f for f in files), files


def test_commands_from_an_empty_folder(clean_bin: Path, tmp_path: Path) -> None:
    version = run(clean_bin, "--version", cwd=tmp_path)
    assert (version.returncode, version.stdout) == (0, f"chirpbench {__version__}\n")
    assert run(clean_bin, "stimulus", "--out", "S.wav", cwd=tmp_path).returncode == 0
    spec = read_stimulus(tmp_path / "S.wav")
    soundfile.write(tmp_path / "rec.wav", delayed(spec, 4800), spec.rate_hz)
    words = ("analyze", "rec.wav", "--stimulus", "S.wav", "--json", "-")
    done = run(clean_bin, *words, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["round_trip_latency_ms"] == pytest.approx(100.0, abs=0.001)


def test_one_virtual_phone_from_an_empty_folder(clean_bin: Path, tmp_path: Path) -> None:
    """Migrations, the packaged fleet and every probe's code are where the wheel looks for them."""
    done = run(clean_bin, "run", "VP01", "--virtual", "--fast", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    summary, device, bench = map(json.loads, done.stdout.splitlines())
    assert (summary["kind"], device["kind"], bench["kind"]) == ("summary", "device", "bench")
    assert summary["is_virtual"] is True
    assert summary["median_ms"] == pytest.approx(29.8, abs=1.0)
    assert {p.name for p in tmp_path.iterdir()} == {"chirpbench.db", "chirpbench.db.evidence"}
    assert run(clean_bin, "doctor", cwd=tmp_path).returncode == 0
