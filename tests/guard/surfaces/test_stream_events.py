"""Events as such: every string of every event is seen, whatever its place and however its lines are ended."""

import json
from typing import Any

import pytest

from genaiops.core.errors import UpstreamError
from genaiops.guard.surfaces import Rewriter
from tests.guard.surfaces.channels import Heard, Hides, Same, Shouts, always
from tests.guard.surfaces.places import objects, placed, spoiled, strings, value_at
from tests.guard.surfaces.streams import STREAMS, call, chunk, events, parsed, texts_of
from tests.guard.surfaces.test_streams import rewritten

MARK = "the marker stands here"


@pytest.mark.parametrize("dialect", list(STREAMS))
def test_a_marker_in_any_string_of_any_event_is_heard(dialect: Any) -> None:
    found = parsed(STREAMS[dialect]())
    kinds: set[str] = set()
    for event in found:
        shape = ",".join(sorted(".".join(map(str, steps)) for steps in strings(event)))
        if shape + str(event.get("type")) in kinds:
            continue
        kinds.add(shape + str(event.get("type")))
        changed = [placed(event, steps, MARK) for steps in strings(event) if steps != ("type",)]
        changed += [placed(event, steps, {**value_at(event, steps), "unheard": [MARK]}) for steps in objects(event)]
        changed += [placed(event, steps, {**value_at(event, steps), MARK: 1}) for steps in objects(event)]
        for one in changed:
            heard = Heard()
            rewritten(dialect, events([one], done=False), heard)
            assert any(MARK in text for text, _, _ in heard.texts), one


def test_an_unknown_type_of_event_is_heard() -> None:
    for dialect in STREAMS:
        heard = Heard()
        rewritten(dialect, events([{"type": "of.tomorrow", "said": MARK}, {"type": MARK + "!"}], done=False), heard)
        assert [text for text, _, _ in heard.texts if MARK in text] == [MARK, MARK + "!"]


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_lines_may_end_in_three_ways(end: bytes) -> None:
    stream = STREAMS["messages"]().replace(b"\n", end)
    whole = rewritten("messages", stream, always(lambda: Hides("4111 1111 1111 1111")))
    assert b"[HIDDEN]" in whole
    for size in (1, 5):
        assert rewritten("messages", stream, always(lambda: Hides("4111 1111 1111 1111")), size) == whole
    plain = STREAMS["responses"]().split(b"response.function_call")[0].replace(b"\n", end)
    assert rewritten("responses", plain, always(Same), 3) == plain


def test_mixed_ends_hide_no_event() -> None:
    one = b'data: {"choices":[{"index":0,"delta":{"content":"a"}}]}'
    out = rewritten("openai", one + b"\n\r\n" + one + b"\r\n\n" + one + b"\n\r" + one, always(Shouts))
    assert texts_of("openai", out) == {(0, "content"): "AAAA!"}


def test_comments_and_other_lines() -> None:
    stream = b": keep-alive\n\nid: 7\nretry: 1000\n\n: say the secret\n\nid: 8\n" + events([chunk({"content": "x"})])
    assert rewritten("openai", stream, always(Same), 4) == stream
    out = rewritten("openai", stream, always(lambda: Hides("secret")))
    assert b": say the [HIDDEN]\n\n" in out
    assert out.startswith(b": keep-alive\n\nid: 7\nretry: 1000\n\n")
    assert b'id: 8\ndata: {"id":"chatcmpl-1"' in out


def test_data_in_several_lines() -> None:
    stream = b'\xef\xbb\xbfdata: {"choices":[{"index":0,\ndata: "delta":{"content":"a"}}]}\n\n'
    assert rewritten("openai", stream, always(Same)) == stream
    out = rewritten("openai", stream, always(Shouts))
    assert texts_of("openai", out) == {(0, "content"): "A!"}


def test_a_last_event_without_its_blank_line() -> None:
    stream = events([chunk({"content": "a"})], done=False) + b"data: [DONE]"
    out = rewritten("openai", stream, always(lambda: Hides("x")))
    assert out.endswith(b"\n\ndata: [DONE]")
    out = rewritten("openai", events([chunk({"content": "a"})], done=False)[:-2], always(lambda: Hides("x")))
    assert texts_of("openai", out) == {(0, "content"): "a"}


@pytest.mark.parametrize(
    "event",
    [
        b"data: hello\n\n",
        b'data: ["a"]\n\n',
        b'data: {"a":1,"a":2}\n\n',
        b'data: {"choices":[{"delta":{"content":"a","content":"b"}}]}\n\n',
        b'data: {"a":NaN}\n\n',
        b'data: {"a":"\xff"}\n\n',
        b"data: " + b'{"a":' * 200 + b"1" + b"}" * 200 + b"\n\n",
        events([chunk(call(0, '["\\ud800x"]'))], done=False),
    ],
)
def test_what_cannot_be_read_alike_by_all_stops_the_stream(event: bytes) -> None:
    with pytest.raises(UpstreamError):
        rewritten("openai", event, always(Same))


def test_frames_are_not_trusted_with_what_is_no_text() -> None:
    first = events([chunk({"content": "a"})], done=False)
    one = Rewriter("chat", "openai", always(Same))
    one.feed(first)
    with pytest.raises(UpstreamError):
        one.feed(first.replace(b'"a"', b'"\xff"'))
    one = Rewriter("chat", "openai", always(Shouts))
    one.feed(first)
    more = one.feed(first.replace(b'"a"', b'"b","tool_calls":null,"more":"c"'))
    assert json.loads(more[6:])["choices"][0]["delta"] == {"content": "B", "tool_calls": None, "MORE!": "C"}


@pytest.mark.parametrize("dialect", list(STREAMS))
def test_events_with_what_does_not_belong_there_are_read_too(dialect: Any) -> None:
    found = parsed(STREAMS[dialect]())
    kinds: dict[str, int] = {}
    for at, event in enumerate(found):
        kinds.setdefault(str(event.get("type")) + ",".join(sorted(str(steps) for steps in strings(event))), at)
    for at in kinds.values():
        for spoilt in spoiled(found[at]):
            stream = events([*found[max(0, at - 2) : at], spoilt, *found[at + 1 : at + 4]], done=False)
            heard = Heard()
            parsed(rewritten(dialect, stream, always(lambda: Hides("nothing"))))
            rewritten(dialect, stream, heard)
            assert "x y" not in json.dumps(spoilt) or any("x y" in text for text, _, _ in heard.texts)
