"""Advice, its top: a stored model, or one that nobody measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

from dashboard import links, source, text
from dashboard.pages import asked, nothing
from dashboard.views.names import labels
from db.measured_models import known_models
from db.overview import ModelRow, model_rows
from profiler.errors import InputError
from profiler.model import ModelFacts
from profiler.summary.asking import Described, facts_of_described, named
from profiler.summary.relatives import one_a_key

STORED, OTHER = "a stored model", "a model nobody measured"
MAX_CHARS = 120
_MODEL = "advice_model"


def chosen() -> ModelFacts | None:
    """The model to advise on; ``None``, with the reason shown, when there is none."""
    every = source.read(model_rows)
    nothing.failed(every)
    rows = [row for row in every if row.verdicts]
    known = source.read(known_models)
    if not rows:
        st.info(
            f"**Nothing is measured yet** in {text.md(source.store_name(), 200)}: all that could "
            f"be said are cautious defaults. Measure a phone with {source.code('chirpbench run')}; "
            f"without one try {source.code('chirpbench run --virtual --suite quick --speed 8')}.",
            icon=":material/tune:",
        )
    first = OTHER if links.read().one("described") or not rows else STORED
    left, right = st.columns([1, 2.4])
    how = left.segmented_control(
        "Advice for", [STORED, OTHER], default=first, key="advice_how", required=True
    )
    with right:
        if how == STORED and rows:
            return _stored(rows, known, labels(every))
        return _described(known)


def _stored(
    rows: Sequence[ModelRow], known: Sequence[ModelFacts], names: Mapping[str, str]
) -> ModelFacts | None:
    address = links.read()
    named = bool(links.asked_model(address)) and not address.one("described")
    fits = links.find_models(address, rows) if named else []
    lost = named and not fits and not st.session_state.get(_MODEL)
    if lost:
        asked.no_model(address, "measured")
    first = max(fits or rows, key=lambda row: (bool(fits) and _rank(row, fits), row.last_at))
    by_token = {links.token(row.key, virtual=row.is_virtual): row for row in rows}
    tokens = list(by_token)
    token = st.selectbox(
        "Model and OS build", tokens, key=_MODEL, format_func=lambda t: names[t],
        index=None if lost else tokens.index(links.token(first.key, virtual=first.is_virtual)),
        placeholder="choose a model",
    )  # fmt: skip
    if token is None:
        return None
    row = by_token[token]
    params: dict[str, str | None] = {"virtual": None, "described": None, "api": None}
    links.write(**{**params, **links.model(row.key, virtual=row.is_virtual)})
    found = [f for f in known if f.key == row.key and f.is_virtual == row.is_virtual]
    if not found:
        st.warning("This model has no test result yet.", icon=":material/hourglass:")
        return None
    return one_a_key(found)[0]


def _rank(row: ModelRow, fits: Sequence[ModelRow]) -> bool:
    """Several builds of one model: the one measured last; of a name that fits several models the
    best fit stays first."""
    best = fits[0].key
    return (row.key.manufacturer, row.key.model, row.key.soc) == (
        best.manufacturer, best.model, best.soc,
    )  # fmt: skip


def _described(known: Sequence[ModelFacts]) -> ModelFacts | None:
    """Maker, SoC and API level say which relatives may answer."""
    before = _described_before()
    a, b, c, d = st.columns([1.4, 1.6, 1.2, 0.9])
    maker = a.text_input(
        "Manufacturer", before.one("maker"), MAX_CHARS, key="advice_maker", placeholder="samsung"
    )
    model = b.text_input(
        "Model code", before.one("model"), MAX_CHARS, key="advice_code", placeholder="SM-A546B"
    )
    soc = c.text_input(
        "SoC", before.one("soc"), MAX_CHARS, key="advice_soc", placeholder="s5e8835",
        help="As Build.SOC_MODEL or ro.board.platform says it",
    )  # fmt: skip
    level = d.number_input(
        "API level", 1, 99, _level(before.one("api")), key="advice_api", placeholder="34"
    )
    if not model.strip():
        st.caption(
            "Say at least the model code and who makes it; the SoC and Android's API level find "
            "relatives that were measured."
        )
        return None
    api = None if level is None else int(level)
    described = Described(model.strip(), maker.strip(), soc.strip(), "", api)
    fields: Mapping[str, str | None] = {
        "described": "1", "maker": described.manufacturer, "model": described.model,
        "soc": described.soc, "build": None, "virtual": None, "api": str(api or ""),
    }  # fmt: skip
    links.write(**fields)
    try:
        return facts_of_described(described, named(known, described))
    except InputError as exc:
        st.warning(f"{text.md(exc.message, 300)}; {text.md(exc.hint, 300)}", icon=":material/edit:")
        return None


def _described_before() -> links.Selection:
    """What the address says of a model that nobody measured; a stored one that was open before
    is no beginning of it, and leaves the address."""
    address = links.read()
    if address.one("described"):
        return address
    named = dict.fromkeys(("maker", "model", "soc", "build", "virtual", "api"))
    links.write(described="1", **named)
    return links.Selection({})


def _level(word: str) -> int | None:
    return int(word) if word.isdecimal() and 1 <= int(word) <= 99 else None
