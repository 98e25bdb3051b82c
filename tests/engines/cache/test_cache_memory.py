"""The cache of one worker: bounds and times."""

from hypothesis import given
from hypothesis import strategies as st

from genaiops.engines.cache_memory import MemoryCache

FAR = 1 << 60


def test_what_is_put_is_there_until_its_time() -> None:
    cache = MemoryCache()
    cache.put(b"k", "v", 10, until_us=100)
    assert cache.get(b"k", 99) == "v"
    assert cache.get(b"k", 100) is None
    assert cache.size == 0


def test_the_least_recently_used_goes_first() -> None:
    cache = MemoryCache(most_entries=2)
    for name in (b"a", b"b"):
        cache.put(name, name, 1, FAR)
    assert cache.get(b"a", 0) == b"a"
    cache.put(b"c", b"c", 1, FAR)
    assert [cache.get(name, 0) for name in (b"a", b"b", b"c")] == [b"a", None, b"c"]


def test_one_that_is_larger_than_everything_is_not_kept() -> None:
    cache = MemoryCache(most_bytes=1000)
    cache.put(b"a", "v", 5000, FAR)
    assert len(cache) == cache.size == 0


@given(st.lists(st.tuples(st.sampled_from([b"a", b"b", b"c", b"d"]), st.integers(0, 2000), st.booleans()), max_size=60))
def test_bounds_hold_whatever_is_put_and_dropped(steps: list[tuple[bytes, int, bool]]) -> None:
    cache = MemoryCache(most_bytes=4000, most_entries=3)
    for name, size, drop in steps:
        if drop:
            cache.drop(name)
        else:
            cache.put(name, name, size, FAR)
            assert cache.get(name, 0) in (name, None)
        assert cache.size <= 4000
        assert len(cache) <= 3
    for name in (b"a", b"b", b"c", b"d"):
        cache.drop(name)
    assert cache.size == 0
