"""The official client against a running installation, as a user has it: real models, streams, tools, errors."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.app.running import Installation, request, until

if TYPE_CHECKING:
    import openai
    from openai.types.chat import ChatCompletionMessageParam


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, models_dir: Path) -> Iterator[Installation]:
    home = tmp_path_factory.mktemp("embedded")
    shutil.copytree(models_dir.resolve(), home / "models", copy_function=os.symlink)
    with Installation(home) as installation:
        installation.start().add_echo()
        installation.add_echo("caller", tool="look_up", text='{"city": "Oslo"}')
        until(lambda: request(f"{installation.url}/readyz").status == 200, "the embedded models")
        yield installation


@pytest.fixture
def client(running: Installation) -> "Iterator[openai.OpenAI]":
    import openai

    with openai.OpenAI(base_url=f"{running.url}/v1", api_key=running.key, max_retries=0) as made:
        yield made


pytestmark = [pytest.mark.needs_weights("smollm2"), pytest.mark.needs_weights("minilm")]

QUESTION: "list[ChatCompletionMessageParam]" = [{"role": "user", "content": "Say hello."}]


def test_the_embedded_model_answers(client: "openai.OpenAI") -> None:
    answer = client.chat.completions.create(model="smollm2", messages=QUESTION, max_tokens=12)
    assert answer.choices[0].message.content
    assert answer.usage is not None
    assert 0 < answer.usage.completion_tokens <= 12


def test_it_streams_and_usage_comes_only_when_asked_for(client: "openai.OpenAI") -> None:
    plain = list(client.chat.completions.create(model="smollm2", messages=QUESTION, max_tokens=8, stream=True))
    assert "".join(chunk.choices[0].delta.content or "" for chunk in plain if chunk.choices)
    assert all(chunk.usage is None for chunk in plain)
    asked = list(
        client.chat.completions.create(
            model="smollm2", messages=QUESTION, max_tokens=8, stream=True, stream_options={"include_usage": True}
        )
    )
    assert asked[-1].usage is not None


def test_embeddings_of_minilm(client: "openai.OpenAI") -> None:
    answer = client.embeddings.create(model="minilm", input=["a cat", "a kitten", "an invoice"])
    one, two, three = (item.embedding for item in answer.data)

    def cosine(left: list[float], right: list[float]) -> float:
        return sum(a * b for a, b in zip(left, right, strict=True))

    assert len(one) == 384
    assert cosine(one, two) > cosine(one, three)


def test_completions(client: "openai.OpenAI") -> None:
    assert client.completions.create(model="smollm2", prompt="Once upon a", max_tokens=6).choices[0].text


def test_tools_pass_through(client: "openai.OpenAI") -> None:
    answer = client.chat.completions.create(model="caller", messages=QUESTION)
    calls = answer.choices[0].message.tool_calls
    assert calls is not None
    assert calls[0].type == "function"
    assert calls[0].function.arguments == '{"city": "Oslo"}'


def test_models_are_listed(client: "openai.OpenAI") -> None:
    assert {"smollm2", "minilm", "echo"} <= {model.id for model in client.models.list()}


def test_errors_are_the_clients_own(client: "openai.OpenAI", running: Installation) -> None:
    import openai

    with pytest.raises(openai.NotFoundError, match="smollm2"):
        client.chat.completions.create(model="smollm", messages=QUESTION)
    with (
        openai.OpenAI(base_url=f"{running.url}/v1", api_key="nonsense", max_retries=0) as stranger,
        pytest.raises(openai.AuthenticationError),
    ):
        stranger.models.list()
    with pytest.raises(openai.APIStatusError) as raised:
        client.responses.retrieve("resp_1")
    assert raised.value.status_code == 501


def test_responses(client: "openai.OpenAI") -> None:
    answer = client.responses.create(model="smollm2", input="Say hello.", max_output_tokens=8)
    assert answer.output_text
    assert answer.usage is not None
    assert 0 < answer.usage.output_tokens <= 8


def test_a_prompt_by_its_name_in_any_dialect(client: "openai.OpenAI", running: Installation) -> None:
    """The embedded model is called through a prompt by the official clients; its version stands on the span."""
    import anthropic

    manifest = {
        "messages": [{"role": "system", "content": "You speak for {{company}}."}],
        "variables": {"company": "string"},
        "parameters": {"temperature": 0},
        "model": "smollm2",
    }
    body = {"kind": "prompt", "name": "talk", "manifest": manifest}
    made = request(f"{running.url}/api/artifacts", key=running.key, body={**body, "alias": "current"})
    assert made.status == 201, made.body
    named = {"genaiops": {"prompt": "talk@current", "variables": {"company": "Acme"}, "session": "dialects"}}
    responses = client.responses.create(model="", input="Say hello.", max_output_tokens=6, extra_body=named)
    assert responses.output_text
    assert responses.instructions == "You speak for Acme."
    asked: Any = {"model": "", "max_tokens": 6, "messages": QUESTION, "extra_body": named}
    with anthropic.Anthropic(base_url=running.url, api_key=running.key, max_retries=0) as other:
        (block,) = other.messages.create(**asked).content
        assert block.type == "text"
        assert block.text
        with other.messages.stream(**asked) as stream:
            assert "".join(stream.text_stream) == block.text

    def traces() -> list[dict[str, Any]] | None:
        rows = request(f"{running.url}/api/traces?session_id=dialects", key=running.key).body["data"]
        return rows if len(rows) == 3 else None

    for row in until(traces, "three traces"):
        trace = request(f"{running.url}/api/traces/{row['trace_id']}", key=running.key).body
        assert made.body["digest"] in json.dumps(trace), trace


def test_every_call_is_a_trace_with_its_usage(running: Installation) -> None:
    answer = running.ask("smollm2", "Say hello.", max_tokens=5)
    trace_id = answer.headers["traceparent"].split("-")[1]
    url = f"{running.url}/api/traces/{trace_id}"
    trace = until(lambda: found if (found := request(url, key=running.key)).status == 200 else None, "the trace").body
    usage = answer.body["usage"]
    assert trace["usage"]["input_tokens"] == usage["prompt_tokens"]
    assert trace["usage"]["output_tokens"] == usage["completion_tokens"]
    assert [span["kind"] for span in trace["spans"]] == ["gateway", "llm"]


def test_a_traceparent_is_taken_up(running: Installation) -> None:
    trace_id = "0af7651916cd43dd8448eb211c80319c"
    headers = {"traceparent": f"00-{trace_id}-b7ad6b7169203331-01", "authorization": f"Bearer {running.key}"}
    body = {"model": "echo", "messages": QUESTION}
    answer = httpx.post(f"{running.url}/v1/chat/completions", json=body, headers=headers)
    assert answer.headers["traceparent"].split("-")[1] == trace_id


def test_the_examples_of_the_documentation_run(running: Installation) -> None:
    page = (Path(__file__).resolve().parents[2] / "docs/gateway.md").read_text()
    examples = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    assert examples
    variables = {"GENAIOPS_URL": running.url, "GENAIOPS_API_KEY": running.key}
    for example in examples:
        done = subprocess.run([sys.executable, "-c", example], env={**os.environ, **variables}, check=True, timeout=60)
        assert done.returncode == 0


def test_a_budget_in_energy_is_charged_what_the_trace_says(running: Installation) -> None:
    def api(path: str, body: object = None) -> dict[str, Any]:
        answer = request(f"{running.url}/api/{path}", key=running.key, body=body)
        assert answer.status in (200, 201), answer.body
        return answer.body

    key = api("keys", {"name": "metered"})
    budget = api("budgets", {"scope": {"kind": "key", "id": key["id"]}, "limit": "5 kWh"})
    chat = {"messages": QUESTION, "max_tokens": 8}
    body = request(f"{running.url}/v1/chat/completions", key=key["secret"], body={"model": "smollm2", **chat})
    refused = request(f"{running.url}/v1/chat/completions", key=key["secret"], body={"model": "echo", **chat})
    assert (body.status, refused.status, refused.body["error"]["code"]) == (200, 403, "energy_unknown")

    def traced() -> float | None:
        (row,) = api(f"usage?key_id={key['id']}")["data"] or [None]
        return row["energy"]["kwh"]["central"] if row is not None and row["energy"]["known"] else None

    kwh = until(traced, "the trace")
    settled = api(f"budgets/{budget['id']}")["settled"]
    assert float(settled) == pytest.approx(1000 * kwh, abs=1.1e-9)
    assert 0 < float(settled) < 1
