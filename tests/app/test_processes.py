"""One child at a time: its output, its word, its end, its next life; with real processes."""

import asyncio
import contextlib
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genaiops.app import installation, keeper, listening, reload
from genaiops.app.children import Child, Command, run_tool
from genaiops.app.home import Home
from genaiops.app.keeper import Backoff, Keeper
from genaiops.app.logs import RotatingLog
from genaiops.app.settings import ContentOptions, GatewayOptions, Listen, Settings, Stores
from genaiops.core.errors import ConfigError, Conflict, OutsideError, Unavailable
from tests.app.running import eventually, is_alive

CHILD = "tests.app.child"
"""A module that does what its arguments say."""


def child(*arguments: str) -> Command:
    return Command(module=CHILD, arguments=arguments)


@pytest.fixture
def log(tmp_path: Path) -> Iterator[RotatingLog]:
    with contextlib.closing(RotatingLog(tmp_path / "child.log")) as log:
        yield log


async def test_it_says_when_it_is_ready_and_how_it_ended(log: RotatingLog) -> None:
    running = await Child.start(child("say=hello", "ready", "wait"), log.write)
    assert await running.ready()
    running.send(signal.SIGTERM)
    assert await running.ended() == "SIGTERM"
    assert log.tail(5) == ["hello"]


async def test_it_ends_before_it_is_ready(log: RotatingLog) -> None:
    running = await Child.start(child("exit=3"), log.write)
    assert not await running.ready()
    assert await running.ended() == "exit status 3"


async def test_a_child_that_does_not_listen_is_killed(log: RotatingLog) -> None:
    running = await Child.start(child("deaf", "ready", "wait"), log.write)
    assert await running.ready()
    await running.stop(0.05)
    assert await running.ended() == "SIGKILL"
    assert not is_alive(running.pid)


async def test_ctrl_c_in_the_terminal_is_not_for_it(log: RotatingLog) -> None:
    running = await Child.start(child("group", "ready", "wait"), log.write)
    await running.ready()
    await running.stop(5.0)
    await running.ended()
    assert log.tail(1) == [f"group {running.pid}"]


async def test_lines_without_an_end_are_kept(log: RotatingLog) -> None:
    running = await Child.start(child("long=200000"), log.write)
    await running.ended()
    assert log.path.stat().st_size >= 200_000


async def test_a_tool_tells_what_was_wrong(log: RotatingLog) -> None:
    with pytest.raises(OutsideError) as caught:
        await run_tool(child("say=noise", "say=error: It is so.", "say=remedy: Do this.", "exit=3"), log)
    assert caught.value.message == "It is so."
    assert caught.value.remedy == "Do this."


async def test_a_cancelled_tool_is_gone(log: RotatingLog) -> None:
    ready = asyncio.Event()

    def sink(line: bytes) -> None:
        log.write(line)
        ready.set()

    running = asyncio.create_task(run_tool(child("say=here", "group", "wait"), log, sink))
    await ready.wait()
    await eventually(lambda: len(log.tail(5)) == 2)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    pid = int(log.tail(1)[0].split()[1])
    await eventually(lambda: not is_alive(pid))


async def test_a_keeper_starts_it_again_and_cleans_up_between(
    log: RotatingLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeper, "FIRST_DELAY", 0.01)
    said: list[str] = []
    cleaned: list[int] = []
    lives = [child("say=error: It broke.", "ready", "exit=3"), child("ready", "wait")]

    async def clean_up() -> None:
        cleaned.append(len(lives))

    kept = Keeper("thing", lambda: lives.pop(0), log, say=said.append, changed=lambda: None, clean_up=clean_up)
    await eventually(lambda: kept.state == "ready" and kept.restarts == 1)
    assert cleaned == [1]
    assert said[0].startswith("thing ended (exit status 3); it starts again in 0.0 s.")
    assert "    error: It broke." in said
    pid = kept.pid
    assert pid is not None
    await kept.stop(5.0)
    assert kept.state == "stopped"
    assert cleaned == [1, 0]
    assert not is_alive(pid)


async def test_a_keeper_tells_a_first_life_that_failed(log: RotatingLog) -> None:
    said: list[str] = []
    lives = [child("say=error: No.", "say=remedy: Yes.", "exit=2")]
    kept = Keeper("thing", lives.pop, log, say=said.append, changed=lambda: None, must_start=True)
    assert not await kept.first_ready()
    failure = kept.failure()
    assert (failure.message, failure.remedy) == ("No.", "Yes.")
    await kept.stop(1.0)
    assert not said


