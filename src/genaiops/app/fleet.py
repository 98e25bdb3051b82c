"""The processes of an installation: starting them, replacing workers without a pause, ending them in order."""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterable

import msgspec

from genaiops.app.children import Command
from genaiops.app.embedded import EmbeddedServers
from genaiops.app.home import Home
from genaiops.app.installation import Prepared, ProcessState
from genaiops.app.keeper import Keeper
from genaiops.app.logs import RotatingLog
from genaiops.app.settings import Settings
from genaiops.app.startup import recover_column
from genaiops.core.errors import GenaiopsError, OutsideError

COLUMNS = 16
START_SECONDS = 60.0
CONTROL_GRACE = 15.0
MODEL_GRACE = 5.0
_LOOK_SECONDS = 0.02
EXTRA_GRACE = 3.0
"""A worker gets its drain deadline and this much more before it is killed."""


class Fleet:
    """Workers by column, the control process, the model servers by name. `sock` is the public one, listening."""

    def __init__(
        self,
        settings: Settings,
        embedded: EmbeddedServers,
        sock: socket.socket,
        *,
        say: Callable[[str], None],
        changed: Callable[[], None],
    ) -> None:
        self.settings = settings
        self._home = Home(settings.home)
        self._embedded = embedded
        self._sock = sock
        self._say = say
        self._changed = changed
        self._workers: dict[int, Keeper] = {}
        self._control: Keeper | None = None
        self._models: dict[str, Keeper] = {}
        self._ending = False
        self._result = self._home.run / "prepared.json"

    def start_control(self) -> None:
        """The control process prepares the start (see `genaiops.app.prepare`), then serves."""
        self._result.unlink(missing_ok=True)
        targets = [part for name, url in self._embedded.addresses().items() for part in ("--embedded", f"{name}={url}")]
        self._start_control("--prepare", str(self._result), *targets, must_start=True)

    def start_models(self) -> None:
        for name in self._embedded.names:
            self._start_model(name)

    async def prepared(self) -> Prepared:
        """What the preparation did, once it is over. OutsideError when it failed."""
        assert self._control is not None
        serving = asyncio.create_task(self._control.first_ready())
        try:
            while not self._result.exists():
                if serving.done() and not self._result.exists():
                    raise self._control.failure()
                await asyncio.wait({serving}, timeout=_LOOK_SECONDS)
        finally:
            serving.cancel()
        return msgspec.json.decode(self._result.read_bytes(), type=Prepared)

    def start_workers(self) -> None:
        for _ in range(self.settings.gateway.workers):
            self._start_worker()

    async def wait_until_ready(self) -> None:
        """OutsideError when a worker or the control process ended before it served, or does not serve in a minute. A
        model server that fails is said and left to its keeper."""
        needed = [*self._workers.values(), *([self._control] if self._control is not None else [])]
        try:
            async with asyncio.timeout(START_SECONDS):
                for keeper in needed:
                    if not await keeper.first_ready():
                        raise keeper.failure()
                await asyncio.gather(*(keeper.first_ready() for keeper in self._models.values()))
        except TimeoutError as error:
            late = [keeper.name for keeper in needed if keeper.state != "ready"]
            if late:
                raise OutsideError(
                    f"{', '.join(late)} did not serve within {START_SECONDS:.0f} s.", remedy=self._see(late[0])
                ) from error

    def processes(self) -> tuple[ProcessState, ...]:
        keepers: list[tuple[Keeper, int | None]] = [(keeper, column) for column, keeper in self._workers.items()]
        keepers += [(keeper, None) for keeper in (self._control, *self._models.values()) if keeper is not None]
        return tuple(
            ProcessState(
                name=keeper.name,
                state=keeper.state,
                pid=keeper.pid,
                since_us=keeper.since_us,
                restarts=keeper.restarts,
                last_end=keeper.last_end,
                column=column,
            )
            for keeper, column in keepers
        )

    async def replace_workers(self, count: int) -> None:
        """New workers with the settings in force, one by one: a new one serves before an old one drains. The old one
        goes on when the new one fails (OutsideError)."""
        old = list(self._workers)
        for number in range(max(count, len(old))):
            if number < count:
                column = self._start_worker()
                fresh = self._workers[column]
                if not await fresh.first_ready():
                    del self._workers[column]
                    raise fresh.failure()
            if number < len(old):
                await self._end_worker(old[number])

    async def resize_workers(self, count: int) -> None:
        while len(self._workers) < count:
            column = self._start_worker()
            if not await self._workers[column].first_ready():
                raise self._workers.pop(column).failure()
        while len(self._workers) > count:
            await self._end_worker(max(self._workers))

    async def replace_control(self) -> None:
        if self._control is not None:
            await self._control.stop(CONTROL_GRACE)
            self._start_control()
            await self._control.first_ready()

    async def replace_models(self) -> None:
        for name, keeper in list(self._models.items()):
            await keeper.stop(MODEL_GRACE)
            self._start_model(name)
            await self._models[name].first_ready()

    async def end(self) -> None:
        """Workers drain, then the control process folds what they left, then the model servers go."""
        self._ending = True
        grace = self.settings.gateway.drain_seconds + EXTRA_GRACE
        await _all(keeper.stop(grace) for keeper in self._workers.values())
        if self._control is not None:
            await self._control.stop(CONTROL_GRACE)
        await _all(keeper.stop(MODEL_GRACE) for keeper in self._models.values())

    def kill(self) -> None:
        """Everything, now."""
        self._ending = True
        for keeper in (*self._workers.values(), self._control, *self._models.values()):
            if keeper is not None:
                keeper.kill()

    def _start_worker(self) -> int:
        column = next(column for column in range(COLUMNS) if column not in self._workers)
        descriptor = self._sock.fileno()

        def command() -> Command:
            return Command(
                module="genaiops.app.worker",
                arguments=(
                    *("--settings", str(self._home.settings)),
                    *("--column", str(column), "--fd", str(descriptor)),
                ),
                descriptors=(descriptor,),
                variables=self._embedded.variables(),
            )

        async def recover() -> None:
            await self._recover(column)

        self._workers[column] = self._keep(f"worker-{column}", command, recover, must_start=True)
        return column

    def _start_control(self, *preparation: str, must_start: bool = False) -> None:
        def command() -> Command:
            # Once it is prepared, a control process that is started again only serves.
            more = () if self._result.exists() else preparation
            return Command(
                module="genaiops.app.control",
                arguments=("--settings", str(self._home.settings), *more),
                variables=self._embedded.variables(),
            )

        self._control = self._keep("control", command, must_start=must_start)

    def _start_model(self, name: str) -> None:
        self._models[name] = self._keep(name, lambda: self._embedded.command(name, self.settings.embedded))

    def _keep(
        self,
        name: str,
        command: Callable[[], Command],
        clean_up: Callable[[], Awaitable[None]] | None = None,
        *,
        must_start: bool = False,
    ) -> Keeper:
        return Keeper(
            name,
            command,
            RotatingLog(self._home.logs / f"{name}.log"),
            say=self._say,
            changed=self._changed,
            clean_up=clean_up,
            must_start=must_start,
        )

    async def _end_worker(self, column: int) -> None:
        keeper = self._workers[column]
        await keeper.stop(self.settings.gateway.drain_seconds + EXTRA_GRACE)
        del self._workers[column]
        self._changed()

    async def _recover(self, column: int) -> None:
        if self._ending:
            return  # the next start rebuilds all counters
        try:
            await recover_column(self._home, column)
        except GenaiopsError as error:
            # The column keeps its reservations: limits stay on the safe side until the next start.
            self._say(f"Column {column} was not recovered: {error}")

    def _see(self, name: str) -> str:
        return f"Its log is {self._home.logs / name}.log; genaiops doctor looks at the installation."


async def _all(work: Iterable[Awaitable[None]]) -> None:
    await asyncio.gather(*work)
