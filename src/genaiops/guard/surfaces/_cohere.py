"""Cohere's chat, embed and rerank, version 2: requests, answers, and the events of streams (API reference)."""

from typing import Any

from genaiops.guard.surfaces._chat import GENAIOPS, TOOLS, USAGE, answered, by_role, of_call
from genaiops.guard.surfaces._grammar import (
    AMOUNTS,
    ARGUMENTS,
    FREE,
    MODEL,
    SCHEMA,
    TEXT,
    UNIT,
    URL,
    Node,
    Rule,
    extend,
    node,
    text,
)

_DOCUMENT = Rule(TEXT, node("id", unit=True, data=UNIT, document=FREE))
_PART = node("type", said="text", thinking=text("reasoning"))
extend(
    _PART,
    image_url=Rule(URL, node("detail", links="url")),
    document=_DOCUMENT,
)
CITATION = node(
    "type",
    said="text",
    sources=Rule(TEXT, node("id type", document=UNIT, tool_output=UNIT), "retrieved"),
)
CALL = node("id type", enter=of_call, unit=True, function=node("name", arguments=Rule(ARGUMENTS, UNIT)))


def _message(role: Any, *, run: bool) -> Node:
    return node(
        "role tool_call_id",
        enter=role,
        run=run,
        unit=True,
        content=Rule(TEXT, _PART),
        tool_plan=text("reasoning"),
        tool_calls=Rule(TEXT, CALL),
        citations=Rule(TEXT, CITATION),
    )


_SHAPE = node("type", json_schema=SCHEMA, schema=SCHEMA)
CHAT = node(
    "safety_mode tool_choice",
    model=Rule(MODEL, FREE),
    messages=Rule(TEXT, _message(by_role, run=True)),
    documents=Rule(TEXT, _DOCUMENT.node, "retrieved"),
    tools=TOOLS,
    response_format=Rule(TEXT, _SHAPE, "tool_definition"),
    citation_options=node("mode"),
    thinking=node("type"),
    genaiops=GENAIOPS,
)
EMBED = node(
    "input_type embedding_types truncate",
    model=Rule(MODEL, FREE),
    texts=text("user"),
    images=Rule(URL, FREE, "user"),
    inputs=Rule(TEXT, node(unit=True, content=Rule(TEXT, _PART)), "user"),
    genaiops=GENAIOPS,
)

ANSWER = node(
    "id finish_reason response_type generation_id",
    message=Rule(TEXT, _message(answered, run=False)),
    usage=USAGE,
    meta=node(api_version=node("version"), billed_units=AMOUNTS, tokens=AMOUNTS, warnings=Rule(TEXT, FREE)),
    texts=text("other"),
    images=node("format"),
    results=node(document=Rule(TEXT, UNIT, "retrieved")),
)
"""An error has a text as its `message`."""

EVENT = node(
    "type id",
    delta=node(
        "finish_reason",
        said="error",
        message=Rule(TEXT, _message(answered, run=False)),
        usage=USAGE,
    ),
    message=Rule(TEXT, FREE, "other"),
)
"""What events of streams have besides the texts that grow."""
