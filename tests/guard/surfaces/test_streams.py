"""Streams: every text goes through its channel, wherever the bytes were cut, and nothing that was held is lost."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genaiops.guard.surfaces import NewChannel, Rewriter
from tests.guard.surfaces.channels import Heard, Hides, Same, Shouts, always
from tests.guard.surfaces.streams import (
    ARGUMENTS,
    MORE,
    SAID,
    STREAMS,
    THOUGHT,
    Texts,
    call,
    chunk,
    events,
    parsed,
    texts_of,
)

DIALECTS = list(STREAMS)


def rewritten(dialect: Any, stream: bytes, channel: NewChannel, size: int = 0, operation: Any = "chat") -> bytes:
    """`size`: of the pieces that the stream comes in; 0: all at once."""
    one = Rewriter(operation, dialect, channel)
    size = size or len(stream)
    return b"".join([one.feed(stream[at : at + size]) for at in range(0, len(stream), size)]) + one.end()


def shouted(text: str) -> str:
    """What Shouts makes of a text, or of the texts in JSON."""
    try:
        value = json.loads(text)
    except ValueError:
        return text.upper() + "!"
    return json.dumps(_shouted(value), ensure_ascii=False)


def _shouted(value: Any) -> Any:
    if isinstance(value, str):
        return value and value.upper() + "!"
    if isinstance(value, dict):
        return {name.upper() + "!": _shouted(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_shouted(inner) for inner in value]
    return f"{value}!" if isinstance(value, int) and value > 10**6 else value


def same_json(texts: Texts) -> dict[Any, Any]:
    """Texts that are JSON by their values."""
    made: dict[Any, Any] = {}
    for key, text in texts.items():
        try:
            made[key] = json.loads(text)
        except ValueError:
            made[key] = text
    return made


@pytest.mark.parametrize("dialect", DIALECTS)
def test_unchanged_events_keep_their_bytes(dialect: str) -> None:
    """Names of fields are held until they are whole, so the arguments of tools may be cut at other places."""
    stream = STREAMS[dialect]()
    for size in (0, 1, 7, 64):
        out = rewritten(dialect, stream, always(Same), size)
        assert texts_of(dialect, out) == texts_of(dialect, stream)
        kept = [event for event in stream.split(b"\n") if b"arguments" not in event and b"partial" not in event]
        assert [event for event in out.split(b"\n") if b"arguments" not in event and b"partial" not in event] == kept


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("held", [0, 3, 1000])
def test_every_text_goes_through_its_channel(dialect: str, held: int) -> None:
    stream = STREAMS[dialect]()
    before = texts_of(dialect, stream)
    assert len(before) == 4
    expected = same_json({key: shouted(text) for key, text in before.items()})
    out = rewritten(dialect, stream, always(lambda: Shouts(held)))
    assert same_json(texts_of(dialect, out)) == expected


@pytest.mark.parametrize("dialect", DIALECTS)
def test_it_does_not_matter_where_the_bytes_are_cut(dialect: str) -> None:
    stream = STREAMS[dialect]()
    whole = rewritten(dialect, stream, always(lambda: Shouts(4)))
    for size in (1, 2, 3, 17, 250):
        assert rewritten(dialect, stream, always(lambda: Shouts(4)), size) == whole


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_value_over_several_events_is_hidden(dialect: str) -> None:
    out = rewritten(dialect, STREAMS[dialect](), always(lambda: Hides("4111 1111 1111 1111")))
    assert b"[HIDDEN] is no number." in out
    assert b"1111 1111" not in out


@pytest.mark.parametrize("dialect", DIALECTS)
def test_texts_are_told_with_provenance_and_tool(dialect: str) -> None:
    heard = Heard()
    rewritten(dialect, STREAMS[dialect](), heard, 11)
    told = set(heard.texts)
    assert ("".join(THOUGHT), "reasoning", "") in told
    assert ("".join(SAID), "model_output", "") in told
    arguments = json.loads("".join(ARGUMENTS))
    for text in (arguments["town"], "town", "4111111111111111", "wed"):
        assert (text, "tool_arguments", "weather") in told
    assert (json.loads("".join(MORE))["q"], "tool_arguments", "ask") in told


@pytest.mark.parametrize("dialect", DIALECTS)
def test_what_is_held_goes_out_when_the_stream_breaks(dialect: str) -> None:
    stream = STREAMS[dialect]()
    at = stream.index(b"no number.")
    cut = (
        stream[: stream.index(b"\n\n", at) + 2]
        if b"\r\n" not in stream
        else stream[: stream.index(b"\r\n\r\n", at) + 4]
    )
    out = rewritten(dialect, cut, always(lambda: Hides("nothing")))
    assert b"".join(text.encode() for text in SAID) in out


Piece = tuple[int, str, str]
pieces_of_answers = st.lists(
    st.tuples(
        st.integers(0, 1),
        st.sampled_from(["content", "reasoning_content", "refusal", "unheard", "call 0", "call 1"]),
        st.text(max_size=5),
    ),
    max_size=12,
)


def _piece(index: int, field: str, text: str, named: set[tuple[int, str]]) -> dict[str, Any]:
    if not field.startswith("call"):
        return chunk({field: text}, index)
    name = None if (index, field) in named else "f"
    named.add((index, field))
    return chunk(call(int(field[-1]), text, name), index)


@given(
    pieces=pieces_of_answers,
    finished=st.lists(st.integers(0, 1), max_size=2),
    size=st.integers(1, 80),
    held=st.integers(0, 6),
)
@settings(max_examples=80, deadline=None)
def test_nothing_is_lost_or_said_twice(pieces: list[Piece], finished: list[int], size: int, held: int) -> None:
    """Whatever comes in whatever order, with an end or without. Texts of calls are no JSON here: one text each."""
    named: set[tuple[int, str]] = set()
    chunks = [_piece(index, field, f"é{text}" if "call" in field else text, named) for index, field, text in pieces]
    chunks += [chunk({}, index, "stop") for index in finished]
    stream = events(chunks)
    expected = {key: text.upper() + "!" for key, text in _plainly(stream).items()}
    out = rewritten("openai", stream, always(lambda: Shouts(held)), size)
    assert _plainly(out) == expected
    assert out.endswith(b"data: [DONE]\n\n")


def _plainly(stream: bytes) -> Texts:
    texts = texts_of("openai", stream)
    for event in parsed(stream):
        for choice in event["choices"]:
            for field, text in choice["delta"].items():
                if field.lower().startswith("unheard"):
                    key = (choice["index"], "unheard")
                    texts[key] = texts.get(key, "") + text
    return {key: text for key, text in texts.items() if text}
