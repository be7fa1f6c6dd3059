"""Stores that the dashboard is looked at with: a bench that really ran, and hostile names."""

from __future__ import annotations

from pathlib import Path

import store_records as records
from cli_process import chirpbench

from db.store import Store
from profiler.model import Measurement, Verdict

PHONES = ("VP01", "VP05")
"""Of the built-in fleet: a steady one and one whose echo canceller is broken."""
HOSTILE = (
    '<script>window.hacked=1</script><img src=x onerror="window.hacked=1">',
    "[click](javascript:window.hacked=1) **bold** `code` $x^2$ :material/delete: :smile: # h",
    "\u202egnp.exe \u200fעברית\u0301\u0301\u0301\u0301\u0301\u0301\u0301 🎧 two\nlines\tand\x00nul",
    "long " + "x" * 190,
    '=HYPERLINK("http://evil.example","x") "]}\'),alert(1);//{{7*7}}${7*7}',
)
"""What a phone may say its name is."""


def measured(folder: Path) -> Path:
    """The smoke suite, really run on two virtual phones; recordings included."""
    path = folder / "measured.db"
    done = chirpbench(
        "run", "--virtual", "--suite", "smoke", "--fast", "--plain", "--db", path, *PHONES,
        cwd=folder,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return path


def add_hostile(path: Path) -> None:
    """A real phone for each hostile name: maker, model, SoC, build, texts and reasons say it."""
    with Store.open(path) as store:
        for i, name in enumerate(HOSTILE):
            said = records.facts(
                f"{name} {i}", manufacturer=name, marketing_name=f"{name} {i}", soc=name,
                os_build=f"{name}.{i}", os_version=name, is_virtual=False,
                raw={"ro.product.model": name},
            )  # fmt: skip
            device = records.device(f"h{i} {name}")
            store.upsert_device(device, said)
            run = f"hostile-{i}"
            store.begin_run(records.run(run, device.uid, bench_uuid="hostile", suite=name))
            ids = [f"{run}-{n}" for n in range(6)]
            for n, trial in enumerate(ids):
                store.add_trial(
                    records.trial(trial, run_uuid=run, index=n, latency_ms=40.0 + n + i,
                                  message=name)
                )  # fmt: skip
            store.add_test_result(
                records.result(
                    run,
                    verdict=Verdict.FAIL,
                    text=name,
                    reasons=(name, "latency_high"),
                    trial_uuids=tuple(ids),
                    measurements=(Measurement("rtl_ms", 40.0 + i, "ms", 0.2),),
                )
            )
