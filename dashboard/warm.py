"""What the first visitor would wait for, done while the server starts."""

from __future__ import annotations

import gc
import importlib
import logging
import time

from dashboard.links import PAGES
from profiler.errors import ChirpbenchError

_LOG = logging.getLogger("chirpbench.dashboard")


def warm_up() -> float:
    """Import every page, draw one chart and one table, let pages read first; the seconds taken.

    A page may have ``warm()``, which reads what it shows before anything is chosen. Nothing that
    fails here ends the server: the page itself will say it.
    """
    begin_s = time.monotonic()
    _libraries()
    for name in PAGES:
        try:
            module = importlib.import_module(f"dashboard.pages.{name}")
            getattr(module, "warm", lambda: None)()
        except ChirpbenchError as exc:
            _LOG.debug("not warmed: %s: %s", name, exc)
        except Exception:  # noqa: BLE001 - the page itself will say it
            _LOG.exception("page %s cannot be made ready", name)
    # What was imported stays: without this every query pays for looking through it again.
    gc.collect()
    gc.freeze()
    return time.monotonic() - begin_s


def _libraries() -> None:
    """The first chart reads Vega's schema, the first table loads Arrow."""
    import altair as alt  # noqa: PLC0415
    import pandas as pd  # noqa: PLC0415
    from streamlit import dataframe_util  # noqa: PLC0415

    table = pd.DataFrame({"x": [0.0, 1.0], "name": ["a", "b"]})
    dataframe_util.convert_pandas_df_to_arrow_bytes(table)
    chart = alt.Chart(table).mark_point().encode(x="x:Q", y="name:N", tooltip=["x", "name"])
    (chart + chart.mark_rule()).to_dict()
