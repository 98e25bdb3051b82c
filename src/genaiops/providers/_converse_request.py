"""A chat completion's request as Bedrock's Converse takes it.

After the API reference of Amazon Bedrock Runtime (Converse) and OpenAI's of chat completions. What Converse cannot take
is a UsageError that names the field. Left out without a word are hints that change no answer: `user`, `metadata`,
`store`, `safety_identifier`, `prompt_cache_key`, `prompt_cache_retention`, `stream_options`, a message's `name`, an
image's `detail`, and values that say what is so anyway (`n` 1, penalties 0).

`cache_control` on a message, a part or a tool becomes a cache point behind it.
"""

from typing import Any, Literal, cast

import msgspec
from msgspec import Raw

from genaiops.core.errors import UsageError
from genaiops.ports.providers import CallBody
from genaiops.providers._converse_messages import Block, Function, Mark, Message, add_mark, cannot, conversation

HINTS = frozenset(
    {
        "genaiops",
        "messages",
        "metadata",
        "model",
        "prompt_cache_key",
        "prompt_cache_retention",
        "safety_identifier",
        "store",
        "stream",
        "stream_options",
        "user",
    }
)
_SAME: dict[str, tuple[Any, ...]] = {
    "n": (1,),
    "frequency_penalty": (0,),
    "presence_penalty": (0,),
    "logprobs": (False,),
    "top_logprobs": (0,),
    "logit_bias": ({},),
    "parallel_tool_calls": (True,),
    "modalities": (["text"],),
}
"""Field -> values that ask for nothing."""

OWN = frozenset(
    {
        "additionalModelRequestFields",
        "additionalModelResponseFieldPaths",
        "guardrailConfig",
        "performanceConfig",
        "promptVariables",
        "requestMetadata",
    }
)
"""Converse's own fields, which a client may give as they are."""

_EFFORTS = frozenset({"low", "medium", "high", "xhigh", "max"})


class _ToolFunction(msgspec.Struct, frozen=True):
    name: str
    description: str | None = None
    parameters: Raw = Raw(b'{"type":"object","properties":{}}')
    strict: bool | None = None


class _Tool(msgspec.Struct, frozen=True):
    type: str
    function: _ToolFunction | None = None
    cache_control: Mark | None = None


class _Named(msgspec.Struct, frozen=True):
    function: Function
    type: Literal["function"]


class _JsonSchema(msgspec.Struct, frozen=True):
    schema: Raw
    name: str | None = None
    description: str | None = None


class _Format(msgspec.Struct, frozen=True):
    type: str
    json_schema: _JsonSchema | None = None


_fields = msgspec.json.Decoder(dict[str, Raw]).decode


def converse_request(call: CallBody, upstream_model: str) -> Block:
    """The body of Converse and ConverseStream. UsageError names what cannot be said there."""
    try:
        fields = {name: raw for name, raw in _fields(call.raw).items() if bytes(raw) != b"null"}
        return _request(fields, call, upstream_model)
    except msgspec.DecodeError as error:
        raise UsageError(f"The request is not a chat completion's: {error}.", remedy="Mend that place.") from None


def _request(fields: dict[str, Raw], call: CallBody, upstream_model: str) -> Block:
    messages = msgspec.json.decode(fields.get("messages", b"[]"), type=list[Message])
    system, turns = conversation(messages)
    body: Block = {"messages": turns}
    if system:
        body["system"] = system
    if inference := _inference(fields, call):
        body["inferenceConfig"] = inference
    has_tools = any(message.role == "tool" or message.tool_calls for message in messages)
    if tools := _tool_config(fields, has_tools=has_tools):
        body["toolConfig"] = tools
    if output := _output_config(fields):
        body["outputConfig"] = output
    if "service_tier" in fields and (tier := _value(fields, "service_tier", str)) != "auto":
        body["serviceTier"] = {"type": tier}
    anthropic = [name for name in ("thinking", "top_k") if name in fields]
    if anthropic:
        if "anthropic." not in upstream_model:
            raise cannot(anthropic[0], "Give the model's own field in additionalModelRequestFields.")
        body["additionalModelRequestFields"] = {name: fields[name] for name in anthropic}
    for name in OWN & fields.keys():
        there = body.get(name)
        body[name] = {**there, **_fields(fields[name])} if there is not None else fields[name]
    _refuse_others(fields)
    return body


