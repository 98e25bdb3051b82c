"""`/api/runs`: suites that are run on the server, and what came of it."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Annotated, Any, Literal

import msgspec
from litestar import Controller, Request, Response, delete, get, post
from litestar.params import FromPath, JSONBody
from litestar.response import ServerSentEvent, ServerSentEventMessage
from msgspec import Meta

from genaiops.api._access import Caller, Calling, needs
from genaiops.api._documents import Listing
from genaiops.api._query import QUERY, described, read_query
from genaiops.api._run_wish import RunRequest, begun
from genaiops.api._services import Services, Serving
from genaiops.api._times import moment
from genaiops.api._use_cases import KpiDocument, kpi_document
from genaiops.arena import (
    CaseDocument,
    FailureDocument,
    Figure,
    GateReport,
    RunDocument,
    UnjudgedDocument,
    case_document,
    run_document,
)
from genaiops.arena.redteam import AttackReport
from genaiops.core.clock import now_us
from genaiops.core.errors import Forbidden, NotFound
from genaiops.domain import AnswerState, EnvironmentKind, Outcome, Run, RunKind, RunState
from genaiops.hub import require
from genaiops.ports.runs import CaseFilter, RunFilter

LOOK_SECONDS = 0.25
HEARTBEAT_SECONDS = 15.0


class RunQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The conditions of a list, and which page of it."""

    kind: RunKind | None = None
    state: RunState | None = None
    suite: Annotated[str | None, Meta(description="a suite's name, of all its versions")] = None
    commit: str | None = None
    branch: str | None = None
    pull_request: str | None = None
    since: Annotated[str | None, Meta(description="ISO 8601, or so long ago: `15m`, `24h`, `7d`")] = None
    until: Annotated[str | None, Meta(description="ISO 8601, or so long ago")] = None
    cursor: Annotated[str | None, Meta(description="`next` of the page before")] = None
    limit: Annotated[int, Meta(description="runs a page", ge=1, le=500)] = 50

    def filter(self, tenant_id: str | None) -> RunFilter:
        now = now_us()
        facts = {name: getattr(self, name) for name in ("commit", "branch", "pull_request")}
        return RunFilter(
            kind=self.kind,
            state=self.state,
            subject=None if self.suite is None else f"suite/{self.suite}@",
            tenant_id=tenant_id,
            environment={name: value for name, value in facts.items() if value is not None},
            since_us=None if self.since is None else moment(self.since, now_us=now, param="since"),
            until_us=None if self.until is None else moment(self.until, now_us=now, param="until"),
        )


class CaseQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which cases: `changed` those that `target` won or lost against the target `against`."""

    target: str | None = None
    against: str | None = None
    check: str | None = None
    outcome: Outcome | None = None
    state: AnswerState | None = None
    slice: str | None = None
    q: Annotated[str | None, Meta(description="in the id, the input or an output")] = None
    changed: Literal["won", "lost"] | None = None
    start: Annotated[int, Meta(description="`next` of the page before", ge=0, le=1 << 31)] = 0
    limit: Annotated[int, Meta(description="cases a page", ge=1, le=500)] = 50

    def filter(self) -> CaseFilter:
        fields = msgspec.structs.asdict(self)
        same = ("target", "against", "check", "outcome", "state", "slice", "changed")
        return CaseFilter(text=self.q, **{name: fields[name] for name in same})


class ReportQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """In which form."""

    format: Literal["markdown", "html", "junit", "jsonl", "pdf"] = "markdown"


_ENDINGS = {
    "markdown": ("md", "text/markdown; charset=utf-8"),
    "html": ("html", "text/html; charset=utf-8"),
    "junit": ("xml", "application/xml"),
    "jsonl": ("jsonl", "application/x-ndjson"),
    "pdf": ("pdf", "application/pdf"),
}
"""Form -> how its file ends, and its media type."""


class RunWithReport(RunDocument, frozen=True, kw_only=True):
    """A run. `report` null: it goes on, or its suite is not kept here. `errors` (why answers failed, the most frequent
    first) and `unjudged` (errors by check) null: it goes on, or you may not read what is asked and answered. `kpis`:
    those of use cases that its suite measures, of each target. `figures`: what each check measured of each target, also
    those that only inform; none while it goes on, or when its suite is not kept here."""

    report: GateReport | None
    figures: Sequence[Figure] = ()
    kpis: Sequence[KpiDocument] = ()
    errors: Sequence[FailureDocument] | None = None
    unjudged: Sequence[UnjudgedDocument] | None = None


class CasesDocument(msgspec.Struct, frozen=True, kw_only=True):
    """Cases in the order of the suite. `total`: of all that the filter lets through."""

    data: Sequence[CaseDocument]
    total: int
    next: int | None


class RunsController(Controller):
    path = "/runs"
    tags = ("ARENA",)

    @get(
        summary="List runs",
        guards=[needs("read")],
        sync_to_thread=True,
        opt={QUERY: RunQuery},
        operation_class=described(RunQuery),
    )
    def list(self, request: Request[Any, Any, Any], services: Serving, caller: Calling) -> Listing[RunDocument]:
        """Newest first, without their reports. A sandbox's key is shown those of its sandbox."""
        query = read_query(request, RunQuery)
        where = query.filter(caller.reach.tenant_id)
        page = services.runs.list(where, cursor=query.cursor, limit=query.limit)
        return Listing([run_document(run) for run in page.rows if sees(caller, run)], page.next)

    @post(summary="Run a suite", guards=[needs("playground")], status_code=201, sync_to_thread=True)
    def begin(self, data: JSONBody[RunRequest], services: Serving, caller: Calling) -> RunDocument:
        """It goes on by itself; `/api/runs/{run_id}` and its events tell how far it is. Its calls are made through the
        gateway with keys of the caller that live as long as it does."""
        return run_document(begun(services, caller, data))

    @get("/{run_id:str}", summary="One run", guards=[needs("read")], sync_to_thread=True)
    def one(self, run_id: FromPath[str], services: Serving, caller: Calling) -> RunWithReport:
        """How far it is; when it is over, what its gate says and why."""
        return _whole(services, caller, seen(services, caller, run_id))

    @get("/{run_id:str}/events", summary="Follow a run", guards=[needs("read")])
    async def events(self, run_id: FromPath[str], services: Serving, caller: Calling) -> ServerSentEvent:
        """Server-sent events of the kind `run`, whenever it is further, with the run as JSON; the last one is of its
        end."""
        await asyncio.to_thread(seen, services, caller, run_id)
        return ServerSentEvent(_follow(services, caller, run_id))

    @get(
        "/{run_id:str}/cases",
        summary="Cases of a run",
        guards=[needs("content")],
        sync_to_thread=True,
        opt={QUERY: CaseQuery},
        operation_class=described(CaseQuery),
    )
    def cases(
        self, run_id: FromPath[str], request: Request[Any, Any, Any], services: Serving, caller: Calling
    ) -> CasesDocument:
        """With their answers and verdicts. For who may read what people write in the run's environment."""
        query = read_query(request, CaseQuery)
        run = seen(services, caller, run_id)
        check_reads_run(services, caller, run)
        page = services.runs.store.page(run.id, query.filter(), start=query.start, limit=query.limit)
        return CasesDocument(data=[case_document(row) for row in page.rows], total=page.total, next=page.next)

    @get("/{run_id:str}/attacks", summary="How often attacks succeeded", guards=[needs("read")], sync_to_thread=True)
    def attacks(self, run_id: FromPath[str], services: Serving, caller: Calling) -> AttackReport:
        """Of a red-team run: the share of attacks that succeeded, by family, tag, hazard, technique and converter, for
        each target, with bounds over seeds. Figures only; cases have their texts."""
        run = seen(services, caller, run_id)
        report = services.evaluations.attacks(run)
        if report is None:
            raise NotFound(
                f"The run {run.id} has no attacks.", remedy="Begin one: genaiops redteam run", code="no_attacks"
            )
        return report

    @get(
        "/{run_id:str}/report",
        summary="The report of a run",
        guards=[needs("content")],
        sync_to_thread=True,
        opt={QUERY: ReportQuery},
        operation_class=described(ReportQuery),
    )
    def report(
        self, run_id: FromPath[str], request: Request[Any, Any, Any], services: Serving, caller: Calling
    ) -> Response[bytes]:
        """As `genaiops suite report` writes it, signed by this installation: `genaiops suite verify FILE` checks it.
        For who may read what people write in the run's environment."""
        form = read_query(request, ReportQuery).format
        run = seen(services, caller, run_id)
        check_reads_run(services, caller, run)
        headers = {"content-disposition": f'attachment; filename="{run.id}.{_ENDINGS[form][0]}"'}
        kpis = services.kpis.of_run(run, services.hub.use_cases.list())
        return Response(services.evaluations.written(run, form, kpis), media_type=_ENDINGS[form][1], headers=headers)

    @post(
        "/{run_id:str}/stop", summary="Stop a run", guards=[needs("playground")], status_code=200, sync_to_thread=True
    )
    def stop(self, run_id: FromPath[str], services: Serving, caller: Calling) -> RunDocument:
        """What is asked already is waited for and kept; it can be resumed."""
        run = _changeable(services, caller, run_id)
        return run_document(services.runs.stop(run.id, by=caller.actor.id))

    @post(
        "/{run_id:str}/resume",
        summary="Go on with a run",
        guards=[needs("playground")],
        status_code=200,
        sync_to_thread=True,
    )
    def resume(self, run_id: FromPath[str], services: Serving, caller: Calling) -> RunDocument:
        """Of one that was stopped or failed, what is left; of one that is done, what has no answer."""
        run = _changeable(services, caller, run_id)
        return run_document(services.runs.resume(run.id, by=caller.actor.id))

    @delete("/{run_id:str}", summary="Delete a run", guards=[needs("playground")], sync_to_thread=True)
    def remove(self, run_id: FromPath[str], services: Serving, caller: Calling) -> None:
        """With its cases, answers and verdicts. Stop it first where it goes on."""
        services.runs.delete(_changeable(services, caller, run_id).id, by=caller.actor.id)


