"""Rerank at Cohere, held against the types of Cohere's own client."""

import json
from typing import Any

import pytest

from genaiops.core.errors import UpstreamError, UsageError
from genaiops.domain import Usage
from genaiops.ports.providers import CallBody
from genaiops.providers.cohere import Cohere
from tests.providers.calls import target

RERANK = target("cohere", "rerank-v3.5", "https://api.cohere.com/v2", operations=("rerank",))


def ranking(**fields: Any) -> CallBody:
    body = {"model": "m", "query": "north", "documents": ["a", {"text": "b"}], **fields}
    return CallBody("rerank", json.dumps(body).encode(), "m", False, True, None, False)


def test_rerank() -> None:
    from cohere.v2.types import V2RerankResponse

    sample = {
        "id": "x",
        "results": [{"index": 1, "relevance_score": 0.9}, {"index": 0, "relevance_score": 0.1}],
        "meta": {"api_version": {"version": "2"}, "billed_units": {"search_units": 1}},
    }
    assert len(V2RerankResponse.model_validate(sample).results) == 2
    asked_for = ranking(top_n=2, return_documents=True)
    wire = Cohere().prepare(asked_for, RERANK, "k")
    assert wire.path == b"/rerank"
    assert json.loads(wire.body) == {"model": "rerank-v3.5", "query": "north", "documents": ["a", "b"], "top_n": 2}
    answer = Cohere().read(asked_for, json.dumps(sample).encode())
    assert answer.usage == Usage(searches=1)
    assert answer.body is not None
    assert [one["document"]["text"] for one in json.loads(answer.body)["results"]] == ["b", "a"]
    assert Cohere().read(ranking(), json.dumps(sample).encode()).body is None


def test_rerank_that_cannot_be() -> None:
    with pytest.raises(UsageError, match=r"documents\[0\]"):
        Cohere().prepare(ranking(documents=[{"title": "x"}]), RERANK, "k")
    beyond = {"results": [{"index": 7, "relevance_score": 0.9}]}
    with pytest.raises(UpstreamError, match="not sent"):
        Cohere().read(ranking(return_documents=True), json.dumps(beyond).encode())
