"""A request in Anthropic's Messages, said as an OpenAI chat request.

Hints that are left out because a caller cannot rely on their effect: `service_tier`, `context_management` (the
conversation is sent whole), `diagnostics`, `thinking.display`, a tool's `eager_input_streaming` and `defer_loading`.
Everything else that chat has no words for is a UsageError naming the field.
"""

from typing import Any, cast

import msgspec

from genaiops.dialects.fields import CHAT, Fields, body_fields, unsayable, wrong
from genaiops.dialects.messages.parts import MARK, chat_part, marked
from genaiops.dialects.messages.thinking import effort_of

TOOL_ERROR = "[tool error]"
"""Stands before the result of a tool that failed: chat has no field for it, and the model should know."""

_HINTS = ("service_tier", "context_management", "diagnostics")
_TOOL_HINTS = ("eager_input_streaming", "defer_loading")
_SERVER_TOOL = "Only tools that the client runs can be translated; leave this one out."


def chat_request(raw: bytes | bytearray, *, cap_field: str | None = "max_tokens", strict: bool = False) -> bytes:
    """The body of a chat request that means the same.

    `cap_field` is chat's name for `max_tokens` (None: leave it to the provider to say). Cache marks, signed thinking
    (`thinking_blocks`, `reasoning_content`), `top_k` and images in tool results go out in the form that compatible
    servers ignore or understand. `strict` is for a server that refuses what OpenAI does not document: marks and
    thinking are left out, images follow their tool results in a user message, `top_k` and a prefilled answer are
    refused.
    """
    request = body_fields(raw, CHAT)
    out: dict[str, Any] = {"model": request.needed_text("model"), "messages": _messages(request, strict=strict)}
    cap = request.integer("max_tokens")
    if cap is None:
        raise wrong("max_tokens", "is missing")
    if cap == 0:
        raise unsayable("max_tokens", CHAT, "A prompt cache cannot be filled ahead there; ask for at least 1 token.")
    if cap_field is not None:
        out[cap_field] = cap
    for name in ("temperature", "top_p"):
        _put(out, name, request.number(name))
    if strict:
        request.refuse("top_k")
    _put(out, "top_k", request.integer("top_k"))
    _put(out, "stop", request.items("stop_sequences") or None)
    metadata = request.fields("metadata")
    if metadata is not None:
        _put(out, "user", metadata.text("user_id"))
        metadata.close()
    if request.flag("stream"):
        out["stream"] = True
        out["stream_options"] = {"include_usage": True}
    _tools(request, out, strict=strict)
    _output(request, out)
    mark = request.object(MARK)
    if not strict:
        _put(out, MARK, mark)
    _put(out, "genaiops", request.take("genaiops"))
    request.only("speed", "standard")
    request.close(_HINTS)
    return msgspec.json.encode(out)


def _put(out: dict[str, Any], name: str, value: Any) -> None:
    if value is not None:
        out[name] = value


def _output(request: Fields, out: dict[str, Any]) -> None:
    config = request.fields("output_config")
    effort: str | None = None
    shape = request.fields("output_format")  # the beta's name for output_config.format
    if config is not None:
        effort = config.text("effort")
        shape = config.fields("format") or shape
        config.close()
    _put(out, "reasoning_effort", effort_of(request, effort))
    if shape is not None:
        if shape.needed_text("type") != "json_schema":
            raise unsayable(shape.path("type"), CHAT)
        schema = shape.object("schema")
        shape.close()
        out["response_format"] = {
            "type": "json_schema",
            "json_schema": {"name": "answer", "schema": schema, "strict": True},
        }


def _tools(request: Fields, out: dict[str, Any], *, strict: bool) -> None:
    tools = [_tool(tool, strict=strict) for tool in request.each("tools")]
    if tools:
        out["tools"] = tools
    choice = request.fields("tool_choice")
    if choice is None:
        return
    kind = choice.needed_text("type")
    if kind == "tool":
        out["tool_choice"] = {"type": "function", "function": {"name": choice.needed_text("name")}}
    elif kind in ("auto", "any", "none"):
        out["tool_choice"] = "required" if kind == "any" else kind
    else:
        raise unsayable(choice.path("type"), CHAT)
    if choice.flag("disable_parallel_tool_use"):
        out["parallel_tool_calls"] = False
    choice.close()


def _tool(tool: Fields, *, strict: bool) -> dict[str, Any]:
    if tool.take("type") not in (None, "custom"):
        raise unsayable(tool.path("type"), CHAT, _SERVER_TOOL)
    function: dict[str, Any] = {"name": tool.needed_text("name")}
    _put(function, "description", tool.text("description"))
    _put(function, "parameters", tool.object("input_schema"))
    _put(function, "strict", tool.flag("strict"))
    mark = tool.object(MARK)
    tool.only("allowed_callers", ["direct"])
    tool.close(_TOOL_HINTS)
    return marked({"type": "function", "function": function}, None if strict else mark)


