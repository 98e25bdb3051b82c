"""`/api/guards/test` and `/api/guards/replay`: a policy tried on cases, and on calls that were recorded."""

from collections.abc import Sequence
from typing import Any

import msgspec
from litestar import Controller, delete, get, post
from litestar.params import FromPath, JSONBody

from genaiops.api._access import Caller, Calling, needs
from genaiops.api._datasets import readable
from genaiops.api._documents import Listing, shown
from genaiops.api._guards import GuardSource, guard_from
from genaiops.api._services import Services, Serving
from genaiops.api._times import moment
from genaiops.core.clock import now_us
from genaiops.core.errors import NotBuilt, NotFound, UsageError
from genaiops.domain import DEFAULT_GUARD, Actor
from genaiops.guard import (
    MOST_CASES,
    CaseResult,
    Progress,
    ReplayExample,
    ReplayReport,
    ReplayRun,
    ReplaySources,
    ReplayWish,
    RuleDifference,
    Work,
    read_cases,
    replay,
    try_cases,
)
from genaiops.ports.guard import Judge
from genaiops.ports.telemetry import TraceFilter

MOST_REPLAYED = 20_000
_PAGE = 1000


class TryGuardRequest(GuardSource, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A policy, and either `cases` or a `dataset` of them (a name, NAME@ALIAS, or a digest)."""

    cases: list[dict[str, Any]] | None = None
    dataset: str | None = None


class ReplayRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which policy is tried, and on which calls: newest first, at most `limit`. Times are ISO 8601, or so long ago:
    `24h`.

    The candidate takes the place of `instead_of` (a name or NAME@ALIAS; null: of its own name, of a text `default`) in
    what held for each call, and everything else that held stays. With `against` it is held against that policy alone.
    """

    candidate: GuardSource
    instead_of: str | None = None
    against: GuardSource | None = None
    since: str = "24h"
    until: str | None = None
    environment_id: str | None = None
    key_id: str | None = None
    application: str | None = None
    model: str | None = None
    limit: int = 1000
    examples: int = 20


class TriedGuardDocument(msgspec.Struct, frozen=True, kw_only=True):
    """`passed` of `cases`; `results` in their order."""

    policy: str
    cases: int
    passed: int
    results: Sequence[CaseResult]


class ReplayExampleDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A call of which the two policies say something else; its content stays at its trace."""

    trace_id: str
    started_at: str
    before: str
    after: str
    rules: Sequence[str]
    found_before: dict[str, int]
    found_after: dict[str, int]
    places: Sequence[str]


class ReplayReportDocument(msgspec.Struct, frozen=True, kw_only=True):
    """`seen` calls; `judged` had recorded content. With `union` the candidate took the place of `against` (NAME@ALIAS)
    in what held for each call: `untouched` calls were not under it; of `assumed` ones it is not known what held, so
    what would hold now was taken. `not_recorded`: nothing of it was kept (capture off or preview); `foreign`: other
    programs made them; `unreadable`: they could not be judged. `redacted`: something was taken out of them before they
    were recorded, which nobody can find again. `actions`: what follows without the candidate -> with it -> calls.
    `rules`: calls of which a rule said the same in `both`, only without the candidate (`lost`), only with it
    (`gained`), or something else (`changed`)."""

    candidate: str
    against: str
    union: bool
    since_at: str
    until_at: str
    oldest_at: str | None
    complete: bool
    seen: int
    judged: int
    not_recorded: int
    foreign: int
    untouched: int
    assumed: int
    unreadable: int
    unreadable_why: str | None
    redacted: int
    same: int
    different: int
    actions: dict[str, dict[str, int]]
    rules: Sequence[RuleDifference]
    examples: Sequence[ReplayExampleDocument]


class ReplayDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A replay: waiting, running, done, stopped, failed, or interrupted (the installation ended before it did).
    `report`: how far it is. `resumable`: there is more to look at, and `POST .../resume` goes on with it. `most`: calls
    that it looks at, at most."""

    id: str
    state: str
    begun_at: str
    begun_by: str
    ended_at: str | None
    error: str | None
    most: int
    resumable: bool
    report: ReplayReportDocument | None


class GuardTrialsController(Controller):
    path = "/guards"
    tags = ("Guardrails",)

    @post("/test", summary="Try a guard policy on cases", guards=[needs("read")], status_code=200, sync_to_thread=True)
    def test(self, data: JSONBody[TryGuardRequest], services: Serving, caller: Calling) -> TriedGuardDocument:
        """What the policy says of each case, and whether that is what was expected. Nothing is kept."""
        if (data.cases is None) == (data.dataset is None):
            raise UsageError("Which cases?", remedy="Give either cases or dataset.", param="cases")
        judge = _judge(services)
        source = GuardSource(guard=data.guard, text=data.text, form=data.form, policy=data.policy)
        policy = guard_from(services, source, caller.actor)
        rows = data.cases if data.dataset is None else _rows(services, caller, data.dataset)
        results = list(try_cases(judge, policy, read_cases(rows or ())))
        return TriedGuardDocument(
            policy=f"{policy.name}@{policy.digest}" if policy.digest else policy.name,
            cases=len(results),
            passed=sum(result.passed for result in results),
            results=results,
        )

    @post(
        "/replay",
        summary="Try a guard policy on recorded calls",
        guards=[needs("content")],
        status_code=202,
        sync_to_thread=True,
    )
    def replay(self, data: JSONBody[ReplayRequest], services: Serving, caller: Calling) -> ReplayDocument:
        """It goes on by itself; `GET /api/guards/replays/{run_id}` tells how far it is. It is kept, also over a
        restart, and changes nothing."""
        wish, actor = _wish(services, data, caller.actor), caller.actor
        return _shown(services.replays.begin(wish, _work(services, wish), tenant_id=actor.tenant_id, by=actor.id))

    @get("/replays", summary="List replays", guards=[needs("content")], sync_to_thread=False)
    def replays(self, services: Serving, caller: Calling) -> Listing[ReplayDocument]:
        """One's own, newest first."""
        return Listing([_shown(run) for run in services.replays.list() if run.begun_by == caller.actor.id])

    @get("/replays/{run_id:str}", summary="One replay", guards=[needs("content")], sync_to_thread=False)
    def one_replay(self, run_id: FromPath[str], services: Serving, caller: Calling) -> ReplayDocument:
        """How far it is, and what it found so far. Only for who began it: it saw what they may see."""
        return _shown(_own(services, run_id, caller.actor))

    @post(
        "/replays/{run_id:str}/stop",
        summary="Stop a replay",
        guards=[needs("content")],
        status_code=200,
        sync_to_thread=False,
    )
    def stop_replay(self, run_id: FromPath[str], services: Serving, caller: Calling) -> ReplayDocument:
        """What it found so far stays, and it can be gone on with. One that has ended stays as it is."""
        return _shown(services.replays.stop(_own(services, run_id, caller.actor).id))

    @post(
        "/replays/{run_id:str}/resume",
        summary="Go on with a replay",
        guards=[needs("content")],
        status_code=202,
        sync_to_thread=True,
    )
    def resume_replay(self, run_id: FromPath[str], services: Serving, caller: Calling) -> ReplayDocument:
        """One that was stopped, interrupted or failed goes on with the calls that it has not seen. 409 where there is
        nothing left to do."""
        run = _own(services, run_id, caller.actor)
        return _shown(services.replays.resume(run.id, _work(services, run.wish)))

    @delete(
        "/replays/{run_id:str}",
        summary="Delete a replay",
        guards=[needs("content")],
        status_code=200,
        sync_to_thread=True,
    )
    def delete_replay(self, run_id: FromPath[str], services: Serving, caller: Calling) -> ReplayDocument:
        """With its report. 409 while it goes on."""
        return _shown(services.replays.remove(_own(services, run_id, caller.actor).id))


def _work(services: Services, wish: ReplayWish) -> Work:
    """As far as who asks may see."""
    sources = ReplaySources(services.telemetry, services.blobs, _judge(services), services.hub.guards)

    def work(progress: Progress, begun: ReplayReport | None) -> ReplayReport:
        return replay(sources, wish, progress, begun)

    return work


def _judge(services: Services) -> Judge:
    judge = services.hub.judge
    if judge is None:
        raise NotBuilt("Nothing here can judge by a guard policy.", remedy="Start it with its guard.")
    return judge


def _rows(services: Services, caller: Caller, reference: str) -> list[dict[str, Any]]:
    datasets = services.hub.datasets(services.blobs)
    version = readable(services, caller, datasets.resolve(reference))
    found: list[dict[str, Any]] = []
    while len(found) < version.manifest["rows"]:
        if len(found) > MOST_CASES:
            raise UsageError(f"There are more than {MOST_CASES} cases.", remedy="Try them in parts.", param="dataset")
        rows = datasets.rows(version, start=len(found), limit=_PAGE)
        if not rows:
            break
        found += [row.row for row in rows]
    return found


def _wish(services: Services, data: ReplayRequest, actor: Actor) -> ReplayWish:
    for name, most in (("limit", MOST_REPLAYED), ("examples", 200)):
        if not 1 <= getattr(data, name) <= most:
            raise UsageError(f"{name} is {getattr(data, name)}.", remedy=f"Use 1 to {most}.", param=name)
    now = now_us()
    candidate = guard_from(services, data.candidate, actor)
    if data.against is not None and data.instead_of is not None:
        raise UsageError(
            "Is the candidate held against a policy, or does it take the place of one?",
            remedy="Give either against or instead_of.",
            param="instead_of",
        )
    against = None if data.against is None else guard_from(services, data.against, actor, name="against")
    instead_of = None
    if against is None:
        name = candidate.name if candidate.digest else DEFAULT_GUARD
        instead_of = services.hub.guards.named(data.instead_of or name, actor)
    where = TraceFilter(
        since_us=moment(data.since, now_us=now, param="since"),
        until_us=now if data.until is None else moment(data.until, now_us=now, param="until"),
        environment_id=data.environment_id,
        key_id=data.key_id,
        application=data.application,
        model=data.model,
    )
    return ReplayWish(
        candidate=candidate,
        instead_of=instead_of,
        against=against,
        where=where,
        most=data.limit,
        examples=data.examples,
    )


def _own(services: Services, run_id: str, actor: Actor) -> ReplayRun:
    run = services.replays.get(run_id)
    if run.begun_by != actor.id:
        raise NotFound(f"There is no replay {run_id[:80]!r}.", remedy="List those that you began.", param="run_id")
    return run


def _shown(run: ReplayRun) -> ReplayDocument:
    report = None if run.report is None else _report(run.report)
    return shown(run, ReplayDocument, report=report, most=run.wish.most, resumable=run.resumable)


def _report(report: ReplayReport) -> ReplayReportDocument:
    return shown(report, ReplayReportDocument, examples=[_example(each) for each in report.examples])


def _example(example: ReplayExample) -> ReplayExampleDocument:
    return shown(example, ReplayExampleDocument)
