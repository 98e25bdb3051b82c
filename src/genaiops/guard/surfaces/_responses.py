"""OpenAI's Responses: requests, answers, and the events of streams (API reference, responses)."""

from typing import Any

from genaiops.guard.surfaces._chat import ANNOTATION, CACHE, ERROR, GENAIOPS, PLACE_OF_USER, ROLES, USAGE, word
from genaiops.guard.surfaces._grammar import (
    ARGUMENTS,
    FREE,
    MODEL,
    NAME,
    SCHEMA,
    TEXT,
    UNIT,
    Calls,
    Enter,
    Node,
    Provenance,
    Rule,
    extend,
    node,
    text,
)

PART = node("type detail file_id", media="file_data data", links="image_url file_url", said="filename transcript")
extend(
    PART,
    text=Rule(TEXT, FREE),
    refusal=Rule(TEXT, FREE),
    input_audio=node("format", media="data"),
    annotations=ANNOTATION,
    content=Rule(TEXT, PART),
    cache_control=CACHE,
)
THOUGHT = node("type", said="text")
_FOUND = node("file_id vector_store_id", said="text filename title", links="url", attributes=FREE, content=THOUGHT)


def _entered(own: Provenance) -> Enter:
    """`own`: what the model says in an item without a role (`assistant` in a request, `model_output` in an answer)."""

    def enter(calls: Calls, item: dict[str, Any], _: Provenance, __: str) -> tuple[Provenance, str]:
        kind, role = word(item.get("type")), word(item.get("role"))
        called = word(item.get("call_id"))
        if kind.endswith("_output") and kind != "reasoning_output":
            return "tool_result", calls.calls.get(called, "")
        if kind.endswith("_call") or kind.startswith("mcp_approval"):
            tool = word(item.get("name")) or kind
            if called:
                calls.calls[called] = tool
            return "tool_arguments", tool
        if kind == "mcp_list_tools":
            return "tool_definition", ""
        if kind == "reasoning":
            return "reasoning", ""
        found = ROLES.get(role, "other" if role else own)
        return (own if found == "assistant" else found), ""

    return enter


_TOOL = node(
    "type name server_label connector_id search_context_size environment model size quality background output_format "
    "moderation input_fidelity vector_store_ids require_approval",
    unit=True,
    said="description server_description",
    links="server_url",
)
extend(
    _TOOL,
    parameters=SCHEMA,
    input_schema=SCHEMA,
    output_schema=SCHEMA,
    annotations=FREE,
    format=node("type syntax", said="definition"),
    filters=UNIT,
    headers=FREE,
    user_location=PLACE_OF_USER,
    allowed_tools=Rule(NAME, node(tool_names=Rule(NAME, FREE))),
    container=Rule(NAME, node("type file_ids memory_limit")),
    tools=Rule(TEXT, _TOOL),
)
TOOLS = Rule(TEXT, _TOOL, "tool_definition")


def _item(own: Provenance) -> Node:
    return node(
        "id type role status call_id server_label container_id namespace execution phase tool_call_id "
        "approval_request_id background output_format quality size",
        media="result",
        sealed="encrypted_content",
        enter=_entered(own),
        run=True,
        name=Rule(NAME, FREE),
        content=Rule(TEXT, PART),
        summary=text("reasoning", THOUGHT),
        arguments=Rule(ARGUMENTS, UNIT),
        input=Rule(TEXT, UNIT),
        output=Rule(TEXT, merged_output(), "tool_result"),
        error=Rule(TEXT, node("type code", said="message", content=THOUGHT), "tool_result"),
        reason=Rule(TEXT, FREE),
        action=Rule(
            TEXT,
            node(
                "type button",
                unit=True,
                said="text command query queries path pattern working_directory keys commands",
                links="url",
                env=FREE,
                sources=node("type", said="title", links="url"),
            ),
            "tool_arguments",
        ),
        actions=Rule(TEXT, UNIT, "tool_arguments"),
        operation=Rule(TEXT, UNIT, "tool_arguments"),
        queries=text("tool_arguments"),
        results=Rule(TEXT, _FOUND, "retrieved"),
        code=text("tool_arguments"),
        outputs=Rule(TEXT, node("type", said="logs", links="url"), "tool_result"),
        revised_prompt=text(own),
        pending_safety_checks=node("id code", said="message"),
        acknowledged_safety_checks=node("id code", said="message"),
        tools=TOOLS,
        cache_control=CACHE,
    )


def merged_output() -> Node:
    """The result of a tool: parts of content, or what a shell, a computer or a search gave."""
    made = node(
        "type status",
        links="image_url file_url",
        media="file_data",
        said="text refusal filename stdout stderr logs output",
    )
    extend(made, outcome=node("type"), content=Rule(TEXT, made), file_id=Rule(NAME, FREE), detail=Rule(NAME, FREE))
    return made


INPUT = _item("assistant")
OUTPUT = _item("model_output")

_FORMAT = node("type name", said="description", schema=SCHEMA)
_EITHER: dict[str, Node | Rule] = {
    "model": Rule(MODEL, FREE),
    "instructions": text("system", INPUT),
    "tools": TOOLS,
    "tool_choice": Rule(NAME, node("type name mode server_label", tools=node("type name server_label"))),
    "text": Rule(TEXT, node("verbosity", format=Rule(NAME, _FORMAT, "tool_definition"))),
    "reasoning": Rule(NAME, node("effort summary generate_summary context")),
    "prompt": node("id version", variables=Rule(TEXT, FREE, "user")),
    "conversation": Rule(NAME, node("id")),
    "context_management": node("type"),
    "prompt_cache_options": node("mode retention"),
}
_WORDS = "service_tier truncation include previous_response_id prompt_cache_retention"

REQUEST = node(_WORDS, input=text("user", INPUT), genaiops=GENAIOPS)
extend(REQUEST, **_EITHER)
ANSWER = node(
    _WORDS + " id object status billing",
    output=text("model_output", OUTPUT),
    output_text=text("model_output"),
    input=text("user", INPUT),
    error=ERROR,
    incomplete_details=node("reason"),
    usage=USAGE,
    moderation=FREE,
)
extend(ANSWER, **_EITHER)

EVENT = node(
    "type item_id event_id code param call_id name",
    media="partial_image_b64",
    sealed="obfuscation",
    said="message",
    response=Rule(TEXT, ANSWER),
    item=text("model_output", OUTPUT),
    part=text("model_output", PART),
    annotation=ANNOTATION,
    error=ERROR,
    usage=USAGE,
)
"""What events of streams have besides the texts that grow, which `_stream_typed` knows by the types of the events."""
