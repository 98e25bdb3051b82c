"""Google's official client, pointed at the gateway: in front of targets that speak its dialect, and of others."""

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from genaiops.domain import Usage
from tests.gateway.caching_calls import cached
from tests.gateway.harness import KEY, Home, Worker, budget, key, price, route, running, target
from tests.gateway.upstream import Script, Seen, Upstream, Wire, answers, streams
from tests.lazily import Lazily
from tests.providers import google_fixtures
from tests.providers.calls import events

if TYPE_CHECKING:
    from google import genai
    from google.genai import errors, types
else:
    genai, errors, types = Lazily("google.genai"), Lazily("google.genai.errors"), Lazily("google.genai.types")
ASK = "The quick brown fox"


def weather() -> "types.Tool":
    q = types.Schema(type=types.Type.INTEGER)
    lookup = types.FunctionDeclaration(
        name="lookup",
        description="looks up",
        parameters=types.Schema(type=types.Type.OBJECT, properties={"q": q}),
    )
    return types.Tool(function_declarations=[lookup])


def client_of(worker: Worker, api_key: str = KEY) -> "genai.Client":
    url = f"http://127.0.0.1:{worker.port}"
    return genai.Client(api_key=api_key, http_options=types.HttpOptions(base_url=url, timeout=20_000))


@asynccontextmanager
async def serving(home: Home, *targets: Any, keyed: Any = None, **parts: Any) -> AsyncGenerator[tuple[Any, Worker]]:
    home.publish(keyed or key(), targets=targets, **parts)
    async with running(home) as worker:
        client = client_of(worker)
        try:
            yield client, worker
        finally:
            await client.aio.aclose()
            client.close()


def echo(**settings: str) -> Any:
    return target(None, provider="echo", upstream_model="echo", settings=settings)


@asynccontextmanager
async def google(home: Home, *scripts: Script, **parts: Any) -> AsyncGenerator[tuple[Any, Upstream, Worker]]:
    home.secrets.put("google", "AIza-upstream")
    async with Upstream(*scripts) as upstream:
        base = upstream.url.removesuffix("/v1") + "/v1beta"
        there = target(base, provider="google", upstream_model="gemini-2.5-flash", credentials=("google",))
        async with serving(home, there, **parts) as (client, worker):
            yield client, upstream, worker


# -- targets that speak something else


async def test_an_answer_of_a_target_that_speaks_chat(home: Home) -> None:
    async with serving(home, echo(cached_tokens="1")) as (client, worker):
        answer = await client.aio.models.generate_content(model="m", contents=ASK)
        whole = await asyncio.to_thread(client.models.generate_content, model="m", contents=ASK)  # the blocking one
        await worker.quiet()
    assert answer.text == whole.text == ASK
    assert answer.candidates[0].finish_reason == types.FinishReason.STOP
    usage = answer.usage_metadata
    assert (usage.prompt_token_count, usage.cached_content_token_count, usage.candidates_token_count) == (4, 1, 4)
    assert [one.status for one in home.settled()] == ["ok", "ok"]
    assert home.attempts()[0].usage == Usage(3, 1, 0, 4)
    assert [one.model for one in home.admitted()] == ["m", "m"]


async def test_a_stream_of_a_target_that_speaks_chat(home: Home) -> None:
    async with serving(home, echo()) as (client, _):
        stream = await client.aio.models.generate_content_stream(model="models/m", contents=ASK)
        pieces = [piece async for piece in stream]
    assert "".join(piece.text or "" for piece in pieces) == ASK
    assert len(pieces) > 2
    assert pieces[-1].candidates[0].finish_reason == types.FinishReason.STOP
    assert pieces[-1].usage_metadata.candidates_token_count == home.attempts()[0].usage.output_tokens  # type: ignore[union-attr]
    assert home.admitted()[0].streamed


