"""What every engine of the spool port does."""

import random
from concurrent.futures import ThreadPoolExecutor

import pytest

from genaiops.core.errors import StoreError, UsageError
from genaiops.domain import CallRecord, Recalled
from genaiops.ports.spool import SpoolReader
from tests.engines.spool.calls import admitted, refused, settled
from tests.engines.spool.conftest import Spool

LIFE = "w0-77"


def read(reader: SpoolReader, life: str = LIFE, segment: int = 0, offset: int = 0) -> list[tuple[CallRecord, bytes]]:
    return [(frame.record, frame.body) for frame in reader.frames(life, segment, offset)]


def test_what_was_appended_is_read(spool: Spool) -> None:
    writer = spool.begin(0, 77)
    writer.append(admitted(1), b"a request")
    writer.append(settled(1), [b"an ", b"", b"answer"])
    writer.append(refused(2))
    recalled = Recalled(admitted(3), settled(3), 9)
    writer.append(recalled, (b"a request", b"an answer"))
    both = (recalled, b"a requestan answer")
    assert read(spool.reader()) == [(admitted(1), b"a request"), (settled(1), b"an answer"), (refused(2), b""), both]


@pytest.mark.parametrize("size", [0, 1, 1023, 1024, 1025, 200_000, 3_000_000])
def test_bodies_of_any_size(spool: Spool, size: int) -> None:
    body = (bytes(range(256)) * (size // 256 + 1))[:size]
    writer = spool.begin(0, 77)
    writer.append(admitted(1), body)
    writer.append(settled(1), [body[start : start + 700] for start in range(0, size, 700)])
    writer.append(refused(2), b"end")
    assert [len(found) for _, found in read(spool.reader())] == [size, size, 3]
    assert all(found == body for _, found in read(spool.reader())[:2])


def test_a_body_in_more_pieces_than_one_system_call_takes(spool: Spool) -> None:
    writer = spool.begin(0, 77)
    writer.append(settled(1), [b"%d," % number for number in range(5000)])
    assert read(spool.reader())[0][1].split(b",")[-2] == b"4999"


def test_reading_goes_on_where_it_ended(spool: Spool) -> None:
    writer, reader = spool.begin(0, 77), spool.reader()
    segment = offset = 0
    for sequence in range(1, 20):
        writer.append(admitted(sequence), b"request")
        if sequence % 4 == 0:
            continue
        writer.append(settled(sequence), b"response")
        frames = list(reader.frames(LIFE, segment, offset))
        assert frames[-1].record == settled(sequence)
        assert frames[0].record == admitted(sequence if sequence % 4 != 1 or sequence == 1 else sequence - 1)
        segment, offset = frames[-1].segment, frames[-1].end
    assert segment == 7
    assert not list(reader.frames(LIFE, segment, offset))


def test_lives_oldest_first(spool: Spool) -> None:
    assert list(spool.reader().lives()) == []
    for column, life_us in ((1, 900), (0, 1000), (3, 5), (0, 900)):
        spool.begin(column, life_us)
    assert list(spool.reader().lives()) == ["w3-5", "w0-900", "w1-900", "w0-1000"]


def test_a_life_begins_once(spool: Spool) -> None:
    spool.begin(0, 77)
    with pytest.raises(StoreError, match="was there before"):
        spool.begin(0, 77)
    assert list(spool.reader().lives()) == [LIFE]


def test_a_life_is_alive_until_it_is_closed(spool: Spool) -> None:
    writer, reader = spool.begin(0, 77), spool.reader()
    assert reader.is_alive(LIFE)
    assert not reader.is_alive("w0-78")
    writer.append(admitted(1))
    writer.close()
    writer.close()
    assert not reader.is_alive(LIFE)
    assert read(reader) == [(admitted(1), b"")]
    with pytest.raises(StoreError):
        writer.append(settled(1))


def test_forget(spool: Spool) -> None:
    writer, reader = spool.begin(0, 77), spool.reader()
    for sequence in range(1, 9):
        writer.append(admitted(sequence))
    reader.forget(LIFE, 2)
    assert [record for record, _ in read(reader)] == [admitted(sequence) for sequence in range(4, 9)]
    reader.forget(LIFE, 99)
    assert len(read(reader)) == 2, "the segment that is being written stays"
    writer.append(settled(8))
    assert len(read(reader)) == 3
    writer.close()
    reader.forget(LIFE, 3)
    assert list(reader.lives()) == [LIFE]
    reader.forget(LIFE, 4)
    assert list(reader.lives()) == []
    reader.forget(LIFE, 4)


def test_only_names_of_lives_are_taken(spool: Spool) -> None:
    for name in ("..", "w0-77/..", "w0", ""):
        with pytest.raises(UsageError, match="does not name a life"):
            spool.reader().forget(name, 1)


def test_a_large_body_lies_beside_its_record(spool: Spool) -> None:
    """Written by any thread before the record is, in whatever order the records come; forgotten with its segment."""
    writer, reader = spool.begin(0, 77), spool.reader()
    large = random.Random(1).randbytes(300_000)
    asides = [writer.set_aside(large[at:]) for at in range(9)]
    asides.pop().discard()
    for sequence, aside in enumerate(reversed(asides), 1):
        writer.append(admitted(sequence), aside)
    writer.append(settled(1), b"small")
    bodies = [body for _, body in read(reader)]
    assert bodies == [*(large[at:] for at in reversed(range(8))), b"small"]
    reader.forget(LIFE, 2)
    assert [body for _, body in read(reader)] == bodies[3:]
    writer.set_aside(large)  # of a call that never came to its record
    writer.close()
    reader.forget(LIFE, 3)
    assert [body for _, body in read(reader)] == bodies[6:]
    reader.forget(LIFE, 99)
    assert list(reader.lives()) == []


def test_large_bodies_are_written_by_many_threads(spool: Spool) -> None:
    writer = spool.begin(0, 77)
    with ThreadPoolExecutor(8) as pool:
        asides = list(pool.map(writer.set_aside, [b"%d" % number * 20_000 for number in range(40)]))
    for sequence, aside in enumerate(asides, 1):
        writer.append(admitted(sequence), aside)
    assert [body for _, body in read(spool.reader())] == [b"%d" % number * 20_000 for number in range(40)]
