"""`/api/runs/{run_id}/compare/{other_id}`: two runs side by side, as the console's page of them shows it."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, Literal
from urllib.parse import urlencode

import msgspec
from litestar import Controller, Request, get
from litestar.params import FromPath

from genaiops.api._access import Calling, needs
from genaiops.api._query import QUERY, described, read_query
from genaiops.api._runs import check_reads_run, seen
from genaiops.api._services import Services, Serving
from genaiops.arena import Beside, BesideWord, RunDocument, run_document
from genaiops.checks.statistics import Comparison
from genaiops.core.errors import UsageError
from genaiops.core.suggesting import suggestion
from genaiops.domain import Run
from genaiops.ports.runs import CaseFilter, CaseRow

_MOST_SLICES: Final = 20


class CompareQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`target` of the later run against the target `against` of the earlier one; `slice`: of its cases only. `limit`:
    of the cases that were lost and won, at most so many of each with their outputs."""

    target: str | None = None
    against: str | None = None
    slice: str | None = None
    limit: int = msgspec.field(default=10)

    def checked(self) -> "CompareQuery":
        if not 0 <= self.limit <= 500:
            raise UsageError("limit is not between 0 and 500.", remedy="Use fewer.", param="limit")
        return self


class ComparedDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A check, over the cases that both runs have (of one `slice`; null: all). `comparison` null: `why` says what
    stands against it. A difference above 0 is better, whichever way the metric counts. Of a judge `comparison` is what
    the judge says, `people` the difference that people would see, by their labels, and `word` is said of that; where
    it is null, `why_not` says why ("" of what is no judge)."""

    check: str
    slice: str | None
    unit: str
    word: BesideWord
    comparison: Comparison | None
    why: str
    people: Comparison | None
    why_not: str


class MovedDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A case that was won or lost. `asked`, `before` and `after` are null of attacks: nothing is shown unasked."""

    case: str
    way: Literal["won", "lost"]
    checks: Sequence[str]
    asked: Any
    before: str | None
    after: str | None


class ComparisonDocument(msgspec.Struct, frozen=True, kw_only=True):
    """`won` and `lost`: ids of cases, as `alike` counts those that ask the same in both runs; `changed` ask something
    else, `only_before` and `only_after` are in one run. `page`: the console's."""

    before: RunDocument
    after: RunDocument
    against: str
    target: str
    alpha: float
    alike: int
    changed: int
    only_before: int
    only_after: int
    checks: Sequence[ComparedDocument]
    won: Sequence[str]
    lost: Sequence[str]
    cases: Sequence[MovedDocument]
    page: str


class ComparisonsController(Controller):
    path = "/runs"
    tags = ("ARENA",)

    @get(
        "/{run_id:str}/compare/{other_id:str}",
        summary="Compare two runs",
        guards=[needs("content")],
        sync_to_thread=True,
        opt={QUERY: CompareQuery},
        operation_class=described(CompareQuery),
    )
    def compare(
        self,
        run_id: FromPath[str],
        other_id: FromPath[str],
        request: Request[Any, Any, Any],
        services: Serving,
        caller: Calling,
    ) -> ComparisonDocument:
        """`other_id`, the later one, against `run_id`: paired, check by check and slice by slice, with the cases that
        were won and lost. For who may read what people write in the environments of both."""
        query = read_query(request, CompareQuery).checked()
        before, after = (seen(services, caller, each) for each in (run_id, other_id))
        for run in (before, after):
            check_reads_run(services, caller, run)
        one, other = _targets(services, before, after, query)
        found = services.evaluations.beside(before, after, one, other, query.slice)
        slices: Sequence[str] = () if query.slice else services.evaluations.slices(after)[:_MOST_SLICES]
        checks = [*_checks(found, query.slice)]
        for name in slices:
            checks += _checks(services.evaluations.beside(before, after, one, other, name), name)
        pages = {"a": before.id, "b": after.id, "one": one, "other": other}
        return ComparisonDocument(
            before=run_document(before),
            after=run_document(after),
            against=one,
            target=other,
            alpha=found.alpha,
            alike=len(found.alike),
            changed=len(found.changed),
            only_before=found.only_before,
            only_after=found.only_after,
            checks=checks,
            won=found.won,
            lost=found.lost,
            cases=[*_moved(services, found, (before, one), (after, other), query.limit)],
            page=f"/arena/compare?{urlencode(pages)}",
        )


def _targets(services: Services, before: Run, after: Run, query: CompareQuery) -> tuple[str, str]:
    """Of the earlier run and of the later one: what is no baseline there, and the same before unless told."""
    ones, others = (services.evaluations.targets(run) for run in (before, after))
    suite = services.evaluations.suite(after)
    baseline = "" if suite is None else suite.gate.baseline
    other = query.target or next((name for name in others if name != baseline), next(iter(others), ""))
    same = before.id == after.id and baseline in ones and other != baseline
    one = query.against or (baseline if same else other if other in ones else next(iter(ones), ""))
    for run, name, known, param in ((before, one, ones, "against"), (after, other, others, "target")):
        if known and name not in known:
            raise UsageError(
                f"The run {run.id} has no target {name[:80]!r}.", remedy=suggestion(name, set(known)), param=param
            )
    return one, other


def _checks(found: Beside, within: str | None) -> Iterator[ComparedDocument]:
    words = found.words()
    for each in found.checks:
        yield ComparedDocument(
            check=each.check,
            slice=within,
            unit=each.unit,
            word=words[each.check],
            comparison=each.comparison,
            why=each.why,
            people=each.people,
            why_not=each.why_not,
        )


def _moved(
    services: Services, found: Beside, before: tuple[Run, str], after: tuple[Run, str], limit: int
) -> Iterator[MovedDocument]:
    ways: tuple[tuple[Literal["won", "lost"], Sequence[str]], ...] = (("lost", found.lost), ("won", found.won))
    for way, names in ways:
        ids = names[:limit]
        rows = [_rows(services, run, ids) for run, _ in (before, after)]
        for name in ids:
            case = rows[1][name].case
            hidden = case.attack is not None
            yield MovedDocument(
                case=name,
                way=way,
                checks=[each.check for each in found.checks if name in each.changed(way)],
                asked=None if hidden else case.input or case.messages or case.variables,
                before=None if hidden else _said(rows[0][name], before[1]),
                after=None if hidden else _said(rows[1][name], after[1]),
            )


def _rows(services: Services, run: Run, ids: Sequence[str]) -> Mapping[str, CaseRow]:
    if not ids:
        return {}
    page = services.runs.store.page(run.id, CaseFilter(ids=tuple(ids)), limit=len(ids))
    return {row.case.id: row for row in page.rows}


def _said(row: CaseRow, target: str) -> str | None:
    return next((each.output or each.error for each in row.answers if each.target == target and not each.repeat), None)
