"""Files that only an app on a phone can load: no program on a bench stands in for it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from profiler.consumers.checks import Comparison, Unreadable, no_consumer, rejected
from profiler.consumers.files import read_json, typed
from profiler.model import ConsumerCheck

FILES = {
    "android": ("android/audio_profiles.json", "JavaAudioDeviceModule and Oboe",
                "an app on a phone"),
    "apple": ("apple/audio_session.json", "AVAudioSession", "an app on an iPhone"),
    "agora": ("agora/parameters.json", "Agora's SDK",
              "an app with an Agora account; the parameters are private and unverified"),
}  # fmt: skip


def check_of(target: str) -> Callable[[Path], list[ConsumerCheck]]:
    """The check of a target: its file is JSON with models in it, and that is all."""
    file, consumer, needed = FILES[target]

    def check(folder: Path) -> list[ConsumerCheck]:
        compared = Comparison(target, consumer)
        try:
            data = typed(read_json(folder, file), dict, file)
            models = typed(data.get("models"), list, f"{file}: models")
            for number, row in enumerate(models, 1):
                typed(row, dict, f"{file}: model {number}")
        except Unreadable as exc:
            return [rejected(target, consumer, str(exc))]
        text = f"only read as JSON with {len(models)} models: what loads it is {needed}"
        return [no_consumer(compared.target, compared.consumer, text)]

    return check
