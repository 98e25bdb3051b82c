"""Asking a target: what is sent for a case, and where."""

import asyncio
import inspect
import json
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any, Final, Protocol, cast

import msgspec

from genaiops.arena._answering import bounded, failed, read_answer
from genaiops.arena._parts import messages, templated
from genaiops.arena._scripts import by_script, transformed
from genaiops.arena._streamed import EVENTS
from genaiops.core.errors import GenaiopsError, TimedOut, UsageError
from genaiops.domain import Answer, Case, SuiteTarget
from genaiops.ports.posting import Post
from genaiops.ports.scripts import Scripts

CHAT: Final = "/v1/chat/completions"
EMBEDDINGS: Final = "/v1/embeddings"
"""Where a request of its own form goes that has no address: only models of embeddings are asked so."""


class Ask(Protocol):
    async def __call__(self, case: Case, repeat: int) -> Answer:
        """An Answer, whatever happened; Busy when the same may be asked again later."""
        ...


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    """Where a gateway is, and the key for it."""

    url: str
    key: str = ""


def asked(target: SuiteTarget, case: Case) -> dict[str, Any]:
    """The body of the request: OpenAI's chat, or the target's own `request` with the case put in."""
    case = templated(target, case)
    if target.request:
        return cast("dict[str, Any]", _filled(target.request, _places(case)))
    body: dict[str, Any] = {"model": target.model or target.name, **target.parameters}
    if body.get("stream") is True and not target.url:
        body.setdefault("stream_options", {"include_usage": True})
    whole = case
    if case.prompt_messages and (target.prompt or target.application):  # it brings these messages itself
        case = msgspec.structs.replace(case, messages=case.messages[case.prompt_messages :])
    if target.application:
        body["model"] = target.application
    if target.prompt:
        body["genaiops"] = {"prompt": target.prompt, "variables": case.variables}
        if not target.model:
            body.pop("model")
        if case.messages or case.input:
            body["messages"] = messages(target, case)
    else:
        if case.messages or case.input or not whole.messages:
            body["messages"] = messages(target, case)
        if case.play is not None and case.play.tools:
            body["tools"] = list(case.play.tools)
        if case.variables and target.application:
            body["genaiops"] = {"variables": case.variables}
    return body


def asker(
    target: SuiteTarget,
    *,
    post: Post,
    gateway: Endpoint | None,
    secret: str = "",
    timeout: float,
    fresh: bool = False,
    scripts: Scripts | None = None,
) -> Ask:
    """How that target is asked; `fresh`: past the gateway's caches; `scripts`: who calls functions of the suite.
    UsageError when it cannot be: no gateway, no such function."""
    if target.script is not None or target.transform:
        if scripts is None:
            raise UsageError(
                f"The target {target.name!r} brings code of the suite, which is called where its files are.",
                remedy="Run it there: genaiops suite run FILE --local",
                param="target",
            )
        bare = msgspec.structs.replace(target, transform=())
        ask = (
            by_script(target, target.script, scripts, timeout)
            if target.script is not None
            else asker(bare, post=post, gateway=gateway, secret=secret, timeout=timeout, fresh=fresh)
        )
        return transformed(target, ask, scripts, timeout)
    if target.recorded:
        return _recorded(target)
    if target.python:
        return _python(target, timeout)
    if target.url:
        return _http(target, post, target.url, secret, timeout)
    if target.release:
        raise UsageError(
            f"The target {target.name!r} is a release, which the server brings to be asked.",
            remedy="Run the suite on the server: genaiops suite run FILE, without --local.",
            param="target",
        )
    if gateway is None:
        raise UsageError(
            f"The target {target.name!r} is asked through a gateway, and there is none.",
            remedy="Start one with genaiops up, or name it with --url and --key.",
            param="target",
        )
    place = EMBEDDINGS if target.request else CHAT
    return _http(target, post, gateway.url.rstrip("/") + place, gateway.key, timeout, fresh=fresh)


