"""How risks stand: from what is in force alone, and a gap wherever nothing is."""

import pytest

from genaiops.domain import ControlKind, GuardRule, Risk, RiskControl
from genaiops.govern import Measurement, RiskFacts, RuleInForce, risks_of

PROD = ("environment prod", "key shop (abc)")


def found(facts: RiskFacts, risk: str) -> Risk:
    return next(each for each in risks_of(facts) if each.id == risk)


def control(facts: RiskFacts, risk: str, kind: ControlKind) -> RiskControl:
    return next(each for each in found(facts, risk).controls if each.kind == kind)


def rule(detector: str, *places: str, action: str = "flag", **more: object) -> RuleInForce:
    made = GuardRule(id="r", detector=detector, action=action, **more)  # type: ignore[arg-type]
    return RuleInForce(policy="default@sha256:0", rule=made, places=places or PROD)


def facts(*rules: RuleInForce, **more: object) -> RiskFacts:
    return RiskFacts(places=PROD, rules=rules, **more)  # type: ignore[arg-type]


def test_where_nothing_is_in_force_everything_is_a_gap() -> None:
    for places in (PROD, ()):
        for risk in risks_of(RiskFacts(places=places)):
            assert [each.state for each in risk.controls] == ["gap"] * 3
            assert [each.kind for each in risk.controls] == ["monitor", "detector", "mitigation"]
            assert all(each.reason for each in risk.controls)
            assert risk.gaps == ("monitor", "detector", "mitigation")


@pytest.mark.parametrize(
    ("given", "detector", "mitigation"),
    [
        (rule("toxicity"), "in_force", "gap"),
        (rule("toxicity", action="block"), "in_force", "in_force"),
        (rule("toxicity", PROD[0], action="block"), "partly", "partly"),
        (rule("toxicity", action="block", shadow=1.0), "partly", "partly"),
        (rule("toxicity", action="block", sample=0.5), "partly", "partly"),
        (rule("pii", action="block"), "gap", "gap"),
    ],
)
def test_a_rule_holds_where_it_holds(given: RuleInForce, detector: str, mitigation: str) -> None:
    assert control(facts(given), "toxic-content", "detector").state == detector
    assert control(facts(given), "toxic-content", "mitigation").state == mitigation


def test_policies_of_different_places_add_up() -> None:
    one, other = (rule("toxicity", place, action="block") for place in PROD)
    assert control(facts(one, other), "toxic-content", "mitigation").state == "in_force"


def test_what_sees_one_form_alone_is_not_enough() -> None:
    found = control(facts(rule("control", action="redact")), "injection", "mitigation")
    assert (found.state, found.parts[0].why) == ("partly", "It sees one form of it alone.")
    assert control(facts(rule("markup")), "unsafe-output", "detector").state == "partly"
    assert control(facts(rule("markup"), rule("code")), "unsafe-output", "detector").state == "in_force"


def test_a_classifier_that_nobody_answers_for_detects_nothing() -> None:
    broken = RuleInForce(
        policy="default@sha256:0",
        rule=GuardRule(id="r", detector="injection"),
        places=PROD,
        broken="Nobody answers for its classifier here.",
    )
    assert control(facts(broken), "injection", "detector").state == "partly"
    assert control(facts(broken), "injection", "monitor").state != "in_force"
    assert "Nobody answers" in control(facts(broken), "injection", "detector").reason


def test_a_monitor_asks_again_and_again() -> None:
    once = Measurement(run="run_1", suite="bias", at="2026-11-22", metrics=("counterfactual_difference",))
    often = Measurement(run="run_2", suite="bias", at="2026-11-22", metrics=("bbq_bias",), every="6h")
    late = Measurement(run="run_3", suite="bias", at="2026-11-22", metrics=("icat",), every="6h", late=True)
    for measured, state in ((once, "partly"), (late, "partly"), (often, "in_force")):
        assert control(facts(measured=(measured,)), "biased-content", "monitor").state == state
    assert control(facts(disparity="country"), "biased-content", "monitor").state == "in_force"
    attacks = Measurement(run="run_4", suite="attacks", at="2026-11-22", families=("jailbreak",), every="1d")
    assert control(facts(measured=(attacks,)), "injection", "monitor").state == "in_force"
    assert control(facts(measured=(attacks,)), "secrets", "monitor").state == "gap"


def test_marks_of_images_and_findings_are_parts_and_not_the_whole() -> None:
    assert control(facts(marks=""), "fake-content", "mitigation").state == "partly"
    assert control(facts(findings=(1, 3)), "biased-content", "mitigation").reason == "1 of 3 have none yet"
