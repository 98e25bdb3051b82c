"""The limits of a key: which windows they stand in, what is held and charged on each, and what a client is told."""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genaiops.domain import Charge, RateLimit
from genaiops.engines.counters_mmap import open_counters
from genaiops.gateway.limits import FOREVER_US, Lines, duration, lines_of
from genaiops.ports.counters import MINUTE_NS, Counters, Refusal
from tests.gateway.harness import budget, rate

MINUTE_US = 60_000_000
NOW = 1_800_000_000 * 1_000_000


@pytest.fixture
def counters(tmp_path: Path) -> Iterator[Counters]:
    opened = open_counters(tmp_path / "counters.mmap", column=0, slots=64)
    yield opened
    opened.close()


def named(identifier: str, **limits: int) -> RateLimit:
    return msgspec.structs.replace(rate(**limits), id=identifier)


def test_windows_turn_when_the_first_of_them_ends(counters: Counters) -> None:
    minute, hour = (msgspec.structs.replace(budget("calls", 9), id=f"bud_{p}", period=p) for p in ("minute", "hour"))
    lines = Lines(lines_of([hour, minute], [named("rl", requests_per_minute=9)]))
    first = lines.turn(counters, NOW + MINUTE_US // 2)
    assert [hold.window_us for hold in first.holds] == [NOW, NOW, 0]
    assert (first.since_us, first.until_us) == (NOW, NOW + MINUTE_US)
    second = lines.turn(counters, NOW + MINUTE_US)
    assert lines.windows is second
    assert [hold.window_us for hold in second.holds] == [NOW, NOW + MINUTE_US, 0]
    assert (second.since_us, second.until_us) == (NOW + MINUTE_US, NOW + 2 * MINUTE_US)
    assert first.charges((0, 2, 5)) == (Charge("bud_hour", NOW, 2), Charge("bud_minute", NOW, 2))
    assert second.charges((0, 1, 5)) == (Charge("bud_hour", NOW, 1), Charge("bud_minute", NOW + MINUTE_US, 1))


def test_each_line_gets_its_own_amount(counters: Counters) -> None:
    lines = Lines(lines_of([budget("tokens", 50)], [named("rl", concurrency=2, requests_per_minute=3)]))
    assert [line.meter for line in lines.all] == ["tokens", "calls", "concurrency"]
    assert lines.by_line((1, 2, 30)) == (30, 2, 1)
    assert lines.nothing == (0, 0, 0)
    windows = lines.turn(counters, NOW)
    made = windows.reserve(lines.by_line((1, 1, 30)), NOW)
    assert not isinstance(made, Refusal)
    assert list(made.levels) == [30, MINUTE_NS // 3, 1]
    assert windows.reserve(lines.by_line((1, 1, 21)), NOW) == Refusal(0, None, 0, 30)


@pytest.mark.parametrize("count", [0, 1, 2])
def test_any_number_of_lines(counters: Counters, count: int) -> None:
    lines = Lines(lines_of([msgspec.structs.replace(budget("calls", 9), id=f"b{at}") for at in range(count)], []))
    windows = lines.turn(counters, NOW)
    assert lines.by_line((1, 7, 0)) == (7,) * count
    assert [charge.amount for charge in windows.charges((1, 7, 0))] == [7] * count
    assert windows.until_us <= FOREVER_US
    assert not lines.shown([7] * count)


def test_a_counter_that_stands_in_two_places_counts_once(counters: Counters) -> None:
    lines = Lines([*lines_of([budget("calls", 9)], []), *lines_of([budget("calls", 9)], [])])
    assert len(lines.turn(counters, NOW).holds) == 1


def fields(shown: bytes) -> list[tuple[bytes, ...]]:
    return [tuple(line.split(b": ")) for line in shown.split(b"\r\n")[:-1]]


def test_shown_is_the_limit_with_the_least_share_left() -> None:
    key, team = named("k", requests_per_minute=10, tokens_per_minute=100), named("t", requests_per_minute=1000)
    lines = Lines(lines_of([], [key, team]))
    assert [line.key for line in lines.all] == ["k/requests", "k/tokens", "t/requests"]
    tokens = [
        (b"x-ratelimit-limit-tokens", b"100"),
        (b"x-ratelimit-remaining-tokens", b"0"),
        (b"x-ratelimit-reset-tokens", b"1m0s"),
    ]
    assert fields(lines.shown([MINUTE_NS // 10, MINUTE_NS, MINUTE_NS // 1000])) == [
        (b"x-ratelimit-limit-requests", b"10"),
        (b"x-ratelimit-remaining-requests", b"9"),
        (b"x-ratelimit-reset-requests", b"6.000s"),
        *tokens,
    ]
    assert fields(lines.shown([MINUTE_NS // 10, MINUTE_NS, MINUTE_NS // 5])) == [
        (b"x-ratelimit-limit-requests", b"1000"),
        (b"x-ratelimit-remaining-requests", b"800"),
        (b"x-ratelimit-reset-requests", b"12.000s"),
        *tokens,
    ]


@given(limit=st.integers(1, 10**12), level=st.integers(0, MINUTE_NS))
def test_what_is_shown_as_left_would_be_let_through(limit: int, level: int) -> None:
    lines = Lines(lines_of([], [named("k", requests_per_minute=limit)]))
    left = int(fields(lines.shown([level]))[1][1])
    assert level + left * MINUTE_NS // limit <= MINUTE_NS
    assert level + (left + 1) * MINUTE_NS // limit >= MINUTE_NS


@pytest.mark.parametrize(("milliseconds", "text"), [(0, b"0ms"), (999, b"999ms"), (1500, b"1.500s"), (60_000, b"1m0s")])
def test_durations(milliseconds: int, text: bytes) -> None:
    assert duration(milliseconds) == text
