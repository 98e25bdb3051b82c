"""Two runs side by side: check by check how a target of one differs from a target of the other, over the cases that
both have, and which cases were won and lost."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Literal

import msgspec

from genaiops.arena._gate_judged import Beyond, judged_difference
from genaiops.arena._gate_subject import Subject, by_passes
from genaiops.arena._people import distrusted
from genaiops.arena._tables import Columns, Tables
from genaiops.checks.metrics import metric
from genaiops.checks.metrics.judges import NAME as JUDGE
from genaiops.checks.statistics import Comparison, compare, holm
from genaiops.core.errors import UsageError
from genaiops.domain import MetricCard, Suite, SuiteCheck

Way = Literal["won", "lost"]
BesideWord = Literal["better", "worse", "no difference shown", "not compared"]


class Side(msgspec.Struct, frozen=True):
    """What a run has, and which of its targets is looked at. `whole`: reads its rows, where columns are not enough."""

    tables: Columns
    target: str
    whole: Callable[[], Tables] | None = None

    @property
    def answers(self) -> Tables | None:
        """All of it, with what was answered, which labels of people are found by."""
        if isinstance(self.tables, Tables):
            return self.tables
        return None if self.whole is None else self.whole()


class CheckBeside(msgspec.Struct, frozen=True, kw_only=True):
    """`comparison` None: `why` says what stands against it. More is better, whichever way the metric counts. `before`
    and `after`: case -> value, of the cases that both have. Of a judge they are what the judge says; `people` is then
    the difference that people would see, and `why_not` says why it is not known ("": it is, or nothing is judged)."""

    check: str
    unit: str
    comparison: Comparison | None = None
    why: str = ""
    before: Mapping[str, float] = {}
    after: Mapping[str, float] = {}
    people: Comparison | None = None
    why_not: str = ""

    def changed(self, way: Way) -> tuple[str, ...]:
        """Cases in the order of the suite."""
        sign = 1 if way == "won" else -1
        return tuple(case for case, value in self.after.items() if sign * (value - self.before[case]) > 0)


class Beside(msgspec.Struct, frozen=True, kw_only=True):
    """`alike`: cases that ask the same in both runs; `only_before` and `only_after` are in one of them alone, `changed`
    have the same id and ask something else. Only what is alike is compared. `won`: better by one check at least, and
    worse by none; `lost`: worse by one check at least. In the order of the suite."""

    checks: tuple[CheckBeside, ...]
    alike: tuple[str, ...]
    changed: tuple[str, ...]
    only_before: int
    only_after: int
    won: tuple[str, ...]
    lost: tuple[str, ...]
    alpha: float

    def of(self, way: Way, check: str | None = None) -> tuple[str, ...]:
        """Cases that were won or lost, by one check (None: by all of them)."""
        if check is None:
            return self.won if way == "won" else self.lost
        return next((each.changed(way) for each in self.checks if each.check == check), ())

    def words(self) -> Mapping[str, BesideWord]:
        """What may be said by check: of a judge by what people would say, where that is known. Claims of better are
        corrected for their number (Holm 1979)."""
        told = [(each.check, each.people or each.comparison) for each in self.checks]
        compared = [(check, said) for check, said in told if said is not None]
        better = holm([said.p_better for _, said in compared], alpha=self.alpha)
        words: dict[str, BesideWord] = {each.check: "not compared" for each in self.checks}
        for (check, said), shown in zip(compared, better, strict=True):
            words[check] = "better" if shown else "worse" if said.high < 0 else "no difference shown"
        return words


def beside(suite: Suite, before: Side, after: Side, within: str | None = None) -> Beside:
    """By the checks of `suite`, over the cases of one slice (None: all).
    Figures of different versions of a metric are not compared; the check says so."""
    old, new = before.tables.asks(within), after.tables.asks(within)
    both = [name for name in new if name in old]
    alike = tuple(name for name in both if old[name] == new[name])
    same = set(alike)
    made = (_check(check, before, after, alike, suite.gate.alpha) for check in suite.check)
    checks = tuple(each for each in made if each is not None)
    better = {case for each in checks for case in each.changed("won")}
    worse = {case for each in checks for case in each.changed("lost")}
    return Beside(
        checks=checks,
        won=tuple(case for case in alike if case in better and case not in worse),
        lost=tuple(case for case in alike if case in worse),
        alike=alike,
        changed=tuple(name for name in both if name not in same),
        only_before=len(old) - len(both),
        only_after=len(new) - len(both),
        alpha=suite.gate.alpha,
    )


def _check(check: SuiteCheck, before: Side, after: Side, alike: tuple[str, ...], alpha: float) -> CheckBeside | None:
    card = metric(check.metric, check.options).card
    if card.over == "corpus":
        return None
    passes = by_passes(check, card)
    unit = f"pass@{check.pass_at}" if check.pass_at else "share passed" if passes else card.unit
    versions = [side.tables.metrics(side.target, check.name) for side in (before, after)]
    for side, found in zip((before, after), versions, strict=True):
        if not found:
            return CheckBeside(check=check.name, unit=unit, why=f"Nothing of {side.target} was judged by it.")
    if versions[0] != versions[1]:
        told = " and ".join(", ".join(sorted(each)) for each in versions)
        return CheckBeside(check=check.name, unit=unit, why=f"Figures of {told} are not compared.")
    sign = -1.0 if card.better == "lower" and not passes else 1.0
    values = list(_values(check, before, after, alike, passes))
    ids = [name for name, _, _ in values]
    old = {name: sign * value for name, value, _ in values}
    new = {name: sign * value for name, _, value in values}
    try:
        said = compare(
            list(new.values()),
            list(old.values()),
            after.tables.clusters(ids),
            alpha=alpha,
            span=1.0 if passes else _span(card),
        )
    except UsageError as error:
        return CheckBeside(check=check.name, unit=unit, why=str(error), before=old, after=new)
    people, why_not = _by_people(check, before, after, ids, alpha) if card.name == JUDGE else (None, "")
    return CheckBeside(
        check=check.name, unit=unit, comparison=said, before=old, after=new, people=people, why_not=why_not
    )


def _by_people(
    check: SuiteCheck, before: Side, after: Side, ids: Sequence[str], alpha: float
) -> tuple[Comparison | None, str]:
    """The difference that people would see, or why it is not known."""
    if why := distrusted(Subject(check, Tables((), (), ()), "", alpha=alpha)):
        return None, why
    old, new = before.answers, after.answers
    if old is None or new is None:
        return None, "what was answered is not kept"
    mine, other = (
        Subject(check, tables, side.target, alpha=alpha).within(ids) for tables, side in ((new, after), (old, before))
    )
    found = judged_difference(mine, Beyond(mine.column(), mine.people()), Beyond(other.column(), other.people()), ids)
    return (None, found) if isinstance(found, str) else (found[0], "")


def _values(
    check: SuiteCheck, before: Side, after: Side, alike: tuple[str, ...], passes: bool
) -> Iterator[tuple[str, float, float]]:
    old = before.tables.column(before.target, check.name, alike, passes=passes, at=check.pass_at).values
    new = after.tables.column(after.target, check.name, alike, passes=passes, at=check.pass_at).values
    return ((name, old[name], new[name]) for name in alike if name in old and name in new)


def _span(card: MetricCard) -> float | None:
    return None if card.low is None or card.high is None else card.high - card.low
