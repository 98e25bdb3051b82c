"""What is shown of runs: times in ISO 8601, money as decimal text."""

from collections.abc import Sequence
from typing import Any

import msgspec

from genaiops.core.clock import to_iso
from genaiops.core.money import from_nano
from genaiops.domain import Case, Run, RunKind, RunState, Verdict
from genaiops.ports.runs import CaseRow


class RunDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A run. `cost` is what is known of it, `unpriced` how many answers have no known price."""

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
