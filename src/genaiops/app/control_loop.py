"""What the control process does while it lives: serve on its unix socket, fold, publish, drop old content."""

import asyncio
import contextlib
import functools
import itertools
import logging
import os
import signal
import socket
from collections.abc import Callable, Generator
from pathlib import Path

import uvicorn

from genaiops.app.home import Home
from genaiops.app.lifeline import say_ready
from genaiops.app.memory import loading
from genaiops.app.services import Services
from genaiops.app.settings import Settings
from genaiops.app.sweeping import needed, sweep
from genaiops.app.web import build
from genaiops.core.clock import now_us
from genaiops.core.errors import GenaiopsError

_log = logging.getLogger("genaiops.control")

PUBLISH_SECONDS = 0.5
"""How often the records are looked at for writes of other processes; a write through the API is published at once."""

EXPIRE_SECONDS = 60.0
"""How often it is looked for tasks that nobody has decided about in time."""

WATCH_SECONDS = 5.0
"""How often it is looked for keys that probe the guards."""

EXPERIMENT_SECONDS = 5.0
"""How often experiments are looked at."""
GOLDEN_SECONDS = 2.0
"""How often it is looked for suites that are to be asked again, and for such runs that ended."""

RETENTION_SECONDS = 3600.0
SWEEP_ROUNDS = 24
"""Of these, until blobs are looked at also when no day was dropped."""

DRAIN_SECONDS = 3
FOLD_AT_END_SECONDS = 10.0
_DAY_US = 86_400_000_000


class _Server(uvicorn.Server):
    """Without signal handling of its own: it would end the process by the signal instead of in order."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        yield

    def stop(self) -> None:
        self.force_exit = self.should_exit  # a second time: at once
        self.should_exit = True


async def serve(settings: Settings, ready: int | None) -> None:
    """Until SIGTERM; then what the spools hold is folded. `ready`: the pipe to say so on."""
    services = await asyncio.to_thread(Services, settings)
    services.folding.start()
    services.ingest.start()
    services.export.start()
    services.vitals.start()
    services.erasing.start()
    await asyncio.to_thread(services.publisher.publish, again=True)
    if services.sharing is not None:
        services.sharing.start()
    with loading():
        app = build(services)
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        lifespan="on",
        server_header=False,
        date_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=DRAIN_SECONDS,
    )
    server = _Server(config)
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, server.stop)
    background = [
        asyncio.create_task(_publish_for_ever(services)),
        asyncio.create_task(_drop_old_content_for_ever(services)),
        asyncio.create_task(_sign_for_ever(services)),
        asyncio.create_task(_expire_for_ever(services)),
        asyncio.create_task(services.judging.run()),
        asyncio.create_task(services.runs.run()),
        asyncio.create_task(services.live_checks.run()),
        asyncio.create_task(_watch_for_ever(services)),
        asyncio.create_task(_experiment_for_ever(services)),
        asyncio.create_task(_ask_again_for_ever(services)),
        asyncio.create_task(_say_when_started(server, ready)),
    ]
    try:
        await server.serve(sockets=[bind(Home(settings.home).control_socket)])
    finally:
        for task in background:
            task.cancel()
        await asyncio.gather(*background, return_exceptions=True)
        await asyncio.to_thread(services.close, FOLD_AT_END_SECONDS)


def bind(path: Path) -> socket.socket:
    """The unix socket, this user's alone from its first moment."""
    path.unlink(missing_ok=True)  # of a process that was killed; only one runs at a time
    sock = socket.socket(socket.AF_UNIX)
    mask = os.umask(0o177)
    try:
        sock.bind(str(path))
    finally:
        os.umask(mask)
    return sock


async def _say_when_started(server: _Server, descriptor: int | None) -> None:
    while not server.started:  # noqa: ASYNC110 (uvicorn has a flag, not an event)
        await asyncio.sleep(0.01)
    say_ready(descriptor)
    _log.info("serving")


async def _publish_for_ever(services: Services) -> None:
    while True:
        await asyncio.sleep(PUBLISH_SECONDS)
        await _once("the records cannot be published", services.publisher.publish)


async def _sign_for_ever(services: Services) -> None:
    while True:
        await _once("the audit log cannot be signed", services.auditor.checkpoint)
        await asyncio.sleep(services.settings.audit.checkpoint_minutes * 60)


async def _expire_for_ever(services: Services) -> None:
    while True:
        await _once("tasks cannot be ended", services.hub.tasks.expire)
        await asyncio.sleep(EXPIRE_SECONDS)


async def _watch_for_ever(services: Services) -> None:
    while True:
        await _once("it cannot be told whether keys are abused", services.abuse.step)
        await _once("it cannot be told whether groups are treated alike", services.disparity.step)
        await asyncio.sleep(WATCH_SECONDS)


async def _experiment_for_ever(services: Services) -> None:
    while True:
        await asyncio.sleep(EXPERIMENT_SECONDS)
        await _once("experiments cannot be looked at", services.experiments.step)


async def _ask_again_for_ever(services: Services) -> None:
    while True:
        await _once("golden sets cannot be asked", services.watches.step)
        await asyncio.sleep(GOLDEN_SECONDS)


async def _drop_old_content_for_ever(services: Services) -> None:
    days = services.settings.content.retention_days
    held = functools.partial(needed, services.hub, services.stores.runs, services.blobs)

    def drop(rounds: int) -> None:
        dropped = services.telemetry.purge_content(now_us() - days * _DAY_US) if days else 0
        if dropped or rounds % SWEEP_ROUNDS == 0:
            sweep(services.telemetry, services.blobs, services.folding, held)
        if dropped:
            _log.info("content of %d days was dropped, it was older than %d days", dropped, days)

    for rounds in itertools.count():
        await _once("old content cannot be dropped", functools.partial(drop, rounds))
        await asyncio.sleep(RETENTION_SECONDS)


async def _once(trouble: str, work: Callable[[], object]) -> None:
    """One round of a task that goes on for ever, in a thread: whatever is wrong with it, the next may go well."""
    try:
        await asyncio.to_thread(work)
    except (GenaiopsError, OSError) as error:
        _log.error("%s: %s", trouble, error)
    except Exception:  # noqa: BLE001 (a bug in one round must not end all that would come)
        _log.exception(trouble)
