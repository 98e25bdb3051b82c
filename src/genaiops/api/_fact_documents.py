"""Claims and what is said of them, as the API shows them."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from genaiops.arena import JudgedClaims
from genaiops.checks.cards import cards
from genaiops.checks.fact_errors import FactErrors
from genaiops.checks.facts import METHOD, Checked, Claim, confidence, tally

Text = Annotated[str, Meta(max_length=500_000)]
MOST_ANSWERS = 1_000


class SourceRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A text to hold claims against; citations name it by its `id`."""

    id: Annotated[str, Meta(min_length=1, max_length=500)]
    text: Annotated[str, Meta(max_length=5_000_000)]


class RunAnswers(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Answers of the run `id`, of one `target` or of all; `cases`: only these."""

    id: str
    target: str | None = None
    cases: Annotated[tuple[str, ...], Meta(max_length=1_000)] = ()


class FactsRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is checked: one of `text`, `trace_ids` and `run`. Against what: `sources`, or `corpus` (a dataset, whose
    texts stand in `column`); without either, what the answer was given (not of a `text`)."""

    text: Text | None = None
    trace_ids: Annotated[tuple[str, ...], Meta(max_length=1_000)] = ()
    run: RunAnswers | None = None
    sources: Annotated[tuple[SourceRequest, ...], Meta(max_length=10_000)] = ()
    corpus: str | None = None
    column: str | None = None


class FactQueueRequest(FactsRequest, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`queue`: is made when it is not there, and `labels` people then look at each claim. `sample`: the share of
    supported claims that people look at, too: without them nobody learns what the method misses."""

    queue: str
    sample: Annotated[float, Meta(ge=0, le=1)] = 0.2
    labels: Annotated[int, Meta(ge=1, le=2)] = 2


class MeasuredFigure(msgspec.Struct, frozen=True, kw_only=True):
    """`value` over `n`, `low` to `high` are 95 % of confidence."""

    measure: str
    of: str
    dataset: str
    n: int
    value: float
    low: float
    high: float


class MethodDocument(msgspec.Struct, frozen=True, kw_only=True):
    """How claims were judged, and how often that is wrong, as far as anybody measured (none: nobody did)."""

    name: str
    title: str
    measured: Sequence[MeasuredFigure]
    limits: Sequence[str]


class CitationDocument(msgspec.Struct, frozen=True, kw_only=True):
    """The characters from `start` up to `end` of the source, and what they say."""

    source: str
    title: str
    start: int
    end: int
    quote: str


class ClaimDocument(msgspec.Struct, frozen=True, kw_only=True):
    """The characters from `start` up to `end` of the answer. `verdict`: `supported`, `refuted` or
    `not_enough_evidence`. `support`: the share of its words in the sources; `probability`: that it is supported."""

    start: int
    end: int
    text: str
    verdict: str
    support: float
    probability: float
    missing: Sequence[str]
    citation: CitationDocument | None


class SourceDocument(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    title: str
    characters: int


class CheckedDocument(msgspec.Struct, frozen=True, kw_only=True):
    """An answer with its claims. `confidence`: the share of them that is expected to be supported. `why`: why there are
    none. `judged`: what judges of the run said, each in its own claims."""

    node: str
    case: str
    target: str
    repeat: int
    trace_id: str | None
    answer: str
    claims: Sequence[ClaimDocument]
    counts: Mapping[str, int]
    confidence: float | None
    sources: Sequence[SourceDocument]
    why: str
    judged: Sequence[JudgedClaims] = ()


class ClaimsDocument(msgspec.Struct, frozen=True, kw_only=True):
    """`counts`: verdict -> claims of all answers here. `next`: where the next page begins."""

    data: Sequence[CheckedDocument]
    counts: Mapping[str, int]
    methods: Sequence[MethodDocument]
    next: int | None = None


class QueuedDocument(msgspec.Struct, frozen=True, kw_only=True):
    """`claims` there are in the answers, of which `added` were put in and `there` were in already. `made`: the queue
    was made for them."""

    queue: str
    made: bool
    claims: int
    added: int
    there: int


class FactErrorsDocument(FactErrors, frozen=True, kw_only=True):
    """How often `method` is wrong about the claims of `queue`, against what people said."""

    queue: str
    method: str


def claims_document(
    checked: Sequence[Checked], *, judged: Mapping[str, Sequence[JudgedClaims]] | None = None, start: int | None = None
) -> ClaimsDocument:
    """`judged`: by the node of the answer."""
    told = judged or {}
    counts = tally([claim for each in checked for claim in each.claims])
    return ClaimsDocument(
        data=[checked_document(each, told.get(each.node, ())) for each in checked],
        counts={**counts},
        methods=[words_method(), *_judges(told)],
        next=start,
    )


def checked_document(checked: Checked, judged: Sequence[JudgedClaims] = ()) -> CheckedDocument:
    titles = {each.id: each.title for each in checked.sources}
    return CheckedDocument(
        node=checked.node,
        case=checked.case,
        target=checked.target,
        repeat=checked.repeat,
        trace_id=checked.traces[0] if checked.traces else None,
        answer=checked.answer,
        claims=[_claim(each, titles) for each in checked.claims],
        counts={**tally(checked.claims)},
        confidence=_rounded(confidence(checked.claims)),
        sources=[SourceDocument(id=each.id, title=each.title, characters=len(each.text)) for each in checked.sources],
        why=checked.why,
        judged=judged,
    )


def _claim(claim: Claim, titles: Mapping[str, str]) -> ClaimDocument:
    fields: dict[str, Any] = msgspec.structs.asdict(claim)
    cited = claim.citation
    fields |= {"support": round(claim.support, 4), "probability": round(claim.probability, 4)}
    fields["citation"] = (
        None if cited is None else CitationDocument(title=titles.get(cited.source, ""), **msgspec.structs.asdict(cited))
    )
    return ClaimDocument(**fields)


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def words_method() -> MethodDocument:
    """The comparison of words, with the figures of its card."""
    card = cards()["grounding"]
    return MethodDocument(
        name=METHOD,
        title="Comparison of words, numbers, names and negations",
        measured=[
            MeasuredFigure(
                measure=one.measure,
                of=one.of,
                dataset=one.dataset,
                n=one.n,
                value=one.value,
                low=one.low,
                high=one.high,
            )
            for one in card.figures
        ],
        limits=card.limits,
    )


def _judges(told: Mapping[str, Sequence[JudgedClaims]]) -> Iterable[MethodDocument]:
    seen = {each.check: each for found in told.values() for each in found}
    for each in seen.values():
        yield MethodDocument(name=f"judge {each.check}", title=each.about, measured=(), limits=())
