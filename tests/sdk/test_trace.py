"""Spans of functions, coroutines and generators, as a collector receives them."""

import asyncio
import contextvars
import dataclasses
import functools
import inspect
import random
from collections.abc import AsyncIterator, Generator, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import genaiops
from genaiops.core.errors import UsageError
from tests.examples import examples
from tests.sdk.collector import Collector


def test_steps_nest_as_calls_do(collector: Collector) -> None:
    @genaiops.trace(kind="tool")
    def weather(city: str, *, days: int = 1) -> dict[str, Any]:
        return {"city": city, "sunny": True}

    with genaiops.trace("assistant", kind="agent", session="c-17", user="ada", attributes={"tier": 2}) as span:
        weather("Oslo")
        assert genaiops.current_span() is span
    assert genaiops.current_span() is None
    assert genaiops.flush()
    agent, tool = collector.named("invoke_agent assistant"), collector.spans[0]
    assert (tool.parent, tool.trace_id, agent.parent) == (agent.span_id, agent.trace_id, "")
    assert agent.trace_id == span.trace_id
    assert tool.name.startswith("execute_tool ")
    assert tool.name.endswith("weather")
    assert tool.attributes["gen_ai.tool.call.arguments"] == '{"city":"Oslo"}'
    assert tool.attributes["gen_ai.tool.call.result"] == '{"city":"Oslo","sunny":true}'
    assert agent.attributes["tier"] == 2
    assert {each.attributes["gen_ai.conversation.id"] for each in (agent, tool)} == {"c-17"}
    assert {each.attributes["user.id"] for each in (agent, tool)} == {"ada"}
    assert agent.resource["service.name"] == "shop"
    assert agent.schema == "https://opentelemetry.io/schemas/1.41.0"
    assert agent.nanoseconds >= tool.nanoseconds
    assert all(fields["authorization"] == "Bearer secret-key" for _, fields in collector.asked)


@pytest.mark.parametrize(
    ("kind", "operation", "named"),
    [
        ("agent", "invoke_agent", "gen_ai.agent.name"),
        ("tool", "execute_tool", "gen_ai.tool.name"),
        ("retrieval", "retrieval", "gen_ai.data_source.id"),
        ("workflow", "invoke_workflow", "gen_ai.workflow.name"),
    ],
)
def test_names_are_those_of_the_conventions(collector: Collector, kind: Any, operation: str, named: str) -> None:
    with genaiops.trace("it", kind=kind):
        pass
    assert genaiops.flush()
    span = collector.named(f"{operation} it")
    assert (span.attributes["gen_ai.operation.name"], span.attributes[named]) == (operation, "it")


def test_a_model_that_is_called_past_the_gateway(collector: Collector) -> None:
    @genaiops.trace("mini", kind="llm")
    def ask(messages: list[dict[str, Any]]) -> str:
        span = genaiops.current_span()
        assert span is not None
        span.model("mini", provider="openai", answered="mini-2026")
        span.usage(12, 3, cache_read=4)
        return "Four."

    ask([{"role": "user", "content": "2+2?"}])
    assert genaiops.flush()
    found = collector.named("chat mini").attributes
    assert found["gen_ai.input.messages"] == '[{"role":"user","parts":[{"type":"text","content":"2+2?"}]}]'
    assert found["gen_ai.output.messages"] == '[{"role":"assistant","parts":[{"type":"text","content":"Four."}]}]'
    assert (found["gen_ai.usage.input_tokens"], found["gen_ai.usage.output_tokens"]) == (12, 3)
    assert (found["gen_ai.usage.cache_read.input_tokens"], found["gen_ai.provider.name"]) == (4, "openai")


def test_an_exception_is_recorded_and_goes_on(collector: Collector) -> None:
    class Broken(Exception):
        pass

    @genaiops.trace("inner")
    def fail() -> None:
        raise Broken("no disk")

    with pytest.raises(Broken, match="no disk"), genaiops.trace("outer"):
        fail()
    assert genaiops.flush()
    for name in ("inner", "outer"):
        span = collector.named(name)
        assert (span.status, span.message) == (2, "no disk")
        ((event, told),) = span.events
        assert event == "exception"
        assert told["exception.type"].endswith("Broken")
        assert "in fail" in told["exception.stacktrace"]
    assert genaiops.current_span() is None


