"""A request of Cohere's chat, said as an OpenAI chat request.

Hints that are left out because a caller cannot rely on their effect: `priority`, `citation_options` (there is nothing
to cite without `documents`, which are refused), citations in earlier answers, ids of a tool's documents.
Everything else that chat has no words for is a UsageError naming the field.
"""

from typing import Any, cast

import msgspec

from genaiops.dialects.cohere.thinking import effort_of
from genaiops.dialects.fields import CHAT, Fields, body_fields, unsayable, wrong

_HINTS = ("priority", "citation_options")
_NUMBERS = (
    ("temperature", "temperature"),
    ("p", "top_p"),
    ("frequency_penalty", "frequency_penalty"),
    ("presence_penalty", "presence_penalty"),
)
_CHOICES = {"REQUIRED": "required", "NONE": "none"}


def chat_request(raw: bytes | bytearray, *, strict: bool = False) -> bytes:
    """The body of a chat request that means the same, but for the cap on the output, which its provider puts in.

    `strict` is for a server that refuses what OpenAI does not document: `k` is refused and earlier thinking is left
    out. A model's plan before its calls is text there.
    """
    request = body_fields(raw, CHAT)
    if request.peek("documents"):
        request.refuse("documents", "Put their text into a message, or call a model of Cohere's.")
    request.only("documents", [])
    request.integer("max_tokens")
    out: dict[str, Any] = {"model": request.needed_text("model"), "messages": _messages(request, strict=strict)}
    for theirs, ours in _NUMBERS:
        _put(out, ours, request.number(theirs))
    if strict:
        request.refuse("k")
    _put(out, "top_k", request.integer("k"))
    _put(out, "seed", request.integer("seed"))
    _put(out, "stop", request.items("stop_sequences") or None)
    if request.flag("logprobs"):
        out["logprobs"] = True
    if request.flag("stream"):
        out["stream"] = True
        out["stream_options"] = {"include_usage": True}
    _tools(request, out)
    _put(out, "reasoning_effort", effort_of(request))
    _put(out, "response_format", _shape(request.fields("response_format")))
    request.only("safety_mode", "CONTEXTUAL", "OFF", "NONE")  # a model of others has only its own safety
    request.only("raw_prompting", False)
    _put(out, "genaiops", request.take("genaiops"))
    request.close(_HINTS)
    return msgspec.json.encode(out)


def _put(out: dict[str, Any], name: str, value: Any) -> None:
    if value is not None:
        out[name] = value


def _shape(shape: Fields | None) -> dict[str, Any] | None:
    if shape is None:
        return None
    kind = shape.needed_text("type")
    schema = shape.object("json_schema") or shape.object("schema")  # its older name, which clients still use
    shape.close()
    if kind == "text":
        return None
    if kind != "json_object":
        raise unsayable(shape.path("type"), CHAT)
    if schema is None:
        return {"type": kind}
    # Strict schemas of OpenAI's are closed; any other would be refused there.
    closed = schema.get("additionalProperties") is False
    return {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema, "strict": closed}}


def _tools(request: Fields, out: dict[str, Any]) -> None:
    strict = request.flag("strict_tools")
    tools = [_tool(tool, strict=strict) for tool in request.each("tools")]
    if tools:
        out["tools"] = tools
    choice = request.text("tool_choice")
    if choice is None:
        return
    if choice not in _CHOICES:
        raise wrong(request.path("tool_choice"), "must be REQUIRED or NONE")
    if tools:
        out["tool_choice"] = _CHOICES[choice]


def _tool(tool: Fields, *, strict: bool | None) -> dict[str, Any]:
    if tool.needed_text("type") != "function":
        raise unsayable(tool.path("type"), CHAT, "Only functions can be translated.")
    function = tool.needed_fields("function")
    made: dict[str, Any] = {"name": function.needed_text("name")}
    _put(made, "description", function.text("description"))
    _put(made, "parameters", function.object("parameters"))
    if strict:
        made["strict"] = True
    function.close()
    tool.close()
    return {"type": "function", "function": made}


# -- messages


