"""Two runs beside each other: how they differ by each check, and which cases were won and lost."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

import msgspec
from litestar import Response, get

from genaiops.arena import Beside, BesideWord, CheckBeside
from genaiops.checks.judging import in_words
from genaiops.checks.statistics import Comparison
from genaiops.console import _run_text
from genaiops.console._charts import Chart
from genaiops.console._differences import pieces
from genaiops.console._format import NONE
from genaiops.console._intervals import Interval, intervals
from genaiops.console._visit import Visit, Visiting
from genaiops.console.pages.arena import number, one_of, targets_of
from genaiops.console.pages.arena_trend import trend
from genaiops.core.errors import NotFound, UsageError
from genaiops.domain import Answer, Judged, Outcome, Run
from genaiops.ports.runs import CaseFilter, CaseRow

PAGE: Final = 50
_SHOWS: Final = ("won", "lost", "changed")
_OUTCOMES: Final[dict[BesideWord, Outcome]] = {
    "better": "pass",
    "worse": "fail",
    "no difference shown": "inconclusive",
    "not compared": "error",
}
_KNOWS: Final = ("a", "b", "one", "other", "show")


class Pair(msgspec.Struct, frozen=True, kw_only=True):
    """What is compared with what."""

    before: Run
    after: Run
    one: str
    other: str
    ones: Sequence[str]
    others: Sequence[str]
    found: Beside


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """A check of both. `word`: better, worse, or that the cases do not show it. Of a judge there are two: what the
    judge `said`, and what people would say, as `whose` tells."""

    each: CheckBeside
    word: str
    outcome: Outcome
    said: Comparison | None
    why: str = ""
    whose: str = ""


class Line(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    asked: str
    before: str
    after: str
    way: str


class Half(msgspec.Struct, frozen=True, kw_only=True):
    """What one run has of a case."""

    run: Run
    target: str
    answer: Answer | None
    judged: Sequence[Judged]


@get("/arena/compare", sync_to_thread=True)
def show(visit: Visiting) -> Response[str]:
    """`a` the earlier run, `b` the later one; `one` and `other` are their targets."""
    pair = _pair(visit)
    found = pair.found
    shown = one_of(visit.query.get("show"), _SHOWS, "show")
    start = number(visit.query.get("start"), "start")
    ways = {"won": found.won, "lost": found.lost, "changed": found.changed}
    ids = ways[shown] if shown else [*found.lost, *found.won]
    told = _told(found)
    return visit.page(
        "arena_compare.html",
        title="ARENA",
        nav="arena",
        tab="runs",
        knows=(*_KNOWS, "start"),
        pair=pair,
        told=told,
        chart_=_chart(pair, told),
        counts={name: len(each) for name, each in ways.items()},
        shows=_SHOWS,
        lines=_lines(visit, pair, ids[start : start + PAGE], set(found.won), set(found.lost)),
        start=start,
        total=len(ids),
        newer=visit.same(start=str(start - PAGE) if start > PAGE else None) if start else None,
        older=visit.same(start=str(start + PAGE)) if start + PAGE < len(ids) else None,
        swapped=visit.same(a=pair.after.id, b=pair.before.id, one=pair.other, other=pair.one, start=None),
        facts=_facts(pair),
        at=visit.link(
            "/arena/compare/case", a=pair.before.id, b=pair.after.id, one=pair.one, other=pair.other, show=shown
        ),
    )


@get("/arena/compare/case", sync_to_thread=True)
def case(visit: Visiting) -> Response[str]:
    """`id` names the case in both runs."""
    pair = _pair(visit)
    name = visit.query.get("id", "")
    rows = [_rows(visit, run, [name]).get(name) for run in (pair.before, pair.after)]
    asked = next((row.case for row in reversed(rows) if row is not None), None)
    if asked is None:
        raise NotFound(
            f"There is no case {name[:80]!r} in either run.",
            remedy=f"All that differ: /arena/compare?a={pair.before.id}&b={pair.after.id}",
            param="id",
        )
    halves = [_half(pair.before, pair.one, rows[0]), _half(pair.after, pair.other, rows[1])]
    said = [_run_text.answered(half.answer) for half in halves]
    shown = visit.query.get("show")
    ids = list({"won": pair.found.won, "lost": pair.found.lost}.get(shown or "", [*pair.found.lost, *pair.found.won]))
    place = ids.index(name) if name in ids else None
    return visit.page(
        "arena_compare_case.html",
        title="ARENA",
        nav="arena",
        tab="runs",
        knows=(*_KNOWS, "id"),
        pair=pair,
        case=asked,
        asked=_run_text.asked_of(asked),
        pictures=_run_text.pictures_of(asked),
        halves=halves,
        pictures_in=_run_text.answered_pictures,
        pieces=pieces(*said),
        back=visit.link("/arena/compare", **{each: visit.query.get(each) for each in _KNOWS}, start=_page_of(place)),
        newer=visit.same(id=ids[place - 1]) if place else None,
        older=visit.same(id=ids[place + 1]) if place is not None and place + 1 < len(ids) else None,
        place=None if place is None else place + 1,
        total=len(ids),
    )


def _page_of(place: int | None) -> str | None:
    return str(place // PAGE * PAGE) if place is not None and place >= PAGE else None


def _pair(visit: Visit) -> Pair:
    visit.require("content")
    names = [visit.query.get(name, "") for name in ("a", "b")]
    if not all(names):
        raise UsageError(
            "The address names fewer than two runs.", remedy="Open a run and choose what it is compared with."
        )
    before, after = (visit.services.stores.runs.get(name) for name in names)
    (ones, _), (others, baseline) = (_targets(visit, run) for run in (before, after))
    fallback = next((name for name in others if name != baseline), others[0] if others else "")
    other = visit.query.get("other") or fallback
    one = visit.query.get("one") or (other if other in ones else next(iter(ones), ""))
    for name, known, param in ((one, ones, "one"), (other, others, "other")):
        if name not in known:
            said = f"Use one of {', '.join(known)}." if known else "Wait until it has answers."
            raise UsageError(f"The run has no target {name[:80]!r}.", remedy=said, param=param)
    found = visit.services.evaluations.beside(before, after, one, other)
    return Pair(before=before, after=after, one=one, other=other, ones=ones, others=others, found=found)


def _targets(visit: Visit, run: Run) -> tuple[Sequence[str], str]:
    return targets_of(visit, run, visit.services.evaluations.suite(run))


def _told(found: Beside) -> list[Told]:
    words = found.words()
    return [line for each in found.checks for line in _lines_of(each, words[each.check])]


def _lines_of(each: CheckBeside, word: BesideWord) -> Iterator[Told]:
    line = Told(each=each, word=word, outcome=_OUTCOMES[word], said=each.comparison, why=each.why)
    if each.people is None and not each.why_not:
        yield line
        return
    own = msgspec.structs.replace(line, whose="the judge itself")
    if each.people is None:
        yield own
        yield msgspec.structs.replace(
            line, word="not known", outcome="inconclusive", said=None, why=each.why_not, whose="by people"
        )
        return
    yield msgspec.structs.replace(own, word="its own verdicts", outcome="inconclusive")
    yield msgspec.structs.replace(line, said=each.people, why=each.people.method, whose="by people")


def _chart(pair: Pair, told: Sequence[Told]) -> Chart | None:
    found = [
        Interval(
            name=f"{each.each.check}, {each.whose}" if each.whose else each.each.check,
            value=said.difference,
            low=said.low,
            high=said.high,
            outcome=each.outcome,
        )
        for each in told
        if (said := each.said) is not None
    ]
    return intervals(f"{pair.other} against {pair.one}", found, unit="difference", zero=True) if found else None


def _lines(visit: Visit, pair: Pair, ids: Sequence[str], won: set[str], lost: set[str]) -> list[Line]:
    before, after = (_rows(visit, run, ids) for run in (pair.before, pair.after))
    made: list[Line] = []
    for name in ids:
        row = after.get(name) or before.get(name)
        if row is None:
            continue
        made.append(
            Line(
                id=name,
                asked=_run_text.covered(row.case),
                before=_said(before.get(name), pair.one),
                after=_said(after.get(name), pair.other),
                way="lost" if name in lost else "won" if name in won else "changed",
            )
        )
    return made


def _rows(visit: Visit, run: Run, ids: Sequence[str]) -> dict[str, CaseRow]:
    page = visit.services.stores.runs.page(run.id, CaseFilter(ids=tuple(ids)), limit=max(1, len(ids)))
    return {row.case.id: row for row in page.rows}


def _answer(row: CaseRow | None, target: str) -> Answer | None:
    answers = () if row is None else row.answers
    return next((each for each in answers if each.target == target and not each.repeat), None)


def _said(row: CaseRow | None, target: str) -> str:
    answer = _answer(row, target)
    if row is not None and row.case.attack is not None:
        return ""  # of attacks nothing is shown unasked
    return "" if answer is None else _run_text.brief(in_words(answer.output, answer.media) or answer.error)


def _half(run: Run, target: str, row: CaseRow | None) -> Half:
    judged = [] if row is None else [each for each in row.judged if each.target == target and not each.repeat]
    return Half(run=run, target=target, answer=_answer(row, target), judged=judged)


def _facts(pair: Pair) -> list[tuple[str, str, str]]:
    """What is pinned of both: whatever differs comes first."""

    def of(run: Run) -> dict[str, str]:
        return {"suite": run.subject, "seed": str(run.seed), **run.inputs, **run.environment}

    before, after = of(pair.before), of(pair.after)
    names = dict.fromkeys((*before, *after))
    rows = [(name, before.get(name, NONE), after.get(name, NONE)) for name in names]
    return sorted(rows, key=lambda row: row[1] == row[2])


HANDLERS: list[Any] = [show, case, trend]
