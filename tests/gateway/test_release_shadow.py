"""A release in shadow: it hears what clients sent, as it would have it, and users get only what serves."""

import contextlib
from collections.abc import AsyncGenerator
from typing import Any

import msgspec

from genaiops.core.digest import digest_value
from genaiops.domain import Deployment, PromptVersion, Release, ReleaseShadow, Scope, link, prompt_manifest
from tests.gateway.guarding_calls import TICKET, policy, rule
from tests.gateway.harness import CHAT, Home, Worker, budget, key, price, running, target, until
from tests.gateway.test_releases import asked, deployment, parts, release
from tests.gateway.upstream import Script, Upstream, answers, completion, stream_events, streams

PAID = budget("tokens", 10**6, id="bud_shadow", scope=Scope("application", "shadow/support"))


def spoken(text: str) -> tuple[PromptVersion, str]:
    """A prompt, and what a release calls it."""
    said = {"messages": [{"role": "system", "content": text}], "variables": {"who": "string"} if "who" in text else {}}
    plain = prompt_manifest(said)
    linked = link(plain, lambda _: plain)
    made = PromptVersion(name="answer", digest=digest_value(linked), manifest=msgspec.json.encode(linked))
    return made, f"prompt/answer@{made.digest}"


def heard_by(serving: Release, heard: Release, **more: Any) -> Deployment:
    shadow = ReleaseShadow(release_id=heard.id, application="shadow/support", share=1.0, since_us=1)
    return msgspec.structs.replace(deployment((serving, 100)), shadow=msgspec.structs.replace(shadow, **more))


@contextlib.asynccontextmanager
async def shadowed(
    home: Home, live: Script, copy: Script, **more: Any
) -> AsyncGenerator[tuple[Worker, Upstream, Upstream]]:
    """`old` serves and asks the model m; `new` hears copies, has a prompt, and asks the model n."""
    prompt, name = spoken("Be brief.")
    old, new = release("m", parameters={"seed": 1}), release("n", prompt=name, parameters={"temperature": 0})
    async with Upstream(live) as a, Upstream(copy) as b:
        found: dict[str, Any] = {
            **parts(old, new),
            "deployments": (heard_by(old, new, **more.pop("shadow", {})),),
            "targets": (target(a.url, id="a", model="m"), target(b.url, id="b", model="n")),
            "prompts": (prompt,),
            "budgets": (PAID,),
            "prices": (price(),),
            **more,
        }
        home.publish(key(), **found)
        async with running(home) as worker:
            yield worker, a, b
            await until(lambda: not worker.gateway._shadows._tasks)
            await worker.quiet()


async def test_it_gets_what_the_client_sent_with_its_own_prompt_and_parameters(home: Home) -> None:
    twice = answers(completion("another answer", usage=(6, 3)))
    async with shadowed(home, answers(), twice) as (worker, a, b):
        got = await worker.post(body=asked(user="ann", top_p=0.5))
        await until(lambda: len(home.settled()) == 2)
        assert worker.used("bud_shadow") == 9
    assert got.json["choices"][0]["message"]["content"] == "Hello there"
    live, copy = a.seen[0].json, b.seen[0].json
    assert (live["messages"], live["seed"], "temperature" in live) == (CHAT["messages"], 1, False)
    assert copy["messages"] == [{"role": "system", "content": "Be brief."}, *CHAT["messages"]]
    assert (copy["temperature"], copy["top_p"], "seed" in copy) == (0, 0.5, False)
    call, told = home.admitted()
    assert (told.shadow_of, told.user_id, told.key_id) == (call.trace_id, "ann", "shadow/app/support@dev")
    assert (told.application, told.deployment, told.model) == ("shadow/support", "support@dev", "app/support")
    assert told.release != call.release
    assert home.settled()[1].attempts[0].target_id == "b"


async def test_a_stream_is_heard_too(home: Home) -> None:
    events = streams(*stream_events("Hel", "lo")), streams(*stream_events("Bon", "jour"))
    async with shadowed(home, *events) as (worker, _, b):
        got = await worker.stream(asked(stream=True))
        await until(lambda: len(home.settled()) == 2)
    assert got.text == "Hello"
    assert b.seen[0].json["stream"] is True
    assert b"jour" in home.bodies()[-1]


async def test_its_guard_rules_on_what_it_hears_and_says(home: Home) -> None:
    """What came in is taken out for it as well, and a policy that stops it leaves the user's answer alone."""
    leak = rule(id="leaks", action="block", options={"patterns": {"leak": r"\bLEAK-\d\b"}})
    policies, leaking = (policy(rule(), leak),), answers(completion("It is LEAK-7."))
    async with shadowed(home, answers(), leaking, guards=policies) as (worker, a, b):
        said = [{"role": "user", "content": f"I am {TICKET}."}]
        got = await worker.post(body=asked(messages=said))
        await until(lambda: len(home.settled()) == 2)
    assert got.status == 200
    for one in (a, b):
        assert TICKET.encode() not in one.seen[0].body
    assert [each.error_type for each in home.settled()] == [None, "content_filter"]


async def test_what_the_client_sent_may_not_fit_it(home: Home) -> None:
    """A prompt that needs a variable: the copy is refused, and nobody notices."""
    prompt, name = spoken("For {{who}}.")
    old, new = release("m"), release("m", prompt=name)
    async with Upstream(answers()) as up:
        fits: dict[str, Any] = {
            **parts(old, new),
            "deployments": (heard_by(old, new),),
            "prompts": (prompt,),
            "budgets": (PAID,),
        }
        home.publish(key(), targets=(target(up.url),), **fits)
        async with running(home) as worker:
            assert (await worker.post(body=asked())).status == 200
            await until(lambda: len(home.refused()) == 1)
            assert len(up.seen) == 1
            await worker.quiet()
    assert home.refused()[0].admitted.shadow_of == home.admitted()[0].trace_id


async def test_where_none_is_made(home: Home) -> None:
    async with shadowed(home, answers(), answers(), budgets=()) as (worker, _, b):
        await worker.post(body=asked())
        await until(lambda: worker.gateway._books.tally.unshadowed == 1)
    assert not b.seen
