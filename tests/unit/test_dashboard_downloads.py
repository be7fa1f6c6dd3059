"""What is downloaded says which target it is for."""

from __future__ import annotations

import pytest

from dashboard.views.export_names import download_name


@pytest.mark.parametrize(
    ("target", "made", "name"),
    [
        ("webrtc", "Acme-A1-sessions.json", "Acme-A1-webrtc-sessions.json"),
        ("openai_realtime", "Acme-A1-sessions.json", "Acme-A1-openai_realtime-sessions.json"),
        ("pipecat", "Acme-A1-params.json", "Acme-A1-pipecat-params.json"),
        ("android", "Acme-A1-android.zip", "Acme-A1-android.zip"),
        ("csv", "Acme-A1-settings.csv", "Acme-A1-csv-settings.csv"),
        ("signal", "Acme-signal-remote.json", "Acme-signal-signal-remote.json"),
    ],
)
def test_a_name_carries_its_target(target: str, made: str, name: str) -> None:
    stem = "Acme-signal" if made.startswith("Acme-signal") else "Acme-A1"
    assert download_name(stem, target, made) == name


def test_of_a_long_name_the_model_is_cut_not_the_kind_of_file() -> None:
    stem = "Acme-" + "x" * 200
    name = download_name(stem, "webrtc", f"{stem}-sessions.json")
    assert name.startswith("Acme-xxx")
    assert name.endswith("-webrtc-sessions.json")
    assert len(name) <= 121
