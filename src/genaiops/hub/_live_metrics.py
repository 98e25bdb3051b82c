"""Metrics of experiments that are checks of a suite: which version is meant, and what each check is on live calls."""

from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec

from genaiops.core.errors import NotFound, UsageError
from genaiops.core.money import to_nano
from genaiops.domain import Actor, Artifact, Version
from genaiops.domain.experiments import (
    CHECK_METRIC,
    ExperimentMetric,
    ExperimentPlan,
    GuardMetric,
    LiveFacts,
    live_check_of,
)
from genaiops.hub._artifacts import may_see, resolved_version
from genaiops.hub._kinds import PLAIN, Kinds
from genaiops.ports.records import View

_Metric = TypeVar("_Metric", ExperimentMetric, GuardMetric)


class LivePlan(msgspec.Struct, frozen=True):
    """The plan with what its checks are; the version of its suite (None: it names none); check -> version of its
    judge."""

    plan: ExperimentPlan
    suite_id: str | None = None
    judges: dict[str, str] = {}


def live_plan(view: View, kinds: Kinds, plan: ExperimentPlan, *, by: str | None = None) -> LivePlan:
    """UsageError and NotFound say what cannot be. `by`: who asks, and has to see the suite."""
    if not plan.checks:
        if plan.suite:
            raise UsageError(
                f"Nothing of the suite {plan.suite} is measured.",
                remedy=f"Name a check of it as a metric, such as {CHECK_METRIC}NAME, or leave the suite out.",
                param="suite",
            )
        if plan.spend is not None:
            raise UsageError("Nothing is asked that costs money.", remedy="Leave out what it may spend.", param="spend")
        return LivePlan(plan)
    if not plan.suite:
        raise UsageError(
            f"{plan.checks[0].metric} is a check of a suite, and no suite is named.",
            remedy="Name a version in the Hub: --suite NAME@alias (suite in a file).",
            param="suite",
        )
    version = resolved_version(view, f"suite/{plan.suite.removeprefix('suite/')}")
    _check_sees(view, version, by)
    judges: dict[str, str] = {}
    kind = kinds.get("suite", PLAIN)

    def facts(metric: ExperimentMetric | GuardMetric) -> LiveFacts:
        name = live_check_of(metric.metric) or ""

        def judge(named: str) -> Mapping[str, Any]:
            found = resolved_version(view, f"judge/{named}")
            judges[name] = found.id
            return found.manifest

        return kind.live(version.manifest, name, judge)

    known = {each.metric: facts(each) for each in plan.checks}
    _check_money(plan, known)
    primary = plan.primary
    if primary.metric in known:
        if plan.before_us:
            raise UsageError(
                f"What {primary.metric} said before the start is not known.",
                remedy="Leave out what is looked at before the start.",
                param="before",
            )
        primary = _known(primary, known[primary.metric])
    guards = tuple(_guard(each, known[each.metric]) if each.metric in known else each for each in plan.guards)
    return LivePlan(msgspec.structs.replace(plan, primary=primary, guards=guards), version.id, judges)


def _check_sees(view: View, version: Version, by: str | None) -> None:
    """A suite that is a team's own is not there for others."""
    actor = None if by is None else view.get(Actor, by)
    artifact = view.get(Artifact, version.artifact_id)
    if actor is not None and artifact is not None and not may_see(actor, artifact):
        raise NotFound(
            f"There is no version {version.artifact_id!r}.", remedy="See: genaiops suite list", param="suite"
        )


def _guard(guard: GuardMetric, facts: LiveFacts) -> GuardMetric:
    """Without a margin of its own it has that of the suite's gate."""
    if not guard.margin:
        if facts.margin is None:
            raise UsageError(
                f"The gate of the suite has no margin for {guard.metric}.",
                remedy=f"Say by how much it may be worse: {guard.metric}=0.05.",
                param="margin",
            )
        guard = msgspec.structs.replace(guard, margin=facts.margin)
    return _known(guard, facts)


def _known(metric: _Metric, facts: LiveFacts) -> _Metric:
    if metric.bounds is not None and metric.bounds != facts.bounds:
        raise UsageError(f"The range of {metric.metric} is that of its check.", remedy="Leave it out.", param="bounds")
    if metric.better == "lower" and facts.better == "higher":
        raise UsageError(
            f"Less of {metric.metric} is not better, as its check says.", remedy="Leave it out.", param="better"
        )
    return msgspec.structs.replace(
        metric, better=facts.better, bounds=facts.bounds, unit=facts.unit, allowed=facts.margin
    )


def _check_money(plan: ExperimentPlan, known: Mapping[str, LiveFacts]) -> None:
    paid = [each for each in plan.checks if known[each.metric].pays]
    if paid and any(each.sample is None for each in paid):
        raise UsageError(
            f"{paid[0].metric} asks a model about each answer, which costs money and time.",
            remedy=f"Say which share of the calls it looks at: --sample {paid[0].metric}=0.05 (sample in a file).",
            param="sample",
        )
    if paid and plan.spend is None:
        raise UsageError(
            f"{paid[0].metric} asks a model, and nothing says what that may cost.",
            remedy="Set a limit for the whole experiment: --spend 5 (spend in a file).",
            param="spend",
        )
    if plan.spend is not None and not paid:
        raise UsageError("Nothing is asked that costs money.", remedy="Leave out what it may spend.", param="spend")


def check_live_text(plan: ExperimentPlan) -> None:
    """What is wrong with single fields. UsageError names it."""
    for each in plan.metrics:
        if each.sample is None:
            continue
        if live_check_of(each.metric) is None:
            raise UsageError(
                f"{each.metric} is measured of every call.", remedy="Leave its sample out.", param="sample"
            )
        if not 0 < each.sample <= 1:
            raise UsageError(
                f"{each.sample:g} is no share of the calls.", remedy="Use a number above 0, up to 1.", param="sample"
            )
    if plan.spend is not None:
        try:
            amount = to_nano(plan.spend)
        except UsageError as error:
            raise UsageError(f"The limit {plan.spend!r} is no amount.", remedy=error.remedy, param="spend") from None
        if amount <= 0:
            raise UsageError("Nothing may be spent.", remedy="Set a limit above 0.", param="spend")
