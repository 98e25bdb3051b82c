"""Answers that a classifier looks at before they go out: as a whole, and as streams, piece by piece."""

import asyncio
from typing import Any

import pytest

from genaiops.domain import GuardRule, TargetTimeouts
from genaiops.guard._windows import MOST, OVERLAP
from genaiops.ports.providers import Dialect
from tests.gateway.guard_cases import Way, answer_of, behind, encoded, holds, marked, plain, speaks
from tests.gateway.guarding_calls import TICKET, asked, fragments, policy
from tests.gateway.guarding_calls import rule as words
from tests.gateway.harness import Got, Home, key, price, route, running, target, until
from tests.gateway.test_guard_conformance import ANSWERING, STREAMED, _marked_events
from tests.gateway.test_guarding import continued
from tests.gateway.test_holding import ASKED, place
from tests.gateway.upstream import ROLE, Upstream, answers, completion, event, gated, stream_events, streams
from tests.guard.scores import Scores
from tests.guard.surfaces.streams import STREAMS

BLOCK = GuardRule(id="tox", detector="toxicity", direction="out", action="block", message="Not like this.")
LONG = "It is said that the sea is calm today. " * 30


def tox(**changes: Any) -> GuardRule:
    fields: dict[str, Any] = {"id": "tox", "detector": "toxicity", "direction": "out", "action": "block", **changes}
    return GuardRule(**fields)


async def called(
    home: Home, script: Any, rule: GuardRule, scores: Scores | None, *, streamed: bool = False, **parts: Any
) -> Got:
    async with Upstream(script) as upstream:
        home.publish(key(), targets=(target(upstream.url),), prices=(price(),), guards=(policy(rule),), **parts)
        if scores is not None:
            home.guards = scores.guards
        async with running(home) as worker:
            got = await worker.post(body=asked("Hi", stream=streamed))
            await worker.quiet()
    return got


def said(text: str, *, streamed: bool, size: int = 7) -> Any:
    return streams(*fragments(text, size)) if streamed else answers(completion(text))


@pytest.mark.parametrize("streamed", [False, True])
async def test_what_it_finds_is_stopped_and_paid_for(home: Home, streamed: bool) -> None:
    scores = Scores()
    got = await called(home, said("You are bad", streamed=streamed), BLOCK, scores, streamed=streamed)
    assert (got.status, got.error["code"]) == (400, "content_filter")
    assert "Not like this." in got.error["message"]
    assert scores.seen == ["You are bad"]
    [settled] = home.settled()
    assert settled.status == "error"
    assert settled.attempts[0].usage is not None
    assert settled.attempts[0].cost is not None
    [found] = settled.guard
    assert (found.action, found.direction, found.kinds, found.score) == ("block", "out", {"toxicity": 1}, 0.9)


@pytest.mark.parametrize("streamed", [False, True])
async def test_what_is_none_goes_out_byte_for_byte(home: Home, streamed: bool) -> None:
    scores = Scores()
    got = await called(home, said(LONG, streamed=streamed), BLOCK, scores, streamed=streamed)
    assert got.status == 200
    assert (got.text if streamed else got.json["choices"][0]["message"]["content"]) == LONG
    assert home.settled()[0].guard == ()
    if streamed:
        assert got.body == b"".join(one for one in fragments(LONG, 7) if b"usage" not in one)
        assert len(scores.seen) > 2, "it is asked about piece by piece"
        assert all(len(text) < MOST + OVERLAP + 20 for text in scores.seen)


@pytest.mark.parametrize("one", [BLOCK, words(direction="out")], ids=["asks", "looks"])
async def test_calls_on_a_connection_that_is_there(home: Home, one: GuardRule) -> None:
    """Their answers are all there when the first look is taken at them."""
    async with Upstream(*[said(text, streamed=False) for text in ("Fine.", "Well.", LONG * 20)]) as upstream:
        home.publish(key(), targets=(target(upstream.url),), guards=(policy(one),))
        home.guards = Scores().guards
        async with running(home) as worker:
            got = [(await worker.post()).json["choices"][0]["message"]["content"] for _ in range(3)]
    assert got == ["Fine.", "Well.", LONG * 20]
    assert [len(settled.attempts) for settled in home.settled()] == [1, 1, 1]


