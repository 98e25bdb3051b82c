"""A prompt by its name in a call: put in before anything else looks at the body, recorded, changed while calls run."""

import asyncio
from typing import Any

import msgspec
import pytest

from genaiops.core.digest import digest_value
from genaiops.domain import PromptUse, PromptVersion, link, prompt_manifest
from genaiops.gateway.compose import KEPT, compose
from tests.gateway.harness import CHAT, Got, Home, Worker, budget, key, running, target
from tests.gateway.upstream import Upstream, answers


def prompt(name: str = "support/answer", *aliases: str, team: str | None = None, **manifest: Any) -> PromptVersion:
    found = prompt_manifest({**ANSWER, **manifest})
    assert not found.includes
    linked = link(found, lambda _: found)
    return PromptVersion(
        name=name, digest=digest_value(linked), aliases=aliases, team_id=team, manifest=msgspec.json.encode(linked)
    )


ANSWER: dict[str, Any] = {
    "messages": [
        {"role": "system", "content": "You answer for {{company}}."},
        {"role": "user", "content": "My name is Ann."},
    ],
    "variables": {"company": "string"},
}


async def ask(worker: Worker, reference: str = "support/answer@prod", variables: Any = None, **body: Any) -> Got:
    return await worker.post(
        body={
            "model": "m",
            **body,
            "genaiops": {"prompt": reference, "variables": {"company": "Acme"} if variables is None else variables},
        }
    )


def sent(up: Upstream) -> dict[str, Any]:
    return msgspec.json.decode(up.seen[-1].body)


async def test_its_messages_come_first_and_its_settings_where_the_call_has_none(home: Home) -> None:
    tools = [{"type": "function", "function": {"name": "look_up", "parameters": {"type": "object"}}}]
    made = prompt(
        "support/answer",
        "prod",
        tools=tools,
        response_format={"type": "json_object"},
        parameters={"temperature": 0.2, "max_tokens": 50, "seed": 1},
    )
    async with Upstream(answers()) as up:
        home.publish(key(), targets=(target(up.url),), prompts=(made,))
        async with running(home) as worker:
            own = [{"role": "user", "content": "And {{you}}?"}]
            assert (await ask(worker, messages=own, temperature=1, max_completion_tokens=9, seed=None)).status == 200
            assert sent(up) == {
                "model": "real-model",
                "temperature": 1,
                "max_completion_tokens": 9,
                "seed": 1,
                "tools": tools,
                "response_format": {"type": "json_object"},
                "messages": [
                    {"role": "system", "content": "You answer for Acme."},
                    {"role": "user", "content": "My name is Ann."},
                    *own,
                ],
            }
    record = home.admitted()[-1]
    assert record.prompt == PromptUse("support/answer", made.digest, "prod", {"company": "Acme"}, 2)
    assert b"You answer for Acme." in home.bodies()[-2]


async def test_without_messages_and_without_a_model(home: Home) -> None:
    made = prompt("support/answer", "prod", model="m")
    async with Upstream(answers()) as up:
        home.publish(key(), targets=(target(up.url),), prompts=(made,))
        async with running(home) as worker:
            asked = {"prompt": f"support/answer@{made.digest}", "variables": {"company": "A"}, "session": "s1"}
            for body in ({"genaiops": asked}, {"model": "", "messages": [], "genaiops": asked}):
                assert (await worker.post(body=body)).status == 200
                assert [one["role"] for one in sent(up)["messages"]] == ["system", "user"]
            assert home.admitted()[-1].prompt == PromptUse("support/answer", made.digest, None, {"company": "A"}, 2)
            assert home.admitted()[-1].session_id == "s1"
            # Without a prompt both are still needed.
            for body in ({"model": "m"}, {"messages": CHAT["messages"]}, {"genaiops": {"session": "prompt"}}):
                assert (await worker.post(body=body)).status == 400


