"""`trace`: a step of an application as a span, by a decorator or a `with`."""

import functools
import inspect
from collections.abc import AsyncGenerator, Callable, Generator, Mapping
from types import TracebackType
from typing import Any, ParamSpec, TypeVar, cast, overload

from genaiops.core.errors import UsageError
from genaiops.sdk._capture import Bind, binder
from genaiops.sdk._context import current_parent, current_span, enter, leave, parent_of, place, standing
from genaiops.sdk._runtime import exporter, settings
from genaiops.sdk._span import WORDS, Span, StepKind

P = ParamSpec("P")
R = TypeVar("R")
F = TypeVar("F", bound=Callable[..., Any])

_SESSION, _USER = "gen_ai.conversation.id", "user.id"
_MOST_PIECES = 10_000


@overload
def trace(function: Callable[P, R], /) -> Callable[P, R]: ...


@overload
def trace(
    name: str | None = None,
    /,
    *,
    kind: StepKind = "other",
    session: str | None = None,
    user: str | None = None,
    attributes: Mapping[str, object] | None = None,
    capture: bool | None = None,
    parent: str | Mapping[str, str] | None = None,
) -> "Tracing": ...


def trace(
    name: Any = None,
    /,
    *,
    kind: StepKind = "other",
    session: str | None = None,
    user: str | None = None,
    attributes: Mapping[str, object] | None = None,
    capture: bool | None = None,
    parent: str | Mapping[str, str] | None = None,
) -> Any:
    """A decorator (`@trace`, `@trace(kind="tool")`) of functions, coroutines, generators and asynchronous generators,
    and a context manager (`with trace("look up", kind="retrieval") as span:`), plain or asynchronous.

    Spans nest as the calls do, in threads, tasks and generators. `session` and `user` hold for the steps inside too.
    `capture` False: neither input nor output of this step is kept. `parent`: a `traceparent`, or the headers of the
    request that is being answered, whose trace this goes on with. Without a server, nothing happens but the call.

    UsageError when `kind` is none, while the decorator or the context manager is made.
    """
    if callable(name):
        return Tracing(None)(name)
    return Tracing(name, kind, session, user, attributes, capture=capture, parent=parent)


