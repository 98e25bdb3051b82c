"""What has to be over before the processes start, and what is put right after a worker's death."""

import asyncio
import os
import time
from pathlib import Path

from genaiops.app.children import Command, run_tool
from genaiops.app.home import Home
from genaiops.app.installation import read_state
from genaiops.app.logs import RotatingLog
from genaiops.core.errors import Unavailable

LAST_LIFE_SECONDS = 5.0


async def wait_for_last_life(home: Home) -> None:
    """After a supervisor was killed its children end at once, but not in the same instant: wait for them."""
    state = read_state(home)
    if state is None:
        return
    pids = {process.pid: process.name for process in state.processes if process.pid is not None}
    end = time.monotonic() + LAST_LIFE_SECONDS
    while left := [pid for pid in pids if _is_ours(pid)]:
        if time.monotonic() > end:
            raise Unavailable(
                f"{pids[left[0]]} (process {left[0]}) of the last start of {home.path} is still running.",
                remedy=f"End it with kill {left[0]}, then start again.",
                code="children_left",
            )
        await asyncio.sleep(0.02)


async def recover_column(home: Home, column: int) -> None:
    """Charge what a dead worker had under way and clear its column (see `genaiops.app.recovery`)."""
    log = RotatingLog(home.logs / "recovery.log")
    command = Command(
        module="genaiops.app.recovery", arguments=("--settings", str(home.settings), "--column", str(column))
    )
    try:
        await run_tool(command, log)
    finally:
        log.close()


def _is_ours(pid: int) -> bool:
    """Whether that process is there and is one of ours, as far as it can be seen."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return False
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return fields[0] != "Z" and b"genaiops" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return not Path("/proc/self").exists()
