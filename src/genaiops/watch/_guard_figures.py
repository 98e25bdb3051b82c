"""Figures of guards: by rule, and over time. Read from sums by the hour, never from single verdicts."""

from collections.abc import Mapping, Sequence
from typing import Literal

import msgspec

from genaiops.checks.proportion import wilson
from genaiops.core.histogram import Histogram
from genaiops.domain import WHOLE_POLICY, GuardAction
from genaiops.ports.telemetry import Telemetry
from genaiops.ports.verdicts import GuardDimension, GuardQuery, GuardSums

_GROUPS: Sequence[GuardDimension] = ("policy", "rule", "detector", "direction", "action", "shadow")


class FalseAlarms(msgspec.Struct, frozen=True, kw_only=True):
    """What people said of a rule's verdicts. `rate` is of those that were `marked`, `low` and `high` its Wilson
    interval at 95 %; None until somebody marked one. Who marks chooses what to look at: it is no random sample."""

    marked: int = 0
    false_alarms: int = 0
    rate: float | None = None
    low: float | None = None
    high: float | None = None


class RuleFigures(msgspec.Struct, frozen=True, kw_only=True):
    """What a rule did. `looked_at`: how often its policy looked at calls in the directions in which the rule said
    something; null where the records do not tell. `actions`: what followed -> how often; `shadow`: what would have.
    `noted` is all of both. Milliseconds are of the noted."""

    policy: str
    rule: str
    detector: str
    looked_at: int | None
    noted: int
    actions: Mapping[str, int]
    shadow: Mapping[str, int]
    findings: int
    errors: int
    p50_ms: float | None
    p95_ms: float | None
    false_alarms: FalseAlarms

    def did(self, action: GuardAction) -> int:
        return self.actions.get(action, 0)


class GuardPoint(msgspec.Struct, frozen=True, kw_only=True):
    """A stretch of time: what followed -> how often, and what rules in shadow would have done."""

    start_us: int
    actions: Mapping[str, int]
    shadow: Mapping[str, int]
    errors: int


def rule_figures(
    telemetry: Telemetry, *, since_us: int, until_us: int, where: Mapping[GuardDimension, str] | None = None
) -> list[RuleFigures]:
    """In order of policy and rule. The range is widened to whole hours."""
    query = GuardQuery(since_us=since_us, until_us=until_us, step="all", group_by=_GROUPS, where=where or {})
    rows = telemetry.guard_rollup(query)
    # The looks of whole policies have no detector or action to be asked for by.
    of_policies = {name: value for name, value in query.where.items() if name in _OF_POLICIES}
    whole = telemetry.guard_rollup(
        msgspec.structs.replace(
            query, group_by=("policy", "direction"), where={**of_policies, "rule": WHOLE_POLICY}, durations=False
        )
    )
    looks = {(row.group["policy"], row.group["direction"]): row.events for row in whole}
    said = {(each.policy, each.rule): each for each in telemetry.guard_marks(query)}
    by_rule: dict[tuple[str, str], list[GuardSums]] = {}
    for row in rows:
        if row.group["rule"] != WHOLE_POLICY:
            by_rule.setdefault((row.group["policy"], row.group["rule"]), []).append(row)
    found: list[RuleFigures] = []
    for (policy, rule), members in sorted(by_rule.items()):
        took = Histogram.merged(each.duration for each in members)
        counted = [looks.get((policy, direction)) for direction in {each.group["direction"] for each in members}]
        known = [each for each in counted if each is not None]
        marks = said.get((policy, rule))
        found.append(
            RuleFigures(
                policy=policy,
                rule=rule,
                detector=members[0].group["detector"],
                looked_at=sum(known) if known else None,
                noted=sum(each.events for each in members),
                actions=_by_action(members, shadow=False),
                shadow=_by_action(members, shadow=True),
                findings=sum(each.findings for each in members),
                errors=sum(each.errors for each in members),
                p50_ms=_ms(took, 0.5),
                p95_ms=_ms(took, 0.95),
                false_alarms=FalseAlarms() if marks is None else false_alarms(marks.right, marks.false_alarms),
            )
        )
    return found


_OF_POLICIES = frozenset({"tenant_id", "environment_id", "policy", "digest", "direction"})


def false_alarms(right: int, wrong: int) -> FalseAlarms:
    marked = right + wrong
    if not marked:
        return FalseAlarms()
    low, high = wilson(wrong, marked)
    return FalseAlarms(marked=marked, false_alarms=wrong, rate=wrong / marked, low=low, high=high)


def guard_points(
    telemetry: Telemetry,
    *,
    since_us: int,
    until_us: int,
    step: Literal["hour", "day"] = "hour",
    where: Mapping[GuardDimension, str] | None = None,
) -> list[GuardPoint]:
    """Oldest first; stretches in which nothing was noted are left out."""
    rows = telemetry.guard_rollup(
        GuardQuery(
            since_us=since_us,
            until_us=until_us,
            step=step,
            group_by=("rule", "action", "shadow"),
            where=where or {},
            durations=False,
        )
    )
    by_start: dict[int, list[GuardSums]] = {}
    for row in rows:
        if row.group["rule"] != WHOLE_POLICY:
            by_start.setdefault(row.start_us, []).append(row)
    return [
        GuardPoint(
            start_us=start,
            actions=_by_action(members, shadow=False),
            shadow=_by_action(members, shadow=True),
            errors=sum(each.errors for each in members),
        )
        for start, members in sorted(by_start.items())
    ]


def _by_action(rows: Sequence[GuardSums], *, shadow: bool) -> dict[str, int]:
    found: dict[str, int] = {}
    for row in rows:
        if (row.group["shadow"] != "") is shadow:
            found[row.group["action"]] = found.get(row.group["action"], 0) + row.events
    return found


def _ms(took: Histogram, q: float) -> float | None:
    found = took.quantile(q)
    return None if found is None else found / 1000
