"""``chirpbench recommend`` in a process of its own, on a real store."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
import store_records as make
from cli_process import assert_one_line_error, chirpbench, json_lines

from db.store import Store
from profiler.model import SETTINGS, Measurement, RunStatus, Verdict

EVIL = 'Evil\x1b[2J[red]$x$ "Phone" *,'
NUMBERS = {
    "L1": {"rtl_ms": 60.0, "rtl_min_ms": 58.0, "rtl_p95_ms": 66.0, "rtl_max_ms": 66.0},
    "L3": {"rtl_ms": 60.0, "rtl_ms[api=java]": 140.0, "timestamps_trusted": 0.0},
    "D1": {"zero_run_ms[rate=48000]": 1312.0, "zero_run_ms[rate=16000]": 0.1},
    "A1": {"erle_low_db[volume=1]": 2.0, "erle_db[volume=1]": 2.5, "voice_per_min[volume=1]": 9.0},
}


def measured(
    store: Store, serial: str, numbers: dict[str, dict[str, float]], **facts: object
) -> None:
    """One finished run of one phone."""
    ref, run_uuid = make.device(serial), f"{serial}-run"
    store.upsert_device(ref, make.facts(**facts))  # type: ignore[arg-type]
    store.begin_run(make.run(run_uuid, ref.uid, bench_uuid=f"bench-{serial}"))
    store.add_trial(make.trial(f"{serial}-t", run_uuid=run_uuid, latency_ms=60.0))
    for test_id, values in numbers.items():
        found = tuple(Measurement(name, value, "x") for name, value in values.items())
        verdict = Verdict.FAIL if test_id in ("A1", "D1") else Verdict.PASS
        store.add_test_result(
            make.result(
                run_uuid, test_id=test_id, verdict=verdict, measurements=found, text="as it was",
                trial_uuids=(f"{serial}-t",),
            )
        )  # fmt: skip
    store.finish_run(run_uuid, RunStatus.OK)


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with ``chirpbench.db``: a measured phone, and one with an odd name."""
    folder = tmp_path_factory.mktemp("bench")
    raw = {"apis": "aaudio,java"}
    known = {"native_rate_hz": 48_000, "frames_per_burst": 240, "raw": raw}
    with Store.open(folder / "chirpbench.db") as store:
        measured(store, "v1", NUMBERS, **known)
        measured(store, "v2", {"L1": {"rtl_ms": 90.0}}, model="B7", marketing_name=EVIL, soc="s2")
    return folder


def advised(bench: Path, *words: str) -> dict[str, list[dict[str, object]]]:
    """Its JSON lines by kind."""
    done = chirpbench("recommend", *words, "--json", cwd=bench)
    assert (done.returncode, done.stderr) == (0, "")
    found: dict[str, list[dict[str, object]]] = {}
    for line in json_lines(done.stdout):
        found.setdefault(str(line["kind"]), []).append(line)
    return found


def test_settings_with_reasons_evidence_and_defaults(bench: Path) -> None:
    found = advised(bench, "A1")
    by_key = {line["key"]: line for line in found["setting"]}
    assert {str(line["name"]) for line in found["setting"]} <= set(SETTINGS)
    api, rate, aec = by_key["api"], by_key["capture_rate_hz"], by_key["aec"]
    assert (api["value"], api["default"], api["changed"]) == ("aaudio", "java", True)
    assert (api["confidence"], api["level"], api["trial_uuids"]) == (
        "medium", "same_build", ["v1-t"],
    )  # fmt: skip
    # L1 was measured at the own rate: D1's zeros there are not silence.
    assert (rate["value"], rate["rule"]) == (48_000, "inputs.rate_that_delivers")
    assert "in spite of runs of zeros" in str(rate["reason"])
    assert "no_fit_rate" not in str(found)
    assert (aec["value"], aec["test_ids"]) == ("software", ["A1"])
    assert by_key["opus_complexity"]["confidence"] == "assumed"
    (head,) = found["advice"]
    assert len(str(head["advice_sha256"])) == 64
    assert "settings differ from the stack's defaults" in str(head["conclusion"])
    assert "only_virtual" in {line["code"] for line in found["caution"]}
    ours, usual = found["budget"][:2]
    assert (ours["budget"], usual["budget"]) == ("mouth_to_ear", "mouth_to_ear_default")
    assert float(str(usual["total_ms"])) - float(str(ours["total_ms"])) == pytest.approx(80.0)


