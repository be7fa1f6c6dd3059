"""``agora``: Agora's audio profile, scenario and private parameters. Unverified, on request only.

The private keys are seen in public app code; nothing here can prove them.
"""

from __future__ import annotations

from collections.abc import Sequence

from profiler.export.choice import is_android
from profiler.export.missing import route_limited, unsupported
from profiler.export.profiles import Words, group, index, index_bytes, without_none
from profiler.export.render import JsonValue, compact_json
from profiler.export.target import Item
from profiler.model import Exported, ExportFile, Unsupported, UseCase

NAME = "agora"
TITLE = "Agora parameters (unverified)"
OPT_IN = True
LOADED_BY = "for (p in profile.parameters) engine.setParameters(p)"

SCENARIO = {UseCase.VOICE_AGENT: 10, UseCase.CALL: 8, UseCase.MUSIC: 3}
"""``AUDIO_SCENARIO_AI_CLIENT``, ``…_MEETING``, ``…_GAME_STREAMING``."""
PROFILE = {UseCase.VOICE_AGENT: 1, UseCase.CALL: 1, UseCase.MUSIC: 4}
"""``AUDIO_PROFILE_SPEECH_STANDARD``, ``…_MUSIC_HIGH_QUALITY``; 5 in stereo."""
MUSIC_STEREO = 5
EXPRESSED = frozenset({
    "api", "aec", "ns", "agc", "opus_bitrate_bps", "opus_channels", "jitter_buffer_max_ms",
})  # fmt: skip
NOTE = "UNVERIFIED: the parameters are private, and no program here can load them"


def export(items: Sequence[Item]) -> Exported:
    """One JSON: arguments of setAudioProfile and setParameters, and which model has which."""
    profiles, gaps = group(items, express)
    made = index(NAME, items, profiles, unverified=NOTE)
    return Exported(
        NAME,
        (ExportFile(f"{NAME}/parameters.json", index_bytes(made)),),
        (
            *unsupported(EXPRESSED, {}, otherwise="no parameter is known"),
            *route_limited(items, EXPRESSED),
            *gaps,
        ),
        (NOTE,),
    )


def express(item: Item) -> tuple[dict[str, JsonValue], tuple[Unsupported, ...]]:
    """One model's calls. Each of ``parameters`` is the argument of one ``setParameters``."""
    words, use = Words(item.advice), item.advice.use
    # The two parameters name Android's APIs, and an iPhone has none of them.
    is_phone = is_android(item.advice.facts)
    api = words.text("api")
    gaps = () if is_phone or api is None else (Unsupported(f"api={api}", "Android's APIs only"),)
    parameters = without_none(
        {
            "che.audio.opensl": api == "opensles" if api and is_phone else None,
            "che.audio.oboe.enable": api == "aaudio" if api and is_phone else None,
            "che.audio.enable.aec": _on(words.text("aec")),
            "che.audio.enable.ns": _on(words.text("ns")),
            "che.audio.enable.agc": _on(words.text("agc")),
            "che.audio.custom_bitrate": words.integer("opus_bitrate_bps"),
            "che.audio.neteq.prebuffer_max_delay": words.integer("jitter_buffer_max_ms"),
        }
    )
    stereo = use is UseCase.MUSIC and words.integer("opus_channels") == 2
    values: dict[str, JsonValue] = {
        "audio_profile": MUSIC_STEREO if stereo else PROFILE[use],
        "audio_scenario": SCENARIO[use],
        "parameters": [compact_json({key: value}) for key, value in parameters.items()],
    }
    return values, gaps


def _on(who: str | None) -> bool | None:
    return None if who is None else who != "off"
