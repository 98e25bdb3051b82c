"""The report of a release or a commit, for who lets it through."""

from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec
from litestar import Response, get
from litestar.params import FromPath

from genaiops.console._visit import Visit, Visiting
from genaiops.domain import Run
from genaiops.hub import MergeReport, report_of_commit
from genaiops.ports.runs import RunFilter

_MOST_RUNS: Final = 200


@get("/commits/{sha:str}", sync_to_thread=True)
def commit(visit: Visiting, sha: FromPath[str]) -> Response[str]:
    """Of all releases and runs that name it."""
    said = report_of_commit(visit.services.hub, sha, runs_of(visit))
    return merge_page(
        visit, said, back=(visit.link("/arena", commit=sha), "Runs of this commit"), api=f"/api/commits/{sha}"
    )


def runs_of(visit: Visit) -> Callable[[RunFilter], Sequence[Run]]:
    """The newest that the visitor may see."""
    own = None if visit.reach.tenant_id is None else visit.reach.tenant_id

    def read(where: RunFilter) -> Sequence[Run]:
        where = msgspec.structs.replace(where, tenant_id=own)
        return visit.services.stores.runs.list(where, limit=_MOST_RUNS).rows

    return read


def merge_page(visit: Visit, said: MergeReport, *, back: tuple[str, str], api: str) -> Response[str]:
    """`back`: where it is reached from, with its name. `api`: where its files are."""
    return visit.page(
        "merge_report.html",
        title="Releases",
        nav="releases",
        said=said,
        told=visit.services.merge_reports.sections(said),
        back=back,
        api=api,
        bundled=said.subject.startswith("release/"),
    )


HANDLERS: list[Any] = [commit]
