"""What runs here, by the supervisor's file."""

from collections.abc import Sequence
from pathlib import Path

import msgspec


class Process(msgspec.Struct, frozen=True):
    name: str
    state: str
    pid: int | None = None
    since_us: int = 0
    restarts: int = 0
    last_end: str | None = None


class Running(msgspec.Struct, frozen=True):
    """`pid` is the supervisor's."""

    pid: int | None = None
    url: str = ""
    version: str = ""
    started_us: int = 0
    processes: Sequence[Process] = ()
    off: Sequence[str] = ()


def running(path: Path) -> Running | None:
    """None when no supervisor wrote one (a control process that was started by hand)."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Running)
    except (OSError, msgspec.MsgspecError):
        return None
