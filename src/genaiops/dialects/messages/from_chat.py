"""An OpenAI chat request, said in Anthropic's Messages.

Hints that are left out because a caller cannot rely on their effect: `seed`, `service_tier`, `prediction`,
`prompt_cache_key`, `prompt_cache_retention`, `prompt_cache_options`, `metadata` (it is the gateway's own for traces),
`stream_options`, an image's `detail`, a message's `name`, the name and the description of a JSON schema, reasoning
text without a signature. Everything else that Messages has no words for is a UsageError naming the field.
"""

import hashlib
import re
from typing import Any

import msgspec

from genaiops.dialects.fields import MESSAGES, Fields, body_fields, unsayable, wrong
from genaiops.dialects.messages.parts import MARK, block_of, marked
from genaiops.dialects.messages.request import TOOL_ERROR
from genaiops.dialects.messages.thinking import Thinking, thinking_of

_HINTS = (
    "seed",
    "service_tier",
    "prediction",
    "prompt_cache_key",
    "prompt_cache_retention",
    "prompt_cache_options",
    "metadata",
    "stream_options",
    "genaiops",
    "max_tokens",
    "max_completion_tokens",
)
_TOOL_ID = re.compile(r"[a-zA-Z0-9_-]{1,128}")
_NOT_TOOL_ID = re.compile(r"[^a-zA-Z0-9_-]")
_ONE_ANSWER = "Ask several times; one call makes one answer there."


def request_from_chat(
    raw: bytes | bytearray,
    *,
    model: str,
    max_tokens: int,
    thinking: Thinking = "adaptive",
    inline_system: bool = True,
) -> bytes:
    """The body of a Messages request that means the same.

    `max_tokens` is the cap in force; Messages cannot do without one. `thinking`: what the model understands.
    `inline_system`: it takes system messages after the first turn where they stand; otherwise all go to the top.
    """
    request = body_fields(raw, MESSAGES)
    request.take("model")
    out: dict[str, Any] = {"model": model, "max_tokens": max_tokens}
    _messages(request, out, inline_system=inline_system)
    _refused(request)
    temperature = request.number("temperature")
    if temperature is not None and temperature > 1:
        raise unsayable("temperature", MESSAGES, "It goes from 0 to 1 there.")
    _put(out, "temperature", temperature)
    _put(out, "top_p", request.number("top_p"))
    _put(out, "top_k", request.integer("top_k"))
    stop = request.take("stop")
    if stop:
        out["stop_sequences"] = [stop] if isinstance(stop, str) else stop
    user = request.text("safety_identifier")
    user = request.text("user") or user
    if user is not None:
        out["metadata"] = {"user_id": user}
    _put(out, "stream", request.flag("stream"))
    _tools(request, out)
    _output(request, out, max_tokens, thinking)
    _put(out, MARK, request.object(MARK))
    request.close(_HINTS)
    return msgspec.json.encode(out)


def _put(out: dict[str, Any], name: str, value: Any) -> None:
    if value is not None:
        out[name] = value


def _refused(request: Fields) -> None:
    """What has a value that changes nothing is taken, the rest refused."""
    if request.peek("n") not in (None, 1):
        request.refuse("n", _ONE_ANSWER)
    request.take("n")
    request.only("logprobs", False)
    request.only("top_logprobs", 0)
    request.only("logit_bias", {})
    request.only("frequency_penalty", 0)
    request.only("presence_penalty", 0)
    request.only("store", False)
    request.only("modalities", ["text"])
    request.only("verbosity", "medium")
    request.refuse("functions", "Use `tools`.")
    request.refuse("function_call", "Use `tool_choice`.")


def _output(request: Fields, out: dict[str, Any], max_tokens: int, mode: Thinking) -> None:
    effort = request.text("reasoning_effort")
    if effort is not None:
        out.update(thinking_of(effort, max_tokens, mode))
    _put(out, "thinking", request.object("thinking"))  # said in Anthropic's own words, it counts
    shape = request.fields("response_format")
    if shape is None:
        return
    kind = shape.needed_text("type")
    if kind == "json_schema":
        schema = shape.needed_fields("json_schema")
        found = schema.object("schema")
        if found is None:
            raise wrong(schema.path("schema"), "is missing")
        schema.close(("name", "description", "strict"))
        out["output_config"] = {**out.get("output_config", {}), "format": {"type": "json_schema", "schema": found}}
    elif kind != "text":
        raise unsayable(shape.path("type"), MESSAGES, "Give a JSON schema: {'type': 'json_schema', ...}.")
    shape.close()


def _tools(request: Fields, out: dict[str, Any]) -> None:
    tools = [_tool(tool) for tool in request.each("tools")]
    if tools:
        out["tools"] = tools
    choice = request.take("tool_choice")
    parallel = request.flag("parallel_tool_calls")
    said: dict[str, Any] | None = None
    if choice in ("auto", "none"):
        said = {"type": choice}
    elif choice == "required":
        said = {"type": "any"}
    elif choice is not None:
        named = Fields(choice, "tool_choice", MESSAGES)
        if named.needed_text("type") != "function":
            raise unsayable("tool_choice.type", MESSAGES)
        function = named.needed_fields("function")
        said = {"type": "tool", "name": function.needed_text("name")}
        function.close()
        named.close()
    if parallel is False and tools and choice != "none":
        said = {**(said or {"type": "auto"}), "disable_parallel_tool_use": True}
    _put(out, "tool_choice", said)


