"""How a process holds its memory. In a worker large bodies come and go, and thousands of calls stand at a time."""

import contextlib
import ctypes
import gc
import sys
from collections.abc import Generator

YOUNG = 10_000
"""New objects before the collector looks at them. A call leaves next to no cycles, and thousands of streams under way
are many objects to look at for nothing."""

HELD = 8 << 20
"""Bytes at the end of the heap that are kept when they are free."""

LARGE = 1 << 20
"""Blocks from so many bytes on are mapped on their own, and given back as soon as they are free."""

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # M_TRIM_THRESHOLD and M_MMAP_THRESHOLD of mallopt(3)


@contextlib.contextmanager
def loading() -> Generator[None]:
    """Around what makes nothing but what stays. The collector would look at all of it again and again, which is a fifth
    of the control process' start."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def settle() -> None:
    """Call when all that stays is loaded."""
    gc.collect()
    gc.freeze()  # what is loaded now stays: the collector need not look at it again
    gc.set_threshold(YOUNG, 20, 20)
    hold_buffers()


def hold_buffers() -> bool:
    """Keep freed buffers for the next body, instead of having the kernel clear new pages for each (glibc gives back
    128 KiB and more at once). False where the C library is another one."""
    if sys.platform != "linux":
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return False
    return bool(mallopt(_TRIM_THRESHOLD, HELD)) and bool(mallopt(_MMAP_THRESHOLD, LARGE))