async def test_a_function_is_called_and_its_result_goes_back(home: Home) -> None:
    async with serving(home, echo(tool="lookup", text='{"q": 1}')) as (client, _):
        config = types.GenerateContentConfig(
            tools=[weather()], automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True)
        )
        contents: list[Any] = [types.Content(role="user", parts=[types.Part(text=ASK)])]
        first = await client.aio.models.generate_content(model="m", contents=contents, config=config)
        [called] = first.function_calls
        assert (called.name, called.args) == ("lookup", {"q": 1})
        streamed = await client.aio.models.generate_content_stream(model="m", contents=contents, config=config)
        calls = [call async for piece in streamed for call in piece.function_calls or ()]
        assert [(call.name, call.args) for call in calls] == [("lookup", {"q": 1})]
        result = types.FunctionResponse(id=called.id, name="lookup", response={"output": "sunny"})
        contents += [
            first.candidates[0].content,
            types.Content(role="user", parts=[types.Part(function_response=result)]),
        ]
        second = await client.aio.models.generate_content(model="m", contents=contents)
    assert second.candidates[0].content is not None
    sent = json.loads(home.bodies()[-2])
    assert sent["contents"][-1]["parts"][0]["functionResponse"]["response"] == {"output": "sunny"}


async def test_a_chat_of_several_turns(home: Home) -> None:
    async with serving(home, echo()) as (client, _):
        chat = client.aio.chats.create(model="m", config=types.GenerateContentConfig(system_instruction="Repeat."))
        await chat.send_message("one")
        second = await chat.send_message("two")
    assert second.text == "two"


async def test_embeddings_of_a_target_that_speaks_openai(home: Home) -> None:
    async with serving(home, echo()) as (client, worker):
        answer = await client.aio.models.embed_content(model="m", contents=["one", "two"])
        assert [len(one.values) > 0 for one in answer.embeddings] == [True, True]
        body = b'{"content": {"parts": [{"text": "one"}]}}'
        single = await worker.send("POST", "/v1beta/models/m:embedContent", body)
        assert single.json["embedding"]["values"] == pytest.approx(answer.embeddings[0].values)
        config = types.EmbedContentConfig(task_type="RETRIEVAL_QUERY")
        with pytest.raises(errors.ClientError, match="taskType"):
            await client.aio.models.embed_content(model="m", contents="one", config=config)
    assert [one.operation for one in home.admitted()] == ["embeddings"] * 3


async def test_a_name_with_a_slash_and_what_google_takes_beside_its_reference(home: Home) -> None:
    async with serving(home, echo(), routes=(route("t", name="team/chat"),)) as (client, worker):
        answer = await client.aio.models.generate_content(model="team/chat", contents=ASK)
        assert answer.text == ASK
        body = b'{"system_instruction": {"parts": {"text": "Be."}}, "contents": {"parts": {"text": "Hi"}}}'
        got = await worker.send("POST", "/v1beta/models/models%2Fx:generateContent", body)
        assert got.status == 404
        got = await worker.send("POST", "/v1beta/models/m:generateContent", body)
        assert got.json["candidates"][0]["content"]["parts"] == [{"text": "Hi"}]
        assert got.headers["x-genaiops-target"] == "t"


async def test_the_models_that_a_key_may_call(home: Home) -> None:
    others = [target(None, id=f"t{n}", model=f"m{n}", provider="echo", upstream_model="echo") for n in range(3)]
    speaks = target(None, id="s", model="s", provider="echo", upstream_model="e", operations=("speech",))
    async with serving(home, *others, speaks) as (client, _):
        pager = await client.aio.models.list(config={"page_size": 2})
        assert [model.name async for model in pager] == ["models/m0", "models/m1", "models/m2"]
        model = await client.aio.models.get(model="m1")
        assert "generateContent" in model.supported_actions
        assert model.output_token_limit == others[0].max_output_tokens
        with pytest.raises(errors.ClientError, match="no model or route 'x'"):
            await client.aio.models.get(model="x")


async def test_tokens_are_estimated_and_marked_so(home: Home) -> None:
    keyed = key(budgets=(budget("tokens", 1, period="total"),))
    async with serving(home, echo(), keyed=keyed) as (client, worker):
        counted = await client.aio.models.count_tokens(model="m", contents="one two three")
        assert counted.total_tokens == 3
        assert counted.sdk_http_response.headers["x-genaiops-estimated"] == "1"
        asked = b'{"model":"m","system":"Be brief.","messages":[{"role":"user","content":"one two three"}]}'
        got = await worker.send("POST", "/v1/messages/count_tokens", asked)
        assert (got.json, got.headers["x-genaiops-estimated"]) == ({"input_tokens": 5}, "1")
        wrong = await worker.send("POST", "/v1/messages/count_tokens", b'{"model":"m"}')
        assert (wrong.status, wrong.error["type"]) == (400, "invalid_request_error")
        refused = await worker.send("POST", "/v1/messages/count_tokens", asked, key="sk-other")
        assert refused.status == 401
        await worker.quiet()
    assert not home.records()


