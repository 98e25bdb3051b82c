"""How many cases a suite needs: what `genaiops suite plan` works out, from the file, and from a run in the home."""

from contextlib import closing
from math import sqrt
from pathlib import Path
from typing import Any, Final

import msgspec

from genaiops.app.home import Home
from genaiops.app.local_suites import read_file
from genaiops.app.run_store import open_home_runs
from genaiops.arena import USUAL_MARGINS, Plan, PlanAsked, Tables, cases_of, planned, spread_of
from genaiops.checks.metrics import metric
from genaiops.checks.statistics.planning import Spread
from genaiops.core.errors import UsageError
from genaiops.domain import Suite, SuiteCheck
from genaiops.sdk import default_home

ASSUMED: Final = 0.1
"""Share of cases that come out otherwise, where nobody says."""


class Planning(msgspec.Struct, frozen=True, kw_only=True):
    """What a command was told. `deviation`: of differences, in the metric's unit; or `discordant`, the share of cases
    that only one side gets right. Neither, and no `run`: a tenth of the cases is taken to differ, by all the range."""

    file: str | None = None
    run: str | None = None
    check: str | None = None
    margins: tuple[float, ...] = ()
    repeats: tuple[int, ...] = ()
    alpha: float | None = None
    power: float = 0.8
    difference: float = 0.0
    deviation: float | None = None
    discordant: float | None = None
    noise: float = 0.0
    cluster_size: float = 1.0
    correlation: float = 0.0
    home: str | None = None

    def __call__(self) -> list[dict[str, Any]]:
        """One plan for each check that is compared (without a file: one). UsageError says what does not fit."""
        self._refuse()
        if self.file is None:
            plans = [self._plan("", None, self._given(1.0), Suite())]
        else:
            plans = self._of_suite(read_file(self.file), Path(self.file).parent)
        plain: list[dict[str, Any]] = msgspec.to_builtins(plans)
        return plain

    def _refuse(self) -> None:
        if self.deviation is not None and self.discordant is not None:
            raise UsageError("A deviation and a share that differs are two words for one.", remedy="Give one of them.")
        if self.run is not None and self.file is None:
            raise UsageError("A run is read with its suite.", remedy="genaiops suite plan FILE --from RUN")
        if self.run is not None and (self.deviation is not None or self.discordant is not None):
            raise UsageError("How values vary is read from the run.", remedy="Leave --deviation and --discordant out.")
        if self.file is None and not self.margins:
            raise UsageError("There is nothing to plan for.", remedy="Name a suite, or give --margin.", param="margin")

    def _given(self, span: float | None) -> Spread:
        if self.deviation is not None:
            deviation = self.deviation
        else:
            deviation = sqrt(ASSUMED if self.discordant is None else self.discordant) * (1.0 if span is None else span)
        return Spread(
            deviation=deviation,
            noise=self.noise,
            cluster_size=self.cluster_size,
            correlation=self.correlation,
            reach=span,
        )

    def _of_suite(self, suite: Suite, folder: Path) -> list[Plan]:
        checks = [check for check in suite.check if self._wanted(check)]
        if not checks:
            single = [check for check in suite.check if metric(check.metric, check.options).card.over == "sample"]
            names = ", ".join(check.name for check in single)
            without = "No check of the suite has a margin."
            raise UsageError(
                without if self.check is None else f"There is no check {self.check!r} of single cases.",
                remedy=f"Name one: --check NAME. There are: {names or 'none'}.",
                param="check",
            )
        here = tuple(source for source in suite.cases if source.file)
        elsewhere = len(here) < len(suite.cases)
        alone = msgspec.structs.replace(suite, shots=None, target=())
        have = None if elsewhere else len(cases_of(alone, folder=folder))
        tables = None if self.run is None else self._tables(self.run)
        return [self._plan(check.name, check, self._spread(suite, check, tables), suite, have) for check in checks]

    def _wanted(self, check: SuiteCheck) -> bool:
        if metric(check.metric, check.options).card.over == "corpus":
            return False
        return check.margin is not None if self.check is None else check.name == self.check

    def _spread(self, suite: Suite, check: SuiteCheck, tables: Tables | None) -> Spread:
        if tables is not None:
            baseline = suite.gate.baseline
            others = [target.name for target in suite.target if target.name != baseline]
            if not baseline or not others:
                raise UsageError("The suite compares no two targets.", remedy='Name one: [gate] baseline = "..."')
            return spread_of(check, tables, others[0], baseline)
        card = metric(check.metric, check.options).card
        share = check.threshold is not None or check.negate
        span = 1.0 if share else None if card.low is None or card.high is None else card.high - card.low
        if span is None and self.deviation is None:
            raise UsageError(
                f"{check.name} has no range that a deviation could be assumed from.",
                remedy="Give --deviation, or --from RUN.",
                param="deviation",
            )
        return self._given(span)

    def _tables(self, run: str) -> Tables:
        home = Home(self.home or default_home())
        home.prepare()
        with closing(open_home_runs(home)) as store:
            store.get(run)
            return Tables(store.cases(run), store.answered(run), store.judged(run))

    def _plan(self, name: str, check: SuiteCheck | None, spread: Spread, suite: Suite, have: int | None = None) -> Plan:
        margins = self.margins
        if not margins and check is not None and check.margin is not None:
            margins = (check.margin / 2, check.margin, 2 * check.margin)
        width = spread.reach or 1.0
        asked = PlanAsked(
            margins=margins or tuple(each * width for each in USUAL_MARGINS),
            repeats=self.repeats or (suite.run.repeats,),
            alpha=suite.gate.alpha if self.alpha is None else self.alpha,
            power=self.power,
            difference=self.difference,
        )
        given = self.deviation is not None or self.discordant is not None
        return Plan(
            check=name,
            spread=spread,
            known="run" if self.run is not None else "given" if given else "assumed",
            asked=asked,
            rows=planned(spread, asked),
            have=have,
        )
