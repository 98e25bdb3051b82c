"""Large bodies are written in another thread: nothing of the contract of the records changes for them."""

import asyncio
import base64
import random
from typing import Any

import msgspec
import pytest

from genaiops.core.errors import StoreError
from genaiops.domain import Admitted, Environment, Settled
from genaiops.gateway.large import LARGE
from genaiops.ports.spool import Aside
from tests.gateway.harness import CHAT, Home, budget, key, price, running, target, until
from tests.gateway.media_calls import serving, transcribe
from tests.gateway.upstream import Seen, Upstream, Wire, answers

BLOB = base64.b64encode(random.Random(1).randbytes(1_200_000)).decode()
QUESTION = {"model": "m", "messages": [{"role": "user", "content": BLOB}]}
ANSWER = {
    "id": "a",
    "model": "x",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": BLOB}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 3, "completion_tokens": 5, "total_tokens": 8},
}


async def test_a_large_call_is_recorded_as_any_other(home: Home) -> None:
    async with Upstream(answers(ANSWER)) as up:
        home.publish(key(budgets=(budget("tokens", 10**9),)), targets=(target(up.url),), prices=(price(),))
        async with running(home) as worker:
            got = await worker.post(body=QUESTION)
            await worker.quiet()
            assert worker.used("bud_tokens") == 8
    assert got.json == ANSWER
    assert [type(one) for one in home.records()] == [Admitted, Settled]
    asked, said = home.bodies()
    assert (msgspec.json.decode(asked), said) == (QUESTION, got.body)
    assert len(list(home.path.glob("spool/*/*.body"))) == 2


async def test_the_record_is_there_before_the_call_goes_out(home: Home) -> None:
    seen: list[Any] = []

    async def look(request: Seen, wire: Wire) -> bool:
        seen.append([type(one) for one in home.records()])
        return bool(await answers({"text": "x"})(request, wire))

    async with Upstream(look) as up:
        home.publish(key(), targets=(serving(up.url),))
        async with running(home) as worker:
            got = await transcribe(worker, random.Random(2).randbytes(3_000_000))
    assert got.status == 200
    assert seen == [[Admitted]]


@pytest.mark.parametrize("hard", [True, False])
async def test_a_large_body_that_finds_no_room(home: Home, hard: bool) -> None:
    """As for small ones: calls under a hard budget are refused, others go on without a record of their body."""

    class Full:
        def __init__(self, spool: Any) -> None:
            self.spool = spool

        def set_aside(self, body: bytes | bytearray) -> Aside:
            raise StoreError("The disk is full.", code="spool_full")

        def append(self, record: Any, body: Any = b"") -> None:
            self.spool.append(record, body)

        def close(self) -> None:
            self.spool.close()

    async with Upstream(answers(ANSWER)) as up:
        limits = budget("tokens", 10**9, hard=hard)
        home.publish(key(budgets=(limits,)), targets=(target(up.url),), prices=(price(),))
        async with running(home) as worker:
            worker.spool = Full(worker.spool)
            large = await worker.post(body=QUESTION)
            small = await worker.post()
            await worker.quiet()
            assert worker.reserved() == 0
    assert (large.status, small.status) == (503 if hard else 200, 200)
    (settled,) = home.settled()
    assert settled.output_truncated
    assert home.bodies()[-1] == b""


async def test_what_must_not_be_kept_has_its_digest(home: Home) -> None:
    dev = Environment(id="dev", kind="dev", capture="off", created_us=1)
    async with Upstream(answers(ANSWER)) as up:
        home.publish(key(), targets=(target(up.url),), environments=(dev,))
        async with running(home) as worker:
            got = await worker.post(body=QUESTION)
    assert got.status == 200
    assert home.bodies() == [b"", b""]
    assert home.settled()[0].output_sha256 is not None
    assert not list(home.path.glob("spool/*/*.body"))


async def test_a_client_that_leaves_while_its_answer_is_written_is_charged(home: Home) -> None:
    """The answer was made: it is settled as such, once."""
    async with Upstream(answers(ANSWER)) as up:
        home.publish(key(budgets=(budget("tokens", 10**9),)), targets=(target(up.url),), prices=(price(),))
        async with running(home) as worker:
            spool, begun = worker.spool, asyncio.Event()
            loop = asyncio.get_running_loop()

            class Slow:
                def set_aside(self, body: bytes | bytearray) -> Aside:
                    if len(body) > LARGE:  # the answer
                        loop.call_soon_threadsafe(begun.set)
                        asyncio.run_coroutine_threadsafe(gone.wait(), loop).result(10)
                    return spool.set_aside(body)

                append = spool.append
                close = spool.close

            gone = asyncio.Event()
            worker.spool = Slow()
            asking = asyncio.create_task(worker.post(body=CHAT))
            await asyncio.wait_for(begun.wait(), 10)
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)
            await asyncio.sleep(0)
            gone.set()
            await until(lambda: bool(home.settled()))
            await worker.quiet()
            assert worker.used("bud_tokens") == 8
    (settled,) = home.settled()
    assert settled.status == "ok"
