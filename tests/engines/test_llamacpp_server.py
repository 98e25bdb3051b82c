import asyncio
import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Any

import httpx
import pytest

from genaiops.app.model_server._address import bind, describe
from genaiops.app.model_server._admission import Admission, Busy
from genaiops.app.model_server._generation import translate_error
from genaiops.core.errors import ConfigError, Unavailable
from genaiops.engines.llamacpp import LlamaOptions, LlamaServer
from tests.engines.model_process import KEY, VARIABLE, ModelProcess, command, running

needs_smollm2 = pytest.mark.needs_weights("smollm2")
ASK: list[Any] = [{"role": "user", "content": "Write one sentence about the sea."}]


@pytest.fixture(scope="module")
def server(models_dir: Path) -> Iterator[ModelProcess]:
    with running("smollm2", models_dir.parent, "--context", "512") as process:
        yield process


@pytest.fixture
def client(server: ModelProcess) -> Iterator[httpx.Client]:
    headers = {"authorization": f"Bearer {KEY}"}
    with httpx.Client(base_url=server.url, headers=headers, timeout=60, trust_env=False) as client:
        yield client


def events(body: str) -> list[Any]:
    """The decoded data of a stream, which must end with [DONE]."""
    data = [line.removeprefix("data: ") for line in body.splitlines() if line.startswith("data: ")]
    assert data.pop() == "[DONE]"
    return [json.loads(item) for item in data]


@needs_smollm2
def test_the_official_client_gets_a_real_answer_and_the_same_in_a_stream(server: ModelProcess) -> None:
    import openai

    with openai.OpenAI(base_url=f"{server.url}/v1", api_key=KEY, max_retries=0) as client:
        whole = client.chat.completions.create(model="smollm2", messages=ASK, max_tokens=24, temperature=0)
        stream = client.chat.completions.create(
            model="smollm2",
            messages=ASK,
            max_tokens=24,
            temperature=0,
            stream=True,
            stream_options={"include_usage": True},
        )
        chunks = list(stream)
    text = whole.choices[0].message.content
    assert text is not None
    assert "sea" in text.lower()
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices) == text
    assert whole.usage is not None
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.completion_tokens == whole.usage.completion_tokens
    assert chunks[-1].usage.prompt_tokens == whole.usage.prompt_tokens
    assert 0 < whole.usage.completion_tokens <= 24
    assert len([chunk for chunk in chunks if chunk.choices and chunk.choices[0].delta.content]) > 5


@needs_smollm2
def test_a_stream_has_usage_only_when_asked(client: httpx.Client) -> None:
    body = {"messages": ASK, "max_tokens": 2, "stream": True}
    without = client.post("/v1/chat/completions", json=body)
    assert without.headers["content-type"].startswith("text/event-stream")
    assert all("usage" not in event for event in events(without.text))
    asked = client.post("/v1/chat/completions", json=body | {"stream_options": {"include_usage": True}})
    last = events(asked.text)[-1]
    assert last["choices"] == []
    assert last["usage"]["completion_tokens"] == 2


@needs_smollm2
def test_completions_take_one_prompt_as_text_or_tokens(client: httpx.Client) -> None:
    for prompt in ("Once upon a time", ["Once upon a time"], [6403, 3980, 253, 655]):
        answer = client.post("/v1/completions", json={"prompt": prompt, "max_tokens": 4, "temperature": 0})
        assert answer.status_code == 200, answer.text
        assert answer.json()["usage"]["completion_tokens"] == 4
        assert answer.json()["choices"][0]["text"]
    two = client.post("/v1/completions", json={"prompt": ["a", "b"], "max_tokens": 2})
    assert (two.status_code, two.json()["error"]["param"]) == (400, "prompt")


@needs_smollm2
def test_a_json_schema_is_kept_to(client: httpx.Client) -> None:
    schema = {
        "type": "object",
        "properties": {"colour": {"enum": ["red", "green"]}, "n": {"type": "integer", "minimum": 1, "maximum": 9}},
        "required": ["colour", "n"],
        "additionalProperties": False,
    }
    answer = client.post(
        "/v1/chat/completions",
        json={
            "messages": [{"role": "user", "content": [{"type": "text", "text": "Name a colour and a number."}]}],
            "max_tokens": 60,
            "temperature": 0,
            "response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}},
        },
    ).json()
    said = json.loads(answer["choices"][0]["message"]["content"])
    assert said["colour"] in {"red", "green"}
    assert 1 <= said["n"] <= 9


