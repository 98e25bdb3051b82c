"""Bedrock and SageMaker behind a gateway: OpenAI's client in front, a server that checks every signature behind."""

import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from genaiops.domain import Usage
from tests.gateway.harness import KEY, QUICK, Home, key, price, route, running, target
from tests.gateway.upstream import Script, Seen, Upstream, Wire, chunked, completion, response, stream_events
from tests.providers.bedrock_calls import EVENTS, METADATA, START, answered, block, framed, stop
from tests.providers.eventstreams import event, exception

if TYPE_CHECKING:
    from openai import AsyncOpenAI

AKID, SECRET = "AKIDEXAMPLEEXAMPLE00", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
MODEL = "anthropic.claude-sonnet-4-5-20250929-v1:0"
MESSAGES: Any = [{"role": "user", "content": "Look"}]
STREAM_HEAD = (
    b"HTTP/1.1 200 OK\r\ncontent-type: application/vnd.amazon.eventstream\r\ntransfer-encoding: chunked\r\n\r\n"
)


def genuine(seen: Seen, service: str) -> bool:
    """Whether AWS's own signer signs this request the same."""
    given = seen.headers["authorization"]
    names = given.partition("SignedHeaders=")[2].partition(",")[0].split(";")
    fields = {name: seen.headers[name] for name in names if name != "x-amz-date"}
    request = AWSRequest("POST", f"http://{seen.headers['host']}{seen.path}", fields, seen.body)
    at = datetime.strptime(seen.headers["x-amz-date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    with patch("botocore.auth.get_current_datetime", return_value=at):
        SigV4Auth(Credentials(AKID, SECRET), service, "eu-west-1").add_auth(request)
    return request.headers["Authorization"] == given and abs((datetime.now(UTC) - at).total_seconds()) < 60


def signed_only(service: str, data: bytes) -> Script:
    """Answers with these bytes, a request that is not genuine with 403."""

    async def script(seen: Seen, wire: Wire) -> bool:
        forged = {"message": "The request signature we calculated does not match"}
        refusal = response(403, forged, {"x-amzn-errortype": "InvalidSignatureException"})
        await wire.write(data if genuine(seen, service) else refusal)
        return True

    return script


def streamed(*pieces: bytes) -> bytes:
    return STREAM_HEAD + b"".join(map(chunked, pieces)) + b"0\r\n\r\n"


@asynccontextmanager
async def client(
    home: Home, script: Script, *, provider: str = "bedrock"
) -> "AsyncGenerator[tuple[AsyncOpenAI, Upstream]]":
    from openai import AsyncOpenAI

    home.secrets.put("AWS", f"{AKID}:{SECRET}")
    async with Upstream(script) as upstream:
        facts: dict[str, Any] = {"provider": provider, "upstream_model": MODEL, "credentials": ("AWS",)}
        aws = target(upstream.url.removesuffix("/v1"), settings={"region": "eu-west-1"}, **facts)
        spare = target(None, id="spare", model="other", provider="echo", settings={"text": "From the spare."})
        prices = (price(provider="bedrock", model="anthropic.*"),)
        routes = (route("t", fallbacks=("spare",), retry=QUICK),)
        home.publish(key(), targets=(aws, spare), routes=routes, prices=prices)
        async with running(home) as worker:
            api = AsyncOpenAI(base_url=f"http://127.0.0.1:{worker.port}/v1", api_key=KEY, max_retries=0, timeout=20)
            try:
                yield api, upstream
            finally:
                await api.close()
            await worker.quiet()


async def test_a_chat_with_bedrock(home: Home) -> None:
    use = {"toolUse": {"toolUseId": "c1", "name": "look", "input": {"q": 1}}}
    script = signed_only("bedrock", response(200, answered({"text": "So."}, use, stop_reason="tool_use")))
    async with client(home, script) as (api, upstream):
        answer = await api.chat.completions.create(model="r", messages=MESSAGES, max_completion_tokens=9)
    assert upstream.seen[0].path == "/model/anthropic.claude-sonnet-4-5-20250929-v1%3A0/converse"
    assert upstream.seen[0].json["inferenceConfig"] == {"maxTokens": 9}
    message = answer.choices[0].message
    assert message.content == "So."
    assert message.tool_calls is not None
    assert json.loads(message.tool_calls[0].function.arguments) == {"q": 1}  # type: ignore[union-attr]
    paid = home.attempts()[0]
    assert paid.usage == Usage(10, 70, 30, 5)
    assert paid.cost is not None
    assert paid.cost.nano == (110 * 2_000_000_000 + 5 * 8_000_000_000) // 1_000_000


async def test_an_embedding_of_bedrock_reaches_the_client(home: Home) -> None:
    from openai import AsyncOpenAI

    script = signed_only("bedrock", response(200, {"embedding": [0.5, -1], "inputTextTokenCount": 3}))
    async with Upstream(script) as upstream:
        home.secrets.put("AWS", f"{AKID}:{SECRET}")
        facts: dict[str, Any] = {"provider": "bedrock", "upstream_model": "amazon.titan-embed-text-v2:0"}
        aws = target(upstream.url, settings={"region": "eu-west-1"}, credentials=("AWS",), **facts)
        home.publish(key(), targets=(aws,))
        async with running(home) as worker:
            api = AsyncOpenAI(base_url=f"http://127.0.0.1:{worker.port}/v1", api_key=KEY, max_retries=0)
            found = await api.embeddings.create(model="m", input="x")
            await api.close()
    assert found.data[0].embedding == [0.5, -1.0]
    assert found.usage.prompt_tokens == 3


async def test_a_throttled_call_is_served_elsewhere(home: Home) -> None:
    busy = response(429, {"message": "Too many tokens"}, {"x-amzn-errortype": "ThrottlingException"})
    async with client(home, signed_only("bedrock", busy)) as (api, _):
        answer = await api.chat.completions.create(model="r", messages=MESSAGES)
    assert answer.choices[0].message.content == "From the spare."


async def test_what_bedrock_cannot_take_is_refused_by_name(home: Home) -> None:
    from openai import BadRequestError

    async with client(home, signed_only("bedrock", b"")) as (api, upstream):
        with pytest.raises(BadRequestError) as raised:
            await api.chat.completions.create(model="m", messages=MESSAGES, seed=1)
        elsewhere = await api.chat.completions.create(model="r", messages=MESSAGES, seed=1)
        assert upstream.seen == []
    assert elsewhere.choices[0].message.content == "From the spare."
    assert (raised.value.param, raised.value.code) == ("seed", "unsupported_by_provider")


async def test_a_wrong_secret_is_told_and_rests(home: Home) -> None:
    async with client(home, signed_only("sagemaker", b"")) as (api, _):  # signed for another service
        answer = await api.chat.completions.create(model="r", messages=MESSAGES)
    assert answer.choices[0].message.content == "From the spare."
    assert home.attempts()[0].http_status == 403


async def test_a_stream_of_bedrock(home: Home) -> None:
    script = signed_only("bedrock", streamed(framed(EVENTS[:6]), framed(EVENTS[6:])))
    async with client(home, script) as (api, _):
        stream = await api.chat.completions.create(model="r", messages=MESSAGES, stream=True)
        deltas = [choice.delta async for chunk in stream for choice in chunk.choices]
    assert "".join(delta.content or "" for delta in deltas) == "Caf\u00e9."
    calls = [call for delta in deltas for call in delta.tool_calls or ()]
    assert [call.id for call in calls if call.id] == ["c1", "c2"]
    paid = home.attempts()[0]
    assert paid.usage == Usage(10, 70, 30, 5)
    assert paid.first_token_us is not None


async def test_an_exception_before_content_sends_the_call_elsewhere(home: Home) -> None:
    script = signed_only("bedrock", streamed(framed([START]), exception("modelStreamErrorException", "Gone")))
    async with client(home, script) as (api, _):
        stream = await api.chat.completions.create(model="r", messages=MESSAGES, stream=True)
        text = "".join([chunk.choices[0].delta.content or "" async for chunk in stream if chunk.choices])
    assert text == "From the spare."
    assert [attempt.status for attempt in home.attempts()] == ["error", "ok"]


async def test_a_stream_that_ends_without_its_metadata_is_settled_by_estimate(home: Home) -> None:
    events = [START, block(0, text="Two words"), stop(0), ("messageStop", {"stopReason": "end_turn"})]
    assert METADATA not in events
    async with client(home, signed_only("bedrock", streamed(framed(events)))) as (api, _):
        stream = await api.chat.completions.create(model="r", messages=MESSAGES, stream=True)
        assert "".join([chunk.choices[0].delta.content or "" async for chunk in stream]) == "Two words"
    usage = home.attempts()[0].usage
    assert usage is not None
    assert usage.estimated


async def test_a_chat_with_sagemaker(home: Home) -> None:
    script = signed_only("sagemaker", response(200, completion("From the endpoint.")))
    async with client(home, script, provider="sagemaker") as (api, upstream):
        answer = await api.chat.completions.create(model="r", messages=MESSAGES)
    assert upstream.seen[0].path.endswith("/invocations")
    assert answer.choices[0].message.content == "From the endpoint."


async def test_a_stream_of_sagemaker(home: Home) -> None:
    data = b"".join(stream_events("From ", "the ", "endpoint."))
    parts = [event("PayloadPart", data[at : at + 37]) for at in range(0, len(data), 37)]
    async with client(home, signed_only("sagemaker", streamed(*parts)), provider="sagemaker") as (api, _):
        stream = await api.chat.completions.create(model="r", messages=MESSAGES, stream=True)
        text = "".join([chunk.choices[0].delta.content or "" async for chunk in stream if chunk.choices])
    assert text == "From the endpoint."
    assert home.attempts()[0].usage == Usage(5, output_text=2)
