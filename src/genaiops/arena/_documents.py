"""What is shown of runs: times in ISO 8601, money as decimal text."""

from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from genaiops.core.clock import to_iso
from genaiops.core.money import from_nano
from genaiops.domain import AnswerState, Case, Run, RunKind, RunState, Verdict
from genaiops.ports.runs import CaseRow, Runs

_MOST: Final = 10
"""Reasons of failures that are told."""


class RunDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A run. `cost` is what is known of it, `unpriced` how many answers have no known price. `energy_nwh`:
    the central estimate of what answers took, as far as it is known."""

    id: str
    kind: RunKind
    tenant_id: str
    subject: str
    name: str
    state: RunState
    inputs: dict[str, str]
    environment: dict[str, str]
    seed: int
    total: int | None
    done: int
    failed: int
    cost: str | None
    unpriced: int
    energy_nwh: int | None = None
    verdict: Verdict | None
    error: str
    created_at: str
    created_by: str
    started_at: str | None
    ended_at: str | None


class CaseDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A case of a run: what was asked, what each target answered, and what the checks say of it."""

    number: int
    case: Case
    answers: Sequence[dict[str, Any]]
    judged: Sequence[dict[str, Any]]


class FailureDocument(msgspec.Struct, frozen=True, kw_only=True):
    """Why so many answers of a run failed."""

    state: AnswerState
    error: str
    answers: int


class UnjudgedDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A check of which some verdicts are errors: how many, and the first."""

    check: str
    errors: int
    first: str


def failures_of(store: Runs, run_id: str) -> Sequence[FailureDocument]:
    """The most frequent first."""
    failed: Counter[tuple[AnswerState, str]] = Counter(
        (each.state, each.error) for each in store.answered(run_id) if each.state != "answered"
    )
    return [FailureDocument(state=state, error=error, answers=n) for (state, error), n in failed.most_common(_MOST)]


def unjudged_of(store: Runs, run_id: str) -> Sequence[UnjudgedDocument]:
    """By check."""
    found: dict[str, list[str]] = {}
    for each in store.judged(run_id):
        if each.verdict.outcome == "error":
            found.setdefault(each.check, []).append(each.verdict.reason)
    return [UnjudgedDocument(check=check, errors=len(why), first=why[0]) for check, why in found.items()]


def run_document(run: Run) -> RunDocument:
    same = {
        field: getattr(run, field)
        for field in ("id", "kind", "tenant_id", "subject", "name", "state", "inputs", "environment", "seed", "total")
    }
    return RunDocument(
        **same,
        done=run.done,
        failed=run.failed,
        cost=_money(run.cost_nano),
        unpriced=run.unpriced,
        energy_nwh=run.energy_nwh,
        verdict=run.verdict,
        error=run.error,
        created_at=to_iso(run.created_us),
        created_by=run.created_by,
        started_at=_time(run.started_us),
        ended_at=_time(run.ended_us),
    )


def case_document(row: CaseRow) -> CaseDocument:
    return CaseDocument(
        number=row.number,
        case=row.case,
        answers=[_plain(answer) for answer in row.answers],
        judged=[_plain(judged) for judged in row.judged],
    )


def _plain(struct: msgspec.Struct) -> dict[str, Any]:
    plain: dict[str, Any] = msgspec.to_builtins(struct)
    if "cost_nano" in plain:
        plain["cost"] = _money(plain.pop("cost_nano"))
    if "at_us" in plain:
        plain["at"] = _time(plain.pop("at_us"))
    return plain


def _money(nano: int | None) -> str | None:
    return None if nano is None else from_nano(nano)


def _time(us: int | None) -> str | None:
    return None if not us else to_iso(us)