async def test_a_stream_goes_out_piece_by_piece(home: Home) -> None:
    """What was looked at is with the client before what comes behind it is there."""
    first, rest = LONG[:390], "and then it is bad, all of it."
    gate = gated(ROLE + event(first), continued(event(rest), event(finish="stop")))
    async with Upstream(gate) as upstream:
        home.publish(key(), targets=(target(upstream.url),), guards=(policy(BLOCK),))
        home.guards = Scores().guards
        async with running(home) as worker:
            worker.on_piece = upstream.gate.set
            got = await worker.stream()
            await worker.quiet()
    assert got.text == first
    assert got.cut
    assert got.events[-1]["error"]["code"] == "content_filter"
    assert b"bad" not in got.body
    assert b"bad" not in home.bodies()[-1], "the record has what went out"


async def test_what_stands_across_two_pieces_is_seen(home: Home) -> None:
    scores = Scores("one bad")
    text = "x" * (MOST - 5) + " one bad" + " y" * 100
    got = await called(home, said(text, streamed=True, size=4), BLOCK, scores, streamed=True)
    assert got.cut
    assert len(scores.seen) == 3, "two pieces, and their border"
    assert "one bad" not in got.text


@pytest.mark.parametrize("size", [1, 3, 50, 5000])
async def test_wherever_a_stream_is_cut(home: Home, size: int) -> None:
    text = LONG + "Now it gets bad. " + LONG
    got = await called(home, said(text, streamed=True, size=size), BLOCK, Scores(), streamed=True)
    assert b"bad" not in got.body
    assert LONG.startswith(got.text)


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("dialect", [*ASKED, "gemini"])
@pytest.mark.parametrize("action", ["replace", "hold", "flag"])
async def test_what_follows_in_every_dialect(home: Home, dialect: str, streamed: bool, action: Any) -> None:
    home.seals.ensure()
    path, body = place(dialect, streamed)
    rule = tox(action=action, when="before", message="Say it otherwise.")
    async with Upstream(said("You are bad", streamed=streamed)) as upstream:
        home.publish(key(), targets=(target(upstream.url),), guards=(policy(rule),))
        home.guards = Scores().guards
        async with running(home) as worker:
            got = await worker.post(path, body)
            await worker.quiet()
    if action == "flag":
        assert got.status == 200
        assert b"bad" in got.body
    else:
        assert got.status == (202 if action == "hold" else 200)
        assert b"Say it otherwise." in got.body
        assert b" bad" not in got.body
        assert not got.cut
    assert home.settled()[0].guard[0].action == action


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize(
    ("scores", "text", "error"),
    [(None, "Fine", "no guard server"), (Scores(slow=5), "Fine", "late"), (Scores(), "odd", "nonsense")],
)
async def test_one_that_cannot_say(home: Home, scores: Scores | None, text: str, error: str, streamed: bool) -> None:
    open_ = await called(home, said(text, streamed=streamed), tox(timeout_ms=20), scores, streamed=streamed)
    assert open_.status == 200
    closed = tox(timeout_ms=20, on_error="closed")
    got = await called(home, said(text, streamed=streamed), closed, scores, streamed=streamed)
    assert (got.status, got.error["code"]) == (400, "content_filter")
    assert text.encode() not in got.body
    assert [one.error for settled in home.settled() for one in settled.guard] == [error, error]


async def test_a_rule_in_shadow_only_notes(home: Home) -> None:
    got = await called(home, said("You are bad", streamed=True), tox(shadow=1.0), Scores(), streamed=True)
    assert got.text == "You are bad"
    [found] = home.settled()[0].guard
    assert (found.shadow, found.action) == (True, "block")


async def test_a_client_that_leaves_ends_the_question(home: Home) -> None:
    scores = Scores(gate=asyncio.Event())
    async with Upstream(said(LONG, streamed=True)) as upstream:
        home.publish(
            key(), targets=(target(upstream.url),), prices=(price(),), guards=(policy(tox(timeout_ms=60_000)),)
        )
        home.guards = scores.guards
        async with running(home) as worker:
            call = asyncio.create_task(worker.stream())
            await until(lambda: bool(scores.seen))
            call.cancel()
            await until(lambda: bool(home.settled()))
            await worker.quiet()
        [settled] = home.settled()
        assert (settled.status, settled.http_status) == ("cancelled", 499)
        assert settled.attempts[0].usage is not None
        assert scores.cancelled == 1
        assert worker.reserved() == 0


