"""Targets that stream, against a real upstream: read as one answer, with what stands behind its end."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest

from genaiops.app.posting import HttpPost
from genaiops.arena import Endpoint, asker
from genaiops.domain import Answer, Case, SuiteTarget, ToolCall


def chunk(delta: Any = None, *, finish: str | None = None, **beside: Any) -> bytes:
    choices = [] if delta is None else [{"index": 0, "delta": delta, "finish_reason": finish}]
    return b"data: " + json.dumps({"model": "m-1", "choices": choices, **beside}).encode()


CALL = {"index": 0, "id": "c", "function": {"name": "look", "arguments": '{"at"'}}
STREAMS: dict[str, tuple[bytes, ...]] = {
    "words": (
        b": a comment",
        chunk({"role": "assistant", "content": ""}),
        chunk({"content": "It is "}),
        chunk({"content": "so."}, finish="stop"),
        chunk(usage={"prompt_tokens": 5, "completion_tokens": 2}),
        b"data: [DONE]",
    ),
    "tool": (
        chunk({"tool_calls": [CALL]}),
        chunk({"tool_calls": [{"index": 0, "function": {"arguments": ": 1}"}}]}),
        chunk({}, finish="tool_calls"),
        b"data: [DONE]",
    ),
    "broken": (chunk({"content": "It"}), b'data: {"error": {"message": "the GPU caught fire"}}'),
    "short": (chunk({"content": "It"}),),
}


class Upstream(BaseHTTPRequestHandler):
    """By the model that is asked for; its trailers only to who takes them."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        assert body["stream_options"] == {"include_usage": True}
        self.send_response(200)
        self.send_header("content-type", "text/event-stream; charset=utf-8")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        for each in STREAMS[body["model"]]:
            data = each + b"\r\n\r\n"
            self.wfile.write(b"%x\r\n%b\r\n" % (len(data), data))
        said = b"X-GenAIOps-Cost: 0.000004\r\nx-genaiops-energy: 30;low=10;high=60\r\n"
        self.wfile.write(b"0\r\n%b\r\n" % (said if self.headers["te"] == "trailers" else b""))

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Quiet."""


@pytest.fixture(scope="module")
def gateway() -> Iterator[Endpoint]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Upstream) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield Endpoint(url=f"http://127.0.0.1:{server.server_port}")
        server.shutdown()


async def asked(gateway: Endpoint, model: str) -> Answer:
    post = HttpPost()
    target = SuiteTarget(name="t", model=model, parameters={"stream": True})
    answer = await asker(target, post=post, gateway=gateway, timeout=10)(Case(id="a", input="?"), 0)
    await post.aclose()
    return answer


async def test_a_stream_is_one_answer_with_its_cost_and_energy(gateway: Endpoint) -> None:
    said = await asked(gateway, "words")
    assert (said.state, said.output, said.finish_reason, said.model) == ("answered", "It is so.", "stop", "m-1")
    assert (said.input_tokens, said.output_tokens, said.cost_nano) == (5, 2, 4000)
    assert (said.energy_nwh, said.energy_low_nwh, said.energy_high_nwh) == (30, 10, 60)
    tool = await asked(gateway, "tool")
    assert tool.tool_calls == (ToolCall(name="look", arguments={"at": 1}),)


@pytest.mark.parametrize(("model", "why"), [("broken", "the GPU caught fire"), ("short", "ended before")])
async def test_what_breaks_off_is_no_answer(gateway: Endpoint, model: str, why: str) -> None:
    said = await asked(gateway, model)
    assert (said.state, said.output) == ("error", "")
    assert why in said.error
