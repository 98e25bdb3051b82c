"""Conversations in Google's words, as traces show them."""

import json

from genaiops.watch._text import request_turns, response_turns
from tests.providers.calls import events
from tests.providers.google_fixtures import ANSWER, STREAM


def test_the_turns_of_a_request() -> None:
    raw = json.dumps(
        {
            "system_instruction": {"parts": {"text": "Be brief."}},
            "contents": [
                {"role": "user", "parts": [{"text": "Look"}, {"inlineData": {}}]},
                {"role": "model", "parts": [{"functionCall": {"name": "look", "args": {"at": 1}, "id": "a"}}]},
                {"parts": [{"functionResponse": {"name": "look", "response": {"found": 2}}}, {"text": "And?"}]},
            ],
        }
    ).encode()
    turns = request_turns("chat", raw)
    assert [(turn.role, turn.text) for turn in turns] == [
        ("system", "Be brief."),
        ("user", "Look\n[inlineData]"),
        ("assistant", ""),
        ("tool", '{"found":2}'),
        ("user", "And?"),
    ]
    assert [(call.name, call.arguments, call.id) for call in turns[2].tool_calls] == [("look", '{"at":1}', "a")]


def test_the_texts_to_embed() -> None:
    batch = b'{"requests":[{"content":{"parts":[{"text":"a"}]}},{"content":{"parts":[{"text":"b"}]}}]}'
    assert [turn.text for turn in request_turns("embeddings", batch)] == ["a", "b"]
    assert [turn.text for turn in request_turns("embeddings", b'{"content":{"parts":[{"text":"a"}]}}')] == ["a"]


def test_the_turns_of_an_answer_and_of_a_stream() -> None:
    [whole] = response_turns("chat", json.dumps(ANSWER).encode())
    assert (whole.text, whole.reasoning) == ("It is warm.", "Let me think.")
    [streamed] = response_turns("chat", events(*STREAM))
    assert (streamed.role, streamed.text, streamed.reasoning) == ("assistant", "Hé €", "Hm. ")
    assert [call.name for call in streamed.tool_calls] == ["weather", "weather"]
