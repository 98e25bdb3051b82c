# ruff: noqa: RUF001 (quotes that look alike are what this is about)
"""Mending changes only what is broken; schemas of several drafts; nothing is fetched."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genaiops.checks.structured import Broken, Parsed, Problem, Schema, judge, parse, reask
from genaiops.core.errors import UsageError
from tests.examples import examples

TEXTS = st.text(st.characters(codec="utf-8") | st.sampled_from("\"'\\/{}[],:`#\n\t“”’u"), max_size=12)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS
VALUES: st.SearchStrategy[Any] = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4), max_leaves=12
)
CONTAINERS = st.lists(VALUES, max_size=4) | st.dictionaries(TEXTS, VALUES, max_size=4)


def read(text: str) -> Parsed:
    found = parse(text)
    assert isinstance(found, Parsed), found
    return found


def applied(text: str, parsed: Parsed) -> str:
    """The answer with the repairs made, from the last to the first."""
    for repair in reversed(parsed.repairs):
        text = text[: repair.start] + repair.text + text[repair.end :]
    return text


def strict(text: str) -> Any:
    def refuse(name: str) -> Any:
        raise ValueError(name)

    return json.loads(text, parse_constant=refuse)


@settings(max_examples=examples())
@given(VALUES, st.sampled_from([None, 1]), st.booleans())
def test_what_is_json_is_not_changed(value: Any, indent: int | None, ascii_only: bool) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=ascii_only)
    assert parse(text) == Parsed(value, text)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a": [1, 2,], }', {"a": [1, 2]}),
        ("{'a': 'say \"hi\"', 'b': 'it\\'s'}", {"a": 'say "hi"', "b": "it's"}),
        ("{“a”: ‘b’}", {"a": "b"}),
        ("{a: True, b_c: None, $d: False}", {"a": True, "b_c": None, "$d": False}),
        ('{"a": 1 "b": [2 3]}', {"a": 1, "b": [2, 3]}),
        ('{"a": "one\ntwo\t"}', {"a": "one\ntwo\t"}),
        (r'["\d+", "\'", "C:\users", "\u00e9"]', [r"\d+", "'", r"C:\users", "é"]),
        ("[ // first\n1, /* and */ 2 # last\n]", [1, 2]),
        ('Here it is:\n```json\n{"a": 1}\n```\nDone.', {"a": 1}),
        ("```\n[1,\n2,\n]\n```", [1, 2]),
        ('As in [1], the answer is {"total": 12.5e3} (checked).', {"total": 12500.0}),
        ('{"code": "```"} is it', {"code": "```"}),
        ('```json\n{"a": 12\n```', {"a": 12}),
    ],
)
def test_mended(text: str, value: Any) -> None:
    parsed = read(text)
    assert parsed.value == value == strict(parsed.text)
    assert parsed.repairs
    assert applied(text, parsed) == parsed.text


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a": "b', {"a": "b"}),
        ('{"a": "b\\', {"a": "b"}),
        ('{"a": "b\\u00e', {"a": "b"}),
        ('{"a": tru', {"a": True}),
        ('{"a": N', {}),
        ('{"a": 12', {}),
        ('{"a": 12 ', {"a": 12}),
        ('{"a": 1, "b', {"a": 1}),
        ('{"a": 1, "b":', {"a": 1}),
        ('{"a": 1, ', {"a": 1}),
        ('{"a": [1, {"b": [-', {"a": [1, {"b": []}]}),
        ("[{'a': 'b", [{"a": "b"}]),
        ("[", []),
    ],
)
def test_cut_off(text: str, value: Any) -> None:
    parsed = read(text)
    assert parsed.value == value
    assert parsed.truncated
    assert applied(text, parsed) == parsed.text
    assert judge(parsed).outcome == "fail"


@pytest.mark.parametrize(
    ("text", "at", "says"),
    [
        ("", 0, "no JSON"),
        ("I cannot do that.", 0, "no JSON"),
        ('{"a": "he said "hi" to me"}', 18, "a colon"),
        ('{"a": NaN}', 6, "a value"),
        ('{"a": b}', 6, "a value"),
        ('{"a": [1, 2}', 11, "a value"),
        ("[1,,2]", 3, "a value"),
        ("[007]", 1, "a number"),
        ("[1.]", 1, "a number"),
        ("{1: 2}", 1, "a name"),
        ('{"a" 1}', 5, "a colon"),
        ("[" * 100_000 + "]" * 100_000, 0, "too deeply"),
        ("[" + "9" * 5000 + ",]", 0, "digits"),
    ],
)
def test_what_would_have_to_be_guessed_is_not_mended(text: str, at: int, says: str) -> None:
    found = parse(text)
    assert isinstance(found, Broken)
    assert says in found.reason
    assert abs(found.at - at) <= 1
    assert judge(found).outcome == "fail"


def begins(part: Any, whole: Any) -> bool:
    """Whether `part` may be what is left of `whole` when its end is cut off."""
    match part, whole:
        case list(), list():
            return len(part) <= len(whole) and all(
                begins(one, other) if at == len(part) - 1 else one == other
                for at, (one, other) in enumerate(zip(part, whole, strict=False))
            )
        case dict(), dict():
            names = list(part)
            return names == list(whole)[: len(names)] and all(
                begins(part[name], whole[name]) if name == names[-1] else part[name] == whole[name] for name in names
            )
        case str(), str():
            return whole.startswith(part) or whole.encode("utf-16", "surrogatepass").startswith(
                part.encode("utf-16", "surrogatepass")
            )
        case _:
            return bool(part == whole) and type(part) is type(whole)


@settings(max_examples=examples())
@given(CONTAINERS, st.booleans(), st.data())
def test_the_beginning_of_a_document_is_completed_without_inventing(
    value: Any, ascii_only: bool, data: st.DataObject
) -> None:
    whole = json.dumps(value, ensure_ascii=ascii_only)
    text = whole[: data.draw(st.integers(1, len(whole) - 1))]
    parsed = read(text)
    assert parsed.truncated
    assert begins(parsed.value, value)
    assert applied(text, parsed) == parsed.text
    assert [repair.kind for repair in parsed.repairs] == ["truncated"]


def loosely(value: Any, data: st.DataObject) -> str:
    """Written as models write it."""
    trailing = data.draw(st.sampled_from(["", ",", " , "]))
    match value:
        case list():
            inner = ", ".join(loosely(one, data) for one in value)
            return f"[{inner}{trailing if value else ''}]"
        case dict():
            inner = ", ".join(f"{loosely(name, data)}: {loosely(one, data)}" for name, one in value.items())
            return f"{{{inner}{trailing if value else ''}}}"
        case None | True | False if data.draw(st.booleans()):
            return str(value)
        case str() if data.draw(st.booleans()):
            inside = json.dumps(value)[1:-1].replace('\\"', '"').replace("'", "\\'")
            return f"'{inside}'"
        case _:
            return json.dumps(value)


@settings(max_examples=examples())
@given(CONTAINERS, st.sampled_from(["{}", "```json\n{}\n```", "Sure: {} - as asked."]), st.data())
def test_loose_writing_means_the_same(value: Any, around: str, data: st.DataObject) -> None:
    text = around.replace("{}", loosely(value, data))
    parsed = read(text)
    assert parsed.value == value
    assert not parsed.truncated
    assert applied(text, parsed) == parsed.text


@settings(max_examples=examples(200))
@given(st.text(st.sampled_from("{}[],:\"'\\ \n1-.etrunNfa`/*#x“”"), max_size=40))
def test_whatever_comes_out_is_json_and_the_same_but_for_the_repairs(text: str) -> None:
    parsed = parse(text)
    if isinstance(parsed, Broken):
        assert 0 <= parsed.at <= len(text)
        return
    assert strict(parsed.text) == parsed.value
    assert applied(text, parsed) == parsed.text
    ends = [0, *(place for repair in parsed.repairs for place in (repair.start, repair.end)), len(text)]
    assert ends == sorted(ends), "in order, and none within another"
    assert [each.kind for each in parsed.findings()] == [each.kind for each in parsed.repairs]


SCHEMA = Schema(
    {
        "type": "object",
        "required": ["name", "when"],
        "properties": {
            "name": {"type": "string"},
            "when": {"format": "date"},
            "tags": {"items": {"$ref": "#/$defs/t"}},
        },
        "$defs": {"t": {"enum": ["a/b", "c"]}},
    }
)


def test_problems_have_paths() -> None:
    assert SCHEMA.problems({"name": "x", "when": "2026-01-31", "tags": ["c"]}) == ()
    problems = SCHEMA.problems({"name": 3, "when": "yesterday", "tags": ["c", "d"]})
    assert [each.path for each in problems] == ["/name", "/tags/1", "/when"]
    assert problems[0] == Problem("/name", "3 is not of type 'string'", "/properties/name/type")
    assert SCHEMA.problems([]) == (Problem("", "[] is not of type 'object'", "/type"),)


@pytest.mark.parametrize("name", ["date", "email", "ipv4", "ipv6", "uuid"])
def test_formats_are_enforced(name: str) -> None:
    assert Schema({"format": name}).problems("x")


def test_names_are_escaped_in_pointers() -> None:
    (problem,) = Schema({"additionalProperties": {"type": "null"}}).problems({"a/b~c": 1})
    assert problem.path == "/a~1b~0c"


@pytest.mark.parametrize(
    ("draft", "fails"),
    [
        ("http://json-schema.org/draft-04/schema#", True),
        ("http://json-schema.org/draft-07/schema#", False),
        ("https://json-schema.org/draft/2020-12/schema", False),
    ],
)
def test_the_declared_draft_decides(draft: str, fails: bool) -> None:
    """In draft 4 a float is no integer, however round."""
    assert bool(Schema({"$schema": draft, "type": "integer"}).problems(1.0)) is fails


def test_what_is_no_schema_is_refused() -> None:
    with pytest.raises(UsageError, match="/properties/a/type"):
        Schema({"properties": {"a": {"type": "text"}}})
    with pytest.raises(UsageError, match="draft-99"):
        Schema({"$schema": "https://example.com/draft-99"})


def test_references_are_not_fetched() -> None:
    with pytest.raises(UsageError, match=r"example\.com"):
        Schema({"$ref": "https://example.com/schema.json"}).problems({})


def test_long_values_are_not_told_whole() -> None:
    (problem,) = Schema({"type": "integer"}).problems("x" * 5000)
    assert len(problem.message) < 250
    assert len(Schema({"items": {"type": "integer"}}).problems(["x"] * 50)) == 20


def test_the_model_is_told_what_was_wrong() -> None:
    parsed = read('{"name": 3, "when": "2026-01-31"')
    text = reask(parsed, SCHEMA.problems(parsed.value))
    assert "- /name: 3 is not of type 'string'." in text
    assert "- Its end is missing." in text
    assert "no JSON object" in reask(parse("sorry"))
    assert "not valid JSON" in reask(read("[1,]"))


def test_the_verdict() -> None:
    assert judge(read("[1]")).outcome == "pass"
    warned = judge(read("[1,]"))
    assert (warned.outcome, warned.reason) == ("warn", "The JSON had to be mended: comma.")
    failed = judge(read("{}"), SCHEMA.problems({}))
    assert (failed.outcome, failed.measure, failed.unit) == ("fail", 2, "problems")
