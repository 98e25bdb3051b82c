"""`genaiops up`: binds the port, starts the workers, the control process and the model servers, keeps them running, and
ends them in order. Loads nothing heavy: it stays resident beside all of them."""

import asyncio
import contextlib
import os
import signal
import socket
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import genaiops
from genaiops.app import listening, reload
from genaiops.app import settings as settings_file
from genaiops.app.embedded import EmbeddedServers
from genaiops.app.fleet import Fleet
from genaiops.app.home import Home
from genaiops.app.installation import Lock, Prepared, SupervisorState, write_state
from genaiops.app.settings import Settings
from genaiops.app.startup import wait_for_last_life
from genaiops.app.terminal import Terminal
from genaiops.core.clock import now_us
from genaiops.core.errors import GenaiopsError

T = TypeVar("T")


class Supervisor:
    """One installation. `reread` gives the settings anew for a reload."""

    def __init__(self, settings: Settings, reread: Callable[[], Settings], terminal: Terminal) -> None:
        self._settings = settings
        self._reread = reread
        self._terminal = terminal
        self._home = Home(settings.home)
        self._started_us = now_us()
        self._embedded = EmbeddedServers(settings, self._home, terminal)
        self._fleet: Fleet | None = None
        self._stop = asyncio.Event()
        self._reloading: asyncio.Task[None] | None = None
        self._had_terminal = _has_terminal()

    async def run(self) -> int:
        """Until a signal ends it. The exit status."""
        self._home.prepare()
        lock = Lock(self._home)
        try:
            self._listen_to_signals()
            await wait_for_last_life(self._home)
            with contextlib.closing(listening.bind(self._settings.listen.host, self._settings.listen.port)) as sock:
                self._settings = settings_file.with_port(self._settings, sock.getsockname()[1])
                settings_file.save(self._settings, self._home.settings)
                await self._run_bound(sock)
        finally:
            self._embedded.close()
            self._home.state.unlink(missing_ok=True)
            lock.release()
        return 0

    async def _run_bound(self, sock: socket.socket) -> None:
        self._write_state()
        await self._unless_stopped(self._embedded.pull())
        if self._stop.is_set():
            return
        fleet = self._fleet = Fleet(
            self._settings, self._embedded, sock, say=self._terminal.say, changed=self._write_state
        )
        try:
            prepared = await self._unless_stopped(self._start(fleet, sock))
            if prepared is not None and not self._stop.is_set():
                self._show_banner(prepared)
            await self._stop.wait()
        finally:
            if self._stop.is_set():
                self._terminal.say("Stopping: requests under way finish first; Ctrl-C again ends everything at once.")
            sock.close()  # the workers close theirs as they drain: nobody waits in a queue that is never served
            await self._finish_reload()
            await fleet.end()
            self._fleet = None
        self._terminal.say("Stopped.")

    async def _start(self, fleet: Fleet, sock: socket.socket) -> Prepared:
        """Start everything and wait until it serves; what the preparation did."""
        fleet.start_control()
        fleet.start_models()
        prepared = await fleet.prepared()
        listening.listen(sock)
        fleet.start_workers()
        await fleet.wait_until_ready()
        return prepared

    def _show_banner(self, prepared: Prepared) -> None:
        self._terminal.banner(
            self._settings.url,
            self._home.path,
            admin_key=self._home.admin_key.read_text().strip() if prepared.first else None,
            model=prepared.talker,
            off=self._off(),
        )

    def _off(self) -> tuple[str, ...]:
        """What does not run, in words."""
        off = [f"{name}: {reason}" for name, reason in self._embedded.missing.items()]
        if self._settings.only == "gateway":
            off.append("console and embedded models (--only gateway): the model API, the REST API and /metrics are on")
        elif not self._settings.runs_embedded:
            off.append("embedded models: add a target with `genaiops model add`, or start without --no-embedded")
        return tuple(off)

    # -- signals

    def _listen_to_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._on_stop)
        loop.add_signal_handler(signal.SIGHUP, self._on_hangup)

    def _on_stop(self) -> None:
        if self._stop.is_set() and self._fleet is not None:
            self._fleet.kill()
        self._stop.set()

    def _on_hangup(self) -> None:
        if self._had_terminal and not _has_terminal():
            self._on_stop()  # not a wish to reload: the terminal was closed
        elif self._fleet is not None and (self._reloading is None or self._reloading.done()):
            self._reloading = asyncio.create_task(self._reload(self._fleet))

    # -- reload

    async def _reload(self, fleet: Fleet) -> None:
        try:
            read = settings_file.with_port(self._reread(), self._settings.listen.port)
            changes = reload.compare(self._settings, read)
            if not changes:
                self._terminal.say("Reload: nothing changed.")
                return
            self._terminal.say("Reload:", changes=[change.key for change in changes])
            for change in changes:
                self._terminal.say(f"    {change.line()}")
            self._settings = fleet.settings = reload.merge(self._settings, read)
            settings_file.save(self._settings, self._home.settings)
            await _apply(fleet, {effect for change in changes for effect in change.effects})
            self._terminal.say("Reload: done.")
        except GenaiopsError as error:
            self._terminal.say(f"Reload failed, what ran goes on. {error}")

    async def _finish_reload(self) -> None:
        if self._reloading is not None:
            self._reloading.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._reloading

    # -- the rest

    def _write_state(self) -> None:
        state = SupervisorState(
            pid=os.getpid(),
            version=genaiops.__version__,
            started_us=self._started_us,
            home=str(self._home.path),
            url=self._settings.url,
            host=self._settings.listen.host,
            port=self._settings.listen.port,
            control_socket=str(self._home.control_socket),
            processes=self._fleet.processes() if self._fleet is not None else (),
            off=self._off(),
        )
        with contextlib.suppress(OSError):  # a full disk must not end what runs
            write_state(self._home, state)

    async def _unless_stopped(self, work: Coroutine[Any, Any, T]) -> T | None:
        """The result of `work`, or None when a signal came first (it is cancelled then)."""
        task = asyncio.create_task(work)
        stopping = asyncio.create_task(self._stop.wait())
        try:
            await asyncio.wait({task, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                return task.result()
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
            return None
        finally:
            stopping.cancel()


async def _apply(fleet: Fleet, effects: set[reload.Effect]) -> None:
    if "models" in effects:
        await fleet.replace_models()
    if "control" in effects:
        await fleet.replace_control()
    if "workers" in effects:
        await fleet.replace_workers(fleet.settings.gateway.workers)
    await fleet.resize_workers(fleet.settings.gateway.workers)


def _has_terminal() -> bool:
    try:
        os.close(os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY))
    except OSError:
        return False
    return True


def supervise(settings: Settings, reread: Callable[[], Settings], terminal: Terminal) -> int:
    """Run an installation until it is told to stop; the exit status."""

    async def run() -> int:
        return await Supervisor(settings, reread, terminal).run()

    return asyncio.run(run())
