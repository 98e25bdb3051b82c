"""The ways that a call can take, and what may not get past the guard on any of them: caches, second tries, copies,
repeats, prompts, forms, jobs; and what official clients see of a refusal."""

import asyncio
import gzip
import json
from typing import Any

import pytest
from msgspec.structs import replace

from genaiops.domain import CachePolicy, HedgePolicy, RetryPolicy, ShadowPolicy
from tests.gateway.guard_cases import ALL, SAID, TICKET, behind, escaped, holds
from tests.gateway.harness import CHAT, KEY, Home, key, route, running, target, until
from tests.gateway.media_calls import form, serving
from tests.gateway.test_compose import prompt
from tests.gateway.test_gemini_client import client_of
from tests.gateway.test_guard_conformance import clean
from tests.gateway.test_guarding import asked, policy, rule
from tests.gateway.test_holding import kept
from tests.gateway.test_releases import ENVIRONMENTS, application, deployment, release
from tests.gateway.test_shadow import shadow_budget
from tests.gateway.upstream import Upstream, answers, completion, event, fails, raw, stalls, streams

TOLD = answers(completion(f"It is {TICKET}."))
BOTH = (policy(rule()),)
CACHED = replace(route("t"), cache=CachePolicy(mode="exact"))
QUICK = RetryPolicy(attempts=3, backoff=0.001, backoff_max=0.01, deadline=20.0)


def sent(*upstreams: Upstream) -> bool:
    """Whether any of them got the value."""
    return any(holds(repr(seen).encode()) for upstream in upstreams for seen in upstream.seen)


@pytest.mark.parametrize("streamed", [False, True])
async def test_hits_repeats_and_second_tries(home: Home, *, streamed: bool) -> None:
    script = streams(event("It is T-12"), event("3456."), event(finish="stop"), b"data: [DONE]\n\n")
    told = script if streamed else TOLD
    async with Upstream(told) as a, Upstream(fails(503)) as bad, Upstream(stalls()) as slow:
        targets = (target(a.url), target(bad.url, id="bad"), target(slow.url, id="slow"))
        routes = (
            CACHED,
            route("bad=9", "t", name="again", retry=QUICK),
            replace(route("slow", name="hedged", fallbacks=("t",)), hedge=HedgePolicy(after=0.01, share=1.0)),
        )
        home.publish(key(), targets=targets, routes=routes, guards=BOTH)
        async with running(home) as worker:
            for name, headers in (("r", {}), ("r", {}), ("again", {}), ("hedged", {}), ("m", {"idempotency_key": "i"}),
                                  ("m", {"idempotency_key": "i"})):  # fmt: skip
                got = await worker.post(body=asked(SAID, model=name, stream=streamed), **headers)
                assert (got.status, holds(got.body)) == (200, False), (name, got.body)
                assert b"TICKET_1" in got.body
    assert len(a.seen) == 4
    assert not sent(a, bad, slow)
    assert clean(home)


async def test_a_copy_gets_what_the_call_got(home: Home) -> None:
    async with Upstream(answers()) as a, Upstream(TOLD) as b:
        home.publish(
            key(),
            targets=(target(a.url), target(b.url, id="shadow")),
            routes=(route("t", shadow=ShadowPolicy("shadow", "shadow/r", share=1.0)),),
            budgets=(shadow_budget(),),
            guards=BOTH,
        )
        async with running(home) as worker:
            await worker.post(body=asked(SAID, model="r", user=TICKET, metadata={"about": SAID}))
            await until(lambda: len(home.settled()) == 2)
    assert len(b.seen) == 1
    assert not sent(a, b)
    assert clean(home)


