"""Guarding in the way of a call: what the upstream gets, what the client gets, what the record keeps."""

import json
from typing import Any

import pytest

from genaiops.domain import CachePolicy, Environment, GuardPolicy, GuardRule, GuardVersion
from tests.gateway.harness import CHAT, Home, Worker, key, price, route, running, target, until
from tests.gateway.upstream import DONE, ROLE, Upstream, answers, completion, event, stream_events, streams

TICKET = "T-123456"


def rule(**changes: Any) -> GuardRule:
    fields: dict[str, Any] = {
        "id": "tickets",
        "detector": "words",
        "action": "redact",
        "options": {"patterns": {"ticket": r"\bT-\d{6}\b"}},
    }
    return GuardRule(**{**fields, **changes})


def policy(*rules: GuardRule, name: str = "default", **changes: Any) -> GuardVersion:
    made = GuardPolicy(rules=rules, **changes)
    return GuardVersion(name=name, digest=f"sha256:{name}", aliases=("current",), policy=made)


def asked(text: str, **more: Any) -> dict[str, Any]:
    return {**CHAT, "messages": [{"role": "user", "content": text}], **more}


def in_force(worker: Worker) -> bool:
    """Whether it has what was published last: policies are made ready beside the loop."""
    worker.gateway.poll()
    return list(worker.home.observer.acknowledged().values()) == [worker.home.version]


def fragments(text: str, size: int) -> list[bytes]:
    return stream_events(*(text[at : at + size] for at in range(0, len(text), size)))


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


@pytest.mark.parametrize("streamed", [False, True])
async def test_a_blocked_answer_is_paid_for_and_withheld(home: Home, streamed: bool) -> None:
    said = f"It is {TICKET}, you know"
    script = streams(*fragments(said, 4)) if streamed else answers(completion(said))
    async with Upstream(script) as upstream:
        home.publish(key(), targets=(target(upstream.url),), prices=(price(),), guards=(policy(rule(action="block")),))
        async with running(home) as worker:
            got = await worker.post(body=asked("Which?", stream=streamed))
            await worker.quiet()
        assert TICKET.encode() not in got.body
        if streamed:
            assert got.text in ("It is ", "It is T")[:1]
            assert got.cut
            assert got.events[-1]["error"]["code"] == "content_filter"
        else:
            assert (got.status, got.error["code"]) == (400, "content_filter")
        [settled] = home.settled()
        assert (settled.status, settled.error_type) == ("error", "content_filter")
        assert settled.attempts[0].usage is not None
        assert settled.guard[0].action == "block"


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
