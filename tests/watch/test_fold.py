"""Spools into telemetry, with the real spool and the real store, and processes killed in the middle."""

import hashlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from genaiops.domain import Recalled
from genaiops.engines import spool_files
from genaiops.engines.blobs_folder import open_blobs
from genaiops.engines.telemetry_sqlite import open_telemetry
from genaiops.ports.telemetry import Telemetry, TraceFilter
from genaiops.watch import Folder, conversation, trace_document, trace_row_document
from tests.watch.calls import ANSWER, REQUEST, admitted, attempt, refused, settled, trace_id


@pytest.fixture
def telemetry(tmp_path: Path) -> Iterator[Telemetry]:
    store = open_telemetry(tmp_path / "telemetry", writer=True)
    yield store
    store.close()


def folder(tmp_path: Path, telemetry: Telemetry) -> Folder:
    return Folder(spool_files.open_reader(tmp_path / "spool"), telemetry, open_blobs(tmp_path / "blobs"))


def write(tmp_path: Path, life: int = 1, *, calls: int = 10, close: bool = True) -> spool_files.FilesSpoolWriter:
    writer = spool_files.open_writer(tmp_path / "spool", column=0, life_us=life, segment_calls=4)
    for number in range(1, calls + 1):
        writer.append(admitted(number), REQUEST)
        writer.append(settled(number), ANSWER)
    if close:
        writer.close()
    return writer


def test_a_call_becomes_a_trace_with_every_token_once(tmp_path: Path, telemetry: Telemetry) -> None:
    writer = write(tmp_path, calls=0, close=False)
    writer.append(admitted(1), REQUEST)
    tries = (attempt(1, 0, pays=False, status="error"), attempt(1, 1))
    writer.append(settled(1, tries), ANSWER)
    assert folder(tmp_path, telemetry).step() == 2
    trace = telemetry.trace(trace_id(1))
    assert trace is not None
    document = trace_document(trace, open_blobs(tmp_path / "blobs"))
    assert document["usage"] == {"input_tokens": 5, "output_tokens": 2, "total_tokens": 7, "estimated": False}
    assert document["cost"]["amount"] == "0.00000007"
    assert [span["owns_usage"] for span in document["spans"]] == [False, False, True]
    assert document["spans"][2]["reason"] == "first"
    assert document["messages"][0]["text"] == "where is the aurora"
    assert document["output"] == msgspec.json.decode(ANSWER)
    found = telemetry.list(TraceFilter(text="aurora")).rows
    assert [trace_row_document(row)["usage"]["total_tokens"] for row in found] == [7]
    writer.close()


def test_a_life_that_ended_is_aborted_charged_and_forgotten(tmp_path: Path, telemetry: Telemetry) -> None:
    writer = write(tmp_path, calls=9, close=False)
    writer.append(admitted(50), REQUEST)
    writer.close()
    fold = folder(tmp_path, telemetry)
    fold.finish_dead()
    trace = telemetry.trace(trace_id(50))
    assert trace is not None
    assert trace.spans[0].status == "aborted"
    assert telemetry.ledger()["bud_1", 0] == 9 * 7 + 100
    assert spool_files.open_reader(tmp_path / "spool").lives() == []
    assert telemetry.offsets() == {}


@pytest.mark.parametrize("apart", [True, False])
def test_a_call_in_one_record_becomes_the_trace_that_two_make(
    tmp_path: Path, telemetry: Telemetry, apart: bool
) -> None:
    writer = write(tmp_path, calls=2, close=False)
    call, end = admitted(7, reserved=()), settled(7, ())
    if apart:
        writer.append(call, REQUEST)
        writer.append(end, ANSWER)
    else:
        writer.append(Recalled(call, end, len(REQUEST)), (REQUEST, ANSWER))
    writer.close()
    folder(tmp_path, telemetry).finish_dead()
    trace = telemetry.trace(trace_id(7))
    assert trace is not None
    document = trace_document(trace, open_blobs(tmp_path / "blobs"))
    assert (document["messages"][0]["text"], document["output"]) == ("where is the aurora", msgspec.json.decode(ANSWER))
    assert [span["status"] for span in document["spans"]] == ["ok"]
    assert telemetry.ledger() == {("bud_1", 0): 2 * 7 + sum(one.amount for one in end.charged)}


def test_a_refused_call_is_seen_and_costs_nothing(tmp_path: Path, telemetry: Telemetry) -> None:
    writer = write(tmp_path, calls=0, close=False)
    writer.append(refused(3))
    folder(tmp_path, telemetry).step()
    row = telemetry.list(TraceFilter()).rows[0]
    assert (row.root.http_status, row.root.error_type, row.input_tokens) == (429, "budget_exceeded", 0)
    assert telemetry.ledger() == {}
    writer.close()


