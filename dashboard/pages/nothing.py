"""What every page says of a store without a measurement, beside what it says of itself."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from dashboard import source
from dashboard.views import failed_runs
from db import queries
from db.filters import Filter
from db.overview import ModelRow


def failed(models: Sequence[ModelRow]) -> None:
    """A box when every run of the store ended without a measurement: connecting a phone is then
    not what is missing. ``models`` are all that are stored: some may have said no more than what
    they are."""
    if any(model.trials for model in models):
        return
    runs = source.read(queries.runs, Filter(limit=failed_runs.MAX_RUNS))
    if said := failed_runs.markdown(runs, source.code):
        st.warning(said, icon=":material/report:")
