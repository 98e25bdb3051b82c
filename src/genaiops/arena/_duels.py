"""Answers held against those of the baseline, pair by pair: who won, and what the order of the two did to the judge."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import msgspec

from genaiops.arena._gate_subject import Subject
from genaiops.arena._tables import Tables
from genaiops.checks.metrics import metric
from genaiops.checks.metrics.judges import LEANS, is_duel
from genaiops.checks.statistics import level, mcnemar
from genaiops.domain import Suite

MOST_CASES: Final = 50
_EVEN: Final = 0.5


class Duels(msgspec.Struct, frozen=True, kw_only=True):
    """Of one check and target, as the judge says it, a case being the mean of its repeats. `win_rate`: ties are half a
    win; `low` and `high`: its one-sided bounds at 1 - the gate's alpha, over `clusters`. `missing`: cases without a
    verdict. `changed`: pairs whose verdict changed with the order (they are ties), of them `first` and `second` for
    what stood there; `order_p`: two-sided, exact, of a judge to whom the order is nothing. `won`, `lost` and `tied`
    name the first fifty cases."""

    check: str
    target: str
    baseline: str
    wins: int
    losses: int
    ties: int
    missing: int
    clusters: int
    win_rate: float
    low: float
    high: float
    changed: int
    first: int
    second: int
    order_p: float
    won: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()
    tied: tuple[str, ...] = ()

    @property
    def order(self) -> str:
        """What the order of the two answers did, in words."""
        if not self.changed:
            return "Every verdict was the same in both orders."
        pairs = "1 verdict" if self.changed == 1 else f"{self.changed} verdicts"
        return (
            f"{pairs} changed with the order (counted as ties): {self.first} for what stood first, {self.second} for "
            f"what stood second, p {self.order_p:.2g}."
        )


def duels(suite: Suite, tables: Tables, baseline: str) -> Iterator[Duels]:
    """Of each check that is one, for each target that has a verdict."""
    for check in suite.check:
        if not is_duel(metric(check.metric, check.options)):
            continue
        for target in suite.target:
            if target.name != baseline:
                subject = Subject(check, tables, target.name, alpha=suite.gate.alpha)
                yield from _of(subject, baseline)


def _of(subject: Subject, baseline: str) -> Iterator[Duels]:
    column = subject.column(passes=False)
    values = column.values
    if not values:
        return
    won, lost = _cases(values, 1), _cases(values, -1)
    tied = [case for case, value in values.items() if value == _EVEN]
    said = level(list(values.values()), subject.tables.clusters(list(values)), alpha=subject.alpha, least=0.0, most=1.0)
    told = [
        line for each in subject.tables.judged()[subject.target, subject.check.name] for line in each.verdict.evidence
    ]
    first, second = (told.count(LEANS[side]) for side in (True, False))
    yield Duels(
        check=subject.check.name,
        target=subject.target,
        baseline=baseline,
        wins=len(won),
        losses=len(lost),
        ties=len(tied),
        missing=len(column.missing),
        clusters=said.clusters,
        win_rate=said.mean,
        low=said.low,
        high=said.high,
        changed=first + second,
        first=first,
        second=second,
        order_p=mcnemar(first, second),
        won=tuple(won[:MOST_CASES]),
        lost=tuple(lost[:MOST_CASES]),
        tied=tuple(tied[:MOST_CASES]),
    )


def _cases(values: Mapping[str, float], sign: int) -> Sequence[str]:
    return [case for case, value in values.items() if sign * (value - _EVEN) > 0]
