"""Events that repeat: a place is taken for that of the text only when it is."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from genaiops.providers._repeats import Frame, Log, frame_of


def read(event: bytes) -> str | None:
    try:
        found: Any = json.loads(event)
    except ValueError:
        return None
    return found["text"]


def test_a_string_that_only_looks_like_the_text_is_not_taken_for_it() -> None:
    assert frame_of(b'{"text":"last","x":"last"}', "last", read) is None
    assert frame_of(b'{"text":"x","x":"last"}', "x", read) is None  # the last "x" is a name
    frame = frame_of(b'{"x":"text","text":"a"}', "a", read)
    assert frame is not None
    assert frame.text_of(b'{"x":"text","text":"b \\n"}') == rb"b \n"


@given(st.binary(max_size=12))
def test_what_has_a_text_in_the_frame_is_an_event_with_that_text(inside: bytes) -> None:
    frame = Frame(b'{"text":"', b'"}')
    text = frame.text_of(frame.prefix + inside + frame.suffix)
    if text is not None:
        assert text == inside
        assert isinstance(read(frame.prefix + inside + frame.suffix), str)


@given(st.lists(st.one_of(st.binary(min_size=1, max_size=5), st.sampled_from(["a", "\\n", "b"]))))
def test_the_log_has_the_events_as_they_came(entries: list[bytes | str]) -> None:
    frame, log, events = Frame(b"<", b">"), Log(), b""
    for entry in entries:
        if isinstance(entry, bytes):
            log.add(entry)
            events += entry
        else:
            event = b"<%b>" % entry.encode()
            log.add_text(frame, entry.encode(), len(event))
            events += event
    assert log.events() == events
    assert log.size == len(events)
