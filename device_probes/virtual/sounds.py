"""A trial's sounds taken apart again: the truth behind echo and near-end measurements.

The processing is run twice, once as it was and once with one of the sounds (for the echo: with the
canceller's reference) turned around. Half of the difference is what is left of that sound: noise,
comfort noise and everybody else are the same in both runs and vanish. It is exact for whatever is
linear, and for gains that depend on powers as far as they are the same in both runs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

from device_probes.server import LoadedPlay
from device_probes.virtual.echo_truth import (
    BLOCK_S,
    EchoTruth,
    NearTruth,
    active_blocks,
    converged_s,
    last_third,
    levels_dbfs,
    ratio_db,
)
from device_probes.virtual.rendering import ActionAt, Parts, delivered, processed, take_apart
from device_probes.virtual.truth import Session

Float32 = npt.NDArray[np.float32]
_TRUTHS = ("echo", "near")


@dataclass(frozen=True, eq=False)
class KeptSounds:
    """All it takes to render a trial once more."""

    session: Session
    plays: Sequence[LoadedPlay]
    outside: Float32 | None = None
    actions: Sequence[ActionAt] = ()

    @property
    def nbytes(self) -> int:
        """Memory it keeps from being freed, not counting what is played."""
        total = 0 if self.outside is None else self.outside.nbytes
        asked: list[EchoTruth | NearTruth] = [v for k, v in vars(self).items() if k in _TRUTHS]
        return total + sum(truth.nbytes for truth in asked)

    @cached_property
    def echo(self) -> EchoTruth:
        """See :class:`~device_probes.virtual.echo_truth.EchoTruth`."""
        parts = self._parts()
        rate_hz = self.session.truth.input_rate_hz
        echo = self._delivered(parts.echo)
        left = self._left(parts, echo_sign=-1)
        off = self._without_canceller(parts, echo, left)
        into_dbfs, off_dbfs, left_dbfs = (
            levels_dbfs(sound, rate_hz, BLOCK_S) for sound in (echo, off, left)
        )
        active = active_blocks(into_dbfs)
        there = [] if self.session.truth.silent else last_third(active)
        return EchoTruth(
            block_s=BLOCK_S,
            rate_hz=rate_hz,
            far_active=active,
            echo_dbfs=tuple(into_dbfs),
            off_dbfs=tuple(off_dbfs),
            residual_dbfs=tuple(left_dbfs),
            erle_db=ratio_db(off_dbfs, left_dbfs, there),
            convergence_s=converged_s(off, left, rate_hz) if there else None,
            clean_echo=echo,
            clean_off=off,
            clean_residual=left,
        )

    @cached_property
    def near(self) -> NearTruth:
        """See :class:`~device_probes.virtual.echo_truth.NearTruth`."""
        parts = self._parts()
        rate_hz = self.session.truth.input_rate_hz
        near = self._delivered(np.zeros_like(parts.echo) if parts.near is None else parts.near)
        left = self._left(parts, near_sign=-1)
        into_dbfs = levels_dbfs(near, rate_hz, BLOCK_S)
        left_dbfs = levels_dbfs(left, rate_hz, BLOCK_S)
        active = active_blocks(into_dbfs)
        there = [i for i, is_active in enumerate(active) if is_active]
        return NearTruth(
            block_s=BLOCK_S,
            rate_hz=rate_hz,
            active=active,
            near_dbfs=tuple(into_dbfs),
            left_dbfs=tuple(left_dbfs),
            attenuation_db=ratio_db(into_dbfs, left_dbfs, there),
            clean=left,
        )

    def _parts(self) -> Parts:
        return take_apart(self.session, self.plays, self.outside, self.actions)

    def _without_canceller(self, parts: Parts, echo: Float32, left: Float32) -> Float32:
        """What would be left of the echo if the canceller were off."""
        truth = self.session.truth
        if not truth.aec:
            return left
        if not (truth.ns or truth.agc or self.session.spec.acoustics.mic_clip_dbfs is not None):
            return echo
        session = replace(self.session, truth=replace(truth, aec=False, aec_fails=False))
        return replace(self, session=session)._left(parts, echo_sign=-1)

    def _left(self, parts: Parts, *, echo_sign: int = 1, near_sign: int = 1) -> Float32:
        """What is left of the sound that is turned around, as the recording has it."""
        if self.session.truth.silent:
            return self._delivered(np.zeros_like(parts.echo))
        as_it_was = processed(self.session, parts)
        turned = processed(self.session, parts, echo_sign=echo_sign, near_sign=near_sign)
        return self._delivered((as_it_was - turned) * np.float32(0.5))

    def _delivered(self, raw: Float32) -> Float32:
        return delivered(self.session, raw, self.actions)
