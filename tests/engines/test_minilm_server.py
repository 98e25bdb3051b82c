import base64
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

import httpx
import numpy as np
import pytest

from genaiops.engines.minilm import DIMENSIONS, Encoder
from genaiops.engines.weights import locate
from tests.engines.model_process import KEY, ModelProcess, running

pytestmark = pytest.mark.needs_weights("minilm")


@pytest.fixture(scope="module")
def server(models_dir: Path) -> Iterator[ModelProcess]:
    with running("minilm", models_dir.parent) as process:
        yield process


@pytest.fixture
def client(server: ModelProcess) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url, headers={"authorization": f"Bearer {KEY}"}, trust_env=False) as client:
        yield client


def test_the_official_client_gets_what_the_encoder_says(server: ModelProcess, models_dir: Path) -> None:
    import openai

    texts = ["How do I reset my password?", "東京の天気は晴れです"]
    expected = Encoder(locate("minilm", models_dir.parent).directory).encode(texts)
    with openai.OpenAI(base_url=f"{server.url}/v1", api_key=KEY, max_retries=0) as client:
        answer = client.embeddings.create(model="minilm", input=texts)  # base64 on the wire
        floats = client.embeddings.create(model="minilm", input=texts[0], encoding_format="float", dimensions=384)
    assert [item.index for item in answer.data] == [0, 1]
    assert np.allclose([item.embedding for item in answer.data], expected.vectors, atol=1e-6)
    assert np.allclose(floats.data[0].embedding, expected.vectors[0], atol=1e-6)
    assert answer.usage.prompt_tokens == answer.usage.total_tokens == sum(expected.tokens)


def test_base64_is_little_endian_float32(client: httpx.Client) -> None:
    both = [
        client.post("/v1/embeddings", json={"input": "hello", "encoding_format": form}).json()["data"][0]["embedding"]
        for form in ("base64", "float")
    ]
    decoded = np.frombuffer(base64.b64decode(both[0]), "<f4")
    assert decoded.shape == (DIMENSIONS,)
    assert np.array_equal(decoded, np.array(both[1], np.float32))


def test_what_was_too_long_is_named(client: httpx.Client) -> None:
    answer = client.post("/v1/embeddings", json={"input": ["short", "word " * 400]}).json()
    assert answer["genaiops"] == {"truncated_inputs": [1]}
    assert answer["usage"]["prompt_tokens"] == 3 + 256
    assert "genaiops" not in client.post("/v1/embeddings", json={"input": "short"}).json()


@pytest.mark.parametrize(
    ("body", "param", "word"),
    [
        (b'{"input": []}', "input", "0 texts"),
        (b'{"input": ""}', "input", "empty"),
        (b'{"input": ["a", null]}', "input", r"input[1]"),
        (b'{"input": [1, 2]}', "input", "tokens"),
        (b'{"input": [[1], [2]]}', "input", "tokens"),
        (b'{"input": 3}', "input", "Expected"),
        (b'{"model": "minilm"}', None, "input"),
        (b'{"input": "a", "dimensions": 100}', "dimensions", "384"),
        (b'{"input": "a", "encoding_format": "hex"}', "encoding_format", "hex"),
        (b'{"input": "a", "prompt": "b"}', "prompt", "does not know"),
        (b'{"input": "a"', None, "not valid"),
        (b"\xff", None, "not valid"),
        (b"", None, "not valid"),
    ],
)
def test_bad_input_is_answered_in_openais_form(client: httpx.Client, body: bytes, param: str | None, word: str) -> None:
    answer = client.post("/v1/embeddings", content=body)
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert error["type"] == "invalid_request_error"
    assert error["param"] == param
    assert word in error["message"]


def test_too_many_texts_and_too_long_a_body_are_refused(client: httpx.Client) -> None:
    many = client.post("/v1/embeddings", json={"input": ["a"] * 257})
    assert many.status_code == 400
    assert "257 texts" in many.json()["error"]["message"]
    large = client.post("/v1/embeddings", json={"input": "a" * (5 << 20)})
    assert large.status_code == 413
    assert large.json()["error"]["code"] == "request_too_large"


def test_another_model_another_path_another_method(client: httpx.Client) -> None:
    wrong = client.post("/v1/embeddings", json={"input": "a", "model": "text-embedding-3-small"})
    assert (wrong.status_code, wrong.json()["error"]["code"]) == (404, "model_not_found")
    assert client.get("/v1/chat/completions").status_code == 404
    assert client.get("/v1/embeddings").status_code == 405


def test_only_health_is_open(client: httpx.Client, server: ModelProcess) -> None:
    with httpx.Client(base_url=server.url, trust_env=False) as stranger:
        assert stranger.get("/health").json() == {"status": "ok"}
        for answer in (stranger.get("/v1/models"), stranger.post("/v1/embeddings", json={"input": "a"})):
            assert answer.status_code == 401
            assert answer.json()["error"]["code"] == "invalid_api_key"
    (model,) = client.get("/v1/models").json()["data"]
    assert (model["id"], model["object"], model["context_length"]) == ("minilm", "model", 256)
    assert client.get("/v1/models/minilm").json() == model


def test_the_key_is_not_in_the_arguments(server: ModelProcess) -> None:
    assert KEY.encode() not in Path(f"/proc/{server.process.pid}/cmdline").read_bytes()


def test_a_full_queue_refuses_at_once_and_sigterm_lets_the_running_finish(models_dir: Path) -> None:
    long = {"input": ["word " * 400] * 12}  # a second of work
    with (
        running("minilm", models_dir.parent, "--waiting", "0") as process,
        httpx.Client(headers={"authorization": f"Bearer {KEY}"}, timeout=60, trust_env=False) as client,
        ThreadPoolExecutor(3) as threads,
    ):
        calls = [threads.submit(client.post, f"{process.url}/v1/embeddings", json=long) for _ in range(3)]
        arriving = as_completed(calls)
        for refused in (next(arriving).result(), next(arriving).result()):
            assert (refused.status_code, refused.json()["error"]["code"]) == (503, "model_busy")
            assert int(refused.headers["retry-after"]) >= 1
        process.process.send_signal(signal.SIGTERM)
        answer = next(arriving).result()
        assert answer.status_code == 200
        assert len(answer.json()["data"]) == 12
        assert process.process.wait() == 0
