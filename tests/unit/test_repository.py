"""The structure that keeps the code walkable, and the packaging traps of four plain packages."""

from __future__ import annotations

import ast
import importlib
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("profiler", "device_probes", "db", "dashboard")
MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 40


def sources() -> list[Path]:
    found = [p for name in (*PACKAGES, "tools") for p in (ROOT / name).rglob("*.py")]
    assert len(found) > 30
    return found


def test_files_stay_short() -> None:
    lengths = {str(p.relative_to(ROOT)): len(p.read_text("utf-8").splitlines()) for p in sources()}
    assert {name: n for name, n in lengths.items() if n > MAX_FILE_LINES} == {}


def test_functions_stay_short() -> None:
    long = {}
    for path in sources():
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno:
                lines = node.end_lineno - node.lineno + 1
                if lines > MAX_FUNCTION_LINES:
                    long[f"{path.relative_to(ROOT)}:{node.name}"] = lines
    assert long == {}


def test_public_functions_and_classes_have_docstrings() -> None:
    bare = []
    for path in sources():
        tree = ast.parse(path.read_text("utf-8"))
        nodes = [tree, *tree.body]
        public = [c for c in tree.body if isinstance(c, ast.ClassDef) and c.name[0] != "_"]
        nodes += [n for c in public for n in c.body]
        for node in nodes:
            kinds = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
            if not isinstance(node, kinds):
                continue
            name = getattr(node, "name", "module")
            overrides = isinstance(node, ast.FunctionDef) and any(
                getattr(d, "id", "") == "override" for d in node.decorator_list
            )
            if name.startswith("_") or overrides or ast.get_docstring(node):
                continue
            if isinstance(node, ast.Module) and not tree.body:
                continue  # an empty __init__.py
            bare.append(f"{path.relative_to(ROOT)}:{name}")
    assert bare == []


@pytest.mark.parametrize("name", PACKAGES)
def test_top_level_package_is_ours(name: str) -> None:
    """A second distribution with a package of the same name would replace ours in silence."""
    found = importlib.import_module(name).__file__
    assert found is not None
    assert Path(found).resolve() == ROOT / name / "__init__.py"


def test_tests_have_no_packages_and_unique_names() -> None:
    """A package ``tests/db`` would hide the real ``db``; importlib mode needs unique names."""
    tests = list((ROOT / "tests").rglob("*.py"))
    assert [p for p in tests if p.name == "__init__.py"] == []
    folders = {p.name for p in (ROOT / "tests").iterdir() if p.is_dir()}
    assert folders.isdisjoint(PACKAGES)
    twice = [name for name, n in Counter(p.name for p in tests).items() if n > 1]
    assert twice == []


def test_dashboard_modules_hide_no_package() -> None:
    """Streamlit puts the script's folder first on the path."""
    names = {p.stem for p in (ROOT / "dashboard").rglob("*.py")}
    names |= {p.name for p in (ROOT / "dashboard").rglob("*") if p.is_dir()}
    assert names.isdisjoint(PACKAGES)


def test_command_line_page_is_current() -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "tools" / "cli_docs.py"), "--check"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_links_in_the_documents_lead_somewhere() -> None:
    broken = []
    for page in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]:
        for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text("utf-8")):
            if "://" not in target and not (page.parent / target).exists():
                broken.append(f"{page.relative_to(ROOT)} -> {target}")
    assert broken == []
