"""What a fleet file says of a phone's voice processing: ``[phone.processing]``."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from device_probes.virtual.android_spec import Property, Section, Uuid
from device_probes.virtual.spec_words import When, Where

Depth = Annotated[float, Field(ge=0, le=120)]


class Canceller(Section):
    """The phone's echo canceller. What it removes is known to the simulation alone.

    ``aec3`` is the real one of WebRTC; ``ideal`` takes exactly the echo and nothing else, by
    ``depth_db``, so that its truth is exact. Where ``aec3`` is made worse by the keys below, that
    much of the true echo is added to what it leaves.
    """

    kind: Literal["none", "aec3", "ideal"] = "none"
    depth_db: Depth = 40.0
    """``ideal``: what it removes once it has converged."""
    converge_s: Annotated[float, Field(ge=0, le=60)] = 0.0
    """Time with the far end active until then; 0: from the first frame on."""
    curve: Literal["linear", "exponential"] = "linear"
    """How the removed decibels grow: evenly, or fast at first (95 % of them after
    ``converge_s``)."""
    fails_above_delay_ms: Annotated[float, Field(ge=0, le=2000)] | None = None
    """Above this echo delay it removes ``failed_depth_db``. ``aec3`` fails above about 500 ms by
    itself."""
    fails_above_volume: Annotated[float, Field(ge=0, le=1)] | None = None
    """The same above this requested volume."""
    failed_depth_db: Depth = 0.0
    works_only_in: Where = Where()
    """Elsewhere it does not run."""
    second_session_db: Depth = 0.0
    """The second and later sessions of one process lose this many of ``depth_db``."""
    near_end_attenuation_db: Depth = 0.0
    """Lost by everything that is no echo while there is echo."""
    delay_ms: Annotated[float, Field(ge=0, le=200)] = 0.0
    """What it adds to the latency while it runs, beside what ``aec3`` takes by itself."""
    tap_ms: Annotated[float, Field(ge=0, le=1900)] = 0.0
    """How long after the app's write the far end is tapped: the echo delay that the canceller
    sees is this much shorter."""
    hint_ms: Annotated[int, Field(ge=0, le=500)] = 0
    """Delay that ``aec3`` is told."""
    claims_aec: bool = False
    """It says that it is on wherever it could be, whether it runs or not."""
    uuid: Uuid | None = None
    """In the report; default: from ``phone.android.effects``, else AOSP's."""
    implementor: Property | None = None


class Processing(Section):
    """The phone's voice processing."""

    agc: When = "on_request"
    agc_kind: Literal["simple", "webrtc"] = "simple"
    """``webrtc`` is AGC2."""
    agc_max_db: Annotated[float, Field(ge=0, le=40)] = 20.0
    ns: When = "on_request"
    ns_kind: Literal["simple", "webrtc"] = "simple"
    ns_depth_db: Annotated[float, Field(ge=3, le=40)] = 15.0
    """``webrtc`` has 6, 12, 18 and 21 dB; the next one is taken."""
    aec: When = "on_request"
    canceller: Canceller = Canceller()
