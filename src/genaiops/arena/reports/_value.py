"""What a report says to those who pay and those who answer for it: costs beside quality, and policies with verdicts."""

from collections.abc import Iterable, Iterator, Sequence

import msgspec

from genaiops.arena._gate_report import GateReport, all_hold
from genaiops.arena.reports._reported import Reported
from genaiops.core.money import from_nano
from genaiops.domain import Answer, Outcome, Run, Suite


class PolicyLine(msgspec.Struct, frozen=True, kw_only=True):
    """A policy that checks of the suite name. It is kept when all conditions of these hold; `inconclusive`: some are
    not decided, or a check has none and only informs."""

    policy: str
    outcome: Outcome
    checks: tuple[str, ...]
    reason: str


class Spend(msgspec.Struct, frozen=True, kw_only=True):
    """Of a target. `priced`: answers whose cost is known, and that were not out of the cache; `nano`: the mean of
    these, for 1,000 answers (None: none is known)."""

    target: str
    answers: int
    priced: int
    nano: int | None

    @property
    def cost(self) -> str:
        return "unknown" if self.nano is None else f"{from_nano(self.nano)}"


class Gain(msgspec.Struct, frozen=True, kw_only=True):
    """A target beside the baseline, by one check: what it is better by, with its bounds, and what 1,000 answers cost
    more (None: not known). `per_cost`: the gain for 1 of the currency spent more on 1,000 answers (None: it costs not
    more, or that is not known)."""

    target: str
    check: str
    difference: float
    low: float
    high: float
    cost_nano: int | None
    per_cost: float | None

    @property
    def cost(self) -> str:
        return "unknown" if self.cost_nano is None else f"{from_nano(self.cost_nano)}"


class Value(msgspec.Struct, frozen=True, kw_only=True):
    """All of that, of one run."""

    policies: tuple[PolicyLine, ...] = ()
    spends: tuple[Spend, ...] = ()
    gains: tuple[Gain, ...] = ()


def value_of(run: Run, suite: Suite, report: GateReport, answers: Iterable[Answer]) -> Value:
    """What the reports of a run say, without its cases. `answers`: all of the run."""
    spent = _spends([target.name for target in suite.target], answers)
    return Value(policies=tuple(_policies(run, suite, report)), spends=tuple(spent), gains=tuple(_gains(report, spent)))


def policies(said: Reported) -> Iterator[PolicyLine]:
    """In the order in which the suite names them."""
    return _policies(said.run, said.suite, said.report)


def spends(said: Reported) -> list[Spend]:
    """Of each target; empty where no cost is known."""
    return _spends(said.targets, (each for some in said.answers.values() for each in some))


def gains(said: Reported) -> Iterator[Gain]:
    """Of each target and check that was compared with the baseline; none where no cost is known."""
    return _gains(said.report, spends(said))


def _policies(run: Run, suite: Suite, report: GateReport) -> Iterator[PolicyLine]:
    named: dict[str, list[str]] = {}
    for check in suite.check:
        if check.policy:
            named.setdefault(check.policy, []).append(check.name)
    for policy, checks in named.items():
        lines = [line for line in report.lines if line.check in checks]
        broken = list(dict.fromkeys(line.check for line in lines if line.verdict.outcome == "fail"))
        decided = {line.check for line in lines}
        informs = [name for name in checks if name not in decided]
        open_ = [line.check for line in lines if line.verdict.outcome not in ("pass", "fail")]
        outcome: Outcome = "fail" if broken else "inconclusive" if informs or open_ or run.state != "done" else "pass"
        reason = all_hold(len(lines))
        if broken:
            reason = f"Not held: {', '.join(broken)}."
        elif informs:
            reason = f"Nothing is asked of {', '.join(informs)}."
        elif outcome == "inconclusive":
            reason = f"Not decided: {', '.join(dict.fromkeys(open_)) or 'the run is not over'}."
        yield PolicyLine(policy=policy, outcome=outcome, checks=tuple(checks), reason=reason)


def _spends(targets: Sequence[str], answers: Iterable[Answer]) -> list[Spend]:
    counts = dict.fromkeys(targets, 0)
    costs: dict[str, list[int]] = {name: [] for name in targets}
    for each in answers:
        if each.target in counts:
            counts[each.target] += 1
            if each.cost_nano is not None and not each.recalled:
                costs[each.target].append(each.cost_nano)
    found = [
        Spend(target=name, answers=counts[name], priced=len(known), nano=_mean(known)) for name, known in costs.items()
    ]
    return found if any(each.nano is not None for each in found) else []


def _mean(costs: Sequence[int]) -> int | None:
    """For 1,000 answers."""
    return round(1000 * sum(costs) / len(costs)) if costs else None


def _gains(report: GateReport, spent: Sequence[Spend]) -> Iterator[Gain]:
    costs = {each.target: each.nano for each in spent}
    base = costs.get(report.baseline)
    seen: set[tuple[str, str]] = set()
    for line in report.lines:
        compared = line.comparison
        if not costs or compared is None or (line.target, line.check) in seen:
            continue
        seen.add((line.target, line.check))
        mine = costs.get(line.target)
        more = None if mine is None or base is None else mine - base
        per_cost = compared.difference / (more / 1e9) if more is not None and more > 0 else None
        yield Gain(
            target=line.target,
            check=line.check,
            difference=compared.difference,
            low=compared.low,
            high=compared.high,
            cost_nano=more,
            per_cost=per_cost,
        )