async def test_a_release_is_remembered_by_its_own_policy(home: Home) -> None:
    """Two releases of an application differ in nothing but their policies: the answer of one is not the other's."""
    open_, shut = policy(name="open"), policy(rule(), name="shut")
    loose, strict = (release(model="r", pins={"guard": f"policy/{one.name}@{one.digest}"}) for one in (open_, shut))
    async with Upstream(TOLD) as upstream:
        parts: Any = {
            "targets": (target(upstream.url),),
            "routes": (CACHED,),
            "applications": (application(),),
            "environments": ENVIRONMENTS,
            "releases": (loose, strict),
            "guards": (policy(), open_, shut),
        }
        home.publish(key(), deployments=(deployment((loose, 1), (strict, 1)),), **parts)
        async with running(home) as worker:
            seen: dict[str, set[bool]] = {}
            for number in range(24):
                got = await worker.post(body=asked("Which?", model="app/support", user=f"u{number % 12}"))
                got = await worker.post(body=asked("Which?", model="app/support"), Helicone_User_Id=f"u{number % 12}")
                assert got.status == 200, got.body
                seen.setdefault(got.headers["x-genaiops-release"], set()).add(holds(got.body))
    assert sorted(seen.values(), key=repr) == [{False}, {True}]


async def test_prompts_large_bodies_and_codings(home: Home) -> None:
    told = prompt("support/answer", "prod")
    large = asked(f"{'Nothing to see. ' * 9000}{SAID}")
    async with Upstream(answers()) as upstream:
        home.publish(key(), targets=(target(upstream.url),), prompts=(told,), guards=BOTH)
        async with running(home) as worker:
            ours = {"prompt": "support/answer@prod", "variables": {"company": SAID}}
            bodies: list[tuple[bytes, dict[str, str]]] = [
                (json.dumps({**CHAT, "genaiops": ours}).encode(), {}),
                (json.dumps(large).encode(), {}),
                (escaped(json.dumps(large).encode()), {}),
                (gzip.compress(json.dumps(asked(SAID)).encode()), {"content_encoding": "gzip"}),
                (json.dumps(CHAT).encode(), {"helicone_property_about": SAID, "helicone_user_id": TICKET}),
            ]
            for body, headers in bodies:
                got = await worker.post(body=body, **headers)
                assert got.status == 200, got.body
    assert len(upstream.seen) == len(bodies)
    assert not sent(upstream)
    assert clean(home)


FILE = b'name="file"; filename="a.wav"'


@pytest.mark.parametrize(
    ("old", "new", "status"),
    [
        (FILE, f'name="file"; filename="{SAID}.wav"'.encode(), 200),
        (FILE, f'name="file"; filename="{"a" * 300}{SAID}.wav"'.encode(), 200),
        (FILE, FILE + f"\r\nX-Note: {SAID}".encode(), 400),
        (FILE, FILE + f"; filename*=utf-8''{SAID}".encode(), 400),
        (FILE, FILE + f'; note="{SAID}"'.encode(), 400),
        (b"audio/wav", f"audio/wav; note={TICKET}; of=a b".encode(), 400),
        (b"Hello", SAID.encode(), 200),
    ],
)
async def test_forms(home: Home, old: bytes, new: bytes, status: int) -> None:
    body, kind = form(prompt="Hello")
    assert old in body
    async with Upstream(answers({"text": SAID})) as upstream:
        home.publish(key(), targets=(serving(upstream.url),), guards=BOTH)
        async with running(home) as worker:
            kind = f'{kind}; note="{SAID}"'
            got = await worker.post("/v1/audio/transcriptions", body.replace(old, new), content_type=kind)
        assert (got.status, len(upstream.seen)) == (status, 1 if status == 200 else 0), got.body
        assert not holds(got.body)
        assert not sent(upstream)
        assert clean(home)


async def test_a_file_that_is_text(home: Home) -> None:
    body, kind = form(sound=SAID.encode())
    async with Upstream(answers({"text": "It is."})) as upstream:
        home.publish(key(), targets=(serving(upstream.url),), guards=BOTH)
        async with running(home) as worker:
            got = await worker.post("/v1/audio/transcriptions", body, content_type=kind)
    assert got.status == 200
    assert b"see <TICKET_1> now" in upstream.seen[0].body


