"""The estimate of tokens against a real tokenizer."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genaiops.checks.tokens import Estimator

TEXTS = {
    "prose": "The committee will publish its findings on Thursday, after months of careful deliberation. Nobody "
    "expected that the recommendations would be unanimous; in fact, several members had "
    "threatened to resign in protest.",
    "code": "def fibonacci(n: int) -> int:\n    if n < 2:\n        return n\n"
    "    return fibonacci(n - 1) + fibonacci(n - 2)\n",
    "json": '{"order_id": 48213, "items": [{"sku": "AB-17", "qty": 3, "price": 12.50}], "status": "shipped"}',
    "german": "Die Geschwindigkeitsbegrenzung auf dieser Straße beträgt dreißig Kilometer in der Stunde.",
    "numbers": "In 2024 the company sold 1284503 units at 17.99 each, 12.5 % more than in 2023.",
}


def test_nothing_is_nothing_and_something_is_at_least_one() -> None:
    assert Estimator().estimate("") == 0
    assert Estimator().estimate(" ") == 1


@given(st.text(max_size=200), st.text(max_size=200))
def test_it_never_shrinks_much_when_text_is_added(first: str, second: str) -> None:
    estimator = Estimator()
    assert estimator.estimate(first + " " + second) >= max(estimator.estimate(first), estimator.estimate(second)) - 3


@given(st.text(max_size=400))
def test_it_is_never_more_than_the_bytes_of_the_text(text: str) -> None:
    assert Estimator().estimate(text) <= max(1, len(text.encode()))


@pytest.mark.needs_weights("smollm2")
@pytest.mark.parametrize("kind", TEXTS)
def test_it_is_within_a_third_of_a_byte_pair_tokenizer(kind: str, models_dir: Path) -> None:
    """SmolLM2's own count, from its vocabulary in the weights, through llama.cpp."""
    counted = len(tokenize(models_dir, TEXTS[kind]))
    assert Estimator().estimate(TEXTS[kind]) == pytest.approx(counted, rel=0.34)


def tokenize(models_dir: Path, text: str) -> list[int]:
    import http.client
    import json
    import socket

    from genaiops.engines.llamacpp import LlamaOptions, LlamaServer

    model = next((models_dir / "smollm2").glob("*/*.gguf"))
    server = LlamaServer(LlamaOptions(model=model, alias="smollm2"))
    try:
        connection = http.client.HTTPConnection("localhost")
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.connect(str(server.socket))
        headers = {"Authorization": f"Bearer {server.key}", "Content-Type": "application/json"}
        connection.request("POST", "/tokenize", json.dumps({"content": text}), headers)
        answer = json.loads(connection.getresponse().read())
        connection.close()
        return answer["tokens"]
    finally:
        server.close()
