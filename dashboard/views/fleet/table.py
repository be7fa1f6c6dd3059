"""The fleet as a table on the screen and as a file."""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

import pandas as pd

from dashboard import look
from dashboard.text import plain
from dashboard.views.fleet.answers import Answer
from dashboard.views.fleet.drawn import picture
from dashboard.views.fleet.rows import Family, FleetRow
from dashboard.views.fleet.scale import Scale
from dashboard.views.marks import short
from profiler.catalogue.table import LIMITS
from profiler.model import Verdict

PAGE_SIZES = (25, 50, 100)
VERDICTS = {"Echo": "echo", "Barge-in": "barge_in", "Buffer": "buffer", "Silent": "silent"}
"""Columns with a verdict, and the row's answer they show."""
WORDS = {
    Verdict.NOT_MEASURABLE: "○ n/m", Verdict.ERROR: "▲ error", Verdict.SKIPPED: "– skip",
}  # fmt: skip
"""What fits a column; the legend says the whole word."""
BRIEF = {"half duplex": "none", "no safe size": "none"}
PEERS, MEDIAN, DRAWN = "Peers", "Median, ms", "Round trip"
NOT_MEASURED = "not measured"


def latency_limits() -> dict[Verdict, float]:
    """Where a round trip is no pass any more, and where it fails (L1)."""
    limit = LIMITS["L1", "rtl_ms"]
    return {Verdict.MARGINAL: limit.pass_limit, Verdict.FAIL: limit.fail_limit}


