"""Anthropic's Messages: requests, answers, and the events of streams (API reference, messages)."""

from typing import Any

from genaiops.guard.surfaces._chat import CACHE, ERROR, GENAIOPS, PLACE_OF_USER, ROLES, USAGE, of_call, word
from genaiops.guard.surfaces._grammar import (
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


def _block(calls: Calls, block: dict[str, Any], provenance: Provenance, tool: str) -> tuple[Provenance, str]:
    kind = word(block.get("type"))
    if kind.endswith("tool_use"):
        return of_call(calls, block, provenance, tool)
    if kind.endswith("tool_result"):
        return "tool_result", calls.calls.get(word(block.get("tool_use_id")), "")
    if kind in ("document", "search_result") and provenance != "tool_result":
        return "retrieved", tool
    return ("reasoning" if kind == "thinking" else provenance), tool


def _said(own: Provenance | None) -> Enter:
    def enter(_: Calls, message: dict[str, Any], __: Provenance, tool: str) -> tuple[Provenance, str]:
        return own or ROLES.get(word(message.get("role")), "other"), tool

    return enter


CITATION = node(
    "type file_id",
    sealed="encrypted_index",
    links="url source",
    said="cited_text document_title title",
)
_SOURCE = node("type file_id", links="url", media="data", media_type=Rule(MODEL, FREE))
BLOCK = node(
    "type id name tool_use_id server_name file_id error_code tool_name",
    enter=_block,
    sealed="signature encrypted_content encrypted_stdout data",
    links="url",
    said="thinking title context page_age stdout stderr error_message lines",
)
extend(
    _SOURCE,
    content=Rule(TEXT, BLOCK),
    text=Rule(TEXT, FREE),
)
extend(
    BLOCK,
    text=Rule(TEXT, FREE),
    content=Rule(TEXT, BLOCK),
    source=Rule(TEXT, _SOURCE),
    input=Rule(TEXT, UNIT),
    citations=Rule(TEXT, CITATION, "retrieved"),
    caller=node("type tool_id"),
    retrieved_at=Rule(NAME, FREE),
    file_type=Rule(NAME, FREE),
    tool_references=node("type tool_name"),
    cache_control=CACHE,
)
"""A block of content, of whatever type: a source says by its own type whether its data is text."""


def _message(own: Provenance | None, *, run: bool) -> Node:
    return node(
        "role id type stop_reason",
        enter=_said(own),
        run=run,
        unit=True,
        model=Rule(MODEL, FREE),
        content=Rule(TEXT, BLOCK),
        stop_sequence=Rule(TEXT, FREE, "other"),
        stop_details=node("type category", said="explanation"),
        container=Rule(NAME, node("id expires_at", skills=node("type skill_id version"))),
        usage=USAGE,
        error=ERROR,
        context_management=FREE,
        diagnostics=FREE,
    )


ANSWER = _message("model_output", run=False)
extend(ANSWER, request_id=Rule(NAME, FREE))

_TOOL = node(
    "type name allowed_callers defer_loading eager_input_streaming mcp_server_name",
    unit=True,
    said="description",
    allowed_domains=Rule(TEXT, FREE),
    blocked_domains=Rule(TEXT, FREE),
    input_schema=SCHEMA,
    input_examples=UNIT,
    user_location=PLACE_OF_USER,
    cache_control=CACHE,
)
_SHAPE = node("type", schema=SCHEMA)
REQUEST = node(
    "service_tier speed inference_geo betas",
    model=Rule(MODEL, FREE),
    system=Rule(TEXT, BLOCK, "system"),
    messages=Rule(TEXT, _message(None, run=True)),
    tools=Rule(TEXT, _TOOL, "tool_definition"),
    tool_choice=node("type name"),
    thinking=node("type display"),
    output_config=node("effort", format=Rule(TEXT, _SHAPE, "tool_definition")),
    output_format=Rule(TEXT, _SHAPE, "tool_definition"),
    container=Rule(NAME, node("id", skills=node("type skill_id version"))),
    mcp_servers=node("type name", links="url", tool_configuration=FREE),
    cache_control=CACHE,
    genaiops=GENAIOPS,
)

EVENT = node(
    "type",
    message=Rule(TEXT, ANSWER),
    content_block=text("model_output", BLOCK),
    delta=node(
        "type stop_reason",
        said="stop_sequence",
        sealed="signature encrypted_content",
        stop_details=node("type category", said="explanation"),
        container=Rule(NAME, node("id expires_at")),
        citation=Rule(TEXT, CITATION, "retrieved"),
    ),
    usage=USAGE,
    error=ERROR,
    context_management=FREE,
)
"""What events of streams have besides the texts that grow."""
