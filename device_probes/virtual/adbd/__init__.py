"""Virtual Android phones behind the real adb.

A real adb server connects to each phone's port; behind it are a file system in memory, a shell
that interprets a fixed set of commands, a package manager that reads APKs, and the probe with its
simulated sound. :class:`VirtualAndroid` is the handle on everything that can go wrong.

::

    phones = make_phones(load_fleet(), Clock())
    with AdbDaemon(phones, adb_server_port=PORT) as daemon:
        daemon.connect_all()
        phones[0].on("shell:pm install", "unplug")
"""

from device_probes.virtual.adbd.android import BrowserLauncher, VirtualAndroid
from device_probes.virtual.adbd.browser import RunningBrowser
from device_probes.virtual.adbd.core import ProbeLauncher
from device_probes.virtual.adbd.daemon import AdbDaemon, make_phones
from device_probes.virtual.adbd.probe_app import RunningProbe

__all__ = [
    "AdbDaemon",
    "BrowserLauncher",
    "ProbeLauncher",
    "RunningBrowser",
    "RunningProbe",
    "VirtualAndroid",
    "make_phones",
]
