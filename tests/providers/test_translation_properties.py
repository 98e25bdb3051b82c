"""What must hold for every provider that translates, whatever a client sends."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genaiops.core.errors import UsageError
from genaiops.providers import load
from tests.providers.calls import PIXEL, WEATHER, asked, call, target

TRANSLATING = ("google", "vertex", "cohere", "mistral")
scalars = st.none() | st.booleans() | st.integers(-9, 9) | st.floats(allow_nan=False) | st.text(max_size=6)
things = st.recursive(
    scalars,
    lambda of: st.lists(of, max_size=3) | st.dictionaries(st.text(max_size=6), of, max_size=3),
    max_leaves=8,
)
NAMES = [
    "messages",
    "tools",
    "tool_choice",
    "response_format",
    "stop",
    "temperature",
    "top_p",
    "n",
    "seed",
    "max_tokens",
    "logprobs",
    "top_logprobs",
    "modalities",
    "reasoning_effort",
    "google",
    "extra_body",
    "thinking",
    "documents",
    "metadata",
    "user",
    "stream_options",
    "logit_bias",
]
urls = st.sampled_from(
    [f"data:image/png;base64,{PIXEL}", "https://x.org/a.png", "http://[", "data:,x", "gs://b/c", "x"]
)
parts = st.one_of(
    st.fixed_dictionaries({"type": st.just("text"), "text": st.text(max_size=9)}),
    st.fixed_dictionaries({"type": st.just("image_url"), "image_url": urls | st.fixed_dictionaries({"url": urls})}),
    st.fixed_dictionaries(
        {"type": st.sampled_from(["file", "input_audio", "refusal", "else"])}, optional={"file": things}
    ),
)
arguments = st.sampled_from(["{}", '{"a":1}', "", "["])
calls = st.fixed_dictionaries(
    {
        "id": st.sampled_from(["call_1", "abcdefghi", ""]),
        "type": st.just("function"),
        "function": st.fixed_dictionaries({"name": st.just("weather"), "arguments": arguments}),
    }
)
messages = st.fixed_dictionaries(
    {"role": st.sampled_from(["system", "developer", "user", "assistant", "tool", "function", "else"])},
    optional={
        "content": st.none() | st.text(max_size=9) | st.lists(parts, max_size=3),
        "tool_calls": st.none() | st.lists(calls, max_size=2),
        "tool_call_id": st.sampled_from(["call_1", "abcdefghi"]),
        "name": st.text(max_size=5),
        "reasoning_content": st.text(max_size=5),
        "extra_content": things,
        "thinking_blocks": things,
        "images": st.lists(parts, max_size=1),
    },
)


@pytest.mark.parametrize("name", TRANSLATING)
@given(
    body=st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=5), things, max_size=4),
    heads=st.lists(messages, max_size=4),
)
def test_a_body_is_translated_or_refused_and_nothing_else(name: str, body: dict[str, Any], heads: list[Any]) -> None:
    to = target(name, "gemini-3-x", "https://h/v1/projects/p/locations/l")
    raw = call({"messages": heads, **body, "stream": False, "max_tokens": None, "stream_options": None})
    try:
        wire = load(name).prepare(raw, to, "secret")
    except UsageError:
        return
    assert isinstance(json.loads(wire.body), dict)


def _is_object(raw: bytes) -> bool:
    """Hypothesis also tries bytes that it finds in the sources, and some of those are bodies."""
    try:
        return isinstance(json.loads(raw), dict)
    except ValueError:
        return False


@pytest.mark.parametrize("name", TRANSLATING)
@given(raw=st.binary(max_size=60).filter(lambda raw: not _is_object(raw)))
def test_bytes_that_are_no_body_are_refused(name: str, raw: bytes) -> None:
    to = target(name, "g", "https://h/v1/projects/p/locations/l")
    given = asked()
    for operation in ("chat", "embeddings"):
        broken = type(given)(operation, raw, "m", False, False, None, False)
        with pytest.raises(UsageError):
            load(name).prepare(broken, to, "secret")


@pytest.mark.parametrize("name", TRANSLATING)
def test_a_body_that_is_nested_too_deeply_is_refused_and_no_more(name: str) -> None:
    to = target(name, "g", "https://h/v1/projects/p/locations/l")
    refused = False
    for depth in (400, 900, 1100, 3000):
        deep = '{"a":' * depth + "1" + "}" * depth
        schema = '{"type":"function","function":{"name":"f","parameters":' + deep + "}}"
        raw = ('{"model":"m","messages":[],"tools":[' + schema + "]}").encode()
        try:
            load(name).prepare(type(asked())("chat", raw, "m", False, False, None, False), to, None)
        except UsageError:
            refused = True
    assert refused


@pytest.mark.parametrize("name", TRANSLATING)
def test_marks_and_thoughts_of_others_do_no_harm(name: str) -> None:
    mark = {"type": "ephemeral"}
    theirs: list[dict[str, Any]] = [
        {"role": "user", "content": [{"type": "text", "text": "hi", "cache_control": mark}], "cache_control": mark},
        {
            "role": "assistant",
            "content": "yes",
            "thinking_blocks": [{"type": "thinking", "thinking": "hm", "signature": "s"}],
            "annotations": [],
            "refusal": None,
            "audio": None,
        },
        {"role": "user", "content": "go on"},
    ]
    plain = [
        {"role": "user", "content": [{"type": "text", "text": "hi"}]},
        {"role": "assistant", "content": "yes"},
        theirs[2],
    ]
    to = target(name, "g", "https://h/v1/projects/p/locations/l")
    tool = {**WEATHER, "cache_control": mark}
    ours = load(name).prepare(call({"messages": theirs, "tools": [tool], "cache_control": mark}), to, None).body
    assert ours == load(name).prepare(call({"messages": plain, "tools": [WEATHER]}), to, None).body


@pytest.mark.parametrize("name", TRANSLATING)
@given(names=st.lists(st.from_regex(r"[a-z]{1,8}", fullmatch=True), min_size=1, max_size=6, unique=True))
def test_tools_keep_their_order_and_their_schemas(name: str, names: list[str]) -> None:
    schema = {"type": "object", "properties": {"z": {"type": "string"}, "a": {"$ref": "#/$defs/x"}}, "$defs": {"x": {}}}
    tools = [{"type": "function", "function": {"name": one, "parameters": schema}} for one in names]
    to = target(name, "g", "https://h/v1/projects/p/locations/l")
    body = json.loads(load(name).prepare(asked(tools=tools), to, None).body)
    found = body["tools"][0].get("functionDeclarations") or [tool["function"] for tool in body["tools"]]
    assert [one["name"] for one in found] == names
    for one in found:
        assert list((one.get("parametersJsonSchema") or one["parameters"]).items()) == list(schema.items())
