"""`/api/approvals` and `/api/policies`: changes that wait for consent, and which have to."""

from collections.abc import Sequence
from typing import Annotated, Any, Protocol

import msgspec
from litestar import Controller, Request, Response, get, post, put
from litestar.params import FromPath, JSONBody

from genaiops.api._access import Caller, Calling, anybody, needs
from genaiops.api._documents import Listing, VersionDocument, shown
from genaiops.api._query import QUERY, described, read_query
from genaiops.api._services import Services, Serving
from genaiops.api._writing import write
from genaiops.core.errors import NotFound
from genaiops.domain import Approval, ApprovalState
from genaiops.hub import policy_document


class ApprovalQuery(msgspec.Struct, frozen=True, kw_only=True):
    state: Annotated[ApprovalState | None, msgspec.Meta(description="only in this state")] = None


class DecisionRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why, for who reads it later."""

    comment: str = ""


class ApprovalDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A change that waits for consent, or had it. `requester` and `decider` are the names of `requested_by` and
    `decided_by`; `approvers` who may decide. `gated`: whether any gate looked (`not gated` is no pass)."""

    id: str
    tenant_id: str
    subject: str
    change: dict[str, Any]
    policy: str
    reason: str
    state: ApprovalState
    expired: bool
    emergency: bool
    self_approved: bool
    requested_by: str
    requester: str
    requested_at: str
    expires_at: str
    decided_by: str
    decider: str
    decided_at: str | None
    applied_at: str | None
    comment: str
    gated: str
    verdicts: dict[str, Any]
    approvers: Sequence[str]


class PolicyRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole `policy`; what it does not say has its default. `emergency`: why an administrator cannot wait."""

    policy: dict[str, Any]
    reason: str = ""
    emergency: str | None = None


class PolicyDocument(msgspec.Struct, frozen=True, kw_only=True):
    """What is in force. `version` null: the default, because nobody pushed one."""

    version: str | None
    policy: dict[str, Any]
    versions: Sequence[VersionDocument]


class _Decide(Protocol):
    def __call__(self, approval_id: str, *, comment: str, by: str) -> Approval: ...


async def _decided(
    services: Services, decide: _Decide, approval_id: str, data: DecisionRequest, caller: Caller
) -> Response[ApprovalDocument]:
    def work() -> ApprovalDocument:
        return shown_approval(services, decide(approval_id, comment=data.comment, by=caller.actor.id))

    return await write(services, work)


class ApprovalsController(Controller):
    path = "/approvals"
    tags = ("Approvals",)

    @get(
        summary="List approvals",
        guards=[needs("read")],
        sync_to_thread=True,
        opt={QUERY: ApprovalQuery},
        operation_class=described(ApprovalQuery),
    )
    def list(self, request: Request[Any, Any, Any], services: Serving) -> Listing[ApprovalDocument]:
        """Newest first."""
        query = read_query(request, ApprovalQuery)
        return Listing([shown_approval(services, each) for each in services.hub.approvals.in_state(query.state)])

    @get("/{approval_id:str}", summary="One approval", guards=[needs("read")], sync_to_thread=True)
    def one(self, approval_id: FromPath[str], services: Serving) -> ApprovalDocument:
        """With who may decide."""
        return shown_approval(services, services.hub.approvals.get(approval_id))

    @post("/{approval_id:str}/approve", summary="Consent", guards=[needs("approve")], status_code=200)
    async def approve(
        self, approval_id: FromPath[str], data: JSONBody[DecisionRequest], services: Serving, caller: Calling
    ) -> Response[ApprovalDocument]:
        """The change is made in the same transaction. 409 when its subject has moved meanwhile, 403 for one's own."""
        return await _decided(services, services.hub.approvals.approve, approval_id, data, caller)

    @post("/{approval_id:str}/refuse", summary="Refuse", guards=[needs("approve")], status_code=200)
    async def refuse(
        self, approval_id: FromPath[str], data: JSONBody[DecisionRequest], services: Serving, caller: Calling
    ) -> Response[ApprovalDocument]:
        """The change is not made."""
        return await _decided(services, services.hub.approvals.refuse, approval_id, data, caller)

    @post("/{approval_id:str}/withdraw", summary="Withdraw", guards=[anybody()], status_code=200)
    async def withdraw(
        self, approval_id: FromPath[str], data: JSONBody[DecisionRequest], services: Serving, caller: Calling
    ) -> Response[ApprovalDocument]:
        """By who asked for it."""
        return await _decided(services, services.hub.approvals.withdraw, approval_id, data, caller)


class PoliciesController(Controller):
    path = "/policies"
    tags = ("Approvals",)

    @get("/{name:str}", summary="The policy in force", guards=[needs("read")], sync_to_thread=True)
    def show(self, name: FromPath[str], services: Serving) -> PolicyDocument:
        """Of the name `approvals`: which changes need consent."""
        _check_name(name)
        return _policy(services)

    @put("/{name:str}", summary="Push a policy", guards=[needs("policies")])
    async def push(
        self, name: FromPath[str], data: JSONBody[PolicyRequest], services: Serving, caller: Calling
    ) -> Response[PolicyDocument]:
        """It is kept as a version, and in force once another person consents: 202 with `approval` until then."""
        _check_name(name)

        def work() -> PolicyDocument:
            policies = services.hub.policies
            policies.push(data.policy, reason=data.reason, emergency=data.emergency, by=caller.actor.id)
            return _policy(services)

        return await write(services, work)


def shown_approval(services: Services, approval: Approval) -> ApprovalDocument:
    hub = services.hub
    waits = approval.state == "pending"
    names = {actor.id: actor.name for actor in hub.actors.list()}
    return shown(
        approval,
        ApprovalDocument,
        expired=waits and not approval.emergency and approval.expires_us <= hub.clock(),
        requester=names.get(approval.requested_by, approval.requested_by),
        decider=names.get(approval.decided_by, approval.decided_by),
        gated="gated" if approval.verdicts else "not gated",
        approvers=[actor.name for actor in hub.approvals.may_decide(approval)] if waits else [],
    )


def _policy(services: Services) -> PolicyDocument:
    policies = services.hub.policies
    version, policy = policies.in_force()
    return PolicyDocument(
        version=None if version is None else version.id,
        policy=policy_document(policy),
        versions=[shown(each, VersionDocument) for each in policies.versions()],
    )


def _check_name(name: str) -> None:
    if name != "approvals":
        raise NotFound(f"There is no policy {name!r}.", remedy="There is: approvals.", param="name")
