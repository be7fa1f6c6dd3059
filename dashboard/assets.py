"""The files of Streamlit's client: which of them pages need at once, and a short way to them.

A page with a table and a chart is 150 files. The client asks for most of them only when the first
chart has arrived, one wave after the other; the start page names them instead, so that they come
while the client itself is being read.
"""

from __future__ import annotations

import mimetypes
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

EARLY = (
    "DataFrame", "ArrowVegaLiteChart", "arrowFormatUtils", "embed", "loadVegaEmbed", "Selectbox",
    "Multiselect", "ButtonGroup", "DownloadButton", "TextInput", "Expander", "Alert", "Checkbox",
    "Html", "Metric", "NumberInput", "PageLink", "Table",
)  # fmt: skip
"""Parts of the client that most pages use."""
_IMPORT = re.compile(r"""(?:from|import)\s*["']\./([\w.-]+\.js)["']""")
"""What a module needs before it can run; ``import(…)`` of later parts has a parenthesis."""


class Assets:
    """Files below ``static`` by their path in an address; read once, then kept."""

    def __init__(self, folder: Path) -> None:
        root = folder / "static"
        self._files: Mapping[str, Path] = {
            f"/static/{file.relative_to(root).as_posix()}": file
            for file in sorted(root.rglob("*"))
            if file.is_file()
        }
        self._kept: dict[str, bytes] = {}

    def get(self, path: str) -> tuple[bytes, str] | None:
        """Content and media type; ``None`` for a path that is none of the files."""
        file = self._files.get(path)
        if file is None:
            return None
        content = self._kept.get(path)
        if content is None:
            content = self._kept[path] = file.read_bytes()
        kind = "font/woff2" if file.suffix == ".woff2" else mimetypes.guess_type(file.name)[0]
        return content, "text/javascript" if file.suffix == ".js" else kind or "text/plain"

    def early(self, parts: Iterable[str] = EARLY) -> list[str]:
        """Addresses of the parts and of everything they import, each once."""
        begin = tuple(f"/static/js/{part}." for part in parts)
        todo = [path for path in self._files if path.startswith(begin) and path.endswith(".js")]
        found: dict[str, None] = {}
        while todo:
            path = todo.pop(0)
            if path in found or path not in self._files:
                continue
            found[path] = None
            text = self._files[path].read_text("utf-8", "replace")
            todo += [f"/static/js/{name}" for name in _IMPORT.findall(text)]
        return list(found)
