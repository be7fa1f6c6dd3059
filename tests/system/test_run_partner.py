"""A bench file with a partner, from the command line to the stored exchange."""

from __future__ import annotations

from pathlib import Path

import bench_fleets as fleets
from cli_process import chirpbench, json_lines

BENCH = """
tests = ["A3"]
[partner]
probe = "virtual"
serial = "P"
zone = "left"
"""


def test_the_partner_of_a_bench_file_helps_and_has_no_row(tmp_path: Path) -> None:
    text = 'version = 1\n[[zone]]\nname = "left"\ndistance_m = 0.3\n'
    for serial in ("A", "P"):
        phone = fleets.PHONE.format(serial=serial, latency_ms=40.0, more="")
        phone = phone.replace('os_name = "Android"', 'os_name = "Other"\nzone = "left"')
        text += phone
    (tmp_path / "fleet.toml").write_text(text)
    (tmp_path / "bench.toml").write_text(BENCH)
    done = chirpbench(
        "run", "--virtual=fleet.toml", "--bench=bench.toml", "--speed=15", "--json", cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    assert "A3 pass" in done.stderr
    lines = json_lines(done.stdout)
    devices = [line["device"] for line in lines if line["kind"] == "device"]
    assert [d["serial"] for d in devices] == ["A"]  # type: ignore[index]
