"""A store that is edited with nothing but SQL: what was done is found, and the first row of it is named."""

import re
from pathlib import Path

import msgspec
import pytest

from genaiops.core.errors import StoreError
from genaiops.domain import AUDIT_START, leaf_of
from genaiops.govern import Witnessed, verify
from tests.govern.conftest import Log


def test_what_nobody_touched_holds(log: Log) -> None:
    report = log.verified()
    assert report.holds, report.findings
    assert (report.size, report.records, report.signed, report.checkpoints) == (10, 5, 6, 1)


EDITS = {
    "a payload": (
        ["UPDATE changes SET body = replace(body, 'Team b', 'Team X') WHERE seq = 3"],
        (3, "payload", "body", "Event 3 .add teams/b.: the body of change 3 is not what was committed to"),
    ),
    "a note's payload": (
        ["UPDATE audit_payloads SET body = replace(body, '10.0.0.7', '10.0.0.8') WHERE body LIKE '%10.0.0.7%'"],
        (9, "payload", "body", "Event 9 .sign_in sessions/bob.: its payload is not what was committed to"),
    ),
    "a commitment": (
        ["UPDATE audit_events SET commitment = '00' || substr(commitment, 3) WHERE seq = 3"],
        (3, "event", None, "Event 3 does not fit its hash"),
    ),
    "who it was": (
        ["UPDATE audit_events SET actor_id = 'eve' WHERE seq = 3"],
        (3, "event", "actor_id", "actor_id is 'eve' and was 'ann'"),
    ),
    "who it was, in both places": (
        ["UPDATE audit_events SET actor_id = 'eve' WHERE seq = 3", "UPDATE changes SET actor_id = 'eve' WHERE seq = 3"],
        (3, "event", None, "Event 3 does not fit its hash: one of its fields"),
    ),
    "who it was, in the changes": (
        ["UPDATE changes SET actor_id = 'eve' WHERE seq = 3"],
        (3, "change", "actor_id", "Change 3 says actor_id 'eve', the event 3 of it says 'ann'"),
    ),
    "when it was": (
        ["UPDATE audit_events SET at_us = at_us - 1 WHERE seq = 7"],
        (7, "event", "at_us", "at_us is"),
    ),
    "its hash": (
        ["UPDATE audit_events SET leaf = '00' || substr(leaf, 3) WHERE seq = 7"],
        (7, "event", None, "Event 7 does not fit its hash"),
    ),
    "its hash, to nonsense": (
        ["UPDATE audit_events SET leaf = 'nonsense' WHERE seq = 7"],
        (7, "event", None, "Event 7 does not fit its hash"),
    ),
    "an event deleted": (["DELETE FROM audit_events WHERE seq = 4"], (4, "missing", None, "Event 4 is missing")),
    "events deleted with their changes": (
        ["DELETE FROM audit_events WHERE seq IN (3, 4)", "DELETE FROM changes WHERE seq IN (3, 4)"],
        (3, "missing", None, "Events 3 to 4 are missing"),
    ),
    "a change deleted": (["DELETE FROM changes WHERE seq = 4"], (4, "change", None, "Change 4, .* is gone")),
    "a payload deleted": (
        ["DELETE FROM audit_payloads WHERE seq = 4"],
        (4, "payload", "body", "The payload of event 4 is gone, and no erasure says so"),
    ),
    "a row inserted at the end": (
        ["INSERT INTO audit_events SELECT 11, 1, '', '', '', '', NULL, '', leaf FROM audit_events WHERE seq = 9"],
        (11, "event", None, "Event 11 does not fit its hash"),
    ),
    "a change inserted": (
        ["INSERT INTO changes SELECT 9, 1, 'eve', action, collection, entity_id, body FROM changes WHERE seq = 6"],
        (None, "change", None, "Change 9 is in the records' changes, and no event tells of it"),
    ),
    "two rows that changed places": (
        [
            "UPDATE audit_events SET seq = -1 WHERE seq = 2",
            "UPDATE audit_events SET seq = 2 WHERE seq = 3",
            "UPDATE audit_events SET seq = 3 WHERE seq = -1",
        ],
        (2, "event", None, "its place in the order was altered"),
    ),
    "the end cut off": (
        ["DELETE FROM audit_events WHERE seq > 3"],
        (4, "missing", None, "The end of the log is missing: 6 events were signed, 3 are there"),
    ),
    "a checkpoint": (
        ["UPDATE audit_checkpoints SET root = '00' || substr(root, 3)"],
        (None, "signature", None, "The checkpoint of the first 6 events is not signed by a key of this log"),
    ),
    "the signing key": (
        ["UPDATE audit_keys SET since_us = since_us + 1"],
        (None, "signature", None, "The key .* is not the one that its event tells of"),
    ),
    "the signing key, to nonsense": (
        ["UPDATE audit_keys SET verifier = 'nonsense'"],
        (None, "signature", None, "The key .* of this log cannot be read"),
    ),
    "a record added": (
        ["INSERT INTO teams (id, body, updated_us, tenant_id) SELECT 'evil', body, 1, tenant_id FROM teams LIMIT 1"],
        (None, "record", None, "The record teams/evil is there without any change"),
    ),
    "a record deleted": (
        ["DELETE FROM teams WHERE id = 'b'"],
        (None, "record", None, "The record teams/b is gone without a change"),
    ),
    "a column for searching": (
        ["UPDATE keys SET digest = 'cd'"],
        (None, "record", "digest", "The record keys/key_1: its column digest is not what it says itself"),
    ),
}


