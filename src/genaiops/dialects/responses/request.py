"""A Responses request as a chat.completions request.

Documented at developers.openai.com/api/reference/resources/responses (create) and .../chat (create). Every field has
one of five fates; a field that is null counts as not given:

- it means the same in both and goes on with its bytes (`SAME`);
- it is said in chat's words (`TRANSLATED`);
- it concerns the gateway or the answer only (`ANSWERED_HERE`): `metadata` is echoed, and not sent, as OpenAI's chat
  refuses it without storage; `client_metadata` is what coding agents tell of themselves; `store` is answered with false
  whatever was asked, since nothing is kept that could be fetched later; `stream_options.include_obfuscation` and
  `max_tool_calls` (calls of built-in tools) have no object;
- it is a field of the target's own (`OF_THE_TARGET`), such as `top_k`, and goes on as it is;
- everything else is a UsageError that names it and says what to do. No unknown field goes on: it could raise the
  number of answers, or the cap.

`include` may ask for log probabilities (chat has them) and for `reasoning.encrypted_content`: reasoning comes in plain
then, and may be sent back the same way. Hints that only help a model along and that chat lacks are left out:
`reasoning.summary` (it decides where reasoning stands in the answer).
"""

from collections.abc import Callable
from typing import Any

import msgspec
from msgspec import Raw

from genaiops.core.errors import UsageError
from genaiops.dialects.responses.head import decode_with, given
from genaiops.dialects.responses.input import WHOLE_REMEDY, chat_messages
from genaiops.dialects.responses.refusals import NATIVE_REMEDY, cannot, missing
from genaiops.dialects.responses.tools import chat_tool_choice, chat_tools

SAME = frozenset(
    {
        "model",
        "stream",
        "temperature",
        "top_p",
        "parallel_tool_calls",
        "user",
        "safety_identifier",
        "prompt_cache_key",
        "prompt_cache_options",
        "prompt_cache_retention",
        "service_tier",
    }
)
OF_THE_TARGET = frozenset(
    {
        "chat_template_kwargs",
        "frequency_penalty",
        "logit_bias",
        "min_p",
        "presence_penalty",
        "repetition_penalty",
        "seed",
        "stop",
        "top_k",
    }
)
ANSWERED_HERE = frozenset(
    {"client_metadata", "genaiops", "instructions", "max_tool_calls", "metadata", "store", "stream_options"}
)
REMEDIES = {
    "previous_response_id": WHOLE_REMEDY,
    "conversation": WHOLE_REMEDY,
    "background": "Send the request without `background` and wait for the answer, or stream it.",
    "prompt": "Send the text of the prompt in `instructions` and `input`.",
    "truncation": "Shorten `input` to what the model takes, and leave `truncation` out.",
}


class _Format(msgspec.Struct, frozen=True):
    type: str
    name: str | None = None
    description: str | None = None
    schema: Raw = Raw()
    strict: bool | None = None


class _Text(msgspec.Struct, frozen=True):
    format: _Format | None = None
    verbosity: str | None = None


class _Reasoning(msgspec.Struct, frozen=True):
    effort: str | None = None
    context: str | None = None
    mode: str | None = None


_fields = msgspec.json.Decoder(dict[str, Raw])
_string = msgspec.json.Decoder(str)
_text = msgspec.json.Decoder(_Text)
_reasoning = msgspec.json.Decoder(_Reasoning)
_include = msgspec.json.Decoder(list[str])
_cap = msgspec.json.Decoder(int)

Chat = dict[str, Any]


