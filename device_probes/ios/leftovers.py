"""What a bench that was killed leaves on an iPhone, and how it is cleared away by hand.

Its connections end with its process, and the app then ends the trial and puts back volume and
route by itself. What stays is the app: in front, the screen kept on, asking every host for the
secret of a program that is gone.
"""

from __future__ import annotations

import time
from dataclasses import replace

from device_probes.ios.agent import Agent
from device_probes.ios.answers import AppState
from device_probes.ios.contact import PROBE_PORT, Contact
from device_probes.ios.running import RESTORE_S, RUNS, answers_anybody
from device_probes.ios.settings import Settings
from profiler.errors import DeviceNotReady
from profiler.model import DeviceState

_NO_AGENT = (DeviceState.WDA_MISSING, DeviceState.WDA_HUNG)
BY_HAND = (
    "the probe app is open and waits for a bench that is gone: close it by hand (swipe it away), "
    "or start WebDriverAgent and release the phone again"
)
CLOSED = "the probe app that a bench had left open was closed"
REOPENED = "the probe app that a bench had taken over was opened again for everybody"


def clear_away(contact: Contact, bench: Settings, name: str) -> str:
    """Give the phone back as the killed bench noted it; a line for people, empty: nothing was left.

    An app that a person opened is left alone. Whoever calls holds the phone's lease. Raises
    :class:`~profiler.errors.DeviceError` when the phone does not do what it is asked.
    """
    notes = bench.notes
    noted = notes.read(name) if notes is not None else None
    bundle = noted.bundle if noted is not None else bench.bundles.probe
    limit_s = bench.deadlines.close_s
    short = replace(bench.deadlines.agent, terminate_s=limit_s, launch_s=limit_s, ask_s=limit_s)
    agent = Agent(bench.mux, contact.udid, deadlines=short)
    try:
        agent.status()
        left = agent.app_state(bundle) in RUNS and not answers_anybody(contact, bench, name)
        if left:
            time.sleep(RESTORE_S)
            agent.terminate(bundle)
        again = left and noted is not None and noted.found is AppState.FOREGROUND
        if again:
            agent.launch(bundle, (), {})
    except DeviceNotReady as exc:
        if exc.state not in _NO_AGENT:
            raise
        if _waits_for_another(contact, bench, name):
            return BY_HAND
        left = again = False
    finally:
        agent.close()
    if notes is not None:
        notes.forget(name)
    return REOPENED if again else CLOSED if left else ""


def _waits_for_another(contact: Contact, bench: Settings, name: str) -> bool:
    """Whether something listens on the probe's port that does not answer us."""
    try:
        contact.reach(PROBE_PORT, 0.0).close()
    except DeviceNotReady as exc:
        if exc.state != DeviceState.PORT_CLOSED:
            raise
        return False
    return not answers_anybody(contact, bench, name)
