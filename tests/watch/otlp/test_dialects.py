"""What the dialects of instrumentations become: facts, conversations, buckets of tokens, costs."""

import hashlib
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from genaiops.domain import Content, Cost, Usage
from genaiops.watch._text import request_turns, response_turns
from genaiops.watch._turns import Turn
from tests.watch.otlp.spans import NOW, SENDER, event, translated, wire

QUESTION = [{"role": "user", "parts": [{"type": "text", "content": "Where is my order?"}]}]
ANSWER = [{"role": "assistant", "parts": [{"type": "text", "content": "On its way."}], "finish_reason": "stop"}]

CURRENT: dict[str, Any] = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "gpt-4o",
    "gen_ai.response.model": "gpt-4o-2024-08-06",
    "gen_ai.response.id": "chatcmpl-7",
    "gen_ai.response.finish_reasons": ["stop"],
    "gen_ai.conversation.id": "visit 7",
    "gen_ai.usage.input_tokens": 100,
    "gen_ai.usage.output_tokens": 40,
    "gen_ai.usage.cache_read.input_tokens": 60,
    "gen_ai.usage.reasoning.output_tokens": 15,
    "gen_ai.input.messages": json.dumps(QUESTION),
    "gen_ai.output.messages": json.dumps(ANSWER),
    "shop.basket": 3,
}
DEPRECATED: dict[str, Any] = {
    "gen_ai.system": "openai",
    "gen_ai.operation.name": "chat",
    "gen_ai.request.model": "gpt-4o",
    "gen_ai.response.model": "gpt-4o-2024-08-06",
    "gen_ai.usage.prompt_tokens": 100,
    "gen_ai.usage.completion_tokens": 40,
    "gen_ai.prompt.0.role": "user",
    "gen_ai.prompt.0.content": "Where is my order?",
    "gen_ai.completion.0.role": "assistant",
    "gen_ai.completion.0.content": "On its way.",
    "gen_ai.completion.0.finish_reason": "stop",
}
TRACELOOP: dict[str, Any] = {
    "llm.request.type": "chat",
    "gen_ai.system": "OpenAI",
    "gen_ai.request.model": "gpt-4o",
    "gen_ai.response.model": "gpt-4o-2024-08-06",
    "llm.usage.total_tokens": 140,
    "gen_ai.usage.input_tokens": 100,
    "gen_ai.usage.output_tokens": 40,
    "gen_ai.usage.cache_read_input_tokens": 60,
    "gen_ai.usage.reasoning_tokens": 15,
    "gen_ai.prompt.0.role": "user",
    "gen_ai.prompt.0.content": "Where is my order?",
    "gen_ai.completion.0.role": "assistant",
    "gen_ai.completion.0.content": "On its way.",
    "traceloop.association.properties.session_id": "visit 7",
}
OPENINFERENCE: dict[str, Any] = {
    "openinference.span.kind": "LLM",
    "llm.provider": "openai",
    "llm.system": "openai",
    "llm.model_name": "gpt-4o-2024-08-06",
    "llm.token_count.prompt": 100,
    "llm.token_count.completion": 40,
    "llm.token_count.total": 140,
    "llm.token_count.prompt_details.cache_read": 60,
    "llm.token_count.completion_details.reasoning": 15,
    "input.value": '{"messages": []}',
    "output.value": '{"id":"chatcmpl-7","choices":[]}',
    "llm.input_messages.0.message.role": "user",
    "llm.input_messages.0.message.content": "Where is my order?",
    "llm.output_messages.0.message.role": "assistant",
    "llm.output_messages.0.message.contents.0.message_content.type": "text",
    "llm.output_messages.0.message.contents.0.message_content.text": "On its way.",
    "session.id": "visit 7",
}


def turns(content: Content) -> list[Turn]:
    return [*request_turns("chat", content.input or b""), *response_turns("chat", content.output or b"")]