@needs_smollm2
@pytest.mark.parametrize(
    ("change", "param", "word"),
    [
        ({"messages": None}, "messages", "Expected"),
        ({"messages": []}, "messages", "length >= 1"),
        ({"messages": [{"role": "user"}]}, "messages[0].content", "missing"),
        ({"messages": [{"role": "robot", "content": "a"}]}, "messages[0].role", "robot"),
        ({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}, "messages[0].content", "image_url"),
        ({"max_tokens": 0}, "max_tokens", ">= 1"),
        ({"max_tokens": "many"}, "max_tokens", "Expected"),
        ({"max_tokens": 3, "max_completion_tokens": 4}, "max_tokens", "two different caps"),
        ({"n_predict": 10_000}, "n_predict", "does not know"),
        ({"n": 2}, "n", "Invalid"),
        ({"temperature": "hot"}, "temperature", "number"),
        ({"tools": [{"type": "function", "function": {"name": "f"}}]}, "tools", "template"),
        ({"stream": "yes"}, "stream", "bool"),
    ],
)
def test_bad_input_is_answered_in_openais_form(
    client: httpx.Client, change: dict[str, Any], param: str, word: str
) -> None:
    answer = client.post("/v1/chat/completions", json={"messages": ASK, "max_tokens": 1} | change)
    assert answer.status_code == 400, answer.text
    error = answer.json()["error"]
    assert (error["type"], error["param"]) == ("invalid_request_error", param)
    assert word in error["message"]


@needs_smollm2
def test_a_prompt_beyond_the_context_says_how_long_both_are(client: httpx.Client) -> None:
    for stream in (False, True):
        body = {"messages": [{"role": "user", "content": "word " * 600}], "max_tokens": 1, "stream": stream}
        answer = client.post("/v1/chat/completions", json=body)
        assert answer.status_code == 400
        error = answer.json()["error"]
        assert error["code"] == "context_length_exceeded"
        assert "512 tokens; the prompt has 6" in error["message"]


@needs_smollm2
def test_nulls_and_what_openais_clients_send_along_are_taken(client: httpx.Client) -> None:
    body = {"messages": ASK, "max_tokens": 1, "model": "smollm2", "user": "u", "store": False, "metadata": {"a": "b"}}
    nulls = dict.fromkeys(("temperature", "top_p", "stop", "seed", "n", "stream", "max_completion_tokens", "tools"))
    assert client.post("/v1/chat/completions", json=body | nulls).status_code == 200
    assert client.post("/v1/chat/completions", json=body | {"model": "gpt-4o"}).status_code == 404


@needs_smollm2
@pytest.mark.parametrize("stream", [True, False])
def test_a_client_that_leaves_stops_the_generation(client: httpx.Client, server: ModelProcess, stream: bool) -> None:
    endless = {"messages": ASK, "max_tokens": 450, "ignore_eos": True, "stream": stream}
    body = json.dumps(endless).encode()
    host, port = server.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as leaving:
        leaving.sendall(
            b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
            b"authorization: Bearer %b\r\ncontent-length: %d\r\n\r\n%b" % (KEY.encode(), len(body), body)
        )
        if stream:
            assert b"200 OK" in leaving.recv(65536)
        else:
            while client.post("/v1/embeddings").status_code != 404:
                pass  # a round trip, so that the request before it has been read
    before = Path(f"/proc/{server.process.pid}/stat").read_text().split()[13:15]
    answer = client.post("/v1/chat/completions", json={"messages": ASK, "max_tokens": 1})
    after = Path(f"/proc/{server.process.pid}/stat").read_text().split()[13:15]
    assert answer.status_code == 200
    ticks = sum(map(int, after)) - sum(map(int, before))
    # 450 tokens cost five seconds of processor time; had they been generated first, they would stand here.
    assert ticks / os.sysconf("SC_CLK_TCK") < 3


@needs_smollm2
def test_a_full_queue_refuses_and_sigterm_lets_the_running_finish(models_dir: Path) -> None:
    with (
        running("smollm2", models_dir.parent, "--context", "512", "--waiting", "1") as process,
        httpx.Client(headers={"authorization": f"Bearer {KEY}"}, timeout=60, trust_env=False) as client,
        ThreadPoolExecutor(4) as threads,
    ):
        body = {"messages": ASK, "max_tokens": 40, "ignore_eos": True}
        url = f"{process.url}/v1/chat/completions"
        calls = [threads.submit(client.post, url, json=body) for _ in range(4)]
        arriving = as_completed(calls)
        for refused in (next(arriving).result(), next(arriving).result()):
            assert (refused.status_code, refused.json()["error"]["code"]) == (503, "model_busy")
            assert int(refused.headers["retry-after"]) >= 1
        process.process.send_signal(signal.SIGTERM)
        for answer in (next(arriving).result(), next(arriving).result()):
            assert answer.status_code == 200
            assert answer.json()["usage"]["completion_tokens"] == 40
        assert process.process.wait() == 0


