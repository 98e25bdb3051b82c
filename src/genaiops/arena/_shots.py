"""Examples for the prompts of cases: drawn from a pool, and never the case itself."""

import random
from collections.abc import Callable, Iterator, Sequence
from typing import Final

import msgspec

from genaiops.core.errors import UsageError
from genaiops.domain import Case, CaseSource, Shot, Suite, SuiteShots

Near = Callable[[Sequence[str]], Sequence[Sequence[float]]]
"""Unit vectors of texts, which are alike where their product is large."""
MOST_POOL: Final = 20_000
MOST_NEAR: Final = 5_000
"""Texts that an encoder on this machine is asked for: some minutes of one core."""


class Example(Shot, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A shot with what tells whether it is a case. `asked`: what is asked, whatever its case and its blanks."""

    asked: str
    cluster: str = ""

    @property
    def shot(self) -> Shot:
        return Shot(input=self.input, output=self.output)


def pool_source(shots: SuiteShots) -> CaseSource:
    """Where the pool is read from, as cases are."""
    return CaseSource(file=shots.file, dataset=shots.dataset, fields=shots.fields)


def wanted_shots(suite: Suite) -> int:
    """The most that a target takes. Where one takes all that a case has, that is unknown, and UsageError says so."""
    if suite.shots is None:
        return 0
    free = [target.name for target in suite.target if target.shots is None and not target.recorded]
    if free:
        raise UsageError(
            f"The suite draws examples, and {free[0]} does not say how many it takes.",
            remedy="Write shots = 0 or more for each target.",
            param="target.shots",
        )
    return max((target.shots or 0 for target in suite.target), default=0)


def with_shots(suite: Suite, cases: Sequence[Case], pool: Sequence[Case], near: Near | None) -> tuple[Case, ...]:
    """The cases with as many examples as the greediest target takes. UsageError where a case is among the examples and
    that is not allowed for, and where too few are left."""
    assert suite.shots is not None
    count = wanted_shots(suite)
    examples = list(_examples(pool))
    if suite.shots.own == "refused":
        _refuse_own(cases, examples)
    if not count:
        return tuple(cases)
    rank = _ranks(suite, cases, examples, near)
    made: list[Case] = []
    for number, case in enumerate(cases):
        own, cluster = plain_text(question(case)), case.cluster
        fit = (each for each in rank(number) if each.asked != own and (not cluster or each.cluster != cluster))
        chosen = [each.shot for each, _ in zip(fit, range(count), strict=False)]
        if len(chosen) < count:
            raise UsageError(
                f"There are {len(chosen)} examples for the case {case.id}, and {count} are wanted.",
                remedy="Give more examples, or ask for fewer.",
                param="shots",
            )
        made.append(msgspec.structs.replace(case, shots=tuple(chosen)))
    return tuple(made)


def check_taken(suite: Suite, cases: Sequence[Case]) -> None:
    """UsageError for a target that would be asked with fewer examples than it says."""
    for target in suite.target:
        if not target.shots:
            continue
        few = next((case for case in cases if len(case.shots) < target.shots), None)
        if few is not None:
            raise UsageError(
                f"{target.name} takes {target.shots} examples, and the case {few.id} has {len(few.shots)}.",
                remedy="Write where they come from: [shots] file = ..., or shots in each case.",
                param="shots",
            )
        bare = next((case for case in cases if not case.input and not case.messages), None)
        if bare is not None:
            raise UsageError(
                f"The case {bare.id} asks by its variables alone: examples have no place before its question.",
                remedy="Give the cases an input, or put the examples into the prompt.",
                param="shots",
            )


def question(case: Case) -> str:
    """What a case asks, as one text."""
    if case.input or not case.messages:
        return case.input
    texts = [each.get("content") for each in case.messages if each.get("role") == "user"]
    return texts[-1] if texts and isinstance(texts[-1], str) else ""


def plain_text(text: str) -> str:
    return " ".join(text.casefold().split())


def _examples(pool: Sequence[Case]) -> Iterator[Example]:
    if len(pool) > MOST_POOL:
        raise UsageError(
            f"There are {len(pool):,} examples; at most {MOST_POOL:,} are looked at.",
            remedy="Give fewer: a few hundred good ones are enough.",
            param="shots",
        )
    for case in pool:
        asked, output = question(case), _right(case)
        if not asked or not output:
            raise UsageError(
                f"The example {case.id or asked[:40]!r} has no {'output' if asked else 'input'}.",
                remedy="An example is a row with an input and what is right: expected, label, number or output.",
                param="shots",
            )
        yield Example(input=asked, output=output, asked=plain_text(asked), cluster=case.cluster)


def _right(case: Case) -> str:
    expected = case.expected if isinstance(case.expected, str) else next(iter(case.expected), "")
    return expected or case.label or (f"{case.number:g}" if case.number is not None else "") or case.output or ""


def _refuse_own(cases: Sequence[Case], examples: Sequence[Example]) -> None:
    asked = {each.asked for each in examples}
    clusters = {each.cluster for each in examples if each.cluster}
    own = [case for case in cases if plain_text(question(case)) in asked or case.cluster in clusters]
    if own:
        raise UsageError(
            f"{len(own)} of {len(cases)} cases are among the examples, or of a cluster of theirs: the first is "
            f"{own[0].id} ({question(own[0])[:60]!r}). A model that is shown the answer answers well.",
            remedy='Take them out of the examples, or write own = "left_out": no case is then among its own.',
            param="shots",
            code="case_among_examples",
        )


def _ranks(
    suite: Suite, cases: Sequence[Case], examples: list[Example], near: Near | None
) -> Callable[[int], Sequence[Example]]:
    """Place of a case -> the examples, the best first."""
    assert suite.shots is not None
    if suite.shots.pick == "similar":
        return _by_likeness(cases, examples, near)
    if suite.shots.pick == "random":
        examples = random.Random(suite.run.seed).sample(examples, len(examples))
    return lambda _: examples


def _by_likeness(
    cases: Sequence[Case], examples: Sequence[Example], near: Near | None
) -> Callable[[int], Sequence[Example]]:
    """By the cosine of the inputs' vectors; alike ones stay in their order."""
    texts = [*(question(case) for case in cases), *(each.input for each in examples)]
    if near is None:
        raise UsageError("Nothing here tells which examples are similar.", remedy="Take first or random.", param="pick")
    if len(texts) > MOST_NEAR:
        raise UsageError(
            f"{len(texts):,} texts would be compared; at most {MOST_NEAR:,} are.",
            remedy='Draw fewer cases or examples, or take pick = "random".',
            param="pick",
        )
    vectors = near(texts)
    pool = vectors[len(cases) :]

    def ranked(number: int) -> Sequence[Example]:
        mine = vectors[number]
        alike = [sum(a * b for a, b in zip(mine, other, strict=True)) for other in pool]
        order = sorted(range(len(pool)), key=lambda place: (-alike[place], place))
        return [examples[place] for place in order]

    return ranked


def known_fields(shots: SuiteShots) -> Sequence[str]:
    """Fields of a case that it maps and that there are not."""
    return sorted(shots.fields.keys() - set(Case.__struct_fields__))
