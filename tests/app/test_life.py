"""The life of an installation, with real processes: start, serve, lose a process, reload, stop, start again."""

import json
import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from genaiops.app.installation import is_locked, read_state
from genaiops.engines.telemetry_sqlite import open_telemetry
from genaiops.ports.telemetry import TraceFilter, TraceRow
from tests.app.running import Installation, is_alive, request, until

HEAVY = {
    *("alembic", "altair", "httpx", "jinja2", "litestar", "numpy", "onnxruntime", "openai", "pandas", "polars"),
    *("pydantic", "requests", "rich", "sqlalchemy", "starlette", "torch", "uvicorn", "vl_convert", "xllamacpp"),
}
"""What a gateway worker must not load (the import contract of pyproject.toml, seen from the other side)."""

DUMP_MODULES = """
import atexit, json, os, sys
def dump():
    folder = os.environ["DUMP_MODULES"]
    module = " ".join(sys.orig_argv)
    with open(os.path.join(folder, f"{os.getpid()}.json"), "w") as file:
        json.dump({"command": module, "modules": sorted(sys.modules)}, file)
atexit.register(dump)
"""


def traces(installation: Installation) -> list[TraceRow]:
    with open_telemetry(installation.home.telemetry, writer=False) as telemetry:
        return list(telemetry.list(TraceFilter()).rows)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    home = tmp_path_factory.mktemp("running")
    with Installation(home, "--no-embedded") as installation:
        (home / "genaiops.toml").write_text("[gateway]\ndrain_seconds = 5.0\n")
        installation.start().add_echo()
        yield installation


def test_it_answers(running: Installation) -> None:
    answer = running.ask(content="say this")
    assert answer.status == 200, answer.body
    assert answer.body["choices"][0]["message"]["content"] == "say this"
    assert request(f"{running.url}/healthz").status == 200
    assert request(f"{running.url}/readyz").status == 200
    assert running.status()["status"] == "ok"
    assert request(f"{running.url}/nothing/here").status == 404


def test_a_call_is_a_trace_and_a_figure(running: Installation) -> None:
    request_id = running.ask().headers["x-genaiops-request-id"]
    row = until(lambda: next((row for row in traces(running) if row.root.request_id == request_id), None), "the trace")
    assert row.root.status == "ok"
    assert row.spans == 2
    figures = request(f"{running.url}/metrics").body
    assert 'request_model="echo"' in figures
    assert "genaiops_process_ready" in figures
    assert "genaiops_worker_in_flight" in figures


def test_a_change_of_the_records_is_published(running: Installation) -> None:
    before = running.status()["snapshot_version"]
    running.add_echo("second", text="from the second")
    assert running.ask("second").body["choices"][0]["message"]["content"] == "from the second"
    after = running.status()
    assert after["snapshot_version"] > before
    assert after["workers"] == 1


def test_the_key_file_is_closed_to_others(running: Installation) -> None:
    assert running.home.admin_key.stat().st_mode & 0o777 == 0o600
    assert running.home.path.stat().st_mode & 0o077 == 0
    assert running.home.control_socket.stat().st_mode & 0o077 == 0
    assert running.lines[-1]["message"] == "ready"
    assert not any("gok_" in json.dumps(line) for line in running.lines)


def test_the_socket_has_one_owner_on_the_loopback(running: Installation) -> None:
    assert running.state.host == "127.0.0.1"
    assert request(f"{running.url}/api/status", headers={"host": "evil.example"}).status == 421


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_worker_that_dies_is_started_again(running: Installation, number: signal.Signals) -> None:
    before = running.wait_ready("worker-0")
    assert before.pid is not None
    os.kill(before.pid, number)
    # The supervisor holds the socket: what comes meanwhile waits for the next worker, and is answered.
    assert running.ask().status == 200
    after = running.wait_ready("worker-0", restarts=before.restarts + 1)
    assert after.pid != before.pid
    assert after.last_end in {"SIGKILL", "exit status 0"}
    assert not is_alive(before.pid)


def test_calls_go_on_without_the_control_process(running: Installation) -> None:
    before = running.wait_ready("control")
    assert before.pid is not None
    os.kill(before.pid, signal.SIGKILL)
    answer = running.ask(content="while it is away")
    assert answer.status == 200
    running.wait_ready("control", restarts=before.restarts + 1)
    assert running.status()["status"] == "ok"
    request_id = answer.headers["x-genaiops-request-id"]
    until(lambda: [row for row in traces(running) if row.root.request_id == request_id], "the trace")
    assert len([row for row in traces(running) if row.root.request_id == request_id]) == 1


