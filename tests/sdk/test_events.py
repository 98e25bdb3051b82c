"""Server-sent events: what the standard says, for every way in which a stream may be written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genaiops.core.errors import OutsideError
from genaiops.sdk import Event
from genaiops.sdk._events import read_events

WORDS = st.text(st.characters(exclude_characters="\r\n\0", exclude_categories=["Cs"]), max_size=20)


@given(
    st.lists(st.tuples(WORDS.filter(bool), st.lists(WORDS, min_size=1, max_size=3)), max_size=5),
    st.sampled_from(["\n", "\r\n"]),
)
def test_what_is_written_is_read(events: list[tuple[str, list[str]]], end: str) -> None:
    text = "".join(
        f"event: {name}{end}" + "".join(f"data: {line}{end}" for line in lines) + f": alive{end}{end}"
        for name, lines in events
    )
    found = list(read_events(text.encode().splitlines(keepends=True)))
    assert [(event.name, event.data) for event in found] == [(name, "\n".join(lines)) for name, lines in events]


def test_names_ids_and_comments() -> None:
    lines = [b": following\n", b"\n", b"id: 7\n", b"data:1\n", b"\n", b"retry: 5\n", b"data: 2\n", b"\n"]
    assert list(read_events(lines)) == [Event("message", "1", "7"), Event("message", "2", "7")]


def test_an_event_that_was_cut_off_is_none() -> None:
    assert list(read_events([b"data: 1\n", b"\n", b"data: 2\n"])) == [Event("message", "1")]


def test_data_that_is_not_json() -> None:
    assert Event("message", '{"a": 1}').json() == {"a": 1}
    with pytest.raises(OutsideError, match="not JSON"):
        Event("message", "[DONE]").json()
