"""Streams that go out piece by piece, and streams that are said again with other texts: properties of both."""

import asyncio
import itertools
import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genaiops.domain import GuardPolicy, GuardRule, GuardVersion, Verdict
from genaiops.guard._guard import Plan
from genaiops.guard._mending import heard, saying
from genaiops.guard._windows import MOST, OVERLAP
from genaiops.ports.guard import Blocked, Guarded
from tests.guard.answering import delta, text_of
from tests.guard.surfaces.streams import STREAMS

TOX = GuardRule(id="tox", detector="toxicity", direction="out", action="block", timeout_ms=5000)
DONE = b"data: [DONE]\n\n"


class Seen:
    """Finds BAD, and remembers what it was asked about."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    async def classify(self, texts: Sequence[str], *, scope: str = "") -> list[Mapping[str, Verdict]]:
        self.texts += texts
        bad = ["BAD" in text for text in texts]
        return [{"toxicity": Verdict(outcome="fail" if one else "pass", measure=float(one))} for one in bad]


async def through(data: bytes, cuts: Sequence[int], seen: Seen) -> tuple[bytes, bool]:
    """What goes out of a stream that comes cut there; whether it was stopped."""
    version = GuardVersion(name="p", digest="sha256:p", aliases=("current",), policy=GuardPolicy(rules=(TOX,)))
    guard = Plan((version,), lambda _: seen).guard(("p",), Guarded(b"", "chat", "openai", streamed=True))
    assert guard is not None
    stream = guard.stream()
    assert stream is not None
    assert stream.waits
    out = b""
    places = sorted({0, *[cut % (len(data) + 1) for cut in cuts], len(data)})
    try:
        for begin, end in itertools.pairwise(places):
            out += stream.feed(data[begin:end])
            while stream.due:
                out += await stream.wait()
            asked = "".join(seen.texts)
            assert all(word in asked for word in text_of(out).split()), "nothing goes out that nobody looked at"
        out += await stream.wait_end()
    except Blocked:
        return out, True
    return out, False


PIECES = st.lists(st.text(st.sampled_from("ab .!BAD\n"), min_size=1, max_size=40), min_size=1, max_size=120)


@given(PIECES, st.lists(st.integers(0, 1 << 20), max_size=12))
@settings(max_examples=60, deadline=None)
def test_nothing_goes_out_unseen_wherever_it_is_cut(pieces: list[str], cuts: list[int]) -> None:
    data = b"".join(delta(piece) for piece in pieces) + DONE
    seen = Seen()
    out, stopped = asyncio.run(through(data, cuts, seen))
    text = "".join(pieces)
    assert data.startswith(out)
    assert stopped == ("BAD" in text)
    if stopped:
        assert "BAD" not in text_of(out)
    else:
        assert out == data
    once = Seen()
    asyncio.run(through(data, (), once))
    assert once.texts == seen.texts, "the same is asked however it came"
    longest = max(map(len, pieces))
    assert all(len(one) <= MOST + longest + OVERLAP for one in seen.texts)


@pytest.mark.parametrize("dialect", list(STREAMS))
def test_a_stream_is_said_again_with_other_texts(dialect: Any) -> None:
    events = STREAMS[dialect]()
    parts = heard("chat", dialect, events)
    assert heard("chat", dialect, saying("chat", dialect, events, {})) == parts
    [place] = [at for at, part in enumerate(parts) if part.text.startswith("It is grey")]
    again = saying("chat", dialect, events, {place: 'What "else"?'})
    now = heard("chat", dialect, again)
    expected = [part.text for part in parts]
    expected[place] = 'What "else"?'
    assert [part.text for part in now if part.text] == [text for text in expected if text]
    assert b"grey" not in again


@given(st.sampled_from(sorted(STREAMS)), st.integers(0, 30), st.text(min_size=1, max_size=200))
@settings(max_examples=100, deadline=None)
def test_any_text_of_a_stream_can_be_said_otherwise(dialect: Any, number: int, text: str) -> None:
    events = STREAMS[dialect]()
    parts = heard("chat", dialect, events)
    number = [at for at, part in enumerate(parts) if part.provenance in ("model_output", "reasoning")][number % 2]
    now = [part.text for part in heard("chat", dialect, saying("chat", dialect, events, {number: text}))]
    assert text in now
    rest = [part.text for at, part in enumerate(parts) if at != number and part.text]
    assert [one for one in now if one and one != text] == [one for one in rest if one != text]


def asked_of_a_whole(text: str, seen: Seen, detector: Any = "toxicity") -> bool:
    """What is asked about of an answer that comes at once; whether it was stopped."""
    one = GuardRule(id="tox", detector=detector, direction="out", action="block", timeout_ms=5000)
    version = GuardVersion(name="p", digest="sha256:p", aliases=("current",), policy=GuardPolicy(rules=(one,)))
    guard = Plan((version,), lambda _: seen).guard(("p",), Guarded(b"", "chat", "openai", streamed=False))
    assert guard is not None
    answer = {"choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}]}
    return asyncio.run(guard.wait_answer(json.dumps(answer).encode(), b"application/json")).stops


@settings(max_examples=60)
@given(st.lists(st.text(st.sampled_from("ab .!BAD\n"), min_size=1, max_size=60), max_size=30))
def test_a_whole_answer_is_looked_at_as_a_stream_of_its_characters(pieces: list[str]) -> None:
    text = "".join(pieces)
    streamed, whole = Seen(), Seen()
    data = b"".join(delta(char) for char in text) + DONE
    _, stopped = asyncio.run(through(data, [], streamed))
    assert asked_of_a_whole(text, whole) is stopped
    kept = [piece for piece in whole.texts if piece.strip()]
    assert kept == whole.texts
    asked = [piece for piece in streamed.texts if piece.strip()]
    assert asked == kept[: len(asked)], "a stream that is stopped is not looked at any further"
    assert stopped or asked == kept


def test_what_stands_among_calm_words_is_asked_about_without_most_of_them() -> None:
    calm = "The museum opens at nine and closes at six on every day but Monday. " * 30
    seen = Seen()
    assert asked_of_a_whole(f"{calm}You are BAD. {calm}", seen)
    assert max(map(len, seen.texts)) <= MOST
    assert len("".join(seen.texts)) < 3 * 2 * len(calm)
