"""New checks over answers that are there: nothing is generated again, and only judges are asked."""

import asyncio
import time
from collections import defaultdict, deque
from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from typing import Final

import msgspec

from genaiops.arena._bounded import Purse
from genaiops.arena._gate_subject import Subject
from genaiops.arena._people import People, of_people
from genaiops.arena._runner import COMMIT_ANSWERS
from genaiops.arena._scoring import Scorer, threshold_of
from genaiops.arena._tables import Tables
from genaiops.checks.metrics import metric
from genaiops.checks.metrics.judges import NAME as JUDGE
from genaiops.checks.statistics import level
from genaiops.core.errors import LimitReached, UsageError
from genaiops.core.money import to_nano
from genaiops.domain import Answer, Case, Judged, Run, Suite, SuiteCheck
from genaiops.ports.metrics import Means
from genaiops.ports.runs import Runs

_ALPHA: Final = 0.05


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """Of one check for one target. `mean` with its one-sided bounds of 95 % confidence over `n` cases (None: too few,
    or a metric without a range whose values are all equal); `passed`: cases with a threshold that reached it in every
    repeat; `missing`: cases without a value; `added`: by `suite rescore`, beside what the suite asks for; `people`:
    what they would say, of what a judge says (None: it is no judge)."""

    check: str
    metric: str
    target: str
    unit: str = ""
    n: int = 0
    missing: int = 0
    mean: float | None = None
    low: float | None = None
    high: float | None = None
    passed: int | None = None
    added: bool = False
    people: People | None = None


class Benchmark(msgspec.Struct, frozen=True, kw_only=True):
    """What one run measured of a model. `harness`: the version of genaiops that measured it; `target`: under which name
    the suite asked the model; `figures`: of that target, with intervals."""

    run: Run
    harness: str
    target: str
    figures: Sequence[Figure]


class Rescorer:
    """The checks of `suite` over the answers of a run. `stopped` says why not all were asked about ("": they were)."""

    def __init__(
        self,
        store: Runs,
        run_id: str,
        suite: Suite,
        means: Callable[[Purse, asyncio.Event], Means],
        *,
        told: Callable[[int], None] | None = None,
    ) -> None:
        self._store = store
        self._run_id = run_id
        self._suite = suite
        self._cases: Sequence[Case] = store.cases(run_id)
        self._scorer = Scorer(suite, self._cases)
        self._purse = Purse(None if suite.run.spend is None else to_nano(suite.run.spend))
        self._means = means(self._purse, asyncio.Event())
        self._told = told
        self.stopped = ""

    @property
    def cost_nano(self) -> int | None:
        """What judges cost (None: not known, or nothing was asked)."""
        return self._purse.known

    async def __call__(self) -> None:
        answers = [
            each for each in await asyncio.to_thread(self._store.answered, self._run_id) if each.state == "answered"
        ]
        for start in range(0, len(answers), COMMIT_ANSWERS):
            some = answers[start : start + COMMIT_ANSWERS]
            judged = await asyncio.to_thread(self._scorer.each, some, at_us=_now())
            judged += await self._consulted(some)
            await asyncio.to_thread(self._store.add, self._run_id, (), judged)
            if self._told is not None:
                self._told(start + len(some))
        for start in range(0, len(answers), COMMIT_ANSWERS):
            judged = await self._consulted(answers[start : start + COMMIT_ANSWERS], beside=answers)
            if judged:
                await asyncio.to_thread(self._store.add, self._run_id, (), judged)
        try:
            await self._scorer.prepare(answers, self._means, self._suite.run.concurrency)
        except LimitReached as error:
            self.stopped = error.message
            return
        together = await asyncio.to_thread(lambda: list(self._scorer.together(answers, at_us=_now())))
        await asyncio.to_thread(self._store.add, self._run_id, (), together)

    async def _consulted(self, answers: Sequence[Answer], beside: Sequence[Answer] = ()) -> list[Judged]:
        """`beside`: all answers, where some are held against those of other targets."""
        order = {target.name: place for place, target in enumerate(self._suite.target)}
        others: dict[tuple[str, int], list[Answer]] = defaultdict(list)
        for each in sorted(beside, key=lambda answer: order.get(answer.target, len(order))):
            others[each.case, each.repeat].append(each)
        to_ask = self._scorer.to_duel if beside else self._scorer.to_ask
        queue = deque((answer, names) for answer in answers if (names := to_ask(answer)))
        judged: list[Judged] = []

        async def work() -> None:
            while queue:
                answer, names = queue.popleft()
                theirs = others.get((answer.case, answer.repeat), ())
                said = await self._scorer.consulted(answer, names, self._means, at_us=_now, beside=theirs)
                judged.extend(said)
                if len(said) < len(names):
                    self.stopped = self._purse.reason or "It was stopped."

        async with asyncio.TaskGroup() as group:
            for _ in range(min(self._suite.run.concurrency, len(queue))):
                group.create_task(work())
        return judged


def figures(suite: Suite, tables: Tables, within: AbstractSet[str] | None = None) -> list[Figure]:
    """What the checks of a suite measured, target by target. `within`: of these cases only, and then without metrics
    over all cases together."""
    checks = [
        check for check in suite.check if within is None or metric(check.metric, check.options).card.over != "corpus"
    ]
    return [_figure(check, tables, target.name, within) for check in checks for target in suite.target]


def _figure(check: SuiteCheck, tables: Tables, target: str, within: AbstractSet[str] | None) -> Figure:
    card = metric(check.metric, check.options).card
    figure = Figure(check=check.name, metric=f"{card.name}/{card.version}", target=target, unit=card.unit)
    if check.pass_at is not None:
        figure = msgspec.structs.replace(figure, unit=f"pass@{check.pass_at}")
    if card.over == "corpus":
        found = tables.corpus.get((target, check.name))
        value = None if found is None else found.verdict.measure
        low, high = (found.verdict.interval if found is not None else None) or (None, None)
        n = 0 if found is None else found.verdict.n or 0
        return msgspec.structs.replace(figure, n=n, mean=value, low=low, high=high)
    wanted = set(check.slices)
    ids = [
        name
        for name, case in tables.cases.items()
        if (within is None or name in within) and (not wanted or wanted & set(case.slices))
    ]
    at_k = check.pass_at is not None
    column = tables.column(target, check.name, ids, passes=at_k, at=check.pass_at)
    values = list(column.values.values())
    passed = None
    if threshold_of(check, card) is not None:
        passed = sum(each >= 1 for each in tables.column(target, check.name, ids, passes=True).values.values())
    figure = msgspec.structs.replace(figure, n=len(values), missing=len(column.missing), passed=passed)
    if not values:
        return figure
    figure = msgspec.structs.replace(figure, mean=sum(values) / len(values))
    if card.name == JUDGE:
        subject = Subject(check, tables, target, alpha=_ALPHA).within(ids)
        figure = msgspec.structs.replace(figure, people=of_people(subject, passes=None if at_k else False))
    least, most = (0.0, 1.0) if at_k else (card.low, card.high)
    try:
        said = level(values, tables.clusters(list(column.values)), alpha=_ALPHA, least=least, most=most)
    except UsageError:  # too few cases, or without a range and without any spread
        return figure
    return msgspec.structs.replace(figure, low=said.low, high=said.high)


def _now() -> int:
    return time.time_ns() // 1000
