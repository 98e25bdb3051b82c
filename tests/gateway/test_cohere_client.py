"""Cohere's official clients in front: served as they are by Cohere, translated for targets that speak OpenAI's chat."""

import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from genaiops.domain import CachePolicy, Usage
from tests.gateway.harness import KEY, Home, Worker, budget, key, price, route, running, target
from tests.gateway.upstream import Script, Upstream, answers, fails, streams

if TYPE_CHECKING:
    from cohere.core import RequestOptions

ASK: Any = [{"role": "user", "content": "The quick brown fox"}]
ONCE: "RequestOptions" = {"max_retries": 0, "timeout_in_seconds": 20}
TOOL: Any = {
    "type": "function",
    "function": {"name": "lookup", "description": "looks up", "parameters": {"type": "object"}},
}
OPERATIONS = ("chat", "embeddings", "rerank")
USED = {"billed_units": {"input_tokens": 10, "output_tokens": 5}, "tokens": {"input_tokens": 70, "output_tokens": 5}}
ANSWER = {
    "id": "c-1",
    "finish_reason": "COMPLETE",
    "message": {"role": "assistant", "content": [{"type": "text", "text": "Hello."}]},
    "usage": {**USED, "cached_tokens": 4},
}


def event(kind: str, **fields: Any) -> bytes:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **fields})}\n\n".encode()


def content(kind: str, **said: str) -> bytes:
    return event(kind, index=0, delta={"message": {"content": said}})


EVENTS = [
    event("message-start", id="c-1", delta={"message": {"role": "assistant", "content": []}}),
    content("content-start", type="text", text=""),
    content("content-delta", text="Hel"),
    content("content-delta", text="lo."),
    event("content-end", index=0),
    event("message-end", delta={"finish_reason": "COMPLETE", "usage": USED}),
    b"data: [DONE]\n\n",
]


class Clients:
    def __init__(self, worker: Worker) -> None:
        from cohere import AsyncClient, AsyncClientV2

        url = f"http://127.0.0.1:{worker.port}"
        self.worker = worker
        self.v2 = AsyncClientV2(api_key=KEY, base_url=url, timeout=20)
        self.v1 = AsyncClient(api_key=KEY, base_url=url, timeout=20)


@asynccontextmanager
async def serving(home: Home, *targets: Any, keyed: Any = None, **parts: Any) -> AsyncGenerator[Clients]:
    home.publish(keyed or key(), targets=targets, **parts)
    async with running(home) as worker:
        clients = Clients(worker)
        async with clients.v1, clients.v2:
            yield clients
            await worker.quiet()


def echo(**settings: str) -> Any:
    return target(None, provider="echo", upstream_model="echo", settings=settings, operations=OPERATIONS)


@asynccontextmanager
async def native(home: Home, *scripts: Script, **parts: Any) -> AsyncGenerator[tuple[Clients, Upstream]]:
    home.secrets.put("cohere", "co-secret")
    async with Upstream(*scripts) as up:
        there = target(
            up.url, provider="cohere", upstream_model="command", credentials=("cohere",), operations=OPERATIONS
        )
        async with serving(home, there, **parts) as clients:
            yield clients, up


def text_of(answer: Any) -> str:
    return "".join(part.text for part in answer.message.content or () if part.type == "text")


# -- targets that speak chat


async def test_chat_at_a_target_that_speaks_chat(home: Home) -> None:
    async with serving(home, echo(cached_tokens="1")) as clients:
        answer = await clients.v2.chat(model="m", messages=ASK, max_tokens=2)
    assert (text_of(answer), answer.finish_reason) == ("The quick ", "MAX_TOKENS")
    assert answer.usage is not None
    assert answer.usage.tokens is not None
    assert (answer.usage.tokens.input_tokens, answer.usage.tokens.output_tokens) == (4, 2)
    assert answer.usage.cached_tokens == 1
    assert home.attempts()[0].usage == Usage(3, 1, 0, 2)


