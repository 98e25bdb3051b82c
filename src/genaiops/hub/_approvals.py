"""Approvals: a protected change waits until another person consents, and is made in the transaction that records it."""

from collections.abc import Callable, Mapping, Sequence

import msgspec

from genaiops.core.clock import to_iso
from genaiops.core.errors import Conflict, Forbidden
from genaiops.domain import Actor, Approval, ApprovalState
from genaiops.hub._access import require, sees_all
from genaiops.hub._confined import unconfined
from genaiops.hub._consenting import Consenting, approvers_of
from genaiops.hub._policy import in_force
from genaiops.hub._service import Clock, Service
from genaiops.hub._validation import checked_text, existing
from genaiops.ports.records import Records, Unit

Applier = Callable[[Unit, Approval], None]
"""Makes the change of an approval, by `requested_by`. Conflict (`moved_meanwhile`) when what `from` says is no more."""


class Approvals(Service[Approval]):
    """`appliers`: kind of subject (`alias`, `deployment`) -> who makes the change."""

    def __init__(self, records: Records, clock: Clock, consenting: Consenting, appliers: Mapping[str, Applier]) -> None:
        super().__init__(records, clock, Approval, "approval")
        self._consenting = consenting
        self._appliers = appliers

    def in_state(self, state: ApprovalState | None = None) -> Sequence[Approval]:
        """Newest first; None: all."""
        found = self._all(None if state is None else {"state": state})
        return sorted(found, key=lambda each: (each.requested_us, each.id), reverse=True)

    def about(self, subject: str) -> Sequence[Approval]:
        """Of one subject, in every state, newest first."""
        return sorted(self._all({"subject": subject}), key=lambda each: (each.requested_us, each.id), reverse=True)

    def waiting(self) -> Sequence[Approval]:
        """Pending ones whose time has not run out, newest first."""
        now = self._clock()
        return [each for each in self.in_state("pending") if each.expires_us > now or each.emergency]

    def may_decide(self, approval: Approval) -> Sequence[Actor]:
        """Who may consent to it or refuse it."""
        with self._records.read() as view:
            return list(approvers_of(view, approval.tenant_id, approval.requested_by))

    def approve(self, approval_id: str, *, comment: str = "", by: str) -> Approval:
        """Make the change that it asks for. Forbidden for a service account, for who asked (unless that is the only
        person here) and for another business unit. Conflict when it was decided or ran out, or when its subject has
        moved meanwhile: nothing is changed then."""
        with self._records.write(by) as unit:
            approval = self._pending(unit, approval_id)
            self_approved = self._check_decides(unit, approval, by)
            if not approval.emergency:
                self._appliers[approval.subject.partition(":")[0]](unit, approval)
            now = self._clock()
            decided = msgspec.structs.replace(
                _decided(approval, "applied", comment, by, now),
                self_approved=self_approved,
                applied_us=approval.applied_us or now,
            )
            unit.replace(decided)
        return decided

    def refuse(self, approval_id: str, *, comment: str = "", by: str) -> Approval:
        """The change is not made. What was made as an emergency stays, marked as refused."""
        with self._records.write(by) as unit:
            approval = self._pending(unit, approval_id)
            self._check_decides(unit, approval, by)
            decided = _decided(approval, "refused", comment, by, self._clock())
            unit.replace(decided)
        return decided

    def withdraw(self, approval_id: str, *, comment: str = "", by: str) -> Approval:
        """By who asked for it."""
        with self._records.write(by) as unit:
            approval = self._pending(unit, approval_id)
            if approval.requested_by != by:
                raise Forbidden(f"{approval_id} was asked for by somebody else.", remedy="Refuse it instead.")
            if approval.emergency:
                raise Conflict(f"{approval_id} is made already.", remedy="Another person decides about it.")
            decided = _decided(approval, "withdrawn", comment, by, self._clock())
            unit.replace(decided)
        return decided

    def _pending(self, unit: Unit, approval_id: str) -> Approval:
        approval = self._existing(unit, approval_id)
        if approval.state != "pending":
            raise Conflict(f"{approval_id} is {approval.state} already.", remedy="Ask for the change anew.")
        if approval.expires_us <= self._clock() and not approval.emergency:
            raise Conflict(
                f"{approval_id} ended at {to_iso(approval.expires_us)} without a decision.",
                remedy="Ask for the change anew.",
                code="approval_expired",
            )
        return approval

    def _check_decides(self, unit: Unit, approval: Approval, by: str) -> bool:
        """Whether the consent is to one's own change."""
        actor = existing(unit, Actor, by, word="actor")
        require(actor, "approve")
        if actor.tenant_id != approval.tenant_id and not sees_all(actor):
            raise Forbidden(f"{approval.id} is of another business unit.", remedy="Ask somebody of that unit.")
        if approval.requested_by != by:
            return False
        if self._consenting.approves_own(unconfined(unit), in_force(unit)[1], by):
            return True
        raise Forbidden(
            f"{actor.name!r} asked for {approval.id}, and nobody consents to their own change.",
            remedy="Let another person decide.",
            code="self_approval",
        )


def _decided(approval: Approval, state: ApprovalState, comment: str, by: str, now_us: int) -> Approval:
    comment = checked_text(comment, param="comment", longest=1000)
    return msgspec.structs.replace(approval, state=state, decided_by=by, decided_us=now_us, comment=comment)
