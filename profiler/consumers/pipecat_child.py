"""Child program: makes Pipecat's parameter objects. Nothing else imports it.

JSON on stdin: ``profiles``, name to keyword arguments. JSON on stdout: the same as the objects
have them; a text where they do not take a value.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import pydantic
from pipecat.audio.vad.vad_analyzer import VADParams
from pipecat.transports.base_transport import TransportParams

CLASSES = {"VADParams": VADParams, "TransportParams": TransportParams}


def main() -> int:
    """Make, read back, answer."""
    asked = json.load(sys.stdin)["profiles"]
    said = {
        name: {group: _made(CLASSES[group], values) for group, values in groups.items()}
        for name, groups in asked.items()
    }
    print(json.dumps({"profiles": said}))  # noqa: T201 - the answer
    return 0


def _made(kind: Any, values: dict[str, Any]) -> dict[str, Any]:
    unknown = {name: "no such parameter" for name in values if name not in kind.model_fields}
    known = {name: value for name, value in values.items() if name not in unknown}
    try:
        made = kind(**known)
    except pydantic.ValidationError as exc:
        return {name: str(exc).splitlines()[0] for name in values}
    return {name: getattr(made, name) for name in known} | unknown


if __name__ == "__main__":
    raise SystemExit(main())
