"""Rules for Opus: frame, rate, complexity, and what protects it from loss (F11 to F14, G5)."""

from __future__ import annotations

import math
from collections.abc import Iterator

from profiler.budget import (
    ends,
    least_rate_kbps,
    mean_burst_packets,
    mean_loss_percent,
    mouth_to_ear,
    wire_kbps,
)
from profiler.model import Quantity, UseCase
from profiler.recommend.case import Case, Choice, lower, only, upper, whole
from profiler.recommend.limits import (
    CODEC_LAST_SHARE,
    CODEC_SHARE,
    COMPLEXITY,
    FEC_FROM_PERCENT,
    FEC_UNTIL_PERCENT,
    LEAST_BPS,
    LONG_FRAME_MS,
    LOSSY_BPS,
    LOSSY_PERCENT,
    MAX_DRED_MS,
    MUSIC_BPS,
    NARROW_EDGE_HZ,
    SHORT_FRAME_MS,
    TIGHT_MS,
    VOICE_BPS,
)
from profiler.recommend.rule import Rule

_ROUND_BPS = 1_000
_FULL_BAND_HZ, _WIDE_BAND_HZ = 48_000, 16_000


def _of_use(case: Case) -> Iterator[Choice]:
    music = case.use is UseCase.MUSIC
    what = "music" if music else "speech"
    yield Choice("opus_application", "audio" if music else "voip", f"the use is {what}")
    yield Choice("opus_frame_ms", 10 if music else 20, f"usual for {what}")
    bitrate = MUSIC_BPS if music else VOICE_BPS
    why = "stereo music" if music else "libwebrtc's own; at 10 % loss 16 kbps cost 0.9 PESQ"
    yield Choice("opus_bitrate_bps", bitrate, why)
    yield Choice("opus_channels", 2 if music else 1, f"the use is {what}")
    yield Choice("opus_cbr", False, "a variable rate spends bits where they are heard")


def _loss_bits(case: Case) -> Iterator[Choice]:
    """FEC's copy takes its bits from the packet: at 10 % loss 16 to 32 kbps are worth 0.9 PESQ."""
    loss = mean_loss_percent(case.network)
    room_kbps = least_rate_kbps(case.network)
    if not case.voice or loss < LOSSY_PERCENT or room_kbps < 2 * wire_kbps(LOSSY_BPS, 20):
        return
    why = f"{loss:.0f} % loss: the copy in the next packet needs bits of its own, and there is room"
    yield Choice("opus_bitrate_bps", LOSSY_BPS, why)


