"""Telemetry: traces, their content, rollups, scores, and how far the spools have been folded in.

`write` is idempotent by span id. Content commits first; then the spans, the rollups of spans that were really new,
the ledger and the offsets commit in one transaction, so that killing the writer at any moment loses nothing and
doubles nothing.
"""

import hashlib
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Literal, Protocol

import msgspec

from genaiops.core.histogram import Histogram
from genaiops.domain import Charge, Content, Cost, CostCorrection, GuardVerdict, PendingJudgement, Score, Span, Status
from genaiops.ports.verdicts import Verdicts


class SpoolOffset(msgspec.Struct, frozen=True):
    """Everything of `life` before (segment, offset) is folded in. `open` carries what the reader must remember of
    calls that were admitted but not settled by then (an opaque message of the folder)."""

    life: str
    segment: int
    offset: int
    open: bytes = b""


class Batch(msgspec.Struct, frozen=True):
    """`ledger`: settled charges to add to the budgets' totals, in the same transaction. A span with an id that is
    there already changes nothing: spans are written once, when their call has ended. Whether a span of another dialect
    than ours is a root, a call and an owner of its usage is decided by what is there (`domain.standings`); a later
    batch may change it, and the sums with it. `durable`: the write outlives a loss of power, too. A verdict of the same
    trace, call, policy, rule and direction as one that is there changes nothing; those of a whole policy
    (`domain.WHOLE_POLICY`) count when the root span of their call is new."""

    spans: Sequence[Span] = ()
    contents: Sequence[Content] = ()
    scores: Sequence[Score] = ()
    ledger: Sequence[Charge] = ()
    offsets: Sequence[SpoolOffset] = ()
    durable: bool = False
    verdicts: Sequence[GuardVerdict] = ()
    pending: Sequence[PendingJudgement] = ()


class Written(msgspec.Struct, frozen=True):
    """`spans` were new, `duplicates` were there already; `content_shed` payloads were dropped because the disk is
    full.
    """

    spans: int
    duplicates: int
    content_shed: int = 0


class ScoreIs(msgspec.Struct, frozen=True):
    """A trace has a score of that name; with an `operator` one whose value (or label, which is a text) compares so."""

    name: str
    operator: Literal["=", "!=", "<", "<=", ">", ">="] | None = None
    value: float | str | None = None


class TraceFilter(msgspec.Struct, frozen=True, kw_only=True):
    """All given conditions hold for the root span (`min_cost_nano` for its trace). Times by start.

    `cache`: what a cache said when it was asked. `scores`: every one of them holds for some score of the trace; of
    several by the same author only the latest counts.

    `text` is full-text search over contents (every word and every "phrase" must occur; nothing that people type is an
    error). A match belongs to the nearest root span above the span that matched; since and until hold for both.
    """

    since_us: int | None = None
    until_us: int | None = None
    status: Status | None = None
    tenant_id: str | None = None
    environment_id: str | None = None
    team_id: str | None = None
    key_id: str | None = None
    application: str | None = None
    model: str | None = None
    target_id: str | None = None
    user_id: str | None = None
    session_id: str | None = None
    operation: str | None = None
    error_type: str | None = None
    min_duration_us: int | None = None
    min_cost_nano: int | None = None
    cache: Literal["hit", "miss"] | None = None
    scores: tuple[ScoreIs, ...] = ()
    text: str | None = None


def property_word(name: str, value: str) -> str:
    """The word in a content's `text` that tells that the call has this property: `text` of a filter finds it with the
    index that is there, and no prompt holds it by chance (80 bits of SHA-256)."""
    return "property" + hashlib.sha256(f"{name}\0{value}".encode(errors="replace")).hexdigest()[:20]


class TraceRow(msgspec.Struct, frozen=True):
    """A root span with the sums of the trace (each token counted once: spans that own usage). `cost_nano` None:
    unknown for at least one paying span; `spans` is how many there are."""

    root: Span
    input_tokens: int
    output_tokens: int
    estimated: bool
    cost_nano: int | None
    spans: int


class Page(msgspec.Struct, frozen=True):
    """`next` is the cursor of the following page, None at the end. Keyset order: newest first by (start, span id), with
    `text` by those of the newest matching span.

    The work for one page is bounded: a page may be short, even empty, and still have a `next` that goes on with the
    search.
    """

    rows: Sequence[TraceRow]
    next: str | None


TallyOrder = Literal["last", "first", "traces", "errors", "tokens", "cost"]


