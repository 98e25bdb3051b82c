"""A gateway worker: `python -m genaiops.app.worker --settings FILE --column N --fd N`.

Only wiring. It loads nothing heavy (a test reads the modules of a live one); what it needs it gets through ports.
"""

import argparse
import asyncio
import contextlib
import logging
import signal
import socket
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import msgspec

from genaiops import providers
from genaiops.app import memory
from genaiops.app import settings as settings_file
from genaiops.app.advice import Advice
from genaiops.app.children import READY_OPTION
from genaiops.app.home import Home
from genaiops.app.installation import read_state
from genaiops.app.lifeline import die_with_supervisor, say_ready
from genaiops.app.provenance import open_marker
from genaiops.app.reporting import configure_logging, run_reporting
from genaiops.app.settings import Settings
from genaiops.app.sharing import open_worker
from genaiops.app.sign_in import read_networks
from genaiops.checks.tokens import Estimator
from genaiops.core.clock import now_us
from genaiops.core.errors import GenaiopsError
from genaiops.domain import Target
from genaiops.engines.cache_memory import MemoryCache
from genaiops.engines.cache_redis import RedisCache
from genaiops.engines.document_files import DocumentFiles
from genaiops.engines.seals_secret import open_seals
from genaiops.engines.secrets_file import open_secrets
from genaiops.engines.snapshot_files import open_reader
from genaiops.engines.spool_files import FilesSpoolWriter, open_writer
from genaiops.engines.videos_files import open_videos
from genaiops.gateway import ControlRelay, Gateway, GatewaySettings, HttpTransport, Proxies, error_body, through
from genaiops.guard import WorkerGuards
from genaiops.http1 import Server
from genaiops.ports.cache import Caches
from genaiops.ports.providers import Transport
from genaiops.providers.echo import EchoTransport

_log = logging.getLogger("genaiops.worker")

POLL_SECONDS = 0.025


class Options(msgspec.Struct, frozen=True):
    """What the command line said. `descriptor` is the listening socket's, `ready` that of the pipe to say so."""

    settings: Path
    column: int
    descriptor: int
    ready: int | None


def parse(arguments: list[str]) -> Options:
    parser = argparse.ArgumentParser(prog="python -m genaiops.app.worker", description=__doc__)
    parser.add_argument("--settings", type=Path, required=True, help="the settings in force, written by the supervisor")
    parser.add_argument("--column", type=int, required=True, help="its column of the counters")
    parser.add_argument("--fd", type=int, required=True, help="the listening socket, inherited")
    parser.add_argument(READY_OPTION, type=int, dest="ready")
    given = parser.parse_args(arguments)
    return Options(given.settings, given.column, given.fd, given.ready)


def transport_of(target: Target) -> Transport:
    return EchoTransport() if target.provider == "echo" else HttpTransport(target)


def gateway_settings(settings: Settings, home: Home) -> GatewaySettings:
    return GatewaySettings(
        body_limit=settings.gateway.body_limit,
        upload_limit=settings.gateway.upload_limit,
        heartbeat=settings.gateway.heartbeat_seconds,
        hosts=host_names(settings),
        proxies=read_networks(settings.listen.trusted_proxies),
        ready_probe=embedded_probe(home) if settings.runs_embedded else None,
    )


def open_caches(settings: Settings) -> Caches:
    """What the worker keeps itself, and Redis where the settings name one."""
    own = MemoryCache(most_bytes=settings.gateway.cache_bytes)
    url = settings.stores.cache
    return Caches(own, RedisCache(url) if url else None)


def host_names(settings: Settings) -> tuple[str, ...]:
    """The names this installation answers to, beside those of the loopback. An address of all interfaces is no name."""
    own = () if settings.listen.host in {"0.0.0.0", "::", ""} else (settings.listen.host,)  # noqa: S104
    return (*settings.listen.names, *own)


def embedded_probe(home: Home) -> Callable[[], str | None]:
    """Why an embedded model cannot answer, by what the supervisor wrote last; None when all can."""

    def probe() -> str | None:
        state = read_state(home)
        if state is None:
            return None
        late = [process.name for process in state.processes if process.column is None and process.state != "ready"]
        late = [name for name in late if name != "control"]
        return f"Not ready yet: {', '.join(late)}." if late else None

    return probe


async def serve(options: Options, settings: Settings) -> None:
    """Until SIGTERM; then drain."""
    home = Home(settings.home)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with contextlib.AsyncExitStack() as stack:
        counters, close = open_worker(settings, home, options.column)
        stack.callback(counters.close)
        stack.push_async_callback(close)
        spool = open_writer(home.spool, column=options.column, life_us=now_us())
        stack.callback(spool.close)
        limits = gateway_settings(settings, home)
        secrets = open_secrets(home.path)
        advice = Advice(home, settings.guard, secrets.get, timeout=5.0)
        gateway = Gateway(
            snapshots=open_reader(home.snapshots),
            counters=counters,
            spool=spool,
            providers=providers.load,
            transports=transport_of,
            secrets=secrets,
            seals=open_seals(secrets),
            estimator=Estimator(),
            relay=ControlRelay(str(home.control_socket), limits),
            settings=limits,
            caches=open_caches(settings),
            videos=open_videos(home.path),
            guards=WorkerGuards(advice.classifiers, advice.names, DocumentFiles(home.documents).find),
            marker=open_marker(settings, home),
        )
        stack.push_async_callback(gateway.aclose)
        await gateway.start()
        handle = through(Proxies(limits.proxies), gateway.handle) if limits.proxies else gateway.handle
        server = Server(handle, error_body=error_body)
        await server.serve(socket.socket(fileno=options.descriptor))
        poller = asyncio.create_task(_poll(gateway, spool))
        memory.settle()
        say_ready(options.ready)
        _log.info("serving, column %d", options.column)
        await _until(stop, poller)
        _log.info("draining, %d requests under way", server.in_flight)
        await server.drain(settings.gateway.drain_seconds)
        poller.cancel()


async def _until(stop: asyncio.Event, poller: asyncio.Task[None]) -> None:
    """Until it is told to stop. A poller that failed ends the worker: without one it would serve what is long gone."""
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait({stopping, poller}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if poller.done():
        poller.result()


async def _poll(gateway: Gateway, spool: FilesSpoolWriter) -> None:
    while True:
        await asyncio.sleep(POLL_SECONDS)
        spool.tend()
        try:
            gateway.poll()
        except GenaiopsError:
            _log.exception("the new configuration could not be taken up; the one in force stays")


def main(arguments: list[str]) -> int:
    die_with_supervisor()
    options = parse(arguments)
    settings = settings_file.load(options.settings)
    configure_logging(settings.log.level)
    return run_reporting(lambda: _run(serve(options, settings)))


def _run(work: Coroutine[Any, Any, None]) -> None:
    try:
        import uvloop
    except ImportError:
        asyncio.run(work)
    else:
        uvloop.run(work)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
