"""Runs of evaluations: what was answered and what was judged, case by case."""

from collections.abc import Collection, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Literal, Protocol

import msgspec

from genaiops.domain import Answer, AnswerState, Case, Judged, Outcome, Run, RunKind, RunState


class RunFilter(msgspec.Struct, frozen=True, kw_only=True):
    """All given conditions hold. `subject` begins with it (`suite/answers@`). `environment`: name -> value. `has`,
    `lacks`: names of its environment, whatever their values. `asks`: a target of it is pinned to this node
    (`model/smollm2`)."""

    kind: RunKind | None = None
    subject: str | None = None
    state: RunState | None = None
    tenant_id: str | None = None
    environment: Mapping[str, str] = {}
    has: tuple[str, ...] = ()
    lacks: tuple[str, ...] = ()
    asks: str | None = None
    since_us: int | None = None
    until_us: int | None = None


class RunPage(msgspec.Struct, frozen=True):
    """Newest first."""

    rows: Sequence[Run]
    next: str | None


class CaseFilter(msgspec.Struct, frozen=True, kw_only=True):
    """`text`: in the id, input or any output. `outcome` of `check` (of any, without) for `target` (any, without).
    `changed`: cases that `target` won or lost against the target `against`. `ids`: only these. `missing`:
    an answer failed, or could not be judged (of `target`, of any without)."""

    target: str | None = None
    against: str | None = None
    check: str | None = None
    outcome: Outcome | None = None
    state: AnswerState | None = None
    slice: str | None = None
    text: str | None = None
    changed: Literal["won", "lost"] | None = None
    ids: tuple[str, ...] | None = None
    missing: bool = False


class CaseRow(msgspec.Struct, frozen=True):
    """A case with all that the run has of it."""

    number: int
    case: Case
    answers: Sequence[Answer]
    judged: Sequence[Judged]


class CasePage(msgspec.Struct, frozen=True):
    """In the order of the suite. `total`: of all that the filter lets through."""

    rows: Sequence[CaseRow]
    total: int
    next: int | None


class Runs(Protocol):
    """Writes are durable when they return. Pictures (data URLs) are kept as blobs, and are read back as they were.
    Engines: `genaiops.engines.runs_sql` (SQLite, PostgreSQL)."""

    def create(self, run: Run, cases: Sequence[Case]) -> None:
        """Conflict when the id is taken."""
        ...

    def get(self, run_id: str) -> Run:
        """NotFound when there is none."""
        ...

    def list(self, where: RunFilter, *, cursor: str | None = None, limit: int = 50) -> RunPage: ...

    def update(self, run: Run) -> None:
        """NotFound when there is none."""
        ...

    def delete(self, run_id: str) -> None:
        """With all that it has. NotFound when there is none."""
        ...

    def cases(self, run_id: str) -> Sequence[Case]:
        """In the order of the suite."""
        ...

    def add(
        self,
        run_id: str,
        answers: Sequence[Answer],
        judged: Sequence[Judged] = (),
        *,
        remember: Mapping[str, Answer] = {},
    ) -> None:
        """In one transaction. An answer of the same target, case and repeat (a judgement of the same check, too) takes
        the place of what was there. `remember`: answers for the cache by content, as `remember` keeps them."""
        ...

    def answered(self, run_id: str) -> Sequence[Answer]:
        """All of them: what a run that goes on need not ask again."""
        ...

    def judged(self, run_id: str, *, check: str | None = None) -> Sequence[Judged]: ...

    def page(self, run_id: str, where: CaseFilter, *, start: int = 0, limit: int = 50) -> CasePage: ...

    def remembered(self, key: str) -> Answer | None:
        """The answer kept under the digest of what was asked (target, request, parameters)."""
        ...

    def recalled(self, keys: Sequence[str]) -> Mapping[str, Answer]:
        """Those of them that are kept, as `remembered` has them."""
        ...

    def remember(self, key: str, answer: Answer) -> None: ...

    def keep(self, run_id: str, name: str, body: bytes) -> None:
        """What was made of a run and would be made alike again, under a name; it takes the place of what was there.
        `add`, `erase` and `delete` let it go. NotFound when there is no such run."""
        ...

    def kept(self, run_id: str, name: str) -> bytes | None: ...

    def erase(self, traces: Collection[bytes]) -> int:
        """Take what was said out of the cases that were made of these traces, out of their answers and verdicts, and
        forget answers to them. Figures stay. How many cases that were; again: none."""
        ...

    def pictures(self) -> AbstractSet[str]:
        """Digests of the blobs that runs, and answers that are remembered, need."""
        ...

    def pictured(self, traces: Collection[bytes]) -> AbstractSet[str]:
        """Digests of what cases that were made of these traces show, and of what was answered to them: what may go when
        `erase` has been there, if nobody else names it."""
        ...

    def close(self) -> None: ...
