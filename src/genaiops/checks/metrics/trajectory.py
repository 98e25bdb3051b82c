"""Metrics of what an agent did, by names with wildcards: `tool_path`, and `skill_used`."""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Final, Literal, cast

import msgspec

from genaiops.checks.metrics._metric import Making, OfEach, read_options
from genaiops.checks.metrics.tools import steps_of
from genaiops.core.errors import UsageError
from genaiops.domain import Measure, MetricCard, Sample, ToolCall
from genaiops.ports.metrics import Metric

_TASKS: Final = ("agent",)
_SKILL_ARGUMENTS: Final = ("skill", "command", "name")


class _Path(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    asks: Literal["all", "none", "count", "sequence", "arguments"] = "all"
    names: tuple[str, ...] = ("*",)
    least: int | None = None
    most: int | None = None
    exact: bool = False
    arguments: Any = None
    defaults: dict[str, Any] = {}
    ignore: tuple[str, ...] = ()


class _Skill(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    asks: Literal["all", "none", "count"] = "all"
    names: tuple[str, ...] = ("*",)
    least: int | None = None
    most: int | None = None
    tool: str = "Skill"


@lru_cache(maxsize=1024)
def _pattern(wildcards: str) -> re.Pattern[str]:
    written = "".join(".*" if each == "*" else "." if each == "?" else re.escape(each) for each in wildcards)
    return re.compile(written, re.IGNORECASE | re.DOTALL)


def named(name: str, wildcards: str) -> bool:
    """`*` stands for any characters, `?` for one; large and small letters are the same."""
    return _pattern(wildcards).fullmatch(name) is not None


def _told(called: Sequence[str]) -> str:
    return f"Called: {', '.join(called) or 'nothing'}."


def _by_names(called: Sequence[str], chosen: _Path | _Skill) -> Measure:
    """Of `all`, `none` and `count`."""
    if chosen.asks == "count":
        number = sum(any(named(each, wanted) for wanted in chosen.names) for each in called)
        within = (chosen.least or 0) <= number and (chosen.most is None or number <= chosen.most)
        return Measure(value=float(within), reason=f"{number} of them. {_told(called)}", parts={"count": float(number)})
    found = [wanted for wanted in chosen.names if any(named(each, wanted) for each in called)]
    good = not found if chosen.asks == "none" else len(found) == len(chosen.names)
    return Measure(value=float(good), reason=_told(called))


def _in_sequence(called: Sequence[str], chosen: _Path) -> Measure:
    if chosen.exact:
        good = len(called) == len(chosen.names) and all(map(named, called, chosen.names))
        return Measure(value=float(good), reason=_told(called))
    place = 0
    for each in called:
        place += place < len(chosen.names) and named(each, chosen.names[place])
    missing = "" if place == len(chosen.names) else f"Step {place + 1}, {chosen.names[place]}, is missing. "
    return Measure(value=float(not missing), reason=f"{missing}{_told(called)}")


def _with_arguments(calls: Sequence[ToolCall], chosen: _Path) -> Measure:
    tried = [call for call in calls if any(named(call.name, wanted) for wanted in chosen.names)]
    good = any(_fits(call.arguments, chosen) for call in tried if call.arguments is not None)
    seen = "; ".join(msgspec.json.encode(call.arguments).decode() for call in tried) or "nothing"
    return Measure(value=float(good), reason=f"Arguments: {seen[:500]}.")


def _fits(arguments: Mapping[str, Any], chosen: _Path) -> bool:
    kept = {name: each for name, each in arguments.items() if not any(named(name, every) for every in chosen.ignore)}
    kept = {
        name: each
        for name, each in kept.items()
        if not (name in chosen.defaults and _same(each, chosen.defaults[name], exact=True))
    }
    wanted = chosen.arguments
    if isinstance(wanted, dict):
        fields = cast("dict[str, Any]", wanted)
        wanted = {name: each for name, each in fields.items() if not any(named(name, one) for one in chosen.ignore)}
    return _same(kept, wanted, exact=chosen.exact)


def _same(one: Any, wanted: Any, *, exact: bool) -> bool:
    """`exact` False: objects may have more names, at any depth; lists may not be longer."""
    if isinstance(one, bool) or isinstance(wanted, bool):
        return one is wanted
    if isinstance(wanted, dict):
        mine, fields = cast("dict[str, Any]", one), cast("dict[str, Any]", wanted)
        if not isinstance(one, dict) or (exact and mine.keys() != fields.keys()):
            return False
        return all(name in mine and _same(mine[name], each, exact=exact) for name, each in fields.items())
    if isinstance(wanted, list):
        listed, every = cast("list[Any]", one), cast("list[Any]", wanted)
        same_length = isinstance(one, list) and len(listed) == len(every)
        return same_length and all(_same(mine, each, exact=exact) for mine, each in zip(listed, every, strict=True))
    return bool(one == wanted)


_NAMES: Final = "names, * and ? are wildcards (*)"
_COUNTS: Final = {"least": "of count: at least so many", "most": "of count: at most so many"}


def _tool_path(options: Mapping[str, Any]) -> Metric:
    chosen = read_options(_Path, options, "tool_path")
    _check(chosen, "tool_path")

    def one(sample: Sample) -> Measure:
        calls = steps_of(sample)
        called = [call.name for call in calls]
        if chosen.asks == "arguments":
            return _with_arguments(calls, chosen)
        return _in_sequence(called, chosen) if chosen.asks == "sequence" else _by_names(called, chosen)

    card = MetricCard(
        name="tool_path",
        title="The tools that were called",
        version="1",
        threshold=1.0,
        needs=("output",),
        source="1 when each of the names was called (all), none of them was (none), calls of them are so many (count), "
        "they were called in that order (sequence), or a call of one had these arguments (arguments).",
        options={
            "asks": "all, none, count, sequence or arguments (all)",
            "names": _NAMES,
            **_COUNTS,
            "exact": "of sequence: no others are between; of arguments: no others are there (false)",
            "arguments": "of arguments: those that are expected",
            "defaults": "of arguments: name -> value that is the same as not being there",
            "ignore": "of arguments: names that are not compared, with wildcards",
        },
        tasks=_TASKS,
    )
    return OfEach(card, one)


def _skill_used(options: Mapping[str, Any]) -> Metric:
    chosen = read_options(_Skill, options, "skill_used")
    _check(chosen, "skill_used")

    def one(sample: Sample) -> Measure:
        calls = [call.arguments or {} for call in steps_of(sample) if call.name == chosen.tool]
        names = [
            next((each[name] for name in _SKILL_ARGUMENTS if isinstance(each.get(name), str)), "") for each in calls
        ]
        return _by_names([each for each in names if each], chosen)

    card = MetricCard(
        name="skill_used",
        title="The skills that were used",
        version="1",
        threshold=1.0,
        needs=("output",),
        source="Like tool_path, of the skills that an agent loads by calling one tool with the skill's name.",
        options={
            "asks": "all, none or count (all)",
            "names": _NAMES,
            **_COUNTS,
            "tool": "the tool that loads a skill, whose argument skill, command or name says which (Skill)",
        },
        tasks=_TASKS,
    )
    return OfEach(card, one)


def _check(chosen: _Path | _Skill, name: str) -> None:
    wrong = ""
    if not chosen.names:
        wrong = "No name is given."
    elif (chosen.least or 0) < 0 or (chosen.most is not None and chosen.most < (chosen.least or 0)):
        wrong = f"Nothing is called {chosen.least or 0} to {chosen.most} times."
    if wrong:
        raise UsageError(
            f"The options of the metric {name!r} are not right: {wrong}",
            remedy=f"See what it takes: genaiops suite metrics {name}",
            param="options",
        )


MAKING: Final[Mapping[str, Making]] = {"skill_used": _skill_used, "tool_path": _tool_path}