@pytest.mark.parametrize(
    ("attributes", "dialect"),
    [(CURRENT, "gen_ai"), (DEPRECATED, "gen_ai"), (TRACELOOP, "gen_ai"), (OPENINFERENCE, "openinference")],
    ids=["current", "deprecated", "openllmetry", "openinference"],
)
def test_a_call_of_a_model_reads_the_same_in_every_dialect(
    attributes: dict[str, Any], dialect: str, tmp_path: Path
) -> None:
    span, content = translated(tmp_path, wire(attributes))
    assert (span.kind, span.operation, span.provider, span.dialect) == ("llm", "chat", "openai", dialect)
    assert (span.response_model, span.semconv) == ("gpt-4o-2024-08-06", "1.41.0")
    assert span.usage is not None
    assert (span.usage.input_tokens, span.usage.output_tokens) == (100, 40)
    if attributes is not DEPRECATED:
        assert span.usage == Usage(input_uncached=40, cache_read=60, output_text=25, reasoning=15)
        assert span.session_id == "visit 7"
    # 2.5 and 10 dollars a million; a cached token costs as a new one where the table does not say otherwise
    assert span.cost == Cost(100 * 2500 + 40 * 10_000, "USD", "gpt", 3)
    assert [(turn.role, turn.direction, turn.text) for turn in turns(content)] == [
        ("user", "input", "Where is my order?"),
        ("assistant", "output", "On its way."),
    ]
    assert (span.input_preview, span.output_preview, span.content) == ("Where is my order?", "On its way.", "inline")
    assert (span.start_us, span.duration_us) == (NOW, 250_000)
    assert (span.key_id, span.team_id, span.environment_id, span.application) == ("key_a", "search", "dev", "shop")
    if attributes in (CURRENT, OPENINFERENCE):
        assert span.response_id == "chatcmpl-7"
    kept = content.attributes or {}
    assert not any(name.startswith(("gen_ai.prompt", "llm.input_messages", "input.value")) for name in kept)
    assert ("shop.basket" in kept) == (attributes is CURRENT)


def test_events_that_carried_messages_are_a_conversation(tmp_path: Path) -> None:
    call = {"id": "call_1", "type": "function", "function": {"name": "find", "arguments": '{"id": 7}'}}
    span = wire(
        {"gen_ai.system": "openai", "gen_ai.operation.name": "chat"},
        events=(
            event("gen_ai.system.message", content="Be brief."),
            event("gen_ai.user.message", content="Where is my order?"),
            event("gen_ai.choice", index=0, finish_reason="tool_calls", message=json.dumps({"tool_calls": [call]})),
            event("cache miss", key="a"),
        ),
    )
    translated_span, content = translated(tmp_path, span)
    asked, said = turns(content)[:2], turns(content)[2:]
    assert [(turn.role, turn.text) for turn in asked] == [("system", "Be brief."), ("user", "Where is my order?")]
    assert [(one.name, one.arguments, one.id) for one in said[0].tool_calls] == [("find", '{"id": 7}', "call_1")]
    assert translated_span.finish_reason == "tool_calls"
    events = msgspec.json.decode((content.attributes or {})["otel.events"])
    assert [one["name"] for one in events] == ["cache miss"]


def test_parts_of_messages_are_kept(tmp_path: Path) -> None:
    picture = {"type": "uri", "modality": "image", "uri": "https://example.org/x"}
    messages = [
        {"role": "user", "parts": [{"type": "text", "content": "See"}, picture]},
        {
            "role": "assistant",
            "parts": [
                {"type": "reasoning", "content": "Hm."},
                {"type": "tool_call", "id": "c1", "name": "look", "arguments": {"at": "x"}},
            ],
        },
        {"role": "tool", "parts": [{"type": "tool_call_response", "id": "c1", "response": "a cat"}]},
    ]
    given_names = {"gen_ai.operation.name": "chat", "gen_ai.input.messages": json.dumps(messages)}
    given_names["gen_ai.system_instructions"] = json.dumps([{"type": "text", "content": "Be brief."}])
    _, content = translated(tmp_path, wire(given_names))
    found = turns(content)
    assert [(turn.role, turn.text) for turn in found] == [
        ("system", "Be brief."),
        ("user", "See\n[image_url]"),
        ("assistant", ""),
        ("tool", "a cat"),
    ]
    assert found[2].reasoning == "Hm."
    assert [(one.name, json.loads(one.arguments)) for one in found[2].tool_calls] == [("look", {"at": "x"})]


