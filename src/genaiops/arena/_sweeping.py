"""What a sweep shows: quality, tokens by part and what each cell took, and from where on more stops paying.

Cells are compared pair by pair on the same cases: by quality, and by what they take. Every ordered pair and criterion
is a claim, and each is made at alpha over their number (Bonferroni), so that the best cell may be picked by looking.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Literal, Protocol

import msgspec

from genaiops.arena._criteria import (
    Criterion,
    Measured,
    Values,
    check_of,
    figures_of,
    measured_values,
    quality_values,
)
from genaiops.arena._gate_subject import Subject
from genaiops.arena._pairs import Compared, Pair, Standing, pair_of, standing_of
from genaiops.arena._parts import parts_of
from genaiops.arena._sweep import ContextBy, cell_of, is_sweep
from genaiops.arena._tables import Tables
from genaiops.core.errors import UsageError
from genaiops.domain import Suite, SuiteTarget

_TOOK: tuple[Criterion, ...] = ("cost", "latency", "energy", "tokens")


class Counting(Protocol):
    """Counts the tokens of a text; `exact`: by the model's own tokenizer, else it is an estimate."""

    @property
    def name(self) -> str: ...
    @property
    def exact(self) -> bool: ...
    def count(self, text: str) -> int: ...


class PartTokens(msgspec.Struct, frozen=True, kw_only=True):
    """Means of a request. `system`, `shots`, `context` and `question` are counted from their texts; `asked` and
    `answer` are what the model's usage reports (None: it does not say); `rest` is `asked` less what was counted: the
    chat's frame, and what a prompt of the gateway brings."""

    system: float
    shots: float
    context: float
    question: float
    rest: float | None = None
    asked: float | None = None
    answer: float | None = None


class SweepCell(msgspec.Struct, frozen=True, kw_only=True):
    """`context` None: all that the cases have. `why`: it is not comparable, because too many of its answers are
    missing. `standing` None then; `by`: who dominates it, or seems to."""

    target: str
    shots: int
    context: int | None
    tokens: PartTokens
    figures: dict[Criterion, Measured]
    cases: int
    unanswered: int
    why: str = ""
    standing: Standing | None = None
    by: tuple[str, ...] = ()


class SweepStep(msgspec.Struct, frozen=True, kw_only=True):
    """From one cell to a neighbour that takes more, or (`along` `best`) from a cell to the best one. `difference` of
    quality with its bounds, more is better; `word`: what is shown of `to`; `tokens` more that it takes a request."""

    along: Literal["shots", "context", "best"]
    cell: str
    to: str
    word: str
    difference: float | None = None
    low: float | None = None
    high: float | None = None
    tokens: float | None = None
    n: int = 0


class Enough(msgspec.Struct, frozen=True, kw_only=True):
    """In a row of one size of context: beyond so many `shots` no more are shown to be better, on these cases. `most`:
    by so much they may still be (None: there are no more, or nothing is known)."""

    context: int | None
    shots: int
    tried: int
    most: float | None = None


class Sweep(Compared, frozen=True, kw_only=True):
    """`best`: the highest mean of quality among the cells that are comparable, of alike ones the one that takes least
    ("": none). `across`: what stands against quality (None: nothing is known of it). `counted_by`: what counted the
    parts, `exact` when it is the model's own tokenizer. `pick` and `examples`: which examples, out of what."""

    context_by: ContextBy
    across: Criterion | None
    counted_by: str
    exact: bool
    pick: str
    examples: str
    cells: tuple[SweepCell, ...]
    steps: tuple[SweepStep, ...]
    enough: tuple[Enough, ...]
    best: str = ""

    def cell(self, name: str) -> SweepCell:
        return next(each for each in self.cells if each.target == name)


