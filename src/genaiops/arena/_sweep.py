"""A sweep: one target of a suite asked with several numbers of examples and several sizes of context."""

from collections.abc import Iterator, Sequence
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from genaiops.core.errors import UsageError
from genaiops.domain import Suite, SuiteShots, SuiteTarget

MOST_CELLS: Final = 50
"""As many as a suite may have targets."""
ContextBy = Literal["passages", "tokens"]
_Number = Annotated[int, Meta(ge=0, le=10_000_000)]


class SweepAsked(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`shots`: numbers of examples; `context`: how much of each case's context, in `context_by` (passages, or tokens
    as estimated; none: all of it). `target`: whom to ask ("": the suite's only one). `examples`, `pick` and `own`: in
    place of what the suite says under `shots`; `dataset` likewise."""

    shots: Annotated[tuple[_Number, ...], Meta(max_length=MOST_CELLS)] = (0,)
    context: Annotated[tuple[_Number, ...], Meta(max_length=MOST_CELLS)] = ()
    context_by: ContextBy = "passages"
    target: str = ""
    file: str = ""
    dataset: str = ""
    pick: Literal["first", "random", "similar"] | None = None
    own: Literal["refused", "left_out"] | None = None


def sweep_suite(suite: Suite, asked: SweepAsked) -> Suite:
    """The suite with a target for each cell, and no conditions on their comparison: a sweep describes. UsageError for
    what cannot be swept."""
    shots, context = sorted(set(asked.shots)), sorted(set(asked.context))
    target = _target(suite, asked.target)
    _refuse(asked, shots, context)
    cells = tuple(_cells(target, shots, context, asked.context_by))
    drawn = _drawn(suite.shots, asked)
    if max(shots) and drawn is None:
        raise UsageError(
            "There is nothing that examples could be drawn from.",
            remedy="Name a file or a dataset: --examples FILE, or write [shots] into the suite.",
            param="examples",
        )
    checks = tuple(
        msgspec.structs.replace(check, floor=None, margin=None, tolerance=None, pass_at=None, improves=False)
        for check in suite.check
    )
    return msgspec.structs.replace(
        suite,
        target=cells,
        check=checks,
        gate=msgspec.structs.replace(suite.gate, baseline=""),
        shots=drawn,
        protects=(),
        watch=None,
    )


def is_sweep(suite: Suite) -> bool:
    """Whether its targets are cells of one: two at least, which say how much they take."""
    return len(suite.target) > 1 and all(cell_of(target) is not None for target in suite.target)


def cell_of(target: SuiteTarget) -> tuple[int, int | None, ContextBy] | None:
    """(examples, how much context: None is all, in what). None: it is no cell."""
    if target.shots is None:
        return None
    if target.context_tokens is not None:
        return target.shots, target.context_tokens, "tokens"
    return target.shots, target.passages, "passages"


def _target(suite: Suite, name: str) -> SuiteTarget:
    found = [each for each in suite.target if not name or each.name == name]
    if len(found) != 1:
        names = ", ".join(each.name for each in suite.target) or "none"
        message = f"The suite has no target {name[:80]!r}." if name else "The suite has not one target."
        raise UsageError(message, remedy=f"Name one: --target NAME. There are: {names}.", param="target")
    if found[0].recorded:
        raise UsageError(
            f"{found[0].name} is recorded: what it was asked stands fixed.",
            remedy="Sweep a target that is asked: a model, a prompt, an application, a url, a function.",
            param="target",
        )
    return found[0]


def _refuse(asked: SweepAsked, shots: Sequence[int], context: Sequence[int]) -> None:
    if asked.file and asked.dataset:
        raise UsageError("Examples come from a file or from a dataset.", remedy="Name one of them.", param="examples")
    if not shots:
        raise UsageError("No number of examples is named.", remedy="Name some: --shots 0,1,2,4", param="shots")
    cells = len(shots) * max(1, len(context))
    if cells < 2:
        raise UsageError("One cell is no sweep.", remedy="Name several: --shots 0,1,2,4 --context 0,2,4", param="shots")
    if cells > MOST_CELLS:
        raise UsageError(f"{cells} cells are more than {MOST_CELLS}.", remedy="Name fewer numbers.", param="shots")
    if shots[-1] > 200:
        raise UsageError(f"{shots[-1]} examples are more than 200.", remedy="Name fewer.", param="shots")
    if asked.context_by == "passages" and context and context[-1] > 1000:
        raise UsageError(f"{context[-1]} passages are more than 1000.", remedy="Name fewer.", param="context")


def _cells(target: SuiteTarget, shots: Sequence[int], context: Sequence[int], by: ContextBy) -> Iterator[SuiteTarget]:
    field = "passages" if by == "passages" else "context_tokens"
    for size in context or (None,):
        for number in shots:
            name = f"{number}-shots" + ("" if size is None else f"/{size}-{by}")
            cell = msgspec.structs.replace(target, name=name, shots=number, passages=None, context_tokens=None)
            yield cell if size is None else msgspec.structs.replace(cell, **{field: size})


def _drawn(written: SuiteShots | None, asked: SweepAsked) -> SuiteShots | None:
    base = written
    if asked.file or asked.dataset:
        base = msgspec.structs.replace(written or SuiteShots(), file=asked.file, dataset=asked.dataset)
    if base is None:
        return None
    return msgspec.structs.replace(base, pick=asked.pick or base.pick, own=asked.own or base.own)
