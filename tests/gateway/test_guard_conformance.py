"""What a policy takes out is gone, whatever the way: from what a target gets, from what a client gets, from what is
recorded. Every endpoint and dialect, every place of their bodies, through a gateway on real sockets."""

import json
from typing import Any

import msgspec
import pytest

from genaiops.gateway import endpoints
from genaiops.ports.providers import Dialect
from tests.gateway.guard_cases import (
    FORMS,
    SAID,
    WAYS,
    Way,
    answer_of,
    behind,
    body_of,
    encoded,
    escaped,
    holds,
    marked,
    plain,
    speaks,
)
from tests.gateway.harness import Home, key, route, running
from tests.gateway.test_guarding import policy, rule
from tests.gateway.upstream import Upstream, answers, raw, streams
from tests.guard.surfaces.places import placed, strings
from tests.guard.surfaces.streams import STREAMS, parsed

COUNTS = ("/v1/messages/count_tokens", "/v1beta/models/m:countTokens")
ANSWERING = tuple(
    way for way in WAYS if way.path not in COUNTS and "stream" not in way.path and way.operation != "speech"
)
SPOKEN = answers(b"\x00\x01" * 40, kind="audio/mpeg")


def clean(home: Home) -> bool:
    """Whether no record has the value, nor its bodies."""
    return not any(holds(msgspec.json.encode(record)) or holds(body) for record, body in home.frames())


def test_every_way_in_has_a_case() -> None:
    paths = {way.path.partition("?")[0] for way in WAYS} | set(FORMS)
    known = {*endpoints.CALLS, endpoints.COUNT, endpoints.VIDEOS}
    assert known <= paths
    methods = {path.rpartition(":")[2] for path in paths if path.startswith(endpoints.GEMINI_MODELS)}
    assert set(endpoints._METHODS) == methods
    there = {(place.operation, place.speech.dialect) for place in map(_place, known)}
    assert there <= {(way.operation, way.dialect) for way in WAYS} | {("transcription", "openai")}


def _place(path: str) -> Any:
    place = endpoints.locate("POST", path)
    return msgspec.structs.replace(place, operation="chat") if place.counts is not None else place


def script_of(way: Way) -> Any:
    if way.operation == "speech":
        return SPOKEN
    if "stream" in way.path:
        return streams(STREAMS["gemini"]())
    return answers({"input_tokens": 3, "totalTokens": 3} if way.path in COUNTS else answer_of(way))


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.name)
async def test_no_place_of_a_request_lets_it_through(home: Home, way: Way) -> None:
    body = body_of(way)
    reached = 0
    async with Upstream(script_of(way)) as upstream:
        home.publish(key(), targets=(behind(home, upstream, way.provider),), guards=(policy(rule(direction="in")),))
        async with running(home) as worker:
            got = await worker.post(way.path, encoded(body))
            assert got.status == 200, got.body
            assert len(upstream.seen) == 1
            for number, (place, one) in enumerate(marked(body)):
                before = len(upstream.seen)
                got = await worker.post(way.path, encoded(one) if number % 2 else escaped(encoded(one)))
                assert got.status < 500, (place, got.body)
                new = upstream.seen[before:]
                assert not any(holds(seen.body) or holds(repr(seen).encode()) for seen in new), place
                reached += any(b"TICKET_1" in seen.body for seen in new)
        assert clean(home)
    assert reached > 2 or way.operation == "embeddings"


@pytest.mark.parametrize("way", ANSWERING, ids=lambda way: way.name)
async def test_no_place_of_an_answer_lets_it_through(home: Home, way: Way) -> None:
    """Whatever the target says that it is: clients read it as JSON."""
    body, answer = encoded(plain(way)), answer_of(way)
    kinds = ("application/json", "application/octet-stream", "audio/mpeg", "text/html")
    heard = 0
    async with Upstream(answers(answer)) as upstream:
        home.publish(
            key(),
            targets=(behind(home, upstream, way.provider),),
            routes=(route("t", name="m"),),
            guards=(policy(rule(direction="out")),),
        )
        async with running(home) as worker:
            got = await worker.post(way.path, body)
            assert got.status == 200, got.body
            for number, (place, one) in enumerate(marked(answer)):
                said = encoded(one)
                upstream.scripts = [answers(said if number % 3 else escaped(said), kind=kinds[number % 4])]
                got = await worker.post(way.path, body)
                assert not holds(got.body), (place, kinds[number % 4])
                heard += b"TICKET_1" in got.body
        assert clean(home)
    assert heard > 1


