"""Shared by all tests: parts that need a system component say which package is missing."""

from __future__ import annotations

import ctypes.util
import glob
import os
import shutil

# One numeric thread a process, as in the product: more only fight over the two cores of a CI
# machine. Before anything imports numpy.
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_name] = "1"

import pytest  # noqa: E402
from hypothesis import settings  # noqa: E402

pytest_plugins = ("android_fixtures",)

# A gate answers the same twice; at a desk every run looks at new examples.
settings.register_profile("ci", derandomize=True)
if os.environ.get("CI"):
    settings.load_profile("ci")


def pytest_addoption(parser: pytest.Parser) -> None:
    """``--device SERIAL`` runs tests/device on that phone."""
    parser.addoption("--device", metavar="SERIAL", help="run the acceptance test on this phone")


def _is_there(what: str) -> bool:
    """``what``: a program, ``lib:NAME`` for a shared library, or a glob of an absolute path."""
    if what.startswith("lib:"):
        return ctypes.util.find_library(what.removeprefix("lib:")) is not None
    if what.startswith("/"):
        return bool(glob.glob(what))  # noqa: PTH207 - Path.glob takes no absolute pattern
    return shutil.which(what) is not None


def pytest_runtest_setup(item: pytest.Item) -> None:
    """``needs_apt(package, program)``: skip without it, or fail when nothing may be skipped."""
    if item.get_closest_marker("device") and not item.config.getoption("--device"):
        pytest.skip("needs a phone on USB: --device SERIAL")
    for mark in item.iter_markers("needs_apt"):
        package, what = mark.args
        if _is_there(what):
            continue
        message = f"needs the Debian package {package} (apt install {package})"
        if os.environ.get("CHIRPBENCH_NO_SKIP") == "1":
            pytest.fail(f"{message}, and CHIRPBENCH_NO_SKIP=1 forbids skipping", pytrace=False)
        pytest.skip(message)
