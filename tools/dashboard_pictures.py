"""Pictures of every page of the dashboard: ``python tools/dashboard_pictures.py DIR [STORE]``.

Without STORE the smoke suite fills one on virtual phones first. Needs Debian's Chromium. With
``--readme FILE`` one picture for README: the first page of the store in the light.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "fakes")]  # as pytest finds them

from dashboard_browser import visiting  # noqa: E402
from dashboard_servers import served  # noqa: E402
from web_tabs import chromium  # noqa: E402

from dashboard import links  # noqa: E402
from dashboard.links import PAGES  # noqa: E402
from db import overview  # noqa: E402
from db.store import Store  # noqa: E402

WIDTHS = (1280, 1920)


def main() -> int:
    """Write the pictures and say what the pages complained about."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, metavar="DIR")
    parser.add_argument("store", type=Path, nargs="?", metavar="STORE")
    parser.add_argument("--readme", type=Path, metavar="FILE", help="one picture for README")
    args = parser.parse_args()
    args.folder.mkdir(parents=True, exist_ok=True)
    problems: list[str] = []
    with filled(args.store) as store, served(store) as server, chromium() as browser:
        pages = addresses(store)
        if args.readme:
            with visiting(browser, server.url, height=840) as visit:
                visit.open(pages["fleet"])
                visit.picture(args.readme)
            return 0
        for width in WIDTHS:
            for dark in (False, True):
                with visiting(browser, server.url, width=width, dark=dark) as visit:
                    for name, address in pages.items():
                        visit.page.set_viewport_size({"width": width, "height": 900})
                        visit.open(address)
                        shade = "dark" if dark else "light"
                        visit.picture(args.folder / f"{name}-{width}-{shade}.png", full=True)
                    problems += visit.problems
    for problem in problems:
        print(problem, file=sys.stderr)  # noqa: T201
    return bool(problems)


@contextmanager
def filled(store: Path | None) -> Iterator[Path]:
    """The store that was named, else a new one with the smoke suite on the built-in fleet."""
    if store is not None:
        yield store
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "pictures.db"
        words = [sys.executable, "-m", "profiler", "run", "--virtual", "--fast", "--plain"]
        subprocess.run([*words, "--db", str(path)], check=True, cwd=ROOT)  # noqa: S603
        yield path


def addresses(store: Path) -> dict[str, str]:
    """Every page with something to show: the model with the most results."""
    with Store.open_to_look(store) as opened:
        rows = sorted(overview.model_rows(opened), key=lambda row: row.trials, reverse=True)
    named = links.model(rows[0].key, virtual=rows[0].is_virtual)
    both = [links.token(row.key, virtual=row.is_virtual) for row in rows[:3]]
    chosen = {"model": named, "advice": named, "compare": {"m": both}}
    return {name: links.link_to(name, **chosen.get(name, {})) for name in PAGES}


if __name__ == "__main__":
    sys.exit(main())
