"""`/api/findings`: what was found in releases, runs and data, such as bias, and what is done about it."""

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
from litestar import Controller, Request, Response, get, patch, post
from litestar.params import FromPath, JSONBody
from msgspec import UNSET, Meta, UnsetType

from genaiops.api._access import Caller, Calling, needs
from genaiops.api._documents import Listing, shown
from genaiops.api._query import QUERY, described, read_query
from genaiops.api._runs import seen
from genaiops.api._services import Services, Serving
from genaiops.api._writing import write
from genaiops.arena import evidence_of
from genaiops.domain import BiasSource, BiasState, FindingKind

_Line = Annotated[str, Meta(max_length=200)]
_Text = Annotated[str, Meta(max_length=2000)]
_Run = Annotated[str, Meta(max_length=64)]


class FindingQuery(msgspec.Struct, frozen=True, kw_only=True):
    state: Annotated[BiasState | None, Meta(description="only in this state")] = None


class FindingChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What changes; all else stays. `verified`: the run that shows that the mitigation holds."""

    kind: FindingKind | UnsetType = UNSET
    title: _Line | UnsetType = UNSET
    about: _Line | UnsetType = UNSET
    attribute: Annotated[str, Meta(max_length=100)] | UnsetType = UNSET
    source: BiasSource | UnsetType = UNSET
    reason: _Text | UnsetType = UNSET
    mitigation: _Text | UnsetType = UNSET
    verified: _Run | UnsetType = UNSET


class NewFindingRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """With a `run` (and a `check` of its gate, and a `target`) the evidence is what that run measured."""

    title: _Line
    kind: FindingKind = "bias"
    about: _Line = ""
    attribute: Annotated[str, Meta(max_length=100)] = ""
    source: BiasSource = "unknown"
    reason: _Text = ""
    mitigation: _Text = ""
    run: _Run = ""
    check: _Line = ""
    target: _Line = ""


class FindingDocument(msgspec.Struct, frozen=True, kw_only=True):
    """`mitigation`, and of bias `source` with `reason`, are there before it is closed. `evidence`: what the run
    measured."""

    id: str
    tenant_id: str
    kind: FindingKind
    title: str
    about: str
    attribute: str
    state: BiasState
    source: BiasSource
    reason: str
    mitigation: str
    run: str
    verified: str
    evidence: Mapping[str, str]
    created_at: str
    created_by: str
    changed_at: str
    changed_by: str
    closed_at: str | None
    closed_by: str


class FindingsController(Controller):
    path = "/findings"
    tags = ("ARENA",)

    @get(
        summary="List findings",
        guards=[needs("read")],
        sync_to_thread=True,
        opt={QUERY: FindingQuery},
        operation_class=described(FindingQuery),
    )
    def list(self, request: Request[Any, Any, Any], services: Serving) -> Listing[FindingDocument]:
        """Open ones first, then the newest."""
        query = read_query(request, FindingQuery)
        return Listing([shown(each, FindingDocument) for each in services.hub.findings.in_state(query.state)])

    @post(summary="Record a finding", guards=[needs("findings")])
    async def add(
        self, data: JSONBody[NewFindingRequest], services: Serving, caller: Calling
    ) -> Response[FindingDocument]:
        """Of what `about` names: `release/...`, an application, a prompt, data. It is open until somebody says what is
        done about it, and of bias where it comes from."""

        def work() -> FindingDocument:
            fields = msgspec.structs.asdict(data)
            check, target = fields.pop("check"), fields.pop("target")
            evidence = _evidence(services, caller, data.run, check, target)
            made = services.hub.findings.add(
                fields, evidence=evidence, tenant_id=caller.actor.tenant_id, by=caller.actor.id
            )
            return shown(made, FindingDocument)

        return await write(services, work, status=201)

    @get("/{finding_id:str}", summary="One finding", guards=[needs("read")], sync_to_thread=True)
    def one(self, finding_id: FromPath[str], services: Serving) -> FindingDocument:
        """With what was measured."""
        return shown(services.hub.findings.get(finding_id), FindingDocument)

    @patch("/{finding_id:str}", summary="Change a finding", guards=[needs("findings")])
    async def change(
        self, finding_id: FromPath[str], data: JSONBody[FindingChange], services: Serving, caller: Calling
    ) -> Response[FindingDocument]:
        """409 when it is closed."""

        def work() -> FindingDocument:
            fields = _fields(services, caller, data)
            return shown(services.hub.findings.change(finding_id, fields, by=caller.actor.id), FindingDocument)

        return await write(services, work)

    @post("/{finding_id:str}/close", summary="Close a finding", guards=[needs("review")], status_code=200)
    async def close(
        self, finding_id: FromPath[str], data: JSONBody[FindingChange], services: Serving, caller: Calling
    ) -> Response[FindingDocument]:
        """With these fields. 400 (`finding_incomplete`) unless it has a mitigation then, and of bias a source."""

        def work() -> FindingDocument:
            fields = _fields(services, caller, data)
            return shown(services.hub.findings.close(finding_id, fields, by=caller.actor.id), FindingDocument)

        return await write(services, work)

    @post("/{finding_id:str}/reopen", summary="Reopen a finding", guards=[needs("review")], status_code=200)
    async def reopen(self, finding_id: FromPath[str], services: Serving, caller: Calling) -> Response[FindingDocument]:
        """It is back, or was never gone."""

        def work() -> FindingDocument:
            return shown(services.hub.findings.reopen(finding_id, by=caller.actor.id), FindingDocument)

        return await write(services, work)


def _fields(services: Services, caller: Caller, data: FindingChange) -> Mapping[str, Any]:
    """NotFound for a run that is not there, or of others."""
    if data.verified is not UNSET and data.verified:
        seen(services, caller, data.verified)
    return msgspec.structs.asdict(data)


def _evidence(services: Services, caller: Caller, run_id: str, check: str, target: str) -> Mapping[str, str]:
    if not run_id:
        return {}
    run = seen(services, caller, run_id)
    return evidence_of(services.runs.report(run) or services.evaluations.report(run), check, target)