KINDS = [
    ({"gen_ai.operation.name": "embeddings"}, "embedding"),
    ({"gen_ai.operation.name": "execute_tool"}, "tool"),
    ({"gen_ai.operation.name": "invoke_agent"}, "agent"),
    ({"gen_ai.operation.name": "invoke_workflow"}, "workflow"),
    ({"gen_ai.operation.name": "retrieval"}, "retrieval"),
    ({"gen_ai.operation.name": "apply_guardrail"}, "guardrail"),
    ({"openinference.span.kind": "CHAIN"}, "workflow"),
    ({"openinference.span.kind": "RETRIEVER"}, "retrieval"),
    ({"openinference.span.kind": "RERANKER"}, "rerank"),
    ({"openinference.span.kind": "EVALUATOR"}, "evaluation"),
    ({"openinference.span.kind": "DECISION"}, "other"),
    ({"traceloop.span.kind": "workflow"}, "workflow"),
    ({"traceloop.span.kind": "agent"}, "agent"),
    ({"traceloop.span.kind": "tool"}, "tool"),
    ({"http.request.method": "GET"}, "other"),
]


@pytest.mark.parametrize(("attributes", "kind"), KINDS)
def test_kinds(attributes: dict[str, Any], kind: str, tmp_path: Path) -> None:
    assert translated(tmp_path, wire(attributes))[0].kind == kind


def test_a_tools_arguments_and_result_are_its_content(tmp_path: Path) -> None:
    for given_names in (
        {
            "gen_ai.operation.name": "execute_tool",
            "gen_ai.tool.call.arguments": '{"id": 7}',
            "gen_ai.tool.call.result": "x",
        },
        {"openinference.span.kind": "TOOL", "input.value": '{"id": 7}', "output.value": "x"},
        {"traceloop.span.kind": "tool", "traceloop.entity.input": '{"id": 7}', "traceloop.entity.output": "x"},
    ):
        span, content = translated(tmp_path, wire(given_names))
        assert (content.input, content.output) == (b'{"id": 7}', b"x")
        assert (span.input_preview, span.output_preview) == ('{"id": 7}', "x")
        assert "id" in content.text


USAGES = [
    # a sender that counts the cached part apart (Anthropic's own numbers)
    ({"input_tokens": 10, "output_tokens": 5, "cache_read.input_tokens": 90}, Usage(10, 90, 0, 5)),
    ({"input_tokens": 100, "output_tokens": 5, "cache_write.input_tokens": 90}, Usage(10, 0, 90, 5)),
    ({"input_tokens": 100, "total_tokens": 130}, Usage(100, output_text=30)),
    ({"total_tokens": 130}, Usage(unknown=("input_uncached", "output_text"))),
    ({"input_tokens": 100}, Usage(100, unknown=("output_text",))),
    ({"input_tokens": "100", "output_tokens": 5.0}, Usage(100, output_text=5)),
    ({"input_tokens": -3, "output_tokens": True}, None),
    ({}, None),
]


@pytest.mark.parametrize(("given_names", "usage"), USAGES)
def test_usage_in_buckets_that_exclude_each_other(
    given_names: dict[str, Any], usage: Usage | None, tmp_path: Path
) -> None:
    names = {f"gen_ai.usage.{name}": value for name, value in given_names.items()}
    assert translated(tmp_path, wire({"gen_ai.operation.name": "chat", **names}))[0].usage == usage


