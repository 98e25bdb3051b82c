"""Reports of releases and commits, for who lets them through, and bundles for who audits them."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal

import msgspec
from litestar import Controller, Request, Response, get
from litestar.params import FromPath
from msgspec import Meta

from genaiops.api._access import Caller, Calling, needs
from genaiops.api._approvals import ApprovalDocument
from genaiops.api._documents import shown
from genaiops.api._findings import FindingDocument
from genaiops.api._query import QUERY, described, read_query
from genaiops.api._releases import ReleaseDocument, named_release
from genaiops.api._runs import sees
from genaiops.api._services import Services, Serving
from genaiops.core.clock import to_iso
from genaiops.core.errors import UsageError
from genaiops.domain import Run
from genaiops.hub import (
    BesideServing,
    MergeReport,
    Node,
    Verdict,
    report_of_commit,
    report_of_release,
)
from genaiops.ports.runs import RunFilter

_MOST_RUNS = 200
_MEDIA = {"markdown": "text/markdown; charset=utf-8", "html": "text/html; charset=utf-8", "pdf": "application/pdf"}


class MergeReportQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """In which form; all but JSON are signed."""

    format: Annotated[
        Literal["json", "markdown", "html", "pdf"], Meta(description="`genaiops suite verify` checks the others")
    ] = "json"


class SuiteSaidDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A run of a suite. `asked`: what its targets were pinned to. `outcome` "": it is not over, or said nothing."""

    run: str
    suite: str
    outcome: str
    reason: str
    asked: Sequence[str]
    commit: str
    at: str


class ReleaseSaidDocument(msgspec.Struct, frozen=True, kw_only=True):
    """`beside`: against what serves each environment. `sources`: what it was made from, nearest first."""

    release: ReleaseDocument
    verified: Verdict
    beside: Sequence[BesideServing]
    sources: Sequence[Node]
    complete: bool


class MergeReportDocument(msgspec.Struct, frozen=True, kw_only=True):
    """`lacking`: what somebody would look for and is not there."""

    subject: str
    lacking: Sequence[str]
    releases: Sequence[ReleaseSaidDocument]
    suites: Sequence[SuiteSaidDocument]
    sign_offs: Sequence[ApprovalDocument]
    findings: Sequence[FindingDocument]


class ReleaseReportsController(Controller):
    path = "/releases"
    tags = ("Hub",)

    @get(
        "/{release_id:str}/report",
        summary="The report of a release",
        guards=[needs("read")],
        sync_to_thread=True,
        opt={QUERY: MergeReportQuery},
        operation_class=described(MergeReportQuery),
    )
    def report(
        self, release_id: FromPath[str], request: Request[Any, Any, Any], services: Serving, caller: Calling
    ) -> Response[MergeReportDocument | bytes]:
        """Suites that were run for it, how it differs from what serves, what it was made from, who signed it off, and
        findings."""
        said = report_of_release(services.hub, named_release(services.hub, release_id), _Runs(services, caller))
        return _answer(services, said, read_query(request, MergeReportQuery).format)

    @get("/{release_id:str}/bundle", summary="A release in one file", guards=[needs("read")], sync_to_thread=True)
    def bundle(self, release_id: FromPath[str], services: Serving, caller: Calling) -> Response[bytes]:
        """A gzipped tar with its manifest, all that it pins, runs with verdicts, approvals, findings and reports,
        signed; no prompts or answers of calls. `genaiops release verify FILE` checks it without an installation."""
        release = named_release(services.hub, release_id)
        said = report_of_release(services.hub, release, _Runs(services, caller))
        services.auditor.note("export", "releases", release.id, {}, by=caller.actor.id)
        name = f"{release.application_id.replace('/', '-')}-{release.digest[7:19]}.tar.gz"
        headers = {"content-disposition": f'attachment; filename="{name}"'}
        return Response(
            services.merge_reports.bundle(services.hub, said), media_type="application/gzip", headers=headers
        )


class CommitsController(Controller):
    path = "/commits"
    tags = ("Hub",)

    @get(
        "/{sha:str}/report",
        summary="The report of a commit",
        guards=[needs("read")],
        sync_to_thread=True,
        opt={QUERY: MergeReportQuery},
        operation_class=described(MergeReportQuery),
    )
    def report(
        self, sha: FromPath[str], request: Request[Any, Any, Any], services: Serving, caller: Calling
    ) -> Response[MergeReportDocument | bytes]:
        """Of all releases and runs that name it, as that of a release. 404 where nothing does."""
        said = report_of_commit(services.hub, sha, _Runs(services, caller))
        return _answer(services, said, read_query(request, MergeReportQuery).format)


class _Runs:
    """The newest that the caller sees."""

    def __init__(self, services: Services, caller: Caller) -> None:
        self._services = services
        self._caller = caller

    def __call__(self, where: RunFilter) -> list[Run]:
        where = msgspec.structs.replace(where, tenant_id=self._caller.reach.tenant_id)
        return [run for run in self._services.runs.list(where, limit=_MOST_RUNS).rows if sees(self._caller, run)]


def _answer(services: Services, said: MergeReport, form: str) -> Response[MergeReportDocument | bytes]:
    if form == "json":
        return Response(_document(said))
    if form not in _MEDIA:
        raise UsageError(f"{form!r} is no form.", remedy="Use json, markdown, html or pdf.", param="format")
    return Response(services.merge_reports.written(said, form), media_type=_MEDIA[form])


def _document(said: MergeReport) -> MergeReportDocument:
    return MergeReportDocument(
        subject=said.subject,
        lacking=said.lacking,
        releases=[
            ReleaseSaidDocument(
                release=shown(each.release, ReleaseDocument),
                verified=each.verified,
                beside=each.beside,
                sources=each.sources,
                complete=each.complete,
            )
            for each in said.releases
        ],
        suites=[
            SuiteSaidDocument(
                run=each.run,
                suite=each.suite,
                outcome=each.outcome,
                reason=each.reason,
                asked=each.asked,
                commit=each.commit,
                at=to_iso(each.at_us),
            )
            for each in said.suites
        ],
        sign_offs=[shown(each, ApprovalDocument) for each in said.sign_offs],
        findings=[shown(each, FindingDocument) for each in said.findings],
    )
