"""Answers of a form: mended, asked for again, and what follows when that does not help; whole and streamed alike."""

import asyncio
import json
from typing import Any

import pytest

from genaiops.domain import CachePolicy, GuardRule
from tests.gateway.guarding_calls import fragments, policy, rule
from tests.gateway.harness import CHAT, Got, Home, budget, key, price, route, running, target, until
from tests.gateway.test_guard_asking import tox
from tests.gateway.test_holding import ASKED, place
from tests.gateway.upstream import Upstream, answers, completion, fails, streams
from tests.guard.scores import Scores
from tests.guard.surfaces.streams import parsed

SCHEMA = {"type": "object", "required": ["total"], "properties": {"total": {"type": "integer"}}}
WRONG, RIGHT = '{"total": "twelve"}', '{"total": 12}'


def form(**changes: Any) -> GuardRule:
    options = {"schema": SCHEMA, "repair": True, "reask": 2, **changes.pop("options", {})}
    fields: dict[str, Any] = {"id": "form", "detector": "schema", "direction": "out", "action": "block", **changes}
    return GuardRule(**fields, options=options)


def said(text: str, *, streamed: bool) -> Any:
    return streams(*fragments(text, 6)) if streamed else answers(completion(text))


def text_of(got: Got, dialect: str, *, streamed: bool) -> str:
    """The text of an answer of each dialect."""
    if not streamed:
        body = got.json
        found: dict[str, Any] = {
            "openai": lambda: body["choices"][0]["message"]["content"],
            "messages": lambda: body["content"][0]["text"],
            "responses": lambda: body["output"][-1]["content"][0]["text"],
            "cohere": lambda: body["message"]["content"][0]["text"],
            "gemini": lambda: body["candidates"][0]["content"]["parts"][0]["text"],
        }
        return found[dialect]()
    return "".join(_piece(event, dialect) for event in parsed(got.body))


def _piece(event: Any, dialect: str) -> str:
    if dialect == "openai":
        return "".join(one["delta"].get("content") or "" for one in event.get("choices", ()))
    if dialect == "messages":
        return event["delta"].get("text", "") if event.get("type") == "content_block_delta" else ""
    if dialect == "responses":
        return event["delta"] if event.get("type") == "response.output_text.delta" else ""
    if dialect == "cohere":
        return event["delta"]["message"]["content"]["text"] if event.get("type") == "content-delta" else ""
    return "".join(part.get("text", "") for one in event["candidates"] for part in one["content"]["parts"])


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("dialect", [*ASKED, "gemini"])
async def test_a_model_is_asked_again(home: Home, dialect: str, streamed: bool) -> None:
    path, body = place(dialect, streamed)
    scripts = [said(text, streamed=streamed) for text in (WRONG, RIGHT)]
    async with Upstream(*scripts) as upstream:
        home.publish(key(), targets=(target(upstream.url),), prices=(price(),), guards=(policy(form()),))
        async with running(home) as worker:
            got = await worker.post(path, body)
            await worker.quiet()
    assert got.status == 200, got.body
    assert text_of(got, dialect, streamed=streamed) == RIGHT
    assert not got.cut
    assert WRONG.encode() not in got.body
    first, second = [seen.json["messages"] for seen in upstream.seen]
    assert second[: len(first)] == first
    assert [one["role"] for one in second[len(first) :]] == ["assistant", "user"]
    assert WRONG in json.dumps(second[-2]).replace("\\", "")
    assert "/total: 'twelve' is not of type 'integer'" in json.dumps(second[-1])
    [settled] = home.settled()
    assert [(one.reason, one.status, one.pays) for one in settled.attempts] == [
        ("first", "ok", True),
        ("asked_again", "ok", True),
    ]
    assert settled.attempts[1].decision is not None
    assert "'form'" in settled.attempts[1].decision.note
    [found] = settled.guard
    assert (found.action, found.kinds) == ("flag", {"not_of_schema": 1, "asked_again": 1})
    assert b"twelve" not in home.bodies()[-1], "the record has what went out"
    if not streamed:
        assert got.headers["x-genaiops-guard"] == "flagged"


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize(("tries", "action"), [(1, "block"), (3, "replace"), (2, "flag"), (1, "hold")])
async def test_tries_are_bounded_and_then_the_action_follows(
    home: Home, tries: int, action: Any, streamed: bool
) -> None:
    home.seals.ensure()
    one = form(action=action, message="There is no answer.", options={"reask": tries})
    async with Upstream(said(WRONG, streamed=streamed)) as upstream:
        home.publish(key(), targets=(target(upstream.url),), prices=(price(),), guards=(policy(one),))
        async with running(home) as worker:
            got = await worker.post(body={**CHAT, "stream": streamed})
            await worker.quiet()
            assert worker.reserved() == 0
    assert len(upstream.seen) == 1 + tries
    assert got.status == {"block": 400, "replace": 200, "flag": 200, "hold": 202}[action]
    if action == "flag":
        assert text_of(got, "openai", streamed=streamed) == WRONG
    elif action == "replace":
        assert text_of(got, "openai", streamed=streamed) == "There is no answer."
    else:
        assert WRONG.encode() not in got.body
    [settled] = home.settled()
    assert len(settled.attempts) == 1 + tries
    assert settled.guard[0].action == action
    assert settled.guard[0].kinds == {"not_of_schema": 1 + tries, "asked_again": tries}


