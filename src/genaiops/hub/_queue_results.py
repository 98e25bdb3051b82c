"""What came of a queue: how far it is, how far people agree, and of duels who is better."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from statistics import median
from typing import Any, Final

import msgspec

from genaiops.checks.proportion import wilson
from genaiops.checks.statistics import level
from genaiops.checks.statistics.agreement import krippendorff
from genaiops.checks.statistics.ranking import Duel, Ranking, bradley_terry
from genaiops.core.errors import UsageError
from genaiops.domain import Item, ItemState, Label, Question, Queue
from genaiops.hub._labelling import done_labels
from genaiops.hub._queue_forms import differ, options_of

ALPHA: Final = 0.025
"""Of each bound: intervals hold 95 %."""
_STATES: tuple[ItemState, ...] = ("open", "done", "disputed", "settled", "erased")
_SCORES: Mapping[str, float] = {"first": 1.0, "second": 0.0, "tie": 0.5, "both_bad": 0.5}


class Share(msgspec.Struct, frozen=True, kw_only=True):
    """`value` None: of nothing. `low` to `high`: 95 % of confidence."""

    value: float | None = None
    low: float | None = None
    high: float | None = None
    n: int = 0


class AgreementResult(msgspec.Struct, frozen=True, kw_only=True):
    """Krippendorff's alpha: 1 is agreement, 0 what chance gives. `low` to `high`: 95 % of confidence, by a bootstrap of
    the items (None: too few). `value` None: `why` says why there is none."""

    scale: str
    value: float | None = None
    low: float | None = None
    high: float | None = None
    items: int = 0
    why: str = ""


class QuestionResult(msgspec.Struct, frozen=True, kw_only=True):
    """`counts`: option -> how many labels say so. `confusion`: over all pairs of labels of one item, what one said
    (rows) and the other said (columns), in the order of `options`; it is symmetric. Texts have neither."""

    name: str
    kind: str
    options: Sequence[str]
    counts: Mapping[str, int]
    mean: float | None
    agreement: AgreementResult | None
    confusion: Sequence[Sequence[int]]


class LabellerResult(msgspec.Struct, frozen=True, kw_only=True):
    """`agrees`: question -> how often others said the same of the same items. `early`: labels under earlier
    guidelines."""

    actor: str
    labels: int
    skipped: int
    early: int
    seconds: float | None
    agrees: Mapping[str, Share]


class Pair(msgspec.Struct, frozen=True, kw_only=True):
    """Duels of two. `rate`: of `one`, ties as half; its interval is over prompts."""

    one: str
    other: str
    won: int
    lost: int
    tied: int
    both_bad: int
    rate: Share


class DuelResult(msgspec.Struct, frozen=True, kw_only=True):
    """`ranking` None: nobody has judged a duel. `left`: how often, of those that chose a side, the left one was chosen;
    far from a half, people look at the place."""

    ranking: Ranking | None
    pairs: Sequence[Pair]
    left: Share


class QueueProgress(msgspec.Struct, frozen=True, kw_only=True):
    """`items` by state; `labels` there are of `wanted`."""

    items: Mapping[str, int]
    labels: int
    wanted: int
    skipped: int


class QueueResult(QueueProgress, frozen=True, kw_only=True):
    """How far it is, and what came of it."""

    questions: Sequence[QuestionResult]
    labellers: Sequence[LabellerResult]
    duels: DuelResult | None


def progress(items: Sequence[Item]) -> QueueProgress:
    states = Counter(item.state for item in items)
    labels = [label for item in items for label in item.labels.values()]
    return QueueProgress(
        items={state: states[state] for state in _STATES},
        labels=sum(label.state == "done" for label in labels),
        wanted=sum(max(item.wanted, len(done_labels(item))) for item in items),
        skipped=sum(label.state == "skipped" for label in labels),
    )


def results(queue: Queue, items: Sequence[Item]) -> QueueResult:
    """Of the labels there are now; erased items count with what was said of them."""
    far: dict[str, Any] = msgspec.structs.asdict(progress(items))
    return QueueResult(
        **far,
        questions=[_question(each, items) for each in queue.questions],
        labellers=_labellers(queue, items),
        duels=None if queue.duel is None else _duels(queue.duel, items),
    )


def held_of(queue: Queue, item: Item) -> Mapping[str, str | float]:
    """Question (`question.N`: of a claim) -> what holds of an item: what was settled, else what its labels agree on: of
    a scale their mean. A question that they differ in is not there."""
    if item.settled is not None:
        return item.settled.values
    said = list(done_labels(item).values())
    found: dict[str, str | float] = {}
    for question in queue.questions:
        if differ([question], said):
            continue
        for name in dict.fromkeys(name for each in said for name in each.values if _is_of(name, question)):
            given = [each.values[name] for each in said if name in each.values]
            numbers = [each for each in given if isinstance(each, int)]
            found[name] = sum(numbers) / len(numbers) if numbers else given[0]
    return found


def _is_of(name: str, question: Question) -> bool:
    return name.partition(".")[0] == question.name


def _units(question: Question, items: Iterable[Item]) -> list[dict[str, str | int]]:
    """Of each item (of claims: of each claim), who said what."""
    found: list[dict[str, str | int]] = []
    for item in items:
        said = done_labels(item)
        names = dict.fromkeys(name for each in said.values() for name in each.values if _is_of(name, question))
        found += [{actor: each.values[name] for actor, each in said.items() if name in each.values} for name in names]
    return found


def _question(question: Question, items: Sequence[Item]) -> QuestionResult:
    options = options_of(question)
    units = _units(question, items)
    counts = Counter(str(value) for unit in units for value in unit.values())
    place = {option: number for number, option in enumerate(options)}
    numbers = [value for unit in units for value in unit.values() if isinstance(value, int)]
    confusion = [[0] * len(options) for _ in options]
    for unit in units:
        for one, other in combinations(unit.values(), 2):
            at, by = place[str(one)], place[str(other)]
            confusion[at][by] += 1
            confusion[by][at] += 1
    return QuestionResult(
        name=question.name,
        kind=question.kind,
        options=options,
        counts={option: counts[option] for option in options},
        mean=sum(numbers) / len(numbers) if numbers else None,
        agreement=_agreement(question, units, place) if options else None,
        confusion=confusion if any(any(row) for row in confusion) else [],
    )


def _agreement(
    question: Question, units: Sequence[Mapping[str, str | int]], place: Mapping[str, int]
) -> AgreementResult:
    scale = "ordinal" if question.kind == "scale" else "nominal"
    rated = [[float(place[str(value)]) for value in unit.values()] for unit in units]
    try:
        found = krippendorff(rated, scale, alpha=ALPHA)
    except UsageError as error:
        return AgreementResult(scale=scale, items=sum(len(unit) > 1 for unit in rated), why=str(error))
    return AgreementResult(scale=scale, value=found.value, low=found.low, high=found.high, items=found.units)


def _labellers(queue: Queue, items: Sequence[Item]) -> list[LabellerResult]:
    names = sorted({actor for item in items for actor, label in item.labels.items() if label.state != "assigned"})
    units = {each.name: _units(each, items) for each in queue.questions if options_of(each)}
    found: list[LabellerResult] = []
    for actor in names:
        labels = [item.labels[actor] for item in items if actor in item.labels]
        done = [label for label in labels if label.state == "done"]
        times = [label.seconds for label in done if label.seconds is not None]
        agrees = {
            name: share(
                [
                    unit[actor] == value
                    for unit in each
                    if actor in unit
                    for other, value in unit.items()
                    if other != actor
                ]
            )
            for name, each in units.items()
        }
        found.append(
            LabellerResult(
                actor=actor,
                labels=len(done),
                skipped=sum(label.state == "skipped" for label in labels),
                early=sum(label.revision < queue.revision for label in done),
                seconds=median(times) if times else None,
                agrees=agrees,
            )
        )
    return found


def share(said: Sequence[bool]) -> Share:
    """With Wilson's interval."""
    if not said:
        return Share()
    low, high = wilson(sum(said), len(said))
    return Share(value=sum(said) / len(said), low=low, high=high, n=len(said))


