"""Places at a target: as many calls as it may have, and a bounded line for the others."""

import asyncio
import time
from collections import Counter
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from genaiops.domain import BreakerPolicy
from genaiops.gateway.queueing import Queue
from tests.gateway.harness import CHAT, Got, Home, Worker, key, route, running, target, until
from tests.gateway.upstream import Seen, Upstream, Wire, answers, completion, fails, response, stream_events, streams

ROUTED = {**CHAT, "model": "r"}


class Doors:
    """Each request waits until it is let out."""

    def __init__(self, status: int = 200) -> None:
        self.waiting: list[asyncio.Event] = []
        self.most = 0
        self.status = status

    async def __call__(self, seen: Seen, wire: Wire) -> bool:
        door = asyncio.Event()
        self.waiting.append(door)
        self.most = max(self.most, len(self.waiting))
        await door.wait()
        self.waiting.remove(door)
        await wire.write(response(self.status, completion(seen.json["messages"][0]["content"])))
        return True

    def open(self) -> None:
        self.waiting[0].set()


def waiting(worker: Worker, name: str = "t") -> int:
    queue = next(one for one in worker.gateway._fleet if one.target.id == name).queue
    return len(queue) if queue is not None else 0


def says(text: str) -> dict[str, Any]:
    return {"model": "m", "messages": [{"role": "user", "content": text}]}


async def queued(worker: Worker, count: int, **more: Any) -> "asyncio.Task[Got]":
    task = asyncio.create_task(worker.post(**more))
    await until(lambda: waiting(worker) == count)
    return task


async def test_calls_wait_for_a_place_in_order(home: Home) -> None:
    doors = Doors()
    async with Upstream(doors) as up:
        home.publish(key(), targets=(target(up.url, max_concurrency=1, queue_seconds=20),))
        async with running(home) as worker:
            first = asyncio.create_task(worker.post(body=says("0")))
            await until(lambda: len(up.seen) == 1)
            others = [await queued(worker, number, body=says(str(number))) for number in (1, 2, 3)]
            for served in range(1, 5):
                await until(lambda served=served: len(up.seen) == served and len(doors.waiting) == 1)
                doors.open()
            got = await asyncio.gather(first, *others)
            await worker.quiet()
    assert [one.status for one in got] == [200] * 4
    assert [one.json["messages"][0]["content"] for one in up.seen] == ["0", "1", "2", "3"]
    assert doors.most == 1
    decision = home.attempts()[1].decision
    assert decision is not None
    assert decision.strategy == "queue"
    assert decision.note.startswith("waited ")


async def test_a_full_line_and_a_long_wait_are_told_apart(home: Home) -> None:
    doors = Doors()
    async with Upstream(doors) as up:
        home.publish(key(), targets=(target(up.url, max_concurrency=1, queue_seconds=0.2, queue_length=1),))
        async with running(home) as worker:
            first = asyncio.create_task(worker.post())
            await until(lambda: len(up.seen) == 1)
            begun = time.monotonic()
            patient = await queued(worker, 1)
            full = await worker.post()
            late = await patient
            assert time.monotonic() - begun >= 0.19
            doors.open()
            assert (await first).status == 200
            await worker.quiet()
    assert (full.status, full.error["code"], full.headers["retry-after"]) == (503, "queue_full", "1")
    assert (late.status, late.error["code"], late.headers["retry-after"]) == (503, "queue_timeout", "1")
    assert len(up.seen) == 1


async def test_keys_take_turns(home: Home) -> None:
    doors = Doors()
    async with Upstream(doors) as up:
        keys = (key("sk-greedy", key_id="key_1"), key("sk-modest", key_id="key_2"))
        home.publish(*keys, targets=(target(up.url, max_concurrency=1, queue_seconds=20),))
        async with running(home) as worker:
            tasks = [asyncio.create_task(worker.post(body=says("g0"), key="sk-greedy"))]
            await until(lambda: len(up.seen) == 1)
            tasks += [await queued(worker, each, body=says(f"g{each}"), key="sk-greedy") for each in (1, 2, 3)]
            tasks.append(await queued(worker, 4, body=says("m1"), key="sk-modest"))
            for served in range(1, 6):
                await until(lambda served=served: len(up.seen) == served and len(doors.waiting) == 1)
                doors.open()
            await asyncio.gather(*tasks)
    assert [one.json["messages"][0]["content"] for one in up.seen] == ["g0", "g1", "m1", "g2", "g3"]


async def test_who_leaves_the_line_gives_up_the_place(home: Home) -> None:
    doors = Doors()
    async with Upstream(doors) as up:
        home.publish(key(), targets=(target(up.url, max_concurrency=1, queue_seconds=20),))
        async with running(home) as worker:
            first = asyncio.create_task(worker.post(body=says("0")))
            await until(lambda: len(up.seen) == 1)
            gone = await queued(worker, 1, body=says("1"))
            last = await queued(worker, 2, body=says("2"))
            gone.cancel()
            await asyncio.gather(gone, return_exceptions=True)
            await until(lambda: waiting(worker) == 1)
            doors.open()
            await until(lambda: len(up.seen) == 2 and len(doors.waiting) == 1)
            doors.open()
            assert [(await one).status for one in (first, last)] == [200, 200]
            await worker.quiet()
    assert [one.json["messages"][0]["content"] for one in up.seen] == ["0", "2"]
    cancelled = next(one for one in home.settled() if one.status == "cancelled")
    assert not cancelled.attempts


