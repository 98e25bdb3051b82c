"""What a gate measured, as the evidence of a finding."""

import pytest

from genaiops.arena import GateLine, GateReport, evidence_of
from genaiops.core.errors import NotFound
from genaiops.domain import Verdict

SAID = Verdict(outcome="fail", reason="religion differs", measure=0.25, interval=(0.1, 0.4))
REPORT = GateReport(
    verdict=Verdict(outcome="fail", reason="1 does not hold"),
    lines=(GateLine(kind="corpus", check="counterfactual_difference", target="loans", verdict=SAID),),
    targets=("loans",),
)


def test_it_is_what_was_measured() -> None:
    found = evidence_of(REPORT, "counterfactual_difference")
    assert found["measured"] == "0.25"
    assert found["bounds"] == "0.1 to 0.4"
    assert (found["verdict"], found["said"], found["target"]) == ("fail", "religion differs", "loans")
    assert evidence_of(REPORT, "")["said"] == "1 does not hold"


def test_what_is_not_there_is_not_made_up() -> None:
    with pytest.raises(NotFound, match="no check 'invariance'"):
        evidence_of(REPORT, "invariance")
    with pytest.raises(NotFound, match="of 'other'"):
        evidence_of(REPORT, "counterfactual_difference", "other")
    assert evidence_of(None, "") == {}
    with pytest.raises(NotFound, match="not known"):
        evidence_of(None, "counterfactual_difference")
