"""SoC families: chips of one family share the audio path closely enough to lend each other numbers.

A family is a text that two phones have in common; the empty text is no family. What no rule
knows is a family of its own: its cleaned name. The rules are read top down.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

_QUALCOMM_BOARDS = {
    "bengal": "sm6", "holi": "sm6", "trinket": "sm6", "sm6150": "sm6", "atoll": "sm7",
    "blair": "sm6", "parrot": "sm7", "lito": "sm7", "monaco": "sm4", "crow": "sm7",
    "msmnile": "sm8", "kona": "sm8", "lahaina": "sm8", "taro": "sm8", "kalama": "sm8",
    "pineapple": "sm8", "cliffs": "sm8", "sun": "sm8", "canoe": "sm8",
}  # fmt: skip
"""Code names of Qualcomm's platforms; a board with several tiers has the one of most of its chips
(AOSP and LineageOS device trees)."""
_MEDIATEK_TWINS = {
    "mt6762": "mt6765", "mt6769": "mt6768", "mt6785t": "mt6785", "mt6833p": "mt6833",
    "mt6875": "mt6873", "mt6889": "mt6885", "mt6883": "mt6885", "mt6891": "mt6893",
}  # fmt: skip
"""Chips that run on the platform of another, by ``ro.board.platform`` (mt6765 = Helio P35 has
MT6762, mt6768 = Helio G85 has MT6769)."""
_EXYNOS_NUMBERS = {
    "s5e8825": "1280", "s5e8835": "1380", "s5e8845": "1480", "s5e8535": "1330",
    "s5e9925": "2200", "s5e9945": "2400",
}  # fmt: skip
"""Samsung's part numbers of Exynos chips whose name is another number."""

_Rule = tuple[re.Pattern[str], Callable[[re.Match[str]], str]]
_RULES: tuple[_Rule, ...] = (
    # MediaTek: the platform's four digits.
    (re.compile(r"^mt-?(\d{4}[a-z]?)"), lambda m: _mediatek(f"mt{m[1]}")),
    # Snapdragon by part number: the tier, apart for the three naming ages (MSM, SDM, SM).
    (re.compile(r"^(msm|sdm|sm)-?(\d)\d{2,3}"), lambda m: f"{m[1]}{m[2]}"),
    # Snapdragon by name: "8 Gen 2", "8 Elite", "SD-685", "Snapdragon 865".
    (re.compile(r"^(?:snapdragon|sd)[ -]?(\d)s?\+? ?(?:gen|elite)"), lambda m: f"sm{m[1]}"),
    (re.compile(r"^(?:snapdragon|sd)[ -]?(\d)([0-9])\d"), lambda m: _snapdragon(m[1], int(m[2]))),
    # Exynos: the hundred of the number (9810, 9820 and 9825 are one family; so is 850).
    (re.compile(r"^(?:exynos|universal)[ -]?(\d{1,2})\d{2}$"), lambda m: f"exynos{m[1]}"),
    (re.compile(r"^s5e(\d{1,2})\d{2}"), lambda m: f"exynos{m[1]}"),
    # Google Tensor by its code name, HiSilicon and Unisoc by platform.
    (re.compile(r"^(gs\d01|zumapro|zuma|laguna)"), lambda m: f"tensor {m[1]}"),
    (re.compile(r"^(?:kirin|hi)[ -]?(\d)\d{2,3}"), lambda m: f"kirin{m[1]}"),
    (re.compile(r"^(ums\d+|sc\d+|sp\d+)"), lambda m: m[1]),
    # Apple: the generation, whatever its size (A15, A12X).
    (re.compile(r"^(?:apple )?([am])(\d{1,2})(?: ?(?:x|z|pro|max|ultra|bionic|fusion))?$"),
     lambda m: f"apple {m[1]}{m[2]}"),
)  # fmt: skip


@lru_cache(maxsize=4096)
def soc_family(soc: str, board: str = "") -> str:
    """The family of a chip from its name and its board platform; empty when neither is known.

    Both texts are a device's own words. The SoC's name decides where a rule knows it, because one
    Qualcomm board serves several tiers; MediaTek's boards are its platforms and decide. A board
    that no rule knows (it may name the phone) counts only without a SoC name.
    """
    names = [_cleaned(soc), _cleaned(board)]
    by_name, by_board = (_by_rule(name) for name in names)
    if by_board.startswith("mt"):
        return by_board
    return by_name or by_board or names[0] or names[1]


def _cleaned(name: str) -> str:
    words = " ".join(name.casefold().split())
    return words.removeprefix("qualcomm ").removeprefix("samsung ").removeprefix("mediatek ")


def _by_rule(name: str) -> str:
    if name in _QUALCOMM_BOARDS:
        return _QUALCOMM_BOARDS[name]
    if name in _EXYNOS_NUMBERS:
        name = f"exynos{_EXYNOS_NUMBERS[name]}"
    for pattern, family in _RULES:
        found = pattern.match(name)
        if found is not None:
            return family(found)
    return ""


def _mediatek(platform: str) -> str:
    return _MEDIATEK_TWINS.get(platform) or _MEDIATEK_TWINS.get(platform[:6]) or platform[:6]


def _snapdragon(tier: str, tens: int) -> str:
    """Names of three digits: up to 8x4, 7x2, 6x3 … they are SDM or MSM parts, later SM parts."""
    first_sm = {"8": 5, "7": 2, "6": 6, "4": 6}
    return f"sm{tier}" if tens >= first_sm.get(tier, 0) else f"sdm{tier}"
