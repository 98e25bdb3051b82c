"""The template language and the prompts made of it: declared, bounded, and deaf to what values say."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genaiops.core.errors import UsageError
from genaiops.domain import PromptManifest, ReadyPrompt, includes_of, link, prompt_manifest
from genaiops.domain._template import MOST_TAGS, Writer, parse


def nothing(reference: str) -> PromptManifest:
    raise AssertionError(reference)


def ready(content: Any, **variables: Any) -> ReadyPrompt:
    manifest = prompt_manifest({"messages": [{"role": "user", "content": content}], "variables": variables})
    return ReadyPrompt("p", "sha256:0", link(manifest, nothing))


def rendered(prompt: ReadyPrompt, **values: Any) -> Any:
    return prompt.render(prompt.check(values))[0]["content"]


PERSON = {"type": "object", "fields": [{"name": "city"}, {"name": "zip", "type": "number", "required": False}]}


@pytest.mark.parametrize(
    ("text", "variables", "values", "expected"),
    [
        ("Hi {{ name }}!", {"name": "string"}, {"name": "Ann"}, "Hi Ann!"),
        (
            "{{n}} {{f}} {{b}}",
            {"n": "number", "f": "number", "b": "boolean"},
            {"n": 3, "f": 0.5, "b": True},
            "3 0.5 true",
        ),
        ("{{p.city}}-{{p.zip}}-{{p}}", {"p": PERSON}, {"p": {"city": "Köln"}}, 'Köln--{"city":"Köln"}'),
        ("{{#if a}}yes{{else}}no{{/if}}", {"a": "boolean"}, {"a": False}, "no"),
        ("{{#if a}}yes{{/if}}.", {"a": {"required": False}}, {}, "."),
        ("a\n{{#if x}}\nb\n{{else}}\nc\n{{/if}}\nd", {"x": "boolean"}, {"x": True}, "a\nb\nd"),
        ("{{#each xs}}\n- {{this}}\n{{/each}}end", {"xs": "list"}, {"xs": ["a", 1]}, "- a\n- 1\nend"),
        (
            "{{#each ps}}{{this.city}}{{#if this.zip}} {{this.zip}}{{/if}};{{/each}}",
            {"ps": {**PERSON, "type": "list"}},
            {"ps": [{"city": "A", "zip": 1}, {"city": "B"}]},
            "A 1;B;",
        ),
        ("{{a}}", {"a": {"default": "x"}}, {}, "x"),
        ('{"a": {"b": 1}} \\{{a}} {{! left out }}|', {}, {}, '{"a": {"b": 1}} {{a}} |'),
    ],
)
def test_what_it_says(text: str, variables: Any, values: Any, expected: str) -> None:
    assert rendered(ready(text, **variables), **values) == expected


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a\nb {{", "Line 2"),
        ("{{#if a}}x", "not closed"),
        ("{{/if}}", "closes nothing"),
        ("{{else}}", "closes nothing"),
        ("{{#each a}}{{else}}{{/each}}", "closes nothing"),
        ("{{a.__class__}}", "no field"),
        ("{{a()}}", "no tag"),
        ("{{'x'}}", "no tag"),
        ("{{this}}", "stands in no loop"),
        ("{{b}}", "'b' is used and not declared"),
        ("{{#each a}}{{/each}}", "no list"),
        ("{{> tone}}", "names no prompt's version"),
        ("{{#if a}}" * 20 + "{{/if}}" * 20, "deeper than"),
        ("{{a}}" * (MOST_TAGS + 1), "more than"),
    ],
)
def test_what_is_wrong_is_said_when_it_is_made(text: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        ready(text, a="string")


@pytest.mark.parametrize(
    ("variables", "says"),
    [
        ({"a": {"type": "list", "fields": [{"name": "x"}, {"name": "x"}]}}, "'a.x' is declared twice"),
        ({"this": "string"}, "item of a loop"),
        ({"a": {"type": "number", "default": "1"}}, "default of 'a'"),
        ({"a": {"fields": [{"name": "x"}]}}, "has no fields"),
        ({"a": "text"}, "not well formed"),
        ({"a": {"colour": 1}}, "not well formed"),
        ({"a b": "string"}, "not well formed"),
    ],
)
def test_wrong_declarations(variables: Any, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        ready("x", **variables)


def test_a_parameter_that_is_none() -> None:
    with pytest.raises(UsageError, match="'stream' is no parameter"):
        prompt_manifest({"messages": [{"role": "user", "content": "x"}], "parameters": {"stream": True}})


@pytest.mark.parametrize(
    ("value", "code"),
    [(["a"] * 3, "wrong_variable"), ([["a"]], "wrong_variable"), ("a", "wrong_variable"), (None, "wrong_variable")],
)
def test_values_that_do_not_fit(value: Any, code: str) -> None:
    with pytest.raises(UsageError) as caught:
        ready("{{#each xs}}{{this}}{{/each}}", xs={"type": "list", "max_length": 2}).check({"xs": value})
    assert (caught.value.code, caught.value.param) == (code, "genaiops.variables.xs")


def test_texts_of_parts_are_templates_and_their_types_are_not() -> None:
    content = [{"type": "text", "text": "Look, {{a}}"}, {"type": "image_url", "image_url": {"url": "{{url}}"}}]
    prompt = ready(content, a="string", url="string")
    assert rendered(prompt, a="A", url="http://x/{{a}}") == [
        {"type": "text", "text": "Look, A"},
        {"type": "image_url", "image_url": {"url": "http://x/{{a}}"}},
    ]


TEXTS = st.text(alphabet=st.sampled_from("ab{}#/!>\\ \n.this"), max_size=40)


@given(TEXTS, TEXTS)
def test_values_are_never_templates(before: str, value: str) -> None:
    """Whatever a value says, it stands in the text as it was given, between what stood around it."""
    assert rendered(ready("[{{a}}]{{#if a}}{{a}}{{/if}}", a="string"), a=value) == f"[{value}]{value}"
    literal = before.replace("{{", "{ {").replace("{{", "{ {")
    if not literal.endswith(("{", "\\")):
        assert rendered(ready(literal + "{{a}}", a="string"), a=value) == literal + value


@given(TEXTS)
def test_any_text_is_a_template_or_a_clear_error(text: str) -> None:
    wrong: str | None = None
    try:
        nodes = parse(text)
        if "{{" not in text:
            assert Writer({}, 100).render(nodes) == text
    except UsageError as error:
        wrong = error.code
    assert wrong in (None, "template_invalid")


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=5), inner),
    )
)
def test_any_value_is_checked_or_refused(value: Any) -> None:
    prompt = ready("{{s}}{{#each l}}{{this}}{{/each}}{{o}}", s="string", l="list", o="object")
    given_values = {"s": "", "l": [], "o": {}}
    for name in given_values:
        try:
            values = prompt.check({**given_values, name: value})
        except UsageError as error:
            at = error.param
        else:
            at = f"genaiops.variables.{name}"
            prompt.render(values)
        assert at == f"genaiops.variables.{name}"


def test_the_output_and_the_work_are_bounded() -> None:
    loops = ready("{{#each a}}{{#each a}}{{#each a}}{{/each}}{{/each}}{{/each}}", a="list")
    with pytest.raises(UsageError, match="steps"):
        rendered(loops, a=["x"] * 100)
    with pytest.raises(UsageError, match="characters") as caught:
        rendered(ready("{{#each a}}{{b}}{{/each}}", a="list", b="string"), a=["x"] * 2000, b="y" * 1000)
    assert caught.value.code == "prompt_too_large"


def fragment(text: str, **variables: Any) -> PromptManifest:
    return link(prompt_manifest({"messages": [{"role": "system", "content": text}], "variables": variables}), nothing)


def test_includes_bring_their_text_and_their_variables() -> None:
    manifest = prompt_manifest(
        {
            "messages": [{"role": "system", "content": "A {{> support/tone@prod}} Z {{x}} \\{{> no@t}}"}],
            "variables": {"x": "string"},
        }
    )
    assert includes_of(manifest) == ("support/tone@prod",)
    linked = link(manifest, lambda _: fragment("Be {{how}}.", how="string"))
    prompt = ReadyPrompt("p", "d", linked)
    assert rendered(prompt, x="1", how="{{> support/tone@prod}}") == "A Be {{> support/tone@prod}}. Z 1 {{> no@t}}"
    assert msgspec.json.decode(msgspec.json.encode(linked), type=PromptManifest) == linked


def test_includes_that_cannot_be() -> None:
    manifest = prompt_manifest(
        {"messages": [{"role": "user", "content": "{{> a@b}}" * 3}], "variables": {"x": "string"}}
    )
    with pytest.raises(UsageError, match="in another way"):
        link(manifest, lambda _: fragment("{{#if x}}{{/if}}", x="number"))
    two = prompt_manifest({"messages": [{"role": "user", "content": "x"}] * 2})
    with pytest.raises(UsageError, match="not a single message"):
        link(manifest, lambda _: two)
    with pytest.raises(UsageError, match="more than"):
        link(manifest, lambda _: fragment("y" * 100_000))
