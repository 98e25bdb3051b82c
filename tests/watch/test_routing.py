"""What a trace says about where its call went, and why."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from genaiops.domain import Decision
from genaiops.engines import spool_files
from genaiops.engines.blobs_folder import open_blobs
from genaiops.engines.telemetry_sqlite import open_telemetry
from genaiops.watch import Folder, trace_document
from tests.watch.calls import ANSWER, REQUEST, admitted, attempt, settled, trace_id

WHY = Decision("latency", ("a", "b"), (("c", "busy"),), "no user to keep it by")
SAID = {
    "genaiops.routing.strategy": "latency",
    "genaiops.routing.candidates": ["a", "b"],
    "genaiops.routing.passed_over": {"c": "busy"},
    "genaiops.routing.note": "no user to keep it by",
}


def told(path: Path, *attempts: Any, body: bytes = REQUEST, answer: bytes = ANSWER, **facts: Any) -> dict[str, Any]:
    """The document of one call."""
    telemetry = open_telemetry(path / "telemetry", writer=True)
    writer = spool_files.open_writer(path / "spool", column=0, life_us=1, segment_calls=4)
    writer.append(admitted(1, **facts), body)
    writer.append(settled(1, attempts), answer)
    blobs = open_blobs(path / "blobs")
    Folder(spool_files.open_reader(path / "spool"), telemetry, blobs).step()
    writer.close()
    trace = telemetry.trace(trace_id(1))
    telemetry.close()
    assert trace is not None
    return trace_document(trace, blobs)


@pytest.mark.parametrize("capture", ["full", "preview", "off"])
def test_a_decision_is_told_however_little_is_kept(tmp_path: Path, capture: str) -> None:
    kept = {} if capture == "full" else {"body": b"", "answer": b""}
    document = told(tmp_path, msgspec.structs.replace(attempt(1), decision=WHY), capture=capture, **kept)
    attributes = document["spans"][1]["attributes"]
    assert {name: value for name, value in attributes.items() if "routing" in name} == SAID
    assert document["spans"][1]["reason"] == "first"


def test_a_try_without_a_choice_tells_nothing(tmp_path: Path) -> None:
    attributes = told(tmp_path, attempt(1))["spans"][1]["attributes"]
    assert not [name for name in attributes if "routing" in name]


def test_a_copy_says_whose_it_is(tmp_path: Path) -> None:
    document = told(tmp_path, attempt(1), shadow_of=b"o" * 16)
    assert document["attributes"]["genaiops.shadow_of"] == (b"o" * 16).hex()
    assert document["spans"][0]["name"] == "shadow chat m"


def test_both_tries_of_a_hedged_call_count_and_the_winner_is_shown(tmp_path: Path) -> None:
    lost = msgspec.structs.replace(attempt(1, 0), status="cancelled", error_type="hedge_lost", target_id="slow")
    document = told(tmp_path, lost, msgspec.structs.replace(attempt(1, 1), reason="hedge", target_id="quick"))
    assert document["usage"]["total_tokens"] == 14
    assert document["target"] == "quick"
    assert [span["owns_usage"] for span in document["spans"]] == [False, True, True]
