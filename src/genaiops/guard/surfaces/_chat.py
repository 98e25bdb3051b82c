"""OpenAI's chat and text completions: requests, answers, chunks of streams (API reference, chat and completions).

With what compatible servers add: `reasoning_content` and `reasoning`, `thinking_blocks`, `reasoning_details`, `images`.
"""

from typing import Any, cast

from genaiops.guard.surfaces._grammar import (
    AMOUNTS,
    ARGUMENTS,
    FREE,
    MODEL,
    NAME,
    OPAQUE,
    SCHEMA,
    TEXT,
    UNIT,
    URL,
    Calls,
    Node,
    Provenance,
    Rule,
    extend,
    node,
    text,
)

ROLES: dict[Any, Provenance] = {
    "system": "system",
    "developer": "developer",
    "user": "user",
    "assistant": "assistant",
    "model": "assistant",
    "chatbot": "assistant",
    "tool": "tool_result",
    "function": "tool_result",
}


def word(found: Any) -> str:
    return found if isinstance(found, str) else ""


def by_role(calls: Calls, message: dict[str, Any], _: Provenance, tool: str) -> tuple[Provenance, str]:
    role = word(message.get("role"))
    provenance = ROLES.get(role, "other")
    if provenance == "tool_result":
        called = calls.calls.get(word(message.get("tool_call_id")))
        tool = called or (word(message.get("name")) if role == "function" else "")
    return provenance, tool


def answered(_: Calls, message: dict[str, Any], __: Provenance, tool: str) -> tuple[Provenance, str]:  # noqa: ARG001
    return "model_output", tool


def of_call(calls: Calls, call: dict[str, Any], _: Provenance, __: str) -> tuple[Provenance, str]:
    """A call of a tool, which is known by its id from here on."""
    said: Any = call.get("function") or call.get("custom") or call
    tool = word(cast("dict[str, Any]", said).get("name")) if isinstance(said, dict) else ""
    called = word(call.get("id")) or word(call.get("call_id"))
    if called and tool:
        calls.calls[called] = tool
    return "tool_arguments", tool


CACHE = node("type ttl")
USAGE = AMOUNTS
ERROR = node("type code param", said="message")
FUNCTION = Rule(NAME, node("name", arguments=Rule(ARGUMENTS, UNIT)))
EXTRA = node(google=node(sealed="thought_signature"))
CALL = node(
    "id type call_id",
    enter=of_call,
    unit=True,
    function=FUNCTION,
    custom=node("name", said="input"),
    extra_content=EXTRA,
    cache_control=CACHE,
)
OLD_CALL = node("name", enter=of_call, unit=True, arguments=Rule(ARGUMENTS, UNIT))
THINKING = node("type", sealed="signature data", said="thinking text summary")
DETAIL = node("type id format", sealed="data signature", said="text summary thinking")
PICTURE = Rule(URL, node("detail format", links="url file_uri"))
PART = node("type detail")
extend(
    PART,
    text=Rule(TEXT, node(said="value")),
    refusal=Rule(TEXT, FREE),
    thinking=text("reasoning", PART),
    content=Rule(TEXT, PART),
    image_url=PICTURE,
    video_url=PICTURE,
    audio_url=PICTURE,
    input_audio=node("format", media="data"),
    file=node("file_id format", links="file_url", file_data=Rule(OPAQUE, FREE), filename=Rule(TEXT, FREE)),
    cache_control=CACHE,
)
"""A part of a message's content."""

ANNOTATION = node(
    "type file_id container_id",
    said="title quote",
    links="url",
    url_citation=node("", said="title content", links="url"),
)


def _message(role: Any, *, run: bool) -> Node:
    return node(
        "role tool_call_id id type",
        enter=role,
        run=run,
        unit=True,
        content=Rule(TEXT, PART),
        refusal=Rule(TEXT, FREE),
        name=Rule(TEXT, FREE),
        reasoning_content=text("reasoning"),
        reasoning=text("reasoning"),
        reasoning_details=text("reasoning", DETAIL),
        thinking_blocks=text("reasoning", THINKING),
        tool_calls=Rule(TEXT, CALL),
        function_call=Rule(TEXT, OLD_CALL),
        audio=node("id", media="data", transcript=Rule(TEXT, FREE)),
        annotations=ANNOTATION,
        images=node("type", image_url=PICTURE, extra_content=EXTRA),
        tool_plan=text("reasoning"),
        extra_content=EXTRA,
        cache_control=CACHE,
    )


MESSAGE = _message(by_role, run=True)
SAID = _message(answered, run=False)
"""The message of an answer, or the delta of one."""

TOOL = node(
    "type defer_loading",
    unit=True,
    function=node("name", said="description", parameters=SCHEMA),
    custom=node(
        "name",
        said="description",
        format=node("type", grammar=node("syntax", said="definition")),
    ),
    cache_control=CACHE,
)
TOOLS = Rule(TEXT, TOOL, "tool_definition")
CHOSEN = Rule(NAME, node("type name mode", function=node("name"), custom=node("name")))
SHAPE = node("type", json_schema=node("name", said="description", schema=SCHEMA), schema=SCHEMA)
GENAIOPS = node("session prompt", variables=Rule(TEXT, FREE, "user"))
"""Our own object in a body, which never leaves the gateway; its variables become a part of the prompt."""

PLACE_OF_USER = node("type", said="city country region timezone", approximate=node(said="city country region timezone"))

CHAT = node(
    "reasoning_effort service_tier verbosity modalities prompt_cache_retention",
    model=Rule(MODEL, FREE),
    messages=Rule(TEXT, MESSAGE),
    tools=TOOLS,
    functions=Rule(TEXT, node("name", said="description", unit=True, parameters=SCHEMA), "tool_definition"),
    tool_choice=CHOSEN,
    function_call=CHOSEN,
    response_format=Rule(NAME, SHAPE, "tool_definition"),
    prediction=Rule(TEXT, node("type", content=Rule(TEXT, PART)), "assistant"),
    audio=node("format", voice=Rule(NAME, node("id"))),
    web_search_options=node("search_context_size", user_location=PLACE_OF_USER),
    documents=text("retrieved", UNIT),
    logit_bias=AMOUNTS,
    genaiops=GENAIOPS,
)
COMPLETION = node(
    "service_tier",
    model=Rule(MODEL, FREE),
    prompt=text("user"),
    suffix=text("user"),
    response_format=Rule(NAME, SHAPE, "tool_definition"),
    logit_bias=AMOUNTS,
    genaiops=GENAIOPS,
)

CHOICE = node(
    "finish_reason native_finish_reason",
    message=Rule(TEXT, SAID),
    delta=Rule(TEXT, SAID),
    text=text("model_output"),
    stop_reason=Rule(TEXT, FREE),
    error=ERROR,
)
"""`logprobs` are found wherever they stand: see `_logprobs`."""

ANSWER = node(
    "id object system_fingerprint service_tier provider",
    sealed="obfuscation",
    model=Rule(MODEL, FREE),
    choices=Rule(TEXT, CHOICE, "model_output"),
    citations=Rule(URL, FREE, "model_output"),
    usage=USAGE,
    timings=USAGE,
    error=ERROR,
)
"""A whole answer, or a chunk of a stream, of chat and of text completions."""
