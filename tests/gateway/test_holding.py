"""What a rule holds: written down sealed before anybody is told, told in each dialect, released by the Snapshot."""

import threading
from typing import Any, Literal

import msgspec
import pytest

from genaiops.domain import CachePolicy, Held, HeldBody, Pass
from genaiops.engines.spool_files import open_reader
from tests.gateway.harness import Got, Home, key, price, route, running, target, until
from tests.gateway.test_guarding import TICKET, asked, fragments, in_force, policy, rule
from tests.gateway.upstream import Upstream, answers, completion, streams

SAID = f"It is {TICKET}, you know"
HOLD = rule(action="hold", direction="out", message="A person looks at it.")

ASKED: dict[str, tuple[str, dict[str, Any]]] = {
    "openai": ("/v1/chat/completions", asked("Which?")),
    "messages": ("/v1/messages", {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "Which?"}]}),
    "responses": ("/v1/responses", {"model": "m", "input": "Which?"}),
    "cohere": ("/v2/chat", {"model": "m", "messages": [{"role": "user", "content": "Which?"}]}),
}
GEMINI = {"contents": [{"role": "user", "parts": [{"text": "Which?"}]}]}


def place(dialect: str, streamed: bool) -> tuple[str, dict[str, Any]]:
    if dialect == "gemini":
        return f"/v1beta/models/m:{'streamGenerateContent?alt=sse' if streamed else 'generateContent'}", GEMINI
    path, body = ASKED[dialect]
    return path, {**body, "stream": True} if streamed else body


def kept(home: Home) -> tuple[Held, HeldBody, bytes]:
    """What was written down, opened; and as it lies there."""
    [(record, body)] = [(one, body) for one, body in home.frames() if isinstance(one, Held)]
    return record, msgspec.msgpack.decode(home.seals.open(body, record.id), type=HeldBody), body


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("dialect", [*ASKED, "gemini"])
async def test_an_answer_waits_in_every_dialect(home: Home, dialect: str, streamed: bool) -> None:
    home.seals.ensure()
    path, body = place(dialect, streamed)
    script = streams(*fragments(SAID, 5)) if streamed else answers(completion(SAID))
    async with Upstream(script) as upstream:
        home.publish(key(), targets=(target(upstream.url),), prices=(price(),), guards=(policy(HOLD),))
        async with running(home) as worker:
            got = await worker.post(path, body)
            await worker.quiet()
    record, content, sealed = kept(home)
    assert (got.status, got.headers["x-genaiops-held"]) == (202, record.id)
    assert f"waits for review as {record.id}" in got.body.decode()
    assert "A person looks at it." in got.body.decode()
    assert TICKET.encode() not in got.body + sealed
    said = content.body.decode()
    assert TICKET in said or streamed
    assert [(one.provenance, one.text) for one in content.parts] == [("model_output", "It is [ticket], you know")]
    assert (record.direction, record.rule, record.policy) == ("out", "tickets", "default@sha256:default")
    assert (record.found, record.actor_id, record.key_id) == ({"ticket": 1}, "act_1", "key_1")
    [settled] = home.settled()
    assert (settled.status, settled.http_status) == ("ok", 202)
    assert settled.attempts[0].cost is not None
    assert all(TICKET.encode() not in one for one in home.bodies())
    names = [type(one).__name__ for one in home.records()]
    assert names == ["Admitted", "Held", "Settled"], "it is written before anybody is told"


