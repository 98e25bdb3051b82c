"""Runs of suites: the list, one run with its verdict and its cases, and the metrics there are."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, get_args

import msgspec
from litestar import Response, get
from litestar.params import FromPath

from genaiops.arena import Beside
from genaiops.checks.metrics import cards, metric
from genaiops.console import _run_text
from genaiops.console._fact_text import Facts, facts_of
from genaiops.console._visit import Chip, Visit, Visiting
from genaiops.core.errors import NotFound, UsageError
from genaiops.domain import Artifact, Run, RunState, Suite
from genaiops.hub import may_see
from genaiops.ports.runs import CaseFilter, CaseRow, RunFilter

PAGE: Final = 50
_FILTERS: Final = ("target", "check", "show", "slice", "q")
_SHOWS: Final[tuple[str, ...]] = get_args(_run_text.Way)
_LATEST: Final = 200


@get("/arena", sync_to_thread=True)
def runs(visit: Visiting) -> Response[str]:
    """`suite`, `state`, `commit`: only those. `cursor`: what is older."""
    query = visit.query
    state = one_of(query.get("state"), get_args(RunState), "state")
    where = RunFilter(
        kind="evaluation",
        subject=f"suite/{query['suite']}@" if "suite" in query else None,
        state=state,
        environment={"commit": query["commit"]} if "commit" in query else {},
    )
    page = visit.services.stores.runs.list(where, cursor=query.get("cursor"), limit=PAGE)
    visit.services.evaluations.warm()
    chips = [
        Chip(name, query[name], visit.same(cursor=None, **{name: None}))
        for name in ("suite", "state", "commit")
        if name in query
    ]
    return visit.page(
        "arena.html",
        title="ARENA",
        nav="arena",
        tab="runs",
        knows=("suite", "state", "commit", "cursor"),
        runs=[(run, _run_text.progress(run), visit.services.evaluations.targets(run)) for run in page.rows],
        going=any(run.state in ("waiting", "running") for run in page.rows),
        chips=chips,
        first=visit.same(cursor=None) if "cursor" in query else None,
        next=visit.same(cursor=page.next) if page.next else None,
        words=_run_text.WORDS,
    )


@get("/arena/runs/{run_id:str}", sync_to_thread=True)
def run(visit: Visiting, run_id: FromPath[str]) -> Response[str]:
    visit.require("content")
    found = visit.services.stores.runs.get(run_id)
    visit.services.evaluations.warm()
    suite, report = visit.services.evaluations.suite(found), visit.services.evaluations.report(found)
    targets, baseline = targets_of(visit, found, suite)
    against = Against(visit, found, targets, baseline)
    where = _where(visit, against)
    start = number(visit.query.get("start"), "start")
    page = visit.services.stores.runs.page(run_id, where, start=start, limit=PAGE)
    slices = visit.services.evaluations.slices(found)
    return visit.page(
        "arena_run.html",
        title="ARENA",
        nav="arena",
        tab="runs",
        knows=(*_FILTERS, "start"),
        run=found,
        share=_run_text.progress(found),
        going=found.state in ("waiting", "running"),
        suite=suite,
        report=report,
        verdict_=found.verdict or (None if report is None else report.verdict),
        conditions=[] if report is None else _run_text.conditions(report),
        kpis=visit.services.kpis.of_run(found, visit.services.hub.use_cases.list()),
        figures=visit.services.evaluations.figures(found),
        value=visit.services.evaluations.value(found),
        charts=[] if report is None else _run_text.charts(report),
        targets=targets,
        is_sweep=visit.services.evaluations.is_sweep(found),
        baseline=baseline,
        lines=_run_text.lines(page.rows, targets, against.ways(visit.query.get("target")), start=start),
        start=start,
        total=page.total,
        newer=visit.same(start=str(start - PAGE) if start > PAGE else None) if start else None,
        older=visit.same(start=str(page.next)) if page.next else None,
        words=_run_text.WORDS,
        shows=_SHOWS,
        slices=slices,
        groups=visit.services.evaluations.sliced(found) if found.state == "done" else (),
        at=visit.link(f"/arena/runs/{run_id}/case", **{name: visit.query.get(name) for name in _FILTERS}),
        earlier=_earlier(visit, found),
        grounded=any(row.case.context and row.case.attack is None for row in page.rows),
    )


@get("/arena/runs/{run_id:str}/case", sync_to_thread=True)
def case(visit: Visiting, run_id: FromPath[str]) -> Response[str]:
    """`id` names the case; without it, `at` is its place in what the filter lets through, to walk along it."""
    visit.require("content")
    store = visit.services.stores.runs
    found = store.get(run_id)
    suite = visit.services.evaluations.suite(found)
    targets, baseline = targets_of(visit, found, suite)
    at = number(visit.query.get("at"), "at")
    named = visit.query.get("id")
    where = CaseFilter(ids=(named,)) if named is not None else _where(visit, Against(visit, found, targets, baseline))
    page = store.page(run_id, where, start=0 if named is not None else at, limit=1)
    if not page.rows:
        what = "There is no such case in this run." if named is not None else "There are no more cases here."
        raise NotFound(what, remedy=f"All of them: /arena/runs/{run_id}", param="id")
    [row] = page.rows
    repeat = number(visit.query.get("repeat"), "repeat")
    order = [baseline, *(name for name in targets if name != baseline)] if baseline else list(targets)
    filters = {name: visit.query.get(name) for name in _FILTERS}
    return visit.page(
        "arena_case.html",
        title="ARENA",
        nav="arena",
        tab="runs",
        knows=(*_FILTERS, "id", "at", "repeat"),
        run=found,
        row=row,
        asked=_run_text.asked_of(row.case),
        pictures=_run_text.pictures_of(row.case),
        spoken=list(_run_text.spoken(row, order, repeat)),
        pictures_in=_run_text.answered_pictures,
        words_of=_run_text.answered,
        facts=_facts(visit, found, row, repeat),
        baseline=baseline,
        repeat=repeat,
        repeats=sorted({answer.repeat for answer in row.answers}),
        back=visit.link(f"/arena/runs/{run_id}", start=str(at // PAGE * PAGE) if at >= PAGE else None, **filters),
        itself=visit.link(f"/arena/runs/{run_id}/case", id=row.case.id),
        newer=visit.same(at=str(at - 1), repeat=None) if named is None and at else None,
        older=visit.same(at=str(at + 1), repeat=None) if named is None and at + 1 < page.total else None,
        place=at + 1 if named is None else None,
        total=page.total,
    )


def _facts(visit: Visit, run: Run, row: CaseRow, repeat: int) -> Mapping[str, Facts]:
    """Target -> the claims of its answer, where the case has something to hold them against. What an attack says stays
    covered."""
    if row.case.attack is not None:
        return {}
    found = visit.services.facts.of_rows(run, [row])
    return {each.target: facts_of(each) for each in found if each.claims and each.repeat == repeat}


@get("/arena/suites", sync_to_thread=True)
def suites(visit: Visiting) -> Response[str]:
    """Those of the Hub, and those that only ran."""
    newest = visit.services.stores.runs.list(RunFilter(kind="evaluation"), limit=_LATEST).rows
    ran: dict[str, list[Run]] = {}
    for each in newest:
        ran.setdefault(each.name or each.subject, []).append(each)
    held = {
        artifact.name: artifact
        for artifact in visit.services.hub.artifacts.list()
        if artifact.kind == "suite" and may_see(visit.actor, artifact)
    }
    return visit.page(
        "arena_suites.html",
        title="ARENA",
        nav="arena",
        tab="suites",
        suites=[(name, held.get(name), ran.get(name, [])) for name in dict.fromkeys((*ran, *held))],
        latest=_LATEST if len(newest) == _LATEST else None,
        kept={name: _newest(visit, artifact) for name, artifact in held.items()},
        words=_run_text.WORDS,
        may=visit.can("artifacts"),
    )


def _newest(visit: Visit, artifact: Artifact) -> str:
    """Its newest version as it is run: NAME@sha256:..."""
    versions = visit.services.hub.artifacts.versions(artifact.id)
    return versions[-1].id.removeprefix("suite/") if versions else ""


@get("/arena/metrics", sync_to_thread=True)
def metrics(visit: Visiting) -> Response[str]:
    return visit.page("arena_metrics.html", title="ARENA", nav="arena", tab="metrics", cards=cards())


@get("/arena/metrics/{name:str}", sync_to_thread=True)
def card(visit: Visiting, name: FromPath[str]) -> Response[str]:
    if name not in {each.name for each in cards()}:
        raise NotFound(f"There is no metric {name[:80]!r}.", remedy="All of them: /arena/metrics", param="name")
    return visit.page("arena_metric.html", title="ARENA", nav="arena", tab="metrics", card=metric(name).card)


def targets_of(visit: Visit, run: Run, suite: Suite | None) -> tuple[Sequence[str], str]:
    """Names of a run's targets, and of the one that others are compared with ("": of none)."""
    if suite is not None:
        names = [target.name for target in suite.target]
        return names, suite.gate.baseline if suite.gate.baseline in names else ""
    first = visit.services.stores.runs.page(run.id, CaseFilter(), limit=1).rows
    return list(dict.fromkeys(answer.target for row in first for answer in row.answers)), ""


