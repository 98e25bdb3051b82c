"""A prompt put before what a request says itself, in each dialect: what comes out, read back as chat, is what chat
would have got."""

import json
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from genaiops.core.errors import UsageError
from genaiops.dialects import cohere, gemini, messages, responses
from genaiops.dialects.merging import fields_of

TOOL: dict[str, Any] = {
    "type": "function",
    "function": {
        "name": "look_up",
        "description": "looks up",
        "parameters": {"type": "object", "properties": {"q": {"type": "string"}}},
    },
}
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
CALL = {"id": "call_1", "type": "function", "function": {"name": "look_up", "arguments": '{"q":"Oslo"}'}}
SAID: list[dict[str, Any]] = [
    {"role": "system", "content": "You answer for Acme."},
    {"role": "user", "content": "Where is Ann?"},
    {"role": "assistant", "content": None, "tool_calls": [CALL]},
    {"role": "tool", "tool_call_id": "call_1", "content": "In Oslo."},
    {"role": "assistant", "content": "In Oslo."},
]
OWN: dict[str, dict[str, Any]] = {
    "messages": {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "And 1e400?"}]},
    "responses": {"model": "m", "input": "And 1e400?", "max_output_tokens": 9},
    "cohere": {"model": "m", "messages": [{"role": "user", "content": "And 1e400?"}], "max_tokens": 9},
    "gemini": {"contents": {"role": "user", "parts": [{"text": "And 1e400?"}]}},
}
MERGES: dict[str, Callable[..., bytes]] = {
    "messages": messages.merge,
    "responses": responses.merge,
    "cohere": cohere.merge,
    "gemini": gemini.merge,
}
BACK: dict[str, Callable[[bytes], bytes]] = {
    "messages": lambda raw: messages.chat_request(raw, strict=True),
    "responses": responses.chat_request,
    "cohere": lambda raw: cohere.chat_request(raw, strict=False),
    "gemini": lambda raw: gemini.chat_request(raw, model="m", stream=False),
}
EACH = pytest.mark.parametrize("dialect", sorted(MERGES))


def merged(dialect: str, chat: dict[str, Any], **own: Any) -> dict[str, Any]:
    """What a target that speaks chat gets."""
    return json.loads(BACK[dialect](body(dialect, chat, **own)))


def body(dialect: str, chat: dict[str, Any], **own: Any) -> bytes:
    fields = fields_of(msgspec.json.encode({**OWN[dialect], **own}))
    return MERGES[dialect](fields, json.loads(json.dumps(chat)))


@EACH
def test_messages_come_before_the_requests_own(dialect: str) -> None:
    sent = merged(dialect, {"messages": SAID})
    assert sent["messages"][0] == SAID[0]
    assert sent["messages"][1] == SAID[1]
    call = sent["messages"][2]["tool_calls"][0]
    assert (call["function"]["name"], json.loads(call["function"]["arguments"])) == ("look_up", {"q": "Oslo"})
    assert sent["messages"][3]["tool_call_id"] == call["id"]
    assert sent["messages"][3]["content"] == "In Oslo."
    assert [one["content"] for one in sent["messages"][4:]] == ["In Oslo.", "And 1e400?"]
    assert [one["role"] for one in sent["messages"][4:]] == ["assistant", "user"]


@EACH
def test_tools_the_answers_shape_and_parameters(dialect: str) -> None:
    shape = {"type": "json_schema", "json_schema": {"name": "answer", "schema": SCHEMA}}
    chat = {
        "messages": SAID[:1],
        "tools": [TOOL],
        "tool_choice": "required",
        "response_format": shape,
        "temperature": 0.5,
        "top_p": 0.9,
        "stop": "END",
    }
    sent = merged(dialect, chat)
    function = sent["tools"][0]["function"]
    assert function.pop("strict", None) in (None, False)
    assert function == TOOL["function"]
    assert sent["tool_choice"] == "required"
    assert sent["response_format"]["json_schema"]["schema"] == SCHEMA
    assert (sent["temperature"], sent["top_p"]) == (0.5, 0.9)
    assert sent["stop"] in ("END", ["END"])


