"""One recording after another needs the same tens of megabytes: keep them between recordings."""

from __future__ import annotations

import ctypes
from functools import cache

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # malloc.h of glibc
_MAPPED_FROM = 32 << 20  # the largest that glibc takes
_KEPT = 256 << 20


@cache
def reuse_freed_memory() -> bool:
    """Ask glibc to keep freed arrays instead of handing them back to the kernel.

    Faulting the pages in again for every recording cost a quarter of a batch's CPU time. Returns
    whether this C library could be asked (glibc only; elsewhere nothing changes).
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return False
    return bool(mallopt(_M_MMAP_THRESHOLD, _MAPPED_FROM) and mallopt(_M_TRIM_THRESHOLD, _KEPT))
