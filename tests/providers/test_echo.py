"""The scripted provider: its answers are read by the same code as any provider's."""

import json
from typing import Any

import pytest

from genaiops.core.errors import UpstreamError
from genaiops.domain import Target, Usage
from genaiops.ports.providers import CallBody, Wire
from genaiops.providers.echo import Echo, EchoTransport

BODY = {
    "model": "e",
    "messages": [{"role": "system", "content": "be kind"}, {"role": "user", "content": "one two three"}],
}

CALL = CallBody("chat", b"", "e", stream=False, wants_usage=True, max_tokens=None, inject_cap=False)


def target(**settings: str) -> Target:
    return Target(id="e", provider="echo", model="e", upstream_model="e", settings=settings, created_us=0)


def wire(path: bytes = b"/chat/completions", **more: Any) -> Wire:
    return Wire(b"POST", path, (), json.dumps({**BODY, **more}).encode())


async def test_it_echoes_and_counts() -> None:
    reply = await EchoTransport().send(wire(), target(cached_tokens="2"))
    answer = Echo().read(CALL, await reply.read(1 << 20))
    assert answer.usage == Usage(3, 2, 0, 3)


async def stream(given: Target) -> tuple[bytes, Any]:
    reply = await EchoTransport().send(wire(stream=True, stream_options={"include_usage": True}), given)
    reader = Echo().stream(CALL, filter_usage=False)
    out = b""
    while (chunk := await reply.chunk()) is not None:
        piece = reader.feed(chunk)
        out += piece.data if piece else b""
    return out, reader.finish()


async def test_it_streams_with_usage_at_the_end() -> None:
    out, answer = await stream(target(text="a b c d"))
    assert out.endswith(b"data: [DONE]\n\n")
    assert answer.usage == Usage(5, 0, 0, 4)
    assert answer.finish_reason == "stop"


async def test_it_calls_a_tool() -> None:
    _, answer = await stream(target(tool="look_up", text='{"q": 1}'))
    assert answer.finish_reason == "tool_calls"


async def test_a_script_is_one_step_a_call() -> None:
    transport, given = EchoTransport(), target(script='[{"status":"429","retry_after":"2"},{"text":"well"}]')
    statuses = [(await transport.send(wire(), given)).status for _ in range(4)]
    assert statuses == [429, 200, 429, 200]


@pytest.mark.parametrize("fault", ["die", "cut"])
async def test_faults_are_upstream_errors(fault: str) -> None:
    with pytest.raises(UpstreamError):
        await stream(target(fault=fault, text="a b c d"))


async def test_embeddings_are_unit_vectors_decided_by_the_text() -> None:
    reply = await EchoTransport().send(wire(b"/embeddings", input=["a", "b", "a"]), target())
    vectors = [one["embedding"] for one in json.loads(await reply.read(1 << 20))["data"]]
    assert vectors[0] == vectors[2] != vectors[1]
    assert sum(one * one for one in vectors[0]) == pytest.approx(1)


async def test_every_answer_has_an_id_of_its_own() -> None:
    """By it a span that a client sends is known to be of the same call."""
    transport, ids = EchoTransport(), set[str]()
    for _ in range(3):
        reply = await transport.send(wire(), target())
        ids.add(json.loads(await reply.read(1 << 20))["id"])
    assert len(ids) == 3
    out, _ = await stream(target(text="a b c"))
    assert len({json.loads(line[6:])["id"] for line in out.split(b"\n\n")[:-2]}) == 1