def seen(services: Services, caller: Caller, run_id: str) -> Run:
    """NotFound also for a run of others."""
    run = services.runs.get(run_id)
    if not sees(caller, run):
        raise NotFound(f"There is no run {run_id[:80]!r}.", remedy="See: genaiops run list", param="run")
    return run


def sees(caller: Caller, run: Run) -> bool:
    reach = caller.reach
    if reach.tenant_id is not None and run.tenant_id != reach.tenant_id:
        return False
    return reach.environment_id is None or run.inputs.get("environment") == f"environment/{reach.environment_id}"


def _changeable(services: Services, caller: Caller, run_id: str) -> Run:
    """Of one's own, or for who administers people."""
    run = seen(services, caller, run_id)
    if run.created_by != caller.actor.id:
        require(caller.actor, "people")
    return run


def check_reads_run(services: Services, caller: Caller, run: Run) -> None:
    if not _reads(services, caller, run):
        raise Forbidden(
            "Your roles do not let you read what is asked and answered in the environments of this run.",
            remedy="Ask who may: genaiops role list",
            code="content_not_allowed",
        )


def _reads(services: Services, caller: Caller, run: Run) -> bool:
    """What nobody knows the environment of counts as prod."""
    kinds: dict[str, EnvironmentKind] = {each.id: each.kind for each in services.hub.environments.list()}
    names = {run.inputs.get("environment", "")} | {
        f"environment/{node.rpartition('@')[2]}" for node in run.inputs.values() if node.startswith("deployment/")
    }
    names |= {f"environment/{name}" for name in _traced(services, run)}
    return all(kinds.get(name.removeprefix("environment/"), "prod") in caller.reach.content for name in names)


def _traced(services: Services, run: Run) -> Iterator[str]:
    """The environments of the traces that cases were made of."""
    for name, node in run.inputs.items():
        if name.startswith("cases/") and node.startswith("dataset/"):
            try:
                source: dict[str, Any] = services.hub.artifacts.resolve(node).manifest.get("source", {})
            except NotFound:  # what nobody can look up counts as prod
                source = {"kind": "traces", "environments": ("",)}
            yield from source.get("environments", ()) if source.get("kind") == "traces" else ()


def _whole(services: Services, caller: Caller, run: Run) -> RunWithReport:
    whole = RunWithReport(
        **msgspec.structs.asdict(run_document(run)),
        report=services.runs.report(run),
        figures=() if run.state in ("waiting", "running") else services.evaluations.figures(run),
        kpis=[kpi_document(services, line) for line in services.kpis.of_run(run, services.hub.use_cases.list())],
    )
    if run.state in ("waiting", "running") or not _reads(services, caller, run):
        return whole
    faults = services.runs.faults(run)
    return msgspec.structs.replace(whole, errors=faults.errors, unjudged=faults.unjudged)


async def _follow(services: Services, caller: Caller, run_id: str) -> AsyncIterator[ServerSentEventMessage]:
    before: tuple[Any, ...] = ()
    silent = 0.0
    while True:
        try:
            run = await asyncio.to_thread(seen, services, caller, run_id)
        except NotFound:  # deleted meanwhile
            return
        now = (run.state, run.done, run.failed)
        if now != before:
            before, silent = now, 0.0
            yield ServerSentEventMessage(data=msgspec.json.encode(run_document(run)).decode(), event="run")
        if run.state not in ("waiting", "running"):
            return
        await asyncio.sleep(LOOK_SECONDS)
        silent += LOOK_SECONDS
        if silent >= HEARTBEAT_SECONDS:
            silent = 0.0
            yield ServerSentEventMessage(data=None, comment="alive")
