"""What every engine of the blobs port does."""

import random
import threading

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from genaiops.core.clock import now_us
from genaiops.core.digest import digest_bytes
from genaiops.core.errors import NotFound, UsageError
from genaiops.ports.blobs import Blobs
from tests.engines.blobs.conftest import OpenBlobs
from tests.examples import examples


@pytest.fixture
def blobs(open_blobs: OpenBlobs) -> Blobs:
    return open_blobs()


@settings(max_examples=examples(40), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.binary(max_size=2000))
def test_what_was_put_is_got(blobs: Blobs, data: bytes) -> None:
    digest = blobs.put(data)
    assert digest == digest_bytes(data)
    assert blobs.get(digest) == data
    assert blobs.exists(digest)


@pytest.mark.parametrize("data", [b"", random.Random(1).randbytes(1 << 20), b"the same " * 200_000])
def test_sizes(open_blobs: OpenBlobs, data: bytes) -> None:
    assert open_blobs().get(open_blobs().put(data)) == data


def test_digests_are_listed_once_and_in_order(blobs: Blobs) -> None:
    assert list(blobs.digests()) == []
    put = {blobs.put(b"%d" % (number % 30)) for number in range(60)}
    assert list(blobs.digests()) == sorted(put)


def test_remove(blobs: Blobs) -> None:
    digest = blobs.put(b"some content")
    kept = blobs.put(b"other content")
    blobs.remove(digest)
    blobs.remove(digest)
    assert not blobs.exists(digest)
    with pytest.raises(NotFound, match=digest):
        blobs.get(digest)
    assert list(blobs.digests()) == [kept]
    assert blobs.put(b"some content") == digest
    assert blobs.get(digest) == b"some content"


@pytest.mark.parametrize("name", ["", "sha256:", "sha256:" + "a" * 63, "sha256:../" + "a" * 61, "sha256:" + "A" * 64])
def test_only_digests_are_taken(blobs: Blobs, name: str) -> None:
    for act in (blobs.get, blobs.exists, blobs.remove):
        with pytest.raises(UsageError, match="is not a digest"):
            act(name)


def test_the_same_content_put_by_many_at_once(open_blobs: OpenBlobs) -> None:
    contents = [random.Random(number).randbytes(20_000) for number in range(5)]
    wrong: list[str] = []

    def work() -> None:
        blobs = open_blobs()
        for data in contents:
            digest = blobs.put(data)
            if blobs.get(digest) != data:
                wrong.append(digest)

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    assert len(list(open_blobs().digests())) == len(contents)


def test_what_nobody_puts_becomes_idle_and_can_be_discarded(blobs: Blobs) -> None:
    old, kept = blobs.put(b"old" * 5000), blobs.put(b"kept")
    later = now_us() + 1_000_000
    assert list(blobs.idle(later - 60_000_000)) == []
    assert blobs.discard(old, later - 60_000_000) is None
    assert set(blobs.idle(later)) == {old, kept}
    freed = blobs.discard(old, later)
    assert freed is not None
    assert freed > 0
    assert blobs.discard(old, later) is None
    assert list(blobs.digests()) == [kept]
