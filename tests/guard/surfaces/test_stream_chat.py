"""What is particular to streams of chat and of text completions."""

import json
from typing import Any

from tests.guard.surfaces.channels import Hides, Same, Shouts, always
from tests.guard.surfaces.streams import call, chunk, events, parsed, texts_of
from tests.guard.surfaces.test_streams import rewritten

ALL_HELD = always(lambda: Hides("secret word"))


def test_choices_in_turns_end_each_in_its_time() -> None:
    stream = events(
        [
            chunk({"content": "a secret"}, 0),
            chunk({"content": "no sec"}, 1),
            chunk({"content": " word"}, 0),
            chunk({}, 0, "stop"),
            chunk({"content": "ret"}, 1),
            chunk({"content": " word"}, 1, "stop"),
        ]
    )
    out = rewritten("openai", stream, ALL_HELD)
    assert texts_of("openai", out) == {(0, "content"): "a [HIDDEN]", (1, "content"): "no [HIDDEN]"}
    found = parsed(out)
    assert found[-1]["choices"][0]["delta"]["content"] == "no [HIDDEN]"
    before = next(at for at, one in enumerate(found) if one["choices"][0]["finish_reason"] == "stop") - 1
    assert found[before] == chunk({"content": "a [HIDDEN]"})


def test_held_texts_of_a_stream_without_an_end_come_before_the_last_event() -> None:
    pieces = [
        chunk({"content": "a"}),
        chunk({"reasoning": "b"}),
        chunk({"strange": {"deep": [{"index": 3, "x": "c"}]}}),
    ]
    for done in (True, False):
        out = rewritten("openai", events(pieces, done=done), ALL_HELD)
        texts = [one["choices"][0]["delta"] for one in parsed(out)][3:]
        assert texts == [{"content": "a"}, {"reasoning": "b"}, {"strange": {"deep": [{"index": 3, "x": "c"}]}}]
        assert out.endswith(b"data: [DONE]\n\n") == done


def test_an_error_comes_after_what_was_held() -> None:
    stream = events([chunk({"content": "a"}), {"error": {"message": "it broke"}}], done=False)
    found = parsed(rewritten("openai", stream, ALL_HELD))
    assert found[1:] == [chunk({"content": "a"}), {"error": {"message": "it broke"}}]


def test_probabilities_stay_with_a_text_that_stays() -> None:
    tokens = {"content": [{"token": "grey", "logprob": -0.1, "bytes": None, "top_logprobs": []}]}
    stream = events([chunk({"content": "grey"}, logprobs=tokens)])
    assert rewritten("openai", stream, always(Same)) == stream
    other = events([chunk({"content": "green"}, logprobs=tokens)])
    for one in (rewritten("openai", stream, ALL_HELD), rewritten("openai", other, always(Same))):
        assert parsed(one)[0]["choices"][0]["logprobs"] is None


def test_calls_that_share_an_index_are_told_apart_by_their_ids() -> None:
    first, second = call(0, '{"q": "a', "one"), call(0, '{"q": "b"}', "two")
    second["tool_calls"][0]["id"] = "call_other"
    stream = events([chunk(first), chunk(call(0, ' secret word"}')), chunk(second), chunk({}, finish="tool_calls")])
    told: list[tuple[str, str]] = []

    def channel(provenance: str, tool: str, key: str) -> Any:
        told.append((provenance, tool))
        return Hides("secret word")

    out = rewritten("openai", stream, channel)
    assert texts_of("openai", out) == {(0, ("call", 0)): '{"q": "a [HIDDEN]"}{"q": "b"}'}
    assert ("tool_arguments", "one") in told
    assert ("tool_arguments", "two") in told


def test_contents_in_parts_custom_calls_and_old_calls() -> None:
    stream = events(
        [
            chunk({"content": [{"type": "text", "text": "a secret"}]}),
            chunk({"content": [{"type": "text", "text": " word"}]}),
            chunk({"tool_calls": [{"index": 0, "id": "c", "type": "custom", "custom": {"name": "sh", "input": "ls"}}]}),
            chunk({"function_call": {"name": "f", "arguments": '{"q":"secret word"}'}}),
            chunk({}, finish="stop"),
        ]
    )
    found = parsed(rewritten("openai", stream, ALL_HELD))
    deltas = [one["choices"][0]["delta"] for one in found]
    assert {"content": [{"type": "text", "text": "a [HIDDEN]"}]} in deltas
    assert {"tool_calls": [{"index": 0, "type": "custom", "custom": {"input": "ls"}}]} in deltas
    assert "[HIDDEN]" in "".join(one.get("function_call", {}).get("arguments", "") for one in deltas)
    assert found[-1]["choices"][0]["finish_reason"] == "stop"


def test_text_completions() -> None:
    def piece(text: str, finish: str | None = None) -> dict[str, Any]:
        choice = {"text": text, "index": 0, "logprobs": None, "finish_reason": finish}
        return {"id": "cmpl-1", "object": "text_completion", "created": 1, "model": "m", "choices": [choice]}

    stream = events([piece("a sec"), piece("ret word"), piece("", "length")])
    out = rewritten("openai", stream, ALL_HELD, operation="text_completion")
    assert parsed(out) == [piece(""), piece(""), piece("a [HIDDEN]"), piece("", "length")]
    loud = rewritten("openai", stream, always(Shouts), operation="text_completion")
    assert "".join(one["choices"][0]["text"] for one in parsed(loud)) == "A SECRET WORD!"


def test_a_piece_that_repeats_is_still_judged() -> None:
    """Events that differ in their text alone are not read again, whatever the texts are."""
    pieces = ["a", "a", 'qu"ote', "ä", "a", "\n", "back\\slash", "stop", "b"]
    stream = events([chunk({"content": one}) for one in pieces])
    loud = rewritten("openai", stream, always(Shouts), 1)
    said = "".join(one["choices"][0]["delta"]["content"] for one in parsed(loud))
    assert said == "".join(pieces).upper() + "!"
    sly = b'data: {"id":"stop","choices":[{"index":0,"delta":{"content":"\\u0073top"}}]}\n\n'
    told = [
        json.dumps(one) for one in parsed(rewritten("openai", sly + sly.replace(b'"stop"', b'"shop"'), always(Shouts)))
    ]
    assert ["STOP" in one for one in told[:2]] == [True, True]
