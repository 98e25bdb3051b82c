"""Cohere's embed as OpenAI's embeddings and back."""

import base64
import json
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genaiops.core.errors import UpstreamError, UsageError
from genaiops.dialects.cohere import answer_from_embeddings, embeddings_request
from genaiops.providers.cohere import Cohere
from genaiops.providers.google import Gemini
from genaiops.providers.mistral import Mistral
from tests.providers.calls import call, target

Json = dict[str, Any]
PLACE = target("any", "m", "https://models.test/v1")


def embed(**fields: Any) -> Json:
    return json.loads(embeddings_request(json.dumps({"model": "m", **fields}).encode(), strict=fields.pop("s", False)))


def test_embeddings_are_asked_for() -> None:
    said = embed(texts=["a", "b"], input_type="search_query", output_dimension=256, truncate="END", priority=1)
    assert said == {
        "model": "m",
        "input": ["a", "b"],
        "encoding_format": "float",
        "dimensions": 256,
        "input_type": "search_query",
    }
    assert embed(inputs=[{"content": [{"type": "text", "text": "a"}]}])["input"] == ["a"]
    raw = b'{"model":"m","texts":["a"],"input_type":"clustering"}'
    assert b"input_type" not in embeddings_request(raw, strict=True)


def test_a_question_is_embedded_as_one_wherever_that_counts() -> None:
    said = call(embed(texts=["a"], input_type="search_query"), operation="embeddings")
    asked_of = {one.name: json.loads(one.prepare(said, PLACE, None).body) for one in (Gemini(), Mistral(), Cohere())}
    assert asked_of["google"]["requests"][0]["taskType"] == "RETRIEVAL_QUERY"
    assert asked_of["cohere"]["input_type"] == "search_query"
    assert asked_of["mistral"] == {"model": "m", "input": ["a"], "encoding_format": "float"}


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({}, "texts"),
        ({"texts": [1]}, "texts.0"),
        ({"texts": ["a"], "inputs": [{"content": []}]}, "texts"),
        ({"images": ["data:"]}, "images"),
        ({"inputs": [{"content": [{"type": "image_url"}]}]}, "inputs.0.content.0.type"),
        ({"inputs": [{"content": []}]}, "inputs.0.content"),
        ({"texts": ["a"], "embedding_types": ["float", "int8"]}, "embedding_types.1"),
        ({"texts": ["a"], "truncate": "START"}, "truncate"),
        ({"texts": ["a"], "max_tokens": 5}, "max_tokens"),
        ({"texts": ["a"], "input_type": "image"}, "input_type"),
    ],
)
def test_what_embeddings_cannot_say_is_named(fields: Json, param: str) -> None:
    with pytest.raises(UsageError) as error:
        embed(**fields)
    assert error.value.param == param


@given(
    st.lists(st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=1), min_size=1, max_size=3)
)
def test_vectors_mean_the_same_in_every_encoding(vectors: list[list[float]]) -> None:
    packed = [base64.b64encode(struct.pack(f"<{len(one)}f", *one)).decode() for one in vectors]
    raw = json.dumps({"texts": ["x"] * len(vectors), "embedding_types": ["float", "base64"]}).encode()
    for given_as in (vectors, packed):
        data = [{"index": at, "embedding": one} for at, one in enumerate(given_as)]
        answer = {"data": data[::-1], "usage": {"prompt_tokens": 7}}
        found = json.loads(answer_from_embeddings(json.dumps(answer).encode(), raw))
        assert found["embeddings"] == {"float": vectors, "base64": packed}
        assert found["meta"]["billed_units"] == {"input_tokens": 7}


@pytest.mark.parametrize(
    "body",
    [b"{", b'{"data":[]}', b'{"error":"no"}', b'{"data":[{"embedding":"%"}]}', b'{"data":[{"embedding":["x"]}]}'],
)
def test_embeddings_that_are_none(body: bytes) -> None:
    with pytest.raises(UpstreamError):
        answer_from_embeddings(body, b'{"texts":["x"]}')
