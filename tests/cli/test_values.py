"""Values as people write and read them."""

import pytest

from genaiops.cli._values import (
    amount,
    duration_us,
    later,
    milliseconds,
    pairs,
    seconds,
    short_time,
    tokens,
    weighted,
)
from genaiops.core.clock import from_iso, now_us
from genaiops.core.counting import counted
from genaiops.core.errors import UsageError


def test_one_is_no_plural() -> None:
    assert [amount("1", "tokens"), amount("2", "calls"), amount("1", "USD")] == ["1 token", "2 calls", "1 USD"]
    assert [counted(1, "worker"), counted(2000, "worker")] == ["1 worker", "2,000 workers"]


def test_durations() -> None:
    assert duration_us("90s") == 90_000_000
    assert duration_us("2w") == 14 * 86_400_000_000
    assert [duration_us(text) for text in ("", "5", "h", "1.5h", "-1h", "1 h")] == [None] * 6


def test_later() -> None:
    before = now_us()
    found = from_iso(later("1h", param="expires"))
    assert 3_600_000_000 <= found - before <= 3_660_000_000
    assert later("2030-01-01", param="expires") == "2030-01-01T00:00:00.000000Z"
    with pytest.raises(UsageError, match="soon") as caught:
        later("soon", param="expires")
    assert caught.value.param == "expires"


def test_seconds() -> None:
    assert (seconds("15m", param="x"), seconds("2.5", param="x")) == (900, 2.5)
    with pytest.raises(UsageError):
        seconds("long", param="x")


def test_weights() -> None:
    assert (weighted("small=3"), weighted("a/b")) == (("small", 3), ("a/b", 1))


@pytest.mark.parametrize("text", ["", "=1", "a=", "a=0", "a=-1", "a=x", "a=1.5"])
def test_no_weights(text: str) -> None:
    with pytest.raises(UsageError):
        weighted(text)


def test_pairs() -> None:
    assert pairs(("a=1", "b=x=y"), param="setting") == {"a": "1", "b": "x=y"}
    with pytest.raises(UsageError):
        pairs(("a",), param="setting")


def test_shown() -> None:
    assert [milliseconds(value) for value in (None, 0.4, 840, 2310)] == ["-", "0.4 ms", "840 ms", "2.31 s"]
    assert [amount("12.5", "USD"), amount("1000000", "tokens"), amount("-3", "USD"), amount(None, "USD")] == [
        "12.5 USD",
        "1,000,000 tokens",
        "-3 USD",
        None,
    ]
    assert (tokens(1234567), tokens(None)) == ("1,234,567", None)
    assert short_time("2026-11-21T04:58:25.123456Z") == "2026-11-21 04:58:25Z"
    assert short_time(None) is None