# -- errors


async def test_errors_in_googles_words(home: Home) -> None:
    keyed = key(budgets=(budget("calls", 1, period="total"),))
    async with serving(home, echo(), keyed=keyed) as (client, worker):
        with pytest.raises(errors.ClientError) as unknown:
            await client.aio.models.generate_content(model="x", contents=ASK)
        assert (unknown.value.code, unknown.value.status) == (404, "NOT_FOUND")
        body: Any = unknown.value.details
        details = body["error"]["details"]
        assert details[0]["reason"] == "MODEL_NOT_FOUND"
        assert details[1]["requestId"].startswith("req_")
        config = types.GenerateContentConfig(cached_content="cachedContents/of-another")
        with pytest.raises(errors.ClientError, match="cachedContent"):
            await client.aio.models.generate_content(model="m", contents=ASK, config=config)
        config = types.GenerateContentConfig(tools=[types.Tool(google_search=types.GoogleSearch())])
        with pytest.raises(errors.ClientError, match=r"tools\.0\.googleSearch"):
            await client.aio.models.generate_content(model="m", contents=ASK, config=config)
        other = client_of(worker, "sk-other")
        with pytest.raises(errors.ClientError) as stranger:
            await other.aio.models.generate_content(model="m", contents=ASK)
        await other.aio.aclose()
        assert (stranger.value.code, stranger.value.status) == (401, "UNAUTHENTICATED")
        await client.aio.models.generate_content(model="m", contents=ASK)
        with pytest.raises(errors.ClientError, match="budget") as spent:
            await client.aio.models.generate_content(model="m", contents=ASK)
        assert spent.value.status == "RESOURCE_EXHAUSTED"


@pytest.mark.parametrize(
    ("method", "path", "status", "told"),
    [
        ("POST", "/v1beta/models/m:generateContent?key=" + KEY, 401, "x-goog-api-key"),
        ("POST", "/v1beta/models/m:streamGenerateContent", 400, "alt=sse"),
        ("GET", "/v1beta/models/m:generateContent", 404, "no model or route"),
        ("PUT", "/v1beta/models", 405, "GET"),
        ("POST", "/v1beta/models/m:predictLongRunning", 404, "generateContent"),
        ("POST", "/v1beta/files", 501, "inlineData"),
        ("GET", "/v1beta/models?pageSize=none", 400, "pageSize"),
        ("POST", "/v1beta/models/m:generateContent", 400, "JSON"),
    ],
)
async def test_what_is_not_there_says_so_in_googles_words(
    home: Home, method: str, path: str, status: int, told: str
) -> None:
    async with serving(home, echo()) as (_, worker):
        got = await worker.send(method, path, b"", key=None if "key=" in path else KEY)
    assert got.status == status
    assert told in got.error["message"]
    assert got.error["code"] == status
    assert got.headers["x-request-id"].startswith("req_")
    assert KEY not in got.body.decode()


async def test_a_stream_that_dies_in_the_middle_is_an_error_of_the_client(home: Home) -> None:
    async with serving(home, echo(fault="die", text="one two three four")) as (client, _):
        stream = await client.aio.models.generate_content_stream(model="m", contents=ASK)
        with pytest.raises(errors.ServerError, match="stream"):
            _ = [piece async for piece in stream]
    assert home.settled()[0].status == "error"


async def test_limits_hold(home: Home) -> None:
    keyed = key(budgets=(budget("money", 10**9, period="total"), budget("tokens", 10**6, period="total", id="b2")))
    async with serving(home, echo(), keyed=keyed, prices=(price(provider="echo", model="echo"),)) as (client, worker):
        config = types.GenerateContentConfig(max_output_tokens=50)
        await client.aio.models.generate_content(model="m", contents=ASK, config=config)
        await worker.quiet()
    [admitted], [settled] = home.admitted(), home.settled()
    reserved = {charge.budget_id: charge.amount for charge in admitted.reserved}
    charged = {charge.budget_id: charge.amount for charge in settled.charged}
    assert charged["b2"] == 8
    assert all(reserved[name] >= charged[name] > 0 for name in charged)