async def test_a_stream_at_a_target_that_speaks_chat(home: Home) -> None:
    async with serving(home, echo()) as clients:
        events: list[Any] = [one async for one in clients.v2.chat_stream(model="m", messages=ASK)]
    assert [one.type for one in events] == [
        "message-start", "content-start", *["content-delta"] * 4, "content-end", "message-end",
    ]  # fmt: skip
    said = "".join(one.delta.message.content.text for one in events if one.type == "content-delta")
    assert said == "The quick brown fox"
    assert (events[-1].delta.finish_reason, events[-1].delta.usage.billed_units.output_tokens) == ("COMPLETE", 4)
    assert home.attempts()[0].usage == Usage(4, 0, 0, 4)


async def test_tools_there_and_back(home: Home) -> None:
    async with serving(
        home, echo(script='[{"tool":"lookup","text":"{\\"q\\": 1}"},{"tool":"lookup","text":"{}"},{}]')
    ) as c:
        first = await c.v2.chat(model="m", messages=ASK, tools=[TOOL], tool_choice="REQUIRED")
        events: list[Any] = [one async for one in c.v2.chat_stream(model="m", messages=ASK, tools=[TOOL])]
        calls = first.message.tool_calls
        assert calls is not None
        [call] = calls
        result: Any = {"type": "document", "document": {"data": {"found": "it"}}}
        turns: Any = [*ASK, first.message, {"role": "tool", "tool_call_id": call.id, "content": [result]}]
        last = await c.v2.chat(model="m", messages=turns, tools=[TOOL])
    assert call.function is not None
    assert (call.function.name, call.function.arguments, first.finish_reason) == ("lookup", '{"q": 1}', "TOOL_CALL")
    assert [one.type for one in events][1:-1] == ["tool-call-start", "tool-call-delta", "tool-call-end"]
    assert events[1].delta.message.tool_calls.function.name == "lookup"
    assert events[-1].delta.finish_reason == "TOOL_CALL"
    assert text_of(last) == "The quick brown fox"


@pytest.mark.parametrize("kind", ["float", "base64"])
async def test_embeddings_at_a_target_that_speaks_openai(home: Home, kind: Any) -> None:
    texts = ["one two", "three"]
    async with serving(home, echo()) as clients:
        answer = await clients.v2.embed(model="m", texts=texts, input_type="search_query", embedding_types=[kind])
        plain = await clients.worker.post("/v1/embeddings", {"model": "m", "input": texts})
        refused = await clients.worker.post("/v2/embed", {"model": "m", "texts": texts, "embedding_types": ["int8"]})
    vectors = [one["embedding"] for one in plain.json["data"]]
    if kind == "float":
        assert answer.embeddings.float_ == vectors
    else:
        assert [len(one) for one in answer.embeddings.base64 or ()] == [44, 44]  # eight float32 each
    assert answer.texts == texts
    assert answer.meta is not None
    assert answer.meta.billed_units is not None
    assert answer.meta.billed_units.input_tokens == 3
    assert (refused.status, "embedding_types.0" in refused.json["message"]) == (400, True)
    assert home.attempts()[0].usage == Usage(3)


@pytest.mark.filterwarnings("ignore::pydantic.warnings.PydanticDeprecationWarning")  # by the client itself
async def test_embed_of_the_first_version_where_it_answers_alike(home: Home) -> None:
    import cohere

    asked: Any = {"model": "m", "texts": ["one two"], "input_type": "search_query"}
    async with serving(home, echo()) as clients:
        answer: Any = await clients.v1.embed(**asked, embedding_types=["float"])
        with pytest.raises(cohere.BadRequestError, match="embedding_types"):
            await clients.v1.embed(**asked)
    assert [len(one) for one in answer.embeddings.float_] == [8]