STREAMED: tuple[tuple[str, Dialect, str], ...] = (
    ("/v1/chat/completions", "openai", "openai"),
    ("/v1/chat/completions", "openai", "anthropic"),
    ("/v1/chat/completions", "openai", "google"),
    ("/v1/chat/completions", "openai", "cohere"),
    ("/v1/responses", "responses", "openai"),
    ("/v1/responses", "responses", "anthropic"),
    ("/v1/messages", "messages", "anthropic"),
    ("/v1/messages", "messages", "openai"),
    ("/v2/chat", "cohere", "cohere"),
    ("/v2/chat", "cohere", "openai"),
    ("/v1beta/models/m:streamGenerateContent?alt=sse", "gemini", "google"),
    ("/v1beta/models/m:streamGenerateContent?alt=sse", "gemini", "openai"),
)


@pytest.mark.parametrize(("path", "dialect", "provider"), STREAMED)
async def test_no_place_of_a_stream_lets_it_through(home: Home, path: str, dialect: Dialect, provider: str) -> None:
    way = Way(path, "chat", dialect, provider, plain=True)
    made = STREAMS[speaks(way)]().replace(b"\r\n", b"\n")
    events = [one + b"\n\n" for one in made.split(b"\n\n") if one]
    body = plain(way)
    if dialect != "gemini":
        body["stream"] = True
    heard = 0
    async with Upstream(streams(*events)) as upstream:
        home.publish(
            key(), targets=(behind(home, upstream, provider),), guards=(policy(rule(direction="out"), card()),)
        )
        async with running(home) as worker:
            got = await worker.post(path, encoded(body))
            assert got.status == 200, got.body
            assert b"CARD_1" in got.body  # a value that comes in pieces
            assert not any(part in got.body for part in (b"4111 1111", b" 1111", b"41111111", b"11111111"))
            for number, (place, one) in enumerate(_marked_events(events)):
                upstream.scripts = [streams(*one) if number % 2 else streams(b"".join(one))]
                got = await worker.post(path, encoded(body))
                assert not holds(got.body), place
                heard += b"TICKET_1" in got.body
        assert clean(home)
    assert heard > 2


def card() -> Any:
    return rule(id="cards", direction="out", options={"patterns": {"card": r"\b(?:4111 ?)(?:1111 ?){2}1111\b"}})


def _marked_events(events: list[bytes]) -> Any:
    """The stream with the value in one string after the other, of each kind of event once; then in a comment."""
    known: set[str] = set()
    for at, event in enumerate(events):
        for one in parsed(event):
            for steps in strings(one):
                shape = ".".join(map(str, steps)) + str(one.get("type"))
                if shape not in known:
                    known.add(shape)
                    head = event[: event.index(b"data:")]
                    new = head + b"data: " + encoded(placed(one, steps, SAID)) + b"\n\n"
                    yield shape, [*events[:at], new, *events[at + 1 :]]
    yield "comment", [events[0], f": {SAID}\n\n".encode(), *events[1:]]
    yield "id", [events[0], f"id: {SAID}\n".encode() + events[1], *events[2:]]


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.name)
@pytest.mark.parametrize("streamed", [False, True])
async def test_an_error_is_no_way_out(home: Home, way: Way, *, streamed: bool) -> None:
    body = plain(way)
    if streamed:
        body["stream"] = True
    told = {"error": {"message": SAID, "code": 400, "status": "INVALID_ARGUMENT", "type": "t"}, "message": SAID}
    async with Upstream(answers(told, status=400)) as upstream:
        home.publish(key(), targets=(behind(home, upstream, way.provider),), guards=(policy(rule(direction="out")),))
        async with running(home) as worker:
            for script in (answers(told, status=400), answers(told), streams(b"data: " + encoded(told) + b"\n\n")):
                upstream.scripts = [script]
                got = await worker.post(way.path, encoded(body))
                assert got.status >= 400 or b"TICKET_1" in got.body or way.path in COUNTS, got.body
                assert not holds(got.body)
        assert clean(home)


@pytest.mark.parametrize("path", sorted({way.path for way in WAYS}))
@pytest.mark.parametrize(
    "data",
    [
        b'{"model":"m","x":"see T-123456 now","x":"a"}',
        b'{"model":"m","x":"see T-123456 now"',
        b'{"model":"m","x":"see T-123456 now \xff"}',
        b'\xff\xfe{\x00"\x00',
        b'{"model":"see T-123456 now","user":"see T-123456 now","metadata":{"a":"see T-123456 now"}}',
        b"see T-123456 now",
    ],
)
async def test_what_cannot_be_read_is_refused(home: Home, path: str, data: bytes) -> None:
    async with Upstream(raw(b"")) as upstream:
        home.publish(key(), targets=(behind(home, upstream, "openai"),), guards=(policy(rule()),))
        async with running(home) as worker:
            got = await worker.post(path, data)
        assert 400 <= got.status < 500, got.body
        assert json.loads(got.body)
        assert upstream.seen == []
        assert clean(home)
