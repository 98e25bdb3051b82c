"""A call from end to end: what the client gets, what the upstream gets, what is recorded."""

import json

from genaiops.core.ids import parse_traceparent
from genaiops.domain import Environment
from tests.gateway.harness import CHAT, KEY, Home, budget, key, price, running, target
from tests.gateway.upstream import DONE, Upstream, answers, completion, event, stream_events, streams


async def test_an_answer_is_passed_through_and_recorded(home: Home) -> None:
    async with Upstream(answers(headers={"x-ratelimit-remaining-requests": "7"})) as up:
        home.publish(key(budgets=(budget("tokens", 10_000),)), targets=(target(up.url),), prices=(price(),))
        async with running(home) as worker:
            got = await worker.post()
            await worker.quiet()
            used = worker.used("bud_tokens")
    assert got.status == 200
    assert got.json == completion()
    assert got.headers["x-genaiops-target"] == "t"
    assert got.headers["x-genaiops-attempts"] == "1"
    assert got.headers["x-genaiops-cache"] == "off"
    assert got.headers["x-genaiops-cost"] == "0.000026000"
    assert got.headers["x-upstream-ratelimit-remaining-requests"] == "7"
    assert up.seen[0].path == "/v1/chat/completions"
    assert up.seen[0].json["model"] == "real-model"
    admitted, settled = home.records()
    assert admitted == home.admitted()[0]
    assert home.bodies()[0] == json.dumps(CHAT).encode()
    assert json.loads(home.bodies()[1]) == completion()
    assert settled == home.settled()[0]
    settled = home.settled()[0]
    assert (settled.status, settled.http_status) == ("ok", 200)
    attempt = settled.attempts[0]
    assert attempt.pays
    assert attempt.usage is not None
    assert attempt.usage.total_tokens == 7
    assert not attempt.usage.estimated
    assert attempt.cost is not None
    assert attempt.cost.nano == 26_000
    assert attempt.server_port == up.port
    assert settled.charged[0].amount == used == 7
    assert got.headers["x-request-id"] == home.admitted()[0].request_id


async def test_a_stream_is_passed_through_and_recorded(home: Home) -> None:
    async with Upstream(streams(*stream_events("Hel", "lo"))) as up:
        home.publish(key(budgets=(budget("tokens", 10_000),)), targets=(target(up.url),), prices=(price(),))
        async with running(home) as worker:
            got = await worker.stream()
            await worker.quiet()
            used = worker.used("bud_tokens")
    assert got.status == 200
    assert not got.cut
    assert got.text == "Hello"
    assert got.events[-1] == "[DONE]"
    assert b"usage" not in got.body  # the gateway asked for it, the client had not
    assert got.headers["content-type"].startswith("text/event-stream")
    settled = home.settled()[0]
    assert settled.status == "ok"
    assert settled.first_token_us is not None
    assert settled.attempts[0].first_token_us is not None
    assert settled.charged[0].amount == used == 7
    assert home.bodies()[1].endswith(DONE)
    assert home.admitted()[0].streamed


async def test_usage_is_estimated_when_the_upstream_sends_none(home: Home) -> None:
    pieces = stream_events("two words", " and more", usage=None)
    async with Upstream(answers(completion("one two three", usage=None)), streams(*pieces)) as up:
        home.publish(key(), targets=(target(up.url),))
        async with running(home) as worker:
            whole = await worker.post()
            await worker.stream()
            await worker.quiet()
    assert whole.headers["x-genaiops-cost"] == "unknown"
    first, second = home.attempts()
    assert first.usage is not None
    assert first.usage.estimated
    assert first.usage.estimator == "words"
    assert (first.usage.input_tokens, first.usage.output_tokens) == (2, 3)
    assert first.cost is not None
    assert first.cost.nano is None
    assert second.usage is not None
    assert (second.usage.input_tokens, second.usage.output_tokens) == (2, 4)