@pytest.mark.parametrize("size", [10, 40_000, 1_500_000])
@pytest.mark.parametrize("way", ["in", "out", "stream"])
async def test_what_waits_is_sealed_beside_the_loop(
    home: Home, way: Literal["in", "out", "stream"], size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also what is small: the first time a library of ciphers is loaded."""
    home.seals.ensure()
    threads: list[threading.Thread] = []
    seal = home.seals.seal

    def watched(data: bytes, about: str) -> bytes:
        threads.append(threading.current_thread())
        return seal(data, about)

    monkeypatch.setattr(home.seals, "seal", watched)
    text = f"{TICKET} {'word ' * (size // 5)}"
    holding = policy(rule(action="hold", direction="in" if way == "in" else "out"))
    script = streams(*fragments(text, len(text))) if way == "stream" else answers(completion(text))
    async with Upstream(script) as upstream:
        home.publish(key(), targets=(target(upstream.url),), guards=(holding,))
        async with running(home) as worker:
            got = await worker.post(body={**asked(text if way == "in" else "Which?"), "stream": way == "stream"})
            await worker.quiet()
    assert got.status == 202
    assert threads
    assert threading.main_thread() not in threads
    _, content, _ = kept(home)
    assert len(content.body) >= size


async def test_clients_of_openai_find_it_in_an_object(home: Home) -> None:
    home.seals.ensure()
    async with Upstream(answers(completion(SAID))) as upstream:
        home.publish(key(), targets=(target(upstream.url),), guards=(policy(HOLD),))
        async with running(home) as worker:
            whole = await worker.post(body=asked("Which?"))
        [record] = [one for one in home.records() if isinstance(one, Held)]
    held = {"held": {"id": record.id, "status": "pending", "poll": f"/v1/held/{record.id}"}}
    assert whole.json["genaiops"] == held
    assert whole.json["choices"][0]["finish_reason"] == "stop"
    assert whole.json["usage"]["total_tokens"] > 0


async def test_a_stream_says_so_and_ends_properly(home: Home) -> None:
    home.seals.ensure()
    async with Upstream(streams(*fragments(SAID, 4))) as upstream:
        home.publish(key(), targets=(target(upstream.url),), guards=(policy(HOLD),))
        async with running(home) as worker:
            got = await worker.stream()
    assert got.headers["content-type"].startswith("text/event-stream")
    assert got.events[-1] == "[DONE]"
    assert got.events[0]["genaiops"]["held"]["status"] == "pending"
    assert "waits for review" in got.text


async def test_what_is_kept_is_what_the_client_would_have_got(home: Home) -> None:
    """Also when nothing of calls is kept, and when values go back into the answer."""
    home.seals.ensure()
    rules = (
        rule(direction="in", reversible=True),
        rule(id="hold", action="hold", direction="out", options={"words": ["plainly"]}),
    )
    async with Upstream(answers(completion("Plainly <TICKET_1>"))) as upstream:
        home.publish(
            key(),
            targets=(target(upstream.url),),
            guards=(policy(*rules),),
            routes=(route("t", cache=CachePolicy(mode="exact")),),
        )
        async with running(home) as worker:
            for _ in range(2):
                got = await worker.post(body=asked(f"Say {TICKET}", model="r"))
                assert got.status == 202
    assert len(upstream.seen) == 2, "an answer that waits is not remembered for others"
    records = [(one, body) for one, body in home.frames() if isinstance(one, Held)]
    content = msgspec.msgpack.decode(home.seals.open(records[0][1], records[0][0].id), type=HeldBody)
    assert f"Plainly {TICKET}" in content.body.decode()
    assert [one.text for one in content.parts] == ["[words] <TICKET_1>"]


async def test_a_request_waits_and_passes_once_released(home: Home) -> None:
    home.seals.ensure()
    holding = policy(rule(action="hold", direction="in"))
    body = asked(f"What of {TICKET}?")
    async with Upstream(answers()) as upstream:
        home.publish(key(), targets=(target(upstream.url),), guards=(holding,))
        async with running(home) as worker:
            got = await worker.post(body=body)
            assert got.status == 202
            assert upstream.seen == []
            record, content, _ = kept(home)
            assert record.direction == "in"
            assert "[ticket]" in content.parts[0].text
            [refused] = home.refused()
            assert (refused.http_status, refused.error_type) == (202, "held_for_review")

            free = Pass(record.key_id, record.request, 1 << 60)
            home.publish(targets=(target(upstream.url),), guards=(holding,), passes=(free,))
            await until(lambda: in_force(worker))
            passed = await worker.post(body=body)
            assert (passed.status, passed.headers["x-genaiops-guard"]) == (200, "released")
            assert TICKET in upstream.seen[0].body.decode()
            other = await worker.post(body=asked(f"And what of {TICKET}?"))
            assert other.status == 202, "another request waits by itself"

            over = Pass(record.key_id, record.request, 1)
            home.publish(targets=(target(upstream.url),), guards=(holding,), passes=(over,))
            await until(lambda: in_force(worker))
            late: Got = await worker.post(body=body)
            assert late.status == 202


async def test_blocking_is_severer_than_holding(home: Home) -> None:
    home.seals.ensure()
    rules = policy(HOLD, rule(id="never", action="block", direction="out", options={"words": ["know"]}))
    async with Upstream(answers(completion(SAID))) as upstream:
        home.publish(key(), targets=(target(upstream.url),), guards=(rules,))
        async with running(home) as worker:
            assert (await worker.post(body=asked("Which?"))).error["code"] == "content_filter"
    assert not [one for one in home.records() if isinstance(one, Held)]


@pytest.mark.parametrize("streamed", [False, True])
async def test_without_a_key_to_seal_nothing_is_said_to_wait(home: Home, streamed: bool) -> None:
    script = streams(*fragments(SAID, 5)) if streamed else answers(completion(SAID))
    async with Upstream(script) as upstream:
        home.publish(key(), targets=(target(upstream.url),), guards=(policy(HOLD),))
        async with running(home) as worker:
            got = await worker.post(body=asked("Which?", stream=streamed))
            await worker.quiet()
    assert (got.status, got.error["code"]) == (500, "seal_key_missing")
    assert TICKET.encode() not in got.body
    reader = open_reader(home.path / "spool")
    assert not [f for life in reader.lives() for f in reader.frames(life, 0, 0) if isinstance(f.record, Held)]