@pytest.mark.parametrize(
    ("reference", "variables", "code", "param"),
    [
        ("support/answer@prod", {}, "missing_variable", "genaiops.variables.company"),
        ("support/answer@prod", {"company": 1}, "wrong_variable", "genaiops.variables.company"),
        ("support/answer@prod", {"company": "A", "x": 1}, "unknown_variable", "genaiops.variables.x"),
        ("support/answer@test", {"company": "A"}, "prompt_not_found", "genaiops.prompt"),
        ("support/answer", {"company": "A"}, "prompt_not_found", "genaiops.prompt"),
        ("private/thing@prod", {"company": "A"}, "prompt_not_found", "genaiops.prompt"),
    ],
)
async def test_what_is_wrong_is_named(home: Home, reference: str, variables: Any, code: str, param: str) -> None:
    versions = (prompt("support/answer", "prod"), prompt("private/thing", "prod", team="other"))
    async with Upstream(answers()) as up:
        home.publish(key(), targets=(target(up.url),), prompts=versions)
        async with running(home) as worker:
            got = await ask(worker, reference, variables)
            assert got.status in (400, 404)
            assert (got.error["code"], got.error["param"]) == (code, param)
            assert "private" not in got.error["message"].replace(reference, "")
            assert not up.seen


async def test_other_operations_refuse_it(home: Home) -> None:
    async with Upstream(answers()) as up:
        home.publish(key(), targets=(target(up.url),), prompts=(prompt("p", "a"),))
        async with running(home) as worker:
            named = {"genaiops": {"prompt": "p@a", "variables": {"company": "x"}}}
            got = await worker.post("/v1/embeddings", {"model": "m", "input": "x", **named})
            assert (got.status, got.error["param"]) == (400, "genaiops.prompt")
            got = await worker.post(body={**CHAT, "genaiops": {"variables": {}}})
            assert (got.status, got.error["param"]) == (400, "genaiops.variables")
            assert not up.seen


async def test_a_team_uses_its_own_private_prompt(home: Home) -> None:
    async with Upstream(answers()) as up:
        home.publish(
            key(),
            key("theirs", key_id="2", team_id="x"),
            targets=(target(up.url),),
            prompts=(prompt("p", "a", team="search"),),
        )
        async with running(home) as worker:
            assert (await ask(worker, "p@a")).status == 200
            body = {**CHAT, "genaiops": {"prompt": "p@a", "variables": {"company": "x"}}}
            assert (await worker.post(key="theirs", body=body)).status == 404


async def test_limits_are_reserved_for_what_is_sent(home: Home) -> None:
    """A body of a few bytes that a prompt makes large does not pass as a small one."""
    made = prompt("p", "a", messages=[{"role": "user", "content": "x" * 50_000}], variables={})
    async with Upstream(answers()) as up:
        entry = key(budgets=(budget("tokens", 10_000),))
        home.publish(entry, targets=(target(up.url),), prompts=(made,))
        async with running(home) as worker:
            assert (await ask(worker, "p@a", {}, max_tokens=5)).status == 429
            assert (await worker.post(body={**CHAT, "max_tokens": 5})).status == 200


async def test_a_move_is_in_force_with_the_next_call_and_drops_none(home: Home) -> None:
    old, new = (
        prompt("support/answer", "prod", messages=[{"role": "user", "content": text}], variables={})
        for text in ("old", "new")
    )
    async with Upstream(answers()) as up:
        home.publish(key(), targets=(target(up.url),), prompts=(old,))
        async with running(home) as worker:

            async def calls() -> list[Got]:
                return await asyncio.gather(*(ask(worker, variables={}) for _ in range(20)))

            running_ones = asyncio.create_task(calls())
            await asyncio.sleep(0)
            home.publish(targets=(target(up.url),), prompts=(msgspec.structs.replace(old, aliases=()), new))
            assert (await ask(worker, variables={})).status == 200
            assert sent(up)["messages"] == [{"role": "user", "content": "new"}]
            assert {got.status for got in await running_ones} == {200}
            assert (await ask(worker, f"support/answer@{old.digest}", {})).status == 200


async def test_kept_variables_are_cut_and_kept_only_where_content_is(home: Home) -> None:
    async with Upstream(answers()) as up:
        home.publish(key(), targets=(target(up.url),), prompts=(prompt("p", "a"),))
        async with running(home) as worker:
            assert (await ask(worker, "p@a", {"company": "é" * 9_000})).status == 200
    use = home.admitted()[-1].prompt
    assert use is not None
    assert use.variables == {"company": "é" * KEPT + "…"}


def test_what_a_release_gives() -> None:
    own = b'{"model": "app/x@prod", "messages": [{"role":"user","content":1e400}], "top_p": 0.1}'
    made = compose(own, "openai", parameters={"temperature": 0, "top_p": 1}, model="m")
    assert made == b'{"model":"m","top_p":0.1,"temperature":0,"messages":[{"role":"user","content":1e400}]}'
