"""The text of a prompt, where its tokens have to be estimated because nobody else counted them."""

from typing import Any, cast

import msgspec

from genaiops.domain import MEDIA, Operation, Usage
from genaiops.gateway.media import untold
from genaiops.ports.providers import TokenEstimator

_MOST = 1 << 20
"""Bytes of a body that is decoded for an estimate; a larger one counts as a token for four bytes."""

_TEXT_KEYS = (
    *("text", "content", "input_text", "arguments", "name", "description"),
    *("parts", "functionCall", "function_call", "functionResponse", "function_response"),
    *("functionDeclarations", "function_declarations"),
)
_OBJECTS = ("args", "response")
"""Where Google's dialect has objects that a model reads as they stand."""

_CHAT = ("system", "instructions", "systemInstruction", "system_instruction", "messages", "input", "contents", "tools")
_WHOLE = ("generateContentRequest", "generate_content_request")
"""Where a question how many tokens a request has may hold that request."""


def prompt_text(operation: Operation, raw: bytes | bytearray) -> str:
    """All text that a model reads of a body; empty when it cannot be read. Token ids (embeddings and completions may
    have them instead of text) count as a word each."""
    try:
        body: Any = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ""
    if not isinstance(body, dict):
        return ""
    fields = cast("dict[str, Any]", body)
    for name in _WHOLE:
        if isinstance(fields.get(name), dict):
            fields = cast("dict[str, Any]", fields[name])
    if operation == "chat":
        found = [fields.get(name) for name in _CHAT]
    else:
        found = [fields.get(name) for name in _PROMPTS.get(operation, ("input",))]
    words: list[str] = []
    for value in found:
        _collect(value, words)
    return "\n".join(words)


_PROMPTS: dict[Operation, tuple[str, ...]] = {
    "embeddings": ("input", "texts", "inputs", "requests", "content"),
    "text_completion": ("prompt",),
    "image_generation": ("prompt",),
    "rerank": ("query", "documents"),
    "video_generation": ("prompt",),
}


def _collect(value: Any, words: list[str]) -> None:
    stack: list[Any] = [value]
    while stack:
        item = stack.pop()
        if isinstance(item, str):
            words.append(item)
        elif isinstance(item, bool | float) or item is None:
            continue
        elif isinstance(item, int):
            words.append("0")
        elif isinstance(item, list):
            stack.extend(reversed(cast("list[Any]", item)))
        elif isinstance(item, dict):
            fields = cast("dict[str, Any]", item)
            stack.extend(fields[key] for key in reversed(_TEXT_KEYS) if key in fields)
            if "function" in fields:
                stack.append(fields["function"])
            said = [fields[key] for key in _OBJECTS if isinstance(fields.get(key), dict)]
            words.extend(msgspec.json.encode(one).decode() for one in said)
            if "tool_calls" in fields:
                stack.append(fields["tool_calls"])


def estimated(estimator: TokenEstimator, operation: Operation, raw: bytes | bytearray, output: str) -> Usage:
    """Usage by estimate, marked as such."""
    if operation in MEDIA:
        found = untold(operation)
        if found is not None:
            return found
    return Usage(
        input_uncached=estimator.estimate(prompt_text(operation, raw)) if len(raw) <= _MOST else len(raw) // 4,
        output_text=estimator.estimate(output),
        estimated=True,
        estimator=estimator.name,
    )
