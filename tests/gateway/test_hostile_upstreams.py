"""Upstreams that stall, lie, die, send garbage or refuse: each has a clear error, a true record, and leaks nothing."""

import asyncio
from collections.abc import Awaitable
from typing import Any

import pytest

from genaiops.domain import RetryPolicy, TargetTimeouts
from tests.gateway.harness import CHAT, Home, Worker, budget, key, rate, route, running, target
from tests.gateway.upstream import (
    DONE,
    ERROR,
    ROLE,
    STREAM_HEAD,
    Script,
    Seen,
    Upstream,
    Wire,
    answers,
    chunked,
    completion,
    event,
    fails,
    gated,
    raw,
    response,
    stalls,
    stream_events,
    streams,
)

SHORT = TargetTimeouts(connect=20, first_token=0.1, idle=0.1, total=20)
SHORT_IDLE = TargetTimeouts(connect=20, first_token=20, idle=0.1, total=20)
UNHURRIED = TargetTimeouts(connect=20, first_token=20, idle=20, total=20)
TWICE = RetryPolicy(attempts=2, backoff=0.001, backoff_max=0.01, deadline=20)
PART = b'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 500\r\n\r\n{"choices":['
HTML = b"<html>gateway timeout</html>"


async def endless(seen: Seen, wire: Wire) -> bool:
    """A stream that never ends and never says anything."""
    await wire.write(STREAM_HEAD)
    while True:
        await wire.write(chunked(ROLE))
        await asyncio.sleep(0.005)


