"""What a client is told beside an answer: citations in the answer itself, and in one more chunk of a stream."""

from typing import Any

import msgspec
import pytest

from genaiops.domain import GuardPolicy, GuardVersion
from genaiops.guard import WorkerGuards
from genaiops.ports.guard import Guarded
from tests.guard.answering import answered, delta, guard, text_of
from tests.guard.test_answers import ASKED, PASSAGE, RIGHT, WRONG, rule

DENIED = "The Aurora bridge was not opened on 12 May 1931."


def asked(*rules: Any) -> Any:
    one = guard(*rules)
    one.ask(msgspec.json.encode({"model": "m", "messages": ASKED}), None)
    return one


def tell(**options: bool) -> Any:
    return rule("grounding", action="flag", options={"tell": True, **options})


def told_of(events: bytes) -> list[dict[str, Any]]:
    found = [msgspec.json.decode(line[6:]) for line in events.split(b"\n\n") if line.startswith(b"data: {")]
    return [each for each in found if "genaiops" in each]


def test_citations_name_the_sentence_the_source_and_how_likely_it_is() -> None:
    one = asked(tell())
    text = f"{RIGHT} {WRONG}"
    made: Any = {"choices": [{"index": 0, "message": {"role": "assistant", "content": text}}]}
    made["choices"][0]["logprobs"] = {"content": [{"token": "a", "logprob": -0.1}, {"token": "b", "logprob": -0.3}]}
    found = msgspec.json.decode(one.answer(msgspec.json.encode(made), b"application/json").body)
    told = found["genaiops"]["grounding"]
    assert found["choices"][0]["message"]["content"] == text, "no word of it is another"
    right, wrong = told["citations"]
    assert (right["verdict"], right["source"], right["place"]) == ("supported", "1", "choices[0].message.content")
    assert PASSAGE.startswith(right["quote"][:40])
    assert [text[each["start"] : each["end"]] for each in (right, wrong)] == [RIGHT, WRONG]
    assert right["probability"] > 0.5 > wrong["probability"]
    assert wrong["probability"] < told["confidence"] < right["probability"]
    assert told["tokens"] == {"mean_probability": pytest.approx(0.8187), "n": 2}
    assert {"brier", "ece"} <= {each["measure"] for each in told["measured"]}


def test_the_opposite_of_a_source_is_not_supported() -> None:
    assert answered(DENIED, rule("grounding"), asked=ASKED)[1:] == ({"r.unsupported": 1}, "block")


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_a_stream_ends_with_a_chunk_that_tells_and_waits_for_nothing(size: int) -> None:
    one = asked(tell())
    stream = one.stream()
    text = f"{RIGHT} {WRONG}"
    head = b'data: {"id":"c","model":"m","choices":[{"index":0,"delta":{"role":"assistant"}}]}\n\n'
    out = [stream.feed(head), *(stream.feed(delta(text[at : at + size])) for at in range(0, len(text), size))]
    assert text_of(b"".join(out)) == text
    last = stream.feed(b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n')
    last += stream.end()
    (chunk,) = told_of(last)
    assert (chunk["id"], chunk["model"], chunk["choices"]) == ("c", "m", [])
    assert [each["verdict"] for each in chunk["genaiops"]["grounding"]["citations"]] == [
        "supported",
        "not_enough_evidence",
    ]
    assert chunk["genaiops"]["grounding"]["citations"][0]["place"] == "choices[0].message.content"
    assert last.index(b"genaiops") < last.index(b"[DONE]")
    assert b"genaiops" not in stream.keep(), "the record has the answer"


def test_a_stream_without_a_mark_of_its_end_and_one_that_waits_tell_too() -> None:
    for options, action in (({}, "flag"), ({"cite": True}, "flag")):
        one = asked(rule("grounding", action=action, options={"tell": True, **options}))
        stream = one.stream()
        out = stream.feed(delta(RIGHT)) + stream.end()
        assert len(told_of(out)) == 1


def test_of_no_source_nothing_is_told() -> None:
    one = guard(tell())
    stream = one.stream()
    assert told_of(stream.feed(delta(RIGHT)) + stream.feed(b"data: [DONE]\n\n") + stream.end()) == []


def test_a_footer_names_the_sources_and_what_they_do_not_support() -> None:
    footer = rule("grounding", action="flag", options={"append": True})
    said = answered(f"{RIGHT} {WRONG}", footer, asked=ASKED)[0]
    assert said == f"{RIGHT} {WRONG}\n\nSources:\n[1] {PASSAGE}\n\nNot supported by the sources:\n- {WRONG}"
    one = asked(footer)
    stream = one.stream()
    out = stream.feed(delta(RIGHT))
    assert text_of(out) == RIGHT, "nothing of it waits"
    out += stream.feed(b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n') + stream.end()
    assert text_of(out) == f"{RIGHT}\n\nSources:\n[1] {PASSAGE}"


def test_a_stream_of_responses_tells_in_its_last_event() -> None:
    version = GuardVersion(name="p", digest="sha256:1", aliases=("current",), policy=GuardPolicy(rules=(tell(),)))
    call = Guarded(b"\0" * 16, "chat", "responses", streamed=True)
    one: Any = WorkerGuards().adopt((version,)).guard(("p",), call)
    items = [
        {"role": "user", "content": "When?"},
        {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
    ]
    items.append({"type": "function_call_output", "call_id": "c", "output": PASSAGE})
    one.ask(msgspec.json.encode({"model": "m", "input": items}), None)
    stream = one.stream()
    part = {"item_id": "i", "output_index": 0, "content_index": 0}
    done = {
        "id": "r",
        "output": [
            {"type": "message", "id": "i", "role": "assistant", "content": [{"type": "output_text", "text": RIGHT}]}
        ],
    }
    out = b""
    events: list[dict[str, Any]] = [
        {"type": "response.output_text.delta", "delta": RIGHT, **part},
        {"type": "response.output_text.done", "text": RIGHT, **part},
        {"type": "response.completed", "response": done},
    ]
    for each in events:
        out += stream.feed(b"event: %b\ndata: %b\n\n" % (each["type"].encode(), msgspec.json.encode(each)))
    out += stream.end()
    last = msgspec.json.decode(out.split(b"\n\n")[-2].partition(b"data: ")[2])
    (cited,) = last["response"]["genaiops"]["grounding"]["citations"]
    assert (cited["text"], cited["verdict"]) == (RIGHT, "supported")
