"""A chat stream as typed events: the same wherever it is cut, and the same as the whole answer."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genaiops.core.errors import UpstreamError
from genaiops.dialects.responses import ResponsesStream, answer_from_chat
from genaiops.dialects.responses import events as responses_events
from tests.dialects.responses_shapes import (
    CUTS,
    DONE,
    FINISHES,
    MESSAGES,
    RESPONSE_ID,
    answered,
    completion,
    event,
    events_of,
    feed,
    kinds,
    request,
    stream_of,
)

USAGE = {"prompt_tokens": 3, "completion_tokens": 2, "completion_tokens_details": {"reasoning_tokens": 1}}


def stream(**fields: Any) -> ResponsesStream:
    return ResponsesStream(request(stream=True, **fields), response_id=RESPONSE_ID)


def played(data: bytes, **fields: Any) -> list[Any]:
    return events_of(feed(stream(**fields), data))


def test_text_in_the_documented_order() -> None:
    found = played(stream_of({"content": "Hello you"}, usage=USAGE))
    assert kinds(found) == [
        "created",
        "in_progress",
        "output_item.added",
        "content_part.added",
        "output_text.delta",
        "output_text.delta",
        "output_text.delta",
        "output_text.done",
        "content_part.done",
        "output_item.done",
        "completed",
    ]
    assert found[0]["response"]["status"] == "in_progress"
    assert found[0]["response"]["output"] == []
    assert found[7]["text"] == "Hello you"
    assert found[-1]["response"]["usage"]["output_tokens_details"] == {"reasoning_tokens": 1}


def test_reasoning_then_a_call() -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a'}}
    found = played(stream_of({"reasoning_content": "Hm.", "content": None, "tool_calls": [call]}, "tool_calls"))
    assert kinds(found) == [
        "created",
        "in_progress",
        "output_item.added",
        "content_part.added",
        "reasoning_text.delta",
        "reasoning_text.done",
        "content_part.done",
        "output_item.done",
        "output_item.added",
        "function_call_arguments.delta",
        "function_call_arguments.done",
        "output_item.done",
        "completed",
    ]
    assert found[8]["item"] | {"id": ""} == {
        "id": "",
        "type": "function_call",
        "status": "in_progress",
        "call_id": "c1",
        "name": "f",
        "arguments": "",
    }
    assert [found[place]["output_index"] for place in (2, 8)] == [0, 1]


def test_a_summary_when_one_was_asked_for() -> None:
    found = played(stream_of({"reasoning_content": "Hm.", "content": "x"}), reasoning={"summary": "auto"})
    assert kinds(found)[2:8] == [
        "output_item.added",
        "reasoning_summary_part.added",
        "reasoning_summary_text.delta",
        "reasoning_summary_text.done",
        "reasoning_summary_part.done",
        "output_item.done",
    ]


@settings(deadline=None)
@given(MESSAGES, FINISHES, CUTS, st.booleans(), st.sampled_from((b"\n", b"\r\n", b"\r")))
def test_stream_and_whole_agree_wherever_the_stream_is_cut(
    message: Any, finish: str, cuts: list[int], summarised: bool, line_end: bytes
) -> None:
    fields: dict[str, Any] = {"reasoning": {"summary": "auto"}} if summarised else {}
    data = stream_of(message, finish, USAGE).replace(b"\n", line_end)
    events = events_of(feed(stream(**fields), data, cuts))
    whole = answer_from_chat(
        completion(message, finish, USAGE), request(stream=True, **fields), response_id=RESPONSE_ID
    )
    assert answered(events[-1]["response"]) == answered(whole)
    assert events[-1]["type"] == f"response.{answered(whole)['status']}"
    _check(events)


def _check(events: list[Any]) -> None:
    """What every client relies on: items begin before they grow and end once, deltas make the text, the last event
    has all items."""
    begun: dict[Any, str] = {}
    grown: dict[Any, str] = {}
    ended: dict[Any, Any] = {}
    for one in events:
        kind = one["type"]
        place = one.get("output_index")
        if kind == "response.output_item.added":
            assert place == len(begun)
            begun[place] = one["item"]["id"]
        elif kind == "response.output_item.done":
            assert one["item"]["id"] == begun[place]
            assert place not in ended
            ended[place] = one["item"]
        elif place is not None:
            assert one["item_id"] == begun[place]
            assert place not in ended
        if kind.endswith(".delta"):
            key = (place, kind.removesuffix(".delta"))
            grown[key] = grown.get(key, "") + one["delta"]
        elif kind.endswith(".done") and "part" not in kind and "item" not in kind:
            said = next(one[name] for name in ("text", "arguments", "input", "refusal") if name in one)
            assert grown.get((place, kind.removesuffix(".done")), "") == said
    assert events[-1]["response"]["output"] == [ended[place] for place in sorted(begun)]


def test_calls_whose_pieces_come_in_turns() -> None:
    def piece(index: int, **fields: Any) -> bytes:
        return event({"tool_calls": [{"index": index, **fields}]})

    data = (
        piece(0, id="a", function={"name": "f", "arguments": "1"})
        + piece(1, id="b", function={"name": "g", "arguments": "2"})
        + piece(0, function={"arguments": "3"})
        + piece(1, function={"arguments": "4"})
        + event({}, "tool_calls")
        + DONE
    )
    events = played(data)
    _check(events)
    assert [item["arguments"] for item in events[-1]["response"]["output"]] == ["13", "24"]


def test_calls_that_all_have_the_same_index_and_a_name_that_comes_late() -> None:
    data = (
        event({"tool_calls": [{"index": 0, "id": "a", "function": {"name": "f", "arguments": "{}"}}]})
        + event({"tool_calls": [{"id": "b", "function": {"name": "g", "arguments": "[]"}}]})
        + event({"tool_calls": [{"index": 5, "id": "c", "function": {"arguments": "1"}}]})
        + event({"tool_calls": [{"index": 5, "function": {"name": "h", "arguments": "2"}}]})
        + DONE
    )
    events = played(data)
    _check(events)
    calls = [(item["call_id"], item["name"], item["arguments"]) for item in events[-1]["response"]["output"]]
    assert calls == [("a", "f", "{}"), ("b", "g", "[]"), ("c", "h", "12")]


def test_an_id_that_changes_on_the_way_makes_no_other_call() -> None:
    data = (
        event({"tool_calls": [{"index": 0, "id": "a", "function": {"name": "f", "arguments": "1"}}]})
        + event({"tool_calls": [{"index": 0, "id": "b", "function": {"arguments": "2"}}]})
        + DONE
    )
    (item,) = played(data)[-1]["response"]["output"]
    assert (item["call_id"], item["arguments"]) == ("a", "12")


def test_usage_stays_when_later_chunks_have_none() -> None:
    data = event({"content": "x"}, usage=USAGE) + event({}, "stop", usage=None) + DONE
    assert played(data)[-1]["response"]["usage"]["total_tokens"] == 5


def test_a_call_of_a_namespaces_tool_has_both_names_again_whole_and_streamed() -> None:
    space = {"type": "namespace", "name": "crm", "description": "d", "tools": [{"type": "function", "name": "get"}]}
    added = {"type": "additional_tools", "role": "developer", "tools": [{**space, "name": "late"}]}
    fields = {"tools": [space], "input": [added, {"role": "user", "content": "x"}]}
    calls = [
        {"id": name, "type": "function", "function": {"name": name, "arguments": "{}"}}
        for name in ("crm__get", "late__get", "get")
    ]
    message = {"content": None, "tool_calls": calls}
    whole = answered(answer_from_chat(completion(message), request(**fields), response_id=RESPONSE_ID))
    streamed = played(stream_of(message), **fields)
    assert answered(streamed[-1]["response"]) == whole | {"usage": None}
    names = [(item.get("namespace"), item["name"]) for item in whole["output"]]
    assert names == [("crm", "get"), ("late", "get"), (None, "get")]


def test_what_is_said_in_turns_becomes_several_items() -> None:
    deltas = [{"reasoning": "1"}, {"content": "a"}, {"reasoning": "2"}, {"content": "b"}]
    events = played(b"".join(map(event, deltas)) + event({}, "stop") + DONE)
    _check(events)
    assert [item["type"] for item in events[-1]["response"]["output"]] == ["reasoning", "message"] * 2


def test_citations_and_probabilities_in_a_stream() -> None:
    cited = {"url": "https://h", "title": "T", "start_index": 0, "end_index": 1}
    chunk = json.loads(event({"content": "x"}).removeprefix(b"data: "))
    chunk["choices"][0]["logprobs"] = {"content": [{"token": "x", "logprob": -1.0, "bytes": [120], "top_logprobs": []}]}
    data = b"data: " + json.dumps(chunk).encode() + b"\n\n"
    data += event({"annotations": [{"type": "url_citation", "url_citation": cited}]}) + event({}, "stop") + DONE
    events = played(data, top_logprobs=1)
    _check(events)
    part = events[-1]["response"]["output"][0]["content"][0]
    assert part["annotations"] == [{"type": "url_citation", **cited}]
    assert part["logprobs"][0]["token"] == "x"


def test_a_failure_says_what_there_is_and_ends() -> None:
    error = {"error": {"message": "Overloaded", "type": "rate_limit_error", "code": None}}
    one = stream()
    data = (
        event({"content": "Hel"}) + b"data: " + json.dumps(error).encode() + b"\n\n" + event({"content": "lo"}) + DONE
    )
    events = events_of(feed(one, data))
    assert kinds(events)[-2:] == ["failed", "error"]
    failed = events[-2]["response"]
    answered(failed)
    assert (failed["status"], failed["error"]) == ("failed", {"code": "rate_limit_exceeded", "message": "Overloaded"})
    assert failed["output"][0]["content"][0]["text"] == "Hel"
    assert failed["output"][0]["status"] == "incomplete"
    assert (events[-1]["code"], events[-1]["message"]) == ("rate_limit_error", "Overloaded")
    assert one.ended
    assert one.feed(event({"content": "x"}) + DONE) == one.end() == one.fail("again") == b""


def test_a_failure_before_anything_was_said() -> None:
    one = stream()
    (error,) = events_of(one.fail("The target is gone.", "upstream_closed"))
    assert (error["type"], error["code"]) == ("error", "upstream_closed")


def test_an_end_without_its_last_event() -> None:
    one = stream()
    assert not one.ended
    events = events_of(one.feed(event({"content": "x"}) + event({}, "length")) + one.end())
    assert events[-1]["type"] == "response.incomplete"
    assert events[-1]["response"]["incomplete_details"] == {"reason": "max_output_tokens"}


@pytest.mark.parametrize(
    "data", [b"data: nonsense\n\n", b"data: []\n\n", b'data: {"choices":3}\n\n', DONE, b"data: \xff\n\n"]
)
def test_what_is_no_chat_stream_is_an_upstream_error(data: bytes) -> None:
    with pytest.raises(UpstreamError):
        stream().feed(data)


def test_sizes_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    one = stream()
    for _ in range(3):
        one.feed(b"data: " + b"x" * (1 << 20))
    with pytest.raises(UpstreamError, match="event is larger"):
        one.feed(b"x" * (2 << 20))
    monkeypatch.setattr(responses_events, "OUTPUT_LIMIT", 10)
    with pytest.raises(UpstreamError, match="answer is larger"):
        stream().feed(event({"content": "x" * 11}))
