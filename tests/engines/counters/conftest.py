"""The engines of the counters port. A further engine is a further parameter here; the same tests run on all."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest

from genaiops.engines.counters_mmap import open_counters
from genaiops.ports.counters import Counters, Hold, Refusal, Reservation


class Demand(NamedTuple):
    """A hold and its amount."""

    hold: Hold
    amount: int


def demand(counters: Counters, demands: Sequence[Demand], now_us: int) -> Reservation | Refusal:
    """Prepare and reserve."""
    prepared = counters.prepare([one.hold for one in demands])
    return prepared.reserve([one.amount for one in demands], now_us)


OpenColumn = Callable[[int | None], Counters]


@pytest.fixture(params=["mmap"])
def open_column(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[OpenColumn]:
    """Opens the same counters again and again, each time as another process would."""
    assert request.param == "mmap"
    opened: list[Counters] = []

    def open_one(column: int | None) -> Counters:
        opened.append(open_counters(tmp_path / "counters.mmap", column=column, slots=1 << 10))
        return opened[-1]

    yield open_one
    for counters in opened:
        counters.close()
