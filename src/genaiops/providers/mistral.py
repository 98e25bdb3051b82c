"""Mistral's API: like OpenAI's, with differences that its server refuses to overlook.

Source: Mistral's API reference (POST /v1/chat/completions, /v1/embeddings), its guides to reasoning and prompt caching.
"""

import hashlib
import re
from collections.abc import Sequence
from typing import Any

from genaiops.core.errors import UsageError
from genaiops.domain import Target
from genaiops.ports.providers import Answer, CallBody, Provider, ProviderError, Wire
from genaiops.providers._chat_request import (
    INT,
    TEXT,
    TEXTS,
    Fields,
    Message,
    Part,
    ToolCall,
    chosen,
    encode_body,
    url_of,
)
from genaiops.providers._errors import read_error
from genaiops.providers._mistral_answer import MistralStream, read_chat
from genaiops.providers.openai import OpenAI, request_headers

_SAME = (
    "temperature",
    "top_p",
    "n",
    "stop",
    "response_format",
    "presence_penalty",
    "frequency_penalty",
    "logprobs",
    "top_logprobs",
    "parallel_tool_calls",
    "prediction",
    "reasoning_effort",
    "metadata",
    "prompt_cache_key",
    # Mistral's own
    "random_seed",
    "safe_prompt",
    "prompt_mode",
    "guardrails",
    "min_tokens",
    "repetition_penalty",
    "top_k",
)
"""Fields that mean the same there, and go out byte for byte."""

_ID = re.compile(r"[a-zA-Z0-9]{9}")
_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


class Mistral(Provider):
    """`base_url`: `https://api.mistral.ai/v1`.

    Left behind as harmless: `name` of a user, cache marks, `user` and OpenAI's other bookkeeping. `seed` becomes
    `random_seed`, `max_completion_tokens` becomes `max_tokens`, a developer is the system. Ids of tool calls that are
    not nine letters and digits are replaced by ones that are, the same for the same id. Thinking chunks of an answer
    become `reasoning_content`, and `reasoning_content` of a message becomes one; a chunk's signature travels as
    `extra_content.mistral.signature`. What else Mistral puts into its content (references) stands unchanged under
    `extra_content.mistral.content`, and goes back from there.

    Setting of a target: `header.NAME`.
    """

    name = "mistral"

    def prepare(self, call: CallBody, target: Target, credential: str | None) -> Wire:
        headers = request_headers(target, credential)
        if call.operation == "embeddings":
            return Wire(b"POST", b"/embeddings", headers, encode_body(_embeddings_body(call, target)))
        if call.operation != "chat":
            raise UsageError(
                "The provider mistral has no completions of plain text here.",
                remedy="Call /v1/chat/completions.",
                code="unsupported_by_provider",
            )
        return Wire(b"POST", b"/chat/completions", headers, encode_body(_chat_body(call, target)))

    def read(self, call: CallBody, body: bytes) -> Answer:
        if call.operation == "embeddings":
            return OpenAI().read(call, body)
        return read_chat(call, body)

    def stream(self, call: CallBody, *, filter_usage: bool) -> MistralStream:  # noqa: ARG002 (usage always comes)
        return MistralStream(call)

    def error(self, status: int, headers: Sequence[tuple[bytes, bytes]], body: bytes) -> ProviderError:
        return read_error(status, headers, body)


def _chat_body(call: CallBody, target: Target) -> dict[str, Any]:
    fields = Fields(call, "mistral")
    for name in ("max_tokens", "max_completion_tokens"):
        fields.take(name, INT)
    seed = fields.take("seed", INT)
    made: dict[str, Any] = {
        "model": target.upstream_model,
        "messages": [_message(fields, message, at) for at, message in enumerate(fields.messages())],
        **_tools(fields),
        **fields.copy(*_SAME),
    }
    if call.stream:
        made["stream"] = True
    if call.max_tokens is not None:
        made["max_tokens"] = call.max_tokens
    if seed is not None:
        made["random_seed"] = seed
    fields.done()
    return made


def _tools(fields: Fields) -> dict[str, Any]:
    """A choice among some of several tools is said by sending only these."""
    tools, choice = fields.tooling()
    allowed = chosen(tools, choice)
    if not allowed:
        return {}
    made: dict[str, Any] = {"tools": []}
    for tool in allowed:
        one: dict[str, Any] = {"name": tool.name, "parameters": tool.parameters or {}}
        if tool.description:
            one["description"] = tool.description
        if tool.strict is not None:
            one["strict"] = tool.strict
        made["tools"].append({"type": "function", "function": one})
    if choice is not None and choice.mode == "required" and len(choice.names) == 1:
        made["tool_choice"] = {"type": "function", "function": {"name": choice.names[0]}}
    elif choice is not None:
        made["tool_choice"] = choice.mode
    return made