def swept(suite: Suite, tables: Tables, check: str, counting: Counting, *, run: str, subject: str, name: str) -> Sweep:
    """UsageError when the run is no sweep, and where the check is not one of single cases."""
    if not is_sweep(suite):
        raise UsageError(
            "The run is no sweep: its targets do not all say how many examples they take.",
            remedy="Make one: genaiops suite sweep FILE --shots 0,1,2,4",
            param="run",
        )
    found = check_of(suite, check)
    subject_ = Subject(found, tables, suite.target[0].name, alpha=suite.gate.alpha)
    lost = {target.name: _lost(target.name, tables, suite.gate.errors) for target in suite.target}
    able = [target.name for target in suite.target if not lost[target.name]]
    across = _across(tables, able)
    values: dict[Criterion, Values] = {"quality": quality_values(subject_, able)}
    if across is not None:
        values |= measured_values(tables, able, (across,))
    each = suite.gate.alpha / max(1, len(able) * (len(able) - 1) * len(values))
    pairs = [
        pair_of(criterion, one, other, column, tables, margin=0.0, alpha=each)
        for place, one in enumerate(able)
        for other in able[place + 1 :]
        for criterion, column in values.items()
    ]
    quality = quality_values(subject_, [target.name for target in suite.target])
    known: dict[Criterion, Values] = {
        "quality": quality,
        **measured_values(tables, [target.name for target in suite.target], _TOOK),
    }
    parts = _Parts(tables, counting)
    cells = tuple(
        _cell(target, tables, figures_of(target.name, known, tables, suite.gate.alpha), parts, lost[target.name])
        for target in suite.target
    )
    cells = tuple(_standing(cell, able, pairs, len(values)) for cell in cells)
    best = _best(cells, across, falling=subject_.falling)
    by_tokens = any(target.context_tokens is not None for target in suite.target)
    return Sweep(
        run=run,
        suite=subject,
        name=name,
        check=found.name,
        unit="share passed" if subject_.passes else subject_.card.unit,
        falling=subject_.falling,
        alpha=suite.gate.alpha,
        each=each,
        context_by="tokens" if by_tokens else "passages",
        across=across,
        counted_by=counting.name,
        exact=counting.exact,
        pick="" if suite.shots is None else suite.shots.pick,
        examples="" if suite.shots is None else suite.shots.dataset or suite.shots.file,
        cells=cells,
        steps=tuple(_steps(cells, pairs, best)),
        enough=tuple(_enough(cells, pairs)),
        best=best,
    )


def _lost(target: str, tables: Tables, most: float) -> str:
    """Why its figures are not comparable; "" when they are."""
    ids = list(tables.cases)
    missing = tables.unanswered(target, ids)
    whole = tables.asked * len(ids)
    if not missing or missing <= most * whole:
        return ""
    errors = Counter(answer.error for answer in tables.answers[target] if answer.state != "answered" and answer.error)
    said = f" {errors.most_common(1)[0][0]}" if errors else ""
    return f"{missing} of {whole} answers are missing.{said}"


def _across(tables: Tables, targets: Sequence[str]) -> Criterion | None:
    """Money where it is known of all that was asked now; else tokens; else nothing."""
    answers = [answer for target in targets for answer in tables.answers[target] if answer.state == "answered"]
    fresh = answers and not any(answer.recalled for answer in answers)
    if fresh and all(answer.cost_nano is not None for answer in answers) and any(each.cost_nano for each in answers):
        return "cost"
    known = all(each.input_tokens is not None and each.output_tokens is not None for each in answers)
    return "tokens" if answers and known else None


class _Parts:
    """Counts each text once."""

    def __init__(self, tables: Tables, counting: Counting) -> None:
        self._tables = tables
        self._counting = counting
        self._known: dict[str, int] = {}

    def of(self, target: SuiteTarget) -> PartTokens:
        found = [parts_of(target, case) for case in self._tables.cases.values()]
        answered = [each for each in self._tables.answers[target.name] if each.state == "answered"]
        names = ("system", "shots", "context", "question")
        counted = {name: self._mean([self._sum(getattr(each, name)) for each in found]) for name in names}
        asked = _known_mean([each.input_tokens for each in answered])
        complete = len({each.case for each in answered}) == len(found)
        rest = asked - sum(counted.values()) if asked is not None and complete else None
        return PartTokens(
            **counted, rest=rest, asked=asked, answer=_known_mean([each.output_tokens for each in answered])
        )

    def _sum(self, texts: Sequence[str]) -> int:
        return sum(self._one(text) for text in texts)

    def _one(self, text: str) -> int:
        if text not in self._known:
            self._known[text] = self._counting.count(text)
        return self._known[text]

    def _mean(self, values: Sequence[int]) -> float:
        return sum(values) / len(values) if values else 0.0


def _known_mean(values: Sequence[int | None]) -> float | None:
    known = [each for each in values if each is not None]
    return sum(known) / len(known) if known and len(known) == len(values) else None


