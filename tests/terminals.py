"""Runs ``bench`` on a terminal of a given width, as people do."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import struct
import termios
from pathlib import Path

from command_line import environment
from forked_processes import Forked

_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def on_terminal(width: int, *arguments: object, cwd: Path | None = None) -> tuple[int, list[str]]:
    """The exit code, and the lines that stand on a terminal ``width`` columns wide, without escapes."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, width, 0, 0))
    variables = {key: value for key, value in environment(TERM="xterm").items() if key not in ("COLUMNS", "LINES")}
    process = Forked(["bench", *map(str, arguments)], (theirs, theirs, theirs), variables, cwd or Path.cwd())
    os.close(theirs)
    written = b""
    with contextlib.suppress(OSError):  # the terminal is gone when the last process has closed it
        while chunk := os.read(ours, 65536):
            written += chunk
    os.close(ours)
    text = _ESCAPES.sub("", written.decode().replace("\r\n", "\n"))
    return process.wait(), [line for written in text.split("\n") for line in _standing(written, width)]


def _standing(written: str, width: int) -> list[str]:
    """What is left of a line that was written over: its last text, and whatever was too wide to be written over."""
    *before, last = written.split("\r")
    return [*(text for text in before if len(text) > width), last]
