"""One running installation per data directory: its lock, and the file that says what runs."""

import fcntl
import os
from pathlib import Path

import msgspec

from genaiops.app.home import Home
from genaiops.core.errors import Conflict


class ProcessState(msgspec.Struct, frozen=True, kw_only=True):
    """One child. `state`: starting, ready, waiting (for its next start), stopping, stopped. Times in microseconds."""

    name: str
    state: str
    pid: int | None
    since_us: int
    restarts: int = 0
    last_end: str | None = None
    column: int | None = None


class SupervisorState(msgspec.Struct, frozen=True, kw_only=True):
    """What runs here. `off` says in words what was left out."""

    pid: int
    version: str
    started_us: int
    home: str
    url: str
    host: str
    port: int
    control_socket: str
    processes: tuple[ProcessState, ...] = ()
    off: tuple[str, ...] = ()


class Prepared(msgspec.Struct, frozen=True, kw_only=True):
    """What the preparation before a start did. `first`: there was nothing yet, and admin.key was written. `talker`: a
    model that can be called for a chat, None when there is none."""

    first: bool
    snapshot_version: int
    revisions: tuple[str, ...] = ()
    folded: int = 0
    talker: str | None = None


class Lock:
    """Held from the first to the last moment of a running installation. Dies with its process."""

    def __init__(self, home: Home) -> None:
        """Conflict when another process holds it; the message names its pid and port."""
        self._descriptor = os.open(home.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(self._descriptor)
            raise already_running(home) from error
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, f"{os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        os.close(self._descriptor)


def is_locked(home: Home) -> bool:
    """Whether an installation runs in this home."""
    try:
        descriptor = os.open(home.lock, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def already_running(home: Home) -> Conflict:
    state = read_state(home)
    holder = home.lock.read_text().strip() or "unknown"
    place = f", and answers at {state.url}" if state is not None and str(state.pid) == holder else ""
    return Conflict(
        f"genaiops runs already with the data directory {home.path} (process {holder}{place}).",
        remedy=f"Use that one, stop it (kill {holder}), or start this one with another --home and --port.",
        code="already_running",
    )


def read_state(home: Home) -> SupervisorState | None:
    """What was running when it was last written; None when nothing was, or the file is unreadable."""
    try:
        return msgspec.json.decode(home.state.read_bytes(), type=SupervisorState)
    except (FileNotFoundError, msgspec.MsgspecError):
        return None


def write_state(home: Home, state: SupervisorState) -> None:
    write_atomically(home.state, msgspec.json.format(msgspec.json.encode(state)))


def write_atomically(path: Path, data: bytes, mode: int = 0o600) -> None:
    """Replace a small file as a whole. A reader sees the old one or the new one."""
    fresh = path.with_name(f"{path.name}.new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, mode)
    try:
        os.write(descriptor, data)
    finally:
        os.close(descriptor)
    fresh.replace(path)
