"""Users install the APK that is in the wheel; nobody but us builds it."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tools.apk import layout


@pytest.mark.timeout(300)
def test_wheel_holds_the_apk_that_its_build_info_describes(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir"]
    subprocess.run([*command, str(tmp_path), str(layout.ROOT)], check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as opened:
        apk = opened.read("device_probes/android/assets/probe.apk")
        told = json.loads(opened.read("device_probes/android/assets/build-info.json"))
        names = opened.namelist()
    assert hashlib.sha256(apk).hexdigest() == told["sha256"]
    assert apk == layout.APK.read_bytes()
    assert not [name for name in names if name.startswith("tools/") or name.endswith(".pem")]
