"""Guarding in the way of a call: what the upstream gets, what the client gets, what the record keeps."""

import json
from typing import Any

import msgspec
import pytest

from genaiops.domain import Admitted, CachePolicy, Environment, InForce
from tests.gateway.guarding_calls import TICKET, asked, fragments, in_force, policy, rule
from tests.gateway.harness import CHAT, Home, key, price, route, running, target, until
from tests.gateway.upstream import (
    DONE,
    ROLE,
    Script,
    Seen,
    Upstream,
    Wire,
    answers,
    chunked,
    completion,
    event,
    gated,
    streams,
)


async def test_what_is_redacted_never_leaves(home: Home) -> None:
    async with Upstream(answers()) as upstream:
        home.publish(key(), targets=(target(upstream.url),), guards=(policy(rule()),))
        async with running(home) as worker:
            got = await worker.post(body=asked(f"What of {TICKET} and {TICKET}, or T-654321?"))
            await worker.quiet()
        assert got.status == 200
        assert got.headers["x-genaiops-guard"] == "redacted"
        [seen] = upstream.seen
        assert seen.json["messages"][0]["content"] == "What of <TICKET_1> and <TICKET_1>, or <TICKET_2>?"
        assert all(TICKET.encode() not in body for body in home.bodies())
        [settled] = home.settled()
        [event] = settled.guard
        assert (event.rule, event.action, event.direction, event.kinds) == ("tickets", "redact", "in", {"ticket": 3})
        assert event.policy == "default@sha256:default"
        assert event.provenance == ("user",)


async def test_nothing_found_changes_no_byte(home: Home) -> None:
    body = b'{ "model" : "m", "messages":[{"content":"Say \\u0068ello","role":"user"}]}'
    async with Upstream(answers()) as upstream:
        home.publish(key(), targets=(target(upstream.url, upstream_model="m"),), guards=(policy(rule()),))
        async with running(home) as worker:
            got = await worker.post(body=body)
        assert "x-genaiops-guard" not in got.headers
        assert b'"content":"Say \\u0068ello"' in upstream.seen[0].body
        assert home.settled()[0].guard == ()


async def test_what_is_blocked_is_refused_and_seen(home: Home) -> None:
    blocking = rule(action="block", message="Tickets are not for models.")
    async with Upstream(answers()) as upstream:
        home.publish(key(), targets=(target(upstream.url),), guards=(policy(blocking),))
        async with running(home) as worker:
            got = await worker.post(body=asked(f"What of {TICKET}?"))
            await worker.quiet()
        assert (got.status, got.error["code"]) == (400, "content_filter")
        assert "Tickets are not for models." in got.error["message"]
        assert TICKET not in got.body.decode()
        assert upstream.seen == []
        [refused] = home.refused()
        assert [(event.rule, event.action) for event in refused.guard] == [("tickets", "block")]


async def test_answers_are_redacted_for_client_and_record(home: Home) -> None:
    async with Upstream(answers(completion(f"It is {TICKET}."))) as upstream:
        home.publish(key(), targets=(target(upstream.url),), guards=(policy(rule(direction="out")),))
        async with running(home) as worker:
            got = await worker.post(body=asked(f"Say {TICKET}"))
        assert got.json["choices"][0]["message"]["content"] == "It is <TICKET_1>."
        assert got.headers["x-genaiops-guard"] == "redacted"
        assert upstream.seen[0].json["messages"][0]["content"] == f"Say {TICKET}", "its rule is for answers"
        assert TICKET.encode() not in home.bodies()[-1]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 40])
async def test_streams_are_redacted_wherever_they_are_cut(home: Home, size: int) -> None:
    said = f"It is {TICKET}, or T-12, or {TICKET}"
    async with Upstream(streams(*fragments(said, size))) as upstream:
        home.publish(key(), targets=(target(upstream.url),), guards=(policy(rule(direction="out")),))
        async with running(home) as worker:
            got = await worker.stream()
            await worker.quiet()
        assert got.text == "It is <TICKET_1>, or T-12, or <TICKET_1>"
        assert not got.cut
        assert got.events[-1] == "[DONE]"
        assert got.events[-2]["choices"][0]["finish_reason"] == "stop"
        assert TICKET.encode() not in got.body
        assert TICKET.encode() not in home.bodies()[-1]
        assert home.settled()[0].guard[0].kinds == {"ticket": 2}


async def test_a_blocked_answer_is_paid_for_and_withheld(home: Home) -> None:
    async with Upstream(answers(completion(f"It is {TICKET}, you know"))) as upstream:
        home.publish(key(), targets=(target(upstream.url),), prices=(price(),), guards=(policy(rule(action="block")),))
        async with running(home) as worker:
            got = await worker.post(body=asked("Which?"))
            await worker.quiet()
        assert (got.status, got.error["code"]) == (400, "content_filter")
        assert TICKET.encode() not in got.body
        check_paid(home)


