"""Bodies as most calls have them: nothing is missed that is read with care, and what cannot be read so is left."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.gateway.traffic import SHORT
from genaiops.guard.surfaces import BETWEEN, Document, answered, asked, usual_answer, usual_request
from tests.guard.surfaces.bodies import ANSWERED, ASKED
from tests.guard.surfaces.places import objects, placed, strings, value_at

TEXTS = st.sampled_from(
    [
        "",
        "x",
        "user",
        "Hello there.",
        "two words",
        "{\\u0041}",
        '{"a": "\\u0041"}',
        "<NAME_1>",
        "4111 1111",
        "a:b",
        "stop",
    ]
)
NUMBERS = st.one_of(st.booleans(), st.none(), st.integers(-5, 5), st.sampled_from([4111111111111111, 1e300, 0.7, -1e6]))
KEYS = st.sampled_from(
    [
        "user",
        "model",
        "stop",
        "id",
        "url",
        "data",
        "logprobs",
        "usage",
        "metadata",
        "index",
        "finish_reason",
        "name",
        "content",
        "refusal",
        "role",
        "reasoning",
        "text",
        "tool_calls",
        "created",
        "type",
        "my-field",
        "17",
        "1234567",
    ]
)
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.one_of(TEXTS, NUMBERS), lambda inner: st.lists(inner, max_size=2) | st.dictionaries(KEYS, inner, max_size=2)
)
PARTS = st.fixed_dictionaries({"type": st.just("text"), "text": TEXTS})
MESSAGES = st.fixed_dictionaries(
    {"role": st.sampled_from(["user", "user", "assistant", "system", "tool", "x"]), "content": TEXTS | st.lists(PARTS)}
)
ODD = st.dictionaries(KEYS, VALUES, max_size=2)
REQUESTS = st.tuples(ODD, st.lists(MESSAGES | VALUES, max_size=4)).map(lambda two: {**two[0], "messages": two[1]})
CHOICES = st.builds(
    lambda said, odd, more: {**more, "index": 0, "message": {"role": "assistant", **said, **odd}},
    st.dictionaries(st.sampled_from(["content", "refusal", "reasoning_content"]), TEXTS),
    st.one_of(st.just({}), ODD),
    st.one_of(st.just({}), ODD),
)
ANSWERS = st.tuples(ODD, st.lists(CHOICES | VALUES, max_size=2)).map(lambda two: {**two[0], "choices": two[1]})


def raw_of(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


def holds(said: str, document: Document) -> None:
    """Every text that is read with care is in it, and so is what is read together."""
    texts = set(said.split(BETWEEN))
    assert {part.text for part in document.parts} <= texts
    for group in document.joined():
        assert "".join(document.parts[at].text for at in group) in texts


@given(REQUESTS)
def test_requests(body: dict[str, Any]) -> None:
    said = usual_request("chat", "openai", raw_of(body))
    if said is not None:
        holds(said, asked("chat", "openai", raw_of(body)))


@given(ANSWERS)
def test_answers(body: dict[str, Any]) -> None:
    said = usual_answer("chat", "openai", raw_of(body))
    if said is not None:
        holds(said, answered("chat", "openai", raw_of(body)))


MARK = "the marker stands here"


@pytest.mark.parametrize("side", ["asked", "answered"])
def test_a_marker_anywhere_is_seen_or_the_body_is_left(side: str) -> None:
    body = (ASKED if side == "asked" else ANSWERED)["chat", "openai"]
    read = usual_request if side == "asked" else usual_answer
    bodies = [placed(body, steps, MARK) for steps in strings(body)]
    bodies += [placed(body, steps, {**value_at(body, steps), MARK: 1}) for steps in objects(body)]
    for one in bodies:
        said = read("chat", "openai", raw_of(one))
        assert said is None or MARK in said


COMPLETION = {
    "id": "chatcmpl-B9MBs8CjcvOU2jLn4n570S5qMJKcT",
    "object": "chat.completion",
    "created": 1760000000,
    "model": "gpt-4o-mini-2024-07-18",
    "choices": [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "It ran.", "refusal": None, "annotations": []},
            "logprobs": None,
            "finish_reason": "stop",
        }
    ],
    "usage": {"prompt_tokens": 52, "total_tokens": 92, "prompt_tokens_details": {"cached_tokens": 0}},
    "service_tier": "default",
}


def test_most_bodies_are_read() -> None:
    said = usual_request("chat", "openai", SHORT.body("chat"))
    assert said is not None
    assert said.startswith("You are a helpful assistant")
    assert usual_answer("chat", "openai", raw_of(COMPLETION)) == "It ran."


def test_neighbours_of_a_role_are_one_text_as_well() -> None:
    messages = [{"role": "user", "content": "41"}, {"role": "user", "content": [{"type": "text", "text": "11"}]}]
    said = usual_request("chat", "openai", raw_of({"model": "m", "messages": messages}))
    assert said == BETWEEN.join(["41", "11", "4111"])


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"[]",
        b'{"messages": {}}',
        b'{"messages": [], "messages": []}',
        b'{"messages": [{"role": "user", "content": "a", "content": "b"}]}',
        b'{"messages": [{"role": "user", "content": "\xff"}]}',
        b'{"messages": [{"role": "tool", "content": "a"}]}',
        b'{"messages": [{"role": "user", "content": "a", "name": "b"}]}',
        b'{"messages": [], "number": 4111111111111111}',
    ],
)
def test_what_is_unusual_is_left(raw: bytes) -> None:
    assert usual_request("chat", "openai", raw) is None
    assert usual_request("chat", "messages", raw) is None
    assert usual_answer("chat", "openai", raw.replace(b"messages", b"choices")) is None
