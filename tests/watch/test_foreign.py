"""What traces show of calls in Anthropic's Messages, OpenAI's Responses and Cohere's chat: what chat would show of the
same talk."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genaiops.dialects.cohere import ChatEvents
from genaiops.dialects.cohere import answer_from_chat as cohere_answer
from genaiops.dialects.messages import MessagesStream, answer_from_chat, request_from_chat
from genaiops.dialects.responses import ResponsesStream
from genaiops.dialects.responses import answer_from_chat as responses_answer
from genaiops.watch._text import request_turns, response_turns, turns_text
from genaiops.watch._turns import ToolCall, Turn

CALL = {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": '{"place":"Bern"}'}}
TALK: list[dict[str, Any]] = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "Weather?"},
    {"role": "assistant", "content": "A moment.", "tool_calls": [CALL]},
    {"role": "tool", "tool_call_id": "call_1", "content": "sunny"},
]
ANSWER = {
    "id": "c",
    "object": "chat.completion",
    "created": 1,
    "model": "m",
    "choices": [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "Sunny.", "reasoning_content": "Easy.", "tool_calls": [CALL]},
            "finish_reason": "tool_calls",
        }
    ],
    "usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3},
}
SAID = Turn(
    role="assistant",
    direction="output",
    text="Sunny.",
    reasoning="Easy.",
    tool_calls=(ToolCall("weather", '{"place":"Bern"}', "call_1"),),
)


def streamed() -> bytes:
    deltas: list[dict[str, Any]] = [
        {"role": "assistant", "reasoning_content": "Easy."},
        {"content": "Sun"},
        {"content": "ny."},
        {"tool_calls": [{"index": 0, **CALL}]},
    ]
    chunks = [{"id": "c", "model": "m", "choices": [{"index": 0, "delta": delta}]} for delta in deltas]
    end = {"id": "c", "model": "m", "choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]}
    return b"".join(b"data: %b\n\n" % json.dumps(one).encode() for one in [*chunks, end]) + b"data: [DONE]\n\n"


def test_a_request_in_messages() -> None:
    chat = json.dumps({"model": "m", "messages": TALK, "tools": []}).encode()
    raw = request_from_chat(chat, model="m", max_tokens=5)
    assert turns_text(request_turns("chat", raw)) == turns_text(request_turns("chat", chat))
    assert [turn.role for turn in request_turns("chat", raw)] == ["system", "user", "assistant", "tool"]


def test_a_request_in_responses() -> None:
    items = [
        {"role": "user", "content": [{"type": "input_text", "text": "Weather?"}, {"type": "input_image"}]},
        {"type": "function_call", "name": "weather", "arguments": "{}", "call_id": "c1"},
        {"type": "function_call_output", "call_id": "c1", "output": "sunny"},
    ]
    turns = request_turns("chat", json.dumps({"instructions": "Be brief.", "input": items}).encode())
    assert [(turn.role, turn.text) for turn in turns] == [
        ("system", "Be brief."),
        ("user", "Weather?\n[input_image]"),
        ("assistant", ""),
        ("tool", "sunny"),
    ]
    assert request_turns("chat", b'{"model":"m","input":"Hi"}') == [Turn(role="user", direction="input", text="Hi")]


def test_a_request_of_coheres() -> None:
    document = {"type": "document", "document": {"id": "1", "data": {"sky": "sunny"}}}
    talk = [
        {"role": "user", "content": "Weather?"},
        {"role": "assistant", "tool_plan": "I will look.", "tool_calls": [CALL]},
        {"role": "tool", "tool_call_id": "call_1", "content": [document]},
    ]
    asked, planned, told = request_turns("chat", json.dumps({"model": "m", "messages": talk}).encode())
    assert (asked.text, planned.text, told.text) == ("Weather?", "I will look.", '{"sky":"sunny"}')
    assert planned.tool_calls == SAID.tool_calls
    [text] = request_turns("embeddings", b'{"model":"m","texts":["Hi"]}')
    assert text.text == "Hi"


def test_whole_answers_read_alike() -> None:
    chat = json.dumps(ANSWER).encode()
    assert response_turns("chat", chat) == [SAID]
    assert response_turns("chat", answer_from_chat(chat, "m")) == [SAID]
    assert response_turns("chat", cohere_answer(chat)) == [SAID]
    assert response_turns("chat", responses_answer(chat, b'{"model":"m","input":"x"}')) == [SAID]


def test_streams_read_alike() -> None:
    chat = streamed()
    messages = MessagesStream("m").feed(chat)
    responses = ResponsesStream(b'{"model":"m","input":"x","stream":true}').feed(chat)
    assert response_turns("chat", messages) == [SAID]
    assert response_turns("chat", ChatEvents().feed(chat)) == [SAID]
    assert response_turns("chat", responses) == [SAID]


@pytest.mark.parametrize("cut", [200, 400, 800])
def test_what_is_cut_off_shows_what_came(cut: int) -> None:
    whole = ResponsesStream(b'{"model":"m","input":"x","stream":true}').feed(streamed())
    assert isinstance(response_turns("chat", whole[:cut]), list)


@given(
    st.binary(max_size=200)
    | st.recursive(
        st.none() | st.text(max_size=5),
        lambda x: (
            st.lists(x)
            | st.dictionaries(
                st.sampled_from(
                    ["input", "messages", "content", "type", "system", "output", "object", "message", "tool_plan"]
                ),
                x,
            )
        ),
        max_leaves=8,
    )
)
def test_nothing_makes_it_fail(value: Any) -> None:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    request_turns("chat", raw)
    response_turns("chat", raw)
    response_turns("chat", b"event: x\ndata: " + raw + b"\n\n")