@given(st.integers(0, 10**9), st.integers(0, 10**9), st.integers(0, 10**9), st.integers(0, 10**9))
def test_no_token_is_in_two_buckets(into: int, out: int, cached: int, thought: int) -> None:
    from genaiops.watch.otlp._facts import Parts, usage_of

    usage = usage_of(input_tokens=into, output_tokens=out, of_it=Parts(cache_read=cached, reasoning=thought))
    assert usage is not None
    assert usage.input_tokens == (into if into >= cached else into + cached)
    assert usage.output_tokens == (out if out >= thought else out + thought)


def test_a_cost_is_ours_else_theirs_else_unknown(tmp_path: Path) -> None:
    assert translated(tmp_path, wire(CURRENT))[0].cost == Cost(650_000, "USD", "gpt", 3)
    names = {**CURRENT, "gen_ai.request.model": "own", "gen_ai.response.model": "own"}
    assert translated(tmp_path, wire(names))[0].cost == Cost(None)
    assert translated(tmp_path, wire({**names, "gen_ai.usage.cost": 0.25}))[0].cost == Cost(250_000_000)
    known = {**OPENINFERENCE, "llm.model_name": "own", "llm.cost.total": 0.5}
    assert translated(tmp_path, wire(known))[0].cost == Cost(500_000_000)
    assert translated(tmp_path, wire({"gen_ai.operation.name": "chat"}))[0].cost is None


def test_errors(tmp_path: Path) -> None:
    raised = event("exception", **{"exception.type": "openai.RateLimitError", "exception.message": "slow down"})
    span, _ = translated(tmp_path, wire(CURRENT, status=2, events=(raised,)))
    assert (span.status, span.error_type, span.error_message) == ("error", "openai.RateLimitError", "slow down")
    span, _ = translated(tmp_path, wire(CURRENT, status=0, events=(raised,)))
    assert (span.status, span.error_type) == ("ok", None)  # it was caught
    span, _ = translated(tmp_path, wire({**CURRENT, "error.type": "429"}, status=2, status_message="no"))
    assert (span.error_type, span.error_message) == ("429", "no")


def test_content_is_kept_as_the_environment_says(tmp_path: Path) -> None:
    long = {**CURRENT, "shop.letter": "secret words " * 40}
    raised = event("exception", **{"exception.message": "secret"})
    for attributes in (long, {**OPENINFERENCE, "shop.letter": long["shop.letter"]}):
        for capture in ("preview", "off"):
            sender = msgspec.structs.replace(SENDER, capture=capture)
            span, content = translated(tmp_path, wire(attributes, events=(raised,)), sender=sender)
            whole = msgspec.json.encode(content.attributes).decode()
            said = span.input_preview + span.output_preview + whole
            assert (content.input, content.output, content.text) == (None, None, "")
            assert "genaiops.output.sha256" in whole
            assert len(whole) < 1500
            if capture == "off":
                assert "order" not in said
                assert "On its way" not in said
                assert "secret" not in said
                assert span.content == "digest"
            else:
                assert span.input_preview == "Where is my order?"
                assert span.content == "preview"


def test_the_digest_is_that_of_the_output(tmp_path: Path) -> None:
    _, full = translated(tmp_path, wire(CURRENT))
    _, off = translated(tmp_path, wire(CURRENT), sender=msgspec.structs.replace(SENDER, capture="off"))
    digest = msgspec.json.decode((off.attributes or {})["genaiops.output.sha256"])
    assert digest == hashlib.sha256(full.output or b"").hexdigest()


def test_large_content_goes_to_the_blobs(tmp_path: Path) -> None:
    span, content = translated(tmp_path, wire({**DEPRECATED, "gen_ai.completion.0.content": "a" * 100_000}))
    assert span.content == "blob"
    assert content.output is None
    assert content.output_blob is not None


def test_a_span_without_a_time_began_when_it_came(tmp_path: Path) -> None:
    for start_ns in (0, (NOW + 10**12) * 1000):
        span, _ = translated(tmp_path, wire(CURRENT, start_ns=start_ns, end_ns=0))
        assert (span.start_us, span.duration_us) == (NOW, 0)
    assert translated(tmp_path, wire(CURRENT, end_ns=1))[0].duration_us == 0


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.binary(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=5,
)
ODD = JSON.map(repr) | st.sampled_from(["[{}]", '[{"parts": 3}]', '[{"parts": [{"type": "tool_call"}]}]'])
NAMES = st.sampled_from([*CURRENT, *DEPRECATED, *TRACELOOP, *OPENINFERENCE, "gen_ai.prompt", "gen_ai.completion"])


