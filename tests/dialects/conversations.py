"""Messages requests and answers made by hypothesis, and what two of them have to have in common to mean the same."""

import json
from typing import Any

from hypothesis import strategies as st

from genaiops.dialects.messages import chat_request, request_from_chat
from genaiops.dialects.messages.request import TOOL_ERROR

Json = dict[str, Any]

texts = st.text(min_size=1, max_size=20).filter(lambda text: not text.startswith(TOOL_ERROR))
names = st.text("abcdefghijklmnop_", min_size=1, max_size=12)
ids = st.text("abcDEF0123_-", min_size=1, max_size=12)
data64 = st.sampled_from(["AAAA", "aGVsbG8=", "iVBORw0KGgo="])
marks = st.sampled_from([None, None, {"type": "ephemeral"}, {"type": "ephemeral", "ttl": "1h"}])
scalars = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | texts
values = st.recursive(scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3))
objects = st.dictionaries(names, values, max_size=3)
schemas = st.builds(
    lambda fields: {"type": "object", "properties": {name: {"type": "string"} for name in fields}},
    st.lists(names, max_size=3, unique=True),
)


@st.composite
def marked(draw: st.DrawFn, **fields: Any) -> Json:
    block = {name: draw(value) if isinstance(value, st.SearchStrategy) else value for name, value in fields.items()}
    mark = draw(marks)
    return block if mark is None else {**block, "cache_control": mark}


text_blocks = marked(type="text", text=texts)
images = marked(
    type="image",
    source=st.builds(
        lambda media, data: {"type": "base64", "media_type": media, "data": data},
        st.sampled_from(["image/png", "image/jpeg", "image/webp"]),
        data64,
    )
    | st.builds(lambda name: {"type": "url", "url": f"https://pictures.test/{name}.png"}, names),
)


@st.composite
def documents(draw: st.DrawFn) -> Json:
    pdf = {"type": "base64", "media_type": "application/pdf", "data": draw(data64)}
    text = {"type": "text", "media_type": "text/plain", "data": draw(texts)}
    block = draw(marked(type="document", source=draw(st.sampled_from([pdf, text]))))
    return {**block, "title": draw(names)} if draw(st.booleans()) else block


thinking_blocks = st.builds(
    lambda text, signature: {"type": "thinking", "thinking": text, "signature": signature}, st.text(max_size=20), ids
) | st.builds(lambda data: {"type": "redacted_thinking", "data": data}, data64)
tool_uses = marked(type="tool_use", id=ids, name=names, input=objects)


@st.composite
def tool_results(draw: st.DrawFn) -> Json:
    block = draw(marked(type="tool_result", tool_use_id=ids))
    content = draw(st.none() | texts | st.lists(text_blocks | images, min_size=1, max_size=3))
    if content is not None:
        block["content"] = content
    return {**block, "is_error": True} if draw(st.booleans()) else block


@st.composite
def turns(draw: st.DrawFn) -> list[Json]:
    out: list[Json] = []
    for _ in range(draw(st.integers(1, 3))):
        said = draw(st.lists(text_blocks | images | documents(), min_size=1, max_size=3))
        results = draw(st.lists(tool_results(), max_size=2))
        out.append({"role": "user", "content": draw(texts) if draw(st.booleans()) else results + said})
        if draw(st.booleans()):
            out.append({"role": "system", "content": draw(texts | st.lists(text_blocks, min_size=1, max_size=2))})
        answer = draw(st.lists(thinking_blocks, max_size=2)) + draw(st.lists(text_blocks, min_size=1, max_size=2))
        answer += draw(st.lists(tool_uses, max_size=3))
        out.append({"role": "assistant", "content": draw(texts) if draw(st.booleans()) else answer})
    return out


tools = marked(name=names, description=texts, input_schema=schemas)
choices = st.sampled_from(
    [
        {"type": "auto"},
        {"type": "any"},
        {"type": "none"},
        {"type": "tool", "name": "f"},
        {"type": "any", "disable_parallel_tool_use": True},
        {"type": "auto", "disable_parallel_tool_use": True},
    ]
)


@st.composite
def requests(draw: st.DrawFn) -> Json:
    out: Json = {"model": "claude", "max_tokens": 100_000, "messages": draw(turns())}
    optional: dict[str, st.SearchStrategy[Any]] = {
        "system": texts | st.lists(text_blocks, min_size=1, max_size=3),
        "temperature": st.floats(0, 1, width=16),
        "top_p": st.floats(0, 1, width=16),
        "top_k": st.integers(1, 100),
        "stop_sequences": st.lists(texts, min_size=1, max_size=3),
        "stream": st.just(value=True),
        "metadata": st.builds(lambda user: {"user_id": user}, texts),
        "cache_control": st.just({"type": "ephemeral"}),
    }
    for name, strategy in optional.items():
        if draw(st.booleans()):
            out[name] = draw(strategy)
    if draw(st.booleans()):
        out["tools"] = draw(st.lists(tools, min_size=1, max_size=4))
        out["tool_choice"] = draw(choices)
    if draw(st.booleans()):
        out["output_config"] = {"format": {"type": "json_schema", "schema": draw(schemas)}}
    return out


