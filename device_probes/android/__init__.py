"""Android phones over adb: :class:`AdbBench` finds them, :class:`AndroidDriver` drives one.

``adb.py`` is the one door to adbutils; nothing else here imports it.
"""

from device_probes.android.adb import adb_path
from device_probes.android.assets import ProbePackage, probe_package
from device_probes.android.bench import AdbBench, SeenPhone
from device_probes.android.driver import AndroidDriver
from device_probes.android.server import PrivateServer, Server, SharedServer
from device_probes.android.settings import AndroidDeadlines

__all__ = [
    "AdbBench",
    "AndroidDeadlines",
    "AndroidDriver",
    "PrivateServer",
    "ProbePackage",
    "SeenPhone",
    "Server",
    "SharedServer",
    "adb_path",
    "probe_package",
]