@given(st.lists(st.floats(0, 59.9), min_size=1, max_size=20))
def test_back_off_grows_to_its_bound(lives: list[float]) -> None:
    backoff = Backoff()
    delays = [backoff.after(lived) for lived in lives]
    assert delays == sorted(delays)
    assert delays[0] == keeper.FIRST_DELAY
    assert max(delays) <= keeper.LONGEST_DELAY
    assert backoff.after(keeper.HEALTHY_SECONDS) == keeper.FIRST_DELAY


def test_logs_are_rotated_by_size(tmp_path: Path) -> None:
    log = RotatingLog(tmp_path / "x.log", max_bytes=100, kept=2)
    for number in range(40):
        log.write(b"line %02d of many\n" % number)
    log.close()
    sizes = {path.name: path.stat().st_size for path in tmp_path.iterdir()}
    assert set(sizes) == {"x.log", "x.log.1", "x.log.2"}
    assert max(sizes.values()) <= 100
    assert log.tail(2) == ["line 38 of many", "line 39 of many"]
    assert log.path.read_bytes().endswith(b"line 39 of many\n")


def test_a_log_that_cannot_be_written_costs_lines_only(tmp_path: Path) -> None:
    log = RotatingLog(tmp_path / "no" / "x.log")
    log.write(b"lost\n")
    assert log.dropped == 1
    assert log.tail(1) == ["lost"]


def test_one_installation_a_home(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.prepare()
    lock = installation.Lock(home)
    assert installation.is_locked(home)
    with pytest.raises(Conflict, match="runs already"):
        installation.Lock(home)
    lock.release()
    assert not installation.is_locked(home)
    installation.Lock(home).release()


def test_a_long_home_has_its_sockets_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", "/run/user/1")
    assert Home("/data").control_socket == Path("/data/run/control.sock")
    long = Home("/" + "x" * 100)
    assert long.control_socket.is_relative_to("/run/user/1/genaiops")
    assert long.sockets != Home("/" + "y" * 100).sockets
    monkeypatch.delenv("XDG_RUNTIME_DIR")
    assert len(str(Home("/" + "x" * 100).control_socket)) < 100


def test_a_port_in_use_names_who_has_it() -> None:
    with listening.bind("127.0.0.1", 0) as holder:
        listening.listen(holder)
        port = holder.getsockname()[1]
        with pytest.raises(Unavailable) as caught:
            listening.bind("127.0.0.1", port)
    assert f"Port {port}" in caught.value.message
    assert "(process " in caught.value.message
    assert caught.value.exit_code == 3


def test_two_that_bind_at_once_are_told_apart_when_they_listen() -> None:
    """Before listening two sockets may share an address, as after a crash."""
    with listening.bind("127.0.0.1", 0) as first:
        port = first.getsockname()[1]
        with listening.bind("127.0.0.1", port) as second:
            listening.listen(first)
            with pytest.raises(Unavailable, match="in use"):
                listening.listen(second)


@pytest.mark.parametrize("host", ["no.such.host.invalid", "192.0.2.1"])
def test_an_address_that_is_not_here(host: str) -> None:
    with pytest.raises(ConfigError):
        listening.bind(host, 0)


def test_ipv6_where_there_is_any() -> None:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        pytest.skip("this machine has no IPv6")
    with listening.bind("::1", 0) as sock:
        assert sock.family == socket.AF_INET6


def test_a_reload_tells_what_each_change_takes() -> None:
    before = Settings(home="/x")
    after = Settings(
        home="/y",
        gateway=GatewayOptions(workers=3, body_limit=2048),
        listen=Listen(names=("a.example",)),
        content=ContentOptions(capture="off"),
        stores=Stores(records="postgresql://u:secret@h/d"),
    )
    changes = {change.key: change for change in reload.compare(before, after)}
    assert {key: change.effects for key, change in changes.items()} == {
        "home": ("restart",),
        "gateway.workers": ("at once",),
        "gateway.body_limit": ("workers",),
        "listen.names": ("workers",),
        "content.capture": ("control", "workers"),
        "stores.records": ("restart",),
    }
    assert changes["gateway.workers"].line() == "gateway.workers: 1 -> 3 (now)"
    assert changes["listen.names"].line().startswith("listen.names: (none) -> a.example (")
    assert "secret" not in changes["stores.records"].line()


def test_what_needs_a_restart_stays_as_it_runs() -> None:
    before = Settings(home="/x")
    after = Settings(home="/y", gateway=GatewayOptions(workers=3), listen=Listen(port=1, names=("a",)))
    assert reload.merge(before, after) == Settings(
        home="/x", gateway=GatewayOptions(workers=3), listen=Listen(names=("a",))
    )
    assert reload.compare(after, after) == ()
