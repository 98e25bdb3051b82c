"""Chat answers and streams to translate, and the official client's types to hold the result against."""

import json
from collections.abc import Iterable, Sequence
from functools import cache
from itertools import pairwise
from typing import Any, get_args

from hypothesis import strategies as st
from pydantic import BaseModel, TypeAdapter

from genaiops.dialects.responses import ResponsesStream, chat_request

RESPONSE_ID = "resp_1"
CREATED = 1_700_000_000


@cache
def _events() -> dict[str, type[BaseModel]]:
    from openai.types.responses import ResponseStreamEvent

    kinds: tuple[type[BaseModel], ...] = get_args(get_args(ResponseStreamEvent)[0])
    return {get_args(kind.model_fields["type"].annotation)[0]: kind for kind in kinds}


def request(**fields: Any) -> bytes:
    return json.dumps({"model": "m", "input": "Hi", **fields}).encode()


def completion(message: Any, finish: str | None = "stop", usage: Any = None, **fields: Any) -> bytes:
    choice = {"index": 0, "message": message, "finish_reason": finish}
    answer = {"id": "chatcmpl-1", "created": CREATED, "model": "m-1", "choices": [choice], "usage": usage, **fields}
    return json.dumps(answer).encode()


def event(delta: Any = None, finish: str | None = None, **fields: Any) -> bytes:
    choices = [{"index": 0, "delta": delta, "finish_reason": finish}] if delta is not None else []
    chunk = {"id": "chatcmpl-1", "created": CREATED, "model": "m-1", "choices": choices, **fields}
    return b"data: " + json.dumps(chunk).encode() + b"\n\n"


DONE = b"data: [DONE]\n\n"


def pieces(text: str, size: int = 3) -> list[str]:
    return [text[at : at + size] for at in range(0, len(text), size)]


def stream_of(message: Any, finish: str | None = "stop", usage: Any = None) -> bytes:
    """A whole answer as the stream that says the same."""
    deltas: list[Any] = [{"role": "assistant", "content": ""}]
    blocks = message.get("thinking_blocks")
    deltas += [{"reasoning_content": piece} for piece in pieces(message.get("reasoning_content") or "")]
    deltas += [{"thinking_blocks": [piece]} for block in blocks or () for piece in block_pieces(block)]
    deltas += [{"content": piece} for piece in pieces(message.get("content") or "")]
    deltas += [{"refusal": piece} for piece in pieces(message.get("refusal") or "")]
    for index, call in enumerate(message.get("tool_calls") or ()):
        kind = call["type"]
        field = "arguments" if kind == "function" else "input"
        deltas.append({"tool_calls": [{**call, "index": index, kind: {"name": call[kind]["name"], field: ""}}]})
        for piece in pieces(call[kind][field]):
            deltas.append({"tool_calls": [{"index": index, kind: {field: piece}}]})
    events = [event(delta) for delta in deltas]
    events.append(event({}, finish))
    if usage is not None:
        events.append(event(usage=usage))
    return b": a comment\n\n" + b"".join(events) + DONE


def block_pieces(block: dict[str, Any]) -> list[dict[str, Any]]:
    if block["type"] != "thinking":
        return [block]
    thoughts = [{"type": "thinking", "thinking": piece} for piece in pieces(block["thinking"])]
    return [*thoughts, {"type": "thinking", "thinking": "", "signature": block["signature"]}]


def feed(stream: ResponsesStream, data: bytes, cuts: Iterable[int] = ()) -> bytes:
    places = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    return b"".join(stream.feed(data[start:end]) for start, end in pairwise(places))


def events_of(data: bytes) -> list[Any]:
    """The events, each proven to be one in the official client's eyes, numbered without a gap."""
    found: list[Any] = []
    for raw in data.split(b"\n\n")[:-1]:
        name, _, body = raw.partition(b"\ndata: ")
        one = json.loads(body)
        assert name == b"event: " + one["type"].encode()
        _events()[one["type"]].model_validate_json(body)
        assert one["sequence_number"] == len(found)
        found.append(one)
    return found


def answered(body: bytes | str | Any) -> Any:
    """The response as JSON, proven to be one in the official client's eyes, without the moment of its end."""
    from openai.types.responses import Response

    found = json.loads(body) if isinstance(body, bytes | str) else body
    Response.model_validate(found)
    return {name: value for name, value in found.items() if name != "completed_at"}


def kinds(events: Sequence[Any]) -> list[str]:
    return [one["type"].removeprefix("response.") for one in events]


# -- any answer

TEXT = st.text('ab €{"\\\n\r', max_size=12)
SOME = st.text('ab €{"\\\n\r', min_size=1, max_size=12)
CALLS = st.lists(
    st.tuples(st.sampled_from(("function", "custom")), st.sampled_from(("f", "g")), TEXT), min_size=1, max_size=3
).map(
    lambda calls: [
        {"id": f"call_{at}", "type": kind, kind: {"name": name, "arguments" if kind == "function" else "input": said}}
        for at, (kind, name, said) in enumerate(calls)
    ]
)
BLOCKS = st.lists(
    st.builds(lambda text, mark: {"type": "thinking", "thinking": text, "signature": mark}, SOME, SOME)
    | st.builds(lambda data: {"type": "redacted_thinking", "data": data}, SOME),
    min_size=1,
    max_size=3,
)
MESSAGES: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {"content": SOME | st.none()},
    optional={"reasoning_content": SOME, "refusal": SOME, "tool_calls": CALLS, "thinking_blocks": BLOCKS},
).filter(lambda message: len(message) > 1 or message["content"])
FINISHES = st.sampled_from(("stop", "length", "tool_calls", "content_filter"))
CUTS = st.lists(st.integers(0, 5000), max_size=12)


# -- any request


@cache
def _chat() -> TypeAdapter[Any]:
    from openai.types.chat.completion_create_params import CompletionCreateParams

    return TypeAdapter(CompletionCreateParams)


def chat(**fields: Any) -> Any:
    """The chat request that comes of a request with these fields; it must be one in the official client's eyes."""
    out = chat_request(json.dumps({"model": "m", "input": "Hi", **fields}).encode())
    _chat().validate_json(out)
    return json.loads(out)


def messages(*items: Any, **fields: Any) -> Any:
    return chat(input=list(items), **fields)["messages"]


def user(*parts: Any) -> dict[str, Any]:
    return {"role": "user", "content": list(parts)}


def called(call_id: str, name: str = "f", arguments: str = "{}") -> dict[str, Any]:
    return {"type": "function_call", "id": "fc_1", "call_id": call_id, "name": name, "arguments": arguments}


def result(call_id: str, output: Any = "42") -> dict[str, Any]:
    return {"type": "function_call_output", "call_id": call_id, "output": output}
