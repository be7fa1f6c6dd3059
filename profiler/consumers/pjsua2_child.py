"""Child program: sets values of PJSUA2's MediaConfig and reads them back. Nothing else imports it.

JSON on stdin: ``profiles``, name to values. JSON on stdout: the same with ``{"is": value}``, or
``{"error": text}`` where PJSUA2 does not take it.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import pjsua2


def main() -> int:
    """Set, read back, answer."""
    asked = json.load(sys.stdin)
    own = pjsua2.MediaConfig()
    known = {name for name in dir(own) if not name.startswith("_")
             and not callable(getattr(own, name))}  # fmt: skip
    said = {name: _applied(values, known) for name, values in asked["profiles"].items()}
    print(json.dumps({"profiles": said}))  # noqa: T201 - the answer
    return 0


def _applied(values: dict[str, Any], known: set[str]) -> dict[str, Any]:
    config, said = pjsua2.MediaConfig(), dict[str, Any]()
    for name, value in values.items():
        if name not in known:
            said[name] = {"error": "MediaConfig has no such member"}
            continue
        try:
            setattr(config, name, value)
        except TypeError as exc:
            said[name] = {"error": str(exc).splitlines()[0]}
    for name in values:
        if name not in said:
            got = getattr(config, name)
            said[name] = {"is": got if isinstance(got, bool | int | str) else str(got)}
    return said


if __name__ == "__main__":
    raise SystemExit(main())
