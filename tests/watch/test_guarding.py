"""What the guard said of calls, from the workers' spool to the traces: verdicts, spans, figures, documents."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from genaiops.domain import GuardEvent
from genaiops.engines import spool_files
from genaiops.engines.blobs_folder import open_blobs
from genaiops.engines.telemetry_sqlite import open_telemetry
from genaiops.ports.telemetry import Telemetry, TraceFilter
from genaiops.ports.verdicts import GuardQuery, VerdictFilter
from genaiops.watch import Folder, trace_document
from tests.watch.calls import ANSWER, NOW, REQUEST, admitted, refused, settled, trace_id

MAIL = GuardEvent(
    policy="default@sha256:ab",
    rule="mail",
    detector="pii",
    direction="in",
    action="redact",
    kinds={"email": 2},
    provenance=("user",),
    places=("messages[0].content",),
    duration_us=120,
)
SECRET = replace(MAIL, rule="secret", detector="secret", direction="out", action="block", kinds={"aws_key": 1})
DAY: dict[str, Any] = {"since_us": NOW - 86_400_000_000, "until_us": NOW + 86_400_000_000}


@pytest.fixture
def telemetry(tmp_path: Path) -> Iterator[Telemetry]:
    store = open_telemetry(tmp_path / "telemetry", writer=True)
    yield store
    store.close()


@pytest.fixture
def folded(tmp_path: Path, telemetry: Telemetry) -> Telemetry:
    """Calls 1 (redacted, looked at by a whole policy), 2 (nothing found), and 3 (refused by a guard)."""
    whole = replace(MAIL, rule="", detector="", action="allow", kinds={}, places=(), duration_us=400)
    writer = spool_files.open_writer(tmp_path / "spool", column=0, life_us=1, segment_calls=4)
    for number, said in ((1, (whole, MAIL, replace(SECRET, shadow=True))), (2, (whole,))):
        writer.append(admitted(number), REQUEST)
        writer.append(replace(settled(number), guard=said), ANSWER)
    writer.append(replace(refused(3), error_type="guard_blocked", guard=(whole, SECRET)))
    writer.close()
    Folder(spool_files.open_reader(tmp_path / "spool"), telemetry, open_blobs(tmp_path / "blobs")).finish_dead()
    return telemetry


def test_verdicts_stand_in_their_traces(folded: Telemetry) -> None:
    traces = [folded.trace(trace_id(number)) for number in (1, 2, 3)]
    said = [[each.event for each in trace.verdicts] for trace in traces if trace]
    assert said == [[MAIL, replace(SECRET, shadow=True)], [], [SECRET]]
    spans = [[span.name for span in trace.spans if span.kind == "guardrail"] for trace in traces if trace]
    assert spans == [["guard in", "guard out"], [], ["guard out"]]
    assert [row.spans for row in folded.list(TraceFilter()).rows] == [2, 2, 4]
    first = folded.verdicts(VerdictFilter()).rows[0]
    assert (first.key_id, first.environment_id, first.start_us) == ("key_1", "dev", NOW + 3000)


def test_figures_count_what_was_looked_at(folded: Telemetry) -> None:
    sums = folded.guard_rollup(GuardQuery(**DAY, step="all", group_by=("rule", "action", "shadow")))
    assert {tuple(each.group.values()): each.events for each in sums} == {
        ("", "allow", ""): 3,
        ("mail", "redact", ""): 1,
        ("secret", "block", "shadow"): 1,
        ("secret", "block", ""): 1,
    }
    whole = next(each for each in sums if not each.group["rule"])
    assert whole.duration.total == 1200


def test_the_document_of_a_trace_tells_them(folded: Telemetry, tmp_path: Path) -> None:
    trace = folded.trace(trace_id(1))
    assert trace is not None
    document = trace_document(trace, open_blobs(tmp_path / "blobs"))
    mail, secret = document["verdicts"]
    assert mail == {
        "id": trace.verdicts[0].id,
        "span_id": trace.verdicts[0].span_id.hex(),
        "policy": "default",
        "digest": "sha256:ab",
        "rule": "mail",
        "detector": "pii",
        "direction": "in",
        "action": "redact",
        "shadow": False,
        "kinds": {"email": 2},
        "count": 2,
        "provenance": ["user"],
        "places": ["messages[0].content"],
        "score": None,
        "duration_ms": 0.12,
        "error": None,
        "mark": None,
        "marked_at": None,
        "marked_by": None,
    }
    assert (secret["action"], secret["shadow"]) == ("block", True)
    attributes = [span["attributes"] for span in document["spans"] if span["kind"] == "guardrail"]
    assert [each["genaiops.guard.action"] for each in attributes] == ["redact", "allow"]
    assert attributes[0]["genaiops.guard.rules"] == ["default/mail"]
