"""Streams out of the cache and into it, and equal calls at the same time."""

import asyncio
import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from genaiops.domain import Usage
from genaiops.gateway.cache_answer import Remembered, seal, stream_of, unseal, whole_of
from tests.gateway.caching_calls import ASK, EXACT, cached, publish, said
from tests.gateway.harness import KEY, QUICK, Home, key, route, running, target, until
from tests.gateway.upstream import (
    DONE,
    ROLE,
    Upstream,
    answers,
    completion,
    event,
    fails,
    gated,
    stream_events,
    streams,
)


async def test_a_stream_is_given_again_as_a_stream_and_whole(home: Home) -> None:
    asked = {**ASK, "stream": True}
    async with Upstream(streams(*stream_events("Hel", "lo ", "there"))) as up:
        publish(home, up)
        async with running(home) as worker:
            first, second = await worker.post(body=asked), await worker.post(body=asked)
            third = await worker.post(body={**asked, "stream_options": {"include_usage": True}})
            whole = await worker.post(body=ASK)
            await worker.quiet()
    assert len(up.seen) == 1
    assert [said(one) for one in (first, second, third, whole)] == ["miss", "hit", "hit", "hit"]
    assert first.text == second.text == third.text == "Hello there"
    assert second.headers["content-type"].startswith("text/event-stream")
    assert second.events[-1] == third.events[-1] == "[DONE]"
    assert not any("usage" in one for one in second.events[:-1])
    assert third.events[-2]["usage"]["total_tokens"] == 7
    assert third.events[-2]["choices"] == []
    assert whole.json["choices"][0]["message"] == {"role": "assistant", "content": "Hello there"}
    assert whole.json["usage"] == {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7}


async def test_a_whole_answer_is_given_again_as_a_stream(home: Home) -> None:
    async with Upstream(answers(completion("Hello there " * 100))) as up:
        publish(home, up)
        async with running(home) as worker:
            assert said(await worker.post(body=ASK)) == "miss"
            got = await worker.post(body={**ASK, "stream": True})
    assert said(got) == "hit"
    assert got.text == "Hello there " * 100
    assert len(got.events) > 3


async def test_a_stream_that_broke_off_is_not_kept(home: Home) -> None:
    broken = streams(ROLE, event("Hel"), end=False)
    async with Upstream(broken, streams(*stream_events("Hello"))) as up:
        publish(home, up)
        async with running(home) as worker:
            assert (await worker.post(body={**ASK, "stream": True})).cut
            assert said(await worker.post(body=ASK | {"stream": True})) == "miss"
            await worker.quiet()


# -- equal calls at the same time


async def test_equal_calls_that_come_together_make_one(home: Home) -> None:
    async def after(seen: Any, wire: Any) -> bool | None:
        for piece in (event("lo"), event(finish="stop"), event(usage=(5, 2)), DONE):
            await wire.write(b"%x\r\n%b\r\n" % (len(piece), piece))
        await wire.write(b"0\r\n\r\n")
        return True

    async with Upstream(gated(ROLE + event("Hel"), after)) as up:
        publish(home, up)
        async with running(home) as worker:
            asked = [asyncio.create_task(worker.post(body={**ASK, "stream": True})) for _ in range(5)]
            await until(lambda: worker.gateway._caching._followers == 4)
            up.gate.set()
            got = await asyncio.gather(*asked)
            await worker.quiet()
            assert worker.gateway._caching._leaders == {}
    assert len(up.seen) == 1
    assert sorted(said(one) for one in got) == ["hit"] * 4 + ["miss"]
    assert {one.text for one in got} == {"Hello"}


async def test_when_the_first_fails_the_others_try_themselves(home: Home) -> None:
    async def slow(seen: Any, wire: Any) -> bool | None:
        await wire.gate.wait()
        return await fails(500)(seen, wire)

    async with Upstream(slow, answers()) as up:
        publish(home, up, routes=(replace(cached(), retry=replace(QUICK, attempts=1)),))
        async with running(home) as worker:
            asked = [asyncio.create_task(worker.post(body=ASK)) for _ in range(3)]
            await until(lambda: worker.gateway._caching._followers == 2)
            up.gate.set()
            got = await asyncio.gather(*asked)
            await worker.quiet()
    assert sorted(one.status for one in got) == [200, 200, 502]


async def test_nobody_waits_for_ever(home: Home) -> None:
    async def slow(seen: Any, wire: Any) -> bool | None:
        await wire.gate.wait()
        return await answers()(seen, wire)

    async with Upstream(slow, answers()) as up:
        publish(home, up)
        async with running(home, cache_wait=0.1) as worker:
            first = asyncio.create_task(worker.post(body=ASK))
            await until(lambda: bool(up.seen))
            second = await worker.post(body=ASK)
            assert said(second) == "miss"
            up.gate.set()
            assert said(await first) == "miss"
            await worker.quiet()
    notes = {one.lookup.note for one in home.settled() if one.lookup is not None}
    assert notes == {None, "waited in vain"}


