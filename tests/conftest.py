"""Shared by all tests: parts that need a system component say which package is missing."""

from __future__ import annotations

import ctypes.util
import glob
import os
import shutil
import sys
from collections.abc import Iterator

# One numeric thread a process, as in the product: more only fight over the two cores of a CI
# machine. Before anything imports numpy.
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_name] = "1"

import pytest  # noqa: E402
from hypothesis import HealthCheck, settings  # noqa: E402

from profiler.cli.parsing import UDID  # noqa: E402

pytest_plugins = ("android_fixtures", "ios_fixtures")

# A gate answers the same twice; at a desk every run looks at new examples. Neither asks how long
# one took: other files run at the same time.
settings.register_profile("desk", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", settings.get_profile("desk"), derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "desk")


def pytest_addoption(parser: pytest.Parser) -> None:
    """``--device SERIAL`` runs tests/device on that phone, an iPhone by its UDID; ``--alone`` is
    for ``make test``."""
    parser.addoption(
        "--device",
        metavar="SERIAL",
        help="run the acceptance test on this phone: adb's serial number or an iPhone's UDID",
    )
    parser.addoption(
        "--alone",
        choices=("never", "only"),
        help="leave out the tests marked alone, or run nothing else; beside -m, which stays yours",
    )


def _is_for_another_system(item: pytest.Item, device: str | None) -> bool:
    """Whether it is the acceptance test of the other kind of phone than ``--device`` names."""
    mark = item.get_closest_marker("device")
    if mark is None or not device or not mark.args:
        return False
    return mark.args[0] != ("ios" if UDID.fullmatch(device) else "android")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """``--alone`` and ``--device``: deselect one kind."""
    device = config.getoption("--device")
    others = [item for item in items if _is_for_another_system(item, device)]
    config.hook.pytest_deselected(items=others)
    items[:] = [item for item in items if item not in others]
    wanted = config.getoption("--alone")
    if wanted is None:
        return
    kinds: dict[bool, list[pytest.Item]] = {True: [], False: []}
    for item in items:
        kinds[item.get_closest_marker("alone") is not None].append(item)
    config.hook.pytest_deselected(items=kinds[wanted == "never"])
    items[:] = kinds[wanted == "only"]


@pytest.fixture(autouse=True)
def _same_main() -> Iterator[None]:
    """Streamlit's AppTest leaves its script as ``__main__``, which every process that is spawned
    later would import and die of."""
    before = sys.modules["__main__"]
    yield
    sys.modules["__main__"] = before


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
        pytest.skip("needs a phone on USB: --device SERIAL, or an iPhone's UDID")
    for mark in item.iter_markers("needs_apt"):
        package, what = mark.args
        if _is_there(what):
            continue
        message = f"needs the Debian package {package} (apt install {package})"
        if os.environ.get("CHIRPBENCH_NO_SKIP") == "1":
            pytest.fail(f"{message}, and CHIRPBENCH_NO_SKIP=1 forbids skipping", pytrace=False)
        pytest.skip(message)
