"""Whether the iPhones of a bench have no passcode, which only their people can say.

Lockdown's ``PasswordProtected`` says that a phone is locked by a passcode *right now*, and is false
again once it was opened (libimobiledevice #1073, tidevice #300); nothing that a computer may ask
says whether one is set. A phone that has one and is locked from outside stays locked until a person
opens it, so nobody is locked before somebody has said that there is none.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from device_probes.fields import shown
from profiler.errors import InputError

VARIABLE = "CHIRPBENCH_IOS_NO_PASSCODE"
_WORDS = {"": False, "0": False, "false": False, "1": True, "true": True}


def none_set(said: bool | None = None, env: Mapping[str, str] | None = None) -> bool:
    """What the plan says (``[ios] no_passcode``), else the environment, else ``False``.

    Raises :class:`~profiler.errors.InputError` for a variable that is neither true nor false.
    """
    if said is not None:
        return said
    found = (os.environ if env is None else env).get(VARIABLE, "")
    if found.lower() not in _WORDS:
        raise InputError(f"{VARIABLE} is {shown(found, 40)!r}",
                         hint="allowed: 1 or true (none here has one), 0 or false")  # fmt: skip
    return _WORDS[found.lower()]