async def test_rerank_by_both_versions(home: Home) -> None:
    import cohere

    ranked = ["a brown fox", "a hen", "the quick brown fox"]
    async with serving(home, echo()) as clients:
        v2 = await clients.v2.rerank(model="m", query="brown fox", documents=ranked, top_n=2)
        v1 = await clients.v1.rerank(model="m", query="brown fox", documents=ranked, return_documents=True)
        with pytest.raises(cohere.BadRequestError) as empty:
            await clients.v2.rerank(model="m", query="x", documents=[])
    assert len(v2.results) == 2
    assert {one.index for one in v2.results} == {0, 2}
    assert [one.document.text for one in v1.results if one.document is not None] == [
        ranked[one.index] for one in v1.results
    ]
    body: Any = empty.value.body
    assert set(body) == {"id", "message"}


async def test_errors_are_the_clients_own(home: Home) -> None:
    import cohere
    from cohere import AsyncClientV2

    async with serving(home, echo(), keyed=key(budgets=(budget("calls", 1, period="total"),))) as clients:
        with pytest.raises(cohere.NotFoundError) as unknown:
            await clients.v2.chat(model="x", messages=ASK)
        body: Any = unknown.value.body
        assert body["id"] == (unknown.value.headers or {})["x-genaiops-request-id"]
        assert "'x'" in body["message"]
        with pytest.raises(cohere.BadRequestError, match="documents"):
            await clients.v2.chat(model="m", messages=ASK, documents=["one"])
        await clients.v2.chat(model="m", messages=ASK)
        with pytest.raises(cohere.TooManyRequestsError, match="budget"):
            await clients.v2.chat(model="m", messages=ASK, request_options=ONCE)
        stranger = AsyncClientV2(api_key="sk-wrong", base_url=f"http://127.0.0.1:{clients.worker.port}")
        async with stranger:
            with pytest.raises(cohere.UnauthorizedError):
                await stranger.chat(model="m", messages=ASK)
        with pytest.raises(cohere.NotImplementedError, match="/v2/chat"):
            await clients.v1.chat(model="m", message="x", request_options=ONCE)


async def test_a_stream_that_dies_in_the_middle_says_so(home: Home) -> None:
    async with serving(home, echo(fault="die", text="one two three four")) as clients:
        got = await clients.worker.post("/v2/chat", {"model": "m", "messages": ASK, "stream": True})
    last = got.body.split(b"\n\n")[-2]
    assert last.startswith(b"event: message-end\n")
    assert json.loads(last.split(b"data: ")[1])["delta"]["finish_reason"] == "ERROR"
    assert home.settled()[0].status == "error"


# -- Cohere itself


async def test_chat_passes_through_byte_for_byte(home: Home) -> None:
    raw = b'{"model":"command", "messages":[{"role":"user","content":"caf\\u00e9"}],"documents":["one"],"p":0.750}'
    async with native(home, answers(ANSWER), routes=(route("t", name="command"),)) as (clients, up):
        got = await clients.worker.send("POST", "/v2/chat", raw)
        [seen] = up.seen
    assert (got.status, got.json, seen.body, seen.path) == (200, ANSWER, raw, "/v1/chat")
    assert seen.headers["authorization"] == "Bearer co-secret"
    [attempt] = home.attempts()
    assert (attempt.usage, attempt.finish_reason) == (Usage(6, 4, 0, 5), "stop")


async def test_a_native_stream_is_accounted_and_passed_on(home: Home) -> None:
    async with native(home, streams(b"".join(EVENTS)[:300], b"".join(EVENTS)[300:])) as (clients, up):
        events: list[Any] = [one async for one in clients.v2.chat_stream(model="m", messages=ASK)]
        [seen] = up.seen
    assert "".join(one.delta.message.content.text for one in events if one.type == "content-delta") == "Hello."
    assert (json.loads(seen.body)["model"], seen.headers["accept"]) == ("command", "text/event-stream")
    assert home.attempts()[0].usage == Usage(10, 0, 0, 5)
    assert home.bodies()[-1] == b"".join(EVENTS[:-1])


