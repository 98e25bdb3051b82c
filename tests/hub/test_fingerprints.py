"""Registered documents over real stores: their versions, what they hold, and how policies pin them."""

from pathlib import Path

import pytest

from genaiops.checks.verbatim import Index
from genaiops.core.errors import GenaiopsError, NotFound, UsageError
from genaiops.domain import GuardPolicy, GuardRule, Version
from genaiops.engines.blobs_folder import open_blobs
from genaiops.engines.document_files import DocumentFiles
from genaiops.guard import PolicyJudge
from genaiops.hub import Fingerprints, Hub
from genaiops.ports.blobs import Blobs
from tests.checks.test_verbatim import CLAUSE, OPENING
from tests.hub.conftest import Clock


@pytest.fixture
def blobs(tmp_path: Path) -> Blobs:
    return open_blobs(tmp_path / "blobs")


@pytest.fixture
def fingerprints(hub: Hub, blobs: Blobs) -> Fingerprints:
    return hub.fingerprints(blobs)


def register(fingerprints: Fingerprints, *documents: tuple[str, str], remove: tuple[str, ...] = ()) -> Version:
    pieces = [fingerprints.put_text(*document).piece for document in documents]
    return fingerprints.register("secrets", pieces, remove=remove, by="ann")


def ids(fingerprints: Fingerprints, version: Version) -> list[str]:
    return [one.id for one in fingerprints.documents(version)]


def test_documents_are_added_replaced_and_taken_out_by_new_versions(fingerprints: Fingerprints, clock: Clock) -> None:
    first = register(fingerprints, ("acme.txt", CLAUSE))
    clock.move(1)
    second = register(fingerprints, ("novel.txt", OPENING))
    assert ids(fingerprints, second) == ["acme.txt", "novel.txt"]
    clock.move(1)
    changed = register(fingerprints, ("acme.txt", f"{CLAUSE} And more."))
    before, after = (fingerprints.documents(each)[0].digest for each in (second, changed))
    assert before != after
    clock.move(1)
    assert register(fingerprints, ("acme.txt", CLAUSE)) == second, "the same documents are the same version"
    clock.move(1)
    taken = fingerprints.register("other", [fingerprints.put_text("acme.txt", CLAUSE).piece], by="ann")
    assert taken.digest == first.digest
    with pytest.raises(NotFound, match=r"acme\.tx'.*"):
        register(fingerprints, remove=("acme.tx",))


def test_taking_out_leaves_what_building_the_rest_would_make(
    fingerprints: Fingerprints, blobs: Blobs, clock: Clock
) -> None:
    same = [(f"d{number:02}", OPENING) for number in range(20)]
    register(fingerprints, *same)
    clock.move(1)
    left = register(fingerprints, remove=tuple(name for name, _ in same[:10]))
    assert blobs.get(left.digest) == Index.exact(same[10:]).write()


def test_no_text_is_kept(fingerprints: Fingerprints, blobs: Blobs) -> None:
    version = register(fingerprints, ("acme.txt", CLAUSE))
    kept = [blobs.get(digest) for digest in blobs.digests()]
    assert not any(b"supplier" in data or b"confidence" in data for data in kept)
    assert set(blobs.digests()) == fingerprints.held()
    assert version.manifest["documents"] == 1


def test_nothing_is_a_version_until_its_pieces_are_there(fingerprints: Fingerprints) -> None:
    gone = "sha256:" + "0" * 64
    with pytest.raises(NotFound, match=gone):
        fingerprints.register("secrets", [gone], by="ann")
    with pytest.raises(NotFound):
        fingerprints.get("secrets")
    piece = fingerprints.put_text("acme.txt", CLAUSE).piece
    assert fingerprints.missing([piece, gone]) == [gone]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"something",
        Index.exact([("a", CLAUSE), ("b", OPENING)]).write(),
        Index.exact([("", CLAUSE)]).write(),
        Index.build([("a", CLAUSE)]).write(),
    ],
)
def test_what_is_no_piece_is_refused(fingerprints: Fingerprints, data: bytes) -> None:
    with pytest.raises(UsageError):
        fingerprints.put(data)


def policy(*documents: str) -> GuardPolicy:
    rule = GuardRule(id="copies", detector="verbatim", action="block", options={"documents": list(documents)})
    return GuardPolicy(rules=(rule,))


def pinned(version: Version) -> list[str]:
    return version.manifest["rules"][0]["options"]["documents"]


def test_a_policy_pins_the_version_that_it_was_pushed_with(
    hub: Hub, blobs: Blobs, tmp_path: Path, clock: Clock
) -> None:
    judged = Hub(hub.records, clock=clock, judge=PolicyJudge(documents=DocumentFiles(tmp_path / "files", blobs).find))
    fingerprints = judged.fingerprints(blobs)
    first = register(fingerprints, ("acme.txt", CLAUSE))
    judged.artifacts.move("index/secrets", "current", first.id, by="ann")
    pushed = judged.guards.push("support", policy("secrets"), by="ann")
    assert pinned(pushed) == [f"secrets@{first.digest}"]
    clock.move(1)
    second = register(fingerprints, ("novel.txt", OPENING))
    judged.artifacts.move("index/secrets", "current", second.id, by="ann")
    assert pinned(judged.guards.push("support", policy(f"secrets@{first.digest[:15]}"), by="ann")) == pinned(pushed)
    assert [(use.id, use.reference) for use in fingerprints.get("secrets").uses] == [
        ("support@current", f"secrets@{first.digest}")
    ]
    assert pinned(judged.guards.push("support", policy("secrets"), by="ann")) == [f"secrets@{second.digest}"]
    read = judged.guards.read(
        None, {"rules": [{"id": "r", "detector": "verbatim", "options": {"documents": ["secretz"]}}]}
    )
    assert [(fault.path, fault.remedy[:20]) for fault in read.faults] == [
        ("rules[0].options.documents", "Did you mean 'secret")
    ]


def test_files_are_laid_out_once_and_damage_is_seen(fingerprints: Fingerprints, blobs: Blobs, tmp_path: Path) -> None:
    digest = register(fingerprints, ("acme.txt", CLAUSE)).digest
    folder = tmp_path / "files"
    files = DocumentFiles(folder, blobs)
    with pytest.raises(NotFound):
        DocumentFiles(folder).find(digest)
    files.lay([digest, "sha256:" + "1" * 64])
    index = DocumentFiles(folder).find(digest)
    assert [one.id for one in index.documents] == ["acme.txt"]
    assert files.find(digest) is files.find(digest)
    (path,) = folder.iterdir()
    path.write_bytes(path.read_bytes()[:-1] + b"\0")
    with pytest.raises(GenaiopsError, match="damaged"):
        DocumentFiles(folder).find(digest)
