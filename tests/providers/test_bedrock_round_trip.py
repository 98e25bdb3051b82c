"""Whatever Bedrock says: a stream says the same as a whole answer, and the next turn gives it back unchanged."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from genaiops.providers.bedrock import Bedrock
from tests.providers.bedrock_calls import METADATA, START, answered, block, call, framed, sent, stop

TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)
SIGNED = st.fixed_dictionaries({"text": TEXT, "signature": st.text("abc=", min_size=1, max_size=8)})
THOUGHTS = st.lists(
    SIGNED.map(lambda found: {"reasoningContent": {"reasoningText": found}})
    | st.just({"reasoningContent": {"redactedContent": "AAE="}}),
    max_size=2,
)
SAID = TEXT.filter(lambda text: bool(text.strip())).map(lambda text: [{"text": text}]) | st.just(list[Any]())
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | TEXT,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXT, inner, max_size=2),
    max_leaves=5,
)
CALLS = st.lists(st.dictionaries(TEXT, VALUES, max_size=3), max_size=3).map(
    lambda inputs: [
        {"toolUse": {"toolUseId": f"c{number}", "name": "look", "input": found}} for number, found in enumerate(inputs)
    ]
)


def whole(content: list[Any]) -> dict[str, Any]:
    body = Bedrock().read(call(), answered(*content, stop_reason="tool_use")).body
    assert body is not None
    return json.loads(body)["choices"][0]["message"]


def events_of(content: list[Any]) -> list[tuple[str, Any]]:
    """The same content as ConverseStream sends it, text in two halves."""
    events: list[tuple[str, Any]] = [START]
    for place, each in enumerate(content):
        if "toolUse" in each:
            use = each["toolUse"]
            start = {"toolUse": {"toolUseId": use["toolUseId"], "name": use["name"]}}
            events.append(("contentBlockStart", {"contentBlockIndex": place, "start": start}))
            events += [block(place, toolUse={"input": half}) for half in halves(json.dumps(use["input"]))]
        elif "text" in each:
            events += [block(place, text=half) for half in halves(each["text"])]
        elif "redactedContent" in each["reasoningContent"]:
            events.append(block(place, reasoningContent=each["reasoningContent"]))
        else:
            thought = each["reasoningContent"]["reasoningText"]
            events += [block(place, reasoningContent={"text": half}) for half in halves(thought["text"])]
            events.append(block(place, reasoningContent={"signature": thought["signature"]}))
        events.append(stop(place))
    return [*events, ("messageStop", {"stopReason": "tool_use"}), METADATA]


def halves(text: str) -> list[str]:
    middle = len(text) // 2
    return [half for half in (text[:middle], text[middle:]) if half]


def gathered(data: bytes) -> dict[str, Any]:
    """The message that a client makes of a stream's chunks."""
    message: dict[str, Any] = {"role": "assistant", "content": ""}
    calls: dict[int, dict[str, Any]] = {}
    for line in data.decode().split("\n\n"):
        if not line or line == "data: [DONE]":
            continue
        for choice in json.loads(line[6:])["choices"]:
            delta = choice["delta"]
            message["content"] += delta.get("content", "")
            for name in ("reasoning_content", "thinking_blocks"):
                if name in delta:
                    message[name] = message[name] + delta[name] if name in message else delta[name]
            for each in delta.get("tool_calls", ()):
                place = each.pop("index")
                kept = calls.setdefault(place, {"function": {"arguments": ""}})
                arguments = kept["function"]["arguments"] + each["function"].pop("arguments")
                function = {**kept["function"], **each.pop("function"), "arguments": arguments}
                calls[place] = {**kept, **each, "function": function}
    message["content"] = message["content"] or None
    return message | ({"tool_calls": [calls[place] for place in sorted(calls)]} if calls else {})


@given(THOUGHTS, SAID, CALLS)
def test_the_next_turn_gives_back_what_was_said(thoughts: list[Any], said: list[Any], calls: list[Any]) -> None:
    content = [*thoughts, *said, *calls]
    turns = sent(messages=[{"role": "user", "content": "Hi"}, whole(content)])["messages"]
    assert turns[1:] == ([{"role": "assistant", "content": content}] if content else [])


@given(THOUGHTS, SAID, CALLS, st.integers(1, 300))
def test_a_stream_says_what_a_whole_answer_says(
    thoughts: list[Any], said: list[Any], calls: list[Any], step: int
) -> None:
    content = [*thoughts, *said, *calls]
    stream = Bedrock().stream(call(stream=True), filter_usage=True)
    data = framed(events_of(content))
    pieces = [stream.feed(data[at : at + step]) for at in range(0, len(data), step)]
    assert gathered(b"".join(piece.data for piece in pieces if piece is not None)) == whole(content)