async def test_a_cap_is_put_into_a_native_call(home: Home) -> None:
    keyed = key(budgets=(budget("tokens", 10**6, period="total"),))
    async with native(home, answers(ANSWER), keyed=keyed) as (clients, up):
        await clients.v2.chat(model="m", messages=ASK)
        [seen] = up.seen
    assert isinstance(json.loads(seen.body)["max_tokens"], int)


async def test_native_embeddings_of_every_type(home: Home) -> None:
    from cohere.core.api_error import ApiError

    answer = {
        "id": "e",
        "embeddings": {"int8": [[1, -2]]},
        "texts": ["x"],
        "meta": {"billed_units": {"input_tokens": 3}},
    }
    async with native(home, answers(answer), answers({"id": "e", "embeddings": {}})) as (clients, _):
        got = await clients.v2.embed(model="m", texts=["x"], input_type="clustering", embedding_types=["int8"])
        with pytest.raises(ApiError) as none:
            await clients.v2.embed(model="m", texts=["x"], input_type="clustering", request_options=ONCE)
    assert (got.embeddings.int8, none.value.status_code) == ([[1, -2]], 502)
    assert home.attempts()[0].usage == Usage(3)


async def test_native_rerank_passes_through(home: Home) -> None:
    raw = b'{"model":"command", "query":"caf\\u00e9","documents":["a","{b}"],"max_tokens_per_doc":9}'
    answer = {
        "id": "r",
        "results": [{"index": 1, "relevance_score": 0.5}],
        "meta": {"billed_units": {"search_units": 1}},
    }
    async with native(home, answers(answer), routes=(route("t", name="command"),)) as (clients, up):
        got = await clients.worker.send("POST", "/v2/rerank", raw)
        [seen] = up.seen
    assert (got.json, seen.body, seen.path) == (answer, raw, "/v1/rerank")
    assert home.attempts()[0].usage == Usage(searches=1)


async def test_a_fallback_from_cohere_to_chat(home: Home) -> None:
    home.secrets.put("cohere", "co-secret")
    async with Upstream(fails(503)) as up:
        there = target(up.url, provider="cohere", upstream_model="command", credentials=("cohere",))
        other = target(None, id="e", model="other", provider="echo", upstream_model="echo")
        async with serving(home, there, other, routes=(route("t", fallbacks=("e",)),)) as clients:
            answer = await clients.v2.chat(model="r", messages=ASK)
    assert text_of(answer) == "The quick brown fox"
    assert [attempt.status for attempt in home.attempts()][-1] == "ok"


async def test_limits_hold_for_coheres_calls(home: Home) -> None:
    keyed = key(budgets=(budget("money", 10**9, period="total"), budget("tokens", 10**6, period="total", id="b2")))
    async with serving(home, echo(), keyed=keyed, prices=(price(provider="echo", model="echo"),)) as clients:
        await clients.v2.chat(model="m", messages=ASK)
        await clients.v2.embed(model="m", texts=["a b"], input_type="search_document")
    for admitted, settled in zip(home.admitted(), home.settled(), strict=True):
        reserved = {charge.budget_id: charge.amount for charge in admitted.reserved}
        charged = {charge.budget_id: charge.amount for charge in settled.charged}
        assert all(reserved[name] >= charged[name] > 0 for name in charged)


@pytest.mark.parametrize("stream", [False, True])
async def test_coheres_calls_are_cached(home: Home, stream: bool) -> None:
    cached = route("t", cache=CachePolicy(mode="exact"))
    script = streams(b"".join(EVENTS)) if stream else answers(ANSWER)
    async with native(home, script, routes=(cached,)) as (clients, up):
        body = {"model": "r", "messages": ASK, "stream": stream}
        first, second = [await clients.worker.post("/v2/chat", body) for _ in range(2)]
        assert len(up.seen) == 1
    assert (first.headers["x-genaiops-cache"], second.headers["x-genaiops-cache"][:3]) == ("miss", "hit")
    assert first.body == second.body
