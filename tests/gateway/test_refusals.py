"""What is turned away before dispatch: exact status, an error in OpenAI's form, and a record where the key is known."""

from typing import Any

import pytest

from tests.gateway.harness import CHAT, KEY, Home, key, route, running, target
from tests.gateway.upstream import Upstream, answers

BAD_BODIES: dict[str, tuple[Any, str, str | None]] = {
    # body, code, param
    "nothing": (b"", "invalid_json", None),
    "no JSON": (b"hello", "invalid_json", None),
    "half of a document": (b'{"model": "m", "messages": [', "invalid_json", None),
    "something behind it": (b'{"model": "m", "messages": []} x', "invalid_json", None),
    "a list": (b"[]", "invalid_value", None),
    "not UTF-8": (b'{"model": "m\xff", "messages": []}', "invalid_json", None),
    "no model": ({"messages": []}, "invalid_value", "model"),
    "a number for the model": ({"model": 1, "messages": []}, "invalid_value", "model"),
    "no messages": ({"model": "m"}, "invalid_value", "messages"),
    "a text for the messages": ({"model": "m", "messages": "hi"}, "invalid_value", "messages"),
    "a text as a message": ({"model": "m", "messages": ["hi"]}, "invalid_value", "messages[0]"),
    "a text for stream": ({**CHAT, "stream": "yes"}, "invalid_value", "stream"),
    "a negative cap": ({**CHAT, "max_tokens": -1}, "invalid_value", "max_tokens"),
    "a fraction of a cap": ({**CHAT, "max_tokens": 1.5}, "invalid_value", "max_tokens"),
    "an enormous cap": ({**CHAT, "max_completion_tokens": 10**30}, "invalid_value", "max_completion_tokens"),
    "no answers": ({**CHAT, "n": 0}, "invalid_value", "n"),
    "a number for the user": ({**CHAT, "user": 7}, "invalid_value", "user"),
    "odd stream options": (
        {**CHAT, "stream_options": {"include_usage": 1}},
        "invalid_value",
        "stream_options.include_usage",
    ),
    "an unknown extension": ({**CHAT, "genaiops": {"colour": 1}}, "invalid_value", "genaiops"),
    "deep nesting": (
        b'{"model": "m", "messages": [], "x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        "invalid_json",
        None,
    ),
}


@pytest.mark.parametrize("name", list(BAD_BODIES))
async def test_bad_bodies(home: Home, name: str) -> None:
    body, code, param = BAD_BODIES[name]
    home.publish(key(), targets=(target("http://127.0.0.1:1/v1"),))
    async with running(home) as worker:
        got = await worker.post(body=body)
        await worker.quiet()
    assert (got.status, got.error["code"], got.error["param"]) == (400, code, param)
    assert got.error["type"] == "invalid_request_error"
    assert got.error["request_id"] == got.headers["x-request-id"] == got.headers["x-genaiops-request-id"]
    refused = home.refused()[0]
    assert (refused.http_status, refused.error_type, refused.admitted.key_id) == (400, code, "key_1")
    assert refused.admitted.request_id == got.error["request_id"]
    assert home.bodies() == [b""]


UNREAD = [
    ("openai", b'"\xff": 1'),
    ("cohere", b'"parallel_tool_calls": "\xff"'),
    ("mistral", b'"modalities": 1e999'),
    ("google", b'"parallel_tool_calls": ["\xff"]'),
    ("bedrock", b'"seed": ["\xff"]'),
    ("echo", b'"seed": 1e999'),
]


@pytest.mark.parametrize(("provider", "field"), UNREAD)
async def test_what_is_wrong_where_only_the_target_has_to_look(home: Home, provider: str, field: bytes) -> None:
    """What is passed on unread may be no JSON; who reads it at last says so, and it is no fault of ours."""
    one = target("http://127.0.0.1:1/v1", provider=provider, upstream_model="other", region="eu-west-1")
    home.publish(key(), targets=(one,))
    async with running(home) as worker:
        got = await worker.post(body=b'{"model": "m", "messages": [{"role": "user", "content": "x"}], ' + field + b"}")
        await worker.quiet()
    assert got.status == 400, got.body
    assert got.error["message"].startswith("The body is")


@pytest.mark.parametrize(("path", "missing"), [("/v1/embeddings", "input"), ("/v1/chat/completions", "messages")])
async def test_a_missing_field_is_named(home: Home, path: str, missing: str) -> None:
    home.publish(key(), targets=(target("http://127.0.0.1:1/v1"),))
    async with running(home) as worker:
        got = await worker.post(path, {"model": "m"})
    assert got.error["param"] == missing
    assert missing in got.error["message"]


