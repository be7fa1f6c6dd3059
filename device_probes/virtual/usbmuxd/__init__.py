"""Virtual iPhones behind a usbmuxd of our own.

A unix socket speaks usbmuxd's protocol; behind it each phone has lockdownd, a WebDriverAgent, and
the probe app with its simulated sound. Real clients (facebook-wda, ``iproxy``, ``idevice_id``,
``ideviceinfo``) run against it unmodified. :class:`VirtualIphone` is the handle on everything that
can go wrong.

::

    phones = make_iphones(load_fleet(), Clock())
    with UsbmuxDaemon(phones, Path("/tmp/usbmuxd")) as daemon:
        phones[0].on("probe:stage:playing", "unplug")
"""

from device_probes.virtual.usbmuxd.daemon import UsbmuxDaemon, make_iphones
from device_probes.virtual.usbmuxd.iphone import VirtualIphone

__all__ = ["UsbmuxDaemon", "VirtualIphone", "make_iphones"]
