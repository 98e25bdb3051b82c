"""The official client against a small server: these functions in front of the echo provider, which speaks chat only."""

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import BaseModel

from genaiops.core.errors import GenaiopsError
from genaiops.dialects.responses import ResponsesStream, answer_from_chat, chat_request
from genaiops.domain import Target
from genaiops.ports.providers import Wire
from genaiops.providers.echo import EchoTransport

if TYPE_CHECKING:
    from openai import AsyncOpenAI, AsyncStream
    from openai.types.responses import ResponseStreamEvent

JSON = b"application/json"
EVENTS = b"text/event-stream"


class Server:
    """Speaks Responses to clients and chat to the echo provider, over real sockets. Knows no keep-alive."""

    def __init__(self, **settings: str) -> None:
        self._target = Target(id="t", provider="echo", model="m", upstream_model="m", settings=settings, created_us=0)
        self._echo = EchoTransport()
        self.seen: list[Any] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:] if line)
        body = await reader.readexactly(int(fields[b"content-length"]))
        try:
            await self._answer(body, writer)
        except GenaiopsError as error:
            told = {"error": {"message": str(error), "type": error.type, "code": error.code, "param": error.param}}
            self._head(writer, error.status, JSON)
            writer.write(json.dumps(told).encode())
        with contextlib.suppress(ConnectionError):
            await writer.drain()
        writer.close()

    def _head(self, writer: asyncio.StreamWriter, status: int, kind: bytes) -> None:
        writer.write(b"HTTP/1.1 %d -\r\ncontent-type: %b\r\nconnection: close\r\n\r\n" % (status, kind))

    async def _answer(self, body: bytes, writer: asyncio.StreamWriter) -> None:
        chat = chat_request(body)
        self.seen.append(json.loads(chat))
        reply = await self._echo.send(Wire(b"POST", b"/chat/completions", (), chat), self._target)
        if not json.loads(chat).get("stream"):
            answer = answer_from_chat(await reply.read(1 << 20), body)
            self._head(writer, 200, JSON)
            writer.write(answer)
            return
        stream = ResponsesStream(body)
        self._head(writer, 200, EVENTS)
        try:
            while (chunk := await reply.chunk()) is not None:
                writer.write(stream.feed(chunk))
        except GenaiopsError as error:
            writer.write(stream.fail(error.message, error.code))
        writer.write(stream.end())


@asynccontextmanager
async def client(**settings: str) -> "AsyncGenerator[tuple[AsyncOpenAI, Server]]":
    from openai import AsyncOpenAI

    server = Server(**settings)
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    api = AsyncOpenAI(base_url=f"http://127.0.0.1:{port}/v1", api_key="k", max_retries=0, timeout=20)
    async with listening:
        try:
            yield api, server
        finally:
            await api.close()


TOOL: Any = {
    "type": "function",
    "name": "lookup",
    "parameters": {"type": "object", "properties": {"q": {"type": "integer"}}},
    "strict": False,
}


async def test_a_response() -> None:
    async with client(cached_tokens="1", reasoning_tokens="2") as (api, _):
        found = await api.responses.create(model="m", input="The quick brown fox", instructions="Be brief.")
    assert (found.output_text, found.status) == ("The quick brown fox", "completed")
    assert found.usage is not None
    assert (found.usage.input_tokens, found.usage.input_tokens_details.cached_tokens) == (6, 1)
    assert found.usage.output_tokens_details.reasoning_tokens == 2
    assert found.instructions == "Be brief."


async def test_a_capped_response_is_incomplete() -> None:
    async with client() as (api, _):
        found = await api.responses.create(model="m", input="The quick brown fox", max_output_tokens=2)
    assert (found.output_text, found.status) == ("The quick ", "incomplete")
    assert found.incomplete_details is not None
    assert found.incomplete_details.reason == "max_output_tokens"


async def test_raw_events() -> None:
    async with client() as (api, _):
        stream = await api.responses.create(model="m", input="The quick brown fox", stream=True)
        events = [event async for event in stream]
    assert [event.sequence_number for event in events] == list(range(len(events)))
    text = "".join(event.delta for event in events if event.type == "response.output_text.delta")
    last = events[-1]
    assert last.type == "response.completed"
    assert last.response.output_text == text == "The quick brown fox"
    assert last.response.usage is not None


async def test_the_streaming_helper_and_a_conversation_with_a_tool() -> None:
    """The client's own accumulation, and its output items as the next input."""
    async with client(tool="lookup", text='{"q": 1}') as (api, server):
        async with api.responses.stream(model="m", input="What is 1?", tools=[TOOL]) as stream:
            kinds = [event.type async for event in stream]
            found = await stream.get_final_response()
        (call,) = found.output
        assert call.type == "function_call"
        assert (call.name, call.arguments) == ("lookup", '{"q": 1}')
        assert "response.function_call_arguments.delta" in kinds
        history: Any = [
            {"role": "user", "content": "What is 1?"},
            *[item.model_dump(exclude_none=True) for item in found.output],
            {"type": "function_call_output", "call_id": call.call_id, "output": "one"},
        ]
        await api.responses.create(model="m", input=history, tools=[TOOL])
    said = {"name": "lookup", "arguments": '{"q": 1}'}
    assert server.seen[1]["messages"] == [
        {"role": "user", "content": "What is 1?"},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"id": "call_echo", "type": "function", "function": said}],
        },
        {"role": "tool", "tool_call_id": "call_echo", "content": "one"},
    ]


async def test_structured_output() -> None:
    class Answer(BaseModel):
        number: int

    async with client(text='{"number": 7}') as (api, server):
        found = await api.responses.parse(model="m", input="?", text_format=Answer)
        async with api.responses.stream(model="m", input="?", text_format=Answer) as stream:
            streamed = await stream.get_final_response()
    assert found.output_parsed == streamed.output_parsed == Answer(number=7)
    assert server.seen[0]["response_format"]["json_schema"]["name"] == "Answer"


async def note(stream: "AsyncStream[ResponseStreamEvent]", seen: list[str]) -> None:
    async for event in stream:
        seen.append(event.type)  # noqa: PERF401 (what was seen before an error counts)


async def test_a_stream_that_breaks_is_an_error_for_the_client() -> None:
    import openai

    for fault in ("error_event", "die"):
        async with client(fault=fault) as (api, _):
            stream = await api.responses.create(model="m", input="one two three four", stream=True)
            seen: list[str] = []
            with pytest.raises(openai.APIError):
                await note(stream, seen)
        assert seen[-1] == "response.failed", fault
        assert "response.output_text.delta" in seen


async def test_what_cannot_be_done_is_a_bad_request_that_names_the_field() -> None:
    import openai

    async with client() as (api, _):
        with pytest.raises(openai.BadRequestError) as bad:
            await api.responses.create(model="m", input="x", previous_response_id="resp_1")
        assert bad.value.param == "previous_response_id"
        assert "send the whole conversation" in bad.value.message
        with pytest.raises(openai.BadRequestError, match="web_search"):
            await api.responses.create(model="m", input="x", tools=[{"type": "web_search"}])
