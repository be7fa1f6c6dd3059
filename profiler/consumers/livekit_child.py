"""Child program: gives options to LiveKit's core and reads them back. Nothing else imports it.

JSON on stdin: ``options``, name to ``publish`` and ``capture``. JSON on stdout: the same as the
core has them; a text where it does not take a value.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from livekit import rtc


def main() -> int:
    """Set, read back, answer."""
    asked = json.load(sys.stdin)["options"]
    said = {
        name: {"publish": _published(groups["publish"]), "capture": _captured(groups["capture"])}
        for name, groups in asked.items()
    }
    print(json.dumps({"options": said}))  # noqa: T201 - the answer
    return 0


def _published(values: dict[str, Any]) -> dict[str, Any]:
    options, said = rtc.TrackPublishOptions(), dict[str, Any]()
    for name, value in values.items():
        place = options.audio_encoding if name == "max_bitrate" else options
        try:
            setattr(place, name, value)
            said[name] = getattr(place, name)
        except (AttributeError, TypeError, ValueError) as exc:
            said[name] = str(exc)
    # What the core would be sent.
    again = rtc.TrackPublishOptions.FromString(options.SerializeToString())
    kept = {"max_bitrate": again.audio_encoding.max_bitrate, "dtx": again.dtx, "red": again.red}
    return {name: kept[name] if said[name] == values[name] else said[name] for name in said}


def _captured(values: dict[str, Any]) -> dict[str, Any]:
    wrong = {name: f"{value!r} is no boolean" for name, value in values.items()
             if not isinstance(value, bool)}  # fmt: skip
    if wrong:
        return wrong
    rtc.AudioProcessingModule(**values)  # a name it does not know ends this program
    return values


if __name__ == "__main__":
    raise SystemExit(main())