@pytest.mark.parametrize("kind", ["application/json", "text/plain", "text/vtt", "application/octet-stream"])
@pytest.mark.parametrize("streamed", ["true", "false"])
@pytest.mark.parametrize("action", ["redact", "block"])
async def test_transcriptions(home: Home, kind: str, streamed: str, action: Any) -> None:
    text = kind == "text/plain"
    said = f"so it is\n\n{SAID}".encode() if text else escaped(json.dumps({"text": SAID}).encode())
    async with Upstream(answers(said, kind=kind)) as upstream:
        home.publish(key(), targets=(serving(upstream.url),), guards=(policy(rule(direction="out", action=action)),))
        async with running(home) as worker:
            body, head = form(stream=streamed, response_format="text" if text else "json")
            got = await worker.post("/v1/audio/transcriptions", body, content_type=head)
            await worker.quiet()
    assert not holds(got.body)
    if action == "block":
        assert got.status >= 400 or got.cut
    else:
        assert b"TICKET_1" in got.body or got.status == 502
    assert clean(home)


@pytest.mark.parametrize("streamed", ["true", "false"])
async def test_a_transcription_that_waits_does_not_go_out(home: Home, streamed: str) -> None:
    """Also one that comes as a whole though a stream was asked for."""
    home.seals.ensure()
    held = (policy(rule(direction="out", action="hold")),)
    async with Upstream(answers({"text": SAID})) as upstream:
        home.publish(key(), targets=(serving(upstream.url),), guards=held)
        async with running(home) as worker:
            body, head = form(stream=streamed)
            got = await worker.post("/v1/audio/transcriptions", body, content_type=head)
            await worker.quiet()
    assert not holds(got.body)
    record, content, _ = kept(home)
    assert (got.status, got.headers["x-genaiops-held"]) == (202, record.id)
    assert content.content_type == "application/json"
    assert json.loads(content.body) == {"text": SAID}
    [settled] = home.settled()
    assert (settled.status, settled.http_status) == ("ok", 202)


async def test_a_job_waits_and_a_list_of_jobs_is_refused(home: Home) -> None:
    told: dict[str, Any] = {"id": "v1", "object": "video", "status": "queued", "seconds": "4", "size": "720x1280"}
    home.seals.ensure()
    async with Upstream(answers(told)) as upstream:
        home.publish(
            key(),
            targets=(behind(home, upstream, "openai", operations=ALL),),
            guards=(policy(rule(direction="out", action="hold")),),
        )
        async with running(home) as worker:
            made = (await worker.post("/v1/videos", {"model": "m", "prompt": "a cat"})).json["id"]
            upstream.scripts = [answers({**told, "prompt": SAID})]
            got = [await worker.get(f"/v1/videos/{made}"), await worker.get("/v1/videos")]
    assert not any(holds(one.body) for one in got)
    assert [one.status for one in got] == [202, 400]


async def test_sound_is_left_alone(home: Home) -> None:
    sound = b"\xff\xfb" + bytes(range(256)) * 40 + b"\n\ndata: x\n\n"
    async with Upstream(answers(sound, kind="audio/mpeg")) as upstream:
        home.publish(key(), targets=(serving(upstream.url),), guards=BOTH)
        async with running(home) as worker:
            got = await worker.post("/v1/audio/speech", {"model": "m", "input": "Hello", "voice": "alloy"})
    assert (got.status, got.body) == (200, sound)


