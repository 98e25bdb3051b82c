"""After a worker's death: what it had under way is charged to the counters, and its column is free again.

`python -m genaiops.app.recovery --settings FILE --column N`, run by the supervisor after every end of a worker and
before the column is used again. The telemetry gets the same calls, as `aborted`, from the control process, which
finishes a dead life only once this is done (`RecoveredSpool`).
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from genaiops.app import settings as settings_file
from genaiops.app.children import READY_OPTION
from genaiops.app.home import Home
from genaiops.app.lifeline import die_with_supervisor
from genaiops.app.reporting import configure_logging, run_reporting
from genaiops.app.settings import Settings
from genaiops.app.sharing import open_local
from genaiops.core.errors import Conflict
from genaiops.domain import Admitted, Charge, Recalled, Settled
from genaiops.engines.spool_files import open_reader
from genaiops.ports.counters import Counters
from genaiops.ports.spool import Frame, SpoolReader


def column_of(life: str) -> int:
    """`w3-1790000000000000` is a life of column 3."""
    return int(life[1:].partition("-")[0])


def start_of(life: str) -> int:
    """When that life began, in microseconds."""
    return int(life.partition("-")[2])


def lives_of(spool: SpoolReader, column: int) -> list[str]:
    """The lives of a column, oldest first."""
    return sorted((life for life in spool.lives() if column_of(life) == column), key=start_of)


def pending_charges(frames: Iterator[Frame], applied: int) -> tuple[Charge, ...]:
    """What a dead worker owes: the reservations of calls that it admitted and did not settle, and the last settled call
    when the counters have not seen it (`applied` is the call they saw last).

    Between writing a Settled record and applying it a worker writes nothing else, so only the very last record of a
    life can be settled and not applied. A recalled call that is charged nothing is never applied, and owes nothing.
    """
    under_way: dict[int, tuple[Charge, ...]] = {}
    last: Settled | None = None
    for frame in frames:
        record = frame.record
        last = record.settled if isinstance(record, Recalled) else record if isinstance(record, Settled) else None
        if isinstance(record, Admitted):
            under_way[record.sequence] = record.reserved
        elif isinstance(record, Settled):
            under_way.pop(record.sequence, None)
    owed = [charge for reserved in under_way.values() for charge in reserved]
    if last is not None and last.sequence != applied:
        owed.extend(last.charged)
    return tuple(owed)


def recover(counters: Counters, spool: SpoolReader, column: int) -> Sequence[Charge]:
    """Charge the newest life of the column and clear the column; what was charged. Conflict when the life goes on."""
    lives = lives_of(spool, column)
    if lives and spool.is_alive(lives[-1]):
        raise Conflict(
            f"Column {column} belongs to a worker that is alive ({lives[-1]}).",
            remedy="Recover it after that process has ended.",
            code="worker_alive",
        )
    owed: tuple[Charge, ...] = ()
    if lives and column in counters.acknowledged():  # else it was cleared, by the worker itself or before
        owed = pending_charges(spool.frames(lives[-1], 0, 0), counters.applied(column))
    counters.recover(column, owed)
    return owed


class RecoveredSpool:
    """The spool as the control process folds it: a dead life counts as alive until its column was recovered, because
    `recover` still needs its records, and the folder ends and deletes what is dead."""

    def __init__(self, spool: SpoolReader, counters: Counters) -> None:
        self._spool = spool
        self._counters = counters

    def lives(self) -> Sequence[str]:
        return self._spool.lives()

    def frames(self, life: str, segment: int, offset: int) -> Iterator[Frame]:
        return self._spool.frames(life, segment, offset)

    def newest(self, life: str) -> int:
        return self._spool.newest(life)

    def is_alive(self, life: str) -> bool:
        return self._spool.is_alive(life) or not self._is_recovered(life)

    def forget(self, life: str, before_segment: int) -> None:
        self._spool.forget(life, before_segment)

    def _is_recovered(self, life: str) -> bool:
        column = column_of(life)
        if column not in self._counters.acknowledged():
            return True
        # Attached: this life's own worker is not recovered, or its successor is at work, which begins after that.
        return lives_of(self._spool, column)[-1:] != [life]


def recover_installation(settings: Settings, column: int) -> Sequence[Charge]:
    home = Home(settings.home)
    counters = open_local(settings, home)
    try:
        return recover(counters, open_reader(home.spool), column)
    finally:
        counters.close()


def main(arguments: list[str]) -> int:
    die_with_supervisor()
    parser = argparse.ArgumentParser(prog="python -m genaiops.app.recovery", description=__doc__)
    parser.add_argument("--settings", type=Path, required=True)
    parser.add_argument("--column", type=int, required=True)
    parser.add_argument(READY_OPTION, type=int, dest="ready")
    given = parser.parse_args(arguments)
    settings = settings_file.load(given.settings)
    configure_logging(settings.log.level)

    def work() -> None:
        owed = recover_installation(settings, given.column)
        sys.stderr.write(f"column {given.column} recovered, {len(owed)} charges\n")

    return run_reporting(work)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