class Tally(msgspec.Struct, frozen=True, kw_only=True):
    """The traces of one session or one end user. `errors`: those of status error or aborted; `cost_nano` is what is
    known, and `cost_unknown` traces cost something that nobody knows. `others`: how many users a session has, or
    sessions a user; `other` the first of them by name. `verified`: traces whose user was signed for."""

    id: str
    traces: int
    errors: int
    input_tokens: int
    output_tokens: int
    cost_nano: int
    cost_unknown: int
    first_us: int
    last_us: int
    others: int
    other: str | None
    verified: int


class Tallies(msgspec.Struct, frozen=True):
    """One page of `total`. `since_us`: nothing older was looked at, for the work is bounded (None: all was)."""

    rows: Sequence[Tally]
    total: int
    since_us: int | None = None


class Recorded(msgspec.Struct, frozen=True):
    """The cost that a span was written with; when and by whom (an actor) it was corrected last."""

    cost: Cost | None
    corrected_us: int
    corrected_by: str


class Trace(msgspec.Struct, frozen=True):
    """All spans in order of start, contents by span id (hex), scores. Spans have their corrected cost; `recorded` is
    what stood there first, by span id (hex) of the corrected ones."""

    trace_id: bytes
    spans: Sequence[Span]
    contents: Mapping[str, Content]
    scores: Sequence[Score]
    recorded: Mapping[str, Recorded] = {}
    verdicts: Sequence[GuardVerdict] = ()


class CorrectionRun(msgspec.Struct, frozen=True):
    """Costs that somebody corrected at one time."""

    at_us: int
    by: str
    spans: int


class Paid(msgspec.Struct, frozen=True):
    """A span that owns usage, as it was recorded; its cost, corrected if it was; the start of its call."""

    span: Span
    cost: Cost | None
    call_start_us: int


KWH_UNIT = 1e-12
GRAM_UNIT = 1e-9
LITRE_UNIT = 1e-9
"""What EnergySums count in: a call of the smallest model is some 10,000 of each, and 64 bits hold 9 GWh and 9,000 t."""


class EnergySums(msgspec.Struct, frozen=True, array_like=True):
    """Of `known` attempts: electricity in KWH_UNIT, CO2e in GRAM_UNIT and water in LITRE_UNIT, low, central and high.
    `known_co2e` of them have a figure of CO2e, `known_water` of water. All other attempts used energy that nobody
    knows."""

    known: int = 0
    known_co2e: int = 0
    kwh_low: int = 0
    kwh_central: int = 0
    kwh_high: int = 0
    co2e_low: int = 0
    co2e_central: int = 0
    co2e_high: int = 0
    known_water: int = 0
    water_low: int = 0
    water_central: int = 0
    water_high: int = 0


def energy_nano(sums: EnergySums) -> int:
    """What they are on a budget: nano-Wh, which is what KWH_UNIT is, by the central figure."""
    return sums.kwh_central


Dimension = Literal[
    "environment_id",
    "team_id",
    "key_id",
    "application",
    "request_model",
    "target_id",
    "operation",
    "status",
    "tenant_id",
]


class CacheSums(msgspec.Struct, frozen=True, array_like=True):
    """Calls that were looked up in a cache. Of the hits: tokens and money that their answers took when they were made;
    `saved_unknown` of them cost something that nobody knows."""

    hits: int = 0
    misses: int = 0
    saved_tokens: int = 0
    saved_nano: int = 0
    saved_unknown: int = 0


class Rollup(msgspec.Struct, frozen=True):
    """Sums of one bucket of time and one combination of dimensions.

    `calls` counts root spans (of what other programs told: calls of models), `errors` those of status error or
    aborted, `attempts` spans of kind llm, embedding or rerank; tokens and cost only usage owners. `cost_unknown`
    counts paying spans without a known price. Histograms: duration of calls, time to first token, both in
    microseconds.
    """

    start_us: int
    group: Mapping[str, str]
    calls: int
    errors: int
    attempts: int
    input_tokens: int
    cache_read: int
    output_tokens: int
    estimated_calls: int
    cost_nano: int
    cost_unknown: int
    duration: Histogram
    first_token: Histogram
    energy: EnergySums = EnergySums()
    cache: CacheSums = CacheSums()


