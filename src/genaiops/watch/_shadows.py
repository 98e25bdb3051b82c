"""Copies of calls to a shadow target, each beside the call that it copies: what of them differs, and how sure that is.

Differences are taken pair by pair, for both answered the same request, and their intervals are over users, whose calls
are alike. Figures of one side come from traces; nothing is asked again.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, Literal, TypeVar

import msgspec

from genaiops.checks.metrics import executes, metric, unready
from genaiops.checks.statistics import Comparison, Level, compare, level
from genaiops.core.errors import UsageError
from genaiops.core.money import NANO
from genaiops.domain import Better, Sample
from genaiops.ports.blobs import Blobs
from genaiops.ports.metrics import Metric
from genaiops.ports.telemetry import Telemetry, Trace, TraceFilter
from genaiops.watch._documents import root_of, row_of
from genaiops.watch._examples import trace_example
from genaiops.watch._experiments import of_root

ALPHA: Final = 0.05
SHADOW_KEY: Final = "shadow/"
"""How the key of a copy begins; the route's name follows."""

_COPY_OF: Final = "genaiops.shadow_of"
_SCORE: Final = "score:"
_PAGE: Final = 200
_OWN: Final[Mapping[str, str]] = {
    "errors": "share",
    "blocked": "share",
    "latency": "s",
    "first_token": "s",
    "cost": "USD",
    "tokens": "tokens",
    "output_tokens": "tokens",
}
"""What every call has: metric -> unit. Less of it is better."""

_REFUSED: Final = frozenset(
    ("budget_exceeded", "budgets_unreachable", "rate_limit_exceeded", "concurrency_limit_exceeded")
)
ShadowState = Literal["better", "worse", "differs", "open"]
_T = TypeVar("_T")


class Half(msgspec.Struct, frozen=True, kw_only=True):
    """One of a pair. `values`: metric -> value; `output` None: what was answered is not kept."""

    trace_id: str
    target_id: str | None
    status: str
    values: Mapping[str, float]
    asked: str
    output: str | None


class Pair(msgspec.Struct, frozen=True, kw_only=True):
    """A call that users got (`live`) and its copy. `user`: whose, else the session ("": nobody's)."""

    user: str
    at_us: int
    live: Half
    copy: Half


class ShadowLine(msgspec.Struct, frozen=True, kw_only=True):
    """One metric over the pairs that both have a value. `difference` is copy less live, `interval` its two-sided one of
    confidence 1 - ALPHA (null: `why` says what stands against it). `won`: pairs in which the copy was better, where
    the metric says what is."""

    metric: str
    unit: str
    better: Better
    pairs: int
    users: int = 0
    copy: float | None = None
    live: float | None = None
    difference: float | None = None
    interval: tuple[float, float] | None = None
    won: int = 0
    lost: int = 0
    state: ShadowState = "open"
    method: str = ""
    why: str = ""


class Likeness(msgspec.Struct, frozen=True, kw_only=True):
    """How like the live answers those of the copies are, by a metric that takes the live one for its reference."""

    metric: str
    pairs: int
    mean: float | None = None
    interval: tuple[float, float] | None = None
    why: str = ""


class ShadowReport(msgspec.Struct, frozen=True, kw_only=True):
    """`copies` were looked at, the newest first (`more`: there are older ones in that time); `unpaired` of them lack
    the call that they copy, do not say which it was, or were refused by limits. `same` of `told` answers are the same,
    letter by letter. `shown`: pairs, the newest first."""

    route_id: str
    target_id: str
    copies: int
    more: bool
    unpaired: int
    pairs: int
    users: int
    told: int
    same: int
    lines: Sequence[ShadowLine]
    alike: Sequence[Likeness]
    shown: Sequence[Pair]


