"""Embeddings of the Gemini API and Vertex AI."""

import base64
import json
import struct
from typing import TYPE_CHECKING, Any

import pytest
from google.oauth2.credentials import Credentials

from genaiops.core.errors import UpstreamError
from genaiops.domain import Usage
from genaiops.providers.google import Gemini, Vertex
from tests.providers.calls import (
    asked,
    call,
    embedded,
    noting,
    sent,
    target,
)
from tests.providers.google_fixtures import BASE
from tests.providers.test_google import camel

if TYPE_CHECKING:
    from google.genai import Client


def test_embeddings_are_asked_for_as_googles_own_client_asks() -> None:
    from google.genai import Client, types

    answer = {"embeddings": [{"values": [0.5, -1.0]}, {"values": [1.0, 0.25]}]}
    with noting(answer) as server:
        client = Client(api_key="secret", http_options=types.HttpOptions(base_url=server.url, api_version="v1beta"))
        config = types.EmbedContentConfig(output_dimensionality=2)
        client.models.embed_content(model="gemini-embedding-001", contents=["a", "b"], config=config)
        [(path, _, theirs)] = server.requests
    given = call({"input": ["a", "b"], "dimensions": 2, "encoding_format": "base64"}, operation="embeddings")
    wire = Gemini().prepare(given, target("google", "gemini-embedding-001", BASE), "secret")
    ours = json.loads(wire.body)
    for request in theirs["requests"]:
        request["content"].pop("role", None)
    assert ours == camel(theirs)
    assert path == "/v1beta" + wire.path.decode()
    said, read = embedded(Gemini(), given, answer)
    packed: Any = said.data[1].embedding
    assert struct.unpack("<2f", base64.b64decode(packed)) == (1.0, 0.25)
    assert read.usage is None
    plain, _ = embedded(Gemini(), call({"input": "a"}, operation="embeddings"), answer)
    assert [one.embedding for one in plain.data] == [[0.5, -1.0], [1.0, 0.25]]


def test_vertex_embeds_in_three_ways() -> None:
    base = "https://us-central1-aiplatform.googleapis.com/v1/projects/p/locations/l"
    older, newer = target("vertex", "text-embedding-005", base), target("vertex", "gemini-embedding-001", base)
    one = call({"input": "a", "dimensions": 8}, operation="embeddings")
    two = call({"input": ["a", "b"], "google": {"task_type": "RETRIEVAL_QUERY"}}, operation="embeddings")
    assert sent(Vertex(), two, older) == {
        "instances": [
            {"content": "a", "task_type": "RETRIEVAL_QUERY"},
            {"content": "b", "task_type": "RETRIEVAL_QUERY"},
        ],
        "parameters": {},
    }
    assert sent(Vertex(), one, newer) == {
        "content": {"parts": [{"text": "a"}]},
        "embedContentConfig": {"outputDimensionality": 8},
    }
    assert len(sent(Vertex(), two, newer)["requests"]) == 2
    assert Vertex().prepare(one, newer, "t").path.endswith(b":embedContent")
    assert Vertex().prepare(two, newer, "t").path.endswith(b":batchEmbedContents")
    assert Vertex().prepare(two, older, "t").path.endswith(b"publishers/google/models/text-embedding-005:predict")
    predicted = {
        "predictions": [{"embeddings": {"values": [1.0], "statistics": {"token_count": 3, "truncated": False}}}]
    }
    assert embedded(Vertex(), one, predicted)[1].usage == Usage(3)
    single = {"embedding": {"values": [1.0]}, "usageMetadata": {"promptTokenCount": 5}}
    assert embedded(Vertex(), one, single)[1].usage == Usage(5)
    with pytest.raises(UpstreamError):
        Vertex().read(one, b'{"predictions":[]}')


def vertex_client(url: str) -> "Client":
    from google.genai import Client, types

    options = types.HttpOptions(base_url=url, api_version="v1")
    return Client(
        vertexai=True, project="p", location="us-east1", credentials=Credentials(token="ya29.x"), http_options=options
    )


@pytest.mark.parametrize(
    ("model", "texts", "answer"),
    [
        ("gemini-embedding-2", ["a"], {"embedding": {"values": [0.5]}, "usageMetadata": {"promptTokenCount": 3}}),
        ("gemini-embedding-2", ["a", "b"], {"embeddings": [{"values": [0.5]}, {"values": [1.0]}]}),
        ("text-embedding-005", ["a", "b"], {"predictions": [{"embeddings": {"values": [0.5]}}] * 2}),
    ],
)
def test_vertex_is_asked_for_embeddings_as_googles_own_client_asks(
    model: str, texts: list[str], answer: dict[str, Any]
) -> None:
    from google.genai import types

    with noting(answer) as server:
        contents: Any = [types.Content(role="user", parts=[types.Part(text=text)]) for text in texts]
        config = types.EmbedContentConfig(output_dimensionality=8)
        client = vertex_client(server.url)  # a client without a name closes itself at once
        client.models.embed_content(model=model, contents=contents, config=config)
        [(path, headers, theirs)] = server.requests
    given = call({"input": texts, "dimensions": 8}, operation="embeddings")
    to = target("vertex", model, server.url + "/v1", settings={"project": "p", "location": "us-east1"})
    wire = Vertex().prepare(given, to, "ya29.x")
    theirs = camel(theirs)
    for one in (theirs, *theirs.get("requests", ())):
        one.get("content", {}).pop("role", None)
    assert json.loads(wire.body) == theirs
    assert path == "/v1" + wire.path.decode()
    assert headers["authorization"] == dict(wire.headers)[b"authorization"].decode()
    said, _ = embedded(Vertex(), given, answer)
    assert len(said.data) == len(texts)


def test_vertex_is_called_where_googles_own_client_calls_it() -> None:
    answer = {"candidates": [{"content": {"parts": [{"text": "x"}]}, "finishReason": "STOP"}]}
    with noting(answer) as server:
        client = vertex_client(server.url)
        client.models.generate_content(model="gemini-2.5-pro", contents="hi")
        [(path, _, theirs)] = server.requests
    to = target("vertex", "gemini-2.5-pro", server.url + "/v1", settings={"project": "p", "location": "us-east1"})
    wire = Vertex().prepare(asked(), to, "ya29.x")
    assert path == "/v1" + wire.path.decode()
    assert json.loads(wire.body) == theirs
