"""docs/exports.md, the published schema and the package's copy of it are current."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from profiler.export import TARGETS
from profiler.export.profile import schema_file

ROOT = Path(__file__).resolve().parents[2]


def test_generated_files_are_current() -> None:
    command = [sys.executable, str(ROOT / "tools" / "export_docs.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_every_target_says_what_loads_it() -> None:
    page = (ROOT / "docs" / "exports.md").read_text("utf-8")
    for name, target in TARGETS.items():
        assert f"\n## {name}\n" in page
        assert target.LOADED_BY in page


def test_the_package_ships_the_schema() -> None:
    assert schema_file() == (ROOT / "docs" / "schema" / "profile-1.json").read_bytes()
