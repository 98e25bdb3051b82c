"""Experiments: randomised comparisons of releases on live traffic, with the rule for stopping written beforehand."""

from collections.abc import Mapping
from typing import Literal

import msgspec

Arm = Literal["candidate", "baseline"]
ExperimentState = Literal["draft", "running", "ended", "decided"]
ExperimentOutcome = Literal["better", "worse", "no_difference", "inconclusive", "harm", "imbalance", "moved", "stopped"]
"""Of the candidate. `no_difference`: it is not better by what was worth it. `harm`: a guard metric is clearly worse.
`imbalance`: users did not come to the arms as the shares say, so nothing that was measured can be believed. `moved`:
the deployment was changed while it ran. `stopped`: by a person."""

ExperimentDecision = Literal["promoted", "rolled_back", "kept"]
GoodWay = Literal["higher", "lower"]

SCORE_METRIC = "score:"
"""What names of metrics begin with that are the mean of scores of a name."""


def score_of(metric: str) -> str | None:
    """The name of the scores that a metric is the mean of; None for one that is measured of each call."""
    return metric.removeprefix(SCORE_METRIC) if metric.startswith(SCORE_METRIC) else None


CHECK_METRIC = "check/"
"""What names of metrics begin with that are what a check of the plan's suite says of answers."""


def live_check_of(metric: str) -> str | None:
    """The name of the check whose verdicts a metric is the mean of; None for all others."""
    return metric.removeprefix(CHECK_METRIC) if metric.startswith(CHECK_METRIC) else None


class LiveMetric(msgspec.Struct, frozen=True):
    """What is measured of a call. `says`: in words; `bounds`: its range (None: open)."""

    unit: str
    says: str
    bounds: tuple[float, float] | None = None


LIVE_METRICS: Mapping[str, LiveMetric] = {
    "errors": LiveMetric("share of calls", "calls that failed, but for those that a guard stopped", (0.0, 1.0)),
    "blocked": LiveMetric("share of calls", "calls that a guard stopped", (0.0, 1.0)),
    "latency": LiveMetric("s", "duration of calls that succeeded"),
    "first_token": LiveMetric("s", "time to the first token of calls that succeeded"),
    "cost": LiveMetric("USD", "cost of a call, where it is known"),
    "tokens": LiveMetric("tokens", "input and output of a call"),
}
"""Beside the scores. Less is better of each."""


