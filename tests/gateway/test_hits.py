"""What a call that is answered from the worker's memory counts for, and the one record that is written of it."""

from typing import Any, Literal

import pytest

from genaiops.domain import Admitted, Environment, Recalled, Settled
from genaiops.engines.spool_files import open_reader
from genaiops.ports.counters import Hold, Reading, Refusal
from genaiops.ports.spool import Frame
from tests.gateway.caching_calls import ASK, publish, said
from tests.gateway.harness import Home, budget, key, rate, running
from tests.gateway.test_worker_edges import FullSpool
from tests.gateway.upstream import Upstream, answers

WARM = key("warm", key_id="key_0")
"""Of the same team, without limits: it fills the cache."""


def frames(home: Home) -> list[Frame]:
    reader = open_reader(home.path / "spool")
    return [frame for life in reader.lives() for frame in reader.frames(life, 0, 0)]


@pytest.mark.parametrize(
    ("limits", "code"),
    [
        ({"budgets": (budget("money", 1),)}, None),
        ({"budgets": (budget("tokens", 1), budget("money", 0))}, None),
        ({"rate_limits": (rate(tokens_per_minute=1),)}, None),
        ({"budgets": (budget("calls", 0),)}, "budget_exceeded"),
        ({"budgets": (budget("calls", 3), budget("money", 1))}, None),
    ],
)
async def test_a_hit_needs_no_tokens_and_no_money(home: Home, limits: dict[str, Any], code: str | None) -> None:
    async with Upstream(answers()) as up:
        publish(home, up, WARM, key(**limits))
        async with running(home) as worker:
            await worker.post(body=ASK, key="warm")
            got = await worker.post(body=ASK)
            other = await worker.post(body={**ASK, "seed": 1})
            await worker.quiet()
    assert other.status == 429
    if code is None:
        assert said(got) == "hit"
        assert got.headers["x-genaiops-cost"] == "0"
    else:
        assert (got.status, got.error["code"]) == (429, code)
        assert len(home.refused()) == 2


async def test_limits_on_calls_and_requests_hold_for_hits(home: Home) -> None:
    async with Upstream(answers()) as up:
        calls = key("calls", key_id="key_2", budgets=(budget("calls", 2, period="total"), budget("money", 0)))
        publish(home, up, WARM, calls, key(rate_limits=(rate(requests_per_minute=2, tokens_per_minute=5),)))
        async with running(home) as worker:
            await worker.post(body=ASK, key="warm")
            by_calls = [await worker.post(body=ASK, key="calls") for _ in range(3)]
            by_rate = [await worker.post(body=ASK) for _ in range(3)]
            await worker.quiet()
            assert home.observer.read("bud_calls", 0) == Reading(2, 0)
    for got in (by_calls, by_rate):
        assert [one.status for one in got] == [200, 200, 429]
    assert by_calls[2].error["code"] == "budget_exceeded"
    assert by_rate[2].error["code"] == "rate_limit_exceeded"
    remaining = [one.headers["x-ratelimit-remaining-requests"] for one in by_rate[:2]]
    assert remaining == ["1", "0"]
    assert {one.headers["x-ratelimit-remaining-tokens"] for one in by_rate[:2]} == {"5"}


async def test_a_limit_of_concurrency_refuses_hits_and_is_held_by_none(home: Home) -> None:
    async with Upstream(answers()) as up:
        publish(home, up, WARM, key(rate_limits=(rate(concurrency=1),)))
        async with running(home) as worker:
            await worker.post(body=ASK, key="warm")
            assert [said(await worker.post(body=ASK)) for _ in range(3)] == ["hit"] * 3
            held = worker.counters.prepare([Hold("sum", "rl_1/concurrency", 0, 1 << 62, 1)]).reserve([1], 0)
            assert not isinstance(held, Refusal)
            got = await worker.post(body=ASK)
            assert (got.status, got.error["code"]) == (429, "concurrency_limit_exceeded")
            held.settle([0], 0)
            assert said(await worker.post(body=ASK)) == "hit"
            await worker.quiet()


@pytest.mark.parametrize("capture", ["full", "off"])
async def test_a_hit_is_one_record(home: Home, capture: Literal["full", "off"]) -> None:
    environment = Environment(id="dev", kind="dev", capture=capture, created_us=1)
    async with Upstream(answers()) as up:
        publish(home, up, key(budgets=(budget("calls", 10), budget("money", 10**12))), environments=(environment,))
        async with running(home) as worker:
            first = await worker.post(body=ASK)
            await worker.post(body=ASK)
            await worker.quiet()
    admitted, settled, hit = frames(home)
    assert isinstance(admitted.record, Admitted)
    assert isinstance(settled.record, Settled)
    assert isinstance(hit.record, Recalled)
    size = hit.record.input_bytes
    if capture == "full":
        assert (hit.body[:size], hit.body[size:]) == (admitted.body, first.body)
    else:
        assert (hit.body, size) == (b"", 0)
        assert hit.record.settled.output_sha256 == settled.record.output_sha256
    assert (hit.record.admitted.sequence, hit.record.settled.sequence) == (2, 2)
    assert hit.record.admitted.reserved == ()
    assert [(one.budget_id, one.amount) for one in hit.record.settled.charged] == [("bud_calls", 1)]


async def test_hits_while_the_disk_is_full(home: Home) -> None:
    """Under a hard budget nothing goes unrecorded; other calls have their answer."""
    async with Upstream(answers()) as up:
        publish(home, up, WARM, key(budgets=(budget("calls", 10, period="total"),)))
        async with running(home) as worker:
            await worker.post(body=ASK, key="warm")
            await worker.quiet()
            worker.spool.close()
            worker.spool = FullSpool(lambda *_: True)
            hard, free = await worker.post(body=ASK), await worker.post(body=ASK, key="warm")
            await worker.quiet()
            assert home.observer.read("bud_calls", 0) == Reading(0, 0)
    assert (hard.status, hard.error["code"]) == (503, "spool_full")
    assert said(free) == "hit"
