"""Applications called by name: deployment, release, parameters, and whom they are open to."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genaiops.core.digest import digest_value
from genaiops.domain import (
    MEDIA,
    Application,
    Deployment,
    Environment,
    PromptUse,
    PromptVersion,
    Release,
    ReleaseManifest,
    Scope,
    Share,
    link,
    prompt_manifest,
)
from genaiops.gateway.deployed import Released
from tests.gateway.harness import CHAT, Home, budget, key, running, target
from tests.gateway.upstream import Upstream, answers, stream_events, streams

ENVIRONMENTS = (
    Environment(id="dev", kind="dev", created_us=1),
    Environment(id="prod", kind="prod", created_us=1),
)


def application(name: str = "support", **changes: Any) -> Application:
    fields: dict[str, Any] = {"id": name, "created_us": 1, **changes}
    return Application(**fields)


def release(model: str = "m", name: str = "support", **manifest: Any) -> Release:
    made = ReleaseManifest(model=model, **manifest)
    digest = digest_value(made)
    return Release(id=f"{name}@{digest}", application_id=name, digest=digest, manifest=made, created_us=1)


def deployment(*shares: tuple[Release, int], environment: str = "dev") -> Deployment:
    name = shares[0][0].application_id
    return Deployment(
        id=f"{name}@{environment}",
        application_id=name,
        environment_id=environment,
        shares=tuple(Share(one.id, weight) for one, weight in shares),
        since_us=1,
    )


def parts(*releases: Release, **more: Any) -> dict[str, Any]:
    return {
        "environments": ENVIRONMENTS,
        "applications": (application(acknowledged_us=1),),
        "releases": releases,
        "deployments": (deployment(*((one, 1) for one in releases)),),
        **more,
    }


def asked(model: str = "app/support", **more: Any) -> dict[str, Any]:
    return {**CHAT, "model": model, **more}


@pytest.mark.parametrize("name", ["app/support", "app/support@dev"])
async def test_an_application_is_called_by_its_name(home: Home, name: str) -> None:
    made = release(parameters={"temperature": 0.2, "max_tokens": 7})
    async with Upstream(answers()) as up:
        home.publish(key(), targets=(target(up.url),), **parts(made))
        async with running(home) as worker:
            answer = await worker.post(body=asked(name))
            await worker.quiet()
        sent = up.seen[0].json
    assert answer.status == 200
    assert answer.headers["x-genaiops-release"] == made.id
    assert answer.headers["x-genaiops-disclosure"] == "generative-ai"
    assert answer.headers["ai-disclosure"] == "mode=machine-generated"
    assert (sent["model"], sent["temperature"], sent["max_tokens"]) == ("real-model", 0.2, 7)
    assert sent["messages"] == CHAT["messages"]
    (record,) = home.admitted()
    assert (record.model, record.application, record.release, record.deployment) == (
        name,
        "support",
        made.digest,
        "support@dev",
    )


async def test_what_the_request_says_itself_stands(home: Home) -> None:
    made = release(parameters={"temperature": 0.2, "max_tokens": 7, "seed": 3})
    async with Upstream(answers()) as up:
        home.publish(key(), targets=(target(up.url),), **parts(made))
        async with running(home) as worker:
            await worker.post(body=asked(temperature=1, max_completion_tokens=9))
        sent = up.seen[0].json
    assert (sent["temperature"], sent["max_completion_tokens"], sent["seed"]) == (1, 9, 3)
    assert "max_tokens" not in sent


async def test_other_dialects_get_the_parameters_in_their_words(home: Home) -> None:
    made = release(parameters={"temperature": 0.5, "max_tokens": 7})
    async with Upstream(answers()) as up:
        home.publish(key(), targets=(target(up.url),), **parts(made))
        async with running(home) as worker:
            said = await worker.post("/v1/messages", asked(max_tokens=9))
            responded = await worker.post("/v1/responses", {"model": "app/support", "input": "hi"})
    assert (said.status, responded.status) == (200, 200), said.body
    assert [one.json["temperature"] for one in up.seen] == [0.5, 0.5]


async def test_a_parameter_without_a_word_in_a_dialect_is_refused_by_name(home: Home) -> None:
    made = release(parameters={"logit_bias": {"1": 1}})
    async with Upstream(answers()) as up:
        home.publish(key(), targets=(target(up.url),), **parts(made))
        async with running(home) as worker:
            refused = await worker.post("/v1/messages", asked(max_tokens=5))
    assert refused.status == 400
    assert "'logit_bias'" in refused.error["message"]
    assert up.seen == []


@pytest.mark.parametrize(
    ("changes", "model", "code"),
    [
        ({}, "app/support@prod", "environment_not_allowed"),
        ({"environment_id": "prod", "application": "support"}, "app/support@dev", "environment_not_allowed"),
        ({"environment_id": "prod", "application": "support"}, "app/support", "not_deployed"),
        ({"application": "other"}, "app/support", "application_not_allowed"),
        ({"tenant_id": "elsewhere"}, "app/support", "model_not_found"),
        ({}, "app/suport", "model_not_found"),
        ({"models": ("other",)}, "app/support", "model_not_allowed"),
    ],
)
async def test_who_may_not_call_it(home: Home, changes: dict[str, Any], model: str, code: str) -> None:
    async with Upstream(answers()) as up:
        home.publish(key(**changes), targets=(target(up.url),), **parts(release()))
        async with running(home) as worker:
            refused = await worker.post(body=asked(model))
            one = await worker.get(f"/v1/models/{model}")
    assert (refused.error["code"], refused.status) == (
        code,
        404 if code in ("not_deployed", "model_not_found") else 403,
    )
    assert one.status in (403, 404)
    assert up.seen == []


async def test_a_key_that_lists_the_application_reaches_nothing_else(home: Home) -> None:
    async with Upstream(answers()) as up:
        home.publish(key(models=("app/support",)), targets=(target(up.url),), **parts(release()))
        async with running(home) as worker:
            called = await worker.post(body=asked())
            beside = await worker.post(body=asked("m"))
            listed = await worker.get("/v1/models")
    assert (called.status, beside.status) == (200, 403)
    assert [one["id"] for one in listed.json["data"]] == ["app/support", "app/support@dev"]
    assert {one["kind"] for one in listed.json["data"]} == {"application"}


async def test_the_limits_of_the_application_hold_for_every_key_that_calls_it(home: Home) -> None:
    limit = budget("calls", 1, scope=Scope("application", "support"))
    async with Upstream(answers()) as up:
        home.publish(key(), targets=(target(up.url),), budgets=(limit,), **parts(release()))
        async with running(home) as worker:
            statuses = [(await worker.post(body=asked())).status for _ in range(2)]
            beside = await worker.post(body=asked("m"))
    assert (statuses, beside.status) == ([200, 429], 200)


@pytest.mark.parametrize("application_id", [None, "support"])
async def test_a_key_of_prod_works_only_when_its_application_has_acknowledged(
    home: Home, application_id: str | None
) -> None:
    silent = (application(),)
    used = key(environment_id="prod", application=application_id)
    async with Upstream(answers()) as up:
        home.publish(used, targets=(target(up.url),), **parts(release(), applications=silent))
        async with running(home) as worker:
            refused = await worker.post(body=CHAT)
            home.publish(
                applications=(application(acknowledged_us=1),), environments=ENVIRONMENTS, targets=(target(up.url),)
            )
            later = await worker.post(body=CHAT)
    assert (refused.status, refused.error["code"]) == (403, "not_acknowledged")
    assert "genaiops app acknowledge" in refused.error["message"]
    assert later.status == (200 if application_id else 403)


async def test_the_shares_of_releases_hold_and_a_user_keeps_one(home: Home) -> None:
    small, large = release(parameters={"seed": 1}), release(parameters={"seed": 2})
    split = (deployment((small, 90), (large, 10)),)
    async with Upstream(answers()) as up:
        home.publish(key(), targets=(target(up.url),), **parts(small, large, deployments=split))
        async with running(home) as worker:
            for number in range(200):
                await worker.post(body=asked(user=f"u{number % 100}"))
        seeds = [one.json["seed"] for one in up.seen]
    assert seeds[:100] == seeds[100:]
    assert 1 <= seeds[:100].count(2) <= 25


async def test_the_prompt_of_a_release_goes_into_the_call(home: Home) -> None:
    said = {"messages": [{"role": "system", "content": "For {{who}}."}], "variables": {"who": "string"}}
    plain = prompt_manifest({**said, "parameters": {"temperature": 1, "seed": 5}})
    linked = link(plain, lambda _: plain)
    pinned = PromptVersion(name="answer", digest=digest_value(linked), manifest=msgspec.json.encode(linked))
    made = release(prompt=f"prompt/answer@{pinned.digest}", parameters={"temperature": 0})
    variables = {"variables": {"who": "Ann"}}
    async with Upstream(answers()) as up:
        home.publish(key(), targets=(target(up.url),), prompts=(pinned,), **parts(made))
        async with running(home) as worker:
            called = await worker.post(body=asked(genaiops=variables))
            alone = await worker.post(body={"model": "app/support", "genaiops": variables})
            missing = await worker.post(body=asked())
            other = await worker.post(body=asked(genaiops={"prompt": f"answer@{pinned.digest}", **variables}))
        first, second = (one.json for one in up.seen)
    assert (called.status, alone.status) == (200, 200)
    system = {"role": "system", "content": "For Ann."}
    assert (first["temperature"], first["seed"], first["messages"]) == (0, 5, [system, *CHAT["messages"]])
    assert second["messages"] == [system]
    assert (missing.status, other.error["code"]) == (400, "prompt_pinned")
    assert "'who'" in missing.error["message"]
    record = home.admitted()[0]
    assert record.prompt == PromptUse("answer", pinned.digest, None, {"who": "Ann"}, 1)


async def test_messages_are_missing_where_no_prompt_brings_them(home: Home) -> None:
    async with Upstream(answers()) as up:
        home.publish(key(), targets=(target(up.url),), **parts(release()))
        async with running(home) as worker:
            bare = await worker.post(body={"model": "app/support"})
            lost = await worker.post(body=asked(genaiops={"variables": {"who": "Ann"}}))
    assert [(one.status, one.error["param"]) for one in (bare, lost)] == [
        (400, "messages"),
        (400, "genaiops.variables"),
    ]
    assert up.seen == []


async def test_a_stream_says_its_release(home: Home) -> None:
    made = release()
    async with Upstream(streams(*stream_events("a"))) as up:
        home.publish(key(), targets=(target(up.url),), **parts(made))
        async with running(home) as worker:
            streamed = await worker.stream(asked(stream=True))
    assert streamed.headers["x-genaiops-release"] == made.id
    assert streamed.headers["x-genaiops-disclosure"] == "generative-ai"


async def test_images_and_speech_say_that_they_were_generated_and_rankings_do_not(home: Home) -> None:
    ways: dict[str, tuple[dict[str, Any], Any, str]] = {
        "/v1/images/generations": ({"prompt": "x"}, {"data": [{"url": "https://x.example/1.png"}]}, "application/json"),
        "/v1/audio/speech": ({"input": "x", "voice": "v"}, b"\xff\xfb\x90\x00" * 400, "audio/mpeg"),
        "/v1/rerank": ({"query": "x", "documents": ["y"]}, {"results": []}, "application/json"),
    }
    told: dict[str, str | None] = {}
    for number, (path, (body, answer, kind)) in enumerate(ways.items()):
        async with Upstream(answers(answer, kind=kind)) as up:
            there = target(up.url, id=f"t{number}", operations=tuple(MEDIA))
            home.publish(key(application="support"), targets=(there,), **parts(release()))
            async with running(home) as worker:
                got = await worker.post(path, {"model": "m", **body})
        assert got.status == 200, got.body
        told[path] = got.headers.get("ai-disclosure")
    generated = "mode=machine-generated"
    assert list(told.values()) == [generated, generated, None]


async def test_releases_are_swapped_between_calls_without_one_failing(home: Home) -> None:
    first, second = release(parameters={"seed": 1}), release(parameters={"seed": 2})
    async with Upstream(answers()) as up:
        home.publish(key(), targets=(target(up.url),), **parts(first))
        async with running(home) as worker:
            served: list[tuple[int, str]] = []
            for number in range(40):
                if number % 5 == 4:
                    home.publish(targets=(target(up.url),), **parts(second if number % 2 else first))
                answer = await worker.post(body=asked())
                served.append((answer.status, answer.headers["x-genaiops-release"]))
    assert {status for status, _ in served} == {200}
    assert {name for _, name in served} == {first.id, second.id}


JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=5,
)
NAMES = st.sampled_from(["temperature", "seed", "max_tokens", "max_completion_tokens", "stop", 'é"x'])


@given(
    body=st.dictionaries(NAMES | st.text(max_size=4), JSON, max_size=5),
    parameters=st.dictionaries(NAMES, JSON.filter(lambda value: value is not None), max_size=4),
    spaced=st.booleans(),
)
def test_merging_adds_what_is_not_said_and_changes_nothing_else(
    body: dict[str, Any], parameters: dict[str, Any], spaced: bool
) -> None:
    made = release(parameters=parameters)
    raw = ("  " if spaced else "") + json.dumps(body, indent=1 if spaced else None)
    merged = json.loads(Released(made, deployment((made, 1)), 1).merged(raw.encode()))
    caps = {"max_tokens", "max_completion_tokens"}
    capped = bool(caps & body.keys())
    added = {k: v for k, v in parameters.items() if k not in body and not (capped and k in caps)}
    assert merged == {**body, **added}
