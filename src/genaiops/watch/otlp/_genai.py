"""OpenTelemetry's GenAI names: semantic conventions 1.41, those that are on their way, and those of before."""

from typing import Any, Final, cast

from genaiops.domain import SpanKind, Usage
from genaiops.watch._turns import object_of, objects_of
from genaiops.watch.otlp._facts import (
    Facts,
    Message,
    amount_at,
    json_text,
    loaded,
    parts_at,
    provider_name,
    text_at,
    usage_of,
    whole_at,
)
from genaiops.watch.otlp._messages import from_numbered, from_parts
from genaiops.watch.otlp._wire import Attributes, WireEvent, WireSpan

DIALECT: Final = "gen_ai"

KINDS: Final[dict[str, SpanKind]] = {
    "chat": "llm",
    "text_completion": "llm",
    "completion": "llm",
    "generate_content": "llm",
    "fetch_response": "llm",
    "embeddings": "embedding",
    "retrieval": "retrieval",
    "rerank": "rerank",
    "execute_tool": "tool",
    "create_agent": "agent",
    "invoke_agent": "agent",
    "invoke_workflow": "workflow",
    "apply_guardrail": "guardrail",
}

CONTENT: Final = (
    "gen_ai.input.messages",
    "gen_ai.output.messages",
    "gen_ai.system_instructions",
    "gen_ai.tool.call.arguments",
    "gen_ai.tool.call.result",
    "gen_ai.retrieval.query.text",
    "gen_ai.retrieval.documents",
    "gen_ai.prompt",
    "gen_ai.completion",
)
CONTENT_PREFIXES: Final = ("gen_ai.prompt.", "gen_ai.completion.")
NAMES_OF_PROMPTS: Final = ("gen_ai.prompt.name", "gen_ai.prompt.version")
"""Names below one of the prefixes that hold no content: the prompt of a prompt store."""

_MESSAGE_EVENTS = {
    "gen_ai.system.message": "system",
    "gen_ai.user.message": "user",
    "gen_ai.assistant.message": "assistant",
    "gen_ai.tool.message": "tool",
}


def speaks(span: WireSpan) -> bool:
    return any(name.startswith("gen_ai.") for name in span.attributes)


def read(span: WireSpan) -> Facts:
    given = span.attributes
    operation = text_at(given, "gen_ai.operation.name")
    kind = KINDS.get(operation or "")
    asked, said = _messages(span)
    return Facts(
        kind=kind,
        operation=operation,
        provider=provider_name(text_at(given, "gen_ai.provider.name", "gen_ai.system")),
        request_model=text_at(given, "gen_ai.request.model"),
        response_model=text_at(given, "gen_ai.response.model"),
        response_id=text_at(given, "gen_ai.response.id"),
        finish_reason=_first(given.get("gen_ai.response.finish_reasons"))
        or text_at(given, "gen_ai.response.finish_reason", "gen_ai.response.stop_reason"),
        streamed=_flag(given.get("gen_ai.request.stream", given.get("gen_ai.is_streaming"))),
        first_token_us=_seconds(given.get("gen_ai.response.time_to_first_chunk")),
        usage=_usage(given, silent=kind == "embedding"),
        cost=amount_at(given, "gen_ai.usage.cost", "gen_ai.usage.total_cost", "gen_ai.cost.total"),
        session_id=text_at(given, "gen_ai.conversation.id", "session.id"),
        user_id=text_at(given, "gen_ai.user", "gen_ai.user.id", "user.id", "enduser.id"),
        asked=asked,
        said=said,
        given=_text(given, "gen_ai.tool.call.arguments", "gen_ai.retrieval.query.text"),
        made=_text(given, "gen_ai.tool.call.result", "gen_ai.retrieval.documents"),
    )


def _text(given: Attributes, *names: str) -> str | None:
    return next((json_text(given[name]) for name in names if given.get(name) is not None), None)


def _first(value: Any) -> str | None:
    found: Any = loaded(value)
    if isinstance(found, list):
        found = next(iter(cast("list[Any]", found)), None)
    return found if isinstance(found, str) and found else None


