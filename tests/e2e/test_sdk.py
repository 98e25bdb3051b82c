"""The SDK in an application, against a running installation: one trace of its steps and of what the gateway did."""

import asyncio
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import genaiops
from benchmarks.gateway.peers import python_environment
from genaiops.sdk import _runtime as runtime_module
from tests.app.running import Installation, environment, until


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    with Installation(tmp_path_factory.mktemp("sdk"), "--no-embedded") as installation:
        installation.start().add_echo("echo", text="Oslo is sunny.")
        yield installation


@pytest.fixture
def client(running: Installation, monkeypatch: pytest.MonkeyPatch) -> Iterator[genaiops.Client]:
    runtime = runtime_module._Runtime()
    runtime.exits = True
    monkeypatch.setattr(runtime_module, "_runtime", runtime)
    genaiops.configure(url=running.url, api_key=running.key, service="weather")
    yield genaiops.Client(running.url, running.key)
    if runtime.exporter is not None:
        runtime.exporter.close()


def the_trace(client: genaiops.Client, trace_id: str, spans: int) -> dict[str, Any]:
    def whole() -> dict[str, Any] | None:
        found = [row for row in client.pages("/api/traces", most=50) if row["trace_id"] == trace_id]
        trace: dict[str, Any] = client.get(f"/api/traces/{trace_id}") if found else {}
        return trace if len(trace.get("spans", ())) >= spans else None

    return until(whole, f"{spans} spans of the trace")


def test_an_agent_its_tool_and_its_model_are_one_trace(client: genaiops.Client) -> None:
    @genaiops.trace("weather", kind="tool")
    def weather(city: str) -> dict[str, str]:
        return {"city": city, "sky": "clear"}

    with genaiops.openai_client() as openai:

        @genaiops.trace("assistant", kind="agent")
        def assistant(question: str) -> str:
            sky = weather("Oslo")["sky"]
            messages: Any = [{"role": "user", "content": f"{question} {sky}"}]
            answer = openai.chat.completions.create(model="echo", messages=messages)
            genaiops.score("helpful", True, source="user", comment="thumbs up", identifier="thumbs-1")
            return answer.choices[0].message.content or ""

        with genaiops.trace("request", kind="workflow", session="c-42", user="ada") as request:
            assert assistant("How is Oslo?") == "Oslo is sunny."
    assert genaiops.flush(30)
    trace = the_trace(client, request.trace_id, 5)
    spans = {span["name"]: span for span in trace["spans"]}
    by_id = {span["span_id"]: span for span in trace["spans"]}
    agent = spans["invoke_agent assistant"]
    kinds = {span["kind"] for span in trace["spans"]}
    assert {"workflow", "agent", "tool", "gateway", "llm"} <= kinds
    assert by_id[agent["parent_id"]]["kind"] == "workflow"
    assert spans["execute_tool weather"]["parent_id"] == agent["span_id"]
    (gateway,) = [span for span in trace["spans"] if span["kind"] == "gateway"]
    assert gateway["parent_id"] == agent["span_id"]
    assert (trace["session_id"], trace["user"]["id"]) == ("c-42", "ada")
    assert trace["usage"]["input_tokens"] > 0
    until(lambda: client.get(f"/api/traces/{request.trace_id}")["scores"], "the score")
    (score,) = client.get(f"/api/traces/{request.trace_id}")["scores"]
    assert (score["name"], score["value"], score["source"]) == ("helpful", 1.0, "user")


def test_asynchronous_clients_and_failures(client: genaiops.Client) -> None:
    @genaiops.trace("look up", kind="retrieval")
    async def look_up(question: str) -> list[str]:
        raise LookupError("the index is away")

    async def work() -> str:
        async with genaiops.async_openai_client() as openai, genaiops.trace("answer", kind="workflow") as span:
            with pytest.raises(LookupError):
                await look_up("What?")
            messages: Any = [{"role": "user", "content": "What?"}]
            stream = await openai.chat.completions.create(model="echo", messages=messages, stream=True)
            assert [chunk async for chunk in stream]
            return span.trace_id

    trace_id = asyncio.run(work())
    assert genaiops.flush(30)
    trace = the_trace(client, trace_id, 4)
    (failed,) = [span for span in trace["spans"] if span["kind"] == "retrieval"]
    assert (failed["status"], failed["error"]["type"]) == ("error", "LookupError")


