"""Drives one sound interface of this computer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from device_probes.client import Deadlines, ProbeClient
from device_probes.driver import Capture, OnProgress, Play
from device_probes.host.child import Child, last_words, list_interfaces, problem
from device_probes.protocol import RefusedCode
from profiler.errors import DeviceLost, DeviceTimeout, ProbeRefused
from profiler.model import DeviceFacts, DeviceRef, Platform, TrialRequest

DEADLINES = Deadlines(hello_s=20.0, facts_s=20.0, cancel_s=8.0)
"""Starting Python and a sound system takes seconds on a busy machine, closing a hung one too."""


def discover(env: Mapping[str, str] | None = None) -> tuple[DeviceRef, ...]:
    """The sound interfaces of this computer, the system's default first.

    Asked in a process of its own, so that it sees what was plugged in a moment ago. Raises
    :class:`~profiler.errors.DeviceError`, which names the package when PortAudio is missing.
    """
    return tuple(
        DeviceRef(
            platform=Platform.HOST,
            serial=str(one["serial"]),
            label=str(one["label"]),
            transport=str(one["api"]),
        )
        for one in list_interfaces(env)
    )


class HostDriver:
    """A :class:`~device_probes.driver.Driver`; each connection is a fresh process.

    ``env`` replaces the environment of that process (which sound server it talks to).
    """

    def __init__(
        self,
        ref: DeviceRef,
        *,
        env: Mapping[str, str] | None = None,
        deadlines: Deadlines = DEADLINES,
    ) -> None:
        self._ref = ref
        self._env = env
        self._deadlines = deadlines
        self._child: Child | None = None
        self._client: ProbeClient | None = None

    @property
    def ref(self) -> DeviceRef:
        """Which interface this is."""
        return self._ref

    def connect(self) -> DeviceFacts:
        """Start the probe, shake hands and read the facts."""
        self.close()
        self._child = Child(self._ref.serial, self._env)
        self._client = ProbeClient(self._child.stream, str(self._ref), deadlines=self._deadlines)
        with self._explained():
            self._client.handshake()
            return self._client.facts()

    def run(self, request: TrialRequest, plays: Sequence[Play], on_progress: OnProgress) -> Capture:
        """Run one trial in a fresh stream.

        Raises :class:`~profiler.errors.DeviceTimeout` when the stream stops calling back: the
        process is then given up, as its sound library may hang.
        """
        if self._client is None:
            raise DeviceLost("not connected", device=str(self._ref), hint="connect first")
        with self._explained():
            try:
                return self._client.run(request, plays, on_progress)
            except ProbeRefused as exc:
                if exc.code != RefusedCode.STREAM_LOST:
                    raise
                self.close()
                raise DeviceTimeout(
                    exc.message.split(": ", 1)[-1],
                    device=str(self._ref),
                    hint="check that the interface is still there and not suspended, run again",
                ) from exc

    def restart(self) -> None:
        """End the probe's process and start a new one; raises as :meth:`connect` does."""
        self.connect()

    def cancel(self) -> None:
        """End a running trial from another thread."""
        client = self._client
        if client is not None:
            client.cancel()

    def close(self) -> None:
        """End the probe's process. Never raises."""
        client, self._client = self._client, None
        child, self._child = self._child, None
        if client is not None:
            client.close()
        if child is not None:
            child.close()

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Say why the process ended, when it did, instead of "connection closed"."""
        child = self._child
        try:
            yield
        except DeviceLost as exc:
            if child is None:
                raise
            code = child.ended(1.0)
            lines = child.lines
            self.close()
            if code is not None and code != 0:
                raise problem(code, lines, str(self._ref)) from exc
            raise DeviceLost(
                f"{exc.message.split(': ', 1)[-1]}{last_words(lines)}",
                device=str(self._ref),
                hint=exc.hint,
            ) from exc
