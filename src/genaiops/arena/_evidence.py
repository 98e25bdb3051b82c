"""What a gate measured, as the evidence of a finding."""

from collections.abc import Mapping

from genaiops.arena._gate_report import GateReport
from genaiops.core.errors import NotFound
from genaiops.core.suggesting import suggestion


def evidence_of(report: GateReport | None, check: str, target: str = "") -> Mapping[str, str]:
    """Of that check and target ("": the first); without a check, the run's verdict. Empty without a
    report. NotFound for a check that it does not decide by."""
    if report is None and not check:
        return {}
    if report is None:
        raise NotFound(
            "What the gate of this run said is not known: the run goes on, or its suite is not kept here.",
            remedy="Wait for its end, or leave check out.",
            param="check",
        )
    if not check:
        return {"verdict": report.verdict.outcome, "said": report.verdict.reason}
    line = next((each for each in report.lines if each.check == check and target in ("", each.target)), None)
    if line is None:
        known = [each.check for each in report.lines if each.check]
        raise NotFound(
            f"The gate of this run has no check {check[:80]!r}{f' of {target[:80]!r}' if target else ''}.",
            remedy=suggestion(check, known) if known else "Leave check out.",
            param="check",
        )
    said = line.verdict
    found = {"check": check, "target": line.target, "verdict": said.outcome, "said": said.reason}
    if said.measure is not None:
        found["measured"] = f"{said.measure:.4g}"
    if said.interval is not None:
        found["bounds"] = f"{said.interval[0]:.4g} to {said.interval[1]:.4g}"
    return {name: value for name, value in found.items() if value}
