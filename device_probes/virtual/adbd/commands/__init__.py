"""Every command the phone's shell knows. Nothing else runs, and no real program ever does."""

from collections.abc import Mapping

from device_probes.virtual.adbd.commands import (
    activity,
    basic,
    device,
    dumpsys,
    filecmds,
    logs,
    media,
    package,
)
from device_probes.virtual.adbd.shell import CommandFunction

COMMANDS: Mapping[str, CommandFunction] = {
    **basic.COMMANDS,
    **filecmds.COMMANDS,
    **device.COMMANDS,
    **logs.COMMANDS,
    **media.COMMANDS,
    **package.COMMANDS,
    **activity.COMMANDS,
    **dumpsys.COMMANDS,
}

__all__ = ["COMMANDS"]
