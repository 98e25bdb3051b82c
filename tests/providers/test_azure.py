"""Azure OpenAI's paths and credentials, held against OpenAI's own Azure client."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genaiops.core.errors import ConfigError, UpstreamError
from genaiops.core.multipart import parts_of
from genaiops.domain import Target, Usage
from genaiops.ports.providers import CallBody, Form, VideoJob
from genaiops.providers import load
from genaiops.providers.azure import Azure
from tests.providers.calls import asked, call, events, noting, sent, streamed, target

RESOURCE = "https://res.openai.azure.com"
FILTERS = {"hate": {"filtered": False, "severity": "safe"}}
ANSWER: dict[str, Any] = {
    "id": "a1",
    "object": "chat.completion",
    "created": 1,
    "model": "gpt-4o-2024-11-20",
    "prompt_filter_results": [{"prompt_index": 0, "content_filter_results": FILTERS}],
    "choices": [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "Hi", "refusal": None},
            "finish_reason": "stop",
            "logprobs": None,
            "content_filter_results": FILTERS,
        }
    ],
    "usage": {"prompt_tokens": 9, "completion_tokens": 2, "total_tokens": 11},
}


def deployed(base_url: str = RESOURCE, **settings: str) -> Target:
    return target("azure", "my-gpt", base_url, settings=settings)


def test_the_older_form_is_the_one_of_openais_azure_client() -> None:
    from openai import AzureOpenAI

    with noting(ANSWER) as server:
        client = AzureOpenAI(api_key="secret", api_version="2024-10-21", azure_endpoint=server.url, max_retries=0)
        client.chat.completions.create(model="my-gpt", messages=[{"role": "user", "content": "hi"}])
        client.embeddings.with_raw_response.create(model="my-gpt", input="hi")
        paths = [path for path, _, _ in server.requests]
        headers = server.requests[0][1]
    azure, to = Azure(), deployed(api_version="2024-10-21")
    wire = azure.prepare(asked(), to, "secret")
    embed = azure.prepare(call({"input": "hi"}, operation="embeddings"), to, "secret")
    assert [wire.path.decode(), embed.path.decode()] == paths
    assert headers["api-key"] == dict(wire.headers)[b"api-key"].decode() == "secret"
    assert b"authorization" not in dict(wire.headers)


def test_the_form_without_dates_is_the_one_of_openais_client() -> None:
    from openai import OpenAI

    with noting(ANSWER) as server:
        client = OpenAI(api_key="secret", base_url=f"{server.url}/openai/v1/", max_retries=0)
        client.chat.completions.create(model="my-gpt", messages=[{"role": "user", "content": "hi"}])
        [(path, _, body)] = server.requests
    azure = Azure()
    wire = azure.prepare(asked(), deployed(), "secret")
    assert wire.path.decode() == path
    assert json.loads(wire.body) == body
    based = azure.prepare(asked(), deployed(RESOURCE + "/openai/v1"), None)
    assert based.path == b"/chat/completions"
    preview = azure.prepare(asked(), deployed(RESOURCE + "/openai/v1/", api_version="preview"), None)
    assert preview.path == b"/chat/completions?api-version=preview"
    dated = azure.prepare(asked(), deployed(RESOURCE + "/openai", api_version="2024-10-21"), None)
    assert dated.path == b"/deployments/my-gpt/chat/completions?api-version=2024-10-21"


def test_a_version_with_a_date_and_a_url_without_are_not_mixed() -> None:
    with pytest.raises(ConfigError, match="api_version"):
        Azure().prepare(asked(), deployed(RESOURCE + "/openai/v1", api_version="2024-10-21"), None)


def test_a_token_of_entra_is_a_bearer_token() -> None:
    headers = dict(Azure().prepare(asked(), deployed(auth="entra"), "eyJ").headers)
    assert headers[b"authorization"] == b"Bearer eyJ"
    assert b"api-key" not in headers


def test_the_name_of_a_deployment_cannot_leave_its_place_in_the_path() -> None:
    odd = target("azure", "../a/b?c", RESOURCE, settings={"api_version": "2024-10-21"})
    assert Azure().prepare(asked(), odd, None).path.startswith(b"/openai/deployments/..%2Fa%2Fb%3Fc/chat/completions?")


def test_the_cap_has_the_newer_name_unless_told_otherwise() -> None:
    given = call({"messages": []}, cap=7)
    assert sent(Azure(), given, deployed())["max_completion_tokens"] == 7
    assert sent(Azure(), given, deployed(max_tokens_field="max_tokens"))["max_tokens"] == 7


def test_a_changed_target_is_seen() -> None:
    azure = Azure()
    assert b"/v1/" in azure.prepare(asked(), deployed(), None).path
    assert b"/deployments/" in azure.prepare(asked(), deployed(api_version="2024-10-21"), None).path


def test_an_answer_stays_as_it_came() -> None:
    read = Azure().read(asked(), json.dumps(ANSWER).encode())
    assert (read.body, read.usage, read.response_id, read.finish_reason) == (None, Usage(9, 0, 0, 2), "a1", "stop")


def chunk(*choices: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {
        "id": "a2",
        "model": "gpt-4o-2024-11-20",
        "object": "chat.completion.chunk",
        "created": 1,
        "choices": list(choices),
        **fields,
    }


STREAM = [
    {"id": "", "model": "", "object": "", "created": 0, "choices": [], "prompt_filter_results": []},
    chunk(
        {"index": 0, "delta": {"role": "assistant", "content": ""}, "finish_reason": None, "content_filter_results": {}}
    ),
    chunk({"index": 0, "delta": {"content": "Hé €"}, "finish_reason": None, "content_filter_results": FILTERS}),
    chunk({"index": 0, "delta": {}, "finish_reason": "content_filter", "content_filter_results": FILTERS}),
    chunk(usage={"prompt_tokens": 9, "completion_tokens": 2, "total_tokens": 11}),
]
WIRE = events(*STREAM, b"[DONE]")


@given(st.lists(st.integers(0, 3000), max_size=12))
def test_a_stream_passes_whole_and_tells_its_own_id_and_model(cuts: list[int]) -> None:
    stream = Azure().stream(asked(stream=True), filter_usage=False)
    pieces = streamed(stream, WIRE, cuts)
    assert b"".join(piece.data for piece in pieces) == WIRE == stream.keep()
    assert not stream.truncated
    answer = stream.finish()
    assert (answer.response_id, answer.response_model) == ("a2", "gpt-4o-2024-11-20")
    assert (answer.usage, answer.finish_reason) == (Usage(9, 0, 0, 2), "content_filter")


def test_usage_that_the_gateway_asked_for_stays_with_it() -> None:
    azure = Azure()
    given = asked(stream=True)
    wire = azure.prepare(given, deployed(), None)
    assert wire.filter_usage
    assert json.loads(wire.body)["stream_options"] == {"include_usage": True}
    pieces = streamed(azure.stream(given, filter_usage=True), WIRE)
    assert b"prompt_tokens" not in b"".join(piece.data for piece in pieces)


@given(st.binary(max_size=200))
def test_no_bytes_make_a_reader_raise_anything_else(data: bytes) -> None:
    try:
        Azure().stream(asked(stream=True), filter_usage=False).feed(b"data: " + data + b"\n\n")
    except UpstreamError:
        pass


def test_errors_are_azures() -> None:
    filtered = {
        "error": {
            "message": "The response was filtered due to the prompt",
            "type": None,
            "param": "prompt",
            "code": "content_filter",
            "status": 400,
            "innererror": {"code": "ResponsibleAIPolicyViolation", "content_filter_result": {}},
        }
    }
    error = Azure().error(400, [], json.dumps(filtered).encode())
    assert (error.code, error.retryable) == ("content_filter", False)
    limited = {"error": {"code": "429", "message": "Requests have exceeded the rate limit"}}
    error = Azure().error(429, [(b"retry-after-ms", b"1500")], json.dumps(limited).encode())
    assert (error.rest, error.limits_credential) == (1.5, True)


def test_it_is_on_the_menu() -> None:
    assert isinstance(load("azure"), Azure)


@pytest.mark.parametrize(
    ("settings", "prefix"),
    [({}, b"/openai/v1"), ({"api_version": "2024-10-21"}, b"/openai/deployments/my-gpt")],
    ids=["without dates", "dated"],
)
def test_images_and_forms(settings: dict[str, str], prefix: bytes) -> None:
    image = CallBody("image_generation", b'{"model":"m","prompt":"x"}', "m", False, True, None, False)
    wire = Azure().prepare(image, deployed(**settings), "k")
    assert wire.path.partition(b"?")[0] == prefix + b"/images/generations"
    assert json.loads(wire.body) == {"model": "my-gpt", "prompt": "x"}
    raw = b'--b\r\nContent-Disposition: form-data; name="model"\r\n\r\nm\r\n--b--\r\n'
    kind = b"multipart/form-data; boundary=b"
    form = Form(kind, tuple(parts_of(raw, b"b")))
    sound = CallBody("transcription", raw, "m", False, True, None, False, False, form=form)
    wire = Azure().prepare(sound, deployed(**settings), "k")
    assert b"".join(wire.pieces) == raw.replace(b"\r\nm\r\n", b"\r\nmy-gpt\r\n")
    assert dict(wire.headers)[b"content-type"] == kind
    assert dict(wire.headers)[b"api-key"] == b"k"
    reader = Azure().media(image, b"text/event-stream")
    assert reader is not None


def test_videos_are_under_the_form_without_dates_only() -> None:
    azure = Azure()
    began = azure.prepare(
        call({"prompt": "x"}, operation="video_generation"), deployed(api_version="preview"), "secret"
    )
    assert began.path == b"/openai/v1/videos?api-version=preview"
    assert json.loads(began.body)["model"] == "my-gpt"
    job = VideoJob("content", "video_1/..", "thumbnail")
    asked_for = CallBody("video_job", b"", "m", True, True, None, False, job=job)
    fetched = azure.prepare(asked_for, deployed(f"{RESOURCE}/openai/v1", api_version="preview"), "secret")
    assert (fetched.method, fetched.body) == (b"GET", b"")
    assert fetched.path == b"/videos/video_1%2F../content?variant=thumbnail&api-version=preview"
    with pytest.raises(ConfigError, match="no videos there"):
        azure.prepare(asked_for, deployed(api_version="2024-10-21"), "secret")