@needs_smollm2
def test_it_dies_with_its_supervisor(models_dir: Path) -> None:
    program = (
        "import os, subprocess, sys\n"
        "os.environ['GENAIOPS_SUPERVISOR_PID'] = str(os.getpid())\n"
        "child = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)\n"
        "child.stderr.readline()\n"  # it serves
        "print(child.pid, flush=True)\n"
        "child.wait()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, *command("smollm2", models_dir.parent)],
        stdout=subprocess.PIPE,
        env=os.environ | {VARIABLE: KEY},
    ) as supervisor:
        assert supervisor.stdout is not None
        child = int(supervisor.stdout.readline())
        os.kill(child, 0)
        watched = os.pidfd_open(child)
        supervisor.kill()
    try:
        assert select.select([watched], [], [], 30)[0] == [watched]
    finally:
        os.close(watched)


@needs_smollm2
def test_memory_is_bounded_by_the_weights_and_the_context(server: ModelProcess, client: httpx.Client) -> None:
    body = {"messages": [{"role": "user", "content": "word " * 200}], "max_tokens": 2}
    assert client.post("/v1/chat/completions", json=body).status_code == 200
    assert server.status("VmHWM") < 300_000  # measured: 220 MB, half of it the weights and the library


@pytest.mark.parametrize(
    ("arguments", "variables", "word"),
    [
        (command("smollm2", Path("/nowhere")), {}, "without a key"),
        (command("smollm2", Path("/nowhere")), {VARIABLE: KEY}, "genaiops model pull smollm2"),
    ],
)
def test_a_start_that_cannot_be_says_why(arguments: list[str], variables: dict[str, str], word: str) -> None:
    done = subprocess.run(arguments, capture_output=True, text=True, env=os.environ | variables, check=False)
    assert done.returncode == 2
    assert word in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.startswith("error: ")


def test_a_file_that_is_no_model_is_refused(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "model.gguf").write_bytes(b"not a model")
    with pytest.raises(Unavailable, match="could not load"):
        LlamaServer(LlamaOptions(model=tmp_path / "model.gguf", alias="x"))


@pytest.mark.parametrize(
    "listen", ["0.0.0.0:0", "192.168.1.1:80", "example.com:80", ":0", "[::]:0", "127.0.0.1:x", "fd:x"]
)
def test_nothing_but_loopback_is_listened_on(listen: str) -> None:
    with pytest.raises(ConfigError):
        bind(listen)


def test_addresses_that_are_listened_on(tmp_path: Path) -> None:
    path = tmp_path / "model.sock"
    with contextlib.closing(bind(str(path))):
        assert path.stat().st_mode & 0o777 == 0o600
    with contextlib.closing(bind(str(path))) as again:  # a killed server leaves its socket behind
        assert describe(again) == str(path)
    with contextlib.closing(bind("127.0.0.1:0")) as bound:
        assert describe(bound) == f"127.0.0.1:{bound.getsockname()[1]}"
        with contextlib.closing(bind(f"fd:{os.dup(bound.fileno())}")) as inherited:
            assert inherited.getsockname() == bound.getsockname()


async def test_turns_come_in_order_and_the_one_too_many_is_refused() -> None:
    admission = Admission("m", waiting=2)
    release = asyncio.Event()
    order: list[int] = []

    async def work(number: int) -> None:
        async with admission.turn():
            order.append(number)
            await release.wait()

    tasks = [asyncio.create_task(work(number)) for number in range(3)]
    await asyncio.sleep(0)
    with pytest.raises(Busy) as refused:
        await work(3)
    assert 1 <= refused.value.retry_after <= 60
    tasks[1].cancel()  # a client that left gives its place away
    await asyncio.wait([tasks[1]])
    tasks.append(asyncio.create_task(work(4)))
    await asyncio.sleep(0)
    release.set()
    await asyncio.gather(tasks[0], tasks[2], tasks[3])
    assert order == [0, 2, 4]


def test_an_error_without_a_reason_is_still_an_answer() -> None:
    status, body = translate_error(500, b"<html>")
    assert status == 502
    assert json.loads(body)["error"]["code"] == "model_failed"
