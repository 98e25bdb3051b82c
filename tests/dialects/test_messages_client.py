"""The official client of Anthropic, pointed at a small server that speaks Messages by translating to chat."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from genaiops.core.errors import UsageError
from genaiops.dialects.messages import MessagesStream, answer_from_chat, chat_request, error_body, error_event

if TYPE_CHECKING:
    import anthropic

Json = dict[str, Any]
USAGE = {"prompt_tokens": 12, "completion_tokens": 7, "prompt_tokens_details": {"cached_tokens": 8}}


def chat_model(request: Json) -> Json:
    """A chat model that thinks, repeats what it is told, and calls each tool it is given."""
    last = request["messages"][-1]["content"]
    said = last if isinstance(last, str) else "".join(part.get("text", f"<{part['type']}>") for part in last)
    calls = [
        {"index": at, "id": f"call_{at}", "type": "function", "function": {"name": name, "arguments": '{"said": "é"}'}}
        for at, name in enumerate(tool["function"]["name"] for tool in request.get("tools", ()))
    ]
    message: Json = {"role": "assistant", "reasoning_content": "I repeat.", "content": f"You said: {said}"}
    return {**message, "tool_calls": calls} if calls else message


def chat_answer(request: Json) -> bytes:
    message = chat_model(request)
    finish = "tool_calls" if "tool_calls" in message else "stop"
    choice = {"index": 0, "message": message, "finish_reason": finish}
    return json.dumps({"id": "chatcmpl-1", "model": "m", "choices": [choice], "usage": USAGE}).encode()


def chat_stream(request: Json) -> Iterator[bytes]:
    message = chat_model(request)
    deltas: list[Json] = [{"reasoning_content": message["reasoning_content"]}]
    deltas += [{"content": letter} for letter in message["content"]]
    for call in message.get("tool_calls", ()):
        function = call["function"]
        deltas.append({"tool_calls": [{**call, "function": {"name": function["name"], "arguments": ""}}]})
        deltas += [
            {"tool_calls": [{"index": call["index"], "function": {"arguments": letter}}]}
            for letter in function["arguments"]
        ]
    finish = "tool_calls" if "tool_calls" in message else "stop"
    choices: list[list[Json]] = [[{"index": 0, "delta": delta}] for delta in deltas]
    choices += [[{"index": 0, "delta": {}, "finish_reason": finish}]]
    for one in choices:
        yield b"data: " + json.dumps({"id": "chatcmpl-1", "choices": one}, ensure_ascii=False).encode() + b"\n\n"
    yield b"data: " + json.dumps({"id": "chatcmpl-1", "choices": [], "usage": USAGE}).encode() + b"\n\n"
    yield b"data: [DONE]\n\n"


class Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers["content-length"]))
        asked = json.loads(raw)
        try:
            chat: Json = json.loads(chat_request(raw))
        except UsageError as error:
            return self.answer(400, error_body(400, str(error), "req_1"))
        if asked["model"] == "limited":
            return self.answer(429, error_body(429, "slow down", "req_1"))
        if not asked.get("stream"):
            return self.answer(200, answer_from_chat(chat_answer(chat), asked["model"]))
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.end_headers()
        stream = MessagesStream(asked["model"])
        for piece in chat_stream(chat):
            self.wfile.write(stream.feed(piece[:9]) + stream.feed(piece[9:]))
            if asked["model"] == "broken":
                self.wfile.write(error_event("it broke", kind="overloaded_error"))
                return None
        return None

    def answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (its name in the base class)
        """Nothing on standard error."""


@pytest.fixture
def client() -> "Iterator[anthropic.Anthropic]":
    import anthropic

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    url = f"http://127.0.0.1:{server.server_port}"
    with anthropic.Anthropic(api_key="k", base_url=url, max_retries=0) as found:
        yield found
    server.shutdown()
    thread.join()
    server.server_close()


TOOLS: Any = [
    {"name": name, "description": "d", "input_schema": {"type": "object"}, "cache_control": {"type": "ephemeral"}}
    for name in ("weather", "clock")
]
ASK: Any = [
    {
        "role": "user",
        "content": [
            {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}},
            {"type": "text", "text": "Grüezi"},
        ],
    }
]


def test_a_whole_answer(client: "anthropic.Anthropic") -> None:
    from anthropic.types import TextBlock, ThinkingBlock, ToolUseBlock

    message = client.messages.create(model="claude", max_tokens=100, system="Repeat.", messages=ASK, tools=TOOLS)
    thinking, text, *calls = message.content
    assert isinstance(thinking, ThinkingBlock)
    assert isinstance(text, TextBlock)
    assert (thinking.thinking, text.text) == ("I repeat.", "You said: <image_url>Grüezi")
    assert [call.name for call in calls if isinstance(call, ToolUseBlock)] == ["weather", "clock"]
    assert [call.input for call in calls if isinstance(call, ToolUseBlock)] == [{"said": "é"}] * 2
    assert (message.stop_reason, message.model, message.id) == ("tool_use", "claude", "msg_1")
    usage = message.usage
    assert (usage.input_tokens, usage.cache_read_input_tokens, usage.output_tokens) == (4, 8, 7)


def test_a_stream_says_the_same(client: "anthropic.Anthropic") -> None:
    whole = client.messages.create(model="claude", max_tokens=100, messages=ASK, tools=TOOLS)
    with client.messages.stream(model="claude", max_tokens=100, messages=ASK, tools=TOOLS) as stream:
        text = "".join(stream.text_stream)
        final = stream.get_final_message()
    assert text == "You said: <image_url>Grüezi"
    assert [block.model_dump(exclude_none=True) for block in final.content] == [
        block.model_dump(exclude_none=True) for block in whole.content
    ]
    assert final.stop_reason == whole.stop_reason
    assert (final.usage.input_tokens, final.usage.output_tokens) == (4, 7)


def test_a_turn_with_results_of_tools_goes_back_in(client: "anthropic.Anthropic") -> None:
    from anthropic.types import TextBlock, ToolUseBlock

    first = client.messages.create(model="claude", max_tokens=100, messages=ASK, tools=TOOLS)
    results: Any = [
        {"type": "tool_result", "tool_use_id": block.id, "content": "sunny"}
        for block in first.content
        if isinstance(block, ToolUseBlock)
    ]
    turns: Any = [*ASK, {"role": "assistant", "content": first.content}, {"role": "user", "content": results}]
    second = client.messages.create(model="claude", max_tokens=100, messages=turns)
    assert second.stop_reason == "end_turn"
    assert [block.text for block in second.content if isinstance(block, TextBlock)] == ["You said: sunny"]


def test_errors_become_the_clients_own(client: "anthropic.Anthropic") -> None:
    import anthropic

    with pytest.raises(anthropic.RateLimitError, match="slow down"):
        client.messages.create(model="limited", max_tokens=1, messages=ASK)
    web: Any = [{"type": "web_search_20260318", "name": "web_search"}]
    with pytest.raises(anthropic.BadRequestError, match=r"tools\.0\.type"):
        client.messages.create(model="claude", max_tokens=1, messages=ASK, tools=web)
    with (
        pytest.raises(anthropic.APIStatusError, match="it broke"),
        client.messages.stream(model="broken", max_tokens=1, messages=ASK) as stream,
    ):
        stream.get_final_message()