def _recorded(target: SuiteTarget) -> Ask:
    async def ask(case: Case, repeat: int) -> Answer:
        if case.output is None:
            return Answer(
                target=target.name, case=case.id, repeat=repeat, state="error", error="The case brings no output."
            )
        return Answer(target=target.name, case=case.id, repeat=repeat, state="answered", output=case.output)

    return ask


def _python(target: SuiteTarget, timeout: float) -> Ask:
    module, _, name = target.python.partition(":")
    try:
        function = getattr(import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise UsageError(
            f"The target {target.name!r} has no function {target.python!r}: {error}.",
            remedy="Write package.module:function, of a module that can be imported where the suite runs.",
            param="target",
        ) from error

    async def ask(case: Case, repeat: int) -> Answer:
        plain = msgspec.to_builtins(templated(target, case))
        clock = asyncio.get_running_loop().time
        start = clock()
        try:
            async with asyncio.timeout(timeout):
                if inspect.iscoroutinefunction(function):
                    said = await function(plain)
                else:
                    said = await asyncio.to_thread(function, plain)
        except TimeoutError:
            return failed(target, case, repeat, "timeout", f"No answer in {timeout:g} s.", clock() - start)
        except Exception as error:  # noqa: BLE001 (the function is not ours)
            what = f"{type(error).__name__}: {error}"
            return failed(target, case, repeat, "error", what, clock() - start)
        return _said(target, case, repeat, said, clock() - start)

    return ask


def _said(target: SuiteTarget, case: Case, repeat: int, said: Any, seconds: float) -> Answer:
    """A text, or an object with fields of an Answer."""
    base = Answer(target=target.name, case=case.id, repeat=repeat, state="answered", seconds=seconds)
    if isinstance(said, str):
        return msgspec.structs.replace(base, output=said)
    try:
        plain = {**msgspec.to_builtins(base), **cast("Mapping[str, Any]", msgspec.to_builtins(said))}
        return bounded(msgspec.convert(plain, Answer))
    except (msgspec.ValidationError, TypeError) as error:
        what = f"The function returned neither a text nor an answer: {error}."
        return msgspec.structs.replace(base, state="unreadable", error=what)


def _http(target: SuiteTarget, post: Post, url: str, key: str, timeout: float, *, fresh: bool = False) -> Ask:
    headers = {"content-type": "application/json", "accept": "application/json"}
    if target.parameters.get("stream") is True:
        headers |= {"accept": EVENTS, "te": "trailers", "connection": "te"}
    if fresh:
        headers["cache-control"] = "no-store"
    if key:
        headers["authorization"] = f"Bearer {key}"

    async def ask(case: Case, repeat: int) -> Answer:
        body = msgspec.json.encode(asked(target, case))
        clock = asyncio.get_running_loop().time
        start = clock()
        try:
            posted = await post(url, headers, body, timeout=timeout)
        except TimedOut as error:
            return failed(target, case, repeat, "timeout", error.message, clock() - start)
        except GenaiopsError as error:
            return failed(target, case, repeat, "error", error.message, clock() - start)
        return read_answer(target, case, repeat, posted, clock() - start)

    return ask


def _places(case: Case) -> Mapping[str, Any]:
    return {
        "input": case.input,
        "messages": list(case.messages),
        "context": list(case.context),
        "shots": [msgspec.to_builtins(each) for each in case.shots],
        **case.variables,
    }


def _filled(value: Any, places: Mapping[str, Any]) -> Any:
    """`"{{input}}"` alone becomes the value itself; within a text, its text."""
    if isinstance(value, str):
        for name, filling in places.items():
            mark = "{{" + name + "}}"
            if value == mark:
                return filling
            if mark in value:
                value = value.replace(mark, filling if isinstance(filling, str) else json.dumps(filling))
        return value
    if isinstance(value, Mapping):
        return {name: _filled(each, places) for name, each in cast("Mapping[str, Any]", value).items()}
    if isinstance(value, list | tuple):
        return [_filled(each, places) for each in cast("Sequence[Any]", value)]
    return value
