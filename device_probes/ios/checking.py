"""What one phone would say if a run began now: asked without starting anything on it."""

from __future__ import annotations

from dataclasses import replace

from device_probes.client import ProbeClient
from device_probes.ios.agent import Agent
from device_probes.ios.contact import PROBE_PORT, Contact
from device_probes.ios.settings import Settings
from device_probes.ios.states import Condition
from profiler.errors import (
    ChirpbenchError,
    DeviceNotReady,
    DeviceTimeout,
    ProbeRefused,
    ProbeVersionMismatch,
)
from profiler.model import DeviceState


def checked(contact: Contact, settings: Settings, before: Condition) -> Condition:
    """What lockdown, WebDriverAgent, the probe's port and the paired programs say of a phone that
    is listed. Never raises; takes as long as their deadlines together."""
    known = before
    agent = Agent(settings.mux, contact.udid, deadlines=settings.deadlines.agent)
    said = None
    try:
        said = contact.facts(trust=True)
        known = known if said is None else known.answered(said)
    except DeviceTimeout:
        return known.silent()
    except ChirpbenchError:
        return known  # it is going; the next list says so
    try:
        agent.status()
        return _privileged(contact, settings, known.unlocked(locked=agent.locked()))
    except DeviceNotReady as exc:
        known = known.told(DeviceState(exc.state))
    except DeviceTimeout:
        known = known.silent()
    except ChirpbenchError:
        return known
    # without WebDriverAgent the probe has to be open
    locked = said is not None and said.password_protected is True
    return _privileged(contact, settings, _asked(contact, settings, known, locked=locked))


def _asked(contact: Contact, settings: Settings, known: Condition, *, locked: bool) -> Condition:
    """With what the probe says to a hello: the kernel takes connections for an app that sleeps."""
    limits = settings.deadlines
    hello_s = min(limits.asked_s, limits.probe.hello_s)
    client: ProbeClient | None = None
    try:
        stream = contact.reach(PROBE_PORT, 0.0)
        client = ProbeClient(stream, contact.udid, deadlines=replace(limits.probe, hello_s=hello_s))
        client.handshake()
    except DeviceNotReady as exc:
        return known.told(DeviceState(exc.state))
    except DeviceTimeout:
        return known if client is None else known.sleeping(locked=locked)
    except (ProbeRefused, ProbeVersionMismatch):
        return known.reached()  # awake: what it has against us is a run's to say
    except ChirpbenchError:
        return known
    finally:
        if client is not None:
            client.close()
    return known.reached()


def _privileged(contact: Contact, settings: Settings, known: Condition) -> Condition:
    programs = settings.programs
    profiles = programs.profiles(contact.udid)
    return known.privileged(programs.privileges(contact.udid), profiles)