def _blocks(content: Any) -> list[Json]:
    return [{"type": "text", "text": content}] if isinstance(content, str) else list(content)


def meaning(request: Json) -> Json:
    """The request with its shorthands written out, and turns of one role joined, as Anthropic reads them."""
    out = dict(request)
    joined: list[Json] = []
    for turn in request["messages"]:
        blocks = [
            {**block, "content": _blocks(block["content"])} if "content" in block else block
            for block in _blocks(turn["content"])
        ]
        if joined and joined[-1]["role"] == turn["role"]:
            joined[-1]["content"] += blocks
        else:
            joined.append({"role": turn["role"], "content": blocks})
    out["messages"] = joined
    if "system" in out:
        out["system"] = _blocks(out["system"])
    return out


# -- answers


@st.composite
def answers(draw: st.DrawFn) -> Json:
    """A whole Messages answer, its blocks in the order that chat has places for."""
    content = draw(st.lists(thinking_blocks, max_size=2))
    content += draw(st.lists(st.builds(lambda text: {"type": "text", "text": text}, texts), max_size=1))
    calls = st.builds(
        lambda key, name, value: {"type": "tool_use", "id": key, "name": name, "input": value}, ids, names, objects
    )
    content += draw(st.lists(calls, max_size=3))
    stop, sequence = draw(
        st.sampled_from([("end_turn", None), ("max_tokens", None), ("refusal", None), ("stop_sequence", "END")])
    )
    if content and content[-1]["type"] == "tool_use":
        stop, sequence = "tool_use", None
    output = draw(st.integers(0, 500))
    return {
        "id": "msg_" + draw(ids),
        "type": "message",
        "role": "assistant",
        "model": "claude",
        "content": content,
        "stop_reason": stop,
        "stop_sequence": sequence,
        "usage": {
            "input_tokens": draw(st.integers(0, 1000)),
            "cache_creation_input_tokens": draw(st.integers(0, 1000)),
            "cache_read_input_tokens": draw(st.integers(0, 1000)),
            "output_tokens": output,
            "output_tokens_details": {"thinking_tokens": draw(st.integers(0, output))},
        },
    }


def sse(kind: str, **fields: Any) -> bytes:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **fields})}\n\n".encode()


def streamed(answer: Json, size: int = 3) -> bytes:
    """The answer as Anthropic streams it: text and arguments in pieces of `size` characters."""
    usage = answer["usage"]
    head = {**answer, "content": [], "stop_reason": None, "stop_sequence": None}
    out = [sse("message_start", message={**head, "usage": {**usage, "output_tokens": 0}}), sse("ping")]
    for at, block in enumerate(answer["content"]):
        if block["type"] == "text":
            start, kind, field, text = {**block, "text": ""}, "text_delta", "text", block["text"]
        elif block["type"] == "thinking":
            start = {**block, "thinking": "", "signature": ""}
            kind, field, text = "thinking_delta", "thinking", block["thinking"]
        elif block["type"] == "tool_use":
            text = json.dumps(block["input"])
            start, kind, field = {**block, "input": {}}, "input_json_delta", "partial_json"
            out_empty = text == "{}"
            text = "" if out_empty else text
        else:
            start, kind, field, text = block, "", "", ""
        out.append(sse("content_block_start", index=at, content_block=start))
        pieces = [text[place : place + size] for place in range(0, len(text), size)]
        out += [sse("content_block_delta", index=at, delta={"type": kind, field: piece}) for piece in pieces]
        if block["type"] == "thinking":
            signature = {"type": "signature_delta", "signature": block["signature"]}
            out.append(sse("content_block_delta", index=at, delta=signature))
        out.append(sse("content_block_stop", index=at))
    delta = {"stop_reason": answer["stop_reason"], "stop_sequence": answer["stop_sequence"]}
    out.append(sse("message_delta", delta=delta, usage=usage))
    out.append(sse("message_stop"))
    return b"".join(out)


# -- the two translations, on plain JSON


def to_chat(request: Json, **options: Any) -> Json:
    found: Json = json.loads(chat_request(json.dumps(request).encode(), **options))
    return found


def to_messages(request: Json, **options: Any) -> Json:
    given: Json = {"model": "claude", "max_tokens": 100_000, **options}
    found: Json = json.loads(request_from_chat(json.dumps(request).encode(), **given))
    return found


HELLO: Json = {"model": "claude", "max_tokens": 100, "messages": [{"role": "user", "content": "Hi"}]}
ASK: Json = {"model": "gpt", "messages": [{"role": "user", "content": "Hi"}]}
