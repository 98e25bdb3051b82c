"""Messages of every dialect as messages of OpenAI's chat, the one form in which traces keep conversations."""

from collections.abc import Sequence
from typing import Any

from genaiops.watch._turns import object_of, objects_of
from genaiops.watch.otlp._facts import Message, json_text, loaded, numbered, plain


def from_parts(value: Any) -> list[Message] | None:
    """OpenTelemetry's `[{role, parts: [{type, content ...}], finish_reason}]`, also as JSON text; a text alone is one
    message of the user."""
    given = loaded(value)
    if isinstance(given, str):
        return [{"role": "user", "content": given}] if given else None
    found: list[Message] = []
    for entry in [object_of(given)] if isinstance(given, dict) else objects_of(given):
        if "parts" in entry:
            found += _of_parts(entry)
        elif "role" in entry or "content" in entry:
            found.append(_plain_message(entry))
        else:  # system instructions are parts without a message around them
            found += _of_parts({"role": "system", "parts": [entry]})
    return found or None


def _of_parts(entry: Message) -> list[Message]:
    texts: list[Any] = []
    thoughts: list[str] = []
    calls: list[Message] = []
    results: list[Message] = []
    for part in objects_of(entry.get("parts")):
        kind, content = part.get("type"), part.get("content")
        if kind in ("tool_call", "server_tool_call"):
            calls.append(tool_call(part.get("id"), part.get("name"), part.get("arguments")))
        elif kind in ("tool_call_response", "server_tool_call_response"):
            result = part.get("response", part.get("result"))
            results.append({"role": "tool", "tool_call_id": str(part.get("id") or ""), "content": json_text(result)})
        elif kind in ("reasoning", "thinking"):
            thoughts.append(json_text(content))
        elif kind == "text" or (kind is None and content is not None):
            texts.append(json_text(content))
        else:
            texts.append({"type": _MEDIA.get(str(part.get("modality")), "file"), **_place_of(part)})
    if not (texts or thoughts or calls) and results:
        return results
    message: Message = {"role": str(entry.get("role") or "user"), "content": _content(texts)}
    if thoughts:
        message["reasoning_content"] = "\n".join(thoughts)
    if calls:
        message["tool_calls"] = calls
    if entry.get("finish_reason"):
        message["finish_reason"] = str(entry["finish_reason"])
    return [*results, message]


_MEDIA = {"image": "image_url", "audio": "input_audio", "video": "video_url"}
"""OpenAI's words for parts that are no text."""


def _place_of(part: Message) -> Message:
    """Where media is; never the media itself, which would be a copy."""
    return {name: part[name] for name in ("uri", "file_id", "mime_type") if isinstance(part.get(name), str)}


def _content(texts: list[Any]) -> Any:
    if all(isinstance(text, str) for text in texts):
        return "\n".join(texts)
    return [{"type": "text", "text": one} if isinstance(one, str) else one for one in texts]


def tool_call(identity: Any, name: Any, arguments: Any) -> Message:
    said = "" if arguments is None else json_text(arguments)
    return {
        "id": str(identity or ""),
        "type": "function",
        "function": {"name": str(name or ""), "arguments": said},
    }


def _plain_message(entry: Message) -> Message:
    """A message that is in OpenAI's words, or nearly."""
    message: Message = {"role": str(entry.get("role") or "user"), "content": plain(entry.get("content"))}
    for name in ("tool_calls", "tool_call_id", "reasoning_content", "finish_reason", "name"):
        if entry.get(name):
            message[name] = plain(entry[name])
    return message


