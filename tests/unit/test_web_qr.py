"""QR codes in a terminal, read back by a decoder that is not the library that made them."""

import importlib
import re
import sys

import numpy as np
import pytest
import zxingcpp

from device_probes.web.qr import qr_ansi, qr_lines
from profiler.errors import InputError

URL = "https://192.168.178.123:18443/?t=utt-fHnjXeTVGBzMTJtFuORbJNl7HKWZ"
HALVES = {"█": (1, 1), "▀": (1, 0), "▄": (0, 1), " ": (0, 0)}


def picture(lines, *, ink, paper):
    """What a terminal shows: ``ink`` and ``paper`` are the grey of its text and its background."""
    rows = np.array([[HALVES[char] for char in line] for line in lines])
    modules = np.where(rows.transpose(0, 2, 1).reshape(-1, rows.shape[1]) == 1, ink, paper)
    # Other text around it, on the terminal's background.
    page = np.pad(modules, 6, constant_values=paper)
    return np.kron(page, np.ones((6, 6))).astype(np.uint8)


def read(image):
    return [code.text for code in zxingcpp.read_barcodes(image)]


@pytest.mark.parametrize("text", [URL, "http://localhost:8000/?t=" + "A" * 32, "x", "x" * 300])
@pytest.mark.parametrize(("dark", "ink", "paper"), [(True, 230, 15), (False, 15, 240)])
def test_a_phone_reads_the_code_on_dark_and_light_terminals(text, dark, ink, paper):
    assert read(picture(qr_lines(text, dark_terminal=dark), ink=ink, paper=paper)) == [text]


def test_the_coloured_code_is_black_on_white_on_any_terminal():
    lines = []
    for line in qr_ansi(URL).splitlines():
        match = re.fullmatch(r"\x1b\[38;5;16;48;5;231m([█▀▄ ]+)\x1b\[0m", line)
        lines.append(match.group(1))
    assert read(picture(lines, ink=0, paper=255)) == [URL]


def test_a_link_fits_into_a_small_terminal():
    for dark in (True, False):
        lines = qr_lines(URL, dark_terminal=dark)
        assert len({len(line) for line in lines}) == 1
        assert len(lines) <= 23
        assert len(lines[0]) <= 80


def test_too_much_text_is_refused():
    with pytest.raises(InputError, match="5000 characters"):
        qr_lines("x" * 5000, dark_terminal=True)


def test_without_the_package_it_says_what_to_install(monkeypatch):
    monkeypatch.delitem(sys.modules, "device_probes.web.qr")
    monkeypatch.setitem(sys.modules, "segno", None)
    with pytest.raises(InputError, match=r"segno.*pip install 'chirpbench\[web\]'"):
        importlib.import_module("device_probes.web.qr")