async def test_a_blocked_stream_ends_with_an_error(home: Home) -> None:
    script = gated(ROLE + event("It is known!\n\n"), continued(event("T-12"), event("3456"), event(" it is"), DONE))
    async with Upstream(script) as upstream:
        home.publish(key(), targets=(target(upstream.url),), prices=(price(),), guards=(policy(rule(action="block")),))
        async with running(home) as worker:
            worker.on_piece = upstream.gate.set
            got = await worker.stream()
            await worker.quiet()
        assert got.status == 200
        assert got.cut
        assert got.body.count(b"content") < 4
        assert "It is known!" in got.body.decode()
        assert got.events[-1]["error"]["code"] == "content_filter"
        assert TICKET.encode() not in got.body
        check_paid(home)


def check_paid(home: Home) -> None:
    [settled] = home.settled()
    assert (settled.status, settled.error_type) == ("error", "content_filter")
    assert settled.attempts[0].usage is not None
    assert settled.guard[0].action == "block"


def continued(*pieces: bytes) -> Script:
    """The rest of a stream that has begun."""

    async def script(seen: Seen, wire: Wire) -> bool:
        for piece in pieces:
            await wire.write(chunked(piece))
        await wire.write(b"0\r\n\r\n")
        return True

    return script


async def test_a_blocked_stream_that_said_nothing_is_a_clean_refusal(home: Home) -> None:
    async with Upstream(streams(ROLE, event(TICKET), event(" is it"), event(finish="stop"), DONE)) as upstream:
        home.publish(key(), targets=(target(upstream.url),), guards=(policy(rule(action="block")),))
        async with running(home) as worker:
            got = await worker.stream()
            await worker.quiet()
        assert (got.status, got.error["code"]) == (400, "content_filter")


@pytest.mark.parametrize("streamed", [False, True])
async def test_values_come_back_in_the_answer(home: Home, streamed: bool) -> None:
    said = "About <TICKET_1>: see <TICKET_2> and <TICKET_9>."
    script = streams(*fragments(said, 3)) if streamed else answers(completion(said))
    async with Upstream(script) as upstream:
        home.publish(
            key(),
            targets=(target(upstream.url),),
            guards=(policy(rule(direction="in", reversible=True)),),
            routes=(route("t", cache=CachePolicy(mode="exact")),),
        )
        async with running(home) as worker:
            got = await worker.post(body=asked(f"{TICKET} or T-654321?", stream=streamed, model="r"))
            text = got.text if streamed else got.json["choices"][0]["message"]["content"]
            assert text == f"About {TICKET}: see T-654321 and <TICKET_9>."
            again = await worker.post(body=asked("T-111111 or T-222222?", stream=streamed, model="r"))
            assert b"T-111111" in again.body, "the answer to another is for nobody else"
        assert len(upstream.seen) == 2
        assert all(TICKET.encode() not in one.body for one in upstream.seen)
        assert all(TICKET.encode() not in body for body in home.bodies())


async def test_a_placeholder_of_ones_own_is_nobodys_value(home: Home) -> None:
    async with Upstream(answers(completion("<TICKET_1> <TICKET_2>"))) as upstream:
        home.publish(key(), targets=(target(upstream.url),), guards=(policy(rule(direction="in", reversible=True)),))
        async with running(home) as worker:
            got = await worker.post(body=asked(f"Repeat <TICKET_1> {TICKET}"))
        assert upstream.seen[0].json["messages"][0]["content"] == "Repeat <TICKET_1> <TICKET_2>"
        assert got.json["choices"][0]["message"]["content"] == f"<TICKET_1> {TICKET}"


async def test_a_value_in_two_parts_of_a_message(home: Home) -> None:
    parts = [{"type": "text", "text": "of T-123"}, {"type": "text", "text": "456, please"}]
    async with Upstream(answers()) as upstream:
        home.publish(key(), targets=(target(upstream.url),), guards=(policy(rule()),))
        async with running(home) as worker:
            await worker.post(body={**CHAT, "messages": [{"role": "user", "content": parts}]})
        sent = upstream.seen[0].json["messages"][0]["content"]
        assert [part["text"] for part in sent] == ["of <TICKET_1>", ", please"]


async def test_a_rule_in_shadow_only_notes(home: Home) -> None:
    async with Upstream(answers()) as upstream:
        home.publish(key(), targets=(target(upstream.url),), guards=(policy(rule(action="block", shadow=1.0)),))
        async with running(home) as worker:
            got = await worker.post(body=asked(TICKET))
        assert got.status == 200
        [event] = home.settled()[0].guard
        assert (event.action, event.shadow) == ("block", True)