class Tracing:
    """What `trace(...)` gives. It may be used many times, and by several threads at once."""

    def __init__(
        self,
        name: str | None,
        kind: StepKind = "other",
        session: str | None = None,
        user: str | None = None,
        attributes: Mapping[str, object] | None = None,
        *,
        capture: bool | None = None,
        parent: str | Mapping[str, str] | None = None,
    ) -> None:
        if kind not in WORDS:
            raise UsageError(f"{kind!r} is no kind of a step.", remedy=f"Give one of {', '.join(WORDS)}.", param="kind")
        self._name = name
        self._kind: StepKind = kind
        self._session = session
        self._user = user
        self._attributes = attributes
        self._capture = capture
        self._parent = parent
        self._open: list[Span] = []

    def __enter__(self) -> Span:
        span = self._begin(self._name or self._kind)
        self._open.append(span)
        enter(span)
        return span

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        span = current_span()
        while span is not None and span not in self._open:
            span = span.before.span if span.before is not None else None
        if span is None and self._open:  # a generator that ends elsewhere than it began
            span = self._open[-1]
        if span is not None:
            self._open.remove(span)
            _finish(span, error)
            leave(span)

    async def __aenter__(self) -> Span:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.__exit__(kind, error, where)

    def __call__(self, function: F) -> F:
        """The function traced."""
        bind = binder(function)
        if inspect.isasyncgenfunction(function):
            made: Any = self._async_generator(function, bind)
        elif inspect.isgeneratorfunction(function):
            made = self._generator(function, bind)
        elif inspect.iscoroutinefunction(function):
            made = self._coroutine(function, bind)
        else:
            made = self._function(function, bind)
        return cast(F, functools.wraps(function)(made))

    def _begin(self, name: str) -> Span:
        now = settings()
        parent = current_parent() if self._parent is None else parent_of(self._parent)
        capture = now.enabled and now.capture and self._capture is not False
        span = Span(name, self._kind, parent, now, capture=capture)
        around = current_span()
        if around is not None and around.id.trace_id == span.id.trace_id:
            for inherited in (_SESSION, _USER):
                span.set(inherited, around.attributes.get(inherited))
        span.set(_SESSION, self._session)
        span.set(_USER, self._user)
        for key, value in (self._attributes or {}).items():
            span.set(key, value)
        return span

    def _called(self, function: Callable[..., Any], bind: Bind, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Span:
        span = self._begin(self._name or function.__qualname__.replace("<locals>.", ""))
        if span.captures:
            given = bind(args, kwargs)
            # One argument of a conversation or a query is the input itself, not an object around it.
            alone = self._kind in {"llm", "retrieval", "embedding"} and len(given) == 1
            span.input(next(iter(given.values())) if alone else given)
        return span

    def _function(self, function: Callable[..., Any], bind: Bind) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            with _Standing(self._called(function, bind, args, kwargs)) as span:
                result = function(*args, **kwargs)
                span.output(result)
                return result

        return call

    def _coroutine(self, function: Callable[..., Any], bind: Bind) -> Callable[..., Any]:
        async def call(*args: Any, **kwargs: Any) -> Any:
            with _Standing(self._called(function, bind, args, kwargs)) as span:
                result = await function(*args, **kwargs)
                span.output(result)
                return result

        return call

    def _generator(self, function: Callable[..., Any], bind: Bind) -> Callable[..., Any]:
        def generate(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
            run = _Run(self._called(function, bind, args, kwargs))
            failure: BaseException | None = None
            try:
                generator: Generator[Any, Any, Any] = function(*args, **kwargs)
                step = functools.partial(next, generator)
                while True:
                    try:
                        item = run.kept(run.step(step))
                    except StopIteration as stop:
                        return stop.value
                    try:
                        step = functools.partial(generator.send, (yield item))
                    except GeneratorExit:
                        run.step(generator.close)
                        raise
                    except BaseException as thrown:  # noqa: BLE001 (it is for the generator inside)
                        step = functools.partial(generator.throw, thrown)
            except BaseException as error:
                failure = error
                raise
            finally:
                run.finish(failure)

        return generate

    def _async_generator(self, function: Callable[..., Any], bind: Bind) -> Callable[..., Any]:
        async def generate(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
            run = _Run(self._called(function, bind, args, kwargs))
            failure: BaseException | None = None
            try:
                generator: AsyncGenerator[Any, Any] = function(*args, **kwargs)
                step = generator.__anext__
                while True:
                    try:
                        item = run.kept(await run.async_step(step))
                    except StopAsyncIteration:
                        return
                    try:
                        step = functools.partial(generator.asend, (yield item))
                    except GeneratorExit:
                        await run.async_step(generator.aclose)
                        raise
                    except BaseException as thrown:  # noqa: BLE001 (it is for the generator inside)
                        step = functools.partial(generator.athrow, thrown)
            except BaseException as error:
                failure = error
                raise
            finally:
                run.finish(failure)

        return generate


class _Standing:
    """The span of one call of a function, the innermost one until it ends."""

    __slots__ = ("_span",)

    def __init__(self, span: Span) -> None:
        self._span = span

    def __enter__(self) -> Span:
        enter(self._span)
        return self._span

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        try:
            _finish(self._span, error)
        finally:
            leave(self._span)


class _Run:
    """A generator while it runs: its span is the innermost one only while it works, never while it is consumed."""

    def __init__(self, span: Span) -> None:
        self._span = span
        self._pieces: list[Any] = []
        enter(span)
        self._inside = place()
        leave(span)

    def step(self, step: Callable[[], Any]) -> Any:
        with standing(self._inside):
            try:
                return step()
            finally:
                self._inside = place()

    async def async_step(self, step: Callable[[], Any]) -> Any:
        with standing(self._inside):
            try:
                return await step()
            finally:
                self._inside = place()

    def finish(self, error: BaseException | None) -> None:
        pieces = self._pieces
        if pieces:
            texts = all(isinstance(piece, str) for piece in pieces)
            self._span.output("".join(pieces) if texts else pieces)
        _finish(self._span, None if isinstance(error, GeneratorExit) else error)

    def kept(self, item: Any) -> Any:
        if self._span.captures and len(self._pieces) < _MOST_PIECES:
            self._pieces.append(item)
        return item


def _finish(span: Span, error: BaseException | None) -> None:
    if span.ended:
        return
    if error is not None:
        span.error(error)
    span.end()
    if span.id.sampled and settings().enabled:
        exporter().put(span)
