"""How a suite went from run to run: what its checks measured, by time and commit, and what golden sets say."""

from collections.abc import Sequence
from typing import Final

import msgspec
from litestar import Response, get

from genaiops.arena import WATCH, Figure
from genaiops.console import _run_text
from genaiops.console._charts import Chart
from genaiops.console._intervals import Interval, intervals
from genaiops.console._visit import Chip, Visit, Visiting
from genaiops.core.clock import to_iso
from genaiops.core.errors import NotFound, UsageError
from genaiops.core.suggesting import suggestion
from genaiops.domain import Outcome, Run
from genaiops.hub import may_see
from genaiops.ports.runs import RunFilter

PAGE: Final = 30
_LATEST: Final = 200
_FACTS: Final = ("commit", "branch")


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """`watched` None: it was not begun by the suite's watch. `alarm`: an alert was raised of it."""

    run: Run
    figures: Sequence[Figure]
    watched: str | None
    alarm: bool


@get("/arena/trend", sync_to_thread=True)
def trend(visit: Visiting) -> Response[str]:
    """`suite`: its name. `commit`, `branch`: only runs for those. `cursor`: what is older."""
    query = visit.query
    suite = query.get("suite", "")
    if not suite:
        raise UsageError("Of which suite?", remedy="Choose one: /arena/suites", param="suite")
    where = RunFilter(
        kind="evaluation",
        state="done",
        subject=f"suite/{suite}@",
        environment={name: query[name] for name in _FACTS if name in query},
    )
    check_known(visit, suite)
    page = visit.services.stores.runs.list(where, cursor=query.get("cursor"), limit=PAGE)
    alerts = [each for each in visit.services.hub.alerts.in_state() if each.subject.startswith(f"suite/{suite}: ")]
    alarmed = {each.evidence.get("run") for each in alerts}
    steps = [
        Step(
            run=run,
            figures=visit.services.evaluations.figures(run),
            watched=run.environment.get("watched", "") if WATCH in run.environment else None,
            alarm=run.id in alarmed,
        )
        for run in page.rows
    ]
    return visit.page(
        "arena_trend.html",
        title="ARENA",
        nav="arena",
        tab="suites",
        knows=("suite", *_FACTS, "cursor"),
        suite=suite,
        steps=steps,
        charts=_charts(steps),
        alerts=[each for each in alerts if each.state != "closed"],
        chips=[Chip(name, query[name], visit.same(cursor=None, **{name: None})) for name in _FACTS if name in query],
        next=visit.same(cursor=page.next) if page.next else None,
        words=_run_text.WORDS,
    )


def check_known(visit: Visit, suite: str) -> None:
    """NotFound, with what there is, unless the Hub keeps it for the visitor or a run of it is there."""
    runs = visit.services.stores.runs
    if runs.list(RunFilter(kind="evaluation", subject=f"suite/{suite}@"), limit=1).rows:
        return
    names = {each.name for each in visit.services.hub.artifacts.of_kind("suite") if may_see(visit.actor, each)}
    if suite not in names:
        latest = runs.list(RunFilter(kind="evaluation"), limit=_LATEST).rows
        names |= {run.subject.partition("@")[0].removeprefix("suite/") for run in latest}
        raise NotFound(
            f"There is no suite {suite[:80]!r}.",
            remedy=f"{suggestion(suite, names)} All of them: /arena/suites" if names else "See: /arena/suites",
            param="suite",
        )


def _charts(steps: Sequence[Step]) -> list[Chart]:
    """One for each check and target, a line for each run, the newest at the top."""
    found: dict[tuple[str, str, str], list[Interval]] = {}
    for step in steps:
        outcome: Outcome = "inconclusive" if step.run.verdict is None else step.run.verdict.outcome
        for figure in step.figures:
            if figure.mean is None or figure.low is None or figure.high is None:
                continue
            found.setdefault((figure.check, figure.target, figure.unit), []).append(
                Interval(
                    name=_name(step),
                    value=figure.mean,
                    low=figure.low,
                    high=figure.high,
                    outcome="fail" if step.alarm else outcome,
                )
            )
    return [
        intervals(f"{check} of {target}", rows, unit=unit or "measured")
        for (check, target, unit), rows in found.items()
    ]


def _name(step: Step) -> str:
    """When, for which commit, and a mark where an alert was raised."""
    commit = step.run.environment.get("commit", "")[:7]
    mark = " changed" if step.alarm else ""
    return f"{to_iso(step.run.created_us)[5:19].replace('T', ' ')} {commit}{mark}".rstrip()