@pytest.mark.parametrize("what", EDITS)
def test_an_edit_is_found(log: Log, what: str) -> None:
    statements, (seq, kind, field, said) = EDITS[what]
    report = log.edited(*statements)
    assert not report.holds
    first = report.findings[0]
    assert (first.seq, first.kind, first.field) == (seq, kind, field), report.findings
    assert re.search(said, first.message), first.message


def test_a_record_edited_without_a_change(log: Log) -> None:
    text, back = ("::text", "::jsonb") if log.engine.dialect.name == "postgresql" else ("", "")
    report = log.edited(f"UPDATE actors SET body = replace(body{text}, 'admin', 'owner'){back} WHERE id = 'ann'")
    (found,) = report.findings
    assert (found.kind, found.field) == ("record", "roles")
    assert found.message == "The record actors/ann differs from its last change (event 1) in roles."


def test_a_whole_log_rewritten_with_right_hashes_is_found_by_what_was_signed(log: Log) -> None:
    """Who can write the database can also hash; he cannot sign."""
    with log.records.read() as view:
        events = [row.event for row in view.audit.rows(0, 100)]
    prev, statements = AUDIT_START, []
    for event in events:
        forged = msgspec.structs.replace(event, actor_id="eve" if event.actor_id == "ann" else event.actor_id)
        forged = msgspec.structs.replace(forged, leaf=leaf_of(forged, prev))
        prev = forged.leaf
        statements.append(
            f"UPDATE audit_events SET actor_id = '{forged.actor_id}', leaf = '{forged.leaf}' WHERE seq = {forged.seq}"
        )
    report = log.edited(*statements, "UPDATE changes SET actor_id = 'eve' WHERE actor_id = 'ann'")
    (found,) = report.findings
    assert found.message == "The checkpoint of the first 6 events is of another log: what it signed was rewritten."


def test_a_checkpoint_kept_elsewhere_finds_an_end_that_was_cut_off_with_its_checkpoints(own_log: Log) -> None:
    with own_log.records.read() as view:
        kept = view.audit.checkpoints()
    own_log.edit("DELETE FROM audit_events WHERE seq > 5", "DELETE FROM audit_checkpoints", "DELETE FROM audit_keys")
    own_log.edit("DELETE FROM changes WHERE seq > 5")
    with own_log.records.read() as view:
        first = verify(view.audit, witnesses=[Witnessed(kept[0].size, kept[0].root, "a file")]).findings[0]
    assert (first.kind, first.seq) == ("missing", 6)


def test_an_altered_log_is_not_signed_any_further(own_log: Log, tmp_path: Path) -> None:
    own_log.edit("UPDATE audit_events SET leaf = '00' || substr(leaf, 3) WHERE seq = 3")
    with pytest.raises(StoreError, match="does not fit the checkpoint of its first 6 events") as caught:
        Log(own_log.records, tmp_path).auditor.checkpoint()
    assert caught.value.code == "audit_altered"


def test_an_erased_payload_leaves_the_chain_whole(own_log: Log) -> None:
    with own_log.records.write("ann") as unit:
        assert unit.audit.erase([9, 1]) == 2
        unit.note("erase", "audit", "ann", {"events": [1, 9]})
    report = own_log.verified()
    assert report.holds, report.findings
    assert report.erased == 2
    with own_log.records.read() as view:
        row = next(view.audit.rows(8, 9))
        assert (row.payload, row.event.action) == (None, "sign_in")