@EACH
def test_what_the_request_says_counts(dialect: str) -> None:
    own: dict[str, Any] = {"temperature": 1.0}
    chat = {"messages": SAID[:1], "temperature": 0, "top_p": 0.5, "max_tokens": 50, "max_completion_tokens": 60}
    if dialect == "gemini":
        own = {"generation_config": {"temperature": 1.0, "maxOutputTokens": 9}}
    raw = json.loads(body(dialect, chat, **own))
    there = raw.get("generationConfig", raw)
    names = {"messages": "max_tokens", "cohere": "max_tokens", "responses": "max_output_tokens"}
    assert there[names.get(dialect, "maxOutputTokens")] == 9
    assert there["temperature"] == 1
    assert merged(dialect, chat, **own)["top_p"] == 0.5


@EACH
def test_the_prompts_cap_where_the_request_has_none(dialect: str) -> None:
    own = {"messages": {"max_tokens": None}, "cohere": {"max_tokens": None}, "responses": {"max_output_tokens": None}}
    fields = {name: value for name, value in fields_of(body(dialect, {})).items() if name not in own.get(dialect, {})}
    raw = json.loads(MERGES[dialect](fields, {"messages": SAID[:2], "max_tokens": 50}))
    there = raw.get("generationConfig", raw)
    assert 50 in (there.get("max_tokens"), there.get("max_output_tokens"), there.get("maxOutputTokens"))


@EACH
@pytest.mark.parametrize("own", [True, False])
def test_systems_texts_of_both_in_order(dialect: str, own: bool) -> None:
    mine = {
        "messages": {"system": "Be brief."},
        "responses": {"instructions": "Be brief."},
        "cohere": {"messages": [{"role": "system", "content": "Be brief."}, OWN["cohere"]["messages"][0]]},
        "gemini": {"system_instruction": {"parts": {"text": "Be brief."}}},
    }
    chat = {"messages": [{"role": "developer", "content": [{"type": "text", "text": "You answer."}]}]}
    sent = merged(dialect, chat, **(mine[dialect] if own else {}))
    told = [one for one in sent["messages"] if one["role"] == "system"]
    text = json.dumps(told)
    assert "You answer." in text
    assert ("Be brief." in text) is own
    if own:
        assert text.index("You answer.") < text.index("Be brief.")


@EACH
def test_what_the_request_wrote_stays_as_it_was(dialect: str) -> None:
    """Numbers that no parser of ours could keep, and the order of what is there."""
    name = "contents" if dialect == "gemini" else "input" if dialect == "responses" else "messages"
    fields = fields_of(msgspec.json.encode({**OWN[dialect]}))
    fields[name] = msgspec.Raw(b'[ {"role" :"user","z":1e400,"a": 2} ]')
    assert b'{"role" :"user","z":1e400,"a": 2}]' in MERGES[dialect](fields, {"messages": SAID})


@EACH
def test_what_cannot_be_said_is_named(dialect: str) -> None:
    with pytest.raises(UsageError) as caught:
        body(dialect, {"messages": SAID[:1], "modalities": ["audio"]})
    assert caught.value.param == "modalities"


def test_how_much_is_thought() -> None:
    chat = {"messages": SAID[:2], "reasoning_effort": "high", "response_format": None}
    for dialect in sorted(MERGES):
        assert merged(dialect, chat)["reasoning_effort"] == "high"
    own = {"thinking": {"type": "disabled"}}
    assert json.loads(body("messages", chat, **own))["thinking"] == {"type": "disabled"}
    assert json.loads(body("messages", chat, **own))["output_config"] == {}


def test_an_answers_shape_of_the_requests_own_replaces_the_prompts() -> None:
    shape = {"type": "json_schema", "json_schema": {"name": "answer", "schema": SCHEMA}}
    own = {"generationConfig": {"responseMimeType": "text/plain"}}
    made = json.loads(body("gemini", {"messages": SAID[:2], "response_format": shape}, **own))
    assert made["generationConfig"] == {"responseMimeType": "text/plain"}
    text = {"text": {"verbosity": "low", "format": {"type": "text"}}}
    made = json.loads(body("responses", {"messages": SAID[:2], "response_format": shape}, **text))
    assert made["text"] == text["text"]


def test_images_of_a_prompt() -> None:
    url = "data:image/png;base64,iVBORw0KGgo="
    said: list[dict[str, Any]] = [
        {"role": "user", "content": [{"type": "text", "text": "See"}, {"type": "image_url", "image_url": {"url": url}}]}
    ]
    for dialect in sorted(MERGES):
        parts = merged(dialect, {"messages": said})["messages"][0]["content"]
        assert parts[1]["image_url"]["url"] == url
    said[0]["content"][1]["image_url"]["url"] = "https://example.com/a.png"
    with pytest.raises(UsageError):
        body("gemini", {"messages": said})