async def test_a_fallback_that_is_free_is_better_than_waiting(home: Home) -> None:
    doors = Doors()
    async with Upstream(doors) as busy, Upstream(answers()) as spare:
        targets = (target(busy.url, max_concurrency=1, queue_seconds=20), target(spare.url, id="u"))
        home.publish(key(), targets=targets, routes=(route("t", fallbacks=("u",)),))
        async with running(home) as worker:
            first = asyncio.create_task(worker.post(body=ROUTED))
            await until(lambda: len(busy.seen) == 1)
            assert (await worker.post(body=ROUTED)).headers["x-genaiops-target"] == "u"
            doors.open()
            await first
            await worker.quiet()


async def test_the_first_of_several_lines(home: Home) -> None:
    one, other = Doors(), Doors()
    async with Upstream(one) as a, Upstream(other) as b:
        targets = tuple(
            target(up.url, id=name, max_concurrency=1, queue_seconds=20) for name, up in (("a", a), ("b", b))
        )
        home.publish(key(), targets=targets, routes=(route("a", "b"),))
        async with running(home) as worker:
            tasks = [asyncio.create_task(worker.post(body=ROUTED)) for _ in range(2)]
            await until(lambda: len(a.seen) == len(b.seen) == 1)
            tasks.append(asyncio.create_task(worker.post(body=ROUTED)))
            await until(lambda: waiting(worker, "a") == waiting(worker, "b") == 1)
            other.open()
            one.open()
            await until(lambda: len(a.seen) + len(b.seen) == 3)
            await until(lambda: len(one.waiting) + len(other.waiting) == 1)
            (one if one.waiting else other).open()
            assert [got.status for got in await asyncio.gather(*tasks)] == [200] * 3
            await worker.quiet()
            assert all(each.held == 0 for each in worker.gateway._fleet)
    assert one.most == other.most == 1


async def test_a_target_that_fails_meanwhile_is_not_waited_for(home: Home) -> None:
    doors = Doors(500)
    async with Upstream(doors) as up:
        broken = BreakerPolicy(failures=1, cooldown=60)
        home.publish(key(), targets=(target(up.url, max_concurrency=1, queue_seconds=20, breaker=broken),))
        async with running(home) as worker:
            first = asyncio.create_task(worker.post())
            await until(lambda: len(up.seen) == 1)
            second = await queued(worker, 1)
            doors.open()
            assert (await first).status == 502
            got = await second
            await worker.quiet()
    assert (got.status, got.error["code"]) == (503, "no_target_available")
    assert "'t' is failing" in got.error["message"]


async def test_streams_wait_too(home: Home) -> None:
    doors = Doors()
    async with Upstream(doors, streams(*stream_events("Hel", "lo"))) as up:
        home.publish(key(), targets=(target(up.url, max_concurrency=1, queue_seconds=20),))
        async with running(home) as worker:
            first = asyncio.create_task(worker.post())
            await until(lambda: len(up.seen) == 1)
            second = asyncio.create_task(worker.stream())
            await until(lambda: waiting(worker) == 1)
            doors.open()
            await first
            assert (await second).text == "Hello"
            await worker.quiet()


async def test_never_more_at_a_time_than_allowed(home: Home) -> None:
    running_now, most = 0, 0

    async def script(seen: Seen, wire: Wire) -> bool:
        nonlocal running_now, most
        running_now += 1
        most = max(most, running_now)
        await asyncio.sleep(0.002)
        running_now -= 1
        await (fails(503) if len(up.seen) % 7 == 0 else answers())(seen, wire)
        return True

    async with Upstream(script) as up:
        home.publish(key(), targets=(target(up.url, max_concurrency=3, queue_seconds=20),))
        async with running(home) as worker:
            tasks = [asyncio.create_task(worker.post()) for _ in range(60)]
            await asyncio.sleep(0.01)
            for each in tasks[20:30]:
                each.cancel()
            got = await asyncio.gather(*tasks, return_exceptions=True)
            await worker.quiet()
            assert all(each.held == 0 for each in worker.gateway._fleet)
    assert most <= 3
    assert all(one.status == 200 for one in got if isinstance(one, Got))


@given(st.lists(st.sampled_from(["a", "b", "c", ""]), max_size=60))
def test_a_queue_keeps_the_order_of_each_key_and_lets_keys_take_turns(steps: list[str]) -> None:
    """Names join; an empty one is a turn. Between two turns of a key each other that waits has one."""
    loop = asyncio.new_event_loop()
    try:
        queue: Queue[None] = Queue(1000)
        here: dict[str, list[asyncio.Future[None]]] = {"a": [], "b": [], "c": []}
        passed_by: Counter[tuple[str, str]] = Counter()
        for name in [*steps, *[""] * len(steps)]:
            if name:
                here[name].append(loop.create_future())
                queue.join(name, here[name][-1])
            elif queue:
                taken = queue.first()
                owner = next(each for each in here if taken in here[each])
                assert here[owner].pop(0) is taken
                for other, line in here.items():
                    passed_by[other, owner] = passed_by[other, owner] + 1 if line and other != owner else 0
                    passed_by[owner, other] = 0
                    assert passed_by[other, owner] <= 1
            assert len(queue) == sum(map(len, here.values()))
        assert not queue
    finally:
        loop.close()


def test_who_left_is_not_called() -> None:
    loop = asyncio.new_event_loop()
    try:
        queue: Queue[None] = Queue(2)
        one, two = loop.create_future(), loop.create_future()
        queue.join("a", one)
        queue.join("a", two)
        assert queue.full
        queue.leave("a", one)
        queue.leave("a", one)
        assert queue.first() is two
        assert not queue
    finally:
        loop.close()
