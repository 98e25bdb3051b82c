"""What a service that moves something protected says and hears. `genaiops.hub._approvals` decides.

with records.write(by) as unit:
    consent = consents.ask(unit, Proposal(subject=..., change=...), by=by)
    if consent.given:
        ...  # make the change, in this same unit
consent.check()  # ConsentNeeded when it waits
"""

from typing import Any, Protocol

import msgspec

from genaiops.core.errors import ConsentNeeded
from genaiops.domain import Approval, EnvironmentKind
from genaiops.ports.records import Unit


class Proposal(msgspec.Struct, frozen=True, kw_only=True):
    """`subject` and `change` as an Approval has them; `change` has `from` (None: nothing yet) and `to`.
    `environment_kind`: of a deployment. `emergency`: why it cannot wait."""

    subject: str
    change: dict[str, Any]
    tenant_id: str = "default"
    environment_kind: EnvironmentKind | None = None
    reason: str = ""
    emergency: str | None = None


class Consent(msgspec.Struct, frozen=True):
    """`approval` None: the change is not protected. `approvers`: names of who may decide."""

    approval: Approval | None = None
    approvers: tuple[str, ...] = ()

    @property
    def given(self) -> bool:
        """Whether the change may be made now."""
        return self.approval is None or self.approval.applied_us is not None

    @property
    def approval_id(self) -> str | None:
        return None if self.approval is None else self.approval.id

    def check(self) -> None:
        """ConsentNeeded unless it may be made now. Call it after the unit, whose request would be lost else."""
        if self.approval is None or self.given:
            return
        names = self.approvers
        who = f"one of: {', '.join(names[:8])}" if names else "another person with a role that approves (there is none)"
        raise ConsentNeeded(
            f"Nothing has changed yet: {self.approval.subject} is protected, and waits as {self.approval.id}.",
            remedy=f"It is made when it is approved, by {who}: genaiops approval approve {self.approval.id}",
            approval_id=self.approval.id,
            approvers=names,
        )


class Consents(Protocol):
    def ask(self, unit: Unit, proposal: Proposal, *, by: str) -> Consent:
        """Conflict when a gate says no. A request that waits is written in the unit."""
        ...