def _narrow_link(case: Case) -> Iterator[Choice]:
    """F14 and F4: long frames save headers, then the rate goes down."""
    link_kbps = least_rate_kbps(case.network)
    bitrate, frame_ms = case.value("opus_bitrate_bps"), case.value("opus_frame_ms")
    if not isinstance(bitrate, int) or not isinstance(frame_ms, int):
        return
    if wire_kbps(bitrate, frame_ms) <= link_kbps:
        return
    why = (
        f"{wire_kbps(bitrate, frame_ms):.0f} kbps on the wire do not fit into {link_kbps:.0f} kbps"
    )
    frame_ms = LONG_FRAME_MS if case.voice else 20
    yield Choice("opus_frame_ms", frame_ms, why)
    if wire_kbps(bitrate, frame_ms) > link_kbps:
        room_bps = (link_kbps - wire_kbps(0, frame_ms)) * 1000.0
        least = max(room_bps // _ROUND_BPS * _ROUND_BPS, 6_000)
        yield Choice("opus_bitrate_bps", whole("opus_bitrate_bps", least), why)


def _heavy_loss(case: Case) -> Iterator[Choice]:
    """F12: above 20 % loss on a narrow uplink fewer, longer packets."""
    loss, link_kbps = mean_loss_percent(case.network), least_rate_kbps(case.network)
    narrow = link_kbps < 2 * wire_kbps(VOICE_BPS, 20)
    if case.voice and loss > FEC_UNTIL_PERCENT and narrow:
        why = f"{loss:.0f} % loss on {link_kbps:.0f} kbps: fewer packets, and bits for copies"
        yield Choice("opus_frame_ms", LONG_FRAME_MS, why)


def _fec(case: Case) -> Iterator[Choice]:
    loss = mean_loss_percent(case.network)
    bitrate = case.value("opus_bitrate_bps")
    enough = isinstance(bitrate, int) and bitrate >= LEAST_BPS
    if case.use is UseCase.MUSIC:
        on, why = False, "in-band FEC is a speech codec's: music has none"
    elif loss < FEC_FROM_PERCENT:
        on, why = False, f"{loss:.1f} % loss: the copy would cost quality and a frame of delay"
    elif not enough:
        on, why = False, f"{bitrate} bit/s leave no room for a copy"
    else:
        on, why = True, f"{loss:.0f} % loss: the next packet carries a copy (PESQ +0.4 at 10 %)"
    yield Choice("opus_fec", on, why)
    percent = whole("opus_packet_loss_percent", math.ceil(loss - 1e-9)) if on else 0
    what = "as the network loses" if on else "nothing to prepare for"
    yield Choice("opus_packet_loss_percent", percent, what)


def _bursts(case: Case) -> Iterator[Choice]:
    """F12: a copy in the next packet dies with it in a burst."""
    loss, burst = mean_loss_percent(case.network), mean_burst_packets(case.network)
    frame_ms, bitrate = case.value("opus_frame_ms"), case.value("opus_bitrate_bps")
    if not isinstance(frame_ms, int) or not isinstance(bitrate, int):
        return
    music = case.use is UseCase.MUSIC
    if loss < FEC_FROM_PERCENT or (burst <= 1.0 and not music):
        why = f"losses come one by one ({burst:.1f} packets)" if burst else "nothing is lost"
        yield Choice("red", False, why)
        yield Choice("dred_ms", 0, why)
        return
    room = least_rate_kbps(case.network) >= 2 * bitrate / 1000.0 + wire_kbps(0, frame_ms)
    why = f"losses take {burst:.1f} packets in a row"
    if music:
        why = f"{loss:.0f} % loss, and music has no in-band FEC"
    yield Choice("red", room, why if room else f"{why}, but the link has no room for copies")
    if music:
        yield Choice("dred_ms", 0, "deep redundancy is a speech codec's")
        return
    copies_ms = min(math.ceil(2 * burst * frame_ms / 10.0) * 10, MAX_DRED_MS)
    why = f"{why}: twice as long, where the codec is Opus 1.5 (recommended, not verified)"
    yield Choice("dred_ms", whole("dred_ms", copies_ms), why)


def _silence(case: Case) -> Iterator[Choice]:
    why = {
        UseCase.CALL: "a pause needs no packets",
        UseCase.VOICE_AGENT: "a server's turn detector wants an even floor of noise",
        UseCase.MUSIC: "music's pauses are music",
    }
    yield Choice("opus_dtx", case.use is UseCase.CALL, why[case.use])


def _complexity(_case: Case) -> Iterator[Choice]:
    why = "libwebrtc's own on phones; what this phone can bear was not measured"
    yield Choice("opus_complexity", COMPLEXITY, why, would_tell=("G5",), telling="would")


def _measured_complexity(case: Case) -> Iterator[Choice]:
    """F11: the largest whose p95 takes a tenth of a frame; below C5 only under need."""
    fits = case.quantity("G5", "opus_complexity")
    at_5 = case.quantity("G5", "encode_p95_ms[complexity=5,pace=call]")
    frame_ms = case.value("opus_frame_ms")
    if fits is None or not isinstance(frame_ms, int):
        return
    value = whole("opus_complexity", lower(fits))
    share = f"{CODEC_SHARE:.0%} of a frame"
    if value >= COMPLEXITY:
        yield Choice("opus_complexity", value, f"95 % of the frames take at most {share}", (fits,))
    elif at_5 is not None and upper(at_5) <= CODEC_LAST_SHARE * frame_ms:
        why = f"above {share}, but less costs 1 PESQ: {at_5.value:.1f} ms a frame are bearable"
        yield Choice("opus_complexity", COMPLEXITY, why, only((at_5, fits)))
    else:
        yield Choice("opus_complexity", value, "more takes too much of a frame", (fits,))


def _short_frame(case: Case) -> Iterator[Choice]:
    """F14: 10 ms where the budget is tight and everything else allows it."""
    fits = case.quantity("G5", "opus_complexity")
    loss, link_kbps = mean_loss_percent(case.network), least_rate_kbps(case.network)
    if not case.voice or fits is None or lower(fits) < COMPLEXITY or loss >= FEC_FROM_PERCENT:
        return
    ms = mouth_to_ear(ends(case.known, {**case.defaults, **case.values()}, case.network)).total_ms
    if ms <= TIGHT_MS or wire_kbps(LOSSY_BPS, SHORT_FRAME_MS) > link_kbps:
        return
    why = f"{ms:.0f} ms mouth to ear are more than {TIGHT_MS:.0f}: half a frame less, no loss here"
    yield Choice("opus_frame_ms", SHORT_FRAME_MS, why, (fits,))
    yield Choice("opus_bitrate_bps", LOSSY_BPS, "short frames carry less per bit (F14)", (fits,))


def _band(case: Case) -> Iterator[Choice]:
    rate_hz = case.value("capture_rate_hz")
    edge = _edge(case)
    if isinstance(rate_hz, int) and rate_hz <= _WIDE_BAND_HZ and case.voice:
        source = case.settings["capture_rate_hz"]
        proofs = only(case.test(t) for t in source.test_ids)
        why = f"the microphone runs at {rate_hz} Hz: no band above is worth bits"
        yield Choice("opus_max_playback_hz", _WIDE_BAND_HZ, why, proofs)
    elif edge is not None and upper(edge) < NARROW_EDGE_HZ and case.voice:
        why = f"loudspeaker and microphone end at {edge.value:.0f} Hz"
        yield Choice("opus_max_playback_hz", _WIDE_BAND_HZ, why, (edge,))
    else:
        yield Choice(
            "opus_max_playback_hz", _FULL_BAND_HZ, "the whole band", only([edge]),
            would_tell=() if edge is not None else ("V5",), telling="would find its end",
        )  # fmt: skip


def _edge(case: Case) -> Quantity | None:
    mode = case.value("audio_mode")
    return case.quantity("V5", f"edge_hi_hz[mode={mode}]")


RULES = (
    Rule(
        "codec.of_use",
        ("opus_application", "opus_frame_ms", "opus_bitrate_bps", "opus_channels", "opus_cbr"),
        "always", "20 ms and 32 kbps mono for speech, 10 ms and 128 kbps stereo for music",
        (), ("libwebrtc", "F14"), _of_use,
    ),
    Rule(
        "codec.loss_bits", ("opus_bitrate_bps",),
        f"speech, {LOSSY_PERCENT:.0f} % loss or more, and room on the link", "48 kbps",
        (), ("PESQ 1.67, 2.25, 2.59 at 16, 24, 32 kbps and 10 % loss, measured",), _loss_bits,
        ("codec.of_use",),
    ),
    Rule(
        "codec.narrow_link", ("opus_frame_ms", "opus_bitrate_bps"),
        "bit rate and headers do not fit the link", "60 ms frames, then as many bits as fit",
        (), ("F4", "F14"), _narrow_link, ("codec.of_use", "codec.loss_bits"),
    ),
    Rule(
        "codec.heavy_loss", ("opus_frame_ms",),
        f"speech, more than {FEC_UNTIL_PERCENT:.0f} % loss on a narrow link", "60 ms frames",
        (), ("F12",), _heavy_loss, ("codec.of_use", "codec.narrow_link"),
    ),
    Rule(
        "codec.fec", ("opus_fec", "opus_packet_loss_percent"),
        "always", f"on from {FEC_FROM_PERCENT:.0f} % loss for speech, told the loss",
        (), ("F5", "F12"), _fec,
    ),
    Rule(
        "codec.bursts", ("red", "dred_ms"),
        "always", "RED and DRED of twice the burst where speech loses packets in a row; RED "
        "for music that loses anything",
        (), ("F12", "LiveKit"), _bursts,
    ),
    Rule(
        "codec.silence", ("opus_dtx",), "always", "on for calls only", (), ("F13",), _silence,
    ),
    Rule(
        "codec.complexity", ("opus_complexity",), "always", "5", (), ("libwebrtc",),
        _complexity,
    ),
    Rule(
        "codec.measured_complexity", ("opus_complexity",),
        "G5 measured coding", "the largest that fits a tenth of a frame; not below 5 without need",
        ("G5",), ("F11",), _measured_complexity, ("codec.complexity",),
    ),
    Rule(
        "codec.short_frame", ("opus_frame_ms", "opus_bitrate_bps"),
        f"speech, G5 allows complexity {COMPLEXITY}, loss below {FEC_FROM_PERCENT:.0f} %, and more "
        f"than {TIGHT_MS:.0f} ms mouth to ear", "10 ms and 48 kbps",
        ("G5", "L1", "L2", "L3"), ("F14",), _short_frame, ("codec.of_use",),
    ),
    Rule(
        "codec.band", ("opus_max_playback_hz",),
        "always", "16 kHz where microphone or path end below 8 kHz, else 48 kHz",
        ("D1", "L7", "V5"), ("RFC 7587",), _band,
    ),
)  # fmt: skip
"""In order."""