_TAKEN = frozenset(
    {
        "max_completion_tokens",
        "max_tokens",
        "reasoning_effort",
        "response_format",
        "service_tier",
        "stop",
        "temperature",
        "thinking",
        "tool_choice",
        "tools",
        "top_k",
        "top_p",
    }
)


def _refuse_others(fields: dict[str, Raw]) -> None:
    for name in fields.keys() - HINTS - OWN - _TAKEN:
        if msgspec.json.decode(fields[name]) not in _SAME.get(name, ()):
            raise cannot(name, "Leave it out, or send the call to a model of another provider.")


def _value(fields: dict[str, Raw], name: str, kind: Any) -> Any:
    try:
        return msgspec.json.decode(fields[name], type=kind)
    except msgspec.ValidationError as error:
        raise UsageError(f"The field {name!r} is not right: {error}.", remedy="Mend it.", param=name) from None


def _inference(fields: dict[str, Raw], call: CallBody) -> Block:
    found: Block = {}
    if call.inject_cap:
        found["maxTokens"] = call.max_tokens
    else:
        for name in ("max_tokens", "max_completion_tokens"):
            if name in fields:
                found["maxTokens"] = _value(fields, name, int)
    for name, theirs in (("temperature", "temperature"), ("top_p", "topP")):
        if name in fields:
            found[theirs] = _value(fields, name, float)
    if "stop" in fields:
        stop: str | list[str] = _value(fields, "stop", str | list[str])
        found["stopSequences"] = [stop] if isinstance(stop, str) else stop
    return found


def _tool_config(fields: dict[str, Raw], *, has_tools: bool) -> Block | None:
    tools: list[_Tool] = _value(fields, "tools", list[_Tool]) if "tools" in fields else []
    if not tools:
        return None
    config: Block = {"tools": [block for tool in tools for block in _tool_blocks(tool)]}
    choice: str | _Named = _value(fields, "tool_choice", str | _Named) if "tool_choice" in fields else ""
    if isinstance(choice, _Named):
        config["toolChoice"] = {"tool": {"name": choice.function.name}}
    elif choice == "required":
        config["toolChoice"] = {"any": {}}
    elif choice == "auto":
        config["toolChoice"] = {"auto": {}}
    elif choice == "none":
        if has_tools:  # then Converse wants the tools, and has no word for using none
            raise cannot("tool_choice", "Leave it out.", "tool_choice `none` in a conversation that has used tools")
        return None
    elif choice:
        raise UsageError(f"tool_choice is {choice!r}.", remedy="Use auto, required or none.", param="tool_choice")
    return config


def _tool_blocks(tool: _Tool) -> list[Block]:
    if tool.type != "function" or tool.function is None:
        raise cannot("tools", "Use functions.", f"a tool of the type {tool.type!r}")
    function = tool.function
    spec: Block = {"name": function.name, "inputSchema": {"json": function.parameters}}
    if function.description:
        spec["description"] = function.description
    if function.strict:
        spec["strict"] = True
    blocks: list[Block] = [{"toolSpec": spec}]
    add_mark(blocks, tool.cache_control)
    return blocks


def _output_config(fields: dict[str, Raw]) -> Block:
    config: Block = {}
    if "reasoning_effort" in fields:
        effort = _value(fields, "reasoning_effort", str)
        if effort not in _EFFORTS:
            raise cannot("reasoning_effort", f"Use one of {', '.join(sorted(_EFFORTS))}.", f"the effort {effort!r}")
        config["effort"] = effort
    if "response_format" not in fields:
        return config
    given = cast("_Format", _value(fields, "response_format", _Format))
    if given.type == "json_schema" and given.json_schema is not None:
        described = given.json_schema
        schema: Block = {"schema": bytes(described.schema).decode()}
        schema |= {name: text for name in ("name", "description") if (text := getattr(described, name))}
        config["textFormat"] = {"type": "json_schema", "structure": {"jsonSchema": schema}}
    elif given.type != "text":
        raise cannot("response_format", "Give a json_schema.", f"the response format {given.type!r}")
    return config
