"""Virtual phones with real and ideal cancellers through A1, A2, A4 and A9: a fixed few."""

from __future__ import annotations

import pytest
from echo import PhoneRow, measure_phone

from profiler.catalogue import TESTS


@pytest.fixture(scope="module", params=["ideal weak", "loud fails", "fake"])
def phone(request: pytest.FixtureRequest) -> PhoneRow:
    return measure_phone((request.param, 1), volumes=(0.5, 1.0))


def test_erle_margin_and_verdict_are_those_of_the_truth(phone: PhoneRow) -> None:
    for at in phone.volumes:
        if at.erle_db is not None:
            assert at.erle_db == pytest.approx(at.truth.erle_db, abs=1.0)
        else:
            assert at.erle_low_db is not None
            assert at.erle_low_db <= at.truth.erle_db + 1.0
        if at.truth.margin_db < 20:
            assert at.margin_db == pytest.approx(at.truth.margin_db, abs=2.0)
        assert at.truth.safe or not at.said_safe
    assert phone.full_duplex == phone.truly_safe
    assert phone.accused == phone.ineffective


def test_the_whole_catalogue_of_echo_is_there() -> None:
    assert {f"A{i}" for i in range(1, 10)} <= set(TESTS)
