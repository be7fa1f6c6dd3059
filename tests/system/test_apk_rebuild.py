"""The APK in the repository is what its sources give, wherever and whenever they are built."""

from __future__ import annotations

import pytest
from apk_parts import AAPT, APKSIGNER, CLANG, FRAMEWORK, JDK, LLD, MAVEN, needs, toolchain

from tools.apk.gates import rebuild


@needs(AAPT, APKSIGNER, CLANG, FRAMEWORK, JDK, LLD, MAVEN)
@pytest.mark.timeout(600)
def test_two_builds_in_different_folders_give_the_committed_apk() -> None:
    toolchain("build")
    assert rebuild.complaints() == []
