"""What is taken, what is left out and what is refused."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from genaiops.app.trace_options import read_shares
from genaiops.core.errors import ConfigError, LimitReached, Unavailable
from genaiops.engines.blobs_folder import open_blobs
from genaiops.engines.telemetry_sqlite import open_telemetry
from genaiops.ports.telemetry import Telemetry, TraceFilter
from genaiops.watch.otlp import SHARE, Ingest
from tests.watch.otlp.spans import NOW, SENDER, group, wire


@pytest.fixture
def telemetry(tmp_path: Path) -> Iterator[Telemetry]:
    store = open_telemetry(tmp_path / "telemetry", writer=True, content_floor_bytes=0, clock=lambda: NOW)
    yield store
    store.close()


@pytest.fixture
def taking(telemetry: Telemetry, tmp_path: Path) -> Iterator[Any]:
    made: list[Ingest] = []

    def make(*, spans_per_minute: int = 0, sample: tuple[str, ...] = (), clock: Any = lambda: NOW) -> Ingest:
        options: dict[str, Any] = {"spans_per_minute": spans_per_minute, "shares": read_shares(sample), "clock": clock}
        made.append(Ingest(telemetry, open_blobs(tmp_path / "blobs"), lambda: (), **options))
        made[-1].start()
        return made[-1]

    yield make
    for one in made:
        one.stop()


def call(trace: int, step: int = 1, **facts: Any) -> Any:
    return wire({"gen_ai.operation.name": "chat"}, trace=trace, step=step, **facts)


def stored(telemetry: Telemetry) -> int:
    return sum(row.spans for row in telemetry.list(TraceFilter(), limit=1000).rows)


def test_spans_without_ids_are_rejected_by_themselves(telemetry: Telemetry, taking: Any) -> None:
    wrong = [call(1, 2, trace_id=b""), call(1, 3, span_id=b"\0" * 8), call(1, 4, parent_id=b"abc")]
    taken = taking().take((group(call(1), *wrong),), SENDER)
    assert (taken.stored, taken.rejected) == (1, 3)
    assert "trace_id is not 16 bytes" in taken.reason
    assert stored(telemetry) == 1


def test_many_senders_at_once_lose_nothing(telemetry: Telemetry, taking: Any) -> None:
    ingest = taking()

    def send(number: int) -> None:
        for trace in range(10):
            ingest.take((group(call(number * 100 + trace)),), SENDER)

    threads = [threading.Thread(target=send, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert stored(telemetry) == 80
    assert ingest.counts.stored == 80


def test_the_quota_of_a_key(taking: Any) -> None:
    times = [NOW]
    ingest = taking(spans_per_minute=60, clock=lambda: times[0])
    ingest.take((group(*(call(1, step) for step in range(100))),), SENDER)  # one request is never too large for ever
    with pytest.raises(LimitReached, match="60 spans a minute") as refused:
        ingest.take((group(call(2)),), SENDER)
    assert refused.value.retry_after == pytest.approx(41)
    assert ingest.counts.refused == 1
    ingest.take((group(call(2)),), msgspec.structs.replace(SENDER, key_id="key_b"))  # another key has its own
    times[0] += int((refused.value.retry_after or 0) * 1_000_000)
    ingest.take((group(call(2)),), SENDER)


def test_a_share_is_whole_traces_and_every_error(telemetry: Telemetry, taking: Any) -> None:
    ingest = taking(sample=("dev=0.25",))
    for trace in range(200):
        ingest.take((group(call(trace, 1)),), SENDER)
        ingest.take((group(call(trace, 2, parent_id=call(trace).span_id)),), SENDER)
    kept = telemetry.list(TraceFilter(), limit=1000).rows
    assert 25 <= len(kept) <= 75
    assert all(row.spans == 2 for row in kept)
    whole = telemetry.trace(kept[0].root.trace_id)
    assert whole is not None
    assert all(msgspec.json.decode((one.attributes or {})[SHARE]) == 0.25 for one in whole.contents.values())
    left_out = next(one for one in range(200) if telemetry.trace(call(one).trace_id) is None)
    # An error that comes last brings its trace back, and what comes after it is kept, too.
    ingest.take((group(call(left_out, 3, status=2)),), SENDER)
    ingest.take((group(call(left_out, 4)),), SENDER)
    found = telemetry.trace(call(left_out).trace_id)
    assert found is not None
    assert len(found.spans) == 4
    assert ingest.counts.left_out > 0


def test_a_key_has_a_share_of_its_own(telemetry: Telemetry, taking: Any) -> None:
    ingest = taking(sample=("dev=1", "key:key_a=0"))
    assert ingest.take((group(call(1)),), SENDER).left_out == 1
    assert ingest.take((group(call(1)),), msgspec.structs.replace(SENDER, key_id="key_b")).stored == 1


@pytest.mark.parametrize("entry", ["dev", "dev=2", "=0.5", "dev=x"])
def test_shares_that_are_none(entry: str) -> None:
    with pytest.raises(ConfigError, match=r"ingest\.sample"):
        read_shares([entry])


def test_a_store_that_cannot_write_has_the_sender_try_again(telemetry: Telemetry, taking: Any) -> None:
    ingest = taking()
    telemetry.close()
    with pytest.raises(Unavailable, match="cannot be stored"):
        ingest.take((group(call(1)),), SENDER)
    assert ingest.counts.stored == 0


def test_after_its_end_nothing_is_taken(taking: Any) -> None:
    ingest = taking()
    ingest.stop()
    with pytest.raises(Unavailable):
        ingest.take((group(call(1)),), SENDER)


def test_a_span_with_tokens_is_of_the_answer_that_the_one_above_it_has(telemetry: Telemetry, taking: Any) -> None:
    kind = {"openinference.span.kind": "LLM"}
    above = wire({**kind, "output.value": '{"raw":{"id":"chatcmpl-7"}}'}, step=1)
    tokens = wire({**kind, "llm.token_count.total": 8}, step=2, parent_id=above.span_id)
    alone = wire({**kind, "llm.token_count.total": 8}, step=3, parent_id=tokens.span_id)
    taking().take((group(tokens, above, alone),), SENDER)
    trace = telemetry.trace(above.trace_id)
    assert trace is not None
    found = {span.span_id: span.response_id for span in trace.spans}
    assert found == {above.span_id: "chatcmpl-7", tokens.span_id: "chatcmpl-7", alone.span_id: None}
