"""Budgets as stacked bars: the one door to matplotlib.

Equal advice gives equal bytes of SVG: no date in it, and fixed names inside.
"""

from __future__ import annotations

import contextlib
import os
import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from profiler.budget import GOALS, Pipeline
from profiler.budget.showing import OTHER_PART_COLOR, PART_COLORS, budget_name, part_name
from profiler.cli.recommend_tables import heading
from profiler.errors import InputError
from profiler.model import Advice, Budget, BudgetPart

FORMATS = (".svg", ".png")
MIN_LABEL_SHARE = 0.045
"""A part narrower than this share of the axis gets no number inside."""
LABEL_CHARS = 40
MAX_AXIS_MS = 1600.0
"""Longer bars are cut there and say how long they are: goals end at 400 ms."""
_HEIGHT_IN, _WIDTH_IN, _ROW_IN = 2.1, 11.0, 0.46


def checked(path: Path) -> None:
    """Raise :class:`InputError` for a picture that cannot be drawn, before the work begins."""
    if path.suffix.lower() not in FORMATS:
        raise InputError(
            f"a picture ends in {' or '.join(FORMATS)}", file=str(path),
            hint="name it budget.svg or budget.png",
        )  # fmt: skip
    if not path.parent.is_dir():
        raise InputError("its folder does not exist", file=str(path), hint="make the folder first")
    _matplotlib()


def draw(advice: Advice, pipelines: Mapping[str, Pipeline], path: Path) -> None:
    """Write the budgets as ``path``, whole or not at all. Raises :class:`InputError`."""
    checked(path)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    kind = path.suffix.lower().removeprefix(".")
    with _settled() as pyplot:
        figure = _figure(pyplot, advice, pipelines)
        try:
            metadata = {"Date": None, "Creator": None} if kind == "svg" else {"Software": None}
            figure.savefig(part, format=kind, dpi=130, metadata=metadata)
            part.replace(path)
        except OSError as exc:
            raise InputError(
                f"cannot be written ({exc.strerror or exc})", file=str(path),
                hint="check the folder",
            ) from exc  # fmt: skip
        finally:
            pyplot.close(figure)
            part.unlink(missing_ok=True)


def _matplotlib() -> Any:
    try:
        import matplotlib as mpl
    except ImportError as exc:
        raise InputError(
            "pictures need matplotlib, which is not installed",
            hint="pip install 'chirpbench[export]'",
        ) from exc
    return mpl


@contextlib.contextmanager
def _settled() -> Iterator[Any]:
    """Pyplot without a screen, the user's own style or chance."""
    mpl = _matplotlib()
    mpl.use("Agg")
    from matplotlib import pyplot

    ours = {
        "svg.hashsalt": "chirpbench",
        "svg.fonttype": "path",
        "font.family": "DejaVu Sans",
        "font.size": 9,
        "text.parse_math": False,  # a model may be named $x$
    }
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(ours)
        yield pyplot


def _figure(pyplot: Any, advice: Advice, pipelines: Mapping[str, Pipeline]) -> Any:
    budgets = list(advice.budgets)
    longest = max(b.high_ms for b in budgets)
    axis_ms = min(longest * 1.08 + 60.0, MAX_AXIS_MS)
    figure, axes = pyplot.subplots(
        figsize=(_WIDTH_IN, _HEIGHT_IN + _ROW_IN * len(budgets)), layout="constrained"
    )
    for row, budget in enumerate(budgets):
        _bar(axes, row, budget, axis_ms)
    axes.set_xlim(0, axis_ms)
    axes.set_ylim(len(budgets) - 0.4, -1.5)
    axes.set_yticks(range(len(budgets)), [_label(b, pipelines) for b in budgets])
    axes.set_xlabel(
        "ms; dashed: the goals; the line above a bar is its 95 % interval; » goes on beyond"
    )
    axes.set_title(heading(advice), loc="left", fontsize=11)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.tick_params(axis="y", length=0)
    _goals(axes, len(budgets), axis_ms)
    _legend(axes, budgets)
    return figure


def _label(budget: Budget, pipelines: Mapping[str, Pipeline]) -> str:
    return "\n".join(textwrap.wrap(budget_name(budget, pipelines), LABEL_CHARS)[:3])


def _bar(axes: Any, row: int, budget: Budget, axis_ms: float) -> None:
    left = 0.0
    for part in budget.parts:
        axes.barh(row, part.ms, left=left, height=0.62, color=_color(part), edgecolor="white")
        shown = min(left + part.ms, axis_ms) - left
        if shown >= MIN_LABEL_SHARE * axis_ms:
            axes.text(
                left + shown / 2, row, f"{part.ms:.0f}", ha="center", va="center",
                color="white", fontsize=8, clip_on=True,
            )  # fmt: skip
        left += part.ms
    low, high = min(budget.low_ms, axis_ms), min(budget.high_ms, axis_ms)
    axes.plot([low, high], [row - 0.37, row - 0.37], color="black", linewidth=1.4)
    if left > axis_ms:
        axes.text(axis_ms * 0.995, row, "»", ha="right", va="center", color="white", fontsize=13)
    beside = axes.get_yaxis_transform()
    bold = {"ha": "left", "va": "bottom", "fontsize": 9, "fontweight": "bold"}
    axes.text(1.012, row, f"{budget.total_ms:.0f} ms", transform=beside, **bold)
    span = f"{budget.low_ms:.0f} to {budget.high_ms:.0f}"
    axes.text(1.012, row + 0.06, span, transform=beside, ha="left", va="top", fontsize=7.5)


def _color(part: BudgetPart) -> str:
    return PART_COLORS.get(part.name, OTHER_PART_COLOR)


def _goals(axes: Any, rows: int, axis_ms: float) -> None:
    """A line per goal; neighbouring numbers take turns in height."""
    for i, goal in enumerate(GOALS):
        if goal.limit_ms > axis_ms:
            continue
        axes.plot(
            [goal.limit_ms] * 2, [-0.55, rows - 0.4], color="#222222", linewidth=0.8,
            linestyle=(0, (4, 3)), zorder=0,
        )  # fmt: skip
        axes.text(
            goal.limit_ms, -0.6 - 0.28 * (i % 3), f"{goal.limit_ms:.0f}", ha="center",
            va="bottom", fontsize=8,
        )  # fmt: skip


def _legend(axes: Any, budgets: list[Budget]) -> None:
    from matplotlib.patches import Patch

    names = dict.fromkeys(part.name for b in budgets for part in b.parts)
    handles = [
        Patch(color=PART_COLORS.get(name, OTHER_PART_COLOR), label=part_name(name))
        for name in names
    ]
    axes.figure.legend(
        handles=handles, loc="outside lower center", ncols=6, frameon=False, fontsize=8
    )
