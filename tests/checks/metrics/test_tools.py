"""Calls of tools, and what answers took."""

import itertools
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genaiops.checks.metrics import metric
from genaiops.checks.metrics.tools import matched
from genaiops.core.errors import UsageError
from genaiops.domain import Measure, Sample, ToolCall


def call(name: str, **arguments: Any) -> ToolCall:
    return ToolCall(name=name, arguments=arguments)


def of(name: str, sample: Sample, **options: Any) -> Measure:
    return metric(name, options).measure([sample])[0]


def did(*steps: ToolCall, expected: tuple[ToolCall, ...] = ()) -> Sample:
    return Sample(tool_calls=steps, expected_tools=expected)


SEARCH, OPEN, BUY = call("search", q="shoes", n=3), call("open", id=1), call("buy", id=1)
UNREAD = ToolCall(name="search", arguments=None, text="{q: ")


@pytest.mark.parametrize(
    ("name", "options", "steps", "expected", "value"),
    [
        ("tool_names", {}, (OPEN, SEARCH), (SEARCH, OPEN), 1),
        ("tool_names", {}, (SEARCH, SEARCH), (SEARCH,), 0),
        ("tool_names", {"more": True}, (SEARCH, OPEN), (SEARCH,), 1),
        ("tool_names", {"more": True}, (SEARCH,), (SEARCH, SEARCH), 0),
        ("tool_names", {}, (), (SEARCH,), 0),
        ("tool_arguments", {}, (SEARCH, OPEN), (SEARCH, BUY), 0.5),
        ("tool_arguments", {}, (call("search", q="shoes", n=3.0),), (SEARCH,), 1),
        ("tool_arguments", {}, (call("search", q="shoes", n=3, page=1),), (SEARCH,), 0),
        ("tool_arguments", {"arguments": "contain"}, (call("search", q="shoes", n=3, page=1),), (SEARCH,), 1),
        ("tool_arguments", {"ignore": ["n"]}, (call("search", q="shoes"),), (SEARCH,), 1),
        ("tool_arguments", {}, (call("a", on=1),), (call("a", on=True),), 0),
        ("tool_arguments", {}, (call("a", x={"y": [1, True]}),), (call("a", x={"y": [1, 1]}),), 0),
        ("tool_arguments", {}, (UNREAD,), (UNREAD,), 0),
        ("tool_call_f1", {}, (SEARCH, OPEN), (SEARCH,), 2 / 3),
        ("tool_call_f1", {"by": "call"}, (call("search", q="hats"), OPEN), (SEARCH, OPEN), 0.5),
        ("tool_call_f1", {}, (), (SEARCH,), 0),
        ("tools_used", {}, (SEARCH, OPEN, OPEN), (OPEN,), 1),
        ("tools_used", {"tools": ["buy"]}, (SEARCH,), (), 0),
        ("tool_sequence", {}, (SEARCH, OPEN, BUY), (SEARCH, BUY), 1),
        ("tool_sequence", {}, (BUY, SEARCH), (SEARCH, BUY), 0),
        ("tool_sequence", {"order": "exact"}, (SEARCH, OPEN, BUY), (SEARCH, BUY), 0),
        ("tool_sequence", {"order": "exact"}, (SEARCH, BUY), (SEARCH, BUY), 1),
        ("tool_sequence", {"order": "any_order"}, (BUY, OPEN, SEARCH), (SEARCH, BUY), 1),
        ("tool_sequence", {"by": "call"}, (call("search", q="hats"), BUY), (SEARCH, BUY), 0),
        ("step_count", {}, (SEARCH, OPEN, BUY), (), 3),
        ("step_count", {"tool": "buy"}, (SEARCH, OPEN, BUY), (), 1),
    ],
)
def test_calls(name: str, options: dict[str, Any], steps: Any, expected: Any, value: float) -> None:
    assert of(name, did(*steps, expected=expected), **options).value == pytest.approx(value)
    as_steps = Sample(steps=steps, tool_calls=(), expected_tools=expected)
    assert of(name, as_steps, **options).value == pytest.approx(value)


def test_reasons_name_the_tools() -> None:
    assert of("tool_names", did(OPEN, expected=(SEARCH,))).reason == "not called: search; beside: open"
    assert of("tool_sequence", did(SEARCH, expected=(SEARCH, BUY))).reason == "Step 2 of 2 is missing: buy"
    assert "option tools names none" in of("tools_used", did(SEARCH)).error


@settings(deadline=None)
@given(st.lists(st.sets(st.integers(0, 3)), max_size=4))
def test_pairs_are_as_many_as_there_can_be(fits: list[set[int]]) -> None:
    """Against all orders: whichever call is looked at first."""
    calls, expected = [call(str(place)) for place in range(len(fits))], [call(str(place)) for place in range(4)]
    number = matched(calls, expected, lambda one, other: int(other.name) in fits[int(one.name)])
    orders = itertools.permutations(range(4), len(fits))
    assert number == max(sum(each in fits[place] for place, each in enumerate(order)) for order in orders)


TOOLS = {"search": {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["q"]}}


@pytest.mark.parametrize(
    ("steps", "value", "why"),
    [
        ((SEARCH,), 1, ""),
        ((SEARCH, call("search", q="x", n="many")), 0, "Call 2, search: /n: 'many' is not of type 'integer'"),
        ((call("search"),), 0, "Call 1, search: arguments: 'q' is a required property"),
        ((BUY,), 0, "Call 1, buy: there is no such tool"),
        ((UNREAD,), 0, "Call 1, search: its arguments are no JSON object"),
        ((), 0, "No tool was called."),
    ],
)
def test_calls_that_the_tools_can_take(steps: Any, value: float, why: str) -> None:
    said = of("valid_tool_calls", did(*steps), tools=TOOLS)
    assert (said.value, said.reason) == (value, why)


def test_schemas_that_are_none() -> None:
    assert of("valid_tool_calls", did(), tools=TOOLS, none="pass").value == 1
    assert "No tool has a schema" in of("valid_tool_calls", did(SEARCH)).error
    with pytest.raises(UsageError, match="schema of the tool 'search'") as caught:
        metric("valid_tool_calls", {"tools": {"search": {"type": "objekt"}}})
    assert caught.value.param == "options.tools.search"


TOOK = Sample(
    seconds=1.5, cost_nano=2_500_000, energy_nwh=300, input_tokens=10, output_tokens=5, finish_reason="length"
)


@pytest.mark.parametrize(
    ("name", "options", "value"),
    [
        ("latency", {}, 1.5),
        ("cost", {}, 0.0025),
        ("energy", {}, 3e-7),
        ("tokens", {}, 15),
        ("tokens", {"of": "output"}, 5),
        ("finish_reason", {}, 0),
        ("finish_reason", {"allowed": ["stop", "length"]}, 1),
    ],
)
def test_what_it_took(name: str, options: dict[str, Any], value: float) -> None:
    assert of(name, TOOK, **options).value == pytest.approx(value)


def test_free_is_not_unknown() -> None:
    assert of("cost", Sample(cost_nano=0)).value == 0.0
    assert of("cost", Sample()) == Measure(error="The sample has no cost: it is not known.")
    assert of("tokens", Sample(input_tokens=0)).value is None