async def test_a_body_that_is_too_large(home: Home) -> None:
    home.publish(key(), targets=(target("http://127.0.0.1:1/v1"),))
    async with running(home, body_limit=10_000) as worker:
        got = await worker.post(body=b"x" * 10_001)
        await worker.quiet()
    assert (got.status, got.error["code"]) == (413, "request_too_large")
    assert home.refused()[0].http_status == 413


async def test_the_largest_body_that_is_not(home: Home) -> None:
    body = {**CHAT, "messages": [{"role": "user", "content": "x" * (10 * 1024 * 1024 - 120)}]}
    async with Upstream(answers()) as up:
        home.publish(key(), targets=(target(up.url),))
        async with running(home) as worker:
            assert (await worker.post(body=body)).status == 200
            body["messages"][0]["content"] += "x" * 120
            assert (await worker.post(body=body)).status == 413
            await worker.quiet()


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({}, "missing_api_key"),
        ({"authorization": "Basic abc"}, "invalid_api_key"),
        ({"authorization": "Bearer "}, "invalid_api_key"),
        ({"authorization": "Bearer sk-wrong"}, "invalid_api_key"),
        ({"x_api_key": "sk-wrong"}, "invalid_api_key"),
        ({"cookie": f"session={KEY}; authorization={KEY}"}, "missing_api_key"),
    ],
)
async def test_no_key_or_an_unknown_one(home: Home, headers: dict[str, str], code: str) -> None:
    home.publish(key(), targets=(target("http://127.0.0.1:1/v1"),))
    async with running(home) as worker:
        got = await worker.post(key=None, **headers)
        worker.gateway._gauges._next = 0
        worker.gateway.poll()
        assert home.gauge("unknown_keys") == 1
    assert (got.status, got.error["code"], got.error["type"]) == (401, code, "authentication_error")
    assert got.headers["www-authenticate"] == "Bearer"
    assert "sk-wrong" not in got.body.decode()
    assert not home.records()


async def test_either_header_carries_the_key(home: Home) -> None:
    async with Upstream(answers()) as up:
        home.publish(key(), targets=(target(up.url),))
        async with running(home) as worker:
            assert (await worker.post(key=None, x_api_key=KEY)).status == 200
            assert (await worker.post(key=None, authorization=f"bearer {KEY}")).status == 200


KEYS: dict[str, tuple[dict[str, Any], int, str]] = {
    "past its time": ({"not_after_us": 1}, 401, "expired_api_key"),
    "for the REST API only": ({"scopes": ("api",)}, 403, "key_scope"),
    "for other addresses": ({"addresses": ("10.0.0.0/8", "::1/128")}, 403, "address_not_allowed"),
    "for other models": ({"models": ("gpt-*", "n")}, 403, "model_not_allowed"),
}


@pytest.mark.parametrize("name", list(KEYS))
async def test_what_a_key_is_not_for(home: Home, name: str) -> None:
    changes, status, code = KEYS[name]
    home.publish(key(**changes), targets=(target("http://127.0.0.1:1/v1"),))
    async with running(home) as worker:
        got = await worker.post()
        await worker.quiet()
    assert (got.status, got.error["code"]) == (status, code)
    assert (home.refused()[0].http_status, home.refused()[0].error_type) == (status, code)


@pytest.mark.parametrize(
    "changes",
    [
        {"addresses": ("127.0.0.0/8",)},
        {"models": ("m",)},
        {"models": ("x", "m*")},
        {"models": ("*",)},
        {"not_after_us": 1 << 60},
    ],
)
async def test_what_a_key_is_for(home: Home, changes: dict[str, Any]) -> None:
    async with Upstream(answers()) as up:
        home.publish(key(**changes), targets=(target(up.url),))
        async with running(home) as worker:
            assert (await worker.post()).status == 200


async def test_routes_and_models_are_scoped_apart(home: Home) -> None:
    """A key that lists models reaches no other model by way of a route, unless it lists the route too."""
    async with Upstream(answers()) as small, Upstream(answers()) as large:
        home.publish(
            key("a", key_id="a", models=("small",)),
            key("b", key_id="b", models=("small",), routes=("mixed",)),
            key("c", key_id="c", routes=("other",)),
            key("d", key_id="d", models=("tiny",)),
            key("e", key_id="e", models=("mixed",)),
            targets=(target(small.url, id="s", model="small"), target(large.url, id="l", model="large")),
            routes=(route("s", "l", name="mixed"),),
        )
        async with running(home) as worker:

            async def status(who: str, name: str) -> int:
                return (await worker.post(body={**CHAT, "model": name}, key=who)).status

            assert [await status("a", "mixed") for _ in range(8)] == [200] * 8
            assert not large.seen
            assert await status("a", "large") == 403
            assert {await status("b", "mixed") for _ in range(20)} == {200}
            assert large.seen
            assert await status("c", "mixed") == 403
            assert await status("c", "large") == 200
            assert await status("d", "mixed") == 403
            assert [await status("e", name) for name in ("mixed", "small", "large")] == [200, 403, 403]
            assert [one["id"] for one in (await worker.get("/v1/models", key="a")).json["data"]] == ["mixed", "small"]
            assert [one["id"] for one in (await worker.get("/v1/models", key="c")).json["data"]] == ["large", "small"]