@settings(suppress_health_check=[HealthCheck.too_slow])  # the first draw builds the strategies
@given(attributes=st.dictionaries(NAMES, JSON | ODD, max_size=8))
def test_whatever_the_attributes_hold_it_becomes_a_span(
    attributes: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.getbasetemp() / "any blobs"
    given_events = (event("gen_ai.choice", **attributes), event("gen_ai.user.message", **attributes))
    for sender in (SENDER, msgspec.structs.replace(SENDER, capture="off")):
        span, content = translated(folder, wire(attributes, events=given_events), sender=sender)
        turns(content)
        assert span.usage is None or span.usage.total_tokens >= 0


LANGCHAIN = {"generations": [[{"message": {"kwargs": {"id": "run-1", "response_metadata": {"id": "chatcmpl-7"}}}}]]}


@pytest.mark.parametrize(
    ("answer", "response_id"),
    [
        ({"id": "chatcmpl-7"}, "chatcmpl-7"),
        ({"llm_output": {"id": "chatcmpl-7"}, "generations": []}, "chatcmpl-7"),
        ({"llm_output": None, **LANGCHAIN}, "chatcmpl-7"),
        ({"generations": [[{"message": {"kwargs": {"id": "chatcmpl-7"}}}]]}, "chatcmpl-7"),
        ({"message": {"role": "assistant"}, "raw": {"id": "chatcmpl-7"}}, "chatcmpl-7"),
        ({"generations": [[]], "llm_output": {}}, None),
        ({"generations": [[{"message": None}]]}, None),
        ({"id": 7}, None),
        ({"raw": "text"}, None),
    ],
)
def test_the_answers_id_out_of_what_frameworks_wrap_it_in(answer: Any, response_id: str | None, tmp_path: Path) -> None:
    given = {**OPENINFERENCE, "output.value": json.dumps(answer)}
    assert translated(tmp_path, wire(given))[0].response_id == response_id


def test_an_agent_of_langchain_says_what_went_in_and_what_came_out(tmp_path: Path) -> None:
    def said(kind: str, content: str, **more: Any) -> dict[str, Any]:
        return {"type": kind, "data": {"content": content, "type": kind, **more}}

    call = {"name": "order_status", "args": {"number": "7"}, "id": "call_1"}
    before = [said("human", "Where is it?"), said("ai", "", tool_calls=[call]), said("tool", "There.")]
    messages = [*before, said("ai", "Here.")]
    attributes = {
        "openinference.span.kind": "CHAIN",
        "llm.input_messages.0.message.role": "user",  # and nothing else: 0.1.80 does so
        "input.value": json.dumps({"messages": [{"role": "user", "content": "Where is it?"}]}),
        "output.value": json.dumps({"messages": messages}),
    }
    span, content = translated(tmp_path, wire(attributes))
    assert (span.input_preview, span.output_preview) == ("Where is it?", "Here.")
    assert [turn.text for turn in request_turns("chat", content.input or b"")] == ["Where is it?"]
    assert [turn.text for turn in response_turns("chat", content.output or b"")] == ["Here."]

    half = {**attributes, "input.value": json.dumps({"messages": before})}
    turns = request_turns("chat", translated(tmp_path, wire(half))[1].input or b"")
    assert [turn.role for turn in turns] == ["user", "assistant", "tool"]
    assert turns[1].tool_calls[0].arguments == '{"number":"7"}'

    for kept in ({"messages": messages, "documents": []}, {"messages": [{"odd": 1}]}, {"messages": []}):
        _, content = translated(tmp_path, wire({**attributes, "output.value": json.dumps(kept)}))
        assert json.loads(content.output or b"") == kept