class RollupQuery(msgspec.Struct, frozen=True, kw_only=True):
    """`step`: one row per minute, hour, day (UTC), or one for the whole range; `group_by` any dimensions; `where`
    equals ("" stands for none). The range is widened to whole minutes.
    """

    since_us: int
    until_us: int
    step: Literal["minute", "hour", "day", "all"] = "hour"
    group_by: Sequence[Dimension] = ()
    where: Mapping[Dimension, str] = {}


class Telemetry(Verdicts, Protocol):
    """One writer, many readers (threads and processes). StoreError(code="disk_full" | "store_newer" | ...) when it
    cannot.
    """

    def write(self, batch: Batch) -> Written: ...

    def offsets(self) -> Mapping[str, SpoolOffset]: ...

    def drop_offsets(self, lives: Sequence[str]) -> None: ...

    def ledger(self) -> Mapping[tuple[str, int], int]:
        """(budget id, window start) -> settled total."""
        ...

    def seed_ledger(self, charges: Sequence[Charge]) -> None:
        """Set totals (a budget made in the middle of its period begins with what was already used; a reset sets 0)."""
        ...

    def list(self, where: TraceFilter, *, cursor: str | None = None, limit: int = 50) -> Page: ...

    def trace(self, trace_id: bytes) -> Trace | None: ...

    def tallies(
        self,
        by: Literal["session_id", "user_id"],
        where: TraceFilter,
        *,
        order: TallyOrder = "last",
        ascending: bool = False,
        offset: int = 0,
        limit: int = 50,
    ) -> Tallies:
        """Sessions or end users of the traces that the filter lets through (but for its text, which is not looked
        at)."""
        ...

    def rollup(self, query: RollupQuery) -> Sequence[Rollup]: ...

    def head(self) -> int:
        """Grows with every write that added spans; to tail cheaply."""
        ...

    def since(self, head: int, *, limit: int = 500) -> tuple[int, Sequence[TraceRow]]:
        """Root spans written after that head, oldest first, and the new head."""
        ...

    def written(self, after: int, *, limit: int = 500) -> tuple[int, Sequence[tuple[Span, Content | None]]]:
        """Spans with their content in order of writing, at most `limit` that were written behind the place `after`
        (`head` is one), and the place to go on from."""
        ...

    def place_before(self, start_us: int) -> int:
        """A place behind which all calls are that began at that time or later, as near to them as can be."""
        ...

    def paid(self, since_us: int, until_us: int, *, after: int = 0, limit: int = 1000) -> tuple[int, Sequence[Paid]]:
        """Spans that own usage and began in that range, in order of writing; at most `limit` that were written behind
        the place `after`, and the place to go on from. No spans: that was all."""
        ...

    def correct(self, corrections: Sequence[CostCorrection]) -> int:
        """Corrects costs, and the sums of traces and rollups with them, in one transaction. How many were applied: a
        span that has another cost than `former` by now is left alone, so nothing is corrected twice."""
        ...

    def corrections(self, *, limit: int = 20) -> Sequence[CorrectionRun]:
        """The latest ones, newest first."""
        ...

    def add_score(self, score: Score) -> Score:
        """The score that has its identifier now: this one, or the one that was there first."""
        ...

    def scores(
        self, since_us: int, until_us: int, *, name: str | None = None, after: tuple[int, str] | None = None, limit: int
    ) -> Sequence[Score]:
        """Scores that were made in that range, oldest first by (time, identifier), those behind `after`."""
        ...

    def score_place(self) -> int:
        """Grows with every score. Spans that were there when it was read are found by `written` already."""
        ...

    def scores_written(
        self, after: int, until: int, *, names: Sequence[str], limit: int = 500
    ) -> tuple[int, Sequence[Score]]:
        """Scores of these names in order of writing, at most `limit`, behind the place `after` and up to the place
        `until` (`score_place` is one), and the place to go on from: `until` when there are no more."""
        ...

    def scores_of(self, trace_ids: Sequence[bytes], *, names: Sequence[str]) -> Sequence[Score]:
        """All scores of these names that these traces have."""
        ...

    def purge_content(self, before_us: int) -> int:
        """Drop the content of whole days before that time; figures stay. How many days were dropped."""
        ...

    def blobs(self, *, after: int = 0, limit: int = 1000) -> tuple[int, AbstractSet[str]]:
        """Digests of blobs that content refers to which is there: of at most `limit` spans that were written behind the
        place `after`; and the place to go on from (the same: that was all). StoreError when some of it cannot be read.
        """
        ...

    def migrate(self) -> None: ...

    def close(self) -> None: ...