def _where(visit: Visit, against: "Against") -> CaseFilter:
    query = visit.query
    show = one_of(query.get("show"), _SHOWS, "show")
    where = CaseFilter(
        target=query.get("target"), check=query.get("check"), slice=query.get("slice"), text=query.get("q")
    )
    if show in ("won", "lost"):
        if not against.targets:
            raise UsageError(
                "This run compares with no other target, so nothing was won or lost.",
                remedy="Show what failed, or name a gate.baseline in the suite.",
                param="show",
            )
        found = (against.of(name).of(show, query.get("check")) for name in against.chosen(query.get("target")))
        return msgspec.structs.replace(where, ids=tuple(dict.fromkeys(case for cases in found for case in cases)))
    if show == "failed":
        return msgspec.structs.replace(where, outcome="fail")
    if show == "errors":
        return msgspec.structs.replace(where, missing=True)
    return where


class Against:
    """Targets of one run, each beside the baseline of its gate."""

    def __init__(self, visit: Visit, run: Run, targets: Sequence[str], baseline: str) -> None:
        self._evaluations = visit.services.evaluations
        self._run = run
        self._baseline = baseline
        self.targets = [name for name in targets if name != baseline] if baseline else []

    def chosen(self, target: str | None) -> Sequence[str]:
        return [target] if target in self.targets else self.targets

    def of(self, target: str) -> Beside:
        return self._evaluations.beside(self._run, self._run, self._baseline, target)

    def ways(self, target: str | None) -> Mapping[str, str]:
        """Case -> won or lost; where targets differ, lost."""
        found: dict[str, str] = {}
        for way in ("won", "lost"):
            for name in self.chosen(target):
                found |= dict.fromkeys(self.of(name).of(way), way)
        return found


def _earlier(visit: Visit, run: Run) -> Sequence[Run]:
    """Runs of the same suite, to compare with; the newest first."""
    name = run.subject.rpartition("@")[0]
    where = RunFilter(kind="evaluation", subject=f"{name}@")
    return [each for each in visit.services.stores.runs.list(where, limit=20).rows if each.id != run.id]


def one_of(text: str | None, known: Sequence[str], name: str) -> Any:
    """UsageError for a word of the address that is none of these."""
    if text is not None and text not in known:
        raise UsageError(f"{text[:40]!r} is no {name}.", remedy=f"Use one of {', '.join(known)}.", param=name)
    return text


def number(text: str | None, name: str) -> int:
    """A place in a list; 0 where the address has none."""
    if text is None:
        return 0
    if not text.isdecimal() or len(text) > 9:
        raise UsageError(f"{text[:40]!r} is no place.", remedy="Use a whole number from 0.", param=name)
    return int(text)


HANDLERS: list[Any] = [runs, run, case, suites, metrics, card]
