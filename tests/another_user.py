"""Becomes another user, who may read everything and write only what is his, as in a shared folder of results."""

from __future__ import annotations

import ctypes
import os

NOBODY = 65534
_KEEP_CAPABILITIES, _VERSION, _READ_AND_SEARCH = 8, 0x20080522, 1 << 2  # of linux/prctl.h and linux/capability.h


def become_nobody() -> None:
    """Drops root's rights in this process and its forks, but for reading: its interpreter may stand in root's home.

    Raises:
        OSError: this process is not root, or may not become somebody else.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_KEEP_CAPABILITIES, 1, 0, 0, 0)
    os.setgroups([])
    os.setresgid(NOBODY, NOBODY, NOBODY)
    os.setresuid(NOBODY, NOBODY, NOBODY)
    header = (ctypes.c_uint32 * 2)(_VERSION, 0)
    held = (ctypes.c_uint32 * 6)(_READ_AND_SEARCH, _READ_AND_SEARCH)
    if libc.capset(header, held) != 0:
        raise OSError(ctypes.get_errno(), "capset")
