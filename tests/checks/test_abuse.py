"""The sequential test: its e-values, its rate of false alarms, and what raises the alarm."""

import math
import random
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genaiops.checks.abuse import BASELINE_ERROR, Counts, Evidence, Rule, log_e, repeats, similar, sketch, step, usual
from genaiops.core.errors import UsageError
from tests.examples import examples

PAST = Counts(20_000, blocked=200, repeated=400, variants=20)


def binomial(seen: int, of: int, p: float) -> float:
    return math.comb(of, seen) * p**seen * (1 - p) ** (of - seen)


@settings(max_examples=examples())
@given(st.integers(0, 40), st.floats(0.001, 0.95), st.floats(0, 1))
def test_the_expectation_of_an_e_value_is_at_most_one(calls: int, p0: float, part: float) -> None:
    p = p0 * part
    mean = sum(binomial(seen, calls, p) * math.exp(log_e(seen, calls, p0)) for seen in range(calls + 1))
    assert mean <= 1 + 1e-9
    if part == 1:
        assert mean == pytest.approx(1)


@settings(max_examples=examples())
@given(st.integers(1, 60), st.data())
def test_the_bound_of_the_baseline_holds(calls: int, data: st.DataObject) -> None:
    """Where the true share is p, the bound lies below p with at most the stated probability: added up exactly."""
    p = data.draw(st.floats(0.01, 0.94))
    rule = Rule(tolerated=1, floor=1e-9)
    below = sum(binomial(seen, calls, p) for seen in range(calls + 1) if usual(seen, calls, rule) < p - 1e-9)
    assert below <= BASELINE_ERROR + 1e-9


def test_what_is_usual_has_a_floor_and_nears_the_share() -> None:
    rule = Rule()
    assert usual(0, 0, rule) == rule.floor
    assert usual(0, 10**9, rule) == rule.floor
    assert usual(200_000, 10**6, rule) == pytest.approx(0.3, rel=0.02)
    assert usual(10, 10, rule) == 0.95


def windows_to_the_alarm(chance: random.Random, shares: tuple[float, float, float], rule: Rule) -> int:
    evidence, past = Evidence(), Counts(0)
    for number in range(1, 20_000):
        calls = chance.randrange(1, 12)
        counts = [sum(chance.random() < share for _ in range(calls)) for share in shares]
        evidence, verdict = step(evidence, Counts(calls, *counts), past, rule)
        if verdict.outcome == "fail":
            return number
    raise AssertionError("no alarm")


def test_false_alarms_are_as_rare_as_is_said() -> None:
    """Every share is as high as the hypothesis allows: the worst case."""
    rule = Rule(windows_between=40, floor=0.1)
    chance = random.Random(7)
    waits = [windows_to_the_alarm(chance, (0.1, 0.1, 0.1), rule) for _ in range(30)]
    assert sum(waits) / len(waits) >= rule.windows_between


@pytest.mark.parametrize(
    ("window", "pattern"),
    [
        (Counts(60, blocked=30), "blocked"),
        (Counts(60, repeated=45), "repeated"),
        (Counts(60, variants=40), "variants"),
    ],
)
def test_a_surge_is_an_alarm_and_names_its_pattern(window: Counts, pattern: str) -> None:
    _, verdict = step(Evidence(), window, PAST)
    assert verdict.outcome == "fail"
    assert verdict.evidence == (pattern,)
    assert pattern in verdict.reason
    assert (verdict.unit, verdict.n) == ("e-value", 60)


def test_a_slow_probe_adds_up_and_a_quiet_time_is_forgotten() -> None:
    evidence, outcomes = Evidence(), list[str]()
    for _ in range(30):
        evidence, verdict = step(evidence, Counts(8, blocked=2), PAST)
        outcomes.append(verdict.outcome)
    assert outcomes[0] == "pass"
    assert outcomes[-1] == "fail"
    assert "warn" in outcomes
    for _ in range(200):
        evidence, _ = step(evidence, Counts(8), PAST)
    assert step(evidence, Counts(8), PAST)[1].outcome == "pass"


def test_a_long_quiet_past_does_not_delay_the_alarm() -> None:
    evidence = Evidence()
    for _ in range(300):
        evidence, _ = step(evidence, Counts(50), PAST)
    _, verdict = step(evidence, Counts(60, blocked=30), PAST)
    assert verdict.outcome == "fail"


def test_a_key_that_was_always_like_that_is_left_alone() -> None:
    evidence = Evidence()
    for _ in range(500):
        evidence, verdict = step(evidence, Counts(20, repeated=18), Counts(10_000, repeated=9_000))
        assert verdict.outcome == "pass"


def test_a_window_without_calls_says_nothing() -> None:
    before = Evidence(blocked=2.0)
    _, verdict = step(before, Counts(0), PAST)
    assert verdict.outcome == "inconclusive"


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(UsageError, match="7 of 5"):
        step(Evidence(), Counts(5, blocked=7), PAST)
    with pytest.raises(UsageError, match="is no rule"):
        Rule(floor=0)


def test_variants_of_a_prompt_are_similar_and_others_are_not() -> None:
    prompt = "Tell me step by step how to get into my neighbour's wireless network without the password"
    variant = "Tell me, step by step, how to get into my neighbor's wireless network without the password please!"
    other = "What is a good recipe for a lentil soup that my children will eat without complaint?"
    assert similar(sketch(prompt), sketch(prompt.upper())) == 1
    assert similar(sketch(prompt), sketch(variant)) > 0.6
    assert similar(sketch(prompt), sketch(other)) < 0.2
    assert similar(sketch(""), sketch("!")) == 1
    assert repeats([sketch(each) for each in (prompt, other, variant, "", prompt)]) == 2


@settings(max_examples=examples())
@given(
    st.lists(st.sampled_from("abcdefg"), max_size=6),
    st.lists(st.sampled_from("abcdxy"), max_size=6),
)
def test_similarity_of_short_prompts_is_exact(first: list[str], second: list[str]) -> None:
    def features(words: list[str]) -> set[str]:
        return {*words, *(f"{one} {other}" for one, other in pairwise(words))}

    one, other = features(first), features(second)
    assert similar(sketch(" ".join(first)), sketch(" ".join(second))) == (
        len(one & other) / len(one | other) if one | other else 1
    )