async def test_all_of_it_is_paid_for(home: Home) -> None:
    async with Upstream(answers(completion(WRONG)), answers(completion(RIGHT))) as upstream:
        home.publish(
            key(budgets=(budget("money", 10**12, currency="USD"),)),
            targets=(target(upstream.url),),
            prices=(price(),),
            guards=(policy(form()),),
        )
        async with running(home) as worker:
            got = await worker.post()
            await worker.quiet()
            assert worker.reserved() == 0
    costs = [one.cost.nano for one in home.settled()[0].attempts if one.cost is not None and one.cost.nano is not None]
    assert len(costs) == 2
    assert got.headers["x-genaiops-cost"] == f"0.{sum(costs):09d}"
    assert [charge.amount for charge in home.settled()[0].charged if charge.budget_id == "bud_money"] == [sum(costs)]


async def test_a_limit_that_leaves_no_room(home: Home) -> None:
    """It holds one try of that size and not two: what the rule says of the first follows."""
    async with Upstream(answers(completion(WRONG))) as upstream:
        home.publish(
            key(budgets=(budget("tokens", 700),)),
            targets=(target(upstream.url, max_output_tokens=100),),
            guards=(policy(form()),),
        )
        async with running(home) as worker:
            got = await worker.post(body={**CHAT, "max_tokens": 100})
            await worker.quiet()
            assert worker.reserved() == 0
    assert (got.status, got.error["code"]) == (400, "content_filter")
    assert len(upstream.seen) == 1
    assert home.settled()[0].guard[0].kinds == {"not_of_schema": 1}


@pytest.mark.parametrize("streamed", [False, True])
async def test_a_second_try_that_fails(home: Home, streamed: bool) -> None:
    async with Upstream(said(WRONG, streamed=streamed), fails(500)) as upstream:
        home.publish(key(), targets=(target(upstream.url),), guards=(policy(form(action="flag")),))
        async with running(home) as worker:
            got = await worker.post(body={**CHAT, "stream": streamed})
            await worker.quiet()
    assert text_of(got, "openai", streamed=streamed) == WRONG, "the answer that is there"
    [settled] = home.settled()
    assert settled.status == "ok"
    assert [(one.status, one.pays) for one in settled.attempts] == [("ok", True), ("error", False)]


@pytest.mark.parametrize("streamed", [False, True])
async def test_a_second_try_that_fails_helps_nobody_out(home: Home, streamed: bool) -> None:
    async with Upstream(said(WRONG, streamed=streamed), fails(500)) as upstream:
        home.publish(key(), targets=(target(upstream.url),), guards=(policy(form()),))
        async with running(home) as worker:
            got = await worker.post(body={**CHAT, "stream": streamed})
            await worker.quiet()
    assert (got.status, got.error["code"]) == (400, "content_filter")
    [found] = home.settled()[0].guard
    assert (found.action, found.kinds) == ("block", {"not_of_schema": 1, "asked_again": 1})


async def test_another_rule_is_severer(home: Home) -> None:
    block = rule(id="secret", action="block", direction="out", options={"words": ["twelve"]})
    async with Upstream(answers(completion(WRONG))) as upstream:
        home.publish(key(), targets=(target(upstream.url),), guards=(policy(form(action="flag"), block),))
        async with running(home) as worker:
            got = await worker.post()
    assert got.status == 400
    assert len(upstream.seen) == 1


