"""Questions to one endpoint: more at a time than there are connections wait for each other."""

import asyncio

import pytest

from genaiops.app.asking import HttpAsk
from tests.gateway.upstream import Upstream, answers, stalls


async def test_many_questions_share_few_connections() -> None:
    async with Upstream(answers({"data": []})) as upstream:
        ask = HttpAsk(f"{upstream.url}/classify", max_connections=2)
        found = await asyncio.gather(*[ask(b"{}") for _ in range(20)])
        await ask.aclose()
    assert [status for status, _ in found] == [200] * 20
    assert len(upstream.seen) == 20


async def test_who_asks_decides_how_long_to_wait() -> None:
    async with Upstream(stalls()) as upstream:
        ask = HttpAsk(f"{upstream.url}/classify", max_connections=1, timeout=60)
        first = asyncio.create_task(ask(b"{}"))
        await asyncio.sleep(0)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await ask(b"{}")
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        await ask.aclose()
