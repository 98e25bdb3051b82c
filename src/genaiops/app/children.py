"""One child process of the supervisor: starting it, its output, its word that it is ready, its end."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence

import msgspec

from genaiops.app.lifeline import PARENT_VARIABLE
from genaiops.app.logs import RotatingLog
from genaiops.core.errors import OutsideError

READY_OPTION = "--ready-fd"
"""The child gets the number of a pipe to write a line to once it serves."""

Sink = Callable[[bytes], None]

_LINE_LIMIT = 64 * 1024


class Command(msgspec.Struct, frozen=True, kw_only=True):
    """What to run: `python -m module arguments`, with these descriptors inherited and these variables added."""

    module: str
    arguments: tuple[str, ...] = ()
    descriptors: tuple[int, ...] = ()
    variables: Mapping[str, str] = {}


class Child:
    """A running process in a process group of its own, so that Ctrl-C in the terminal reaches the supervisor alone.
    `sink` gets each line of its output."""

    def __init__(self, process: asyncio.subprocess.Process, sink: Sink, ready: asyncio.Future[bool]) -> None:
        self.pid = process.pid
        self._process = process
        self._sink = sink
        self._ready = ready
        self._pump = asyncio.create_task(self._copy_output())

    @classmethod
    async def start(cls, command: Command, sink: Sink) -> "Child":
        loop = asyncio.get_running_loop()
        reading, writing = os.pipe()
        ready: asyncio.Future[bool] = loop.create_future()
        try:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", command.module, *command.arguments, READY_OPTION, str(writing)),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
                limit=_LINE_LIMIT,
                pass_fds=(*command.descriptors, writing),
                env={**os.environ, **command.variables, PARENT_VARIABLE: str(os.getpid()), "PYTHONUNBUFFERED": "1"},
                process_group=0,
            )
        except BaseException:
            os.close(reading)
            raise
        finally:
            os.close(writing)
        loop.add_reader(reading, _on_ready, loop, reading, ready)
        return cls(process, sink, ready)

    async def ready(self) -> bool:
        """True once the child said that it serves, False when it ended without."""
        return await asyncio.shield(self._ready)

    async def ended(self) -> str:
        """Waits for the end, and for all of the output. How it ended: "exit status 3", "SIGKILL"."""
        code = await self._process.wait()
        # A grandchild may hold the pipe open; its output is not worth waiting for.
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._pump, 1.0)
        return describe_exit(code)

    @property
    def running(self) -> bool:
        return self._process.returncode is None

    def send(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(number)

    def kill(self) -> None:
        """SIGKILL to it and to what it started."""
        if self.running:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)

    async def stop(self, grace: float) -> None:
        """SIGTERM, and SIGKILL when it is still there after `grace` seconds."""
        self.send(signal.SIGTERM)
        try:
            await asyncio.wait_for(self._process.wait(), grace)
        except TimeoutError:
            self.kill()
            await self._process.wait()

    async def _copy_output(self) -> None:
        stream = self._process.stdout
        assert stream is not None
        while True:
            try:
                line = await stream.readuntil(b"\n")
            except asyncio.IncompleteReadError as rest:
                if rest.partial:
                    self._sink(rest.partial + b"\n")
                return
            except asyncio.LimitOverrunError as overrun:
                line = await stream.readexactly(overrun.consumed)
            self._sink(line)


def describe_exit(code: int) -> str:
    if code >= 0:
        return f"exit status {code}"
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"signal {-code}"


def _on_ready(loop: asyncio.AbstractEventLoop, descriptor: int, ready: asyncio.Future[bool]) -> None:
    said = os.read(descriptor, 64)
    loop.remove_reader(descriptor)
    os.close(descriptor)
    if not ready.done():
        ready.set_result(bool(said))


async def run_tool(command: Command, log: RotatingLog, sink: Sink | None = None) -> None:
    """Run a child that does one thing. OutsideError with what it printed when it fails; ends it when cancelled."""
    log.forget()
    child = await Child.start(command, sink or log.write)
    try:
        how = await child.ended()
    finally:
        child.kill()
    if how != "exit status 0":
        raise failure(f"{command.module} ended with {how}.", log)


def failure(what: str, log: RotatingLog) -> OutsideError:
    """An error made of the `error:` and `remedy:` lines of a child that failed, or of `what` and its last lines."""
    said = output_of(log)
    errors = [line.removeprefix("error: ") for line in said if line.startswith("error: ")]
    remedies = [line.removeprefix("remedy: ") for line in said if line.startswith("remedy: ")]
    return OutsideError(
        " ".join(errors) or f"{what} {' / '.join(said)}",
        remedy=" ".join(remedies) or f"Its log is {log.path}.",
        code="process_failed",
    )


def output_of(log: RotatingLog, lines: int = 8) -> Sequence[str]:
    """The reason in what a child printed: its `error:` lines, else its last lines without the stack."""
    said = log.tail(40)
    reasons = [line for line in said if line.startswith(("error:", "remedy:"))]
    if reasons:
        return reasons[-lines:]
    return [line for line in said if not line.startswith((" ", "Traceback", "\t"))][-lines:]
