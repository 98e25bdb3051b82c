"""Metrics of calls of tools: which, in what order, with what arguments, and whether the tool could take them.

What an agent did are its `steps`, in order; of a sample without steps, the calls that its answer asks for. A call whose
arguments are no JSON equals no other.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Literal, cast

import msgspec

from genaiops.checks.metrics._metric import Making, OfEach, read_options
from genaiops.checks.structured import Schema
from genaiops.core.errors import UsageError
from genaiops.domain import Measure, MetricCard, Need, Sample, ToolCall
from genaiops.ports.metrics import Metric

_TASKS = ("agent",)
Order = Literal["exact", "in_order", "any_order"]


class _Names(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    more: bool = False


class _Arguments(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    arguments: Literal["equal", "contain"] = "equal"
    ignore: tuple[str, ...] = ()


class _By(_Arguments, frozen=True, kw_only=True, forbid_unknown_fields=True):
    by: Literal["name", "call"] = "name"
    tools: tuple[str, ...] = ()


class _Sequence(_Arguments, frozen=True, kw_only=True, forbid_unknown_fields=True):
    order: Order = "in_order"
    by: Literal["name", "call"] = "name"


class _Used(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    tools: tuple[str, ...] = ()


class _Steps(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    tool: str = ""


class _Schemas(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    tools: dict[str, dict[str, Any]] = {}
    none: Literal["fail", "pass"] = "fail"


_ARGUMENTS: Final = {
    "arguments": "equal, or contain: the call may have more than are expected (equal)",
    "ignore": "names of arguments that are not compared (none)",
}
_BY: Final = {"by": "name, or call: name and arguments (name)"}


class _Facts(msgspec.Struct, frozen=True, kw_only=True):
    title: str
    source: str
    options: dict[str, str]
    threshold: float | None = 1.0
    needs: tuple[Need, ...] = ("expected_tools",)


def _making(name: str, kind: type[Any], facts: _Facts, of: Callable[[Sample, Any], Measure | float]) -> Making:
    def making(options: Mapping[str, Any]) -> Metric:
        chosen = read_options(kind, options, name)
        card = MetricCard(
            name=name,
            title=facts.title,
            version="1",
            threshold=facts.threshold,
            needs=("output",) if getattr(chosen, "tools", ()) else facts.needs,
            source=facts.source,
            options=facts.options,
            tasks=_TASKS,
        )
        return OfEach(card, lambda sample: of(sample, chosen))

    return making


def steps_of(sample: Sample) -> Sequence[ToolCall]:
    """What was called, in order."""
    return sample.steps or sample.tool_calls


def alike(call: ToolCall, expected: ToolCall, chosen: _Arguments) -> bool:
    """The same tool with the same arguments, as far as they are compared. 1 and 1.0 are equal, true and 1 are not."""
    if call.name != expected.name or call.arguments is None or expected.arguments is None:
        return False
    ignored = set(chosen.ignore)
    mine = {name: value for name, value in call.arguments.items() if name not in ignored}
    wanted = {name: value for name, value in expected.arguments.items() if name not in ignored}
    if chosen.arguments == "contain":
        mine = {name: value for name, value in mine.items() if name in wanted}
    return mine.keys() == wanted.keys() and all(_same(mine[name], value) for name, value in wanted.items())


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(one[name], other[name]) for name in other)  # type: ignore[index]
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))  # type: ignore[arg-type]
    return bool(one == other)


def matched(
    calls: Sequence[ToolCall], expected: Sequence[ToolCall], equal: Callable[[ToolCall, ToolCall], bool]
) -> int:
    """How many pairs can be made at most, each call and each expectation in one of them (Kuhn's augmenting paths)."""
    taken: dict[int, int] = {}

    def placed(call: int, tried: set[int]) -> bool:
        for place, wanted in enumerate(expected):
            if place not in tried and equal(calls[call], wanted):
                tried.add(place)
                if place not in taken or placed(taken[place], tried):
                    taken[place] = call
                    return True
        return False

    return sum(placed(call, set()) for call in range(len(calls)))


def _by(chosen: _By | _Sequence) -> Callable[[ToolCall, ToolCall], bool]:
    if chosen.by == "name":
        return lambda call, expected: call.name == expected.name
    return lambda call, expected: alike(call, expected, chosen)


def _names(sample: Sample, chosen: _Names) -> Measure | float:
    called = Counter(call.name for call in steps_of(sample))
    wanted = Counter(call.name for call in sample.expected_tools)
    missing, more = wanted - called, called - wanted
    if missing or (more and not chosen.more):
        told = [f"not called: {', '.join(sorted(missing))}"] if missing else []
        told += [f"beside: {', '.join(sorted(more))}"] if more else []
        return Measure(value=0.0, reason="; ".join(told))
    return 1.0


def _arguments(sample: Sample, chosen: _Arguments) -> Measure | float:
    hits = matched(steps_of(sample), sample.expected_tools, lambda call, wanted: alike(call, wanted, chosen))
    return Measure(value=hits / len(sample.expected_tools), reason=f"{hits} of {len(sample.expected_tools)} calls.")


def _f1(sample: Sample, chosen: _By) -> Measure:
    calls, expected = steps_of(sample), sample.expected_tools
    if chosen.tools:  # names alone, each once
        calls = [ToolCall(name=name) for name in dict.fromkeys(call.name for call in calls)]
        expected = tuple(ToolCall(name=name) for name in dict.fromkeys(chosen.tools))
    hits = matched(calls, expected, _by(chosen))
    parts = {"recall": hits / len(expected)} | ({"precision": hits / len(calls)} if calls else {})
    return Measure(value=2 * hits / (len(calls) + len(expected)), parts=parts)


def _used(sample: Sample, chosen: _Used) -> Measure | float:
    wanted = chosen.tools or tuple(call.name for call in sample.expected_tools)
    if not wanted:
        return Measure(error="The sample has no expected_tools, and the option tools names none.")
    called = {call.name for call in steps_of(sample)}
    missing = [name for name in dict.fromkeys(wanted) if name not in called]
    return Measure(value=0.0, reason=f"not used: {', '.join(missing)}") if missing else 1.0


def _sequence(sample: Sample, chosen: _Sequence) -> Measure | float:
    calls, expected, equal = steps_of(sample), sample.expected_tools, _by(chosen)
    if chosen.order == "any_order":
        return float(matched(calls, expected, equal) == len(expected))
    if chosen.order == "exact":
        return float(len(calls) == len(expected) and all(map(equal, calls, expected)))
    place = 0
    for call in calls:
        place += place < len(expected) and equal(call, expected[place])
    if place < len(expected):
        return Measure(value=0.0, reason=f"Step {place + 1} of {len(expected)} is missing: {expected[place].name}")
    return 1.0


def _step_count(options: Mapping[str, Any]) -> Metric:
    chosen = read_options(_Steps, options, "step_count")
    card = MetricCard(
        name="step_count",
        title="Steps",
        version="1",
        unit="steps",
        high=None,
        better="lower",
        needs=("output",),
        source="How many tools were called.",
        options={"tool": "count only this one (all)"},
        tasks=_TASKS,
    )
    return OfEach(card, lambda each: float(sum(chosen.tool in ("", call.name) for call in steps_of(each))))


def _valid(options: Mapping[str, Any]) -> Metric:
    chosen = read_options(_Schemas, options, "valid_tool_calls")
    schemas: dict[str, Schema] = {}
    for name, schema in chosen.tools.items():
        try:
            schemas[name] = Schema(schema)
        except UsageError as error:
            raise UsageError(
                f"The schema of the tool {name!r} of the metric 'valid_tool_calls' is not right: {error.message}",
                remedy=error.remedy,
                param=f"options.tools.{name}",
            ) from None

    def one(sample: Sample) -> Measure | float:
        calls, known = steps_of(sample), schemas or _offered(sample.tools)
        if not known:
            return Measure(
                error="No tool has a schema, and the target offers none: options = {tools = {NAME = {...}}}."
            )
        if not calls:
            return Measure(value=float(chosen.none == "pass"), reason="No tool was called.")
        for number, call in enumerate(calls, start=1):
            wrong = _wrong(call, known)
            if wrong:
                return Measure(value=0.0, reason=f"Call {number}, {call.name}: {wrong}")
        return 1.0

    card = MetricCard(
        name="valid_tool_calls",
        title="Calls that the tools can take",
        version="2",
        threshold=1.0,
        needs=("output",),
        source="1 when every call names a tool that there is, with arguments that its JSON Schema accepts.",
        options={
            "tools": "name of the tool -> JSON Schema of its arguments (those that the target offers)",
            "none": "what an answer without any call does: fail or pass (fail)",
        },
        tasks=_TASKS,
    )
    return OfEach(card, one, request=True)


def _offered(tools: Sequence[Mapping[str, Any]]) -> Mapping[str, Schema]:
    """Schemas of tools in OpenAI's form; one that is none takes everything."""
    found: dict[str, Schema] = {}
    for each in tools:
        function: Any = each.get("function")
        if not isinstance(function, Mapping):
            continue
        fields = cast("Mapping[str, Any]", function)
        schema: Any = fields.get("parameters")
        try:
            found[str(fields.get("name"))] = Schema(schema if isinstance(schema, dict | bool) else {})
        except UsageError:
            found[str(fields.get("name"))] = Schema({})
    return found


def _wrong(call: ToolCall, schemas: Mapping[str, Schema]) -> str:
    schema = schemas.get(call.name)
    if schema is None:
        return "there is no such tool"
    if call.arguments is None:
        return "its arguments are no JSON object"
    problems = schema.problems(call.arguments)
    return f"{problems[0].path or 'arguments'}: {problems[0].message}" if problems else ""


MAKING: Final[Mapping[str, Making]] = {
    "step_count": _step_count,
    "tool_arguments": _making(
        "tool_arguments",
        _Arguments,
        _Facts(
            title="Right calls with right arguments",
            source="The share of the expected calls that were made, each with its arguments, in any order.",
            options=_ARGUMENTS,
        ),
        _arguments,
    ),
    "tool_call_f1": _making(
        "tool_call_f1",
        _By,
        _Facts(
            title="F1 of calls",
            source="2 pairs / (calls + expected calls), each call in one pair at most.",
            options={
                **_BY,
                **_ARGUMENTS,
                "tools": "names that are expected; then neither arguments nor how often count (the case's calls)",
            },
            threshold=None,
        ),
        _f1,
    ),
    "tool_names": _making(
        "tool_names",
        _Names,
        _Facts(
            title="The right tools",
            source="1 when the expected tools were called, each as often as expected, and no other.",
            options={"more": "whether others may be called beside (false)"},
        ),
        _names,
    ),
    "tool_sequence": _making(
        "tool_sequence",
        _Sequence,
        _Facts(
            title="Steps in their order",
            source="1 when the expected calls were made: in_order, others may stand between them; exact, these and no "
            "others; any_order, whatever the order.",
            options={"order": "in_order, exact or any_order (in_order)", **_BY, **_ARGUMENTS},
        ),
        _sequence,
    ),
    "tools_used": _making(
        "tools_used",
        _Used,
        _Facts(
            title="Tools were used",
            source="1 when each of the tools was called at least once.",
            options={"tools": "which (those expected of the case)"},
            needs=("output",),
        ),
        _used,
    ),
    "valid_tool_calls": _valid,
}
