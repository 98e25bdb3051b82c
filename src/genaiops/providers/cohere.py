"""Cohere's API, version 2: chat, embeddings and rerank, for calls in Cohere's own words and in OpenAI's.

Source: Cohere's API reference (POST /v2/chat, /v2/embed, /v2/rerank), its guide to streamed events.
"""

from collections.abc import Sequence
from typing import Any

from genaiops.core.errors import UsageError
from genaiops.dialects.cohere.thinking import BUDGETS
from genaiops.domain import Target
from genaiops.ports.providers import Answer, CallBody, Dialect, Provider, ProviderError, StreamReader, Wire
from genaiops.providers._chat_request import (
    BOOL,
    FLOAT,
    INT,
    OBJECT,
    TEXT,
    TEXTS,
    Fields,
    Message,
    chosen,
    encode_body,
    plain_text,
    url_of,
)
from genaiops.providers._cohere_answer import CohereStream, read_chat, read_embeddings
from genaiops.providers._cohere_native import OwnStream, read_own
from genaiops.providers._cohere_rerank import read_rerank, rerank_body
from genaiops.providers._errors import read_error
from genaiops.providers._own_body import own_body
from genaiops.providers.openai import request_headers

_EVENTS = (b"accept", b"text/event-stream")
"""To whom it believes to want JSON, Cohere streams lines of JSON."""

_OWN = ("documents", "citation_options", "safety_mode", "priority")
_NO_PARAMETERS: dict[str, Any] = {"type": "object", "properties": {}}


class Cohere(Provider):
    """`base_url`: `https://api.cohere.com/v2`.

    Left behind as harmless: `name` of a message, `strict` unless all tools have it, cache marks, `metadata`, `user` and
    OpenAI's other bookkeeping. Cohere's own fields `documents`, `citation_options`, `safety_mode`, `thinking`,
    `priority`, `strict_tools` and `top_k` pass. A forced or restricted tool is said by sending only the tools that may
    be called. `reasoning_effort` becomes a budget of thought. In answers `reasoning_content` is Cohere's thinking;
    `tool_plan` and `citations` keep their names, and are taken back in messages.

    Usage counts billed units (what Cohere charges); the tokens that the model really saw stand beside them in the
    answer's `usage.tokens`.

    Settings of a target: `input_type` of embeddings that name none (default: `search_document`), `header.NAME`.
    """

    name = "cohere"
    serves = frozenset({"chat", "embeddings", "rerank"})

    def takes(self, dialect: Dialect, target: Target) -> bool:  # noqa: ARG002 - all targets alike
        return dialect in ("openai", "cohere")

    def prepare(self, call: CallBody, target: Target, credential: str | None) -> Wire:
        headers = request_headers(target, credential)
        if call.stream:
            headers = (*headers, _EVENTS)
        if call.dialect == "cohere":
            path = b"/chat" if call.operation == "chat" else b"/embed"
            return Wire(b"POST", path, headers, own_body(call, target))
        if call.operation == "embeddings":
            return Wire(b"POST", b"/embed", headers, encode_body(_embed_body(call, target)))
        if call.operation == "rerank":
            return Wire(b"POST", b"/rerank", headers, rerank_body(call, target))
        if call.operation != "chat":
            raise UsageError(
                "The provider cohere has no completions of plain text.",
                remedy="Call /v1/chat/completions.",
                code="unsupported_by_provider",
            )
        return Wire(b"POST", b"/chat", headers, encode_body(_chat_body(call, target)))

    def read(self, call: CallBody, body: bytes) -> Answer:
        if call.dialect == "cohere":
            return read_own(call, body)
        if call.operation == "embeddings":
            return read_embeddings(call, body)
        return read_rerank(call, body) if call.operation == "rerank" else read_chat(call, body)

    def stream(self, call: CallBody, *, filter_usage: bool) -> StreamReader:  # noqa: ARG002 (usage always comes)
        return OwnStream(call) if call.dialect == "cohere" else CohereStream(call)

    def error(self, status: int, headers: Sequence[tuple[bytes, bytes]], body: bytes) -> ProviderError:
        return read_error(status, headers, body)


