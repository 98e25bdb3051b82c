"""An export is checked by itself, and an export that was edited is not believed."""

import json
import re

import pytest

from genaiops.core import merkle
from genaiops.core.errors import NotFound, UsageError
from genaiops.govern import SigningKey, explain, verify_bundle, write_bundle
from tests.govern.conftest import Log


def bundle(log: Log, *, payloads: bool = True) -> list[bytes]:
    made = log.auditor.checkpoint()
    assert made is not None
    with log.records.read() as view:
        return list(write_bundle(view.audit, made, payloads=payloads))


def test_an_export_holds(own_log: Log) -> None:
    report = verify_bundle(bundle(own_log), keys=[own_log.auditor.verifier()])
    assert (report.holds, report.pinned, report.size, report.payloads) == (True, True, 10, 10)
    report = verify_bundle(bundle(own_log, payloads=False))
    assert (report.holds, report.pinned, report.size, report.payloads) == (True, False, 10, 0)
    assert b"Renamed" not in b"".join(bundle(own_log, payloads=False))


def test_an_export_signed_by_another_key_is_not_believed(own_log: Log) -> None:
    report = verify_bundle(bundle(own_log), keys=[str(SigningKey.new("genaiops/x").verifier)])
    assert [found.message for found in report.findings] == ["The checkpoint is not signed by a key that is trusted."]


@pytest.mark.parametrize(
    ("line", "edit", "said"),
    [
        (3, {"actor_id": "eve"}, "Event 3 does not fit its hash"),
        (3, {"body": "{}"}, "Event 3 .*is not what was committed to"),
        (10, {"leaf": "00" * 32}, "Event 10 does not fit its hash"),
        (4, None, "Event 4 is missing"),
        (10, None, "The end is missing: 10 events were signed, 9 are there"),
    ],
)
def test_an_edited_export_is_found(own_log: Log, line: int, edit: dict[str, str] | None, said: str) -> None:
    lines = bundle(own_log)
    if edit is None:
        del lines[line]
    else:
        lines[line] = json.dumps({**json.loads(lines[line]), **edit}).encode()
    report = verify_bundle(lines)
    assert not report.holds
    assert re.search(said, report.findings[0].message)


@pytest.mark.parametrize(
    "lines", [[], [b"{}"], [b"\xff"], [b'{"bundle":"x","size":1,"checkpoint":"","keys":[],"payloads":true}']]
)
def test_what_is_no_export_says_which_line(lines: list[bytes]) -> None:
    with pytest.raises(UsageError, match="Line 1 is not what an exported audit log has"):
        verify_bundle(lines)


def test_every_event_is_proven_to_be_in_the_log(own_log: Log) -> None:
    for seq in range(1, 11):
        proof = own_log.auditor.prove(seq)
        path = [bytes.fromhex(each) for each in proof.path]
        root = bytes.fromhex(proof.checkpoint.root)
        assert merkle.included(bytes.fromhex(proof.leaf), seq - 1, proof.checkpoint.size, root, path)
    with pytest.raises(NotFound, match="There is no event 11"):
        own_log.auditor.prove(11)


def test_an_event_is_explained(own_log: Log) -> None:
    with own_log.records.read() as view:
        found = explain(view.audit, 7)
        assert (found.former, found.erased) == (2, False)
        assert [(each.field, each.before, each.after) for each in found.differences] == [("title", "Team a", "Renamed")]
        digest = next(each for each in explain(view.audit, 10).differences if each.field == "digest")
        assert digest.after == "(kept, not shown)"
        with pytest.raises(NotFound):
            explain(view.audit, 11)


def test_what_anybody_can_cause_is_noted_once_a_minute(own_log: Log) -> None:
    for _ in range(3):
        own_log.auditor.note_once("refused", "permissions", "keys", {"path": "/api/keys"}, by="bob")
    own_log.auditor.note_once("refused", "permissions", "routes", by="bob")
    with own_log.records.read() as view:
        assert view.audit.size() == 12
        assert view.version() == 8, "a note changes no record"
