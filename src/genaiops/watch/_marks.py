"""A person says of a verdict of a guard that it was right, or a false alarm: the verdict and a score tell it, and the
call becomes a case that policies are tested with."""

from typing import Any, Literal, Protocol

import msgspec

from genaiops.core.errors import ConsentNeeded, Forbidden, NotFound
from genaiops.core.ids import new_id
from genaiops.domain import MARK_SCORE, GuardVerdict, Mark, Score
from genaiops.ports.blobs import Blobs
from genaiops.ports.telemetry import Telemetry, Trace
from genaiops.watch._alike import Alike
from genaiops.watch._examples import trace_example
from genaiops.watch._verdicts import SEVERITY

UNMARKED = "unmarked"
"""The label of a score that takes a mark back."""


class Cases(Protocol):
    """Where cases are kept."""

    def keep(self, row: dict[str, Any], *, tenant_id: str, by: str) -> str:
        """The version that has it; a row of the same `id` is replaced."""
        ...

    def drop(self, case_id: str, *, tenant_id: str, by: str) -> str | None:
        """The version that has it no more; None when it was never there, or nothing would be left."""
        ...


class Marking(msgspec.Struct, frozen=True, kw_only=True):
    """What a person says, `note` included; `by` is an actor."""

    mark: Mark | None
    note: str = ""
    at_us: int
    by: str


class Marked(msgspec.Struct, frozen=True, kw_only=True):
    """`case`: what became of the test case. `no_content`: nothing of the call was kept, or it may not be read;
    `forbidden`: the cases belong to somebody else, or wait for consent. `version`: of the dataset, where it changed."""

    verdict: GuardVerdict
    score: Score
    case: Literal["kept", "dropped", "none", "no_content", "forbidden"]
    version: str | None = None


def found_verdict(trace: Trace, verdict_id: str) -> GuardVerdict:
    """NotFound names those that there are."""
    for verdict in trace.verdicts:
        if verdict.id == verdict_id:
            return verdict
    known = ", ".join(f"{each.id} ({each.event.rule})" for each in trace.verdicts[:10])
    raise NotFound(
        f"The trace {trace.trace_id.hex()} has no verdict {verdict_id[:40]!r}.",
        remedy=f"It has {known}." if known else "No guard said anything of it.",
        param="verdict_id",
    )


def mark_note(trace: Trace, verdict: GuardVerdict) -> str:
    """What the person wrote beside the mark that the verdict has; empty where there is none."""
    if verdict.mark is None:
        return ""
    own = [
        score
        for score in trace.scores
        if score.name == MARK_SCORE + verdict.event.rule and score.span_id in (verdict.span_id, None)
    ]
    return max(own, key=lambda score: (score.created_us, score.identifier)).comment if own else ""


def mark_verdict(
    telemetry: Telemetry, blobs: Blobs, cases: Cases, trace: Trace, verdict_id: str, marking: Marking
) -> Marked:
    """NotFound for a verdict that is none of the trace's."""
    verdict = found_verdict(trace, verdict_id)
    marked = telemetry.mark(verdict, marking.mark, at_us=marking.at_us, by=marking.by)
    score = telemetry.add_score(
        Score(
            identifier=new_id("score"),
            trace_id=trace.trace_id,
            span_id=verdict.span_id if any(span.span_id == verdict.span_id for span in trace.spans) else None,
            name=MARK_SCORE + verdict.event.rule,
            value=None if marking.mark is None else float(marking.mark == "right"),
            label=marking.mark or UNMARKED,
            source="person",
            comment=marking.note,
            created_us=marking.at_us,
            created_by=marking.by,
        )
    )
    what, version = _case(blobs, cases, trace, verdict, marking)
    return Marked(verdict=marked, score=score, case=what, version=version)


def _case(
    blobs: Blobs, cases: Cases, trace: Trace, verdict: GuardVerdict, marking: Marking
) -> tuple[Literal["kept", "dropped", "none", "no_content", "forbidden"], str | None]:
    try:
        if marking.mark is None:
            version = cases.drop(case_id(verdict), tenant_id=verdict.tenant_id, by=marking.by)
            return ("none" if version is None else "dropped"), version
        row = guard_case(trace, verdict, blobs, mark=marking.mark, note=marking.note)
        if row is None:
            return "no_content", None
        return "kept", cases.keep(row, tenant_id=verdict.tenant_id, by=marking.by)
    except (Forbidden, ConsentNeeded):
        return "forbidden", None


def case_id(verdict: GuardVerdict) -> str:
    return f"{verdict.trace_id.hex()}/{verdict.id}"


def guard_case(
    trace: Trace, verdict: GuardVerdict, blobs: Blobs, *, mark: Mark, note: str = ""
) -> dict[str, Any] | None:
    """A row: `input` (messages), `output` (of a verdict on what went out), `expect` (`action`, `kinds`,
    `rule`), and where it comes from. `changed`: something was exchanged for something alike, so a detector
    that knows the value itself may say otherwise. None where nothing was kept of what was said."""
    example = trace_example(trace, blobs)
    if example is None:
        return None
    event = verdict.event
    right = mark == "right"
    said = {"input": example["input"], "output": example["output"] if event.direction == "out" else ""}
    safe = Alike().tree(said)
    row: dict[str, Any] = {
        "id": case_id(verdict),
        "input": safe["input"],
        "expect": _expected(trace, verdict, right=right),
        "rule": event.rule,
        "policy": event.policy,
        "direction": event.direction,
        "note": note or ("right" if right else "a false alarm"),
        "mark": mark,
        "changed": safe != said,
        "trace_id": trace.trace_id.hex(),
        "environment_id": verdict.environment_id,
    }
    return {**row, "output": safe["output"]} if safe["output"] else row


def _expected(trace: Trace, verdict: GuardVerdict, *, right: bool) -> dict[str, Any]:
    """The severest that follows of all that is shown of the call, with or without this verdict; and what the rule has
    to find, or (where nothing else follows) that it must not say anything."""
    event = verdict.event
    shown = {"in", event.direction}  # of a verdict on the request the answer is not in the case
    others = [
        each.event.action
        for each in trace.verdicts
        if each.call_id == verdict.call_id
        and each.id != verdict.id
        and each.event.direction in shown
        and not each.event.shadow
        and each.mark != "false_alarm"
    ]
    if right:
        action = max([*others, event.action], key=SEVERITY.index)
        return {"action": action, "kinds": sorted(event.kinds), "rule": event.rule}
    action = max([*others, "allow"], key=SEVERITY.index)
    return {"action": action, "rule": event.rule} if action == "allow" else {"action": action}
