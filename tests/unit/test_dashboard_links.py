"""Addresses name selections, and nothing a stranger writes there breaks a page."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from streamlit.testing.v1 import AppTest

from dashboard import links
from dashboard.links import Selection
from profiler.model import ModelKey

texts = st.text(max_size=40)
keys = st.builds(ModelKey, texts, texts, texts, texts)


@dataclass(frozen=True)
class Row:
    key: ModelKey
    marketing_name: str = ""
    is_virtual: bool = False


PIXEL = Row(ModelKey("Google", "GC3VE", "Tensor", "build.1"), "Pixel 6")
PIXEL_NEW = Row(ModelKey("Google", "GC3VE", "Tensor", "build.2"), "Pixel 6")
PIXEL_PRO = Row(ModelKey("Google", "GF5KQ", "Tensor", "build.1"), "Pixel 6 Pro")
EXYNOS = Row(ModelKey("Samsung", "SM-G991B", "Exynos 2100", "one"), "Galaxy S21")
SNAPDRAGON = Row(ModelKey("Samsung", "SM-G991B", "SM8350", "one"), "Galaxy S21")
TWIN = Row(EXYNOS.key, "Galaxy S21", is_virtual=True)
ROWS = [PIXEL, PIXEL_NEW, PIXEL_PRO, TWIN, EXYNOS, SNAPDRAGON]


def selection(**values: str) -> Selection:
    return Selection({name: (value,) for name, value in values.items()})


def from_address(address: str) -> Selection:
    return Selection(
        {
            name: tuple(found)
            for name, found in parse_qs(urlsplit(address).query, keep_blank_values=True).items()
        }
    )


@given(keys, st.booleans())
def test_a_token_names_its_model(key: ModelKey, virtual: bool) -> None:
    assert links.from_token(links.token(key, virtual=virtual)) == (key, virtual)


@given(st.text())
def test_strange_tokens_are_nobody(text: str) -> None:
    found = links.from_token(text)
    assert found is None or text.count("~") == 4


@pytest.mark.parametrize("row", ROWS)
def test_the_address_of_a_model_finds_it_and_no_other(row: Row) -> None:
    address = links.link_to("model", **links.model(row.key, virtual=row.is_virtual))
    assert links.find_models(from_address(address), ROWS)[0] is row


def test_the_name_alone_is_enough() -> None:
    assert links.find_models(selection(model="pixel 6 pro"), ROWS) == [PIXEL_PRO]
    assert links.find_models(selection(model="GC3VE"), ROWS) == [PIXEL, PIXEL_NEW]


def test_a_whole_name_wins_over_parts_and_parts_find_several() -> None:
    assert links.find_models(selection(model="Pixel 6"), ROWS) == [PIXEL, PIXEL_NEW]
    assert links.find_models(selection(model="pixel"), ROWS) == [PIXEL, PIXEL_NEW, PIXEL_PRO]
    assert links.find_models(selection(model="sm8350"), ROWS) == [SNAPDRAGON]
    assert links.find_models(selection(model="Nokia"), ROWS) == []


def test_virtual_twins_are_told_apart() -> None:
    assert links.find_models(selection(model="SM-G991B", virtual="1"), ROWS) == [TWIN]
    exact = selection(maker="Samsung", model="SM-G991B", soc="Exynos 2100", build="one")
    assert links.find_models(exact, ROWS) == [EXYNOS, TWIN]


def test_nothing_named_is_everything() -> None:
    assert links.find_models(Selection({}), ROWS) == ROWS


def test_repeated_values_are_kept_once() -> None:
    assert Selection({"m": ("a", "b", "a", "")}).many("m") == ("a", "b")
    assert Selection({"m": ("a", "b")}).one("m") == "b"
    assert Selection({}).one("m") == ""


def test_addresses_hold_any_text() -> None:
    address = links.link_to("evidence", trial="a&b=c#d e/ü", m=["x", "y"])
    assert urlsplit(address).path == "/evidence"
    assert parse_qs(urlsplit(address).query) == {"trial": ["a&b=c#d e/ü"], "m": ["x", "y"]}
    assert links.link_to("fleet") == "/"
    with pytest.raises(ValueError, match="not a page"):
        links.link_to("nowhere")


def test_every_page_has_its_module() -> None:
    folder = Path(links.__file__).parent / "pages"
    assert all((folder / f"{name}.py").exists() for name in links.PAGES)


def test_an_address_is_changed_by_one_message() -> None:
    """Each message of Streamlit is a change of the address in the browser."""

    def script() -> None:
        import streamlit as st
        from streamlit.runtime.scriptrunner import get_script_run_ctx

        from dashboard import links

        context = get_script_run_ctx()
        sent, queue = [], context._enqueue
        context._enqueue = lambda message: (sent.append(message.WhichOneof("type")), queue(message))
        links.write(q="a b", makers=["Acme", "Borg"], sort=None, maker=None, empty="")
        links.write(q="a b", makers=("Acme", "Borg"))
        st.text(str(sent.count("page_info_changed")))

    page = AppTest.from_function(script)
    page.query_params["maker"] = "Acme"
    page.query_params["kept"] = "1"
    page.run()
    assert not page.exception
    assert page.text[0].value == "1"
    assert {name: page.query_params[name] for name in page.query_params} == {
        "kept": "1", "q": "a b", "makers": ["Acme", "Borg"],
    }  # fmt: skip
