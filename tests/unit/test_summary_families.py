"""Which chips are of one family."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from profiler.summary.families import soc_family


@pytest.mark.parametrize(
    ("soc", "board", "family"),
    [
        ("MT6765V/CB", "mt6765", "mt6765"),
        ("MT6762", "", "mt6765"),
        ("MT-6769", "mt6768", "mt6768"),
        ("MT6769Z", "", "mt6768"),
        ("MT6877", "", "mt6877"),
        ("SM8550", "kalama", "sm8"),
        ("SM8250-AC", "kona", "sm8"),
        ("QUALCOMM SM6225", "", "sm6"),
        ("SD-685", "bengal", "sm6"),
        ("Snapdragon 8 Gen 2", "", "sm8"),
        ("Snapdragon 8s Gen 3", "", "sm8"),
        ("Snapdragon 865", "", "sm8"),
        ("Snapdragon 845", "", "sdm8"),
        ("SDM845", "sdm845", "sdm8"),
        ("SDM660", "", "sdm6"),
        ("MSM8998", "msm8998", "msm8"),
        ("Exynos 9820", "", "exynos98"),
        ("Exynos 9810", "exynos9810", "exynos98"),
        ("exynos850", "exynos850", "exynos8"),
        ("s5e9945", "", "exynos24"),
        ("s5e8825", "s5e8825", "exynos12"),
        ("Exynos 2400", "", "exynos24"),
        ("Tensor G2", "gs201", "tensor gs201"),
        ("Tensor G4", "zumapro", "tensor zumapro"),
        ("Kirin 970", "kirin970", "kirin9"),
        ("T606", "ums9230", "ums9230"),
        ("SC9863A", "sc9863a", "sc9863"),
        ("A15 Bionic", "", "apple a15"),
        ("Apple M2", "", "apple m2"),
    ],
)
def test_known_chips(soc: str, board: str, family: str) -> None:
    assert soc_family(soc, board) == family


def test_an_unknown_chip_is_a_family_of_its_own() -> None:
    assert soc_family("Hexa  G4", "hexag4") == "hexa g4"
    assert soc_family("HEXA G4") == "hexa g4"
    assert soc_family("", "phone-board") == "phone-board"
    assert soc_family("Hexa G2") != soc_family("Hexa G4")
    assert soc_family("", "") == ""


def test_the_board_decides_where_the_name_is_not_known() -> None:
    assert soc_family("whatever", "mt6765") == "mt6765"
    assert soc_family("MT6762", "mt6765") == "mt6765"
    assert soc_family("whatever", "lahaina") == "sm8"
    assert soc_family("SM7325", "lahaina") == "sm7"  # one board of two tiers
    assert soc_family("SM8550", "phone-codename") == "sm8"


@given(st.text(max_size=40), st.text(max_size=40))
def test_any_text_has_one_family(soc: str, board: str) -> None:
    assert soc_family(soc, board) == soc_family(soc, board)
    assert soc_family(soc.upper() if soc.isascii() else soc, board) == soc_family(soc, board)