def _flag(value: Any) -> bool | None:
    return value if isinstance(value, bool) else None


def _seconds(value: Any) -> int | None:
    ok = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e7
    return round(value * 1_000_000) if ok else None


_PARTS: Final = {
    "cache_read": ("gen_ai.usage.cache_read.input_tokens", "gen_ai.usage.cache_read_input_tokens"),
    "cache_write": (
        "gen_ai.usage.cache_write.input_tokens",
        "gen_ai.usage.cache_creation.input_tokens",
        "gen_ai.usage.cache_creation_input_tokens",
    ),
    "reasoning": ("gen_ai.usage.reasoning.output_tokens", "gen_ai.usage.reasoning_tokens"),
    "audio_input": ("gen_ai.usage.audio.input_tokens",),
    "audio_output": ("gen_ai.usage.audio.output_tokens",),
}


def _usage(given: Attributes, *, silent: bool) -> Usage | None:
    return usage_of(
        input_tokens=whole_at(given, "gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens"),
        output_tokens=whole_at(given, "gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens"),
        total=whole_at(given, "gen_ai.usage.total_tokens"),
        of_it=parts_at(given, _PARTS),
        silent=silent,
    )


def _messages(span: WireSpan) -> tuple[list[Message] | None, list[Message] | None]:
    given = span.attributes
    asked = from_parts(given.get("gen_ai.input.messages"))
    said = _assistant(from_parts(given.get("gen_ai.output.messages")))
    instructions = from_parts(given.get("gen_ai.system_instructions"))
    if instructions:
        asked = [{**one, "role": "system"} for one in instructions] + (asked or [])
    if asked is None:
        numbered_names = {name: value for name, value in given.items() if name not in NAMES_OF_PROMPTS}
        asked = from_numbered(numbered_names, "gen_ai.prompt.") or from_parts(given.get("gen_ai.prompt"))
    if said is None:
        said = from_numbered(given, "gen_ai.completion.") or _assistant(from_parts(given.get("gen_ai.completion")))
    for event in span.events if asked is None or said is None else ():
        more_asked, more_said = _of_event(event)
        asked = _added(asked, more_asked)
        said = _added(said, more_said)
    return asked, said


def _assistant(messages: list[Message] | None) -> list[Message] | None:
    """A bare text that came back is the assistant's."""
    if messages and all(one.get("role") == "user" for one in messages):
        return [{**one, "role": "assistant"} for one in messages]
    return messages


def _added(messages: list[Message] | None, more: list[Message] | None) -> list[Message] | None:
    return messages if not more else [*(messages or ()), *more]


def _of_event(event: WireEvent) -> tuple[list[Message] | None, list[Message] | None]:
    """(asked, said) of the events that carried content before there were attributes for it, and of the one beside
    them."""
    given = event.attributes
    if event.name in _MESSAGE_EVENTS:
        role = str(given.get("role") or _MESSAGE_EVENTS[event.name])
        message: Message = {"role": role, "content": json_text(given.get("content") or "")}
        calls = objects_of(loaded(given.get("tool_calls")))
        return [{**message, "tool_calls": calls} if calls else message], None
    if event.name == "gen_ai.choice":
        inner = object_of(loaded(given.get("message"))) or given
        calls = objects_of(loaded(inner.get("tool_calls")))
        said: Message = {"role": "assistant", "content": json_text(inner.get("content") or "")}
        if given.get("finish_reason"):
            said["finish_reason"] = str(given["finish_reason"])
        return None, [{**said, "tool_calls": calls} if calls else said]
    if event.name == "gen_ai.content.prompt":
        return from_parts(given.get("gen_ai.prompt")), None
    if event.name == "gen_ai.content.completion":
        return None, _assistant(from_parts(given.get("gen_ai.completion")))
    if event.name == "gen_ai.client.inference.operation.details":
        return (
            from_parts(given.get("gen_ai.input.messages")),
            _assistant(from_parts(given.get("gen_ai.output.messages"))),
        )
    return None, None