def from_numbered(attributes: Message, prefix: str) -> list[Message] | None:
    """`gen_ai.prompt.0.role`, `.content`, `.tool_calls.0.{id,name,arguments}`, `.finish_reason`."""
    found: list[Message] = []
    for entry in numbered(attributes, prefix):
        message: Message = {"role": str(entry.get("role") or "user"), "content": _numbered_content(entry)}
        calls = [
            tool_call(one.get("id"), one.get("name") or one.get("function.name"), _arguments(one))
            for one in numbered(entry, "tool_calls.")
        ]
        if calls:
            message["tool_calls"] = calls
        for name in ("tool_call_id", "finish_reason"):
            if entry.get(name):
                message[name] = str(entry[name])
        if entry.get("reasoning") or entry.get("reasoning_content"):
            message["reasoning_content"] = json_text(entry.get("reasoning") or entry.get("reasoning_content"))
        found.append(message)
    return found or None


def _arguments(one: Message) -> Any:
    return one.get("arguments", one.get("function.arguments"))


def _numbered_content(entry: Message) -> Any:
    value = loaded(entry.get("content"))
    if isinstance(value, list) and objects_of(value) and all("type" in part for part in objects_of(value)):
        return plain(value)  # parts, written as JSON
    return json_text(entry["content"]) if entry.get("content") is not None else ""


def from_openinference(attributes: Message, prefix: str) -> list[Message] | None:
    """`llm.input_messages.0.message.role`, `.content`, `.contents.M.message_content.*`, `.tool_calls.K.tool_call.*`."""
    found: list[Message] = []
    for entry in numbered(attributes, prefix):
        texts: list[Any] = []
        thoughts: list[str] = []
        for part in numbered(entry, "message.contents."):
            kind = part.get("message_content.type")
            text = part.get("message_content.text")
            if kind in ("reasoning", "thinking"):
                thoughts.append(json_text(text or ""))
            else:
                texts.append(text if isinstance(text, str) else {"type": str(kind or "part")})
        content = entry.get("message.content")
        message: Message = {
            "role": str(entry.get("message.role") or "user"),
            "content": json_text(content) if content is not None else _content(texts),
        }
        if thoughts:
            message["reasoning_content"] = "\n".join(thoughts)
        calls = [
            tool_call(
                one.get("tool_call.id"), one.get("tool_call.function.name"), one.get("tool_call.function.arguments")
            )
            for one in numbered(entry, "message.tool_calls.")
        ]
        if calls:
            message["tool_calls"] = calls
        if entry.get("message.tool_call_id"):
            message["tool_call_id"] = str(entry["message.tool_call_id"])
        found.append(message)
    # An agent's span of LangChain may have a role and nothing else, beside the messages in `input.value`.
    return found if any(len(one) > 2 or one["content"] for one in found) else None


_ROLES = {"human": "user", "ai": "assistant", "AIMessageChunk": "assistant", "system": "system", "tool": "tool"}


def from_state(value: Any) -> list[Message] | None:
    """The messages of a state of LangGraph, `{"messages": [...]}`, as LangChain writes them: with role and content, as
    `{type, data}`, or as `{lc, kwargs}`. None when there is anything else in it, which would be lost."""
    given = object_of(loaded(value))
    if set(given) != {"messages"}:
        return None
    found: list[Message] = []
    for entry in objects_of(given["messages"]):
        fields = object_of(entry.get("data")) or object_of(entry.get("kwargs")) or entry
        role = _ROLES.get(str(fields.get("type") or entry.get("type"))) or fields.get("role")
        if not isinstance(role, str) or "content" not in fields:
            return None
        message = _plain_message({**fields, "role": role, "tool_calls": None})
        calls = [
            tool_call(one.get("id"), one.get("name"), one.get("args")) if "args" in one else plain(one)
            for one in objects_of(fields.get("tool_calls"))
        ]
        found.append({**message, "tool_calls": calls} if calls else message)
    return found or None


def as_request(messages: Sequence[Message]) -> Message:
    return {"messages": [_without_end(one) for one in messages]}


def as_answer(messages: Sequence[Message]) -> Message:
    choices = [
        {"index": index, "message": _without_end(one), "finish_reason": object_of(one).get("finish_reason")}
        for index, one in enumerate(messages)
    ]
    return {"choices": choices}


def _without_end(message: Message) -> Message:
    return {name: value for name, value in message.items() if name != "finish_reason"}
