"""Embeddings of Bedrock."""

import base64
import json
import struct
from typing import Any

import pytest

from genaiops.core.errors import UpstreamError, UsageError
from genaiops.domain import Usage
from genaiops.providers import load
from genaiops.providers.bedrock import Bedrock
from tests.providers.bedrock_calls import (
    call,
    target,
)


def embedded(model: str, **body: Any) -> Any:
    wire = Bedrock().prepare(call("embeddings", **body), target(model), None)
    assert wire.path.endswith(b"/invoke")
    return json.loads(wire.body)


TITAN = "amazon.titan-embed-text-v2:0"
COHERE = "cohere.embed-multilingual-v3"


def test_embedding_requests() -> None:
    assert embedded(TITAN, input=["a"], dimensions=256) == {"inputText": "a", "dimensions": 256}
    common = {"input_type": "search_document", "embedding_types": ["float"]}
    assert embedded(COHERE, input="a") == {"texts": ["a"], **common}
    assert embedded(COHERE, input=["a", "b"], input_type="clustering")["input_type"] == "clustering"
    assert embedded("us.cohere.embed-v4:0", input="a", dimensions=512)["output_dimension"] == 512


@pytest.mark.parametrize(
    ("model", "body"),
    [
        (TITAN, {"input": ["a", "b"]}),
        (TITAN, {"input": []}),
        (TITAN, {"input": [1, 2]}),
        (COHERE, {"input": ["a"] * 97}),
        (COHERE, {"input": "a", "surprise": 1}),
        ("amazon.nova-embed", {"input": "a"}),
    ],
)
def test_embeddings_that_cannot_be_made_are_refused(model: str, body: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        embedded(model, **body)


def test_embedding_answers() -> None:
    titan = json.dumps({"embedding": [0.5, -1], "inputTextTokenCount": 3, "embeddingsByType": {}}).encode()
    answer = Bedrock().read(call("embeddings", input="a"), titan)
    assert answer.usage == Usage(3)
    assert answer.body is not None
    found = json.loads(answer.body)
    assert found["data"] == [{"object": "embedding", "index": 0, "embedding": [0.5, -1.0]}]
    packed = Bedrock().read(call("embeddings", input="a", encoding_format="base64"), titan).body
    assert packed is not None
    assert struct.unpack("<2f", base64.b64decode(json.loads(packed)["data"][0]["embedding"])) == (0.5, -1.0)


@pytest.mark.parametrize("vectors", [[[1.0], [2.0]], {"float": [[1.0], [2.0]]}])
def test_coheres_answers(vectors: Any) -> None:
    answer = Bedrock().read(call("embeddings", input=["a", "b"]), json.dumps({"embeddings": vectors}).encode())
    assert answer.usage is None
    assert answer.body is not None
    assert [each["embedding"] for each in json.loads(answer.body)["data"]] == [[1.0], [2.0]]


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"embedding":"x"}'])
def test_an_answer_without_embeddings_is_an_upstream_error(body: bytes) -> None:
    with pytest.raises(UpstreamError):
        Bedrock().read(call("embeddings", input="a"), body)


def test_it_is_on_the_menu() -> None:
    assert isinstance(load("bedrock"), Bedrock)
