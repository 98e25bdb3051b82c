"""Which cases of a run a filter lets through."""

from collections.abc import Iterator

from sqlalchemy import ColumnElement, ScalarSelect, and_, exists, func, literal, or_, select

from genaiops.domain import Outcome
from genaiops.engines.runs_sql._schema import ANSWERS, CASES, JUDGED
from genaiops.ports.runs import CaseFilter


def matching(run_id: str, where: CaseFilter) -> ColumnElement[bool]:
    """A condition on CASES."""
    return and_(CASES.c.run_id == run_id, *_conditions(run_id, where))


def _conditions(run_id: str, where: CaseFilter) -> Iterator[ColumnElement[bool]]:
    if where.ids is not None:
        yield CASES.c.case_id.in_(where.ids)
    if where.missing:
        yield or_(
            _has_answer(run_id, ANSWERS.c.state != "answered", where.target),
            _has_judgement(run_id, where, "error"),
        )
    if where.slice is not None:
        yield CASES.c.slices.contains(f"\n{where.slice}\n", autoescape=True)
    if where.text is not None:
        yield _said(run_id, where.text)
    if where.state is not None:
        yield _has_answer(run_id, ANSWERS.c.state == where.state, where.target)
    if where.outcome is not None:
        yield _has_judgement(run_id, where, where.outcome)
    if where.changed is not None and where.target is not None and where.against is not None:
        mine = _passed(run_id, where.target, where.check)
        other = _passed(run_id, where.against, where.check)
        yield mine > other if where.changed == "won" else mine < other


def _has_judgement(run_id: str, where: CaseFilter, outcome: Outcome) -> ColumnElement[bool]:
    conditions = [JUDGED.c.run_id == run_id, JUDGED.c.case_id == CASES.c.case_id, JUDGED.c.outcome == outcome]
    if where.check is not None:
        conditions.append(JUDGED.c.check_name == where.check)
    if where.target is not None:
        conditions.append(JUDGED.c.target == where.target)
    return exists(select(literal(1)).where(*conditions))


def _said(run_id: str, text: str) -> ColumnElement[bool]:
    return or_(
        CASES.c.case_id.icontains(text, autoescape=True),
        CASES.c.asked.icontains(text, autoescape=True),
        _has_answer(run_id, ANSWERS.c.said.icontains(text, autoescape=True), None),
    )


def _has_answer(run_id: str, condition: ColumnElement[bool], target: str | None) -> ColumnElement[bool]:
    conditions = [ANSWERS.c.run_id == run_id, ANSWERS.c.case_id == CASES.c.case_id, condition]
    if target is not None:
        conditions.append(ANSWERS.c.target == target)
    return exists(select(literal(1)).where(*conditions))


def _passed(run_id: str, target: str, check: str | None) -> ScalarSelect[float]:
    """The share of checks of a case that a target passed, over its repeats."""
    conditions = [
        JUDGED.c.run_id == run_id,
        JUDGED.c.case_id == CASES.c.case_id,
        JUDGED.c.target == target,
        JUDGED.c.against == "",
    ]
    if check is not None:
        conditions.append(JUDGED.c.check_name == check)
    return select(func.avg(JUDGED.c.good)).where(*conditions).scalar_subquery()