async def test_coroutines_and_asynchronous_generators(collector: Collector) -> None:
    @genaiops.trace("stream", kind="workflow")
    async def stream(words: list[str]) -> AsyncIterator[str]:
        for word in words:
            async with genaiops.trace(f"word {word}"):
                await asyncio.sleep(0)
            yield word

    @genaiops.trace("join")
    async def join() -> str:
        found: list[str] = []
        async for word in stream(["a", "b"]):
            with genaiops.trace(f"use {word}"):
                found.append(word)
        return "".join(found)

    assert await join() == "ab"
    assert genaiops.flush()
    outer, inner = collector.named("join"), collector.named("invoke_workflow stream")
    assert collector.children(outer) == ["use a", "use b", "invoke_workflow stream"]
    assert collector.children(inner) == ["word a", "word b"]
    assert (inner.attributes["output.value"], outer.attributes["output.value"]) == ("ab", "ab")


def test_a_generator_that_is_left_early_is_no_failure(collector: Collector) -> None:
    closed: list[bool] = []

    @genaiops.trace("numbers")
    def numbers() -> Generator[int, str, str]:
        try:
            sent = yield 1
            with genaiops.trace(f"got {sent}"):
                yield 2
                yield 3
            return "end"
        finally:
            closed.append(True)

    assert inspect.isgeneratorfunction(numbers)
    running = numbers()
    assert (next(running), running.send("x")) == (1, 2)
    with genaiops.trace("meanwhile"):
        running.close()
        assert closed == [True]
    broken = numbers()
    next(broken)
    with pytest.raises(ZeroDivisionError):
        broken.throw(ZeroDivisionError())
    assert genaiops.current_span() is None
    assert genaiops.flush()
    left, thrown = [span for span in collector.spans if span.name == "numbers"]
    assert (left.status, thrown.status) == (0, 2)
    assert left.attributes["output.value"] == "[1,2]"
    assert collector.named("got x").parent == left.span_id
    assert collector.named("meanwhile").parent == ""


def test_what_a_generator_returns_reaches_its_consumer(collector: Collector) -> None:
    @genaiops.trace
    def inner() -> Generator[int, None, str]:
        yield 1
        return "made"

    def outer() -> Iterator[Any]:
        result = yield from inner()
        yield result

    assert list(outer()) == [1, "made"]


def test_what_is_kept_is_bounded_and_redacted(collector: Collector) -> None:
    @dataclasses.dataclass
    class Order:
        card: str
        note: str

    class Hostile:
        def __repr__(self) -> str:
            raise RuntimeError("never")

    def redact(name: str, value: object) -> object:
        if name == "fails":
            raise ValueError
        return "***" if name == "card" else value

    genaiops.configure(redact=redact, limit=200)

    class Shop:
        @genaiops.trace("order")
        def order(self, *args: Any, **kwargs: Any) -> Any:
            return iter([1])

    loop: list[Any] = []
    loop.append(loop)
    odd: dict[Any, Any] = {"fails": "secret", "far": float("inf"), "odd": "\ud800", 3: {1, 2}}
    Shop().order(Hostile(), b"123", odd, Order("4111", "n" * 1000), loop, after="late")
    assert genaiops.flush()
    found = collector.named("order").attributes["input.value"]
    assert "4111" not in found
    assert "secret" not in found
    assert "more characters" in found
    assert "late" not in found
    assert len(found) < 1_000
    assert "Hostile" in found
    assert "self" not in found


def test_nothing_is_kept_where_capture_is_off(collector: Collector) -> None:
    @genaiops.trace("quiet", kind="tool", capture=False)
    def quiet(secret: str) -> str:
        raise ValueError(secret)

    with pytest.raises(ValueError, match="hush"):
        quiet("hush")
    assert genaiops.flush()
    span = collector.named("execute_tool quiet")
    assert "hush" not in str(span)
    assert span.attributes["error.type"] == "ValueError"


def test_a_trace_that_somebody_else_began(collector: Collector) -> None:
    trace_id, span_id = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
    with genaiops.trace("serve", parent={"Traceparent": f"00-{trace_id}-{span_id}-01"}):
        outgoing = genaiops.headers()["traceparent"]
    with genaiops.trace("not sampled", parent=f"00-{trace_id}-{span_id}-00"), genaiops.trace("nor inside"):
        assert genaiops.headers()["traceparent"].endswith("-00")
    with genaiops.trace("unreadable", parent="nonsense"):
        pass
    assert genaiops.flush()
    span = collector.named("serve")
    assert (span.trace_id, span.parent) == (trace_id, span_id)
    assert outgoing == f"00-{trace_id}-{span.span_id}-01"
    assert [each.name for each in collector.spans] == ["serve", "unreadable"]
    assert genaiops.headers() == {}


