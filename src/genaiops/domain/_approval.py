"""Consent of a person to what another wants to change."""

from typing import Any, Literal

import msgspec

ApprovalState = Literal["pending", "approved", "refused", "withdrawn", "applied"]


class Approval(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A change that waits for consent, or had it.

    `subject` is what would move: `alias:KIND/NAME@ALIAS` or `deployment:APPLICATION@ENVIRONMENT`; `change` is what it
    would become; `policy` the id of the policy's version that asked for consent. `self_approved`: who decided is who
    asked (allowed only where the policy says so, and shown as such). `verdicts`: what gates said, by gate; empty: no
    gate looked. `emergency`: it was applied before anybody consented, at `applied_us`; pending then asks for consent
    after the fact.
    """

    id: str
    tenant_id: str = "default"
    subject: str
    change: dict[str, Any]
    policy: str = ""
    reason: str = ""
    requested_by: str
    requested_us: int
    expires_us: int
    state: ApprovalState = "pending"
    decided_by: str = ""
    decided_us: int | None = None
    comment: str = ""
    self_approved: bool = False
    verdicts: dict[str, Any] = {}
    emergency: bool = False
    applied_us: int | None = None