def shadow_report(
    telemetry: Telemetry,
    blobs: Blobs,
    where: TraceFilter,
    *,
    checks: Sequence[str] = (),
    lost: str | None = None,
    most: int = 1000,
    shown: int = 20,
) -> ShadowReport:
    """Of the copies that `where` lets through, which names the shadow key (see `SHADOW_KEY`) and the target. `checks`:
    metrics of single answers, without options; one with a reference gets the live answer for it. `lost`: of the pairs
    show those in which the copy was worse by that metric (differs, where neither way is better). UsageError for a check
    that cannot be made of an answer alone, and for a `lost` that nobody measured."""
    made = {name: _check(name) for name in dict.fromkeys(checks)}
    pairs, copies, more = _pairs(telemetry, blobs, where, most)
    own = {name: each for name, each in made.items() if "expected" not in each.card.needs}
    pairs = [_measured(pair, own) for pair in pairs]
    scores = sorted({name for pair in pairs for name in pair.copy.values if name.startswith(_SCORE)})
    kinds: dict[str, tuple[str, Better, float | None]] = {
        **{name: (unit, "lower", 1.0 if unit == "share" else None) for name, unit in _OWN.items()},
        **dict.fromkeys(scores, ("", "higher", None)),
        **{name: (each.card.unit, each.card.better, _span(each)) for name, each in own.items()},
    }
    if lost is not None and lost not in kinds:
        raise UsageError(
            f"{lost!r} is nothing that was measured.", remedy=f"There are: {', '.join(kinds)}.", param="lost"
        )
    texts = [pair for pair in pairs if pair.live.output is not None and pair.copy.output is not None]
    chosen = pairs if lost is None else [pair for pair in pairs if _worse(pair, lost, kinds[lost][1])]
    return ShadowReport(
        route_id=(where.key_id or "").removeprefix(SHADOW_KEY),
        target_id=where.target_id or "",
        copies=copies,
        more=more,
        unpaired=copies - len(pairs),
        pairs=len(pairs),
        users=len({pair.user or pair.live.trace_id for pair in pairs}),
        told=len(texts),
        same=sum(pair.live.output == pair.copy.output for pair in texts),
        lines=[line for name, kind in kinds.items() if (line := _line(name, *kind, pairs)).pairs or name in own],
        alike=[_likeness(name, each, texts) for name, each in made.items() if name not in own],
        shown=chosen[:shown],
    )


def _check(name: str) -> Metric:
    found = metric(name)
    card = found.card
    refused = ""
    if card.over == "corpus":
        refused = "is of all answers together, not of each"
    elif hasattr(found, "consult") or executes(found):
        refused = "asks a model or runs programs, which takes a run of a suite"
    elif lacking := unready(found):
        refused = f"cannot be made here: {lacking}"
    elif others := sorted(set(card.needs) - {"input", "output", "expected"}):
        refused = f"needs {', '.join(others)}, which a trace does not have"
    if refused:
        raise UsageError(
            f"The check {name!r} {refused}.",
            remedy="Use one of a single answer, such as refusal, is_json, word_count, chrf or token_f1.",
            param="check",
        )
    return found


def _pairs(telemetry: Telemetry, blobs: Blobs, where: TraceFilter, most: int) -> tuple[list[Pair], int, bool]:
    """Also how many copies there were, and whether there are more."""
    found: list[Pair] = []
    copies, cursor = 0, None
    while True:
        page = telemetry.list(where, cursor=cursor, limit=min(_PAGE, most - copies))
        copies += len(page.rows)
        for row in page.rows:
            pair = _pair(telemetry, blobs, row.root.trace_id)
            if pair is not None:
                found.append(pair)
        cursor = page.next
        if cursor is None or copies >= most:
            return found, copies, cursor is not None


def _pair(telemetry: Telemetry, blobs: Blobs, trace_id: bytes) -> Pair | None:
    copy = telemetry.trace(trace_id)
    if copy is not None and root_of(copy).error_type in _REFUSED:
        return None  # what it may use was used up, which says nothing of what would have answered
    original = _original(copy) if copy is not None else None
    live = telemetry.trace(original) if original is not None else None
    if copy is None or live is None:
        return None
    root = root_of(live)
    return Pair(
        user=root.user_id or root.session_id or "",
        at_us=root.start_us,
        live=_half(live, blobs),
        copy=_half(copy, blobs),
    )


def _original(copy: Trace) -> bytes | None:
    for content in copy.contents.values():
        raw = (content.attributes or {}).get(_COPY_OF)
        if raw is not None:
            return bytes.fromhex(msgspec.json.decode(raw, type=str))
    return None