async def test_what_messages_have_not_is_told_in_their_words(home: Home) -> None:
    home.publish(key(), targets=(target("http://127.0.0.1:1/v1"),))
    async with running(home) as worker:
        later = await worker.send("POST", "/v1/messages/batches", b"{}")
        wrong = await worker.get("/v1/messages")
    assert (later.status, later.json["type"], later.headers["x-should-retry"]) == (501, "error", "false")
    assert (wrong.status, wrong.json["error"]["type"]) == (405, "invalid_request_error")


async def test_an_unknown_model_lists_what_is_near(home: Home) -> None:
    targets = (
        target("http://127.0.0.1:1/v1", model="smollm2"),
        target("http://127.0.0.1:1/v1", id="u", model="secret"),
    )
    home.publish(key(models=("smol*",)), targets=targets)
    async with running(home) as worker:
        got = await worker.post(body={**CHAT, "model": "smolm2"})
        application = await worker.post(body={**CHAT, "model": "app/support@prod"})
    assert (got.status, got.error["code"], got.error["param"]) == (404, "model_not_found", "model")
    assert "'smollm2'" in got.error["message"]
    assert "secret" not in got.error["message"]
    assert (application.status, application.error["code"]) == (404, "model_not_found")


async def test_a_target_for_another_operation(home: Home) -> None:
    home.publish(key(), targets=(target("http://127.0.0.1:1/v1", operations=("embeddings",)),))
    async with running(home) as worker:
        got = await worker.post()
    assert (got.status, got.error["code"], got.error["param"]) == (400, "operation_not_supported", "model")
    assert "embeddings" in got.error["message"]


async def test_no_target_is_enabled(home: Home) -> None:
    targets = (target("http://127.0.0.1:1/v1", enabled=False),)
    home.publish(key(), targets=targets, routes=(route("t", "gone"),))
    async with running(home) as worker:
        assert (await worker.post()).status == 404
        got = await worker.post(body={**CHAT, "model": "r"})
    assert (got.status, got.error["code"]) == (503, "no_target")


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/v1/responses/resp_1", 501, "endpoint_not_built"),
        ("POST", "/v1/images/edits", 501, "endpoint_not_built"),
        ("POST", "/v1/audio/translations", 501, "endpoint_not_built"),
        ("POST", "/v1/videos/edits", 501, "endpoint_not_built"),
        ("GET", "/v1/files", 501, "endpoint_not_built"),
        ("GET", "/v1/files/file-1/content", 501, "endpoint_not_built"),
        ("POST", "/v1/batches", 501, "endpoint_not_built"),
        ("GET", "/v1/realtime", 501, "endpoint_not_built"),
        ("POST", "/v1/nonsense", 404, "unknown_path"),
        ("POST", "/v1/", 404, "unknown_path"),
        ("GET", "/v1/chat/completions", 405, "method_not_allowed"),
        ("DELETE", "/v1/models/m", 405, "method_not_allowed"),
        ("OPTIONS", "/v1/chat/completions", 405, "method_not_allowed"),
    ],
)
async def test_paths_and_methods(home: Home, method: str, path: str, status: int, code: str) -> None:
    home.publish(key(), targets=(target("http://127.0.0.1:1/v1"),))
    async with running(home) as worker:
        got = await worker.send(method, path, b"")
    assert (got.status, got.error["code"]) == (status, code)
    assert ("allow" in got.headers) == (status == 405)
    assert not [name for name in got.headers if name.startswith("access-control")]


async def test_the_models_of_a_key(home: Home) -> None:
    targets = (
        target(None, id="a", model="one"),
        target(None, id="b", model="two"),
        target(None, id="c", model="off", enabled=False),
    )
    home.publish(key(models=("one",)), targets=targets)
    async with running(home) as worker:
        listing, found = await worker.get("/v1/models"), await worker.get("/v1/models/one")
        hidden, unknown = await worker.get("/v1/models/two"), await worker.get("/v1/models", key=None)
    assert listing.json["object"] == "list"
    assert [one["id"] for one in listing.json["data"]] == ["one"]
    assert found.json == listing.json["data"][0]
    assert found.json["object"] == "model"
    assert (hidden.status, hidden.error["code"], unknown.status) == (404, "model_not_found", 401)


async def test_what_is_no_request_gets_the_same_kind_of_error(home: Home) -> None:
    home.publish(key())
    async with running(home) as worker:
        got = await worker.send("CONNECT", "/x", b"")
    assert got.status == 501
    assert got.error["request_id"] == got.headers["x-request-id"]
