"""The JUnit tests of the probe app's Java code, each as a test of its own, from one JVM."""

from __future__ import annotations

import android_java
import pytest

pytestmark = pytest.mark.needs_apt(*android_java.JDK)
TESTS = [f"{c}.{name}" for c, names in android_java.junit_tests().items() for name in names]


@pytest.fixture(scope="module")
def junit() -> android_java.JUnitRun:
    """All classes, run once."""
    android_java.require_jars()
    return android_java.run_junit(*android_java.junit_tests())


def test_the_sources_hold_tests() -> None:
    assert len(TESTS) > 40


@pytest.mark.timeout(300)  # the first one waits for all
@pytest.mark.parametrize("name", TESTS)
def test_java(junit: android_java.JUnitRun, name: str) -> None:
    assert junit.passed.get(name), f"{name} did not pass\n{junit.output[-8000:]}"


def test_java_ran_no_other_tests(junit: android_java.JUnitRun) -> None:
    assert sorted(junit.passed) == sorted(TESTS)
