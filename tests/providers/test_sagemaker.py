"""SageMaker endpoints: OpenAI's bodies in AWS's envelope."""

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genaiops.core.errors import UpstreamError
from genaiops.domain import Operation, Target, Usage
from genaiops.ports.providers import CallBody
from genaiops.providers import load
from genaiops.providers.sagemaker import SageMaker
from tests.providers.aws_shapes import check_request
from tests.providers.eventstreams import event, exception


def target(**settings: str) -> Target:
    return Target(
        id="t",
        provider="sagemaker",
        model="m",
        upstream_model="llama-endpoint",
        base_url="https://runtime.sagemaker.us-east-1.amazonaws.com",
        settings=settings,
        created_us=0,
    )


def call(operation: Operation = "chat", *, cap: int | None = None, **body: Any) -> CallBody:
    raw = json.dumps({"model": "m", **body}).encode()
    return CallBody(operation, raw, "m", bool(body.get("stream")), False, cap, cap is not None)


@pytest.mark.parametrize(
    ("operation", "body"),
    [("chat", {"messages": []}), ("text_completion", {"prompt": "x"}), ("embeddings", {"input": "x"})],
)
def test_a_body_goes_to_the_endpoint_without_our_name_of_the_model(operation: Operation, body: dict[str, Any]) -> None:
    wire = SageMaker().prepare(call(operation, genaiops={"session": "s"}, **body), target(), "AKIDEXAMPLEEXAMPLE00:s")
    assert wire.path == b"/endpoints/llama-endpoint/invocations"
    assert json.loads(wire.body) == body
    assert b"/us-east-1/sagemaker/aws4_request" in dict(wire.headers)[b"authorization"]
    check_request("sagemaker-runtime", "InvokeEndpoint", {"EndpointName": "llama-endpoint", "Body": wire.body})


def test_settings_name_the_model_the_component_and_the_variant() -> None:
    place = target(served_model="org/llama", inference_component="ic", target_variant="blue")
    wire = SageMaker().prepare(call(messages=[], cap=5), place, None)
    assert json.loads(wire.body) == {"model": "org/llama", "messages": [], "max_tokens": 5}
    fields = dict(wire.headers)
    assert fields[b"x-amzn-sagemaker-inference-component"] == b"ic"
    assert fields[b"x-amzn-sagemaker-target-variant"] == b"blue"


def test_a_stream_asks_for_usage_on_another_path() -> None:
    wire = SageMaker().prepare(call(messages=[], stream=True), target(), None)
    assert wire.path == b"/endpoints/llama-endpoint/invocations-response-stream"
    assert json.loads(wire.body)["stream_options"] == {"include_usage": True}
    assert wire.filter_usage


def test_an_answer_is_the_containers() -> None:
    body = {"choices": [{"message": {"content": "x"}, "finish_reason": "stop"}], "usage": {"prompt_tokens": 3}}
    answer = SageMaker().read(call(), json.dumps(body).encode())
    assert (answer.usage, answer.body) == (Usage(3), None)


CHUNKS = [
    {"choices": [{"delta": {"content": "Caf\u00e9"}}]},
    {"choices": [{"delta": {}, "finish_reason": "stop"}]},
    {"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 2}},
]
PLAIN = b"".join(b"data: " + json.dumps(each).encode() + b"\n\n" for each in CHUNKS) + b"data: [DONE]\n\n"


def parts(data: bytes, cuts: list[int]) -> list[bytes]:
    places = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    return [data[start:end] for start, end in pairwise(places)]


@given(st.lists(st.integers(0, 400), max_size=8), st.lists(st.integers(0, 4000), max_size=8))
def test_a_stream_is_the_same_however_container_and_network_cut_it(inner: list[int], outer: list[int]) -> None:
    stream = SageMaker().stream(call(stream=True), filter_usage=False)
    wire = b"".join(event("PayloadPart", part) for part in parts(PLAIN, inner))
    pieces = [piece for part in parts(wire, outer) if (piece := stream.feed(part)) is not None]
    assert b"".join(piece.data for piece in pieces) == PLAIN == stream.keep()
    assert [piece.done for piece in pieces].count(True) == 1
    assert any(piece.content for piece in pieces)
    answer = stream.finish()
    assert (answer.usage, answer.finish_reason, stream.truncated) == (Usage(3, output_text=2), "stop", False)


@pytest.mark.parametrize("kind", ["ModelStreamError", "InternalStreamFailure"])
def test_an_exception_in_a_stream_is_a_failure(kind: str) -> None:
    stream = SageMaker().stream(call(stream=True), filter_usage=False)
    with pytest.raises(UpstreamError, match=f"{kind}: Gone"):
        stream.feed(event("PayloadPart", PLAIN[:30]) + exception(kind, "Gone"))


def test_an_error_of_the_container_is_told_in_its_words() -> None:
    body = {"Message": "Received client error (400)", "OriginalMessage": "too long", "OriginalStatusCode": 400}
    error = SageMaker().error(424, [(b"x-amzn-errortype", b"ModelError")], json.dumps(body).encode())
    assert (error.message, error.code, error.retryable) == ("too long", "ModelError", False)


def test_it_is_on_the_menu() -> None:
    assert isinstance(load("sagemaker"), SageMaker)