async def test_what_was_said_once_is_remembered_in_the_same_words(home: Home) -> None:
    """A stream, a whole answer and another model's are three things to remember."""
    routes = (cached(), msgspec.structs.replace(cached(), id="other"))
    async with serving(home, echo(), routes=routes) as (client, worker):
        for name in ("r", "other", "r"):
            answer = await client.aio.models.generate_content(model=name, contents=ASK)
            assert answer.text == ASK
        for _ in range(2):
            stream = await client.aio.models.generate_content_stream(model="r", contents=ASK)
            assert "".join([piece.text or "" async for piece in stream]) == ASK
        await worker.quiet()
    assert [len(one.attempts) for one in home.settled()] == [1, 1, 0, 1, 0]


# -- targets that speak Google's words


async def test_an_answer_passes_through_byte_for_byte(home: Home) -> None:
    raw = b'{ "contents":  [{"parts":[{"text":"caf\\u00e9"}]}], "generationConfig": {"topK": 3.0} }'
    async with google(home, answers(google_fixtures.ANSWER)) as (client, upstream, worker):
        got = await worker.send("POST", "/v1beta/models/m:generateContent", raw)
        assert got.json == google_fixtures.ANSWER
        assert upstream.seen[0].body == raw
        assert upstream.seen[0].path == "/v1beta/models/gemini-2.5-flash:generateContent"
        assert upstream.seen[0].headers["x-goog-api-key"] == "AIza-upstream"
        answer = await client.aio.models.generate_content(model="m", contents=ASK)
        assert answer.text == "It is warm."
    assert home.attempts()[0].usage == Usage(45, 60, 0, 7, 20)
    assert home.attempts()[0].finish_reason == "stop"


async def test_a_native_stream_passes_through_and_is_accounted(home: Home) -> None:
    sent = events(*google_fixtures.STREAM)
    async with google(home, streams(sent[:333], sent[333:])) as (client, upstream, worker):
        stream = await client.aio.models.generate_content_stream(model="m", contents=ASK)
        pieces = [piece async for piece in stream]
        await worker.quiet()
        assert upstream.seen[0].path == "/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse"
    calls = [call.args for piece in pieces for call in piece.function_calls or ()]
    assert calls == [{"city": "Köln"}, {"city": "Bonn"}]
    assert home.attempts()[0].usage == Usage(9, 0, 0, 4, 3)
    assert home.bodies()[-1] == sent


async def test_a_cap_is_put_in_where_a_limit_needs_one(home: Home) -> None:
    keyed = key(budgets=(budget("tokens", 10**6, period="total"),))
    async with google(home, answers(google_fixtures.ANSWER), keyed=keyed) as (_, upstream, worker):
        raw = b'{"contents":[{"parts":[{"text":"x"}]}],"generation_config":{"temperature":1.50},"model":"models/other"}'
        await worker.send("POST", "/v1beta/models/m:generateContent", raw)
        both = b'{"contents":[],"generationConfig":{"maxOutputTokens":5,"max_output_tokens":90000}}'
        refused = await worker.send("POST", "/v1beta/models/m:generateContent", both)
        [seen] = upstream.seen
    assert seen.json["generation_config"] == {"temperature": 1.5, "maxOutputTokens": 4096}
    assert b"1.50" in seen.body
    assert "model" not in seen.json
    assert (refused.status, "two spellings" in refused.error["message"]) == (400, True)


