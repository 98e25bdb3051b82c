"""Choices among the targets of a run: kept in the Hub with what they stand on, and reported."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Final, Literal

import msgspec

from genaiops.app.home import Home
from genaiops.app.selection_reports import selection_report
from genaiops.arena import SELECTION_PREFIX, TARGET, Decision, DecisionState, Selection, kept_decision
from genaiops.core.clock import now_us, to_iso
from genaiops.core.errors import ConsentNeeded, NotFound
from genaiops.domain import Relation, Run
from genaiops.hub import Hub

ReportForm = Literal["html", "markdown", "pdf"]
_ASKED: Final = ("model/", "prompt/", "release/", "application/")


_IN_FORCE: Final = "prod"
_REASON: Final = 400
_SAME: Final = "Approved by the same person who proposed it."
_UNASKED: Final = "No consent was asked for: the policy of approvals protects no decision of this kind."
_STATES: Final[Mapping[str, DecisionState]] = {"refused": "refused", "withdrawn": "withdrawn"}


class Choices:
    """Safe between threads."""

    def __init__(self, hub: Hub, home: Home) -> None:
        self._hub = hub
        self._home = home

    def keep(self, run: Run, selection: Selection, made: Decision) -> Decision:
        """As a version of `report/selection/RUN`, with edges of lineage: the run was made of its suite and cases and
        asked its targets, the decision was made of the run, and pins what was chosen. The alias `prod` names the
        version that is in force; it moves as the policy of approvals wants it."""
        version = self._hub.artifacts.register(
            "report", SELECTION_PREFIX + run.id, made.manifest(selection), by=made.proposed_by
        )
        node = f"run/{run.id}"
        cases = [each for name, each in run.inputs.items() if name.startswith("cases/")]
        sources = list(dict.fromkeys((run.inputs.get("suite", run.subject), *cases)))
        edges: list[tuple[str, str, Relation]] = [(each, node, "made_from") for each in sources]
        asked = self._asked(run)
        edges.extend((each, node, "includes") for each in asked.values())
        edges.append((node, version.id, "made_from"))
        if made.chosen in asked:
            edges.append((asked[made.chosen], version.id, "pins"))
        for source, target, relation in edges:
            self._hub.lineage.add(source, target, relation, run_id=run.id, by=made.proposed_by)
        with suppress(ConsentNeeded):  # it waits, and says so wherever it is shown
            reason = f"{made.chosen}: {made.reasons[0]}"[:_REASON]
            self._hub.artifacts.move(version.artifact_id, _IN_FORCE, version.id, reason=reason, by=made.proposed_by)
        return self._consented(msgspec.structs.replace(made, version=version.id), version.artifact_id)

    def last(self, run: Run) -> tuple[Selection, Decision] | None:
        """What was chosen last, with what became of it. None: nothing is chosen yet."""
        try:
            last = self._hub.artifacts.versions(f"report/{SELECTION_PREFIX}{run.id}")[-1]
        except NotFound:
            return None
        selection, decision = kept_decision(last.manifest, last.id)
        return selection, self._consented(decision, last.artifact_id)

    def _consented(self, decision: Decision, artifact_id: str) -> Decision:
        """With who approved of it, or that nobody has yet."""
        if not decision.proposed_by:
            return decision
        about = self._hub.approvals.about(f"alias:{artifact_id}@{_IN_FORCE}")
        asked = next((each for each in about if each.change.get("to") == decision.version), None)
        if asked is None:
            return _told(decision, "approved", by=decision.proposed_by, at=decision.at, caution=_UNASKED)
        if asked.applied_us is not None and asked.decided_us is not None and asked.state == "applied":
            caution = _SAME if asked.decided_by == asked.requested_by else ""
            decision = msgspec.structs.replace(decision, approval=asked.id)
            return _told(decision, "approved", by=asked.decided_by, at=to_iso(asked.decided_us), caution=caution)
        state = _STATES.get(asked.state, "proposed")
        if state == "proposed" and asked.expires_us <= now_us():
            state = "expired"
        by = asked.decided_by if state == "refused" else ""
        return msgspec.structs.replace(decision, state=state, approver=by, approval=asked.id)

    def report(self, run: Run, selection: Selection, decision: Decision | None, form: ReportForm) -> bytes:
        """Signed with the key of this installation, and dated by the run."""
        at_us = run.ended_us or run.created_us
        return selection_report(selection, decision, form, home=self._home, at_us=at_us)

    def _asked(self, run: Run) -> dict[str, str]:
        """Target -> what was asked, as the run pinned it. Functions, addresses and what is recorded have no lineage."""
        return {
            name.removeprefix(TARGET): node
            for name, node in run.inputs.items()
            if name.startswith(TARGET) and node.startswith(_ASKED)
        }


def _told(decision: Decision, state: DecisionState, *, by: str, at: str, caution: str) -> Decision:
    cautions = (*decision.cautions, caution) if caution else decision.cautions
    return msgspec.structs.replace(decision, state=state, approver=by, approved_at=at, cautions=cautions)
