"""Why trials gave no number, in the device's own words: a verdict's reason is only a class."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from profiler.bench.events import BenchEvent, TrialDone
from profiler.cli.text import clean, plural, said_of
from profiler.model import DeviceRef, Reason, TrialRecord, Verdict

MEASURED = (Verdict.PASS, Verdict.MARGINAL, Verdict.FAIL)
REFUSED = (str(Reason.REQUEST_REFUSED), str(Reason.RATE_REFUSED))
_PROBE = "the probe refused: "
"""How the message of a refusal begins, behind the device's name."""


def cause_of(trials: Iterable[TrialRecord], device_uid: str) -> str:
    """The most frequent message of the trials that were refused or failed, with their number.

    ``14 of 17 trials refused: the microphone cannot be opened``, behind ``nothing was measured``
    when no trial has a number. Empty when every trial has one, or nobody said why not.
    """
    last = _last_attempts(trials)
    found = Counter(
        (_said_word(t), own_words(t.message, device_uid)) for t in last if t.message and _lost(t)
    )
    nothing = bool(last) and not any(t.verdict in MEASURED for t in last)
    if not found:
        return f"nothing was measured: {_reasons(last)}" if nothing else ""
    ((word, text), count), *others = found.most_common()
    line = f"{count} of {plural(len(last), 'trial')} {word}: {text}"
    if others:
        line += f"; {sum(n for _, n in others)} more for other reasons"
    return f"nothing was measured: {line}" if nothing else line


def own_words(message: str, device_uid: str) -> str:
    """A trial's message without the names that stand in front of it."""
    serial = device_uid.partition(":")[2]
    return clean(message.removeprefix(f"{serial}: ").removeprefix(_PROBE))


class NewRefusals:
    """Says each refusal of a device once while the bench runs."""

    def __init__(self) -> None:
        self._said: set[tuple[str, str]] = set()

    def line(self, event: BenchEvent) -> str:
        """The refusal that ``event`` tells of; empty when it tells of none, or of a known one."""
        if not isinstance(event, TrialDone) or event.trial.verdict is not Verdict.NOT_MEASURABLE:
            return ""
        device, trial = event.device, event.trial
        text = own_words(trial.message, device.uid)
        if not text or (device.uid, text) in self._said:
            return ""
        self._said.add((device.uid, text))
        return _line(device, trial, text)


def _line(device: DeviceRef, trial: TrialRecord, text: str) -> str:
    return said_of(device, f"{trial.test_id} {_said_word(trial)}: {text}")


def _last_attempts(trials: Iterable[TrialRecord]) -> list[TrialRecord]:
    by_attempt = sorted(trials, key=lambda t: t.attempt)
    return list({(t.test_id, t.index): t for t in by_attempt}.values())


def _lost(trial: TrialRecord) -> bool:
    return trial.verdict in (Verdict.NOT_MEASURABLE, Verdict.ERROR)


def _said_word(trial: TrialRecord) -> str:
    if trial.verdict is Verdict.ERROR:
        return "failed"
    return "refused" if set(REFUSED) & set(trial.reasons) else "not measured"


def _reasons(trials: Sequence[TrialRecord]) -> str:
    counted = Counter(reason for t in trials for reason in t.reasons)
    return clean(", ".join(reason for reason, _ in counted.most_common())) or "no reason given"
