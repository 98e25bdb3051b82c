"""Checks of suites on live calls: which can look at them, and what counts of what they say."""

from typing import Any

import pytest

from genaiops.arena import LiveCheck, live_facts, read_suite_document, suite_manifest
from genaiops.core.errors import UsageError
from genaiops.domain import Answer, Case, Measure

CHECKS: list[dict[str, Any]] = [
    {"name": "short", "metric": "word_count", "options": {"most": 3}, "threshold": 1, "margin": 0.1},
    {"name": "words", "metric": "word_count"},
    {"name": "apology", "metric": "icontains", "options": {"values": ["sorry"]}, "negate": True},
    {"name": "right", "metric": "contains"},
    {"name": "refunded", "metric": "contains", "expected": "refund"},
    {"name": "refusing", "metric": "refusal", "margin": 0.05},
    {"name": "bleu", "metric": "corpus_bleu"},
    {"name": "tools", "metric": "tool_call_f1"},
    {"name": "broken_in", "metric": "attack"},
    {"name": "runs", "metric": "code", "options": {}},
    {"name": "sliced", "metric": "refusal", "slices": ["german"]},
    {"name": "grounded", "metric": "groundedness"},
    {"name": "asked", "metric": "judge", "options": {"template": "refusal", "model": "big"}, "threshold": 1},
    {"name": "factual", "metric": "judge", "options": {"template": "factuality", "model": "big"}},
    {"name": "by_hub", "metric": "judge", "options": {"judge": "polite@prod"}},
    {"name": "by_file", "metric": "judge", "options": {"judge": "polite.toml"}},
]
DOCUMENT: dict[str, Any] = {
    "case": [{"id": "a", "input": "Hi", "expected": "Hello"}],
    "target": [{"name": "it", "model": "echo"}],
    "check": CHECKS,
    "gate": {"baseline": "it"},
}
SUITE = read_suite_document(DOCUMENT).checked()


def read(reference: str) -> dict[str, Any]:
    assert reference == "polite@prod"
    return {"kind": "judge", "template": "bias", "model": "big", "threshold": 0.5}


@pytest.mark.parametrize(
    ("name", "better", "bounds", "unit", "margin", "pays"),
    [
        ("short", "higher", (0.0, 1.0), "share that passed", 0.1, False),
        ("apology", "higher", (0.0, 1.0), "share that passed", None, False),
        ("refunded", "higher", (0.0, 1.0), "points", None, False),
        ("refusing", "lower", (0.0, 1.0), "points", 0.05, False),
        ("grounded", "higher", (0.0, 1.0), "points", None, False),
        ("asked", "higher", (0.0, 1.0), "share that passed", None, True),
        ("by_hub", "lower", (0.0, 1.0), "points", None, True),
    ],
)
def test_what_can_look_at_calls(name: str, better: str, bounds: Any, unit: str, margin: Any, pays: bool) -> None:
    found = live_facts(suite_manifest(SUITE), name, read)
    assert (found.better, found.bounds, found.margin, found.pays) == (better, bounds, margin, pays)
    assert found.unit in (unit, "share")


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("right", "it needs a reference answer, which a call does not bring"),
        ("factual", "it needs a reference answer"),
        ("tools", "it needs expected tools"),
        ("words", "it has no threshold"),
        ("bleu", "reference answer"),
        ("broken_in", "The case is no attack"),
        ("runs", "it runs programs"),
        ("sliced", "only at cases of german"),
        ("by_file", "its judge is a file"),
        ("absent", "The suite has no check 'absent'"),
    ],
)
def test_what_cannot_is_refused_by_name(name: str, why: str) -> None:
    with pytest.raises(UsageError, match=why) as told:
        live_facts(suite_manifest(SUITE), name, read)
    assert f"{name!r}" in told.value.message
    assert "apology" in (told.value.remedy or "")


def test_what_counts_is_what_the_gate_counts() -> None:
    case = Case(id="a", messages=({"role": "user", "content": "Where is it?"},))
    short, refunded = LiveCheck(SUITE, "short"), LiveCheck(SUITE, "refunded")
    values = [
        check.value(check.measured(case, Answer(target="live", case="a", state="answered", output=output)))
        for check in (short, refunded)
        for output in ("On its way", "Your refund is on its way")
    ]
    assert values == [1.0, 0.0, 0.0, 1.0]
    assert short.value(Measure(error="It could not say.")) is None
    grounded = LiveCheck(SUITE, "grounded")
    assert grounded.lacks(case, Answer(target="live", case="a", state="answered", output="x"))