def _messages(request: Fields, *, strict: bool) -> list[dict[str, Any]]:
    out: list[dict[str, Any]] = []
    system = _plain_or_parts(request, "system", strict=strict)
    if system:
        out.append({"role": "system", "content": system})
    role = ""
    for message in request.each("messages"):
        role = message.needed_text("role")
        if role == "user":
            out.extend(_user(message, strict=strict))
        elif role == "assistant":
            out.append(_assistant(message, strict=strict))
        elif role == "system":
            out.append({"role": "system", "content": _plain_or_parts(message, "content", strict=strict)})
        else:
            raise wrong(message.path("role"), "must be user, assistant or system")
        message.close()
    if strict and role == "assistant":
        raise unsayable("messages", CHAT, "A prefilled answer cannot be continued there: end with a user message.")
    return out


def _plain_or_parts(of: Fields, name: str, *, strict: bool) -> Any:
    """Text as it came, or parts; one part of text without a mark is plain text, which every server takes."""
    value = of.take(name)
    if value is None or isinstance(value, str):
        return value
    again = Fields({name: value}, of.at, of.to)
    return _content([chat_part(block, strict=strict) for block in again.each(name)])


def _content(parts: list[dict[str, Any]]) -> Any:
    if len(parts) == 1 and parts[0]["type"] == "text" and MARK not in parts[0]:
        return parts[0]["text"]
    return parts


def _blocks(message: Fields) -> list[Fields] | str:
    value = message.take("content")
    if isinstance(value, str):
        return value
    if value is None:
        raise wrong(message.path("content"), "is missing")
    return Fields({"content": value}, message.at, message.to).each("content")


def _user(message: Fields, *, strict: bool) -> list[dict[str, Any]]:
    """Results of tools first, as messages of their own, then what the user says."""
    blocks = _blocks(message)
    if isinstance(blocks, str):
        return [{"role": "user", "content": blocks}]
    results: list[dict[str, Any]] = []
    parts: list[dict[str, Any]] = []
    for block in blocks:
        if block.peek("type") == "tool_result":
            result, images = _result(block, strict=strict)
            results.append(result)
            parts.extend(images)
        else:
            parts.append(chat_part(block, strict=strict))
    return [*results, {"role": "user", "content": _content(parts)}] if parts or not results else results


def _result(block: Fields, *, strict: bool) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The tool message, and the parts that have to follow it as the user's."""
    call = block.needed_text("tool_use_id")
    content = _plain_or_parts(block, "content", strict=strict)
    moved: list[dict[str, Any]] = []
    if strict and isinstance(content, list):
        parts = cast("list[dict[str, Any]]", content)
        kept = [part for part in parts if part["type"] == "text"]
        rest = [part for part in parts if part["type"] != "text"]
        if rest:
            moved = [{"type": "text", "text": f"From the result of the tool call {call}:"}, *rest]
            content = kept or f"See what follows for the tool call {call}."
    if block.flag("is_error"):
        content = _failed(content)
    message: dict[str, Any] = {"role": "tool", "tool_call_id": call, "content": "" if content is None else content}
    mark = block.object(MARK)
    block.close(("type",))
    return marked(message, None if strict else mark), moved


def _failed(content: Any) -> Any:
    if isinstance(content, list):
        return [{"type": "text", "text": TOOL_ERROR}, *content]
    return f"{TOOL_ERROR}\n{content}" if content else TOOL_ERROR


def _assistant(message: Fields, *, strict: bool) -> dict[str, Any]:
    """Thinking, then text, then tool calls: chat has one place for each, and each keeps its order."""
    blocks = _blocks(message)
    if isinstance(blocks, str):
        return {"role": "assistant", "content": blocks}
    parts: list[dict[str, Any]] = []
    calls: list[dict[str, Any]] = []
    thinking: list[dict[str, Any]] = []
    reasoning: list[str] = []
    for block in blocks:
        kind = block.peek("type")
        if kind == "tool_use":
            calls.append(_call(block, strict=strict))
        elif kind == "thinking":
            text, signature = block.needed_text("thinking"), block.text("signature")
            block.close(("type",))
            reasoning.append(text)
            if signature:
                thinking.append({"type": "thinking", "thinking": text, "signature": signature})
        elif kind == "redacted_thinking":
            thinking.append({"type": "redacted_thinking", "data": block.needed_text("data")})
            block.close(("type",))
        else:
            parts.append(chat_part(block, strict=strict))
    out: dict[str, Any] = {"role": "assistant", "content": _content(parts) if parts else None}
    if calls:
        out["tool_calls"] = calls
    if not strict:
        _put(out, "reasoning_content", "".join(reasoning) or None)
        _put(out, "thinking_blocks", thinking or None)
    return out


def _call(block: Fields, *, strict: bool) -> dict[str, Any]:
    name = block.needed_text("name")
    arguments = block.object("input")
    call = {
        "id": block.needed_text("id"),
        "type": "function",
        "function": {"name": name, "arguments": msgspec.json.encode(arguments or {}).decode()},
    }
    mark = block.object(MARK)
    caller = block.fields("caller")
    if caller is not None:
        caller.only("type", "direct")
        caller.close()
    block.close(("type",))
    return marked(call, None if strict else mark)
