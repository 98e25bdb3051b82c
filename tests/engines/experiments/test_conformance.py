"""The port ExperimentStore: one transaction keeps all of its work or nothing, and experiments do not mix."""

import msgspec
import pytest

from genaiops.domain.experiments import ArmSums, Estimate, ExperimentTally, ExperimentUnit, Look, ReadPlace
from genaiops.engines.experiments_sql import open_experiments
from genaiops.ports.experiments import ExperimentStore

UNIT = ExperimentUnit(
    unit="aa", arm="candidate", first_us=5, before=0.25, sums={"errors": (1.0, 3)}, scores={"kind": {"k": (9, 1.0)}}
)
TALLY = ExperimentTally(
    places={"here": ReadPlace(7, 9)},
    entered={"candidate": 1},
    sums={"errors": {"candidate": ArmSums().plus(0.5, 0.25)}},
    evidence=-0.5,
    typical=0.1,
)
ESTIMATE = Estimate(metric="errors", better="lower", candidate=0.5, baseline=None, n=(1, 0), alpha=0.05)


def look(number: int) -> Look:
    return Look(at_us=number, entered=(1, 2), counted=(0, number), balance_p=1.0, primary=ESTIMATE, guards=(ESTIMATE,))


def test_what_was_kept_is_there(store: ExperimentStore, url: str) -> None:
    assert store.tally("one") == ExperimentTally()
    with store.work("one") as work:
        assert work.tally() == ExperimentTally()
        work.keep(TALLY)
        work.put([UNIT])
        work.add(look(1))
        work.add(look(2))
    again = open_experiments(url)
    assert again.tally("one") == TALLY
    assert list(again.looks("one")) == [look(1), look(2)]
    with again.work("one") as work:
        assert work.units(["aa", "bb"]) == {"aa": UNIT}
        over = msgspec.structs.replace(UNIT, open=False, sums={})
        work.put([over])
    with again.work("one") as work:
        assert work.units({"aa"}) == {"aa": over}
    again.close()


def test_what_fails_leaves_nothing(store: ExperimentStore) -> None:
    def broken() -> None:
        with store.work("one") as work:
            work.put([UNIT])
            work.keep(TALLY)
            work.add(look(1))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        broken()
    assert store.tally("one") == ExperimentTally()
    assert list(store.looks("one")) == []


def test_the_first_come_are_due_first(store: ExperimentStore) -> None:
    units = [msgspec.structs.replace(UNIT, unit=f"u{n:04}", first_us=n, open=n % 2 == 0) for n in range(1200)]
    with store.work("one") as work:
        work.put(units)
        assert len(work.units({one.unit for one in units})) == 1200
    with store.work("one") as work:
        assert [one.first_us for one in work.due(7, limit=10)] == [0, 2, 4, 6]
        assert [one.first_us for one in work.due(2000, limit=3)] == [0, 2, 4]


def test_units_are_forgotten(store: ExperimentStore) -> None:
    for name in ("one", "other"):
        with store.work(name) as work:
            work.keep(TALLY)
            work.put([UNIT, msgspec.structs.replace(UNIT, unit="bb")])
    with store.work("one") as work:
        assert work.drop(["aa", "cc"]) == 1
        assert work.drop(["aa"]) == 0
        assert set(work.units(["aa", "bb"])) == {"bb"}
    store.forget_units("one")
    with store.work("one") as work:
        assert work.units(["bb"]) == {}
        assert work.tally() == TALLY
    with store.work("other") as work:
        assert len(work.units(["aa", "bb"])) == 2


def test_experiments_do_not_mix(store: ExperimentStore) -> None:
    for name in ("one", "other"):
        with store.work(name) as work:
            work.put([UNIT])
            work.keep(TALLY)
            work.add(look(1))
    store.forget("one")
    store.forget("one")
    assert store.tally("one") == ExperimentTally()
    assert store.tally("other") == TALLY
    assert list(store.looks("one")) == []
    with store.work("one") as work:
        assert work.units({"aa"}) == {}
        assert list(work.due(99, limit=9)) == []
