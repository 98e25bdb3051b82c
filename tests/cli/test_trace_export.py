"""Traces as files, from a running installation and from whatever is in the way."""

import json
import signal
import subprocess
import sys
import threading
import tracemalloc
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pyarrow.parquet
import pytest

from genaiops.cli._trace_file import write_traces
from genaiops.core.errors import UsageError
from genaiops.core.ids import new_id
from tests.app.running import Installation, environment, until
from tests.cli.conftest import Shell
from tests.cli.test_watching import asked


def documents(count: int, *, size: int = 1) -> Iterator[dict[str, Any]]:
    """Traces as the API has them, of two spans."""
    usage = {"input_tokens": 7, "output_tokens": 5, "cache_read": 0, "cache_write": 0, "reasoning": 0}
    for number in range(count):
        span: dict[str, Any] = {
            "span_id": f"{number:016x}",
            "parent_id": None,
            "name": "chat",
            "kind": "gateway",
            "started_at": "2026-11-21T10:00:00Z",
            "status": "ok",
            "target": None,
            "duration_ms": 1.5,
            "first_token_ms": None,
            "owns_usage": False,
            "usage": None,
            "cost": None,
            "error": None,
            "attributes": {"gen_ai.operation.name": "chat", "said": "x" * size},
        }
        paid = {**span, "span_id": f"{number:015x}f", "parent_id": span["span_id"], "kind": "llm"}
        paid |= {"usage": usage, "cost": {"amount": "0.0004", "currency": "USD"}, "owns_usage": True}
        yield {
            "trace_id": f"{number:032x}",
            "key_id": "key_a",
            "team_id": None,
            "environment_id": "dev",
            "application": None,
            "user": {"id": "ann"},
            "session_id": None,
            "input": {"messages": []},
            "output": None,
            "spans": [span, paid],
        }


def test_lines_are_what_the_api_has(connected: Shell, installation: Installation, tmp_path: Path) -> None:
    word, output = new_id("word"), tmp_path / "traces.jsonl"
    ids = {asked(connected, installation, f"{word} {number}") for number in range(2)}
    asked(connected, installation, "something else")
    until(lambda: len(connected.ok("trace", "list", "--text", word, "--json").json()["data"]) == 2, "both")
    ran = connected.ok("trace", "export", "--text", word, "--output", str(output))
    assert ran.out == f"2 traces are in {output}.\n"
    lines = [json.loads(line) for line in output.read_text().splitlines()]
    assert {line["trace_id"] for line in lines} == ids
    assert lines[0] == connected.ok("trace", "show", lines[0]["trace_id"], "--json").json()
    printed = connected.ok("trace", "export", "--text", word, "--limit", "1").out
    assert json.loads(printed) == lines[0]
    assert connected.ok("trace", "export", "--text", word, "--status", "error").out == ""
    told = connected.ok("trace", "export", "--text", word, "--output", str(output), "--json").json()
    assert told == {"traces": 2, "file": str(output)}


def test_parquet_has_a_span_a_row(connected: Shell, installation: Installation, tmp_path: Path) -> None:
    word, output = new_id("word"), tmp_path / "traces.parquet"
    trace_id = asked(connected, installation, word)
    connected.ok("trace", "export", "--text", word, "--format", "parquet", "--output", str(output))
    rows = pyarrow.parquet.read_table(output).to_pylist()
    shown = connected.ok("trace", "show", trace_id, "--json").json()
    assert [row["span_id"] for row in rows] == [span["span_id"] for span in shown["spans"]]
    assert {row["trace_id"] for row in rows} == {trace_id}
    owners = [row for row in rows if row["owns_usage"]]
    assert sum(row["output_tokens"] for row in owners) == shown["usage"]["output_tokens"]
    assert word in (rows[0]["input"] or "")
    assert rows[0]["request_model"] == "talker"


def test_what_cannot_be_written_is_said(connected: Shell, tmp_path: Path) -> None:
    for words, said in (
        (("--format", "parquet"), "Name a file with --output"),
        (("--output", str(tmp_path / "nowhere" / "x")), "cannot be written"),
        (("--format", "csv"), "csv"),
        (("--since", "yesterday"), "yesterday"),
        (("--limit", "0"), "0"),
    ):
        ran = connected.run("trace", "export", *words)
        assert (ran.status, said in ran.err, "Traceback" in ran.err) == (2, True, False), ran.err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("form", ["jsonl", "parquet"])
def test_an_interrupted_export_leaves_the_file_of_before(form: Any, tmp_path: Path) -> None:
    output = tmp_path / "traces"
    assert write_traces(documents(3), form, output) == 3
    before = output.read_bytes()

    def ending(error: BaseException) -> Iterator[dict[str, Any]]:
        yield from documents(1500)
        raise error

    for error in (KeyboardInterrupt(), OSError(28, "No space left on device")):
        with pytest.raises((KeyboardInterrupt, UsageError)):
            write_traces(ending(error), form, output)
        assert output.read_bytes() == before
        assert list(tmp_path.iterdir()) == [output]


@pytest.mark.parametrize("form", ["jsonl", "parquet"])
def test_a_large_export_needs_little_memory(form: Any, tmp_path: Path) -> None:
    tracemalloc.start()
    try:
        assert write_traces(documents(4_000, size=10_000), form, tmp_path / "traces") == 4_000  # 80 MB of text
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 40_000_000


class _Endless(BaseHTTPRequestHandler):
    """A server whose list has no end."""

    def do_GET(self) -> None:
        found = [{**one, "trace_id": new_id("trace")} for one in documents(5)]
        body = json.dumps({"data": found, "next": "more"}).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (named by its base)
        pass


@pytest.fixture
def endless() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Endless)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def exporting(url: str, *words: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "genaiops", "trace", "export", "--url", url, "--key", "sk-x", *words]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment())


def test_ctrl_c_ends_it_without_a_file(endless: str, tmp_path: Path) -> None:
    output = tmp_path / "traces.jsonl"
    with exporting(endless, "--output", str(output)) as running:
        until(lambda: any(one.stat().st_size for one in tmp_path.iterdir()), "some of the file")
        running.send_signal(signal.SIGINT)
        _, said = running.communicate()
    assert running.returncode != 0
    assert "Traceback" not in said
    assert not list(tmp_path.iterdir())


def test_a_reader_that_has_enough_ends_it(endless: str) -> None:
    """As with `genaiops trace export | head -1`."""
    with exporting(endless) as running:
        assert running.stdout is not None
        assert json.loads(running.stdout.readline())["spans"]
        running.stdout.close()
        assert running.stderr is not None
        said = running.stderr.read()
        running.wait()
    assert "Traceback" not in said
