"""Replay: recorded calls under a candidate, against what is in force."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from genaiops.core.errors import Conflict, GenaiopsError, NotFound
from genaiops.core.ids import new_span_id, new_trace_id
from genaiops.domain import Content, GuardPolicy, GuardVersion, Span
from genaiops.engines.blobs_folder import open_blobs
from genaiops.engines.telemetry_sqlite import open_telemetry
from genaiops.guard import Progress, ReplayReport, Replays, ReplayWish, replay
from genaiops.guard._recorded import dialect_of
from genaiops.guard._replays import WAITING
from genaiops.ports.blobs import Blobs
from genaiops.ports.telemetry import Batch, Telemetry, TraceFilter
from tests.guard.judging import WordJudge, words

START_US = 1_800_000_000_000_000
SECOND = 1_000_000


@pytest.fixture
def blobs(tmp_path: Path) -> Blobs:
    return open_blobs(tmp_path / "blobs")


@pytest.fixture
def telemetry(tmp_path: Path) -> Iterator[Telemetry]:
    opened = open_telemetry(tmp_path / "telemetry", writer=True)
    yield opened
    opened.close()


class Store:
    """Calls of one second each."""

    def __init__(self, telemetry: Telemetry, blobs: Blobs) -> None:
        self.telemetry = telemetry
        self.blobs = blobs
        self.count = 0

    def call(self, text: str, answer: str = "fine", *, content: Any = "inline", **more: Any) -> str:
        self.count += 1
        asked = json.dumps({"model": "m", "messages": [{"role": "user", "content": text}]}).encode()
        said = json.dumps({"choices": [{"message": {"role": "assistant", "content": answer}}]}).encode()
        fields: dict[str, Any] = {
            "trace_id": new_trace_id(),
            "span_id": new_span_id(),
            "start_us": START_US + self.count * SECOND,
        }
        said_of_it: dict[str, Any] = {"name": "chat m", "kind": "gateway", "operation": "chat", "content": content}
        span = Span(**fields, **{**said_of_it, **more})
        kept = Content(**fields, input=asked, output=said)
        if content == "blob":
            kept = msgspec.structs.replace(kept, input=None, input_blob=self.blobs.put(asked))
        self.telemetry.write(Batch(spans=(span,), contents=(kept,) if content in ("inline", "blob") else ()))
        return span.trace_id.hex()


@pytest.fixture
def store(telemetry: Telemetry, blobs: Blobs) -> Store:
    return Store(telemetry, blobs)


def version(policy: GuardPolicy, name: str = "p") -> GuardVersion:
    return GuardVersion(name=name, digest="sha256:1", policy=policy)


def replayed(store: Store, before: GuardPolicy, after: GuardPolicy, progress: Any = None, **more: Any) -> ReplayReport:
    wish = ReplayWish(
        candidate=version(after, "new"), against=version(before, "old"), where=TraceFilter(since_us=START_US), **more
    )
    return replay(store.telemetry, store.blobs, WordJudge(), wish, progress or (lambda _: True))


def test_verdicts_that_differ_are_told_by_rule_and_by_trace(store: Store) -> None:
    same = store.call("a bomb")
    gained = store.call("a knife", "a knife, too")
    store.call("a cake")
    lost = store.call("a gift", content="blob")
    report = replayed(store, words("flag", "bomb", "gift"), words("flag", "bomb", "knife"))
    assert (report.seen, report.judged, report.same, report.different) == (4, 4, 2, 2)
    assert report.actions == {"flag": {"flag": 1, "allow": 1}, "allow": {"flag": 1, "allow": 1}}
    (rule,) = report.rules
    assert (rule.both, rule.gained, rule.lost, rule.changed, rule.stricter, rule.milder) == (1, 1, 1, 0, 1, 1)
    examples = {example.trace_id: example for example in report.examples}
    assert examples.keys() == {gained, lost}
    assert same not in examples
    assert (examples[gained].before, examples[gained].after) == ("allow", "flag")
    assert examples[gained].found_after == {"knife": 2}
    assert report.complete


def test_another_action_is_a_change(store: Store) -> None:
    store.call("a bomb")
    report = replayed(store, words("flag", "bomb"), words("block", "bomb"))
    (rule,) = report.rules
    assert (rule.changed, rule.stricter, rule.milder, rule.both) == (1, 1, 0, 0)
    assert report.actions == {"flag": {"block": 1}}
    assert replayed(store, words("flag", "bomb"), words("flag", "bomb")).different == 0


def test_what_was_not_recorded_is_said(store: Store) -> None:
    store.call("a bomb", content="preview")
    store.call("a bomb", content="digest")
    store.call("a bomb", content="erased")
    store.call("a bomb", dialect="openinference", kind="llm")
    report = replayed(store, words("flag", "bomb"), words("block", "bomb"))
    assert (report.seen, report.judged, report.not_recorded, report.foreign) == (4, 0, 3, 1)
    assert report.actions == {}


def test_what_cannot_be_read_is_counted_and_not_the_end(store: Store, telemetry: Telemetry) -> None:
    trace_id = new_trace_id()
    fields: dict[str, Any] = {"trace_id": trace_id, "span_id": new_span_id(), "start_us": START_US + SECOND // 2}
    span = Span(**fields, name="chat", kind="gateway", operation="chat", content="inline")
    telemetry.write(Batch(spans=(span,), contents=(Content(**fields, input=b"{no json"),)))
    store.call("a bomb")
    report = replayed(store, words("flag", "bomb"), words("block", "bomb"))
    assert (report.judged, report.unreadable, report.unreadable_why) == (1, 1, "The body cannot be read.")


def test_the_newest_are_looked_at_and_the_rest_is_said(store: Store) -> None:
    ids = [store.call("a bomb") for _ in range(7)]
    report = replayed(store, words("flag", "bomb"), words("block", "bomb"), most=3, examples=2)
    assert (report.seen, report.complete) == (3, False)
    assert report.oldest_us == START_US + 5 * SECOND
    assert [example.trace_id for example in report.examples] == [ids[6], ids[5]]


def test_progress_is_told_and_can_end_it(store: Store) -> None:
    for _ in range(60):
        store.call("a bomb")
    told: list[int] = []

    def progress(report: ReplayReport) -> bool:
        told.append(report.seen)
        return False

    report = replayed(store, words("flag", "bomb"), words("block", "bomb"), progress)
    assert told == [report.seen]
    assert 0 < report.seen < 60
    assert not report.complete


@pytest.mark.parametrize(
    ("operation", "request_", "answer", "dialect"),
    [
        ("chat", {"messages": []}, {"choices": []}, "openai"),
        ("chat", {"messages": [], "max_tokens": 5}, {"type": "message", "content": []}, "messages"),
        ("chat", {"messages": [], "system": "x"}, None, "messages"),
        ("chat", {"input": "x"}, None, "responses"),
        ("chat", {"contents": []}, None, "gemini"),
        ("chat", {"messages": []}, {"id": "1", "finish_reason": "COMPLETE", "message": {}}, "cohere"),
        ("chat", {"messages": []}, 'event: message_start\ndata: {"type": "message_start"}\n\n', "messages"),
        ("chat", {"messages": []}, 'data: {"type":"message-start"}\n\n', "cohere"),
        ("chat", {"messages": []}, 'data: {"choices":[]}\n\n', "openai"),
        ("embeddings", {"input": "x"}, None, "openai"),
        ("embeddings", {"texts": ["x"]}, None, "cohere"),
        ("embeddings", {"content": {}}, None, "gemini"),
        ("moderations", {"input": "x"}, None, "openai"),
    ],
)
def test_whose_words_a_recording_is_in(operation: Any, request_: Any, answer: Any, dialect: str) -> None:
    said = None if answer is None else answer.encode() if isinstance(answer, str) else json.dumps(answer).encode()
    assert dialect_of(operation, json.dumps(request_).encode(), said) == dialect


# --- as work that goes on by itself ---

REPORT = ReplayReport(candidate="a", against="b", since_us=0, until_us=1)


@pytest.fixture
def replays() -> Iterator[Replays]:
    made = Replays(lambda: 5)
    yield made
    made.close()


def ended(replays: Replays, run_id: str) -> Any:
    """Waits for the single thread to be free again."""
    replays._pool.submit(lambda: None).result(20)
    return replays.get(run_id)


def test_a_replay_tells_how_far_it_is_and_can_be_stopped(replays: Replays) -> None:
    reached, going = threading.Event(), threading.Event()

    def work(progress: Progress) -> ReplayReport:
        progress(msgspec.structs.replace(REPORT, seen=1))
        reached.set()
        assert going.wait(20)
        seen = msgspec.structs.replace(REPORT, seen=2)
        return seen if not progress(seen) else msgspec.structs.replace(REPORT, seen=3, complete=True)

    run = replays.begin(work, tenant_id="default", by="ann")
    assert reached.wait(20)
    during = replays.get(run.id)
    assert (during.state, during.report and during.report.seen) == ("running", 1)
    waiting = replays.begin(work, tenant_id="default", by="ann")
    replays.stop(waiting.id)
    replays.stop(run.id)
    going.set()
    after = ended(replays, run.id)
    assert (after.state, after.report.seen, after.ended_us) == ("stopped", 2, 5)
    assert replays.get(waiting.id).state == "stopped"
    assert [each.id for each in replays.list()] == [waiting.id, run.id]


def test_a_failure_is_told(replays: Replays, caplog: pytest.LogCaptureFixture) -> None:
    def fails(_: Progress) -> ReplayReport:
        raise NotFound("The store is gone.")

    def breaks(_: Progress) -> ReplayReport:
        raise ZeroDivisionError

    run = replays.begin(fails, tenant_id="default", by="ann")
    other = replays.begin(breaks, tenant_id="default", by="ann")
    ended(replays, run.id)
    assert (replays.get(run.id).state, replays.get(run.id).error) == ("failed", "The store is gone.")
    assert replays.get(other.id).state == "failed"
    assert "ZeroDivisionError" in caplog.text


def test_only_so_many_wait(replays: Replays) -> None:
    going = threading.Event()

    def work(_: Progress) -> ReplayReport:
        assert going.wait(20)
        return REPORT

    first = replays.begin(work, tenant_id="default", by="ann")
    for _ in range(WAITING - 1):
        replays.begin(work, tenant_id="default", by="ann")
    with pytest.raises(Conflict):
        replays.begin(work, tenant_id="default", by="ann")
    going.set()
    assert ended(replays, first.id).state == "done"
    with pytest.raises(GenaiopsError):
        replays.get("rpl_none")