def _half(trace: Trace, blobs: Blobs) -> Half:
    row = row_of(trace)
    values = of_root(row.root)
    if any(span.owns_usage and span.usage is not None for span in trace.spans):
        values["tokens"] = float(row.input_tokens + row.output_tokens)
        values["output_tokens"] = float(row.output_tokens)
        if row.cost_nano is not None:
            values["cost"] = row.cost_nano / NANO
    given: dict[tuple[str, str], float] = {}
    for score in sorted(trace.scores, key=lambda each: each.created_us):
        if score.value is not None:
            given[score.name, score.created_by] = score.value
    for name in {name for name, _ in given}:
        mine = [value for (each, _), value in given.items() if each == name]
        values[_SCORE + name] = sum(mine) / len(mine)
    example: dict[str, Any] = trace_example(trace, blobs) or {}
    asked = [turn["content"] for turn in example.get("input", ()) if turn["role"] == "user"]
    answered = row.root.status == "ok" and bool(example.get("output"))
    return Half(
        trace_id=trace.trace_id.hex(),
        target_id=row.root.target_id,
        status=row.root.status,
        values=values,
        asked=asked[-1] if asked else "",
        output=example["output"] if answered else None,
    )


def _measured(pair: Pair, checks: Mapping[str, Metric]) -> Pair:
    return msgspec.structs.replace(pair, live=_with_checks(pair.live, checks), copy=_with_checks(pair.copy, checks))


def _with_checks(half: Half, checks: Mapping[str, Metric]) -> Half:
    if half.output is None:
        return half
    sample = Sample(input=half.asked, output=half.output)
    found = {name: each.measure([sample])[0].value for name, each in checks.items()}
    values = {name: value for name, value in found.items() if value is not None}
    return msgspec.structs.replace(half, values={**half.values, **values})


def _line(name: str, unit: str, better: Better, span: float | None, pairs: Sequence[Pair]) -> ShadowLine:
    both = [pair for pair in pairs if name in pair.live.values and name in pair.copy.values]
    sign = -1.0 if better == "lower" else 1.0

    def work() -> Comparison:
        return compare(
            [sign * pair.copy.values[name] for pair in both],
            [sign * pair.live.values[name] for pair in both],
            [pair.user for pair in both],
            alpha=ALPHA / 2,
            span=span,
        )

    said, why = _tried(work)
    line = ShadowLine(metric=name, unit=unit, better=better, pairs=len(both), why=why)
    if said is None:
        return line
    low, high = sorted((sign * said.low, sign * said.high))
    state: ShadowState = "better" if said.low > 0 else "worse" if said.high < 0 else "open"
    return msgspec.structs.replace(
        line,
        users=said.clusters,
        copy=sign * said.candidate + 0.0,  # a minus before 0 says nothing
        live=sign * said.baseline + 0.0,
        difference=sign * said.difference + 0.0,
        interval=(low, high),
        won=0 if better == "neither" else said.wins,
        lost=0 if better == "neither" else said.losses,
        state="differs" if better == "neither" and state != "open" else state,
        method=said.method,
    )


def _likeness(name: str, check: Metric, pairs: Sequence[Pair]) -> Likeness:
    values = list(_likenesses(check, pairs))
    card = check.card

    def work() -> Level:
        figures, users = [value for value, _ in values], [user for _, user in values]
        return level(figures, users, alpha=ALPHA / 2, least=card.low, most=card.high)

    said, why = _tried(work)
    if said is None:
        return Likeness(metric=name, pairs=len(values), why=why)
    return Likeness(metric=name, pairs=len(values), mean=said.mean, interval=(said.low, said.high))


def _likenesses(check: Metric, pairs: Sequence[Pair]) -> Iterator[tuple[float, str]]:
    for pair in pairs:
        sample = Sample(input=pair.copy.asked, output=pair.copy.output or "", expected=(pair.live.output or "",))
        value = check.measure([sample])[0].value
        if value is not None:
            yield value, pair.user


def _tried(work: Callable[[], _T]) -> tuple[_T | None, str]:
    """What it says, or why it says nothing."""
    try:
        return work(), ""
    except UsageError:
        return None, "Pairs of two users at least are needed."


def _span(check: Metric) -> float | None:
    card = check.card
    return None if card.low is None or card.high is None else card.high - card.low


def _worse(pair: Pair, name: str, better: Better) -> bool:
    live, copy = pair.live.values.get(name), pair.copy.values.get(name)
    if live is None or copy is None:
        return False
    return copy != live if better == "neither" else copy > live if better == "lower" else copy < live


__all__ = ["ALPHA", "SHADOW_KEY", "Half", "Likeness", "Pair", "ShadowLine", "ShadowReport", "shadow_report"]
