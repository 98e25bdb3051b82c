"""What was made of a run that is done, kept beside it: a page of ten thousand cases is read, not computed again.

Kept is what its rows make alike each time: the gate's report, its figures, its columns. It is made anew when the run
has changed since, or another version of genaiops asks.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

import msgspec

import genaiops
from genaiops.arena import (
    Beside,
    Figure,
    GateReport,
    Packed,
    Side,
    Sliced,
    Tables,
    beside,
    figures,
    judge,
    pack,
    sliced,
    unpack,
)
from genaiops.arena.reports import Value, value_of
from genaiops.core.errors import NotFound
from genaiops.domain import Run, Suite
from genaiops.ports.runs import Runs

RESCORED: Final = "rescored"
"""The fact of a run that says since when it has verdicts of further checks."""

_T = TypeVar("_T")
_FORMAT: Final = 3
"""Raise it when what is made of the same rows becomes another."""


class _Kept(msgspec.Struct, frozen=True, array_like=True):
    mark: list[Any]
    body: msgspec.Raw


def state(run: Run) -> tuple[Any, ...]:
    """What changes when a run gets more."""
    return run.id, run.state, run.done, run.failed, run.ended_us, run.environment.get(RESCORED, "")


class KeptFigures:
    """Of one store of runs. `tables` reads all rows of a run, where nothing is kept."""

    def __init__(self, store: Runs, tables: Callable[[Run], Tables]) -> None:
        self._store = store
        self._tables = tables

    def report(self, run: Run, suite: Suite) -> GateReport:
        return self._of(run, "report", GateReport, lambda: judge(suite, self._tables(run)))

    def figures(self, run: Run, suite: Suite) -> Sequence[Figure]:
        return self._of(run, "figures", list[Figure], lambda: figures(suite, self._tables(run)))

    def added(self, run: Run, suites: Sequence[Suite]) -> Sequence[Figure]:
        """Of checks that `suite rescore` added."""

        def made() -> list[Figure]:
            tables = self._tables(run)
            return [msgspec.structs.replace(each, added=True) for suite in suites for each in figures(suite, tables)]

        return self._of(run, "added", list[Figure], made)

    def value(self, run: Run, suite: Suite) -> Value:
        def made() -> Value:
            tables = self._tables(run)
            return value_of(
                run, suite, judge(suite, tables), (each for some in tables.answers.values() for each in some)
            )

        return self._of(run, "value", Value, made)

    def sliced(self, run: Run, suite: Suite) -> Sequence[Sliced]:
        """By whatever tells groups of its cases apart."""
        return self._of(run, "sliced", list[Sliced], lambda: sliced(suite, self._tables(run)))

    def columns(self, run: Run) -> Packed:
        return unpack(self._of(run, "columns", bytes, lambda: pack(self._tables(run))))

    def beside(self, run: Run, suite: Suite, one: str, other: str) -> Beside:
        """Two targets of one run."""

        def made() -> Beside:
            columns = self.columns(run)
            old, new = (Side(columns, name, lambda: self._tables(run)) for name in (one, other))
            return beside(suite, old, new)

        return self._of(run, f"beside {one} {other}", Beside, made)

    def _of(self, run: Run, name: str, kind: Any, made: Callable[[], _T]) -> _T:
        if run.state != "done":
            return made()
        mark: list[Any] = [_FORMAT, genaiops.__version__, *state(run)]
        data = self._store.kept(run.id, name)
        if data is not None:
            kept = msgspec.msgpack.decode(data, type=_Kept)
            if kept.mark == mark:
                found: _T = msgspec.msgpack.decode(kept.body, type=kind)
                return found
        new = made()
        body = msgspec.Raw(msgspec.msgpack.encode(new))
        try:
            self._store.keep(run.id, name, msgspec.msgpack.encode(_Kept(mark, body)))
        except NotFound:
            pass  # it was deleted meanwhile
        return new


def keep_figures(store: Runs, run: Run, suite: Suite, tables: Tables) -> GateReport:
    """All that its page shows, at its end, so that whoever opens it first waits no longer than the next."""
    kept = KeptFigures(store, lambda _: tables)
    report = kept.report(run, suite)
    kept.figures(run, suite)
    kept.sliced(run, suite)
    for target in report.targets if report.baseline else ():
        kept.beside(run, suite, report.baseline, target)
    kept.columns(run)
    kept.value(run, suite)
    return report
