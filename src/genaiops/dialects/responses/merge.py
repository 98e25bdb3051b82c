"""A prompt before what a Responses request says itself."""

from typing import Any

import msgspec
from msgspec import Raw

from genaiops.dialects.fields import Fields, unsayable
from genaiops.dialects.merging import Chat, Given, cap_of, joined, merged, parts, refuse_rest, texts
from genaiops.dialects.responses.request import OF_THE_TARGET, SAME

RESPONSES = "OpenAI Responses"
_HARMLESS: dict[str, Any] = {"n": 1, "logprobs": False, "modalities": ["text"], "logit_bias": {}}


def merge(fields: Given, chat: Chat) -> bytes:
    """System texts that lead the prompt go into `instructions`, before the request's own; the rest into `input`.
    UsageError names what Responses has no words for."""
    out: dict[str, Any] = {}
    led, items = _items(chat.pop("messages", []))
    _settings(chat, out)
    own = {**out, **fields}
    own["input"] = joined(items, _as_items(fields.get("input")))
    if led:
        told = [msgspec.json.decode(fields["instructions"])] if "instructions" in fields else []
        own["instructions"] = "\n\n".join([*led, *told])
    for name in ("text", "reasoning"):
        if name in out:
            own[name] = merged(out[name], fields.get(name))
    if "include" in out:
        own["include"] = joined(out["include"], fields.get("include"))
    return msgspec.json.encode(own)


def _as_items(given: Raw | None) -> Raw | None:
    """The request's own input as a list."""
    if given is None or not bytes(given).startswith(b'"'):
        return given
    return Raw(b'[{"type":"message","role":"user","content":%b}]' % bytes(given))


def _settings(chat: Chat, out: dict[str, Any]) -> None:
    tools = chat.pop("tools", None)
    if tools:
        out["tools"] = [_tool(Fields(tool, f"tools.{at}", RESPONSES)) for at, tool in enumerate(tools)]
    choice = chat.pop("tool_choice", None)
    if choice is not None:
        out["tool_choice"] = _choice(choice)
    cap = cap_of(chat)
    if cap is not None:
        out["max_output_tokens"] = cap
    text = _text(chat.pop("response_format", None), chat.pop("verbosity", None))
    if text:
        out["text"] = text
    effort = chat.pop("reasoning_effort", None)
    if effort is not None:
        out["reasoning"] = {"effort": effort}
    if chat.get("logprobs") is True:
        chat.pop("logprobs")
        out["include"] = ["message.output_text.logprobs"]
    top = chat.pop("top_logprobs", None)
    if top is not None:
        out["top_logprobs"] = top
    for name in [name for name in chat if name in SAME or name in OF_THE_TARGET]:
        out[name] = chat.pop(name)
    refuse_rest(chat, RESPONSES, _HARMLESS)


def _text(shape: Any, verbosity: Any) -> dict[str, Any]:
    found: dict[str, Any] = {} if verbosity is None else {"verbosity": verbosity}
    if shape is None:
        return found
    given = Fields(shape, "response_format", RESPONSES)
    kind = given.needed_text("type")
    if kind == "json_schema":
        found["format"] = {"type": kind, **(given.object("json_schema") or {})}
    else:
        found["format"] = {"type": kind}
    given.close()
    return found


def _tool(tool: Fields) -> dict[str, Any]:
    """`strict` is said, as Responses takes what is not said for true."""
    kind = tool.needed_text("type")
    if kind not in ("function", "custom"):
        raise unsayable(tool.path("type"), RESPONSES, "Only functions and custom tools can be said there.")
    told = tool.object(kind) or {}
    if kind == "function":
        return {"type": kind, "parameters": {"type": "object", "properties": {}}, "strict": False, **told}
    shape = told.get("format")
    if isinstance(shape, dict) and "grammar" in shape:
        told["format"] = {"type": "grammar", **shape["grammar"]}
    return {"type": kind, **told}


def _choice(choice: Any) -> Any:
    if isinstance(choice, str):
        return choice
    named = Fields(choice, "tool_choice", RESPONSES)
    kind = named.needed_text("type")
    if kind not in ("function", "custom"):
        raise unsayable("tool_choice.type", RESPONSES)
    return {"type": kind, "name": named.needed_fields(kind).needed_text("name")}


# -- messages


def _items(messages: list[Any]) -> tuple[list[str], list[dict[str, Any]]]:
    """The system's leading texts, and the items of all that follows."""
    led: list[str] = []
    items: list[dict[str, Any]] = []
    for at, one in enumerate(messages):
        message = Fields(one, f"messages.{at}", RESPONSES)
        role = message.needed_text("role")
        content = message.take("content")
        if role in ("system", "developer") and not items:
            led += texts(content, message)
        elif role == "tool":
            call = message.needed_text("tool_call_id")
            output = content if isinstance(content, str) else [_part(part, "input") for part in parts(content, message)]
            items.append({"type": "function_call_output", "call_id": call, "output": output})
        else:
            items += _said(role, content, message)
    return led, items


def _said(role: str, content: Any, message: Fields) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    if content:
        way = "output" if role == "assistant" else "input"
        said = content if isinstance(content, str) else [_part(part, way) for part in parts(content, message)]
        found.append({"type": "message", "role": role, "content": said})
    for call in message.each("tool_calls"):
        kind = call.text("type") or "function"
        if kind not in ("function", "custom"):
            raise unsayable(call.path("type"), RESPONSES)
        made = {"type": f"{kind}_call" if kind == "function" else "custom_tool_call"}
        found.append({**made, "call_id": call.needed_text("id"), **(call.object(kind) or {})})
    return found


def _part(part: Fields, way: str) -> dict[str, Any]:
    kind = part.needed_text("type")
    if kind == "text":
        return {"type": f"{way}_text", "text": part.needed_text("text")}
    if kind == "refusal" and way == "output":
        return {"type": kind, "refusal": part.needed_text("refusal")}
    if way == "output":
        raise unsayable(part.path("type"), RESPONSES)
    if kind == "image_url":
        image = part.needed_fields("image_url")
        made: dict[str, Any] = {"type": "input_image", "image_url": image.needed_text("url")}
        made["detail"] = image.text("detail") or "auto"
        return made
    if kind == "file":
        return {"type": "input_file", **(part.object("file") or {})}
    if kind == "input_audio":
        return {"type": kind, kind: part.object(kind)}
    raise unsayable(part.path("type"), RESPONSES)