async def test_heartbeats_while_a_stream_waits(home: Home) -> None:
    """And a target that is quick has not been late because its answer waits here."""
    gate = asyncio.Event()
    scores = Scores(gate=gate)
    async with Upstream(said("It is fine.", streamed=True)) as upstream:
        quick = target(upstream.url, timeouts=TargetTimeouts(first_token=0.3))
        home.publish(key(), targets=(quick,), guards=(policy(tox(timeout_ms=60_000)),))
        home.guards = scores.guards
        async with running(home, heartbeat=0.4) as worker:
            beats = 0

            def beat() -> None:
                nonlocal beats
                beats += 1
                if beats == 2:
                    gate.set()

            worker.on_piece = beat
            got = await worker.stream()
    assert got.body.startswith(b": keep-alive")
    assert got.text == "It is fine."
    assert len(upstream.seen) == 1


async def test_another_target_serves_it_while_nothing_went_out(home: Home) -> None:
    """An error event behind content that still waits."""
    broken = streams(ROLE, event("It is"), b'data: {"error":{"message":"fire","type":"server_error"}}\n\n')
    async with Upstream(broken) as first, Upstream(streams(*stream_events("It is fine."))) as second:
        home.publish(
            key(),
            targets=(target(first.url, id="a"), target(second.url, id="b")),
            routes=(route("a", fallbacks=("b",), name="real-model"),),
            guards=(policy(BLOCK),),
        )
        home.guards = Scores().guards
        async with running(home) as worker:
            got = await worker.post(body=asked("Hi", stream=True, model="real-model"))
    assert got.text == "It is fine."
    assert not got.cut


ASKING = tuple(way for way in ANSWERING if way.operation in ("chat", "text_completion"))


@pytest.mark.parametrize("way", ASKING, ids=lambda way: way.name)
async def test_no_place_of_an_answer_goes_unseen(home: Home, way: Way) -> None:
    body, answer = encoded(plain(way)), answer_of(way)
    stopped = 0
    async with Upstream(answers(answer)) as upstream:
        home.publish(
            key(),
            targets=(behind(home, upstream, way.provider),),
            routes=(route("t", name="m"),),
            guards=(policy(BLOCK),),
        )
        home.guards = Scores(TICKET).guards
        async with running(home) as worker:
            assert (await worker.post(way.path, body)).status == 200
            for where, one in marked(answer):
                upstream.scripts = [answers(encoded(one))]
                got = await worker.post(way.path, body)
                assert not holds(got.body) or got.status == 502, where  # what is no answer was none of its texts
                stopped += got.status == 400
    assert stopped > 1


@pytest.mark.parametrize(("path", "dialect", "provider"), STREAMED)
async def test_no_place_of_a_stream_goes_unseen(home: Home, path: str, dialect: Dialect, provider: str) -> None:
    way = Way(path, "chat", dialect, provider, plain=True)
    made = STREAMS[speaks(way)]().replace(b"\r\n", b"\n")
    events = [one + b"\n\n" for one in made.split(b"\n\n") if one]
    body = plain(way)
    if dialect != "gemini":
        body["stream"] = True
    stopped = 0
    async with Upstream(streams(*events)) as upstream:
        home.publish(key(), targets=(behind(home, upstream, provider),), guards=(policy(BLOCK),))
        home.guards = Scores(TICKET).guards
        async with running(home) as worker:
            got = await worker.post(path, encoded(body))
            assert got.status == 200, got.body
            for where, one in _marked_events(events):
                upstream.scripts = [streams(*one)]
                got = await worker.post(path, encoded(body))
                assert not holds(got.body) or got.status == 502, where  # what is no answer was none of its texts
                stopped += b"guard rule" in got.body
        assert not any(holds(body) for _, body in home.frames())
    assert stopped > 2