def test_another_process_takes_up_calls_that_are_under_way(tmp_path: Path, telemetry: Telemetry) -> None:
    big = b'{"messages":[{"role":"user","content":"%s"}]}' % (b"long words " * 9000)
    writer = write(tmp_path, calls=3, close=False)
    writer.append(admitted(70), REQUEST)
    writer.append(admitted(71), big)
    for number in range(80, 90):
        writer.append(admitted(number), REQUEST)
        writer.append(settled(number), ANSWER)
    folder(tmp_path, telemetry).step()
    writer.append(settled(70), ANSWER)
    writer.append(settled(71), ANSWER)
    folder(tmp_path, telemetry).step()
    for number in (70, 71):
        trace = telemetry.trace(trace_id(number))
        assert trace is not None
        assert trace.spans[0].status == "ok"
    trace = telemetry.trace(trace_id(71))
    assert trace is not None
    assert conversation(trace, open_blobs(tmp_path / "blobs"))[0].text.startswith("long words")
    assert trace.spans[0].content == "blob"
    writer.close()


def test_what_is_captured_follows_the_environment(tmp_path: Path, telemetry: Telemetry) -> None:
    writer = write(tmp_path, calls=0, close=False)
    for number, capture in enumerate(("full", "preview", "off"), 1):
        writer.append(admitted(number, capture=capture), REQUEST)
        writer.append(settled(number), ANSWER)
    folder(tmp_path, telemetry).step()
    traces = [telemetry.trace(trace_id(number)) for number in (1, 2, 3)]
    assert [trace.spans[0].input_preview != "" for trace in traces if trace] == [True, True, False]
    blobs = open_blobs(tmp_path / "blobs")
    documents = [trace_document(trace, blobs) for trace in traces if trace]
    assert [document["content"] for document in documents] == ["inline", "preview", "digest"]
    assert [document["output"] is not None for document in documents] == [True, False, False]
    told = [document["attributes"].get("genaiops.output.sha256") for document in documents]
    assert told == [None, *[hashlib.sha256(ANSWER).hexdigest()] * 2]
    writer.close()


_FOLDING = """
import sys
from pathlib import Path
from genaiops.engines import spool_files
from genaiops.engines.blobs_folder import open_blobs
from genaiops.engines.telemetry_sqlite import open_telemetry
from genaiops.watch import Folder
home = Path(sys.argv[1])
telemetry = open_telemetry(home / "telemetry", writer=True)
folder = Folder(spool_files.open_reader(home / "spool"), telemetry, open_blobs(home / "blobs"))
print("ready", flush=True)
while True:
    folder.step()
"""


def test_killing_the_folding_process_loses_and_doubles_nothing(tmp_path: Path) -> None:
    calls, kills = 3000, 5
    writer = spool_files.open_writer(tmp_path / "spool", column=0, life_us=1, segment_calls=300)
    open_telemetry(tmp_path / "telemetry", writer=True).close()
    number = 0
    for kill in range(kills):
        process = subprocess.Popen([sys.executable, "-c", _FOLDING, str(tmp_path)], stdout=subprocess.PIPE)
        assert process.stdout is not None
        process.stdout.readline()
        end = time.monotonic() + 0.15 + 0.05 * kill
        while time.monotonic() < end and number < calls:
            number += 1
            writer.append(admitted(number), REQUEST)
            writer.append(settled(number), ANSWER)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        process.stdout.close()
    writer.close()
    store = open_telemetry(tmp_path / "telemetry", writer=True)
    folder(tmp_path, store).finish_dead()
    assert store.ledger()["bud_1", 0] == number * 7
    assert all(store.trace(trace_id(one)) is not None for one in range(1, number + 1))
    store.close()


def test_nothing_stays_in_the_spool_of_a_worker_that_is_idle(tmp_path: Path, telemetry: Telemetry) -> None:
    writer = write(tmp_path, calls=2, close=False)
    folding = folder(tmp_path, telemetry)
    assert folding.step() == 4
    assert any(path.stat().st_size for path in tmp_path.glob("spool/*/*.spool"))
    writer.tend(seconds=0.0)
    assert folding.step() == 0
    assert not any(path.stat().st_size for path in tmp_path.glob("spool/*/*.spool"))
    writer.append(admitted(3), REQUEST)
    writer.tend(seconds=0.0)
    assert folding.step() == 1
    folding.step()
    assert any(path.stat().st_size for path in tmp_path.glob("spool/*/*.spool")), "a call under way needs its record"
    writer.append(settled(3), ANSWER)
    assert folding.step() == 1
    assert telemetry.trace(trace_id(3)) is not None
    writer.close()
