"""Detectors that judge texts as a whole, not place by place."""

from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

from genaiops.core.errors import UsageError
from genaiops.domain import GuardRule
from genaiops.guard._notes import Notes
from genaiops.guard.surfaces import Part


class Hit(NamedTuple):
    """What was found: kind -> how often; with a score, or with why it could not be said."""

    kinds: dict[str, int]
    score: float | None = None
    error: str | None = None
    place: str = ""


Whole = Callable[[Sequence[Part]], Hit | None]


def whole_of(rule: GuardRule) -> Whole:
    """UsageError for options that the detector does not have, or an action that it cannot take."""
    make = _MAKERS.get(rule.detector)
    if make is None:
        raise UsageError(f"The rule {rule.id!r}: the detector {rule.detector!r} is not built yet.", param="rules")
    if rule.action == "redact":
        raise UsageError(
            f"The rule {rule.id!r} cannot redact: {rule.detector!r} judges a text as a whole.",
            remedy="Let it flag, replace, hold or block.",
            param=f"rules.{rule.id}.action",
        )
    return make(rule)


def option(rule: GuardRule, name: str, kind: type, default: Any = None) -> Any:
    """UsageError when it is of another kind; without a default also when it is not there."""
    value = rule.options.get(name, default)
    if not isinstance(value, kind) or isinstance(value, bool) is not (kind is bool):
        raise UsageError(
            f"The rule {rule.id!r} needs the option {name!r}.",
            remedy=f"Write `options = {{ {name} = ... }}`.",
            param=f"rules.{rule.id}.options.{name}",
        )
    return value


def _size(rule: GuardRule) -> Whole:
    most = option(rule, "characters", int)

    def judge(parts: Sequence[Part]) -> Hit | None:
        size = sum(len(part.text) for part in parts)
        return Hit({"size": 1}, float(size)) if size > most else None

    return judge


_MAKERS: Final[dict[str, Callable[[GuardRule], Whole]]] = {"size": _size}


def judge_whole(notes: Notes, number: int, whole: Whole, parts: Sequence[Part]) -> None:
    """One detector's judgement, noted. A detector that fails follows the failure mode of its rule."""
    try:
        hit = whole(parts)
    except Exception as error:  # noqa: BLE001 - whatever it is, the rule says what follows
        notes.fail(number, type(error).__name__)
        return
    if hit is None:
        return
    place = hit.place or (parts[0].place if parts else "")
    for kind, count in hit.kinds.items():
        notes.add(number, kind, count, place=place, score=hit.score)
    if hit.error is not None:
        notes.fail(number, hit.error)