def pages(count: int, size: int) -> int:
    """How many pages there are, at least one."""
    return max(1, -(-count // size))


def one_page(rows: Sequence[FleetRow], page: int, size: int) -> list[FleetRow]:
    """Page number ``page``, from 1; one that is not there gives the nearest."""
    page = min(max(page, 1), pages(len(rows), size))
    return list(rows[(page - 1) * size : page * size])


def table(
    rows: Sequence[FleetRow], out: Mapping[Family, tuple[str, ...]], scale: Scale, now: datetime
) -> pd.DataFrame:
    """One line a model, in the order given."""
    limits = latency_limits()
    lines = [_line(row, out.get(row.family, ()), scale, limits, now) for row in rows]
    names = ["Model", DRAWN, MEDIAN, PEERS, *VERDICTS, "Age", "Opens", "SoC", "System", *ASIDE]
    return pd.DataFrame(lines, columns=names)


ASIDE = ("Devices", "Builds", "Build")
"""Hidden at first: the eye above the table shows them, the file has them."""


def _line(
    row: FleetRow,
    why: Sequence[str],
    scale: Scale,
    limits: Mapping[Verdict, float],
    now: datetime,
) -> dict[str, Any]:
    return {
        "Model": row.shown,
        DRAWN: picture(row.latency, scale, limits, look.STANDS_OUT if why else ""),
        MEDIAN: median_words(row),
        PEERS: ", ".join(why),
        **{name: words(getattr(row, field)) for name, field in VERDICTS.items()},
        "Age": look.ago(row.newest.last_at, now).removesuffix(" ago"),
        "Opens": opens_words(row),
        "SoC": short(row.key.soc, 24),
        "System": short(row.system, 24),
        "Devices": row.newest.devices,
        "Builds": row.builds,
        "Build": short(row.key.os_build, 40),
    }


def median_words(row: FleetRow) -> str:
    """``43.6 [43.5–43.7]``: the median with its 95 % interval."""
    one = row.latency
    if one is None:
        return NOT_MEASURED
    if one.median_ms is None:
        return "no valid open"
    digits = 0 if one.median_ms >= 100 else 1
    value = look.number(one.median_ms, digits)
    if one.ci95_ms is None:
        return f"{value} [few opens]"
    low, high = (look.number(v, digits) for v in one.ci95_ms)
    return f"{value} [{low}–{high}]"


def opens_words(row: FleetRow) -> str:
    """``24``, ``21 of 24`` when some were rejected; empty without one."""
    if not row.sessions:
        return ""
    return f"{row.sessions - row.rejected} of {row.sessions}" if row.rejected else f"{row.sessions}"


def words(answer: Answer) -> str:
    """``● 34 dB``, ``✖ none``: sign of the verdict, and the number behind it."""
    if answer.verdict is None:
        return ""
    if answer.text:
        said = BRIEF.get(answer.text, answer.text).removesuffix(" silent")
        return f"{look.VERDICT_SIGNS[answer.verdict]} {said}"
    return WORDS.get(answer.verdict) or look.verdict_words(answer.verdict)


def styled(data: pd.DataFrame, rows: Sequence[FleetRow]) -> Any:
    """The table with verdicts in their colours; the signs say the same."""
    colors = pd.DataFrame("", index=data.index, columns=data.columns)
    for place, row in enumerate(rows):
        for name, field in VERDICTS.items():
            answer: Answer = getattr(row, field)
            if answer.verdict is not None:
                colors.iat[place, data.columns.get_loc(name)] = (
                    f"color: {look.VERDICT_COLORS[answer.verdict]}"
                )
        if data.at[place, PEERS]:
            colors.iat[place, data.columns.get_loc(PEERS)] = f"color: {look.STANDS_OUT}"
    # Streamlit sends a styled table twice, as values and as what to show: not the pictures.
    return data.style.apply(lambda _: colors, axis=None).format(lambda _: "", subset=[DRAWN])


CSV_COLUMNS = (
    "manufacturer", "model", "marketing_name", "soc", "os_name", "os_version", "os_build",
    "os_builds", "platform", "virtual", "path", "rate_hz", "devices", "runs", "opens", "rejected",
    "p05_ms", "p25_ms", "median_ms", "median_ci95_low_ms", "median_ci95_high_ms", "p75_ms",
    "p95_ms", "between_opens_sd_ms", "uncertainty_us", "stands_out", "round_trip_verdict",
    "echo_verdict", "echo_removed", "barge_in_verdict", "barge_in", "buffer_verdict", "buffer",
    "silent_mic_verdict", "silent_mic", "last_at",
)  # fmt: skip


def as_csv(rows: Sequence[FleetRow], out: Mapping[Family, Collection[str]]) -> bytes:
    """Every row as UTF-8 text with units in the names; an empty field = not known.

    A text that a spreadsheet would take for a formula gets an apostrophe before it.
    """
    file = io.StringIO(newline="")
    writer = csv.writer(file)
    writer.writerow(CSV_COLUMNS)
    for row in rows:
        writer.writerow([_cell(v) for v in _values(row, out.get(row.family, ()))])
    return file.getvalue().encode("utf-8", "replace")


def _values(row: FleetRow, why: Collection[str]) -> list[Any]:
    new, key, one = row.newest, row.newest.key, row.latency
    low, high = one.ci95_ms if one and one.ci95_ms else (None, None)
    return [
        key.manufacturer, key.model, new.marketing_name, key.soc, new.os_name, new.os_version,
        key.os_build, row.builds, new.platform.value, new.is_virtual,
        one.path if one else None, one.rate_hz if one else None, new.devices, new.runs,
        row.sessions, row.rejected, *(
            (one.p05_ms, one.p25_ms, one.median_ms, low, high, one.p75_ms, one.p95_ms,
             one.between_sd_ms, one.uncertainty_us) if one else (None,) * 9
        ),
        " ".join(why), _verdict(row.round_trip),
        _verdict(row.echo), row.echo.text, _verdict(row.barge_in), row.barge_in.text,
        _verdict(row.buffer), row.buffer.text, _verdict(row.silent), row.silent.text,
        new.last_at.isoformat(),
    ]  # fmt: skip


def _verdict(answer: Answer) -> str | None:
    return None if answer.verdict is None else answer.verdict.value


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.6g}"
    text = plain(value, 400) if isinstance(value, str) else str(value)
    return f"'{text}" if text[:1] in ("=", "+", "-", "@") else text
