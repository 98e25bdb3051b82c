"""A child's side of supervision: it ends with its supervisor, whatever ended that, and says when it is ready."""

import ctypes
import os
import signal
import sys
import threading
import time

PARENT_VARIABLE = "GENAIOPS_SUPERVISOR_PID"
_PR_SET_PDEATHSIG = 1


def die_with_supervisor() -> None:
    """Call first thing in a child. SIGKILL and not SIGTERM: nobody is left to wait for a drain, the port must be free
    for the next start, and what was under way stands in the spool. Does nothing in a process started by hand.
    """
    text = os.environ.get(PARENT_VARIABLE, "")
    if not text.isdigit():
        return
    parent = int(text)
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    else:
        threading.Thread(target=_watch, args=(parent,), daemon=True).start()
    if os.getppid() != parent:
        os._exit(3)  # it died before we could ask to be told


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(3)


def say_ready(descriptor: int | None) -> None:
    """Tell the supervisor that this process serves now. `descriptor` came as `--ready-fd` (None: nobody asked)."""
    if descriptor is not None:
        os.write(descriptor, b"ready\n")
        os.close(descriptor)
