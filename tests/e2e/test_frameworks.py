"""The examples of docs/tracing.md that need frameworks: each calls the gateway, or elsewhere, and sends us its spans.

Frameworks want other versions than ours, so they live in an environment of their own."""

import json
import os
import re
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from benchmarks.gateway.peers import python_environment
from genaiops.domain import Target
from genaiops.hub import NewPrice
from tests.app.running import Installation, environment, request, until
from tests.e2e.test_tracing import EXAMPLES

FRAMEWORKS = (
    "openai==2.54.0",
    "opentelemetry-sdk==1.45.2",
    "opentelemetry-exporter-otlp-proto-http==1.45.2",
    "opentelemetry-instrumentation-openai-v2==2.4b0",
    "opentelemetry-util-genai==0.4b0",
    "langchain==1.4.7",
    "langchain-openai==1.7.3",
    "openinference-instrumentation-langchain==0.1.80",
    "litellm==1.106.2",
    "llama-index-core==0.14.25",
    "llama-index-llms-openai-like==0.8.1",
    "openinference-instrumentation-llama-index==4.6.1",
)
SECONDS = 300.0
USAGE = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
TOOL = {"id": "call_1", "type": "function", "function": {"name": "order_status", "arguments": '{"number": "7"}'}}


class _Elsewhere(BaseHTTPRequestHandler):
    """A provider of OpenAI's chat: 10 tokens in, 5 out; it calls a tool that it has, once."""

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        calls = "tools" in asked and asked["messages"][-1]["role"] != "tool"
        message = {"role": "assistant", "content": None, "tool_calls": [TOOL]} if calls else None
        choice = {
            "index": 0,
            "message": message or {"role": "assistant", "content": "On its way."},
            "finish_reason": "tool_calls" if calls else "stop",
        }
        answer = {
            "id": f"chatcmpl-{os.urandom(6).hex()}",
            "object": "chat.completion",
            "created": 1,
            "model": asked["model"],
            "choices": [choice],
            "usage": USAGE,
        }
        body = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (named by its base)
        pass


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Elsewhere)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/v1"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, elsewhere: str) -> Iterator[Installation]:
    """Its model `echo` is the same provider, so that an example counts the same whichever way it goes."""
    with Installation(tmp_path_factory.mktemp("frameworks") / "home", "--no-embedded") as installation:
        installation.start()
        provider: dict[str, Any] = {"provider": "openai", "base_url": elsewhere, "created_us": 0}
        with installation.hub() as hub:
            hub.targets.create(Target(id="echo", model="echo", upstream_model="echo", **provider), by="admin")
            hub.prices.set(NewPrice(provider="openai", model="echo", input="1", output="2", source="test"), by="admin")
        until(lambda: installation.ask().status == 200, "the target and its price")
        until(lambda: sums(installation)["input_tokens"] >= 10, "its trace, after those of calls refused before")
        yield installation


def sums(installation: Installation) -> dict[str, Any]:
    rows = request(f"{installation.url}/api/usage?since=1h&step=all", key=installation.key).body["data"]
    return rows[0] if rows else {"calls": 0, "input_tokens": 0, "output_tokens": 0, "cost": "0"}


def figures(row: dict[str, Any]) -> tuple[int, int, int, float]:
    return row["calls"], row["input_tokens"], row["output_tokens"], round(float(row["cost"]) * 1e6)


CASES = {
    "openai_v2": ("instrumentation.openai_v2", 1, "answer a customer"),
    "langchain": ("langchain.agents", 2, "support"),
    "litellm": ("import litellm", 1, None),
    "llamaindex": ("llama_index.core", 1, None),
}
"""A word that is in the example alone, its calls, and the name of its trace."""


@pytest.mark.slow
@pytest.mark.parametrize("way", ["gateway", "elsewhere"])
@pytest.mark.parametrize("name", CASES)
def test_tokens_and_costs_are_right_and_once(
    running: Installation, elsewhere: str, name: str, way: str, tmp_path: Path
) -> None:
    """Calls of 10 tokens in and 5 out at 1 and 2 dollars a million, told by a framework alone, or the gateway too."""
    word, calls, title = CASES[name]
    (example,) = [one for one in EXAMPLES if word in one]
    script = tmp_path / "example.py"
    script.write_text(example)
    before = figures(sums(running))
    variables = {
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": f"{running.url}/v1/traces",
        "OTEL_EXPORTER_OTLP_TRACES_HEADERS": f"authorization=Bearer%20{running.key}",
        "OPENAI_BASE_URL": f"{running.url}/v1" if way == "gateway" else elsewhere,
        "OPENAI_API_KEY": running.key,
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",  # else it fetches its prices
        "LANGSMITH_TRACING": "false",
    }
    ran = subprocess.run(
        [str(python_environment("frameworks", *FRAMEWORKS)), str(script)],
        capture_output=True,
        text=True,
        env=environment(variables),
        check=False,
        timeout=SECONDS,
    )
    assert ran.returncode == 0, ran.stderr[-4000:]
    assert not re.search("Failed to export|Traceback", ran.stderr), ran.stderr[-4000:]

    wanted = (before[0] + calls, before[1] + 10 * calls, before[2] + 5 * calls, before[3] + 20 * calls)
    until(lambda: figures(sums(running)) >= wanted, f"{wanted}")
    told = until(lambda: _told(running, title), "the framework's trace")
    until(lambda: figures(sums(running)) == wanted, f"{wanted}, not {figures(sums(running))}")
    assert all(span["status"] == "ok" for span in told["spans"])
    texts = [turn["text"] for turn in told["messages"]]
    assert any("?" in text for text in texts), texts
    assert "On its way." in texts
    if name == "langchain":
        assert {span["kind"] for span in told["spans"]} >= {"llm", "tool", "workflow"}
        assert (told["session_id"], told["user"]["id"]) == ("visit 8", "ann")
        assert "Order 7 left the store on Monday." in json.dumps(told)


def _told(running: Installation, title: str | None) -> dict[str, Any] | None:
    """The newest trace that did not come from the gateway, and is of this example."""
    rows = request(f"{running.url}/api/traces?since=1h&limit=500", key=running.key).body["data"]
    mine = [row for row in rows if row["request_id"] is None and (title is None or row["name"] == title)]
    if not mine:
        return None
    return request(f"{running.url}/api/traces/{mine[0]['trace_id']}", key=running.key).body