def test_a_kind_that_is_none() -> None:
    with pytest.raises(UsageError, match="'llms' is no kind"):
        genaiops.trace("x", kind="llms")  # type: ignore[call-overload]


def test_a_decorated_function_stays_what_it_was() -> None:
    @genaiops.trace(kind="tool")
    def add(a: int, b: int = 2) -> int:
        """Adds."""
        return a + b

    assert (add.__doc__, str(inspect.signature(add)), add(1)) == ("Adds.", "(a: int, b: int = 2) -> int", 3)
    with pytest.raises(TypeError, match="missing 1 required"):
        add()  # type: ignore[call-arg]


def test_steps_that_end_out_of_order(collector: Collector) -> None:
    def leaky(name: str) -> Generator[int]:
        with genaiops.trace(name):
            yield 1
        yield 2

    with genaiops.trace("root"):
        first, second = leaky("first"), leaky("second")
        next(first)
        next(second)
        next(first)
        next(second)
        with genaiops.trace("last"):
            pass
    abandoned = leaky("abandoned")
    contextvars.copy_context().run(next, abandoned)
    abandoned.close()
    assert genaiops.current_span() is None
    assert genaiops.flush()
    assert collector.named("last").parent == collector.named("root").span_id
    assert collector.named("abandoned").nanoseconds > 0


Tree = list[Any]
"""A step's steps, each a pair of how it is run and its own steps."""
WAYS = ("with", "call", "thread", "task", "generator", "async generator")
TREES = st.recursive(
    st.just([]), lambda inner: st.lists(st.tuples(st.sampled_from(WAYS), inner), max_size=4), max_leaves=12
)


async def grow(tree: Tree, path: str, order: random.Random) -> None:
    """Run every step of the tree, siblings at the same time, each named by its place in it."""

    async def step(number: int, way: str, inner: Tree) -> None:
        name = f"{path}.{number}"
        await asyncio.sleep(0)
        if way == "with":
            async with genaiops.trace(name):
                await grow(inner, name, order)
        elif way == "call":
            await genaiops.trace(name)(grow)(inner, name, order)
        elif way == "task":
            with genaiops.trace(name):
                task = asyncio.create_task(grow(inner, name, order))
            await task  # the span has ended before its steps have: they are its steps still
        elif way == "thread":
            with genaiops.trace(name):
                run = functools.partial(asyncio.run, grow(inner, name, order))
                await asyncio.get_running_loop().run_in_executor(None, contextvars.copy_context().run, run)
        elif way == "generator":

            @genaiops.trace(name)
            def numbers() -> Iterator[int]:
                for at in range(len(inner)):
                    with genaiops.trace(f"{name}.{at}"):
                        yield at

            for _ in numbers():
                assert_outside(path)
        else:

            @genaiops.trace(name)
            async def pieces() -> AsyncIterator[int]:
                for at, (how, more) in enumerate(inner):
                    await grow([(how, more)], f"{name}", order)
                    yield at

            async for _ in pieces():
                assert_outside(path)

    steps = [step(number, way, inner) for number, (way, inner) in enumerate(tree)]
    order.shuffle(steps)
    await asyncio.gather(*steps)


def assert_outside(path: str) -> None:
    """Whoever consumes a generator stands outside of it."""
    around = genaiops.current_span()
    assert around is not None
    assert around.name == path


@settings(max_examples=examples(25), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(tree=TREES, seed=st.integers(0, 99))
def test_spans_nest_right_whatever_runs_at_the_same_time(collector: Collector, tree: Tree, seed: int) -> None:
    collector.spans.clear()

    async def all_of_it() -> None:
        with genaiops.trace("r"):
            await grow(tree, "r", random.Random(seed))

    asyncio.run(all_of_it())
    assert genaiops.flush()
    by_id = {span.span_id: span for span in collector.spans}
    assert len({span.trace_id for span in collector.spans}) == 1
    for span in collector.spans:
        parent = by_id[span.parent].name if span.parent else ""
        assert parent == span.name.rpartition(".")[0], f"{span.name} hangs below {parent!r}"