def chat_request(
    raw: bytes | bytearray,
    *,
    cap_field: str | None = "max_tokens",
    include_usage: bool = True,
    reasoning_field: str | None = "reasoning_content",
) -> bytes:
    """The request for a target that speaks chat completions.

    `cap_field`: the target's name for the cap on the output (None: the provider puts it in). `include_usage`: ask
    for usage at the end of a stream (a Responses stream always tells it). `reasoning_field`: in which field of an
    assistant message the target takes its former reasoning back, None to leave it out. UsageError (400) names the
    field that is wrong, or that chat cannot say.
    """
    fields = {name: value for name, value in decode_with(_fields, raw).items() if given(value)}
    for name in ("model", "input"):
        if name not in fields and "prompt" not in fields and "conversation" not in fields:
            raise missing(name)
    chat: Chat = {}
    tools: list[Any] = []
    for name, value in fields.items():
        if name in SAME or name in OF_THE_TARGET:
            chat[name] = value
        elif name == "input":
            instructions = fields.get("instructions")
            told = decode_with(_string, instructions, "instructions") if instructions is not None else None
            chat["messages"], added = chat_messages(told, value, reasoning_field)
            tools += added
        elif name == "max_output_tokens":
            cap = decode_with(_cap, value, name)
            if cap_field is not None:
                chat[cap_field] = cap
        elif name == "tools":
            tools[:0] = chat_tools(value, name)
        elif name == "tool_choice":
            chat[name] = chat_tool_choice(value)
        elif name in TRANSLATED:
            TRANSLATED[name](value, chat)
        elif name not in ANSWERED_HERE:
            _refuse(name, value)
    if tools:
        chat["tools"] = tools
    if include_usage and bytes(fields.get("stream", b"")) == b"true":
        chat["stream_options"] = {"include_usage": True}
    return msgspec.json.encode(chat)


_HARMLESS = {"background": b"false", "truncation": b'"disabled"', "context_management": b"[]"}


def _refuse(name: str, value: Raw) -> None:
    """UsageError, unless the value asks for nothing."""
    if _HARMLESS.get(name) != bytes(value):
        raise UsageError(
            f"{name!r} is nothing that a target which speaks chat completions can do.",
            remedy=REMEDIES.get(name, f"Leave it out, or c{NATIVE_REMEDY[1:]}"),
            code="not_translatable",
            param=name,
        )


def _add_text(value: Raw, chat: Chat) -> None:
    text = decode_with(_text, value, "text")
    if text.verbosity is not None:
        chat["verbosity"] = text.verbosity
    wanted = text.format
    if wanted is None or wanted.type == "text":
        return
    if wanted.type == "json_object":
        chat["response_format"] = {"type": "json_object"}
    elif wanted.type == "json_schema":
        if wanted.name is None:
            raise missing("text.format.name")
        if not given(wanted.schema):
            raise missing("text.format.schema")
        schema: dict[str, Any] = {"name": wanted.name, "schema": wanted.schema}
        if wanted.description is not None:
            schema["description"] = wanted.description
        if wanted.strict is not None:
            schema["strict"] = wanted.strict
        chat["response_format"] = {"type": "json_schema", "json_schema": schema}
    else:
        raise cannot("text.format.type", wanted.type, "Known are: text, json_object, json_schema.")


def _add_reasoning(value: Raw, chat: Chat) -> None:
    reasoning = decode_with(_reasoning, value, "reasoning")
    if reasoning.mode not in {None, "standard"}:
        raise cannot("reasoning.mode", reasoning.mode)
    if reasoning.context not in {None, "auto"}:
        raise cannot("reasoning.context", reasoning.context, "Send the reasoning items that the model should see.")
    if reasoning.effort is not None:
        chat["reasoning_effort"] = reasoning.effort


def _add_included(value: Raw, chat: Chat) -> None:
    for index, wanted in enumerate(decode_with(_include, value, "include")):
        if wanted == "message.output_text.logprobs":
            chat["logprobs"] = True
        elif wanted != "reasoning.encrypted_content":
            raise cannot(f"include[{index}]", wanted)


def _add_top_logprobs(value: Raw, chat: Chat) -> None:
    count = decode_with(_cap, value, "top_logprobs")
    if count:
        chat["logprobs"] = True
        chat["top_logprobs"] = count


TRANSLATED: dict[str, Callable[[Raw, Chat], None]] = {
    "text": _add_text,
    "reasoning": _add_reasoning,
    "include": _add_included,
    "top_logprobs": _add_top_logprobs,
}
