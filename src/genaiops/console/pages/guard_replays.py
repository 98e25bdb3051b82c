"""A candidate tried on the calls of a day: how far it is, and of which calls it says something else."""

from typing import Any, Final

from litestar import Response, get, post
from litestar.params import FromPath

from genaiops.console._visit import Visit, Visiting, field, redirect
from genaiops.core.errors import NotBuilt, NotFound, UsageError
from genaiops.domain import DEFAULT_GUARD, GuardVersion
from genaiops.guard import Progress, ReplayReport, ReplayRun, ReplaySources, ReplayWish, Work, replay
from genaiops.ports.telemetry import TraceFilter

_DAY_US: Final = 86_400_000_000
MOST: Final = 1000
EXAMPLES: Final = 50


def begin(visit: Visit, candidate: GuardVersion, place: str) -> ReplayRun:
    """Over the last 24 hours, of the environment that the page is about; the candidate in the `place` of a policy."""
    visit.require("content")
    where = TraceFilter(since_us=visit.now_us - _DAY_US, until_us=visit.now_us, environment_id=visit.environment)
    wish = ReplayWish(candidate=candidate, instead_of=place, where=where, most=MOST, examples=EXAMPLES)
    work = _work(visit, wish)
    return visit.services.replays.begin(wish, work, tenant_id=visit.actor.tenant_id, by=visit.actor.id)


def instead_of(visit: Visit, name: str) -> str:
    """The policy of that name; of a new one the default, which its calls would have else."""
    guards = visit.services.hub.guards
    try:
        return guards.named(name, visit.actor)
    except NotFound:
        return guards.named(DEFAULT_GUARD, visit.actor)


def _work(visit: Visit, wish: ReplayWish) -> Work:
    judge = visit.services.hub.judge
    if judge is None:
        raise NotBuilt("Nothing here can judge by a guard policy.", remedy="Start it with its guard.")
    stores = visit.services.stores
    sources = ReplaySources(stores.telemetry, stores.blobs, judge, visit.services.hub.guards)

    def work(progress: Progress, begun: ReplayReport | None) -> ReplayReport:
        return replay(sources, wish, progress, begun)

    return work


@get("/guardrails/replays", sync_to_thread=True)
def show_all(visit: Visiting) -> Response[str]:
    """One's own: a replay saw what its asker may see."""
    visit.require("content")
    runs = [each for each in visit.services.replays.list() if each.begun_by == visit.actor.id]
    return visit.page(
        "guard_replays.html",
        title="Guardrails",
        nav="guardrails",
        tab="replays",
        runs=runs,
        going=any(each.going for each in runs),
    )


@get("/guardrails/replays/{run_id:str}", sync_to_thread=True)
def show(visit: Visiting, run_id: FromPath[str]) -> Response[str]:
    visit.require("content")
    run = _own(visit, run_id)
    return visit.page("guard_replay.html", title="Guardrails", nav="guardrails", tab="replays", run=run)


@post("/guardrails/replays/{run_id:str}", sync_to_thread=True)
def act(visit: Visiting, run_id: FromPath[str]) -> Response[None]:
    """`do`: stop (what it found so far stays), resume, delete."""
    visit.require("content")
    run, replays = _own(visit, run_id), visit.services.replays
    do = field(visit.form, "do")
    if do == "stop":
        replays.stop(run.id)
    elif do == "resume":
        replays.resume(run.id, _work(visit, run.wish))
    elif do == "delete":
        replays.remove(run.id)
        visit.say("The replay is forgotten.")
        return redirect(visit.link("/guardrails/replays"))
    else:
        raise UsageError(f"{do[:40]!r} is nothing to do.", remedy="Use a button of the page.", param="do")
    return redirect(visit.link(f"/guardrails/replays/{run.id}"))


def _own(visit: Visit, run_id: str) -> ReplayRun:
    run = visit.services.replays.get(run_id)
    if run.begun_by != visit.actor.id:
        raise NotFound(f"There is no replay {run_id[:80]!r}.", remedy="Begin one on the page of a policy.")
    return run


HANDLERS: list[Any] = [show_all, show, act]
