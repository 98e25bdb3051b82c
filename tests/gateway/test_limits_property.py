"""Whatever two workers do with a key: settled + reserved stays within its hard limits, and ends as the records say."""

import asyncio
import json
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import Any, NamedTuple

import uvloop
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from genaiops.domain import EnergyBound, EnergyRate
from tests.examples import examples
from tests.gateway.harness import Home, Worker, budget, key, price, rate, route, running, target, until
from tests.gateway.upstream import (
    DONE,
    ERROR,
    STREAM_HEAD,
    Seen,
    Upstream,
    Wire,
    chunked,
    completion,
    event,
    fails,
    response,
)

TIGHT = {"bud_tokens": 1500, "bud_calls": 7, "bud_money": 9_000_000, "bud_energy": 4_000_000}
LINES = EnergyBound(4e-9, 1e-7), EnergyBound(6e-9, 1e-7)
RATE = EnergyRate("t", *LINES, ("chat",))
"""An answer of 400 tokens uses 2,000,000 nano-Wh of tokens, and of time some 100 a millisecond."""
LOOSE = 1 << 50


class Plan(NamedTuple):
    """One call: its worker, its end, when it starts and its client leaves (steps), the tokens it may use and would."""

    worker: int
    ending: str
    starts: int
    cap: int
    used: int
    leaves: int | None


WHOLE = ("ok", "no usage", "fails", "dies")
STREAMED = ("stream", "stream without usage", "stream fails", "stream dies", "stream errs")
plans = st.builds(
    Plan,
    worker=st.integers(0, 1),
    ending=st.sampled_from(WHOLE + STREAMED + ("ok", "stream") * 4),
    starts=st.integers(0, 60),
    cap=st.integers(100, 400),
    used=st.integers(100, 400),
    leaves=st.one_of(st.none(), st.none(), st.none(), st.integers(0, 30)),
)


async def upstream(seen: Seen, wire: Wire) -> bool:
    """Does what the prompt says, within the cap that it was given."""
    plan: dict[str, Any] = json.loads(seen.json["messages"][0]["content"])
    used = min(plan["used"], seen.json["max_tokens"])
    ending = plan["ending"]
    if ending == "fails":
        return bool(await fails(500)(seen, wire))
    if ending in ("ok", "no usage"):
        usage = (10, used) if ending == "ok" else None
        await wire.write(response(200, completion("word " * min(used, 20), usage=usage)))
        return True
    if ending == "dies":
        await wire.write(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n{")
        return False
    await wire.write(STREAM_HEAD)
    if ending == "stream fails":
        return False
    for _ in range(min(used, 10)):
        await wire.write(chunked(event("word ")))
        await asyncio.sleep(0)
    if ending == "stream dies":
        return False
    if ending == "stream errs":
        await wire.write(chunked(ERROR))
        return False
    last = event(usage=(10, used)) if ending == "stream" else b""
    await wire.write(chunked(event(finish="stop") + last + DONE) + b"0\r\n\r\n")
    return True


async def run(calls: list[Plan], tight: str, folder: Path) -> None:
    home = Home(folder)
    limits = {name: limit if name == tight else LOOSE for name, limit in TIGHT.items()}
    budgets = tuple(budget(name[4:], limit) for name, limit in limits.items())
    keys = key(budgets=budgets, rate_limits=(rate(concurrency=6, requests_per_minute=1000),))
    exceeded: list[str] = []

    async def watching(seen: Seen, wire: Wire) -> bool:
        check(home, limits, exceeded)
        return await upstream(seen, wire)

    async with Upstream(watching) as up:
        home.publish(keys, targets=(target(up.url),), routes=(route("t"),), prices=(price(),), energy=(RATE,))
        async with running(home, column=0, heartbeat=0.05) as one, running(home, column=1, heartbeat=0.05) as two:
            await asyncio.gather(*(ask((one, two)[plan.worker], plan) for plan in calls))
            await until(lambda: one.server.in_flight == two.server.in_flight == 0)
            await one.quiet()
            await two.quiet()
            check(home, limits, exceeded)
            totals = {name: one.used(name) for name in TIGHT}
    charged: dict[str, int] = defaultdict(int)
    for record in home.settled():
        for charge in record.charged:
            charged[charge.budget_id] += charge.amount
    home.close()
    assert not exceeded
    assert len(home.settled()) == len(home.admitted())
    assert len(home.settled()) + len(home.refused()) <= len(calls)  # some left before they had asked
    assert totals == {name: charged[name] for name in TIGHT}


def check(home: Home, limits: dict[str, int], found: list[str]) -> None:
    for record in home.admitted()[:1]:
        for charge in record.reserved:
            reading = home.observer.read(charge.budget_id, charge.window_us)
            if reading.settled + reading.reserved > limits[charge.budget_id]:
                found.append(f"{charge.budget_id}: {reading}")


async def ask(worker: Worker, plan: Plan) -> None:
    prompt = json.dumps({"ending": plan.ending, "used": plan.used})
    body = {"model": "r", "messages": [{"role": "user", "content": prompt}], "max_tokens": plan.cap}
    body["stream"] = plan.ending.startswith("stream")
    await steps(plan.starts)
    task = asyncio.create_task(worker.post(body=body))
    if plan.leaves is not None:
        await steps(plan.leaves)
        task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def steps(count: int) -> None:
    for _ in range(count):
        await asyncio.sleep(0.0005)


@settings(max_examples=examples(30), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(plans, min_size=15, max_size=30), st.sampled_from(sorted(TIGHT)))
def test_hard_limits_hold_whatever_happens(calls: list[Plan], tight: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        uvloop.run(run(calls, tight, Path(folder)))