def _tool(tool: Fields) -> dict[str, Any]:
    if tool.needed_text("type") != "function":
        raise unsayable(tool.path("type"), MESSAGES, "Only tools of the type `function` can be translated.")
    function = tool.needed_fields("function")
    out: dict[str, Any] = {"name": function.needed_text("name")}
    _put(out, "description", function.text("description"))
    out["input_schema"] = function.object("parameters") or {"type": "object", "properties": {}}
    _put(out, "strict", function.flag("strict"))
    mark = function.object(MARK) or tool.object(MARK)
    function.close()
    tool.close()
    return marked(out, mark)


def _messages(request: Fields, out: dict[str, Any], *, inline_system: bool) -> None:
    system: list[dict[str, Any]] = []
    plain: str | None = None
    turns: list[dict[str, Any]] = []
    results: list[dict[str, Any]] | None = None  # the content of a user turn that holds results of tools only
    for message in request.each("messages"):
        role = message.needed_text("role")
        if role == "tool":
            if results is None:
                results = []
                turns.append({"role": "user", "content": results})
            results.append(_result(message))
        elif role == "user":
            content = _content(message)
            if results is not None:
                results.extend([{"type": "text", "text": content}] if isinstance(content, str) else content)
            else:
                turns.append({"role": "user", "content": content})
            results = None
        elif role == "assistant":
            turns.append({"role": "assistant", "content": _assistant(message)})
            results = None
        elif role in ("system", "developer"):
            content = _content(message)
            if turns and inline_system:
                turns.append({"role": "system", "content": content})
                results = None
            else:
                plain = content if not system and isinstance(content, str) else None
                system.extend([{"type": "text", "text": content}] if isinstance(content, str) else content)
        else:
            raise unsayable(message.path("role"), MESSAGES)
        message.close(("name",))
    if system:
        out["system"] = system if plain is None else plain
    out["messages"] = turns


def _content(message: Fields) -> Any:
    """What the message says: plain text, or blocks. A mark on the message itself is one on its last block."""
    value = message.take("content")
    mark = message.object(MARK)
    if value is None:
        raise wrong(message.path("content"), "is missing")
    if isinstance(value, str):
        return value if mark is None else [marked({"type": "text", "text": value}, mark)]
    blocks = [block_of(part) for part in Fields({"content": value}, message.at, message.to).each("content")]
    if mark is not None and blocks and MARK not in blocks[-1]:
        marked(blocks[-1], mark)
    return blocks


def _result(message: Fields) -> dict[str, Any]:
    call = tool_id(message.needed_text("tool_call_id"))
    mark = message.object(MARK)
    content = _content(message)
    failed = False
    if isinstance(content, str):
        failed = content == TOOL_ERROR or content.startswith(TOOL_ERROR + "\n")
        content = content[len(TOOL_ERROR) + 1 :] if failed else content
    elif content and content[0].get("text") == TOOL_ERROR:
        failed, content = True, content[1:]
    block: dict[str, Any] = {"type": "tool_result", "tool_use_id": call}
    if content:
        block["content"] = content
    if failed:
        block["is_error"] = True
    return marked(block, mark)


def _assistant(message: Fields) -> Any:
    thinking = [_thinking(block) for block in message.each("thinking_blocks")]
    calls = [_call(call) for call in message.each("tool_calls")]
    message.take("reasoning_content")
    message.take("reasoning")
    refusal = message.text("refusal")
    message.refuse("function_call", "Use `tool_calls`.")
    message.only("annotations", [])
    said: Any = None if message.peek("content") is None else _content(message)
    before = [block for block in thinking if block is not None]
    if isinstance(said, str) and not before and not calls and not refusal:
        return said
    blocks: list[dict[str, Any]] = [{"type": "text", "text": said}] if isinstance(said, str) else list(said or ())
    if refusal:
        blocks.append({"type": "text", "text": refusal})
    return [*before, *(block for block in blocks if block.get("text") != ""), *calls]


def _thinking(block: Fields) -> dict[str, Any] | None:
    """The block as Anthropic made it; None without its signature, which Anthropic would refuse."""
    kind = block.needed_text("type")
    if kind == "redacted_thinking":
        out = {"type": kind, "data": block.needed_text("data")}
    elif kind == "thinking":
        out = {"type": kind, "thinking": block.needed_text("thinking"), "signature": block.text("signature") or ""}
    else:
        raise unsayable(block.path("type"), MESSAGES)
    block.close()
    return None if out.get("signature") == "" else out


def _call(call: Fields) -> dict[str, Any]:
    if call.take("type") not in (None, "function"):
        raise unsayable(call.path("type"), MESSAGES)
    function = call.needed_fields("function")
    name = function.needed_text("name")
    text = function.text("arguments") or "{}"
    path = function.path("arguments")
    function.close()
    try:
        arguments: Any = msgspec.json.decode(text)
    except msgspec.DecodeError:
        raise wrong(path, "is not JSON") from None
    if not isinstance(arguments, dict):
        raise wrong(path, "must be a JSON object")
    block: dict[str, Any] = {"type": "tool_use", "id": tool_id(call.needed_text("id")), "name": name}
    block["input"] = msgspec.Raw(text.encode())  # as it was written: numbers and order of keys are the model's own
    mark = call.object(MARK)
    call.close(("index",))
    return marked(block, mark)


def tool_id(text: str) -> str:
    """The id of a tool call as Anthropic takes it (letters, digits, `_` and `-`); another is made one, always the
    same."""
    if _TOOL_ID.fullmatch(text):
        return text
    digest = hashlib.blake2b(text.encode(), digest_size=6).hexdigest()
    return f"{_NOT_TOOL_ID.sub('_', text)[:100]}_{digest}"