async def test_a_follower_that_leaves_is_settled(home: Home) -> None:
    async def slow(seen: Any, wire: Any) -> bool | None:
        await wire.gate.wait()
        return await answers()(seen, wire)

    async with Upstream(slow) as up:
        publish(home, up)
        async with running(home) as worker:
            first = asyncio.create_task(worker.post(body=ASK))
            await until(lambda: bool(up.seen))
            second = asyncio.create_task(worker.post(body=ASK))
            await until(lambda: worker.gateway._caching._followers == 1)
            second.cancel()
            await until(lambda: worker.gateway._caching._followers == 0)
            up.gate.set()
            assert said(await first) == "miss"
            await worker.quiet()
    assert sorted(one.status for one in home.settled()) == ["cancelled", "ok"]


# -- the official client


async def test_the_official_client_reads_streams_out_of_the_cache(home: Home) -> None:
    import openai

    echo = target(None, provider="echo", upstream_model="echo", settings={"reasoning_tokens": "2"})
    tool = target(None, id="u", provider="echo", upstream_model="echo", settings={"tool": "lookup", "text": '{"q": 1}'})
    home.publish(key(), targets=(echo, tool), routes=(cached(), replace(route("u", name="tools"), cache=EXACT)))
    messages: Any = [{"role": "user", "content": "The quick brown fox " * 60}]
    async with running(home) as worker:
        url = f"http://127.0.0.1:{worker.port}/v1"
        async with openai.AsyncOpenAI(base_url=url, api_key=KEY, max_retries=0) as api:
            for name in ("r", "tools"):
                whole = await api.chat.completions.create(model=name, messages=messages)
                stream = await api.chat.completions.create(
                    model=name, messages=messages, stream=True, stream_options={"include_usage": True}
                )
                chunks = [chunk async for chunk in stream]
                deltas = [choice.delta for chunk in chunks for choice in chunk.choices]
                message = whole.choices[0].message
                assert "".join(delta.content or "" for delta in deltas) == (message.content or "")
                calls = [call for delta in deltas for call in delta.tool_calls or ()]
                assert [call.function and call.function.arguments for call in calls] == [
                    call.function.arguments for call in message.tool_calls or () if call.type == "function"
                ]
                assert chunks[-1].usage == whole.usage
                assert chunks[-2].choices[0].finish_reason == whole.choices[0].finish_reason
                assert {chunk.id for chunk in chunks} == {whole.id}
                async with api.chat.completions.stream(model=name, messages=messages) as helper:
                    final = await helper.get_final_completion()
                assert final.choices[0].message.content in (message.content, message.content or "")
    assert [one.cache for one in home.settled()] == ["miss", "hit", "hit"] * 2


# -- what is made of what


_texts = st.text(max_size=1000)
_calls = st.lists(
    st.fixed_dictionaries(
        {
            "id": st.text(max_size=9),
            "type": st.just("function"),
            "function": st.fixed_dictionaries({"name": _texts, "arguments": _texts}),
        }
    ),
    min_size=1,
    max_size=3,
)
_messages = st.fixed_dictionaries(
    {"role": st.just("assistant"), "content": st.one_of(_texts.filter(bool), st.none())},
    optional={"tool_calls": _calls, "reasoning_content": _texts.filter(bool), "refusal": _texts.filter(bool)},
)


@given(_messages, st.booleans())
def test_a_whole_answer_survives_being_a_stream(message: dict[str, Any], include_usage: bool) -> None:
    usage = Usage(input_uncached=3, cache_read=1, output_text=2, reasoning=4)
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}
    answer = {"id": "c", "created": 1, "model": "m", "object": "chat.completion", "choices": [choice]}
    events = stream_of(json.dumps(answer).encode(), usage, include_usage=include_usage)
    again = whole_of(events, usage)
    assert again is not None
    found = json.loads(again)
    said_before = {name: value for name, value in message.items() if value is not None}
    said_after = {name: value for name, value in found["choices"][0]["message"].items() if value}
    assert said_after == said_before
    assert found["choices"][0]["finish_reason"] == "stop"
    assert found["usage"]["total_tokens"] == 10


@given(st.binary(max_size=300), st.binary(min_size=32, max_size=32))
def test_only_what_was_sealed_is_unsealed(garbage: bytes, name: bytes) -> None:
    answer = Remembered(1, b"t" * 16, garbage, Usage(), None, None, "stop")
    sealed = seal(name, answer)
    assert unseal(name, sealed) == answer
    assert unseal(name, garbage) is None
    assert unseal(bytes(32), sealed) is None or name == bytes(32)
    assert unseal(name, sealed[:-1]) is None
