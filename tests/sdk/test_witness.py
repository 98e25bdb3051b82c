"""What was seen of a log is remembered, and a log that does not begin with it is refused."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from genaiops.core import merkle
from genaiops.core.errors import NotFound, StoreError
from genaiops.sdk import Witness


class Served:
    """A log as its server would show it, proofs and all."""

    def __init__(self, leaves: list[bytes], origin: str = "genaiops/log") -> None:
        self.leaves = leaves
        self.origin = origin
        self.asked = 0

    def header(self, size: int) -> str:
        return f"{self.origin} {size} {merkle.root_of(self.leaves[:size]).hex()}"

    def prove(self, first: int, second: int) -> tuple[Sequence[str], str]:
        self.asked += 1
        if second > len(self.leaves):
            raise NotFound("It is not that long.")
        path = merkle.consistency_proof(self.leaves[:second], first)
        return [each.hex() for each in path], merkle.root_of(self.leaves[:second]).hex()


def leaves(count: int, word: str = "a") -> list[bytes]:
    return [merkle.leaf_hash(f"{word}{number}".encode()) for number in range(count)]


@pytest.fixture
def witness(tmp_path: Path) -> Witness:
    return Witness(tmp_path / "checkpoints")


def test_a_log_that_grows_is_followed(witness: Witness) -> None:
    log = Served(leaves(20))
    for size in (3, 3, 8, 20, 8, 20):  # a machine that shares the log may be behind
        witness.look(log.header(size), log.prove)
    assert log.asked == 3, "the same again costs no further call"
    assert [(origin, size) for origin, size, _, _ in witness.all()] == [("genaiops/log", 20)]


@pytest.mark.parametrize("size", [5, 8, 12])
def test_another_log_of_the_same_name_is_refused(witness: Witness, size: int) -> None:
    log, other = Served(leaves(12)), Served([*leaves(4), *leaves(8, "b")])
    witness.look(log.header(8), log.prove)
    with pytest.raises(StoreError, match="was rewritten: it does not begin with the 8 events") as caught:
        witness.look(other.header(size), other.prove)
    assert caught.value.code == "audit_inconsistent"
    with pytest.raises(StoreError):
        witness.look(other.header(size), other.prove)  # it is not taken for seen
    assert witness.forget("genaiops/log")
    witness.look(other.header(size), other.prove)


def test_a_log_that_was_cut_off_is_refused(witness: Witness) -> None:
    log = Served(leaves(12))
    witness.look(log.header(12), log.prove)
    log.leaves = log.leaves[:10]
    with pytest.raises(StoreError, match="was cut off or rolled back"):
        witness.look(log.header(10), log.prove)


def test_a_server_cannot_lie_about_the_root_it_proves(witness: Witness) -> None:
    log = Served(leaves(12))
    witness.look(log.header(8), log.prove)

    def lying(first: int, second: int) -> tuple[Sequence[str], str]:
        return log.prove(first, second)[0], "00" * 32

    with pytest.raises(StoreError, match="was rewritten"):
        witness.look(log.header(12), lying)


@pytest.mark.parametrize("header", ["", "x", "a b c", f"a -1 {'00' * 32}", f"a 1 {'zz' * 32}", "a 1 00 more"])
def test_a_header_of_another_version_is_left_alone(witness: Witness, header: str) -> None:
    witness.look(header, Served([]).prove)
    assert witness.all() == []


def test_a_folder_that_cannot_be_written_fails_no_command(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    log = Served(leaves(3))
    Witness(tmp_path / "file" / "below").look(log.header(3), log.prove)


def test_logs_are_remembered_apart(witness: Witness) -> None:
    for origin in ("genaiops/a", "genaiops/b"):
        log = Served(leaves(3, origin), origin)
        witness.look(log.header(3), log.prove)
    assert len(witness.all()) == 2