async def test_embeddings_and_counts_of_a_native_target(home: Home) -> None:
    made = {"embeddings": [{"values": [0.1, 0.2]}], "usageMetadata": {"promptTokenCount": 2}}
    count = {"totalTokens": 31, "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 31}]}
    async with google(home, answers(made), answers(count)) as (client, upstream, _):
        config = types.EmbedContentConfig(task_type="RETRIEVAL_QUERY", title="t")
        answer = await client.aio.models.embed_content(model="m", contents="one", config=config)
        assert answer.embeddings[0].values == [0.1, 0.2]
        counted = await client.aio.models.count_tokens(model="m", contents=ASK)
        assert counted.total_tokens == 31
        assert "x-genaiops-estimated" not in counted.sdk_http_response.headers
        embedded, asked = upstream.seen
    [wanted] = embedded.json["requests"]
    assert (wanted["model"], wanted["taskType"], wanted["title"]) == ("models/gemini-2.5-flash", "RETRIEVAL_QUERY", "t")
    assert asked.path == "/v1beta/models/gemini-2.5-flash:countTokens"
    assert home.attempts()[0].usage == Usage(2)


async def test_a_provider_that_cannot_count_now_is_stood_in_for(home: Home) -> None:
    busy = {"error": {"code": 503, "message": "overloaded", "status": "UNAVAILABLE"}}
    wrong = {"error": {"code": 400, "message": "bad contents AIza-upstream", "status": "INVALID_ARGUMENT"}}
    async with google(home, answers(busy, status=503), answers(wrong, status=400)) as (client, _, _):
        counted = await client.aio.models.count_tokens(model="m", contents=ASK)
        assert counted.total_tokens == 4
        assert counted.sdk_http_response.headers["x-genaiops-estimated"] == "1"
        with pytest.raises(errors.ClientError, match="bad contents") as refused:
            await client.aio.models.count_tokens(model="m", contents=ASK)
        assert "AIza" not in str(refused.value)


async def test_a_fallback_from_google_to_chat(home: Home) -> None:
    busy = {"error": {"code": 503, "message": "overloaded", "status": "UNAVAILABLE"}}
    other = target(None, id="e", model="other", provider="echo", upstream_model="echo")
    async with Upstream(answers(busy, status=503)) as upstream:
        there = target(upstream.url, provider="google", upstream_model="gemini-2.5-flash")
        async with serving(home, there, other, routes=(route("t", fallbacks=("e",)),)) as (client, _):
            answer = await client.aio.models.generate_content(model="r", contents=ASK)
    assert answer.text == ASK
    assert [attempt.status for attempt in home.attempts()] == ["error", "ok"]


async def test_what_chat_cannot_say_goes_on_to_a_target_of_google(home: Home) -> None:
    async with Upstream(answers(google_fixtures.ANSWER)) as upstream:
        there = target(upstream.url, id="g", model="g", provider="google", upstream_model="gemini-2.5-flash")
        async with serving(home, echo(), there, routes=(route("t", fallbacks=("g",)),)) as (client, _):
            config = types.GenerateContentConfig(tools=[types.Tool(google_search=types.GoogleSearch())])
            answer = await client.aio.models.generate_content(model="r", contents=ASK, config=config)
    assert answer.text == "It is warm."
    assert [attempt.target_id for attempt in home.attempts()] == ["t", "g"]


async def test_an_error_event_of_google_arrives_as_one(home: Home) -> None:
    first = {"candidates": [{"content": {"parts": [{"text": "It"}]}, "index": 0}]}
    broken = {"error": {"code": 503, "message": "overloaded", "status": "UNAVAILABLE"}}
    async with google(home, streams(events(first, broken))) as (client, _, _):
        stream = await client.aio.models.generate_content_stream(model="m", contents=ASK)
        with pytest.raises(errors.ServerError, match="overloaded"):
            _ = [piece async for piece in stream]
    assert home.settled()[0].status == "error"


async def test_silence_is_filled_with_nothing_that_the_client_sees(home: Home) -> None:
    """Google's client would take a comment for a broken event."""
    beaten = asyncio.Event()

    async def script(seen: Seen, wire: Wire) -> bool | None:
        await beaten.wait()
        return await streams(events(*google_fixtures.STREAM))(seen, wire)

    async with Upstream(script) as upstream:
        home.publish(key(), targets=(target(upstream.url, provider="google"),))
        async with running(home, heartbeat=0.05) as worker:
            worker.on_piece = beaten.set
            path = "/v1beta/models/m:streamGenerateContent?alt=sse"
            got = await worker.send("POST", path, b'{"contents":[{"parts":[{"text":"Hi"}]}]}')
    assert got.body.startswith(b"\r\n")
    assert b": keep" not in got.body
    assert got.body.endswith(events(*google_fixtures.STREAM))
