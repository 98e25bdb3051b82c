"""The official clients read streams whose texts were held and changed."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from tests.guard.surfaces.channels import Hides, always
from tests.guard.surfaces.streams import STREAMS
from tests.guard.surfaces.test_streams import rewritten

VALUE = "4111 1111 1111 1111"
SAID = "It is grey in Köln, and [HIDDEN] is no number."
CITY = 'Köln "am" Rhein'
PATHS = {"completions": "openai", "responses": "responses", "messages": "messages", "chat": "cohere"}


class Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        last = self.path.partition("?")[0].rpartition("/")[2]
        dialect = "gemini" if ":" in last else PATHS[last]
        stream = rewritten(dialect, STREAMS[dialect](), always(lambda: Hides(VALUE)), 100)
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("content-length", str(len(stream)))
        self.end_headers()
        self.wfile.write(stream)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        pass


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def weather(arguments: Any) -> None:
    assert arguments["town"] == CITY
    assert arguments["days"] == [1, 4111111111111111, "wed"]


def test_openai_chat(url: str) -> None:
    import openai

    with (
        openai.OpenAI(base_url=f"{url}/v1", api_key="k", max_retries=0) as client,
        client.chat.completions.stream(model="m", messages=[{"role": "user", "content": "x"}]) as stream,
    ):
        said = "".join(event.delta for event in stream if event.type == "content.delta")
        choice = stream.get_final_completion().choices[0]
    assert said == SAID == choice.message.content
    assert choice.finish_reason == "tool_calls"
    calls: Any = choice.message.tool_calls
    weather(json.loads(calls[0].function.arguments))
    assert json.loads(calls[1].function.arguments) == {"q": "why so"}


def test_openai_responses(url: str) -> None:
    import openai

    with (
        openai.OpenAI(base_url=f"{url}/v1", api_key="k", max_retries=0) as client,
        client.responses.stream(model="m", input="x") as stream,
    ):
        said = "".join(event.delta for event in stream if event.type == "response.output_text.delta")
        found: Any = stream.get_final_response()
    assert said == SAID == found.output_text
    weather(json.loads(next(item for item in found.output if item.type == "function_call").arguments))


def test_anthropic(url: str) -> None:
    import anthropic

    with anthropic.Anthropic(base_url=url, api_key="k", max_retries=0) as client:
        asked: Any = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "x"}]}
        with client.messages.stream(**asked) as stream:
            said = "".join(stream.text_stream)
            blocks: Any = stream.get_final_message().content
    assert said == SAID
    assert [block.type for block in blocks] == ["thinking", "text", "tool_use", "tool_use"]
    assert blocks[0].thinking == "Let me see, what it is."
    weather(blocks[2].input)


def test_cohere(url: str) -> None:
    import cohere

    client = cohere.ClientV2(api_key="k", base_url=url)
    texts = {"text": "", "thinking": "", "arguments": ""}
    asked: Any = [{"role": "user", "content": "x"}]
    for event in client.chat_stream(model="m", messages=asked):
        found: Any = event
        if found.type == "content-delta":
            content = found.delta.message.content
            texts["text"] += content.text or ""
            texts["thinking"] += content.thinking or ""
        elif found.type == "tool-call-delta" and found.index == 0:
            texts["arguments"] += found.delta.message.tool_calls.function.arguments
    assert (texts["text"], texts["thinking"]) == (SAID, "Let me see, what it is.")
    weather(json.loads(texts["arguments"]))


def test_google(url: str) -> None:
    from google import genai
    from google.genai import types

    client = genai.Client(api_key="k", http_options=types.HttpOptions(base_url=url))
    chunks = list(client.models.generate_content_stream(model="m", contents="x"))
    parts: Any = [
        part for chunk in chunks for one in chunk.candidates or [] for part in (one.content and one.content.parts) or []
    ]
    assert "".join(part.text or "" for part in parts if not part.thought) == SAID
    assert "".join(part.text or "" for part in parts if part.thought) == "Let me see, what it is."
    weather(next(part.function_call for part in parts if part.function_call).args)
    last: Any = chunks[-1].candidates
    assert last[0].finish_reason == types.FinishReason.STOP
    client.close()