def _embeddings_body(call: CallBody, target: Target) -> dict[str, Any]:
    fields = Fields(call, "mistral")
    given = fields.need("input", TEXTS)
    fields.take("input_type", TEXT)  # its models embed questions and documents alike
    made: dict[str, Any] = {"model": target.upstream_model, "input": given}
    dimensions = fields.take("dimensions", INT)
    if dimensions is not None:
        made["output_dimension"] = dimensions
    made.update(fields.copy("encoding_format", "output_dtype", "output_dimension"))
    fields.done()
    return made


def short_id(call_id: str) -> str:
    """The id itself if it is nine letters and digits, else nine that stand for it (62**9, about 53 bits)."""
    if _ID.fullmatch(call_id):
        return call_id
    number = int.from_bytes(hashlib.blake2b(call_id.encode("utf-8", "replace"), digest_size=16).digest(), "big")
    letters: list[str] = []
    for _ in range(9):
        number, rest = divmod(number, 62)
        letters.append(_ALPHABET[rest])
    return "".join(letters)


def _message(fields: Fields, message: Message, at: int) -> dict[str, Any]:
    role = "system" if message.role == "developer" else message.role
    if role == "assistant":
        return _assistant(fields, message, at)
    if role not in ("system", "user", "tool"):
        raise fields.refuse(f"messages[{at}].role", f"the role {role!r}")
    made: dict[str, Any] = {"role": role, "content": _content(fields, message, at)}
    if role == "tool":
        if message.name:
            made["name"] = message.name
        if message.tool_call_id:
            made["tool_call_id"] = short_id(message.tool_call_id)
    return made


def _content(fields: Fields, message: Message, at: int) -> str | list[dict[str, Any]]:
    if not isinstance(message.content, list):
        return message.content or ""
    return [_part(fields, part, f"messages[{at}].content[{n}]") for n, part in enumerate(message.content)]


def _assistant(fields: Fields, message: Message, at: int) -> dict[str, Any]:
    if message.images:
        raise fields.refuse(f"messages[{at}].images", "images in an assistant message")
    content: Any = _content(fields, message, at)
    own: Any = (message.extra_content or {}).get("mistral")
    known: dict[str, Any] = own if isinstance(own, dict) else {}  # pyright: ignore[reportUnknownVariableType]
    if isinstance(known.get("content"), list):
        content = known["content"]
    elif message.thought:
        thinking: dict[str, Any] = {"type": "thinking", "thinking": [{"type": "text", "text": message.thought}]}
        if isinstance(known.get("signature"), str):
            thinking["signature"] = known["signature"]
        said = [{"type": "text", "text": content}] if isinstance(content, str) else content
        content = [thinking, *(said if content else [])]
    made: dict[str, Any] = {"role": "assistant", "content": content}
    if message.calls():
        made["tool_calls"] = [_call(call) for call in message.calls()]
    if message.prefix:
        made["prefix"] = True
    return made


def _call(call: ToolCall) -> dict[str, Any]:
    function = {"name": call.function.name, "arguments": call.function.arguments}
    return {"id": short_id(call.id), "type": "function", "function": function}


def _part(fields: Fields, part: Part, param: str) -> dict[str, Any]:
    if part.type == "text" and part.text is not None:
        return {"type": "text", "text": part.text}
    if part.type == "refusal" and part.refusal is not None:
        return {"type": "text", "text": part.refusal}
    if part.type == "image_url" and part.image_url is not None:
        image = url_of(part.image_url)
        detail = {"detail": image.detail} if image.detail else {}
        return {"type": "image_url", "image_url": {"url": image.url, **detail}}
    if part.type == "input_audio" and part.input_audio is not None:
        return {"type": "input_audio", "input_audio": part.input_audio.data}
    if part.type == "file" and part.file is not None:
        file = part.file
        if file.file_id is not None:
            return {"type": "file", "file_id": file.file_id}
        if file.file_data is not None:
            named = {"document_name": file.filename} if file.filename else {}
            return {"type": "document_url", "document_url": file.file_data, **named}
    raise fields.refuse(f"{param}.type", f"a part of the type {part.type!r}")