def test_for_people(bench: Path) -> None:
    done = chirpbench("recommend", "A1", "--use", "call", "--network", "lossy", cwd=bench)
    assert (done.returncode, done.stderr) == (0, "")
    assert "Acme A1 (virtual), soc9: call on network lossy" in done.stdout
    assert "fastest of aaudio 60 ms, java 140 ms" in done.stdout
    assert "only_virtual: " in done.stdout
    assert "mouth to ear, stack's defaults" in done.stdout
    assert "settings differ from the stack's defaults; mouth to ear" in done.stdout
    odd = chirpbench("recommend", "B7", cwd=bench)
    assert odd.returncode == 0
    assert "\x1b" not in odd.stdout
    assert 'Evil[red]$x$ "Phone" *,' in odd.stdout
    assert "turn:" in odd.stdout
    assert "turn:" not in done.stdout


def test_a_model_that_was_never_measured(bench: Path) -> None:
    found = advised(bench, "Z9", "--manufacturer", "Nobody")
    assert {line["confidence"] for line in found["setting"]} == {"assumed"}
    assert found["caution"][0]["code"] == "never_measured"
    assert found["budget"][0]["parts"][0]["source"] == "assumed"  # type: ignore[index]


def test_networks_and_pipelines_of_ones_own(bench: Path, tmp_path: Path) -> None:
    network = tmp_path / "n.toml"
    network.write_text(
        '[[networks]]\nname = "mine"\nsource = "test"\n[[networks.phases]]\ndelay_ms = 33\n'
    )
    pipeline = tmp_path / "p.toml"
    pipeline.write_text(
        '[[pipelines]]\nname = "ours"\nkind = "turn"\nsource = "test"\ncontains = "all"\n'
        '[[pipelines.parts]]\nname = "llm"\nms = 90\nlow_ms = 80\nhigh_ms = 100\n'
        'basis = "assumed"\n'
    )
    words = ("--networks", str(network), "--network", "mine", "--pipelines", str(pipeline))
    found = advised(bench, "A1", *words, "--pipeline", "ours")
    assert found["advice"][0]["network"] == "mine"
    budgets = [(line["budget"], line["pipeline"]) for line in found["budget"]]
    assert budgets == [("mouth_to_ear", ""), ("mouth_to_ear_default", ""), ("turn", "ours")]
    parts = {p["name"]: p["ms"] for p in found["budget"][2]["parts"]}  # type: ignore[union-attr]
    assert (parts["network"], parts["llm"], parts["network_back"]) == (33, 90, 33)


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("A1", "--network", "goood"), 2, "did you mean good"),
        (("A1", "--pipeline", "pie"), 2, "did you mean pi"),
        (("A1", "--pipelines", "none.toml"), 2, "none.toml"),
        (("A1", "--networks", "none.toml"), 2, "none.toml"),
        (("A1", "--picture", "budget.jpg"), 2, "a picture ends in .svg or .png"),
        (("A1", "--picture", "nowhere/b.svg"), 2, "its folder does not exist"),
        (("A2",), 2, "A1"),
    ],
)
def test_what_cannot_be_used(bench: Path, words: tuple[str, ...], code: int, said: str) -> None:
    done = chirpbench("recommend", *words, cwd=bench)
    assert_one_line_error(done, code, said)


def test_an_unknown_key_is_named(bench: Path, tmp_path: Path) -> None:
    file = tmp_path / "p.toml"
    file.write_text('[[pipelines]]\nname = "a"\nlatency = 3\n')
    done = chirpbench("recommend", "A1", "--pipelines", file, cwd=bench)
    assert done.returncode == 2
    assert "pipelines[0].latency: unknown key" in done.stderr


def test_a_missing_extra_is_named_before_the_work(bench: Path, tmp_path: Path) -> None:
    (tmp_path / "matplotlib.py").write_text("raise ImportError('not here')\n")
    env = {"PYTHONPATH": str(tmp_path)}
    done = chirpbench("recommend", "A1", "--picture", tmp_path / "b.svg", cwd=bench, env=env)
    assert_one_line_error(done, 2, "pictures need matplotlib", "pip install 'chirpbench[export]'")


def test_the_picture_is_the_same_bytes_and_holds_odd_names(bench: Path, tmp_path: Path) -> None:
    first, again, png = tmp_path / "a.svg", tmp_path / "b.svg", tmp_path / "c.png"
    for file in (first, again):
        assert chirpbench("recommend", "B7", "--picture", file, cwd=bench).returncode == 0
    assert first.read_bytes() == again.read_bytes()
    assert ET.fromstring(first.read_text("utf-8")).tag.endswith("svg")
    assert str(bench) not in first.read_text("utf-8")
    done = chirpbench("recommend", "A1", "--use", "music", "--picture", png, cwd=bench)
    assert (done.returncode, done.stderr) == (0, "")
    assert png.read_bytes().startswith(b"\x89PNG")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.svg", "b.svg", "c.png"]
