"""The package: what is missing is named, names are found, sessions load only what they need."""

from __future__ import annotations

import subprocess
import sys

import pytest

import profiler.verify
from profiler.errors import InputError
from profiler.verify import at_once, extra, require


def test_a_missing_extra_is_named_with_the_command_that_installs_it(monkeypatch):
    monkeypatch.setitem(extra.MODULES, "no_such_module", "no-such-package")
    with pytest.raises(InputError) as caught:
        require()
    assert "no-such-package" in str(caught.value)
    assert "chirpbench[verify]" in str(caught.value)


def test_what_is_installed_is_enough_and_has_versions():
    require()
    assert set(extra.versions()) == set(extra.MODULES.values())


def test_every_name_is_found_and_no_other():
    for name in profiler.verify.__all__:
        assert getattr(profiler.verify, name) is not None
    with pytest.raises(AttributeError, match="nothing_like_it"):
        _ = profiler.verify.nothing_like_it


def test_more_cores_run_more_sessions():
    assert 1 <= at_once(1) < at_once(8)


def test_a_session_does_not_load_what_only_judging_needs():
    words = "import sys, profiler.verify.job, profiler.verify.proxy; print('scipy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", words], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