async def test_embeddings_and_completions(home: Home) -> None:
    vectors = {"data": [{"embedding": [0.1]}], "usage": {"prompt_tokens": 3}}
    text = {
        "choices": [{"text": "abc", "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 1},
    }
    async with Upstream(answers(vectors), answers(text)) as up:
        home.publish(key(), targets=(target(up.url),))
        async with running(home) as worker:
            one = await worker.post("/v1/embeddings", {"model": "m", "input": "abc"})
            two = await worker.post("/v1/completions", {"model": "m", "prompt": "abc"})
            await worker.quiet()
    assert (one.status, one.json, two.json) == (200, vectors, text)
    assert [one.operation for one in home.admitted()] == ["embeddings", "text_completion"]


async def test_traceparent_is_honoured_in_and_out(home: Home) -> None:
    sent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    async with Upstream(answers()) as up:
        home.publish(key(), targets=(target(up.url),))
        async with running(home) as worker:
            got = await worker.post(traceparent=sent)
            await worker.post(traceparent="nonsense")
            await worker.quiet()
    first, second = home.admitted()
    assert first.trace_id.hex() == "0af7651916cd43dd8448eb211c80319c"
    assert first.parent_id is not None
    assert first.parent_id.hex() == "b7ad6b7169203331"
    assert second.parent_id is None
    back = parse_traceparent(got.headers["traceparent"].encode())
    onward = parse_traceparent(up.seen[0].headers["traceparent"].encode())
    assert back is not None
    assert back[:2] == (first.trace_id, first.span_id)
    assert onward is not None
    assert onward[:2] == (first.trace_id, home.attempts()[0].span_id)


async def test_nothing_of_the_client_but_the_body_reaches_the_upstream(home: Home) -> None:
    async with Upstream(answers()) as up:
        home.publish(key(), targets=(target(up.url),))
        async with running(home) as worker:
            await worker.post(cookie="session=1", x_secret="hush", user_agent="browser")
    headers = up.seen[0].headers
    assert not {"cookie", "x-secret", "user-agent", "authorization"} & set(headers)
    assert KEY not in str(headers)


async def test_an_environment_that_captures_nothing_keeps_no_content(home: Home) -> None:
    async with Upstream(answers()) as up:
        environment = Environment(id="dev", kind="dev", capture="off", created_us=1)
        home.publish(key(), targets=(target(up.url),), environments=(environment,))
        async with running(home) as worker:
            await worker.post()
            await worker.quiet()
    assert home.bodies() == [b"", b""]
    assert home.admitted()[0].capture == "off"
    assert len(home.settled()[0].output_sha256 or "") == 64


async def test_a_large_body_goes_through_unchanged(home: Home) -> None:
    body = {**CHAT, "messages": [{"role": "user", "content": "x" * 2_000_000}]}
    async with Upstream(answers()) as up:
        home.publish(key(), targets=(target(up.url),))
        async with running(home) as worker:
            got = await worker.post(body=body)
            await worker.quiet()
    assert got.status == 200
    assert up.seen[0].json["messages"] == body["messages"]
    assert json.loads(home.bodies()[0]) == body


async def test_a_stream_without_done_ends_well_after_a_finish_reason(home: Home) -> None:
    async with Upstream(streams(event("hi"), event(finish="stop"))) as up:
        home.publish(key(), targets=(target(up.url),))
        async with running(home) as worker:
            got = await worker.stream()
            await worker.quiet()
    assert not got.cut
    assert home.settled()[0].status == "ok"


async def test_properties_of_headers_and_metadata_stand_in_the_record(home: Home) -> None:
    home.publish(key(), targets=(target(None, provider="echo", upstream_model="echo"),))
    async with running(home) as worker:
        body = {"model": "m", "messages": [{"role": "user", "content": "hi"}], "metadata": {"ticket": "A-7"}}
        named = {"helicone-property-app": "desk", "helicone-session-id": "s-1", "helicone-user-id": "u-9"}
        got = await worker.send("POST", "/v1/chat/completions", json.dumps(body).encode(), **named)
    assert got.status == 200, got.body
    [call] = home.admitted()
    assert call.properties == {"app": "desk", "session_id": "s-1", "user_id": "u-9", "ticket": "A-7"}
    assert (call.session_id, call.user_id, call.user_verified) == ("s-1", "u-9", False)
