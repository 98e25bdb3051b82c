"""Whole bodies: every text is seen, whatever its place, and only what is replaced changes."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genaiops.core.errors import UpstreamError, UsageError
from genaiops.guard.surfaces import Document, answered, asked
from tests.guard.surfaces.bodies import ANSWERED, ASKED
from tests.guard.surfaces.pieces import TEXT_FILE
from tests.guard.surfaces.places import objects, placed, spoiled, strings, value_at

MARK = "the marker stands here"
BODIES = [("asked", *key) for key in ASKED] + [("answered", *key) for key in ANSWERED]


def document(side: str, operation: Any, dialect: Any, raw: bytes) -> Document:
    return asked(operation, dialect, raw) if side == "asked" else answered(operation, dialect, raw)


def fixture(side: str, operation: Any, dialect: Any) -> Any:
    return (ASKED if side == "asked" else ANSWERED)[operation, dialect]


def encoded(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


@pytest.mark.parametrize(("side", "operation", "dialect"), BODIES)
def test_a_marker_in_any_string_or_key_is_seen(side: str, operation: str, dialect: str) -> None:
    body = fixture(side, operation, dialect)
    for steps in strings(body):
        found = document(side, operation, dialect, encoded(placed(body, steps, MARK)))
        assert any(MARK in part.text for part in found.parts), steps
    for steps in objects(body):
        inner = value_at(body, steps)
        for new in ({MARK: 1}, {"unheard": {"of": [MARK]}}, {"unheard": [MARK]}):
            found = document(side, operation, dialect, encoded(placed(body, steps, {**inner, **new})))
            assert any(MARK in part.text for part in found.parts), (steps, new)


@pytest.mark.parametrize(("side", "operation", "dialect"), BODIES)
def test_replacing_all_changes_the_texts_alone(side: str, operation: str, dialect: str) -> None:
    body = fixture(side, operation, dialect)
    raw = encoded(body)
    found = document(side, operation, dialect, raw)
    assert found.replaced({}) is raw
    assert found.replaced({at: part.text for at, part in enumerate(found.parts)}) is raw
    for at, part in enumerate(found.parts):
        new = found.replaced({at: MARK})
        again = document(side, operation, dialect, new)
        assert [one.text for one in again.parts].count(MARK) == 1 or _dropped(again, found), part
        assert _differences(body, json.loads(new)) <= 2, part
    everything = found.replaced({at: f"{MARK} {at}" for at in range(len(found.parts))})
    left = document(side, operation, dialect, everything)
    assert all(MARK in part.text for part in left.parts)


def _dropped(again: Document, before: Document) -> bool:
    """Probabilities of tokens go instead of being replaced."""
    return len(again.parts) < len(before.parts)


def _differences(one: Any, other: Any) -> int:
    """How many values differ."""
    if isinstance(one, dict) and isinstance(other, dict):
        pairs = list(one.items()), list(other.items())
        found = abs(len(pairs[0]) - len(pairs[1]))
        for (key, value), (name, there) in zip(*pairs, strict=False):
            found += (key != name) + _differences(value, there)
        return found
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        return sum(_differences(value, there) for value, there in zip(one, other, strict=True))
    return int(one != other)


def test_each_text_has_its_provenance_and_its_place() -> None:
    found = asked("chat", "openai", encoded(ASKED["chat", "openai"]))
    told = {part.text: (part.provenance, part.place, part.tool) for part in found.parts}
    assert told["Be brief."] == ("system", "messages[0].content", "")
    assert told["No jokes."] == ("developer", "messages[1].content[0].text", "")
    assert told["Look at this"][0] == "user"
    assert told["A letter of nobody's. " * 9][0] == "user"
    assert told["ls -l"] == ("tool_arguments", "messages[3].tool_calls[1].custom.input", "shell")
    assert told["4111111111111111"] == (
        "tool_arguments", "messages[3].tool_calls[0].function.arguments.card", "weather")  # fmt: skip
    assert told["grün"] == ("tool_result", "messages[4].content.sky", "weather")
    assert told["how it is"] == ("tool_definition", "tools[0].function.description", "")
    assert told["for jane"] == ("other", "metadata.for jane (name)", "")
    assert told["inside"][0] == "other"
    assert [one.media for one in found.unread] == ["image/png", "wav"]
    found = asked("chat", "messages", encoded(ASKED["chat", "messages"]))
    told = {part.text: (part.provenance, part.tool) for part in found.parts}
    assert told["DearAll" * 20] == ("retrieved", "")
    assert told["let me see"] == ("reasoning", "")
    assert told["Jane Doe"] == ("tool_arguments", "weather")
    assert told["grey sky"] == ("tool_result", "weather")
    found = answered("chat", "responses", encoded(ANSWERED["chat", "responses"]))
    told = {part.text: part.provenance for part in found.parts}
    assert (told["It is grey."], told["so it is"], told["Bonn am Rhein"]) == (
        "model_output", "reasoning", "tool_arguments")  # fmt: skip


def test_what_is_replaced_is_valid_inside_its_place() -> None:
    found = asked("chat", "openai", encoded(ASKED["chat", "openai"]))
    where = {part.text: at for at, part in enumerate(found.parts)}
    texts = {where["Bonn"]: "a", where["4111111111111111"]: "[CARD]", where["grün"]: '"', where["card"]: "city"}
    texts[where["A letter of nobody's. " * 9]] = "hidden"
    made = json.loads(found.replaced(texts))
    call = made["messages"][3]["tool_calls"][0]["function"]["arguments"]
    assert "[CARD]" in call
    assert len(json.loads(call)) == 2
    assert json.loads(made["messages"][4]["content"]) == {"sky": '"'}
    assert TEXT_FILE not in json.dumps(made)


def test_probabilities_go_with_their_text() -> None:
    body = ANSWERED["chat", "openai"]
    found = answered("chat", "openai", encoded(body))
    at = next(at for at, part in enumerate(found.parts) if part.text == "It is grey.")
    made = json.loads(found.replaced({at: "[HIDDEN]"}))
    assert made["choices"][0]["logprobs"] is None
    assert "It is" not in json.dumps(made["choices"][0])


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b'{"a":NaN}',
        b'{"model":"m","messages":[{"role":"user","content":"a\xff"}]}',
        b'{"model":"m","model":"n"}',
        b'{"model":"m","mod\\u0065l":"n"}',
        b'{"model":"m","messages":[{"content":"a: b","content" : "c"}]}',
        b'{"messages":[{"role":"user","content":"a","x":{"y\\\\":1,"y\\\\":"say \\":"}}]}',
        b'{"messages":[{"role":"assistant","tool_calls":[{"function":{"name":"f","arguments":"{\\"a\\":1,\\"a\\":2}"}}]}]}',
        b'{"a":' * 150 + b"1" + b"}" * 150,
        b"[" * 100_000 + b"]" * 100_000,
        b'{"a":"\\ud800"}',
        b'{"a":1}x',
    ],
)
def test_what_cannot_be_read_alike_by_all_is_refused(raw: bytes) -> None:
    with pytest.raises(UsageError):
        asked("chat", "openai", raw)
    with pytest.raises(UpstreamError):
        answered(
            "chat",
            "openai",
            raw.replace(b'"messages"', b'"choices"')
            .replace(b'"tool_calls"', b'"message":{"tool_calls"')
            .replace(b'}"}}]}]}', b'}"}}]}}]}')
            if b"tool_calls" in raw
            else raw,
        )


values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)


@given(body=st.dictionaries(st.sampled_from(["messages", "tools", "x", "metadata", "prompt", "user"]), values))
@settings(max_examples=60, deadline=None)
def test_any_body_is_read_and_written(body: dict[str, Any]) -> None:
    raw = json.dumps(body).encode()
    found = asked("chat", "openai", raw)
    seen = "\n".join(part.text for part in found.parts)
    for steps in strings(body):
        text = value_at(body, steps)
        assert not text or text in seen or (text.isascii() and " " not in text)
    made = json.loads(found.replaced({at: part.text + "!" for at, part in enumerate(found.parts)}))
    assert len(made) == len(body)


def test_what_is_read_as_one_text_is_told() -> None:
    body = {
        "model": "m",
        "messages": [
            {"role": "user", "content": [{"type": "text", "text": "4111 1111 "}, {"type": "text", "text": "1111 "}]},
            {"role": "user", "content": "1111"},
            {"role": "assistant", "content": "I see"},
        ],
    }
    found = asked("chat", "openai", encoded(body))
    groups = [tuple(found.parts[at].text for at in group) for group in found.joined()]
    assert groups == [("4111 1111 ", "1111 ", "1111")]


def test_plain_texts_and_media() -> None:
    found = answered("transcription", "openai", "Grüße".encode(), b"text/plain; charset=utf-8")
    assert [part.text for part in found.parts] == ["Grüße"]
    assert found.replaced({0: "x"}) == b"x"
    found = answered("transcription", "openai", b'{"text": "Gr\\u00fc\\u00dfe"}', "text/plain")
    assert "Grüße" in [part.text for part in found.parts]
    assert json.loads(found.replaced({0: "x"})) == {"text": "x"}
    with pytest.raises(UpstreamError):
        answered("chat", "openai", b"a plain text", "text/plain")
    found = answered("speech", "openai", b"\x00\xff", b"audio/mpeg")
    assert (found.parts, [one.media for one in found.unread]) == ((), ["audio/mpeg"])
    tokens = asked("embeddings", "openai", b'{"model":"m","input":[[1,2,3],[4]]}')
    assert [one.media for one in tokens.unread] == ["tokens", "tokens"]


@pytest.mark.parametrize(("side", "operation", "dialect"), BODIES)
def test_the_fields_of_a_dialect_are_known(side: str, operation: str, dialect: str) -> None:
    """What names things is no text, and no text is `other` that has a better word."""
    found = document(side, operation, dialect, encoded(fixture(side, operation, dialect)))
    others = {part.text for part in found.parts if part.provenance == "other"}
    assert not {text for text in others if text not in UNSAID}, found


UNSAID = frozenset(
    {
        *(
            "END",
            "that is all",
            "about Jane",
            "for jane",
            "x",
            "ticket",
            "user-17",
            "k17",
            "u",
            "u 1",
            "text",
            "inside",
        ),
        *("field_of_tomorrow", "deep", "Bonn", "Bonn am Rhein", "x-for", "jane doe", "Jane Doe", "t u", "asks"),
        *("https://mcp.test/x y", "a b", "of jane", "team", "It is grey.", "one text", "too long", "not that"),
    }
)


def test_vectors_are_not_decoded_unless_there_is_a_text_among_them() -> None:
    body = {"object": "list", "model": "a/b", "data": [{"object": "embedding", "index": 0, "embedding": [0.5]}]}
    assert not answered("embeddings", "openai", encoded(body)).parts
    for steps in strings(body):
        found = answered("embeddings", "openai", encoded(placed(body, steps, MARK)))
        assert [part.text for part in found.parts] == [MARK]
    found = answered("embeddings", "openai", encoded({**body, "said": "hunter2"}))
    assert [part.text for part in found.parts] == ["said", "hunter2"]


@pytest.mark.parametrize(("side", "operation", "dialect"), BODIES)
def test_what_does_not_belong_there_is_read_too(side: str, operation: str, dialect: str) -> None:
    for body in spoiled(fixture(side, operation, dialect)):
        found = document(side, operation, dialect, encoded(body))
        seen = "\n".join(part.text for part in found.parts)
        assert "x y" in seen or "x y" not in json.dumps(body)
        json.loads(found.replaced({at: f"{part.text}!" for at, part in enumerate(found.parts)}))
