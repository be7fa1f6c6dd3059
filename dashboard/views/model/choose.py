"""Which model and which OS build the page is about."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import lru_cache

from dashboard import look
from dashboard.text import plain
from dashboard.views.fleet.rows import Family, family_of
from db.overview import ModelRow


def families(rows: Iterable[ModelRow]) -> dict[Family, list[ModelRow]]:
    """Every model with its builds, newest build first; models by their name."""
    found: defaultdict[Family, list[ModelRow]] = defaultdict(list)
    for row in rows:
        found[family_of(row)].append(row)
    for builds in found.values():
        builds.sort(key=lambda r: (r.last_at, r.key.os_build), reverse=True)
    return dict(sorted(found.items(), key=lambda item: label(item[1][0]).casefold()))


def label(row: ModelRow) -> str:
    """``Pixel 7 (Google GVU6C, Tensor G2) ◇``."""
    key = row.key
    return _label(row.marketing_name, key.manufacturer, key.model, key.soc, row.is_virtual)


@lru_cache(maxsize=8192)
def _label(marketing: str, maker: str, model: str, soc: str, virtual: bool) -> str:
    """Kept: a page with a thousand models to choose from asks for each at every step."""
    name = plain(marketing or model, 44) or "unnamed"
    code = " ".join(part for part in (plain(maker, 24), plain(model, 30)) if part)
    known = ", ".join(part for part in (code, plain(soc, 24)) if part)
    return f"{name}{f' ({known})' if known else ''}{' ◇' if virtual else ''}"


def build_label(row: ModelRow) -> str:
    """Build with its system and age of its newest result."""
    system = f"{row.os_name} {row.os_version}".strip()
    build = plain(row.key.os_build, 60) or "build unknown"
    named = f"{plain(system, 24)}: {build}" if system else build
    return f"{named}, {look.when(row.last_at)[:10]}"


def newest(rows: Sequence[ModelRow]) -> ModelRow:
    """What was measured last."""
    return max(rows, key=lambda r: (r.last_at, str(r.key)))