async def test_what_is_taken_out_stays_out(home: Home) -> None:
    """Of what its model is told of its own answer, too; and what is put back is put back in the last one."""
    hide = rule(reversible=True, direction="in")
    scripts = [answers(completion('{"total": "<TICKET_1>"}')), answers(completion('{"total": 1, "of": "<TICKET_1>"}'))]
    async with Upstream(*scripts) as upstream:
        home.publish(key(), targets=(target(upstream.url),), guards=(policy(hide, form()),))
        async with running(home) as worker:
            got = await worker.post(body={**CHAT, "messages": [{"role": "user", "content": "Of T-123456?"}]})
    assert all(b"T-123456" not in seen.body for seen in upstream.seen)
    assert json.loads(got.json["choices"][0]["message"]["content"]) == {"total": 1, "of": "T-123456"}


@pytest.mark.parametrize("streamed", [False, True])
async def test_a_client_that_leaves(home: Home, streamed: bool) -> None:
    gate = asyncio.Event()
    scores = Scores(gate=gate)
    slow = tox(when="before", timeout_ms=60_000)
    async with Upstream(said(WRONG, streamed=streamed)) as upstream:
        home.publish(key(), targets=(target(upstream.url),), prices=(price(),), guards=(policy(form(), slow),))
        home.guards = scores.guards
        async with running(home) as worker:
            call = asyncio.create_task(worker.post(body={**CHAT, "stream": streamed}))
            await until(lambda: bool(scores.seen))
            gate.set()
            await until(lambda: len(upstream.seen) > 1)
            gate.clear()
            call.cancel()
            await until(lambda: bool(home.settled()))
            await worker.quiet()
            assert worker.reserved() == 0
    [settled] = home.settled()
    assert settled.status in ("cancelled", "error")
    assert len({one.span_id for one in settled.attempts}) == len(settled.attempts)
    assert settled.attempts[0].status == "ok"


@pytest.mark.parametrize(
    ("text", "mended"),
    [
        ("```json\n{'total': 12,}\n```", '{"total": 12}'),
        ('Here: {"total": 12}', '{"total": 12}'),
    ],
)
@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("dialect", [*ASKED, "gemini"])
async def test_writing_is_mended(home: Home, dialect: str, text: str, mended: str, streamed: bool) -> None:
    path, body = place(dialect, streamed)
    async with Upstream(said(text, streamed=streamed)) as upstream:
        home.publish(key(), targets=(target(upstream.url),), guards=(policy(form()),))
        async with running(home) as worker:
            got = await worker.post(path, body)
            await worker.quiet()
    assert json.loads(text_of(got, dialect, streamed=streamed)) == json.loads(mended)
    assert not got.cut
    assert b"Here:" not in got.body
    assert b"```" not in got.body
    assert len(upstream.seen) == 1
    assert b"```" not in home.bodies()[-1], "the record has what went out"


async def test_the_cache_keeps_the_last_answer(home: Home) -> None:
    async with Upstream(answers(completion(WRONG)), answers(completion(RIGHT))) as upstream:
        cached = route("t", name="r", cache=CachePolicy(mode="exact", ttl=60))
        home.publish(key(), targets=(target(upstream.url),), routes=(cached,), guards=(policy(form()),))
        async with running(home) as worker:
            for _ in range(2):
                got = await worker.post(body={**CHAT, "model": "r"})
                assert got.json["choices"][0]["message"]["content"] == RIGHT
        assert len(upstream.seen) == 2


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("dialect", [*ASKED, "gemini"])
async def test_an_answer_says_what_it_is(home: Home, dialect: str, streamed: bool) -> None:
    path, body = place(dialect, streamed)
    told = GuardRule(
        id="told", detector="disclosure", direction="out", action="flag", options={"sentence": "Written by a machine."}
    )
    async with Upstream(said("It is grey.", streamed=streamed)) as upstream:
        home.publish(key(), targets=(target(upstream.url),), guards=(policy(told),))
        async with running(home) as worker:
            got = await worker.post(path, body)
            await worker.quiet()
    assert text_of(got, dialect, streamed=streamed) == "It is grey.\n\nWritten by a machine."
    assert not got.cut
    assert b"Written by a machine." in home.bodies()[-1]
