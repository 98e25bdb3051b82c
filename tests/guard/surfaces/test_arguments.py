"""Arguments of tools that come piece by piece say what they say as a whole."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genaiops.guard.surfaces import answered
from genaiops.guard.surfaces._arguments import Arguments
from genaiops.guard.surfaces._walk import Malformed
from genaiops.guard.surfaces._words import WORDS
from tests.guard.surfaces.channels import Heard, Hides, Same, Shouts

NO_WORDS: frozenset[str] = frozenset()
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False, width=32)
    | st.text(max_size=8)
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)


def fed(arguments: Arguments, text: str, cuts: list[int]) -> str:
    out, at = "", 0
    for cut in sorted({min(cut, len(text)) for cut in cuts}):
        out += arguments.feed(text[at:cut])
        at = cut
    return out + arguments.feed(text[at:]) + arguments.end()


cut_places = st.lists(st.integers(0, 60), max_size=6)


@given(value=values, cuts=cut_places, ascii_only=st.booleans(), indent=st.sampled_from([None, 1]))
@settings(max_examples=60, deadline=None)
def test_what_is_not_changed_is_what_came(value: Any, cuts: list[int], ascii_only: bool, indent: int | None) -> None:
    text = json.dumps(value, ensure_ascii=ascii_only, indent=indent)
    assert json.loads(fed(Arguments(Same, NO_WORDS), text, cuts)) == json.loads(text)
    assert fed(Arguments(Same, NO_WORDS), text, []) == text


@given(value=st.dictionaries(st.text(max_size=6), values, max_size=3), cuts=cut_places)
@settings(max_examples=60, deadline=None)
def test_its_texts_are_those_of_the_whole(value: dict[str, Any], cuts: list[int]) -> None:
    text = json.dumps(value)
    heard = Heard()
    fed(Arguments(lambda: heard("tool_arguments", "f", ""), WORDS), text, cuts)
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": text}}
    whole = answered("chat", "openai", json.dumps({"choices": [{"message": {"tool_calls": [call]}}]}).encode())
    short = {one for one, _, _ in heard.texts if len(one) <= 6 and one.isdecimal()}
    found = [part.text for part in whole.parts]
    assert [one for one, _, _ in heard.texts if one not in short] == [one for one in found if one not in short]


@given(value=values, cuts=cut_places, held=st.integers(0, 5))
@settings(max_examples=60, deadline=None)
def test_whatever_is_put_in_it_stays_json(value: Any, cuts: list[int], held: int) -> None:
    text = json.dumps(value)
    once = fed(Arguments(lambda: Shouts(held), NO_WORDS), text, [])
    json.loads(once)
    assert json.loads(fed(Arguments(lambda: Shouts(held), NO_WORDS), text, cuts)) == json.loads(once)


def test_escapes_hide_nothing() -> None:
    hides = Arguments(lambda: Hides("jane@example.com"), NO_WORDS)
    text = r'{"to": "jane\u0040example.com", "jane@example\u002ecom": "\ud83d\ude00\n"}'
    out = "".join(hides.feed(one) for one in text) + hides.end()
    assert json.loads(out) == {"to": "[HIDDEN]", "[HIDDEN]": "😀\n"}


@pytest.mark.parametrize("text", ["town: Bonn", "{town: 'Bonn'}", '{"a": tru', "<x>", "-", "é", "{'a'"])
def test_what_is_no_json_is_one_text_from_there_on(text: str) -> None:
    assert fed(Arguments(Same, NO_WORDS), text, [1, 3]) == text
    assert fed(Arguments(lambda: Hides("x"), NO_WORDS), text, [1, 3]) == text.replace("x", "[HIDDEN]")
    assert fed(Arguments(Shouts, NO_WORDS), text + " and more", [2]).endswith(" AND MORE!")


@pytest.mark.parametrize("text", ['{"a": "b\\u00', '{"a', '{"a": "b\\', '{"a": 41111111111', '["\\ud83d'])
def test_what_is_cut_off_is_kept(text: str) -> None:
    assert fed(Arguments(Same, NO_WORDS), text, [3]) == text
    assert fed(Arguments(lambda: Hides("x"), NO_WORDS), text, [3]) == text


@pytest.mark.parametrize(
    "text",
    [
        '{"a":1,"a":2}',
        '{"a":1,"\\u0061":2}',
        '"\\ud800x"',
        '"\\udc00"',
        '"\\x"',
        '"\\u00g0"',
        '"\\ud800\\n"',
        "[" * 101,
    ],
)
def test_what_readers_would_read_differently_is_refused(text: str) -> None:
    with pytest.raises(Malformed):
        fed(Arguments(Same, NO_WORDS), text, [2])
