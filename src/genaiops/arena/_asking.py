"""Asking a target: what is sent for a case, and what its answer is read as."""

import asyncio
import inspect
import json
import re
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any, Final, Protocol, cast

import msgspec

from genaiops.arena._parts import messages, picture_url, templated
from genaiops.arena._scripts import by_script, transformed
from genaiops.arena._streamed import EVENTS, StreamFailed, streamed
from genaiops.checks.attacks import GUARDED
from genaiops.core.errors import GenaiopsError, TimedOut, UsageError
from genaiops.core.money import to_nano
from genaiops.domain import Answer, Case, SuiteTarget, ToolCall
from genaiops.ports.posting import Post, Posted
from genaiops.ports.scripts import Scripts

CHAT: Final = "/v1/chat/completions"
_SHOWN = 500
MOST_MEDIA: Final = 4
LONGEST_MEDIA: Final = 8_000_000
"""Characters of an image as a data URL, as queues take them, too."""
_ENERGY: Final = re.compile(r"(\d{1,18});low=(\d{1,18});high=(\d{1,18})")


class Busy(Exception):
    """The target refuses for now. `after`: seconds that it asks for (None: it does not say)."""

    def __init__(self, answer: Answer, after: float | None) -> None:
        super().__init__(answer.error)
        self.answer = answer
        self.after = after


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
    if target.url and target.request:
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
    return _http(target, post, gateway.url.rstrip("/") + CHAT, gateway.key, timeout, fresh=fresh)


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
            return _failed(target, case, repeat, "timeout", f"No answer in {timeout:g} s.", clock() - start)
        except Exception as error:  # noqa: BLE001 (the function is not ours)
            what = f"{type(error).__name__}: {error}"
            return _failed(target, case, repeat, "error", what, clock() - start)
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
            return _failed(target, case, repeat, "timeout", error.message, clock() - start)
        except GenaiopsError as error:
            return _failed(target, case, repeat, "error", error.message, clock() - start)
        return _read(target, case, repeat, posted, clock() - start)

    return ask


def _read(target: SuiteTarget, case: Case, repeat: int, posted: Posted, seconds: float) -> Answer:
    facts = _facts({**posted.trailers, **posted.headers})
    if posted.status >= 400:
        what = f"{posted.status}: {_error_text(posted.body)}"
        if case.attack is not None and _is_guarded(posted.body):
            kept = Answer(target=target.name, case=case.id, repeat=repeat, state="answered", finish_reason=GUARDED)
            return msgspec.structs.replace(kept, error=what, seconds=seconds, **facts)
        answer = _failed(target, case, repeat, "error", what, seconds, **facts)
        if posted.status in (429, 503):
            raise Busy(answer, _after(posted.headers.get("retry-after")))
        return answer
    try:
        is_stream = posted.headers.get("content-type", "").startswith(EVENTS)
        document = streamed(posted.body) if is_stream else msgspec.json.decode(posted.body)
        answer = (
            _by_path(target, case, repeat, document)
            if target.url and target.answer
            else _chat(target, case, repeat, document)
        )
    except StreamFailed as error:
        return _failed(target, case, repeat, "error", f"The stream broke off: {error}", seconds, **facts)
    except (msgspec.DecodeError, KeyError, IndexError, TypeError, ValueError) as error:
        what = f"The answer cannot be read ({type(error).__name__}: {error})."
        return _failed(target, case, repeat, "unreadable", what, seconds, **facts)
    return bounded(msgspec.structs.replace(answer, seconds=seconds, **facts))


def bounded(answer: Answer) -> Answer:
    """The answer, or one that is unreadable because of more or larger images than are kept."""
    if len(answer.media) <= MOST_MEDIA and all(len(each) <= LONGEST_MEDIA for each in answer.media):
        return answer
    what = f"It has {len(answer.media)} images, the largest of {max(map(len, answer.media)):,} characters as base64; "
    what += f"{MOST_MEDIA} of {LONGEST_MEDIA:,} are kept."
    return msgspec.structs.replace(answer, state="unreadable", error=what, media=(), output="")


