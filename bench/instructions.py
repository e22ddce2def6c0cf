"""The vector instructions that torch computes with: those that most processors have, so that numbers repeat."""

from __future__ import annotations

import os
from pathlib import Path

_VARIABLE = "ATEN_CPU_CAPABILITY"  # read by torch before its first operation, not after
_CPUINFO = Path("/proc/cpuinfo")


def common_instructions() -> None:
    """Has torch leave AVX-512 alone, here and in processes that this one starts; to be called before torch computes.

    torch chooses its loops by the processor, and a longer vector sums in another order. Where two epochs validate
    alike, or a tree splits at two equal gains, the last bit of a sum decides, and the table is another one. What
    takes most of the time is not touched: products of matrices are MKL's, and our own loops are compiled for the
    processor, with sums in an order of their own (:mod:`bench.kernels.compiled`). A variable that is set stays.
    """
    if _VARIABLE not in os.environ and _has_avx512():
        os.environ[_VARIABLE] = "avx2"


def _has_avx512() -> bool:
    try:
        with _CPUINFO.open(encoding="utf-8", errors="replace") as lines:
            flags = next((line for line in lines if line.startswith("flags")), "")  # the first of many processors'
        return "avx512f" in flags.split()
    except OSError:  # another system than Linux
        return False