async def test_the_asynchronous_client(client: genaiops.Client) -> None:
    async with genaiops.AsyncClient(client.url, client.address.key) as found:
        me = await found.get("/api/me")
        assert me["actor"]["roles"] == ["admin"]
        assert len([key async for key in found.pages("/api/keys")]) == 1


@pytest.mark.slow
def test_in_a_notebook(running: Installation, tmp_path: Path) -> None:
    """In an environment of its own: a kernel brings much, and the SDK needs none of it."""
    wanted = ("nbclient==0.11.0", "nbformat==5.11.1", "ipykernel==7.4.0", "openai==3.54.0", "msgspec==0.22.0")
    python = python_environment("notebook", *wanted, "pytest==9.2.0")
    root = Path(__file__).parents[2]
    variables = {
        "GENAIOPS_URL": running.url,
        "GENAIOPS_API_KEY": running.key,
        "GENAIOPS_CACHE": str(tmp_path),
        "PYTHONPATH": str(root / "src"),
    }
    alone = [
        "-c",
        os.devnull,
        "--rootdir",
        str(tmp_path),
        "--noconftest",
        "-p",
        "no:cacheprovider",
        "-q",
        "-W",
        "ignore",
    ]
    script = root / "tests" / "e2e" / "others" / "notebook.py"
    command = [str(python), "-m", "pytest", *alone, str(script)]
    done = subprocess.run(command, env=environment(variables), capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]


def test_the_examples_of_the_documentation(running: Installation, client: genaiops.Client) -> None:
    page = (Path(__file__).parents[2] / "docs" / "sdk.md").read_text(encoding="utf-8")
    examples = [each for each in re.findall(r"```python\n(.*?)```", page, re.DOTALL) if "run_suite" not in each]
    assert len(examples) == 3  # and the cell of a notebook, which tests/cli/test_notebook.py runs
    running.add_echo("smollm2", text="Mild.")
    variables = {"GENAIOPS_URL": running.url, "GENAIOPS_API_KEY": running.key, "PATH": os.environ["PATH"]}
    said: list[str] = []
    for example in examples:
        command = [sys.executable, "-c", example]
        done = subprocess.run(command, env=variables, capture_output=True, text=True, timeout=120, check=False)
        assert (done.returncode, done.stderr) == (0, "")
        said.append(done.stdout)
    trace = the_trace(client, said[0].strip(), 5)
    assert trace["session_id"] == "c-42"
    assert "ok" in said[2]


def test_prompts_are_those_of_the_hub(client: genaiops.Client, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GENAIOPS_CACHE", str(tmp_path))
    tone = {"messages": [{"role": "system", "content": "calmly"}]}
    answer = {
        "messages": [{"role": "user", "content": "Answer {{> sdk/tone@current}}: {{question}}"}],
        "variables": {"question": {"type": "string"}},
        "parameters": {"temperature": 0},
        "model": "echo",
    }
    for name, manifest in (("sdk/tone", tone), ("sdk/answer", answer)):
        client.post("/api/artifacts", {"kind": "prompt", "name": name, "manifest": manifest, "alias": "current"})
    found = genaiops.prompt("sdk/answer@current")
    asked = {"prompt": "sdk/answer@current", "variables": {"question": "{{why}}?"}}
    assert found.source == "server"
    assert found.render(question="{{why}}?") == client.post("/api/prompts/render", asked)["messages"]
    with genaiops.openai_client() as openai, genaiops.trace("answer", kind="workflow") as span:
        reply = openai.chat.completions.create(**found.arguments(question="Why?"))
        assert reply.choices[0].message.content == "Oslo is sunny."
    assert span.attributes["gen_ai.prompt.version"] == found.version
