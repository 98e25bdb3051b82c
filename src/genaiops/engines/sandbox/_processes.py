"""The port Sandbox by processes: begun, bounded by the clock, read to a bound, and ended as a whole."""

import contextlib
import os
import selectors
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Generator
from functools import cache
from pathlib import Path
from typing import Any, Final

import msgspec

from genaiops.core.errors import UsageError
from genaiops.engines.sandbox.inside import wire
from genaiops.ports.sandbox import Bounds, CodeTask, Isolation, QueryTask, Ran, Table

ALLOW_VARIABLE: Final = "GENAIOPS_RUNS_SANDBOX"
_BEGIN: Final = "import sys; sys.path.insert(0, sys.argv.pop()); from inside import begin"
_FOLDER: Final = str(Path(__file__).parent)
_GRACE: Final = 20.0
"""Seconds for a process to begin, on a machine that is busy; beside those of what it runs."""
_STEPS: Final = 50_000_000
"""Of SQLite's machine, for one statement: some seconds."""


class _Died(Exception):
    """A process ended without a word. `late`: it was ended, because its time was over."""

    def __init__(self, *, late: bool) -> None:
        super().__init__()
        self.late = late


class Processes:
    """`weak`: run also where the machine cannot confine programs. As many at a time as there are processors."""

    def __init__(self, *, weak: bool = False) -> None:
        self._weak = weak
        self._places = threading.BoundedSemaphore(max(1, os.cpu_count() or 1))

    @property
    def isolation(self) -> Isolation:
        return probe()

    def check(self) -> None:
        lacking = self.isolation.lacking
        if lacking and not self._weak:
            raise UsageError(
                f"This machine cannot keep a program from its {' and '.join(lacking)}, so none is run.",
                remedy="Run the suite on Linux 5.13 or newer; or, where nothing can be lost, allow it: "
                f"{ALLOW_VARIABLE}=weak",
                code="no_sandbox",
            )

    def code(self, task: CodeTask) -> Ran:
        self.check()
        bounds = task.bounds
        job = {"program": task.program, "output": bounds.output, "weak": self._weak}
        tests: dict[str, Any] = {
            "test": task.test,
            "setup": task.setup,
            "entry_point": task.entry_point,
            "io": msgspec.to_builtins(task.io),
            "seconds": bounds.seconds,
            "weak": self._weak,
        }
        with self._places, contextlib.ExitStack() as stack:
            (there_reads, here_writes), (here_reads, there_writes) = os.pipe(), os.pipe()
            try:
                program = stack.enter_context(_begun("program", bounds, there_reads, there_writes))
                tester = stack.enter_context(_begun("tests", bounds, here_reads, here_writes))
            finally:  # so that each sees the other's end
                for end in (there_reads, there_writes, here_reads, here_writes):
                    os.close(end)
            try:
                _give(program, job)
                _give(tester, tests)
                said = _told(tester, bounds.seconds)
            except _Died as died:
                what = "did not end in its time" if died.late else "ended without a word"
                return Ran(ended="error", reason=f"The process of the tests {what}.")
        return msgspec.convert(said, Ran)

    def query(self, task: QueryTask) -> Table:
        bounds = task.bounds
        job = {
            "query": task.query,
            "schema": task.schema,
            "rows": msgspec.to_builtins(task.rows),
            "most": task.most,
            "steps": _STEPS,
            "weak": True,  # a statement can reach no file, no network and no process: SQLite's authorizer says so
        }
        with self._places, _begun("query", bounds) as process:
            try:
                _give(process, job)
                said = _told(process, bounds.seconds)
            except _Died as died:
                late = f"It took longer than {bounds.seconds:g} s."
                return Table(fault=late if died.late else "It took more memory, or more time, than it may.")
        if "fault" in said:
            return Table(fault=str(said["fault"]), broken=bool(said.get("broken")))
        rows = tuple(tuple(wire.valued(row, lambda _: None)) for row in said["rows"])
        return Table(columns=tuple(said["columns"]), rows=rows)


@cache
def probe() -> Isolation:
    """What is in force in such a process on this machine."""
    limits = ("no environment", "limits of time, memory and files")
    try:
        with _begun("probe", Bounds()) as process:
            said = _told(process, _GRACE)
    except _Died:
        return Isolation(in_force=(), lacking=("network", "files", "processes"))
    return Isolation(in_force=(*limits, *said["in_force"]), lacking=tuple(said["lacking"]))


@contextlib.contextmanager
def _begun(role: str, bounds: Bounds, reads: int = -1, writes: int = -1) -> Generator[subprocess.Popen[bytes]]:
    """In a session of its own, without an environment; at the end all of it is killed."""
    arguments = [role, str(bounds.seconds), str(bounds.memory), str(reads), str(writes), _FOLDER]
    process = subprocess.Popen(
        [sys.executable, "-I", "-S", "-B", "-X", "utf8", "-c", _BEGIN, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={},
        cwd="/",
        pass_fds=tuple(fd for fd in (reads, writes) if fd >= 0),
        start_new_session=True,
    )
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()
        process.wait()


def _give(process: subprocess.Popen[bytes], job: Any) -> None:
    assert process.stdin is not None
    try:
        wire.send(process.stdin.fileno(), job)
    except wire.Gone:
        raise _Died(late=False) from None


def _told(process: subprocess.Popen[bytes], seconds: float) -> dict[str, Any]:
    """The one frame that it writes. _Died when it ends before, or its time is over."""
    assert process.stdout is not None
    until = time.monotonic() + seconds + _GRACE
    data = b""
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while len(data) < 4 or len(data) < 4 + int.from_bytes(data[:4], "big"):
            left = until - time.monotonic()
            if left <= 0 or not selector.select(left):
                raise _Died(late=True)
            more = os.read(process.stdout.fileno(), 1 << 20)
            if not more or len(data) > 16 * wire.LARGEST:
                raise _Died(late=False)
            data += more
    said: Any = msgspec.json.decode(data[4:])
    return said
