"""A prompt before what a request of Cohere's chat says itself."""

from typing import Any

import msgspec

from genaiops.dialects.cohere.thinking import BUDGETS
from genaiops.dialects.fields import Fields, unsayable
from genaiops.dialects.merging import Chat, Given, cap_of, joined, parts, refuse_rest, stops, texts

COHERE = "Cohere's chat"
_NAMES = {
    "temperature": "temperature",
    "top_p": "p",
    "top_k": "k",
    "frequency_penalty": "frequency_penalty",
    "presence_penalty": "presence_penalty",
    "seed": "seed",
}
_CHOICES = {"required": "REQUIRED", "none": "NONE"}
_HARMLESS: dict[str, Any] = {"n": 1, "logprobs": False, "parallel_tool_calls": True, "logit_bias": {}}


def merge(fields: Given, chat: Chat) -> bytes:
    """UsageError names what Cohere has no words for."""
    out: dict[str, Any] = {}
    messages = [_message(Fields(one, f"messages.{at}", COHERE)) for at, one in enumerate(chat.pop("messages", []))]
    for ours, theirs in _NAMES.items():
        if ours in chat:
            out[theirs] = chat.pop(ours)
    cap, stop = cap_of(chat), stops(chat.pop("stop", None))
    if cap is not None:
        out["max_tokens"] = cap
    if stop:
        out["stop_sequences"] = stop
    if chat.get("logprobs") is True:
        out["logprobs"] = chat.pop("logprobs")
    _tools(chat, out)
    effort = chat.pop("reasoning_effort", None)
    if effort is not None:
        out["thinking"] = _thinking(effort)
    shape = chat.pop("response_format", None)
    if shape is not None:
        out["response_format"] = _shape(Fields(shape, "response_format", COHERE))
    refuse_rest(chat, COHERE, _HARMLESS)
    return msgspec.json.encode({**out, **fields, "messages": joined(messages, fields.get("messages"))})


def _thinking(effort: str) -> dict[str, Any]:
    if effort == "none":
        return {"type": "disabled"}
    if effort not in BUDGETS:
        raise unsayable("reasoning_effort", COHERE, f"Known are none, {', '.join(BUDGETS)}.")
    return {"type": "enabled", "token_budget": BUDGETS[effort]}


def _shape(shape: Fields) -> dict[str, Any]:
    kind = shape.needed_text("type")
    if kind != "json_schema":
        return {"type": kind}
    return {"type": "json_object", "json_schema": shape.needed_fields("json_schema").object("schema")}


def _tools(chat: Chat, out: dict[str, Any]) -> None:
    tools = chat.pop("tools", None) or ()
    made = [_tool(Fields(tool, f"tools.{at}", COHERE)) for at, tool in enumerate(tools)]
    if made:
        out["tools"] = [tool for tool, _ in made]
        if all(strict for _, strict in made):
            out["strict_tools"] = True
    choice = chat.pop("tool_choice", None)
    if choice in _CHOICES:
        out["tool_choice"] = _CHOICES[choice]
    elif choice not in (None, "auto"):
        raise unsayable("tool_choice", COHERE, "Known are auto, required and none.")


def _tool(tool: Fields) -> tuple[dict[str, Any], bool]:
    if tool.needed_text("type") != "function":
        raise unsayable(tool.path("type"), COHERE, "Only functions can be said there.")
    function = tool.object("function") or {}
    strict = function.pop("strict", None) is True
    return {"type": "function", "function": function}, strict


def _message(message: Fields) -> dict[str, Any]:
    role = message.needed_text("role")
    content = message.take("content")
    if role in ("system", "developer"):
        return {"role": "system", "content": "\n".join(texts(content, message))}
    out: dict[str, Any] = {"role": role}
    if role == "user" and not isinstance(content, str):
        content = [_part(part) for part in parts(content, message)]
    elif content is not None:
        content = "\n".join(texts(content, message))
    if content is not None:
        out["content"] = content
    calls = message.items("tool_calls")
    if calls:
        out["tool_calls"] = calls
    call = message.text("tool_call_id")
    if call is not None:
        out["tool_call_id"] = call
    return out


def _part(part: Fields) -> dict[str, Any]:
    kind = part.needed_text("type")
    if kind == "text":
        return {"type": kind, "text": part.needed_text("text")}
    if kind == "image_url":
        return {"type": kind, "image_url": part.object("image_url")}
    raise unsayable(part.path("type"), COHERE)