def _messages(request: Fields, *, strict: bool) -> list[dict[str, Any]]:
    out: list[dict[str, Any]] = []
    for message in request.each("messages"):
        role = message.needed_text("role")
        if role == "system":
            made: dict[str, Any] = {"content": _text(message)}
        elif role == "user":
            made = {"content": _said(message)}
        elif role == "assistant":
            made = _assistant(message, strict=strict)
        elif role == "tool":
            made = {"tool_call_id": message.needed_text("tool_call_id"), "content": _result(message)}
        else:
            raise wrong(message.path("role"), "must be system, user, assistant or tool")
        message.close()
        out.append({"role": role, **made})
    return out


def _parts(message: Fields) -> list[Fields] | str:
    value = message.take("content")
    if isinstance(value, str):
        return value
    return Fields({"content": value}, message.at, message.to).each("content")


def _needed_parts(message: Fields) -> list[Fields] | str:
    if message.peek("content") is None:
        raise wrong(message.path("content"), "is missing")
    return _parts(message)


def _text(message: Fields) -> str:
    """Text alone: system messages have nothing else."""
    parts = _needed_parts(message)
    return parts if isinstance(parts, str) else "\n".join(_text_of(part, part.needed_text("type")) for part in parts)


def _text_of(part: Fields, kind: str) -> str:
    if kind != "text":
        raise unsayable(part.path("type"), CHAT)
    text = part.needed_text("text")
    part.close()
    return text


def _said(message: Fields) -> Any:
    parts = _needed_parts(message)
    if isinstance(parts, str):
        return parts
    made = [_part(part) for part in parts]
    return made[0]["text"] if len(made) == 1 and made[0]["type"] == "text" else made


def _part(part: Fields) -> dict[str, Any]:
    kind = part.needed_text("type")
    if kind != "image_url":
        return {"type": "text", "text": _text_of(part, kind)}
    image = part.needed_fields("image_url")
    made: dict[str, Any] = {"url": image.needed_text("url")}
    _put(made, "detail", image.text("detail"))
    image.close()
    part.close()
    return {"type": "image_url", "image_url": made}


def _assistant(message: Fields, *, strict: bool) -> dict[str, Any]:
    words: list[str] = []
    thoughts: list[str] = []
    parts = _parts(message)
    plan = message.text("tool_plan")
    if plan:
        words.append(plan)
    if isinstance(parts, str):
        words.append(parts)
    else:
        for part in parts:
            kind = part.needed_text("type")
            if kind == "thinking":
                thoughts.append(part.needed_text("thinking"))
                part.close()
            else:
                words.append(_text_of(part, kind))
    calls = [_call(call) for call in message.each("tool_calls")]
    message.items("citations")  # they say nothing to a model that cannot cite
    made: dict[str, Any] = {"content": "\n".join(words) if words or not calls else None}
    if calls:
        made["tool_calls"] = calls
    if thoughts and not strict:
        made["reasoning_content"] = "".join(thoughts)
    return made


def _call(call: Fields) -> dict[str, Any]:
    call.only("type", "function")
    function = call.needed_fields("function")
    made = {
        "id": call.needed_text("id"),
        "type": "function",
        "function": {"name": function.needed_text("name"), "arguments": function.text("arguments") or "{}"},
    }
    function.close()
    call.close(("index",))  # of a stream, which some clients leave in
    return made


def _result(message: Fields) -> str:
    """What a tool gave: texts, and documents as the JSON that they are."""
    parts = _needed_parts(message)
    if isinstance(parts, str):
        return parts
    return "\n".join(_result_part(part) for part in parts)


def _result_part(part: Fields) -> str:
    kind = part.needed_text("type")
    if kind != "document":
        return _text_of(part, kind)
    document = part.needed_fields("document")
    data: Any = document.take("data")
    document.close(("id",))
    part.close()
    if isinstance(data, str):
        return data
    if not isinstance(data, dict):
        raise wrong(document.path("data"), "must be an object or a text")
    return msgspec.json.encode(cast("dict[str, Any]", data)).decode()
