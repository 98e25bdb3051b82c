"""Ids of records sort in the order in which they were made."""

import re
from concurrent.futures import ThreadPoolExecutor

import pytest

from genaiops.core import ids
from genaiops.core.ids import new_id


def test_ids_sort_in_the_order_in_which_they_were_made() -> None:
    made = [new_id("run") for _ in range(5000)]  # many in each millisecond
    assert made == sorted(made)
    assert all(re.fullmatch(r"run_[0-9a-hjkmnp-tv-z]{26}", each) for each in made)


def test_also_when_the_clock_goes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter([5_000_000, 4_000_000, 4_000_000, 6_000_000])
    monkeypatch.setattr(ids, "_numbers", ids._Numbers())
    monkeypatch.setattr(ids.time, "time_ns", lambda: next(times))
    made = [new_id("run") for _ in range(4)]
    assert made == sorted(made)
    assert len({each[:16] for each in made}) > 1


def test_threads_make_different_ones() -> None:
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: new_id("run"), range(5000)))
    assert len(set(made)) == 5000
