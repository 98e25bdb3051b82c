"""Properties become attributes of the trace and find it again, however little of its content is kept."""

from pathlib import Path

import pytest

from genaiops.domain import Content, Span
from genaiops.engines.blobs_folder import open_blobs
from genaiops.engines.telemetry_sqlite import open_telemetry
from genaiops.ports.telemetry import Batch, Telemetry, TraceFilter, property_word
from genaiops.watch import trace_document
from genaiops.watch._spans import ended, spans_of
from tests.watch.calls import ANSWER, REQUEST, admitted, settled, trace_id

PROPERTIES = {"feature": "check out", "Größe": "XL=1"}


def found(telemetry: Telemetry, *words: str) -> list[bytes]:
    page = telemetry.list(TraceFilter(text=" ".join(words)))
    return [row.root.trace_id for row in page.rows]


@pytest.mark.parametrize("capture", ["full", "preview", "off"])
@pytest.mark.parametrize("answer", [ANSWER, b""], ids=["answered", "silent"])
def test_properties_are_shown_and_found(tmp_path: Path, capture: str, answer: bytes) -> None:
    blobs = open_blobs(tmp_path / "blobs")
    telemetry = open_telemetry(tmp_path / "telemetry", writer=True)
    telemetry.migrate()
    spans: list[Span] = []
    contents: list[Content] = []
    for number, properties in ((1, PROPERTIES), (2, {"feature": "check"}), (3, {})):
        call = admitted(number, capture=capture, properties=properties)
        made, content = spans_of(call, ended(settled(number)), REQUEST, answer, blobs)
        spans += made
        contents += [] if content is None else [content]
    telemetry.write(Batch(spans=spans, contents=contents))
    assert found(telemetry, property_word("feature", "check out")) == [trace_id(1)]
    assert found(telemetry, *(property_word(*pair) for pair in PROPERTIES.items())) == [trace_id(1)]
    assert found(telemetry, property_word("feature", "check")) == [trace_id(2)]
    assert found(telemetry, property_word("feature", "out")) == []
    assert found(telemetry, "check") == []  # not a word of the conversation
    trace = telemetry.trace(trace_id(1))
    assert trace is not None
    document = trace_document(trace, blobs)
    assert document["properties"] == PROPERTIES
    assert not any("property" in str(value) for value in document["attributes"].values())
    other = telemetry.trace(trace_id(3))
    assert other is not None
    assert trace_document(other, blobs)["properties"] == {}
    telemetry.close()