def test_reload_shows_the_difference_and_replaces_the_workers(running: Installation) -> None:
    before = running.wait_ready("worker-0")
    (running.home.path / "genaiops.toml").write_text(
        "[gateway]\ndrain_seconds = 5.0\nbody_limit = 2048\n[listen]\nhost = '0.0.0.0'\n"
    )
    running.process.send_signal(signal.SIGHUP)
    running.say_until("Reload: done.")
    said = [line["message"].strip() for line in running.lines]
    assert "gateway.body_limit: 10485760 -> 2048 (workers are replaced one by one)" in said
    assert "listen.host: 127.0.0.1 -> 0.0.0.0 (needs a restart)" in said
    workers = [process for process in running.state.processes if process.column is not None]
    assert len(workers) == 1
    assert workers[0].pid != before.pid
    assert running.ask(content="x" * 4096).status == 413
    assert running.ask().status == 200


def test_workers_are_added_and_taken_away(running: Installation) -> None:
    text = (running.home.path / "genaiops.toml").read_text()
    for count in (3, 1):
        (running.home.path / "genaiops.toml").write_text(text.replace("[gateway]", f"[gateway]\nworkers = {count}"))
        running.process.send_signal(signal.SIGHUP)
        running.say_until("Reload: done.")
        workers = [process.state for process in running.state.processes if process.column is not None]
        assert workers == ["ready"] * count
        assert running.status()["workers"] == count
        assert running.ask().status == 200


def test_a_reload_of_a_bad_file_changes_nothing(running: Installation) -> None:
    before = running.pids()
    text = (running.home.path / "genaiops.toml").read_text()
    (running.home.path / "genaiops.toml").write_text("[gateway]\nwokers = 2\n")
    running.process.send_signal(signal.SIGHUP)
    told = running.say_until("Reload failed")["message"]
    assert "gateway.wokers" in told
    assert "Did you mean gateway.workers?" in told
    (running.home.path / "genaiops.toml").write_text(text)
    assert running.pids() == before


def test_two_starts_on_one_home(running: Installation) -> None:
    with Installation(running.home.path, "--no-embedded") as second:
        with pytest.raises(AssertionError) as caught:
            second.start()
        assert second.process.wait() == 2
    told = str(caught.value)
    assert f"process {running.process.pid}" in told
    assert running.url in told
    assert "another --home" in told
    assert running.ask().status == 200


def test_two_homes_on_one_port(running: Installation, tmp_path: Path) -> None:
    with Installation(tmp_path / "other", "--no-embedded", "--port", str(running.state.port)) as second:
        with pytest.raises(AssertionError) as caught:
            second.start()
        assert second.process.wait() == 3
    assert f"Port {running.state.port} on 127.0.0.1 is in use" in str(caught.value)
    assert "(process " in str(caught.value)
    assert "--port" in str(caught.value)


def test_stop_and_start_again(tmp_path: Path) -> None:
    """Ctrl-C leaves nothing behind; the next start finds everything; a killed supervisor takes its children along."""
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(DUMP_MODULES)
    variables = {"PYTHONPATH": str(tmp_path / "site"), "DUMP_MODULES": str(tmp_path / "site")}
    with Installation(tmp_path / "home", "--no-embedded", variables=variables) as first:
        first.start().add_echo()
        request_id = first.ask(content="remember me").headers["x-genaiops-request-id"]
        url, key, pids = first.url, first.key, first.pids()
        worker, supervisor = first.named("worker-0").pid, first.process.pid
        assert first.stop(signal.SIGINT) == 0
        assert not [pid for pid in pids if is_alive(pid)]
        assert read_state(first.home) is None
        assert not is_locked(first.home)
        with pytest.raises(ConnectionRefusedError), socket.create_connection(("127.0.0.1", int(url.split(":")[2]))):
            pass
        for pid, module in ((worker, "genaiops.app.worker"), (supervisor, "genaiops")):
            dumped = json.loads((tmp_path / "site" / f"{pid}.json").read_text())
            assert f"-m {module}" in dumped["command"]
            assert not HEAVY & {name.partition(".")[0] for name in dumped["modules"]}
    with Installation(tmp_path / "home", "--no-embedded") as second:
        second.start()
        assert second.key == key
        assert second.ask().status == 200
        assert [row.root.status for row in traces(second) if row.root.request_id == request_id] == ["ok"]
        children = second.pids()
        assert len(children) == 2
        second.stop(signal.SIGKILL)
        until(lambda: not [pid for pid in children if is_alive(pid)], "the children to end with their supervisor")
