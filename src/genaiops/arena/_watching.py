"""A golden set that is asked again: whether what answers now is what answered before."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from math import ceil
from typing import Final

import msgspec

from genaiops.arena._beginning import TARGET
from genaiops.checks.statistics.swapped import Swapped, swapped
from genaiops.domain import Answer, Run, SuiteWatch

WATCH: Final = "watch"
"""The fact of a run that was begun by its suite's `watch`."""
REFERENCE: Final = 5
"""Runs from the beginning that later ones are compared with: a reference that moved along would learn a slow change."""
LEAST: Final = 2
LOOKS: Final = 100
_SECONDS: Final = {"m": 60, "h": 3_600, "d": 86_400}
_MOST_DRAWS: Final = 999_999


class Watched(msgspec.Struct, frozen=True, kw_only=True):
    """What a run says of a target. `alarm`: `test.p` is at most `alpha`. `learning`: there are too few runs before, or
    no answers could have reached `alpha`. `told`: the model or the fingerprint that answers name is another one
    (before -> now)."""

    target: str
    test: Swapped
    alpha: float
    reference: tuple[str, ...]
    alarm: bool
    learning: bool
    told: tuple[str, ...] = ()


def seconds(watch: SuiteWatch) -> int:
    return int(watch.every[:-1]) * _SECONDS[watch.every[-1]]


def references(run: Run, earlier: Iterable[Run], target: str, *, since_us: int = 0) -> list[Run]:
    """Those of `earlier` (any order) that a run is compared with: the first ones since then of the same suite whose
    target was pinned to the same. What was changed on purpose is no swap."""
    pins = {TARGET + target, f"deployment/{target}"}
    mine = {name: run.inputs.get(name) for name in pins}
    alike = [
        each
        for each in earlier
        if each.id != run.id
        and since_us <= each.created_us < run.created_us
        and each.inputs.get("of", each.subject) == run.inputs.get("of", run.subject)
        and all(each.inputs.get(name) == pin for name, pin in mine.items())
    ]
    return sorted(alike, key=lambda each: each.created_us)[:REFERENCE]


def watched(
    target: str, now: Sequence[Answer], before: Mapping[str, Sequence[Answer]], *, alarms: float, targets: int = 1
) -> Watched:
    """`before`: run -> its answers. The level of a look is `alarms` over a hundred looks and all targets
    (Bonferroni)."""
    alpha = alarms / (LOOKS * targets)
    old, new = _by_case(target, (one for said in before.values() for one in said)), _by_case(target, now)
    pairs = [(old[case], new[case]) for case in old if case in new]
    test = swapped(pairs, draws=min(_MOST_DRAWS, max(99_999, ceil(10 / alpha))))
    learning = len(before) < LEAST or test.least > alpha
    first = [one for said in before.values() for one in said if one.target == target]
    return Watched(
        target=target,
        test=test,
        alpha=alpha,
        reference=tuple(before),
        alarm=not learning and test.p <= alpha,
        learning=learning,
        told=tuple(_told(first, [one for one in now if one.target == target])),
    )


def _by_case(target: str, answers: Iterable[Answer]) -> Mapping[str, list[str]]:
    found: defaultdict[str, list[str]] = defaultdict(list)
    for one in answers:
        if one.target == target and one.state == "answered":
            calls = "".join(f"\n{call.name} {call.arguments}" for call in one.tool_calls)
            found[one.case].append(one.output + calls)
    return found


def _told(before: Sequence[Answer], now: Sequence[Answer]) -> Iterable[str]:
    for name in ("model", "fingerprint"):
        old = {value for one in before if (value := getattr(one, name))}
        new = {value for one in now if (value := getattr(one, name))}
        if old and new - old:
            yield f"{name}: {', '.join(sorted(old))} -> {', '.join(sorted(new - old))}"
