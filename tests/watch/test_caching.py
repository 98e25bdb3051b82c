"""What a cache said: a span that owns nothing, an attribute, and sums of what was saved."""

from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from genaiops.domain import Cost, Lookup, Usage
from genaiops.engines.blobs_folder import open_blobs
from genaiops.engines.telemetry_sqlite import open_telemetry
from genaiops.ports.telemetry import Batch, CacheSums, RollupQuery
from genaiops.watch import trace_document
from genaiops.watch._spans import ended, spans_of
from tests.watch.calls import ANSWER, NOW, REQUEST, admitted, settled, trace_id


def lookup(number: int, **facts: Any) -> Lookup:
    return Lookup((900 + number).to_bytes(8, "big"), "miss", "exact", "n", NOW + number * 1000, 40, **facts)


@pytest.mark.parametrize("capture", ["full", "preview", "off"])
def test_hits_and_misses(tmp_path: Path, capture: str) -> None:
    blobs = open_blobs(tmp_path / "blobs")
    telemetry = open_telemetry(tmp_path / "telemetry", writer=True)
    telemetry.migrate()
    usage = Usage(input_uncached=5, output_text=2)
    found = {"age_us": 12_500_000, "source": trace_id(1), "usage": usage, "response_model": "up-1"}
    hit = replace(lookup(2, **found), outcome="hit", cost=Cost(70))
    unpriced = replace(lookup(3, **found), outcome="hit", how="semantic", similarity=0.93, cost=Cost(None))
    calls = [
        replace(settled(1), lookup=lookup(1)),
        replace(settled(2, attempts=()), cache="hit", lookup=hit),
        replace(settled(3, attempts=()), cache="hit", lookup=unpriced),
        settled(4),
    ]
    for number, record in enumerate(calls, 1):
        spans, content = spans_of(admitted(number, capture=capture), ended(record), REQUEST, ANSWER, blobs)
        telemetry.write(Batch(spans=spans, contents=[content] if content is not None else []))
    (sums,) = telemetry.rollup(RollupQuery(since_us=NOW, until_us=NOW + 1_000_000, step="all"))
    assert sums.cache == CacheSums(hits=2, misses=1, saved_tokens=14, saved_nano=70, saved_unknown=1)
    assert (sums.calls, sums.attempts, sums.input_tokens, sums.cost_nano, sums.cost_unknown) == (4, 2, 10, 140, 0)
    documents = [trace_document(trace, blobs) for n in (1, 2, 3, 4) if (trace := telemetry.trace(trace_id(n)))]
    assert [one["cache"] and one["cache"]["outcome"] for one in documents] == ["miss", "hit", "hit", None]
    assert documents[1]["cache"]["age_seconds"] == 12.5
    assert documents[1]["cache"]["source_trace_id"] == trace_id(1).hex()
    assert documents[1]["cache"]["saved"]["cost"] == "0.00000007"
    assert documents[2]["cache"]["saved"]["cost"] is None
    assert documents[2]["cache"]["similarity"] == 0.93
    assert documents[1]["usage"]["total_tokens"] == 0
    assert "genaiops.cache.lookup" not in documents[1]["attributes"]
    telemetry.close()
