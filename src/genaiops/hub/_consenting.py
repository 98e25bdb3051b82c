"""Whether a change may be made now: the policy, the gates, who asks, and whether anybody else is there to consent."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

import msgspec

from genaiops.core.errors import Conflict, Forbidden, UsageError
from genaiops.core.ids import new_id
from genaiops.domain import Actor, Approval
from genaiops.hub._access import allows, sees_all
from genaiops.hub._actors import administers
from genaiops.hub._confined import unconfined
from genaiops.hub._consent import Consent, Proposal
from genaiops.hub._policy import ApprovalPolicy, in_force, register_policy
from genaiops.hub._roles import Permission
from genaiops.hub._service import Clock
from genaiops.hub._validation import checked_text, every
from genaiops.ports.gate import Gate
from genaiops.ports.records import Unit, View

Mode = Literal["auto", "team"]
"""`auto`: with one person here, that person may consent to their own changes; `team`: never."""

_DAY_US = 86_400_000_000


class Consenting:
    """The `Consents` of a Hub."""

    def __init__(self, clock: Clock, *, mode: Mode = "auto", gates: Sequence[Gate] = ()) -> None:
        self._clock = clock
        self.mode: Mode = mode
        self.gates = gates

    def ask(self, unit: Unit, proposal: Proposal, *, by: str) -> Consent:
        """See `genaiops.hub._consent.Consents`. The same request again gives the one that waits already."""
        now, unit = self._clock(), unconfined(unit)  # how many people there are does not depend on who asks
        version, policy = in_force(unit)
        if not policy.protects(proposal.subject, proposal.environment_kind):
            return Consent()
        if version is None:  # what refers to the default can look it up
            version = register_policy(unit, msgspec.to_builtins(policy), now, by="default")
        verdicts = self._judged(proposal)
        approvers = tuple(actor.name for actor in approvers_of(unit, proposal.tenant_id, by))
        request = Approval(
            id=new_id("apr"),
            tenant_id=proposal.tenant_id,
            subject=proposal.subject,
            change=msgspec.to_builtins(proposal.change),
            policy=version.id,
            reason=checked_text(proposal.reason or proposal.emergency or "", param="reason"),
            requested_by=by,
            requested_us=now,
            expires_us=now + policy.expires_days * _DAY_US,
            verdicts=verdicts,
        )
        if proposal.emergency is not None:
            _check_emergency(unit, proposal.emergency, by)
            request = msgspec.structs.replace(request, emergency=True, applied_us=now)
        elif self.approves_own(unit, policy, by):
            request = msgspec.structs.replace(
                request, state="applied", decided_by=by, decided_us=now, self_approved=True, applied_us=now
            )
        else:
            waiting = _same(unit, request, now)
            if waiting is not None:
                return Consent(waiting, approvers)
        unit.add(request)
        return Consent(request, approvers)

    def approves_own(self, view: View, policy: ApprovalPolicy, actor_id: str) -> bool:
        """Whether that is the only person here, and may consent alone."""
        return policy.self_approval != "never" and self.alone(view, actor_id, "approve")

    def alone(self, view: View, actor_id: str, permission: Permission = "review") -> bool:
        """Whether that is the only person here, has the permission, and may decide alone."""
        if self.mode == "team":
            return False
        here = [actor for actor in every(view, Actor, {"kind": "person"}) if actor.disabled_us is None]
        return len(here) == 1 and here[0].id == actor_id and allows(here[0], permission)

    def _judged(self, proposal: Proposal) -> dict[str, Any]:
        said = {gate.name: gate.judge(proposal.subject, proposal.change) for gate in self.gates}
        verdicts = {name: verdict for name, verdict in said.items() if verdict is not None}
        stopped = [name for name, verdict in verdicts.items() if verdict.outcome in ("fail", "error")]
        if stopped and proposal.emergency is None:
            verdict = verdicts[stopped[0]]
            raise Conflict(
                f"The gate {stopped[0]} says {verdict.outcome} to {proposal.subject}: "
                f"{(verdict.reason or 'no reason').rstrip('.')}.",
                remedy="Do what it says, or let an administrator make the change with --emergency REASON, which is "
                "audited and decided about afterwards.",
                code="gate_failed",
            )
        return {name: msgspec.to_builtins(verdict) for name, verdict in verdicts.items()}


def approvers_of(view: View, tenant_id: str, requested_by: str) -> Iterable[Actor]:
    """People who may decide what that actor asked for."""
    for actor in every(view, Actor, {"kind": "person"}):
        if actor.id != requested_by and allows(actor, "approve") and (sees_all(actor) or actor.tenant_id == tenant_id):
            yield actor


def _check_emergency(view: View, reason: str, by: str) -> None:
    actor = view.get(Actor, by)
    if actor is None or not administers(actor):
        raise Forbidden(
            "An emergency is declared by a person with the role admin.",
            remedy="Ask an administrator, or wait for the approval.",
            code="person_required",
        )
    if len(reason.strip()) < 3:
        raise UsageError("The emergency has no reason.", remedy="Say in a line why it cannot wait.", param="emergency")


def _same(view: View, request: Approval, now_us: int) -> Approval | None:
    where: Mapping[str, str | None] = {"subject": request.subject, "state": "pending"}
    for other in every(view, Approval, where):
        alike = (other.requested_by, other.change) == (request.requested_by, request.change)
        if alike and not other.emergency and other.expires_us > now_us:
            return other
    return None