def _duels(question: Question, items: Sequence[Item]) -> DuelResult:
    fought = [(item, label) for item in items if item.sides for label in _said(item, question)]
    duels = [
        Duel(item.sides[0], item.sides[1], _SCORES[str(label.values[question.name])], item.case or item.source)
        for item, label in fought
    ]
    left = [
        (label.values[question.name] == "first") != label.swapped
        for _, label in fought
        if label.values[question.name] in ("first", "second")
    ]
    return DuelResult(
        ranking=bradley_terry(duels, alpha=ALPHA) if duels else None, pairs=_pairs(question, fought), left=share(left)
    )


def _said(item: Item, question: Question) -> list[Label]:
    """What was settled, alone; else what everybody said."""
    found = [item.settled] if item.settled is not None else list(done_labels(item).values())
    return [label for label in found if question.name in label.values]


def _pairs(question: Question, fought: Sequence[tuple[Item, Label]]) -> list[Pair]:
    by_pair: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for item, label in fought:
        one, other = item.sides
        said = str(label.values[question.name])
        if one > other:
            one, other = other, one
            said = {"first": "second", "second": "first"}.get(said, said)
        by_pair.setdefault((one, other), []).append((said, item.case or item.source))
    found: list[Pair] = []
    for (one, other), each in sorted(by_pair.items()):
        counts = Counter(said for said, _ in each)
        known = level([_SCORES[said] for said, _ in each], [case for _, case in each], alpha=ALPHA, least=0.0, most=1.0)
        found.append(
            Pair(
                one=one,
                other=other,
                won=counts["first"],
                lost=counts["second"],
                tied=counts["tie"],
                both_bad=counts["both_bad"],
                rate=Share(value=known.mean, low=known.low, high=known.high, n=known.n),
            )
        )
    return found
