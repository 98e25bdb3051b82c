"""A request once more, with the answer that it had: nothing of it is lost, and two turns are at its end."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genaiops.dialects.again import asked_again

TURNS: dict[Any, tuple[str, Any]] = {
    "openai": ("messages", [{"role": "user", "content": "Hi"}]),
    "messages": ("messages", [{"role": "user", "content": [{"type": "text", "text": "Hi"}]}]),
    "cohere": ("messages", [{"role": "user", "content": "Hi"}]),
    "responses": ("input", [{"role": "user", "content": [{"type": "input_text", "text": "Hi"}]}]),
    "gemini": ("contents", [{"role": "user", "parts": [{"text": "Hi"}]}]),
}
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers(-(1 << 53), 1 << 53) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.sampled_from(sorted(TURNS)), st.dictionaries(st.text(min_size=1), ANYTHING), st.text(), st.text())
def test_two_turns_are_added_and_nothing_else_changes(dialect: Any, rest: Any, said: str, told: str) -> None:
    name, turns = TURNS[dialect]
    body = {**rest, name: turns}
    made = asked_again("chat", dialect, msgspec.json.encode(body), said, told)
    assert made is not None
    again = msgspec.json.decode(made)
    added = again[name][len(turns) :]
    assert {**again, name: again[name][: len(turns)]} == body
    assert [one["role"] for one in added] == ["model" if dialect == "gemini" else "assistant", "user"]
    assert [one["parts"][0]["text"] if dialect == "gemini" else one["content"] for one in added] == [said, told]


def test_texts_become_turns() -> None:
    made = asked_again("chat", "responses", b'{"model":"m","input":"Hi"}', "No.", "Once more.")
    assert made is not None
    assert msgspec.json.decode(made)["input"] == [
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": "No."},
        {"role": "user", "content": "Once more."},
    ]
    prompt = asked_again("text_completion", "openai", b'{"prompt":"Say it: "}', "No.", "Once more.")
    assert prompt is not None
    assert msgspec.json.decode(prompt)["prompt"] == "Say it: No.\n\nOnce more.\n\n"


@pytest.mark.parametrize(
    ("operation", "raw"),
    [
        ("chat", b"[]"),
        ("chat", b'{"messages": 1}'),
        ("chat", b"{}"),
        ("text_completion", b'{"prompt": ["a", "b"]}'),
        ("text_completion", b'{"prompt": [1, 2]}'),
        ("embeddings", b'{"input": "a"}'),
        ("image_generation", b'{"prompt": "a"}'),
    ],
)
def test_what_cannot_be_said_again(operation: Any, raw: bytes) -> None:
    assert asked_again(operation, "openai", raw, "No.", "Once more.") is None
