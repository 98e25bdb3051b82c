"""A candidate tried on the calls of a day: how far it is, and of which calls it says something else."""

from typing import Any, Final

from litestar import Response, get, post
from litestar.params import FromPath

from genaiops.console._visit import Visit, Visiting, redirect
from genaiops.core.errors import NotBuilt, NotFound
from genaiops.domain import GuardVersion
from genaiops.guard import Progress, ReplayReport, ReplayRun, ReplayWish, replay
from genaiops.ports.telemetry import TraceFilter

_DAY_US: Final = 86_400_000_000
MOST: Final = 1000
EXAMPLES: Final = 50


def begin(visit: Visit, candidate: GuardVersion, against: GuardVersion) -> ReplayRun:
    """Over the last 24 hours, of the environment that the page is about."""
    visit.require("content")
    judge = visit.services.hub.judge
    if judge is None:
        raise NotBuilt("Nothing here can judge by a guard policy.", remedy="Start it with its guard.")
    stores = visit.services.stores
    where = TraceFilter(since_us=visit.now_us - _DAY_US, until_us=visit.now_us, environment_id=visit.environment)
    wish = ReplayWish(candidate=candidate, against=against, where=where, most=MOST, examples=EXAMPLES)

    def work(progress: Progress) -> ReplayReport:
        return replay(stores.telemetry, stores.blobs, judge, wish, progress)

    return visit.services.replays.begin(work, tenant_id=visit.actor.tenant_id, by=visit.actor.id)


@get("/guardrails/replays/{run_id:str}", sync_to_thread=True)
def show(visit: Visiting, run_id: FromPath[str]) -> Response[str]:
    visit.require("content")
    run = _own(visit, run_id)
    name = "" if run.report is None else run.report.candidate.partition("@")[0]
    return visit.page(
        "guard_replay.html",
        title="Guardrails",
        nav="guardrails",
        tab="policies",
        run=run,
        report=run.report,
        name=name,
        most=MOST,
        going=run.state in ("waiting", "running"),
    )


@post("/guardrails/replays/{run_id:str}", sync_to_thread=True)
def stop(visit: Visiting, run_id: FromPath[str]) -> Response[None]:
    """What it found so far stays."""
    visit.require("content")
    visit.services.replays.stop(_own(visit, run_id).id)
    return redirect(visit.link(f"/guardrails/replays/{run_id}"))


def _own(visit: Visit, run_id: str) -> ReplayRun:
    run = visit.services.replays.get(run_id)
    if run.begun_by != visit.actor.id:
        raise NotFound(f"There is no replay {run_id[:80]!r}.", remedy="Begin one on the page of a policy.")
    return run


HANDLERS: list[Any] = [show, stop]