class ExperimentMetric(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`better`: which way is good. `bounds`: the range of a score, where it has one. `sample`: of a check, the share of
    calls that it looks at (None: all). `unit`, and `allowed`, which is the margin of the suite's gate, are those of the
    check; they are found when the experiment is written down."""

    metric: str
    better: GoodWay
    bounds: tuple[float, float] | None = None
    sample: float | None = None
    unit: str = ""
    allowed: float | None = None


class GuardMetric(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What must not become worse by more than `margin`, in units of the metric. All else as of an ExperimentMetric."""

    metric: str
    better: GoodWay
    margin: float
    bounds: tuple[float, float] | None = None
    sample: float | None = None
    unit: str = ""
    allowed: float | None = None


class LiveFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What a check of a suite is on live calls: as ExperimentMetric has it, `margin` of the suite's gate, and whether
    it `pays` a model that judges."""

    better: GoodWay
    bounds: tuple[float, float] | None
    unit: str
    margin: float | None = None
    pays: bool = False


class ExperimentPlan(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is written down before the start and never changed after it.

    `effect`: the smallest improvement of the primary metric that is worth it, in its units. `alpha`: the chance of any
    wrong claim about the primary metric over all looks, and likewise of a false alarm about any guard metric. `share`:
    percent of the users that get the candidate. `least`: users of each arm before anything is said; `most`: of both
    together, then it ends. A user counts once, by their calls within `window_us` of their first. `before_us`: how long
    before the start a user's calls are looked at for the adjustment (CUPED); 0: not at all. `roll_back`: on harm.
    `promote`: ask for it when the candidate is better. `suite`: whose checks the metrics `check/NAME` are, as it was
    named; `spend`: the most that models which judge may cost in all (decimal, in the currency of the prices)."""

    primary: ExperimentMetric
    effect: float = 0.0
    guards: tuple[GuardMetric, ...] = ()
    alpha: float = 0.05
    share: int = 10
    least: int = 100
    most: int = 10_000
    window_us: int = 3_600_000_000
    before_us: int = 0
    roll_back: bool = False
    promote: bool = False
    suite: str = ""
    spend: str | None = None

    @property
    def metrics(self) -> "tuple[ExperimentMetric | GuardMetric, ...]":
        """What is to become better, and what must not become worse."""
        return (self.primary, *self.guards)

    @property
    def checks(self) -> "tuple[ExperimentMetric | GuardMetric, ...]":
        """Those that checks of its suite say."""
        return tuple(each for each in self.metrics if live_check_of(each.metric) is not None)


class Experiment(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`id` is its name. `candidate` and `baseline` are releases (`baseline` None: not begun). `reason`: why it ended.
    `approval_id`: of the change of the deployment that was asked for last on its behalf. `suite_id`: the version of the
    plan's suite that was meant when it was written down; `judges`: check -> the version of the judge, likewise."""

    id: str
    tenant_id: str = "default"
    application_id: str
    environment_id: str
    candidate: str
    baseline: str | None = None
    hypothesis: str = ""
    plan: ExperimentPlan
    suite_id: str | None = None
    judges: dict[str, str] = {}
    state: ExperimentState = "draft"
    outcome: ExperimentOutcome | None = None
    reason: str = ""
    decision: ExperimentDecision | None = None
    comment: str = ""
    approval_id: str | None = None
    created_us: int
    created_by: str = ""
    started_us: int | None = None
    started_by: str = ""
    ended_us: int | None = None
    ended_by: str = ""
    decided_us: int | None = None
    decided_by: str = ""

    @property
    def deployment_id(self) -> str:
        return f"{self.application_id}@{self.environment_id}"


class ArmSums(msgspec.Struct, frozen=True, array_like=True):
    """Of the units of one arm: how many, their values `y`, what was known of each before `x`, squares and products."""

    n: int = 0
    y: float = 0.0
    yy: float = 0.0
    x: float = 0.0
    xx: float = 0.0
    xy: float = 0.0

    def plus(self, y: float, x: float = 0.0) -> "ArmSums":
        """With one more unit."""
        return ArmSums(self.n + 1, self.y + y, self.yy + y * y, self.x + x, self.xx + x * x, self.xy + x * y)

    @property
    def mean(self) -> float | None:
        """None without a unit."""
        return self.y / self.n if self.n else None

    def spread(self, slope: float = 0.0) -> float:
        """The sum of squared deviations of y - slope x."""
        if not self.n:
            return 0.0
        yy = self.yy - self.y * self.y / self.n
        xx = self.xx - self.x * self.x / self.n
        xy = self.xy - self.x * self.y / self.n
        return max(0.0, yy - 2 * slope * xy + slope * slope * xx)


class TrafficSample(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of the calls of a deployment before an experiment: `users` who came in `days`, calls of `nobody`,
    and of each metric the values of users, each over the window that begins with their first call there."""

    users: int
    days: float
    calls: int
    nobody: int
    metrics: dict[str, ArmSums] = {}

    @property
    def per_day(self) -> float:
        """New users a day; 0: none came."""
        return self.users / self.days if self.days > 0 else 0.0


class ExperimentUnit(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A user (or session) in an experiment, by a digest that says nothing of who it is. While it is `open`: `sums` of
    what was seen by metric (total and how often), `scores` by name and who gave it to which trace, `before` what was
    known of the primary metric before the start. Afterwards only the arm is left, which is that of the first call."""

    unit: str
    arm: Arm
    first_us: int
    open: bool = True
    crossed: bool = False
    before: float | None = None
    sums: dict[str, tuple[float, int]] = {}
    scores: dict[str, dict[str, tuple[int, float]]] = {}


class ReadPlace(msgspec.Struct, frozen=True, array_like=True):
    """How far the telemetry of one machine was read: the place in its spans, and in its scores. `scores_us`: when that
    was. `checked`: up to which of the spans checks have looked. They have not looked at calls that began at `first[1]`
    and are over when they reach the place `first[0]`, nor at those that were read after that, from `later` on.
    `ready_us`: they have looked at all calls that began before."""

    head: int
    scores_us: int = 0
    scores: int = 0
    checked: int = 0
    ready_us: int = 0
    first: tuple[int, int] | None = None
    later: int | None = None

    def read(self, head: int, began_us: int | None) -> "ReadPlace":
        """Up to there, calls of which the first began then (None: no calls)."""
        if began_us is None:
            return msgspec.structs.replace(self, head=head)
        if self.first is None:
            return msgspec.structs.replace(self, head=head, first=(head, began_us))
        later = began_us if self.later is None else min(self.later, began_us)
        return msgspec.structs.replace(self, head=head, later=later)

    def ready(self, now_us: int) -> "ReadPlace":
        """With what checks have looked at by now."""
        first, later = self.first, self.later
        if first is not None and self.checked >= first[0]:
            first, later = None if later is None else (self.head, later), None
        if self.checked >= self.head:
            first = later = None
        began = (now_us, *(() if first is None else (first[1],)), *(() if later is None else (later,)))
        return msgspec.structs.replace(self, first=first, later=later, ready_us=min(began))


LiveState = Literal["scored", "errors", "unkept", "unanswered", "lacking", "late", "unpaid"]
"""What became of a call that a check was to look at. `errors`: the check could not say. Not scored: `unkept`, its
answer is not kept, or not all of it; `unanswered`, it has none; `lacking`, it has not what the check needs, such as
passages; `late`, its user had been counted; `unpaid`, nobody pays for it any more."""


class CheckedCalls(msgspec.Struct, frozen=True, array_like=True):
    """How many calls of an arm became what, as a check looked at them."""

    scored: int = 0
    errors: int = 0
    unkept: int = 0
    unanswered: int = 0
    lacking: int = 0
    late: int = 0
    unpaid: int = 0

    def plus(self, state: LiveState) -> "CheckedCalls":
        """With one more."""
        return msgspec.structs.replace(self, **{state: getattr(self, state) + 1})

    @property
    def not_scored(self) -> int:
        """Without a value, and not for a fault of the check."""
        return self.unkept + self.unanswered + self.lacking + self.late + self.unpaid


class ExperimentTally(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is known so far. `entered` units an arm, of which `counted` are over. `crossed`: of which calls were served
    by the other arm later. `nobody`: calls without a user and without a session, which count for nothing. `unpriced`:
    paying attempts that cost something nobody knows. `sums`: metric -> arm -> of the units that have a value.
    `evidence`: the most there was against the shares (see `checks.statistics.balance`). `typical`: what counts for
    users of whom nothing is known from before. `checked`: metric -> arm -> what became of calls that a check was to
    look at; `faults`: metric -> why the last of them has no value; `spent_nano`: what models that judge have cost."""

    places: dict[str, ReadPlace] = {}
    entered: dict[str, int] = {}
    counted: dict[str, int] = {}
    crossed: int = 0
    nobody: int = 0
    unpriced: int = 0
    sums: dict[str, dict[str, ArmSums]] = {}
    evidence: float = 0.0
    typical: float | None = None
    checked: dict[str, dict[str, CheckedCalls]] = {}
    faults: dict[str, str] = {}
    spent_nano: int = 0


EstimateState = Literal["waiting", "open", "better", "worse", "held", "harm"]


class Estimate(msgspec.Struct, frozen=True, kw_only=True):
    """One metric at one look: candidate less baseline, with the interval that holds at all looks together at 1 -
    `alpha` (None: too few users). `n`: users with a value, candidate and baseline. `explained`: the share of variance
    that was known before. `allowed`: the margin of the suite's gate, of a check that has one; `unit`: of a check."""

    metric: str
    better: GoodWay
    candidate: float | None
    baseline: float | None
    n: tuple[int, int]
    difference: float | None = None
    interval: tuple[float, float] | None = None
    explained: float = 0.0
    alpha: float
    margin: float | None = None
    state: EstimateState = "waiting"
    unit: str = ""
    allowed: float | None = None


class Look(msgspec.Struct, frozen=True, kw_only=True):
    """`entered` and `counted`: candidate and baseline. `balance_p`: always valid. `outcome`: what ends it, if anything
    does."""

    at_us: int
    entered: tuple[int, int]
    counted: tuple[int, int]
    balance_p: float
    primary: Estimate
    guards: tuple[Estimate, ...] = ()
    outcome: ExperimentOutcome | None = None
    reason: str = ""