async def test_policies_of_key_route_and_environment(home: Home) -> None:
    only = policy(rule(), name="tickets")
    async with Upstream(answers()) as upstream:
        home.publish(
            key(),
            key("sk-other-0123456789", key_id="key_2", guard="tickets"),
            key("sk-there-0123456789", key_id="key_3", environment_id="prod"),
            targets=(target(upstream.url),),
            routes=(route("t"), route("t", name="guarded", guard="tickets@current")),
            environments=(
                Environment(id="dev", kind="dev", created_us=1),
                Environment(id="prod", kind="preprod", created_us=1, guard="tickets@sha256:tickets"),
            ),
            guards=(policy(), only),
        )
        async with running(home) as worker:
            await worker.post(body=asked(TICKET))
            await worker.post(body=asked(TICKET), key="sk-other-0123456789")
            await worker.post(body=asked(TICKET), key="sk-there-0123456789")
            await worker.post(body=asked(TICKET, model="guarded"))
            await worker.post(body=asked(TICKET, model="r"))
        sent = [one.json["messages"][0]["content"] for one in upstream.seen]
        assert sent == [TICKET, "<TICKET_1>", "<TICKET_1>", "<TICKET_1>", TICKET]


async def test_the_record_says_what_held_and_in_whose_words_it_came(home: Home) -> None:
    async with Upstream(answers(completion("fine"))) as upstream:
        home.publish(key(), targets=(target(upstream.url),), guards=(policy(rule()),))
        async with running(home) as worker:
            body = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "Which?"}]}
            assert (await worker.post("/v1/messages", body)).status == 200
    [record] = [one for one in home.records() if isinstance(one, Admitted)]
    assert record.dialect == "messages"
    assert record.policies == (InForce("default@current", "sha256:default"),)
    older = msgspec.msgpack.encode(msgspec.msgpack.decode(msgspec.msgpack.encode(record))[:-2])
    read = msgspec.msgpack.decode(older, type=Admitted)
    assert (read.dialect, read.policies, read.trace_id) == ("", None, record.trace_id)


async def test_a_policy_that_is_not_there_lets_nothing_through(home: Home) -> None:
    async with Upstream(answers()) as upstream:
        home.publish(key(guard="gone"), targets=(target(upstream.url),), guards=(policy(),))
        async with running(home) as worker:
            got = await worker.post(body=asked("Hello"))
        assert (got.status, got.error["code"]) == (404, "guard_not_found")
        assert upstream.seen == []


async def test_a_long_prompt_is_looked_at_in_steps(home: Home) -> None:
    text = f"{'Nothing to see here. ' * 6000}{TICKET}{' And nothing here.' * 6000}"
    async with Upstream(answers()) as upstream:
        home.publish(key(), targets=(target(upstream.url),), guards=(policy(rule(), longest=500_000),))
        async with running(home) as worker:
            got = await worker.post(body=asked(text))
            assert got.status == 200
            refused = await worker.post(body=asked(text * 3))
        assert upstream.seen[0].json["messages"][0]["content"] == text.replace(TICKET, "<TICKET_1>")
        assert (refused.status, refused.error["code"]) == (400, "too_long_for_guard")


async def test_a_long_answer_is_asked_for_once(home: Home) -> None:
    """Also when all of it is there at once: it is looked at in steps."""
    async with Upstream(answers(completion(f"{TICKET} " + "word " * 8000))) as upstream:
        home.publish(key(), targets=(target(upstream.url),), guards=(policy(rule(direction="out")),))
        async with running(home) as worker:
            for count in range(1, 4):
                got = await worker.post(body=asked("Which?"))
                assert (got.status, got.headers["x-genaiops-attempts"], len(upstream.seen)) == (200, "1", count)
                assert TICKET not in got.body.decode()


async def test_the_cache_knows_the_policy(home: Home) -> None:
    async with Upstream(answers(completion(TICKET))) as upstream:
        parts: dict[str, Any] = {
            "targets": (target(upstream.url),),
            "routes": (route("t", cache=CachePolicy(mode="exact")),),
        }
        home.publish(key(), guards=(policy(),), **parts)
        async with running(home) as worker:
            first = await worker.post(body=asked("Which?", model="r"))
            assert TICKET in first.body.decode()
            again = await worker.post(body=asked("Which?", model="r"))
            assert again.headers["x-genaiops-cache"].startswith("hit")
            home.publish(guards=(policy(rule()),), **parts)
            await until(lambda: in_force(worker))
            other = await worker.post(body=asked("Which?", model="r"))
            assert TICKET not in other.body.decode()
            hit = await worker.post(body=asked("Which?", model="r"))
            assert hit.headers["x-genaiops-cache"].startswith("hit")
            assert TICKET not in hit.body.decode()


async def test_a_body_that_cannot_be_read_is_refused(home: Home) -> None:
    body = json.dumps(asked(TICKET)).replace('"role": "user"', '"role": "user", "content": "other"').encode()
    async with Upstream(answers()) as upstream:
        home.publish(key(), targets=(target(upstream.url),), guards=(policy(rule()),))
        async with running(home) as worker:
            got = await worker.post(body=body)
        assert got.status == 400
        assert upstream.seen == []
