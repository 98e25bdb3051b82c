"""What was chosen of a comparison: which candidate, why, who proposed it, and who approved it."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

import msgspec

from genaiops.arena._selecting import Selection
from genaiops.core.errors import Conflict, UsageError

FORMAT: Final = "genaiops-selection-1"
PREFIX: Final = "selection/"
"""Reports of the Hub whose names begin so are choices; only who may approve records them. What follows is the run."""
_MOST_REASONS: Final = 50
_LONGEST: Final = 2000


DecisionState = Literal["proposed", "approved", "refused", "withdrawn", "expired"]
_LATER: Final = ("version", "state", "approver", "approved_at", "approval")


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """`proposed_by`: who recorded it, by their own key ("": by `approver`, before consent was asked for); `run_by`: who
    ran what it stands on. `cautions`: what speaks against the choice and was known when it was made. `version`: under
    which the Hub keeps it. What became of it since stands in no version: `state`, `approver` and `approved_at`, and
    `approval`, the request for consent."""

    chosen: str
    reasons: tuple[str, ...]
    approver: str = ""
    proposed_by: str = ""
    run_by: str = ""
    at: str = ""
    cautions: tuple[str, ...] = ()
    version: str = ""
    state: DecisionState = "approved"
    approved_at: str = ""
    approval: str = ""

    def manifest(self, selection: Selection) -> dict[str, Any]:
        """With all that it stands on."""
        said: dict[str, Any] = msgspec.to_builtins(self)
        for later in _LATER:
            said.pop(later)
        return {"format": FORMAT, "selection": msgspec.to_builtins(selection), "decision": said}


def decided(
    selection: Selection, chosen: str, reasons: Sequence[str], *, by: str, run_by: str = "", at: str = ""
) -> Decision:
    """UsageError without a reason, and for a name that is no candidate; Conflict for one that is not allowed."""
    found = next((each for each in selection.candidates if each.target == chosen), None)
    if found is None:
        names = ", ".join(selection.names)
        raise UsageError(f"There is no candidate {chosen[:80]!r}.", remedy=f"There are: {names}.", param="chosen")
    told = tuple(each.strip() for each in reasons if each.strip())
    if not told or len(told) > _MOST_REASONS or any(len(each) > _LONGEST for each in told):
        raise UsageError(
            "A choice has one reason at least, each of 2000 characters at most.",
            remedy='Say why: --reason "..."; repeatable.',
            param="reasons",
        )
    if found.not_allowed:
        raise Conflict(
            f"{chosen} is not allowed: {found.not_allowed}",
            remedy="Choose another one, or change licences and most_risk of the selection.",
            code="candidate_not_allowed",
        )
    cautions: list[str] = []
    if found.standing == "dominated":
        cautions.append(f"{chosen} is dominated by {', '.join(found.by)}.")
    elif found.standing == "not_separable":
        cautions.append(f"{', '.join(found.by)} measured better or alike by every criterion; the cases do not show it.")
    if by == run_by:
        cautions.append("Who proposed it also ran what it stands on.")
    return Decision(
        chosen=chosen, reasons=told, proposed_by=by, run_by=run_by, at=at, cautions=tuple(cautions), state="proposed"
    )


def kept_decision(manifest: Mapping[str, Any], version: str) -> tuple[Selection, Decision]:
    """Of a version of `report/selection/RUN`: what was compared then, and what was chosen. Whether it is approved says
    the consent, and not the version; one that was recorded before consent was asked for was approved as it was."""
    decision = msgspec.convert(manifest["decision"], Decision)
    state: DecisionState = "proposed" if decision.proposed_by else "approved"
    kept = msgspec.structs.replace(decision, version=version, state=state)
    return msgspec.convert(manifest["selection"], Selection), kept
