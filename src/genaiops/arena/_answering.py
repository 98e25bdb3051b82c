"""What a target's answer is read as."""

import json
import re
from collections.abc import Mapping
from typing import Any, Final, cast

import msgspec

from genaiops.arena._parts import picture_url
from genaiops.arena._streamed import EVENTS, StreamFailed, streamed
from genaiops.checks.attacks import GUARDED
from genaiops.core.money import to_nano
from genaiops.domain import Answer, Case, SuiteTarget, ToolCall
from genaiops.ports.posting import Posted

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


def read_answer(target: SuiteTarget, case: Case, repeat: int, posted: Posted, seconds: float) -> Answer:
    facts = _facts({**posted.trailers, **posted.headers})
    if posted.status >= 400:
        what = f"{posted.status}: {_error_text(posted.body)}"
        if (case.attack is not None or target.refused == "answered") and _is_guarded(posted.body):
            kept = Answer(target=target.name, case=case.id, repeat=repeat, state="answered", finish_reason=GUARDED)
            facts["guard"] = "refused"
            return msgspec.structs.replace(kept, error=what, seconds=seconds, **facts)
        answer = failed(target, case, repeat, "error", what, seconds, **facts)
        if posted.status in (429, 503):
            raise Busy(answer, _after(posted.headers.get("retry-after")))
        return answer
    try:
        is_stream = posted.headers.get("content-type", "").startswith(EVENTS)
        document = streamed(posted.body) if is_stream else msgspec.json.decode(posted.body)
        answer = _by_path(target, case, repeat, document) if target.answer else _chat(target, case, repeat, document)
    except StreamFailed as error:
        return failed(target, case, repeat, "error", f"The stream broke off: {error}", seconds, **facts)
    except (msgspec.DecodeError, KeyError, IndexError, TypeError, ValueError) as error:
        what = f"The answer cannot be read ({type(error).__name__}: {error})."
        return failed(target, case, repeat, "unreadable", what, seconds, **facts)
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
        tool_calls=_tool_calls(message),
        logprob=_logprob(choice.get("logprobs")),
        finish_reason=choice.get("finish_reason") or "",
        input_tokens=_number(usage.get("prompt_tokens")),
        output_tokens=_number(usage.get("completion_tokens")),
        model=str(document.get("model") or ""),
        fingerprint=str(document.get("system_fingerprint") or ""),
    )


def _tool_calls(message: Mapping[str, Any]) -> tuple[ToolCall, ...]:
    """Those of `tool_calls`, and the one of `function_call`, as it was before them."""
    called: list[Any] = [each["function"] for each in message.get("tool_calls") or ()]
    called += [message["function_call"]] if message.get("function_call") else []
    return tuple(_tool_call(each) for each in called)


def _logprob(said: Any) -> float | None:
    """The mean over the tokens, of OpenAI's chat or of its completions."""
    if not isinstance(said, Mapping):
        return None
    fields = cast("Mapping[str, Any]", said)
    found: list[Any] = [each.get("logprob") for each in fields.get("content") or ()] or list(
        fields.get("token_logprobs") or ()
    )
    known = [float(each) for each in found if isinstance(each, int | float) and not isinstance(each, bool)]
    return sum(known) / len(known) if known else None


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
    if headers.get("x-genaiops-guard"):
        facts["guard"] = headers["x-genaiops-guard"]
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


def failed(target: SuiteTarget, case: Case, repeat: int, state: Any, what: str, seconds: float, **facts: Any) -> Answer:
    return Answer(
        target=target.name,
        case=case.id,
        repeat=repeat,
        state=state,
        error=what[: 2 * _SHOWN],
        seconds=seconds,
        **facts,
    )