async def test_the_jobs_of_videos(home: Home) -> None:
    told: dict[str, Any] = {"id": "v1", "object": "video", "status": "queued", "seconds": "4", "size": "720x1280"}
    secret = {**told, "prompt": SAID, "error": {"code": "c", "message": SAID}}
    async with Upstream(answers(told)) as upstream:
        home.publish(key(), targets=(behind(home, upstream, "openai", operations=ALL),), guards=BOTH)
        async with running(home) as worker:
            made = (await worker.post("/v1/videos", {"model": "m", "prompt": SAID})).json["id"]
            upstream.scripts = [answers(secret)]
            got = [
                await worker.post(f"/v1/videos/{made}/remix", {"prompt": SAID}),
                await worker.get(f"/v1/videos/{made}"),
                await worker.get("/v1/videos"),
            ]
            upstream.scripts = [fails(400, SAID)]
            failed = [await worker.get(f"/v1/videos/{made}"), await worker.get("/v1/videos")]
    assert [one.status for one in got] == [200, 200, 200]
    assert b"see <TICKET_1> now" in upstream.seen[1].body
    assert all(b"TICKET_1" in one.body for one in got)
    assert not any(holds(one.body) for one in (*got, *failed))
    assert not sent(upstream)
    assert clean(home)


async def test_official_clients_see_a_refusal(home: Home) -> None:
    import anthropic
    import cohere
    import openai
    from cohere.core.api_error import ApiError
    from google.genai import errors

    ask: Any = [{"role": "user", "content": SAID}]
    async with Upstream(raw(b"")) as upstream:
        home.publish(key(), targets=(target(upstream.url),), guards=(policy(rule(action="block")),))
        async with running(home) as worker:
            url = f"http://127.0.0.1:{worker.port}"
            async with openai.AsyncOpenAI(base_url=f"{url}/v1", api_key=KEY, max_retries=0) as one:
                with pytest.raises(openai.BadRequestError) as caught:
                    await one.chat.completions.create(model="m", messages=ask)
                assert caught.value.code == "content_filter"
                with pytest.raises(openai.BadRequestError):
                    await one.responses.create(model="m", input=SAID, stream=True)
            async with anthropic.AsyncAnthropic(base_url=url, api_key=KEY, max_retries=0) as two:
                with pytest.raises(anthropic.BadRequestError):
                    await two.messages.create(model="m", messages=ask, max_tokens=9)
                with pytest.raises(anthropic.BadRequestError):
                    await two.messages.count_tokens(model="m", messages=ask)
            async with cohere.AsyncClientV2(api_key=KEY, base_url=url) as three:
                with pytest.raises(ApiError) as refused:
                    await three.chat(model="m", messages=ask, request_options={"max_retries": 0})
                assert refused.value.status_code == 400
            google = client_of(worker)
            with pytest.raises(errors.ClientError):
                await asyncio.to_thread(google.models.generate_content, model="m", contents=SAID)
            await google.aio.aclose()
            google.close()
    assert upstream.seen == []
    assert clean(home)


@pytest.mark.parametrize("streamed", [False, True])
async def test_values_come_back_in_arguments(home: Home, *, streamed: bool) -> None:
    call: Any = {
        "index": 0,
        "id": "c",
        "type": "function",
        "function": {"name": "f", "arguments": '{"id": "<TICKET_1>"}'},
    }
    delta = {"id": "c", "choices": [{"index": 0, "delta": {"role": "assistant", "tool_calls": [call]}}]}
    whole = completion("")
    whole["choices"][0]["message"] = {"role": "assistant", "content": "of <TICKET_1>", "tool_calls": [call]}
    pieces = streams(b"data: " + json.dumps(delta).encode() + b"\n\n", event(finish="tool_calls"), b"data: [DONE]\n\n")
    async with Upstream(pieces if streamed else answers(whole)) as upstream:
        home.publish(key(), targets=(target(upstream.url),), guards=(policy(rule(direction="in", reversible=True)),))
        async with running(home) as worker:
            got = await worker.post(body=asked(SAID, stream=streamed))
    assert f'{{\\"id\\": \\"{TICKET}\\"}}'.encode() in got.body.replace(b'\\":\\"', b'\\": \\"')
    assert not sent(upstream)
    assert clean(home)