def _images(message: Mapping[str, Any]) -> tuple[str, ...]:
    """Those that a chat's answer brings with it: parts of its content, or `images` beside it. Addresses are not
    fetched."""
    content = message.get("content")
    parts = [*cast("list[Any]", content if isinstance(content, list) else []), *(message.get("images") or ())]
    return tuple(url for part in parts if (url := picture_url(part)).startswith("data:image/"))


def _chat(target: SuiteTarget, case: Case, repeat: int, document: Any) -> Answer:
    choice: dict[str, Any] = document["choices"][0]
    message: dict[str, Any] = choice["message"]
    usage: dict[str, Any] = document.get("usage") or {}
    return Answer(
        target=target.name,
        case=case.id,
        repeat=repeat,
        state="answered",
        output=_text(message.get("content")),
        media=_images(message),
        tool_calls=tuple(_tool_call(each["function"]) for each in message.get("tool_calls") or ()),
        finish_reason=choice.get("finish_reason") or "",
        input_tokens=_number(usage.get("prompt_tokens")),
        output_tokens=_number(usage.get("completion_tokens")),
        model=str(document.get("model") or ""),
        fingerprint=str(document.get("system_fingerprint") or ""),
    )


def _by_path(target: SuiteTarget, case: Case, repeat: int, document: Any) -> Answer:
    """`answer` names a place: `data.items[0].text`."""
    value = document
    for part in target.answer.replace("[", ".").replace("]", "").split("."):
        if part:
            value = cast("Any", value[int(part)] if isinstance(value, list) else value[part])
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    answer = Answer(target=target.name, case=case.id, repeat=repeat, state="answered", output=text)
    return answer if isinstance(value, str) else msgspec.structs.replace(answer, structured=True)


def _text(content: Any) -> str:
    if content is None:
        return ""
    if isinstance(content, str):
        return content
    return "".join(part.get("text") or "" for part in content)


def _tool_call(function: Mapping[str, Any]) -> ToolCall:
    text = function.get("arguments") or "{}"
    try:
        arguments = json.loads(text)
    except ValueError:
        arguments = None
    if isinstance(arguments, dict):
        return ToolCall(name=function["name"], arguments=cast("dict[str, Any]", arguments))
    return ToolCall(name=function["name"], arguments=None, text=text)


def _number(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _facts(headers: Mapping[str, str]) -> dict[str, Any]:
    """What the gateway says of a call."""
    facts: dict[str, Any] = {}
    cost = headers.get("x-genaiops-cost", "unknown")
    if cost != "unknown":
        facts["cost_nano"] = to_nano(cost)
    facts.update(energy_of(headers.get("x-genaiops-energy", "unknown")))
    trace = headers.get("traceparent", "").split("-")
    if len(trace) == 4:
        facts["trace_id"] = trace[1]
    return facts


def energy_of(text: str) -> dict[str, Any]:
    """Of the gateway's header: the central figure and its ends, in nano-Wh; nothing where it is unknown."""
    found = _ENERGY.fullmatch(text)
    if found is None:
        return {}
    central, low, high = (int(each) for each in found.groups())
    return {"energy_nwh": central, "energy_low_nwh": low, "energy_high_nwh": high}


def _after(value: str | None) -> float | None:
    try:
        return None if value is None else max(0.0, float(value))
    except ValueError:
        return None


def _error_text(body: bytes) -> str:
    try:
        document = msgspec.json.decode(body)
        return str(document["error"]["message"])[:_SHOWN]
    except (msgspec.DecodeError, KeyError, TypeError):
        return body[:_SHOWN].decode("utf-8", "replace")


def _is_guarded(body: bytes) -> bool:
    """Whether a guard stopped the call: of an attack that is an answer, and a good one."""
    try:
        return msgspec.json.decode(body)["error"]["code"] == GUARDED
    except (msgspec.DecodeError, KeyError, TypeError):
        return False


def _failed(
    target: SuiteTarget, case: Case, repeat: int, state: Any, what: str, seconds: float, **facts: Any
) -> Answer:
    return Answer(
        target=target.name,
        case=case.id,
        repeat=repeat,
        state=state,
        error=what[: 2 * _SHOWN],
        seconds=seconds,
        **facts,
    )


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
