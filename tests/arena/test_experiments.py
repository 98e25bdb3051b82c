"""What an experiment says at a look, from its plan and the sums."""

import msgspec
import pytest

from genaiops.arena import look_at, thinned, told
from genaiops.domain.experiments import (
    ArmSums,
    ExperimentMetric,
    ExperimentOutcome,
    ExperimentPlan,
    ExperimentTally,
    GuardMetric,
)

PLAN = ExperimentPlan(
    primary=ExperimentMetric(metric="score:helpful", better="higher", bounds=(0.0, 1.0)),
    effect=0.05,
    guards=(GuardMetric(metric="errors", better="lower", margin=0.05),),
    share=50,
    least=100,
    most=4000,
)


def share(n: int, of: float) -> ArmSums:
    return ArmSums(n=n, y=n * of, yy=n * of)


def tally(n: int, helpful: tuple[float, float], errors: tuple[float, float], evidence: float = 0.0) -> ExperimentTally:
    """Of each arm `n` users: candidate and baseline."""
    return ExperimentTally(
        entered={"candidate": n, "baseline": n},
        counted={"candidate": n, "baseline": n},
        sums={
            "score:helpful": {"candidate": share(n, helpful[0]), "baseline": share(n, helpful[1])},
            "errors": {"candidate": share(n, errors[0]), "baseline": share(n, errors[1])},
        },
        evidence=evidence,
    )


SEEN: list[tuple[ExperimentTally, ExperimentOutcome | None]] = [
    (tally(99, (0.9, 0.1), (0.0, 0.0)), None),  # too few, whatever they say
    (tally(1000, (0.7, 0.5), (0.01, 0.01)), "better"),
    (tally(150, (0.9, 0.5), (0.05, 0.01)), None),  # better, and the guard is not decided yet
    (tally(1000, (0.4, 0.6), (0.01, 0.01)), "worse"),
    (tally(1000, (0.7, 0.5), (0.3, 0.01)), "harm"),
    (tally(20_000, (0.501, 0.5), (0.01, 0.01)), "no_difference"),
    (tally(2000, (0.53, 0.5), (0.01, 0.01)), "inconclusive"),
    (tally(2000, (0.7, 0.5), (0.06, 0.02)), "inconclusive"),
    (tally(1000, (0.7, 0.5), (0.3, 0.01), evidence=7.0), "imbalance"),
]


@pytest.mark.parametrize(("seen", "outcome"), SEEN)
def test_outcomes(seen: ExperimentTally, outcome: ExperimentOutcome | None) -> None:
    found = look_at(PLAN, seen, at_us=7)
    assert found.outcome == outcome, found
    assert bool(found.reason) == (outcome is not None)


def test_it_does_not_end_before_each_arm_has_its_least() -> None:
    plan = msgspec.structs.replace(PLAN, most=200)
    sums = tally(102, (0.5, 0.5), (0.0, 0.0)).sums
    for counted, outcome in (((98, 102), None), ((99, 5000), None), ((100, 102), "inconclusive")):
        both = {"candidate": counted[0], "baseline": counted[1]}
        seen = ExperimentTally(entered=both, counted=both, sums=sums)
        assert look_at(plan, seen, at_us=1).outcome == outcome


def test_a_check_speaks_as_the_gate_of_its_suite() -> None:
    guard = GuardMetric(
        metric="check/short",
        better="higher",
        margin=0.05,
        bounds=(0.0, 1.0),
        unit="share that passed",
        allowed=0.05,
    )
    plan = msgspec.structs.replace(PLAN, guards=(guard,))
    seen = tally(4000, (0.5, 0.5), (0.0, 0.0))
    seen = msgspec.structs.replace(
        seen, sums={**seen.sums, "check/short": {"candidate": share(4000, 0.9), "baseline": share(4000, 0.9)}}
    )
    (short,) = look_at(plan, seen, at_us=1).guards
    assert short.state == "held"
    assert told(short).startswith("check/short: +0 share that passed (-0.0")
    assert "is held: difference +0, at worst 0.0" in told(short)
    assert told(short).endswith("worse with 95% confidence; 0.05 is allowed.")
    assert told(msgspec.structs.replace(short, margin=0.2)).endswith("0.2 is allowed, by this plan.")


def test_less_can_be_better() -> None:
    primary = ExperimentMetric(metric="errors", better="lower")
    plan = msgspec.structs.replace(PLAN, primary=primary, guards=(), effect=0.0)
    better = look_at(plan, tally(1000, (0, 0), (0.05, 0.3)), at_us=1)
    worse = look_at(plan, tally(1000, (0, 0), (0.3, 0.05)), at_us=1)
    assert (better.outcome, worse.outcome) == ("better", "worse")
    assert "share of calls" in better.reason


def test_a_picture_is_of_few_looks() -> None:
    looks = [look_at(PLAN, tally(n, (0.5, 0.5), (0, 0)), at_us=n) for n in range(100, 1100)]
    few = thinned(looks, 50)
    assert len(few) <= 50
    assert few[-1] == looks[-1]
    assert [one.at_us for one in few] == sorted(one.at_us for one in few)
    assert list(thinned(looks[:50], 50)) == looks[:50]