def _chat_body(call: CallBody, target: Target) -> dict[str, Any]:
    fields = Fields(call, "cohere")
    for name in ("max_tokens", "max_completion_tokens"):
        fields.take(name, INT)
    made: dict[str, Any] = {
        "model": target.upstream_model,
        "messages": [_message(fields, message, at) for at, message in enumerate(fields.messages())],
        "stream": call.stream,
        "max_tokens": call.max_tokens,
        "stop_sequences": fields.stop() or None,
        "temperature": fields.take("temperature", FLOAT),
        "p": fields.take("top_p", FLOAT),
        "k": fields.take("top_k", INT),
        "seed": fields.take("seed", INT),
        "frequency_penalty": fields.take("frequency_penalty", FLOAT),
        "presence_penalty": fields.take("presence_penalty", FLOAT),
        "logprobs": fields.take("logprobs", BOOL) or None,
        "thinking": _thinking(fields),
        **_tools(fields),
        **fields.copy(*_OWN),
    }
    wanted = fields.response_format()
    if wanted is not None:
        schema = {} if wanted.schema is None else {"json_schema": wanted.schema}
        made["response_format"] = {"type": "json_object", **schema}
    fields.done()
    return {name: value for name, value in made.items() if value is not None}


def _thinking(fields: Fields) -> dict[str, Any] | None:
    """`thinking` as Cohere has it, which overrules `reasoning_effort`."""
    own = fields.take("thinking", OBJECT)
    effort = fields.take("reasoning_effort", TEXT)
    if own is not None or effort is None:
        return own
    if effort == "none":
        return {"type": "disabled"}
    if effort not in BUDGETS:
        raise fields.refuse("reasoning_effort", f"the effort {effort!r}")
    return {"type": "enabled", "token_budget": BUDGETS[effort]}


def _tools(fields: Fields) -> dict[str, Any]:
    tools, choice = fields.tooling()
    strict = fields.take("strict_tools", BOOL)
    allowed = chosen(tools, choice)
    if not allowed:
        return {}
    made: dict[str, Any] = {
        "tools": [
            {
                "type": "function",
                "function": {
                    "name": tool.name,
                    **({"description": tool.description} if tool.description else {}),
                    "parameters": tool.parameters or _NO_PARAMETERS,
                },
            }
            for tool in allowed
        ]
    }
    if choice is not None and choice.mode != "auto":
        made["tool_choice"] = choice.mode.upper()
    if strict or (strict is None and all(tool.strict for tool in allowed)):
        made["strict_tools"] = True
    return made


def _message(fields: Fields, message: Message, at: int) -> dict[str, Any]:
    role = message.role
    if role in ("system", "developer"):
        return {"role": "system", "content": plain_text(fields, message, at)}
    if role == "user":
        return {"role": "user", "content": _user_content(fields, message, at)}
    if role == "tool":
        if not message.tool_call_id:
            raise fields.refuse(f"messages[{at}].tool_call_id", "the result of a tool call without its id")
        return {"role": "tool", "tool_call_id": message.tool_call_id, "content": plain_text(fields, message, at)}
    if role != "assistant":
        raise fields.refuse(f"messages[{at}].role", f"the role {role!r}")
    made: dict[str, Any] = {"role": "assistant"}
    text = plain_text(fields, message, at)
    if message.thought:
        made["content"] = [{"type": "thinking", "thinking": message.thought}]
        if text:
            made["content"].append({"type": "text", "text": text})
    elif text or not message.calls():
        made["content"] = text
    if message.calls():
        made["tool_calls"] = [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": call.function.name, "arguments": call.function.arguments},
            }
            for call in message.calls()
        ]
    if message.tool_plan:
        made["tool_plan"] = message.tool_plan
    if message.citations:
        made["citations"] = message.citations
    return made


def _user_content(fields: Fields, message: Message, at: int) -> str | list[dict[str, Any]]:
    if not isinstance(message.content, list):
        return message.content or ""
    made: list[dict[str, Any]] = []
    for number, part in enumerate(message.content):
        if part.type == "text" and part.text is not None:
            made.append({"type": "text", "text": part.text})
        elif part.type == "image_url" and part.image_url is not None:
            image = url_of(part.image_url)
            detail = {"detail": image.detail} if image.detail else {}
            made.append({"type": "image_url", "image_url": {"url": image.url, **detail}})
        else:
            raise fields.refuse(f"messages[{at}].content[{number}].type", f"a part of the type {part.type!r}")
    return made


def _embed_body(call: CallBody, target: Target) -> dict[str, Any]:
    fields = Fields(call, "cohere")
    given = fields.need("input", TEXTS)
    kind = fields.take("input_type", TEXT) or target.settings.get("input_type", "search_document")
    fields.take("encoding_format", TEXT)
    made: dict[str, Any] = {
        "model": target.upstream_model,
        "texts": [given] if isinstance(given, str) else given,
        "input_type": kind,
        "embedding_types": ["float"],
        "output_dimension": fields.take("dimensions", INT),
        **fields.copy("truncate", "priority"),
    }
    fields.done()
    return {name: value for name, value in made.items() if value is not None}