BEFORE_CONTENT: dict[str, tuple[Script, bool, int, str]] = {
    # script, streamed, status for the client, code in the error and the record
    "stalls before its head": (stalls(), False, 504, "upstream_first_byte_timeout"),
    "stalls in its head": (stalls(b"HTTP/1.1 200 OK\r\ncontent-"), False, 504, "upstream_first_byte_timeout"),
    "stalls in its body": (stalls(PART), False, 504, "upstream_idle_timeout"),
    "closes without a word": (raw(b""), False, 502, "upstream_closed"),
    "closes in its head": (raw(b"HTTP/1.1 200 OK\r\ncont"), False, 502, "upstream_truncated"),
    "promises more than it sends": (raw(PART), False, 502, "upstream_truncated"),
    "speaks no HTTP": (raw(b"SSH-2.0-OpenSSH_9.6\r\n\r\n"), False, 502, "upstream_bad_response"),
    "has two lengths": (
        raw(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\n{}"),
        False,
        502,
        "upstream_bad_response",
    ),
    "answers 200 with a page": (answers(HTML, kind="text/html"), False, 502, "upstream_bad_answer"),
    "answers 200 with half a document": (answers(b'{"choices": [{"mess'), False, 502, "upstream_bad_answer"),
    "answers 200 with another document": (answers({"ok": True}), False, 502, "upstream_bad_answer"),
    "answers 200 with binary": (answers(bytes(range(256)) * 4), False, 502, "upstream_bad_answer"),
    "answers 204": (raw(b"HTTP/1.1 204 No Content\r\n\r\n"), False, 502, "upstream_bad_answer"),
    "redirects": (
        answers(HTML, status=302, headers={"location": "http://169.254.169.254/"}),
        False,
        502,
        "upstream_bad_response",
    ),
    "answers 500": (fails(500), False, 502, "c"),
    "answers 503": (fails(503), False, 503, "c"),
    "answers 529": (fails(529), False, 503, "c"),
    "answers 500 with a page": (answers(HTML, status=500, kind="text/html"), False, 502, "upstream_error"),
    "answers 401": (fails(401, "Incorrect API key provided: sk-real"), False, 502, "provider_authentication"),
    "answers 403": (fails(403), False, 502, "provider_authentication"),
    "answers 429": (fails(429, headers={"retry-after": "30"}), False, 429, "c"),
    "answers 404": (fails(404), False, 404, "c"),
    "answers 400": (fails(400), False, 400, "c"),
    "sends a document for a stream": (answers(), True, 502, "upstream_bad_response"),
    "sends garbage for events": (streams(b"hello world\n\n"), True, 502, "upstream_bad_stream"),
    "sends an event of garbage": (streams(b"data: {{{\n\n"), True, 502, "upstream_bad_answer"),
    "sends an error event first": (streams(ROLE, ERROR), True, 502, "upstream_stream_error"),
    "ends a stream before content": (streams(ROLE), True, 502, "upstream_truncated"),
    "dies before content": (streams(ROLE, end=False), True, 502, "upstream_truncated"),
    "stalls before content": (stalls(STREAM_HEAD + chunked(ROLE)), True, 504, "upstream_idle_timeout"),
    "breaks the chunking": (raw(STREAM_HEAD + b"zz\r\nhello\r\n"), True, 502, "upstream_bad_response"),
    "promises a longer chunk": (raw(STREAM_HEAD + b"fff\r\n" + ROLE), True, 502, "upstream_truncated"),
}


def _timeouts(code: str, *, streamed: bool) -> TargetTimeouts:
    """Short ones only for what ends by them: on a busy machine anything may take a tenth of a second."""
    if not code.endswith("_timeout"):
        return UNHURRIED
    return SHORT_IDLE if streamed else SHORT


def _configure(home: Home, url: str, timeouts: TargetTimeouts) -> None:
    keys = key(budgets=(budget("tokens", 1_000_000),), rate_limits=(rate(concurrency=5),))
    one = target(url, timeouts=timeouts)
    home.publish(keys, targets=(one,), routes=(route("t", retry=TWICE),))


def _ask(worker: Worker, *, streamed: bool) -> Awaitable[Any]:
    return worker.post(body={**CHAT, "model": "r", "stream": streamed})


@pytest.mark.parametrize("name", list(BEFORE_CONTENT))
async def test_failing_before_content(home: Home, name: str) -> None:
    script, streamed, status, code = BEFORE_CONTENT[name]
    async with Upstream(script) as up:
        _configure(home, up.url, _timeouts(code, streamed=streamed))
        async with running(home) as worker:
            got = await _ask(worker, streamed=streamed)
            await worker.quiet()
            used = worker.used("bud_tokens")
    assert (got.status, got.cut) == (status, False)
    assert got.headers["content-type"] == "application/json"
    assert set(got.error) >= {"message", "type", "code", "param", "request_id"}
    assert got.error["code"] == code
    assert ".." not in got.error["message"]
    assert "sk-real" not in got.body.decode()
    assert "Traceback" not in got.body.decode()
    settled = home.settled()[0]
    assert (settled.status, settled.http_status, settled.error_type) == ("error", status, code)
    assert [attempt.status for attempt in settled.attempts] == ["error"] * len(up.seen)
    assert not any(attempt.pays for attempt in settled.attempts)
    assert used == 0
    assert up.connections <= 1  # an idle one in the pool is no leak


@pytest.mark.parametrize("name", list(BEFORE_CONTENT))
async def test_another_target_saves_the_call(home: Home, name: str) -> None:
    script, streamed, status, code = BEFORE_CONTENT[name]
    good = streams(*stream_events("saved")) if streamed else answers(completion("saved"))
    async with Upstream(script) as bad, Upstream(good) as up:
        targets = (target(bad.url, timeouts=_timeouts(code, streamed=streamed)), target(up.url, id="u"))
        home.publish(key(), targets=targets, routes=(route("t", fallbacks=("u",)),))
        async with running(home) as worker:
            got = await _ask(worker, streamed=streamed)
            await worker.quiet()
    if status in (400, 404):  # the request is at fault: nobody else is asked
        assert got.status == status
        assert not up.seen
        return
    assert got.status == 200
    assert b"saved" in got.body
    assert got.headers["x-genaiops-target"] == "u"
    assert got.headers["x-genaiops-attempts"] == "2"
    first, second = home.attempts()
    assert (first.target_id, first.status, first.pays) == ("t", "error", False)
    assert (second.target_id, second.status, second.pays, second.reason) == ("u", "ok", True, "fallback")
    assert home.settled()[0].status == "ok"


CONTENT = event("one two three")
AFTER_CONTENT: dict[str, tuple[Script, str]] = {
    "dies": (gated(CONTENT, raw(b"")), "upstream_truncated"),
    "dies at once": (streams(CONTENT, end=False), "upstream_truncated"),
    "ends early": (gated(CONTENT, raw(b"0\r\n\r\n")), "upstream_truncated"),
    "stalls": (gated(CONTENT, stalls()), "upstream_idle_timeout"),
    "sends garbage": (gated(CONTENT, raw(chunked(b"garbage\n\n"))), "upstream_bad_stream"),
    "breaks the chunking": (gated(CONTENT, raw(b"qq\r\n")), "upstream_bad_response"),
    "sends an error": (gated(CONTENT, raw(chunked(ERROR))), "upstream_stream_error"),
    "sends an error with content": (streams(CONTENT + ERROR, DONE), "upstream_stream_error"),
}


@pytest.mark.parametrize("name", list(AFTER_CONTENT))
async def test_failing_after_content(home: Home, name: str) -> None:
    """No other target can continue the text: the client gets what came, an error event and a cut, and is charged."""
    script, code = AFTER_CONTENT[name]
    async with Upstream(script) as bad, Upstream(streams(*stream_events("other"))) as up:
        targets = (target(bad.url, timeouts=_timeouts(code, streamed=True)), target(up.url, id="u"))
        keys = key(budgets=(budget("tokens", 1_000_000),))
        home.publish(keys, targets=targets, routes=(route("t", fallbacks=("u",)),))
        async with running(home) as worker:
            worker.on_piece = bad.gate.set
            got = await _ask(worker, streamed=True)
            await worker.quiet()
            used = worker.used("bud_tokens")
    assert (got.status, got.cut) == (200, True)
    assert got.text == "one two three"
    assert "message" in got.events[-1]["error"]
    assert "[DONE]" not in got.events
    assert not up.seen
    settled = home.settled()[0]
    assert (settled.status, settled.http_status, settled.error_type) == ("error", 200, code)
    attempt = settled.attempts[0]
    assert attempt.pays
    assert attempt.usage is not None
    assert attempt.usage.estimated
    assert attempt.usage.output_tokens == 3
    assert used == attempt.usage.total_tokens


async def test_a_stream_that_never_says_anything_is_given_up(home: Home) -> None:
    async with Upstream(endless) as up:
        home.publish(key(), targets=(target(up.url, timeouts=TargetTimeouts(first_token=0.2, idle=10, total=20)),))
        async with running(home, hold_back=1 << 40) as worker:
            got = await worker.stream()
            await worker.quiet()
    assert got.status == 504
    assert got.error["code"] == "upstream_first_token_timeout"
    assert home.attempts()[0].error_type == "upstream_first_token_timeout"


async def test_a_document_without_an_end_is_given_up(home: Home) -> None:
    async with Upstream(raw(b"HTTP/1.1 200 OK\r\ncontent-length: 9999999999\r\n\r\n" + b"x" * 10_000)) as up:
        home.publish(key(), targets=(target(up.url),))
        async with running(home, answer_limit=5000) as worker:
            got = await worker.post()
            await worker.quiet()
    assert (got.status, got.error["code"]) == (502, "upstream_response_too_large")


async def test_an_answer_longer_than_promised_is_not_believed_further(home: Home) -> None:
    """What follows the announced length is no response of anybody's: the connection is not used again."""
    async with Upstream(
        raw(response(200, completion("one")) + b"HTTP/1.1 200 OK\r\n\r\nstowaway"), answers(completion("two"))
    ) as up:
        home.publish(key(), targets=(target(up.url),))
        async with running(home) as worker:
            first, second = await worker.post(), await worker.post()
            await worker.quiet()
    assert b"one" in first.body
    assert b"two" in second.body
    assert len(up.seen) == 2


async def test_events_split_at_every_byte(home: Home) -> None:
    whole = b"".join(stream_events("Grüße ", "an alle"))
    pieces = [whole[at : at + 1] for at in range(len(whole))]
    async with Upstream(streams(*pieces), streams(whole)) as up:
        home.publish(key(), targets=(target(up.url),))
        async with running(home) as worker:
            split, joined = await worker.stream(), await worker.stream()
            await worker.quiet()
    assert split.text == joined.text == "Grüße an alle"
    assert split.body == joined.body
    one, two = home.attempts()
    assert one.usage == two.usage


@pytest.mark.parametrize("cut", [40, 90, 200])
async def test_any_prefix_of_a_stream_is_no_success(home: Home, cut: int) -> None:
    whole = b"".join(stream_events("some words", " more"))

    async def script(seen: Seen, wire: Wire) -> bool:
        await wire.write(STREAM_HEAD + chunked(whole[:cut]))
        return False

    async with Upstream(script) as up:
        home.publish(key(), targets=(target(up.url),))
        async with running(home) as worker:
            got = await worker.stream()
            await worker.quiet()
    assert got.cut or got.status == 502
    assert home.settled()[0].status == "error"


async def test_no_upstream_at_all(home: Home) -> None:
    async with Upstream(answers()) as up:
        url = up.url
    home.publish(key(), targets=(target(url),))
    async with running(home) as worker:
        got = await worker.post()
        await worker.quiet()
    assert (got.status, got.error["code"]) == (502, "upstream_connect_failed")
    assert "127.0.0.1" not in got.error["message"]


async def test_a_credential_is_never_quoted(home: Home) -> None:
    home.secrets.put("PROVIDER_KEY", "sk-real-secret")
    async with Upstream(fails(400, "your key sk-real-secret is odd"), fails(401, "bad key sk-real-secret")) as up:
        home.publish(key(), targets=(target(up.url, credentials=("PROVIDER_KEY",)),))
        async with running(home) as worker:
            first, second = await worker.post(), await worker.post()
            await worker.quiet()
    assert up.seen[0].headers["authorization"] == "Bearer sk-real-secret"
    assert "[credential]" in first.error["message"]
    assert "sk-real-secret" not in first.body.decode() + second.body.decode()
    assert "sk-real-secret" not in str(home.records())