def _cell(
    target: SuiteTarget, tables: Tables, figures: dict[Criterion, Measured], parts: _Parts, why: str
) -> SweepCell:
    shots, context, _ = cell_of(target) or (0, None, "passages")
    ids = list(tables.cases)
    return SweepCell(
        target=target.name,
        shots=shots,
        context=context,
        tokens=parts.of(target),
        figures=figures,
        cases=len(ids),
        unanswered=tables.unanswered(target.name, ids),
        why=why,
    )


def _standing(cell: SweepCell, able: Sequence[str], pairs: Sequence[Pair], criteria: int) -> SweepCell:
    if cell.why:
        return cell
    others = [each for each in able if each != cell.target]
    standing, by = standing_of(cell.target, others, pairs, criteria)
    return msgspec.structs.replace(cell, standing=standing, by=by)


def _best(cells: Sequence[SweepCell], across: Criterion | None, *, falling: bool) -> str:
    def rank(cell: SweepCell) -> tuple[float, float, int]:
        quality = cell.figures["quality"].mean
        takes = cell.figures.get(across) if across is not None else None
        return quality if falling else -quality, takes.mean if takes else 0.0, cell.shots

    able = [cell for cell in cells if not cell.why and "quality" in cell.figures]
    return min(able, key=rank).target if able else ""


def _turned(one: str, other: str, pairs: Sequence[Pair]) -> Pair | None:
    """Quality of `one` against `other`."""
    for pair in pairs:
        if pair.criterion == "quality" and (pair.one, pair.other) == (one, other):
            return pair
        if pair.criterion == "quality" and (pair.other, pair.one) == (one, other):
            words: Mapping[str, Literal["better", "worse"]] = {"better": "worse", "worse": "better"}
            low, high = (None if each is None else -each for each in (pair.high, pair.low))
            difference = None if pair.difference is None else -pair.difference
            word = words.get(pair.word, pair.word)
            return msgspec.structs.replace(
                pair, one=one, other=other, difference=difference, low=low, high=high, word=word
            )
    return None


def _steps(cells: Sequence[SweepCell], pairs: Sequence[Pair], best: str) -> list[SweepStep]:
    able = [cell for cell in cells if not cell.why]
    found: list[SweepStep] = []
    keys: Sequence[tuple[Literal["shots", "context"], Callable[[SweepCell], object]]] = (
        ("shots", lambda cell: cell.context),
        ("context", lambda cell: cell.shots),
    )
    for along, key in keys:
        for row in dict.fromkeys(map(key, able)):
            line = sorted((cell for cell in able if key(cell) == row), key=_size)
            found += [_step(along, one, other, pairs) for one, other in pairwise(line)]
    top = next((cell for cell in able if cell.target == best), None)
    if top is not None:
        found += [_step("best", cell, top, pairs) for cell in able if cell.target != best]
    return found


def _size(cell: SweepCell) -> tuple[int, int]:
    return cell.shots, -1 if cell.context is None else cell.context


def _step(
    along: Literal["shots", "context", "best"], cell: SweepCell, to: SweepCell, pairs: Sequence[Pair]
) -> SweepStep:
    pair = _turned(to.target, cell.target, pairs)
    more = None if cell.tokens.asked is None or to.tokens.asked is None else to.tokens.asked - cell.tokens.asked
    base = SweepStep(along=along, cell=cell.target, to=to.target, word="unknown", tokens=more)
    if pair is None:
        return base
    return msgspec.structs.replace(
        base, word=pair.word, difference=pair.difference, low=pair.low, high=pair.high, n=pair.n
    )


def _enough(cells: Sequence[SweepCell], pairs: Sequence[Pair]) -> list[Enough]:
    able = [cell for cell in cells if not cell.why]
    found: list[Enough] = []
    for context in dict.fromkeys(cell.context for cell in able):
        row = sorted((cell for cell in able if cell.context == context), key=_size)
        if len(row) < 2:
            continue
        for place, cell in enumerate(row):
            more = [_turned(other.target, cell.target, pairs) for other in row[place + 1 :]]
            if not any(pair is not None and pair.word == "better" for pair in more):
                highs = [pair.high for pair in more if pair is not None and pair.high is not None]
                most = max(highs) if highs and len(highs) == len(more) else None
                found.append(Enough(context=context, shots=cell.shots, tried=row[-1].shots, most=most))
                break
    return found
