"""Budgets in energy: what a call must reserve, what it is charged, and that its trace says the same."""

import json
from pathlib import Path
from typing import Any

import pytest

from genaiops.app.posting import HttpPost
from genaiops.checks.energy import THREAD_1
from genaiops.domain import NANO_WH, EnergyBound, EnergyRate, Environment, Scope
from genaiops.engines import spool_files
from genaiops.engines.blobs_folder import open_blobs
from genaiops.engines.ecologits import EcoLogits
from genaiops.engines.telemetry_sqlite import open_telemetry
from genaiops.ports.telemetry import RollupQuery, energy_nano
from genaiops.watch import Folder, Machine, Metering
from tests.gateway.harness import CHAT, KEY, Home, budget, key, price, route, running, target
from tests.gateway.upstream import (
    DONE,
    STREAM_HEAD,
    Seen,
    Upstream,
    Wire,
    answers,
    chunked,
    completion,
    event,
    fails,
    response,
    stream_events,
    streams,
)

KWH = NANO_WH
RATE = EnergyRate("t", EnergyBound(1e-6, 0.0), EnergyBound(3e-6, 0.0), ("chat",))
"""A token of output is 1 to 3 mWh, 2 in the middle; the timing of a test does not count."""
TIMED = {**completion("hello", usage=(5, 2)), "timings": {"prompt_ms": 1500.5, "predicted_ms": 499.5}}


def limits(limit: int = KWH, **changes: Any) -> tuple[Any, ...]:
    return (budget("energy", limit, **changes),)


async def test_the_high_end_is_reserved_and_the_middle_is_charged(home: Home) -> None:
    async with Upstream(answers(completion("hello", usage=(5, 20)))) as up:
        home.publish(key(budgets=limits()), targets=(target(up.url),), energy=(RATE,))
        async with running(home) as worker:
            await worker.post(body={**CHAT, "max_tokens": 100})
            await worker.quiet()
            assert (worker.used("bud_energy"), worker.reserved()) == (20 * 2_000_000, 0)
    most = home.admitted()[0].reserved[0].amount
    assert 100 * 3_000_000 <= most <= 100 * 3_000_000 + 1
    assert home.settled()[0].charged[0].amount == 20 * 2_000_000


@pytest.mark.parametrize(
    ("rates", "said"), [((RATE,), "40000000;low=20000000;high=60000000"), ((), "unknown")], ids=["known", "unknown"]
)
async def test_an_answer_says_what_it_used(home: Home, rates: tuple[EnergyRate, ...], said: str) -> None:
    async with Upstream(answers(completion("hello", usage=(5, 20)))) as up:
        home.publish(key(), targets=(target(up.url),), energy=rates)
        async with running(home) as worker:
            got = await worker.post()
            await worker.quiet()
    assert got.headers["x-genaiops-energy"] == said


@pytest.mark.parametrize(
    ("rates", "said"), [((RATE,), "40000000;low=20000000;high=60000000"), ((), "unknown")], ids=["known", "unknown"]
)
async def test_a_stream_says_it_behind_its_end_to_who_takes_that(
    home: Home, rates: tuple[EnergyRate, ...], said: str
) -> None:
    body = json.dumps({**CHAT, "stream": True, "stream_options": {"include_usage": True}}).encode()
    async with Upstream(streams(*stream_events("Hi", usage=(5, 20)))) as up:
        home.publish(key(), targets=(target(up.url),), energy=rates)
        async with running(home) as worker:
            post, url = HttpPost(), f"http://127.0.0.1:{worker.port}/v1/chat/completions"
            head = {"authorization": f"Bearer {KEY}"}
            told = await post(url, {**head, "te": "trailers", "connection": "te"}, body, timeout=10)
            plain = await post(url, head, body, timeout=10)
            await post.aclose()
            await worker.quiet()
    assert (told.status, told.body) == (plain.status, plain.body)
    assert dict(told.trailers) == {"x-genaiops-cost": "unknown", "x-genaiops-energy": said}
    assert told.headers["trailer"] == "x-genaiops-cost, x-genaiops-energy"
    assert (dict(plain.trailers), "trailer" in plain.headers) == ({}, False)


async def test_a_hard_budget_refuses_what_could_exceed_it_and_a_soft_one_does_not(home: Home) -> None:
    async with Upstream(answers()) as up:
        home.publish(
            key(budgets=limits(100 * 3_000_000)),
            key("soft", key_id="soft", budgets=limits(1, hard=False, id="bud_soft")),
            targets=(target(up.url),),
            energy=(RATE,),
        )
        async with running(home) as worker:
            refused = await worker.post(body={**CHAT, "max_tokens": 101})
            uncapped = await worker.post()  # the target's cap of 4096 is put in
            passed = await worker.post(body={**CHAT, "max_tokens": 99})
            soft = await worker.post(key="soft")
            await worker.quiet()
            assert worker.used("bud_soft") == 2 * 2_000_000
    assert (refused.status, refused.error["code"]) == (429, "budget_exceeded")
    assert "allows 0.3 Wh a month: used 0 Wh, reserved 0 Wh, and this call may need 0.303" in refused.error["message"]
    assert "smaller max_tokens" in refused.error["message"]
    assert (uncapped.status, passed.status, soft.status) == (429, 200, 200)


async def test_of_unknown_energy_a_hard_budget_takes_nothing_and_a_soft_one_anything(home: Home) -> None:
    async with Upstream(answers()) as up:
        known, other = target(up.url), target(up.url, id="other", model="other")
        home.publish(
            key(budgets=limits()),
            key("soft", key_id="soft", budgets=limits(hard=False, id="bud_soft")),
            targets=(known, other),
            routes=(route("other", fallbacks=("t",)),),
            energy=(RATE,),
        )
        async with running(home) as worker:
            nobody = await worker.post(body={**CHAT, "model": "other"})
            vectors = await worker.post("/v1/embeddings", {"model": "m", "input": "x"})
            only = [await worker.post(body={**CHAT, "model": "r"}) for _ in range(3)]
            soft = await worker.post(body={**CHAT, "model": "other"}, key="soft")
            await worker.quiet()
            assert worker.used("bud_soft") == 0
    assert (nobody.status, nobody.error["code"], nobody.error["param"]) == (403, "energy_unknown", "model")
    assert "nobody knows what chat calls to 'other' use" in nobody.error["message"]
    assert (vectors.status, vectors.error["code"]) == (403, "energy_unknown")
    assert {one.headers["x-genaiops-target"] for one in only} == {"t"}
    assert soft.status == 200


async def test_budgets_of_every_meter_and_scope_count_the_same_call(home: Home) -> None:
    shared = [budget("energy", KWH, id=f"b_{kind}", scope=Scope(kind, name)) for kind, name in SCOPES]
    async with Upstream(answers(completion("hello", usage=(5, 20)))) as up:
        home.publish(
            key(budgets=(*limits(), budget("tokens", 10**6), budget("money", 10**12)), application="app1"),
            targets=(target(up.url),),
            prices=(price(),),
            budgets=tuple(shared),
            energy=(RATE,),
        )
        async with running(home) as worker:
            assert (await worker.post()).status == 200
            await worker.quiet()
            used = {one.id: worker.used(one.id) for one in (*limits(), *shared)}
            assert set(used.values()) == {20 * 2_000_000}
            assert (worker.used("bud_tokens"), worker.used("bud_money")) == (25, 5 * 2000 + 20 * 8000)


SCOPES: Any = (("team", "search"), ("environment", "dev"), ("tenant", "default"), ("application", "app1"))


async def test_what_failed_is_not_known_to_have_used_any(home: Home) -> None:
    async with Upstream(fails(500)) as up:
        home.publish(key(budgets=limits()), targets=(target(up.url),), energy=(RATE,))
        async with running(home) as worker:
            assert (await worker.post()).status >= 500
            await worker.quiet()
            assert (worker.used("bud_energy"), worker.reserved()) == (0, 0)


async def timed_stream(seen: Seen, wire: Wire) -> bool:
    last = {"choices": [], "usage": {"prompt_tokens": 5, "completion_tokens": 2}, "timings": TIMED["timings"]}
    parts = event("hello") + event(finish="stop") + b"data: " + json.dumps(last).encode() + b"\n\n" + DONE
    await wire.write(STREAM_HEAD + chunked(parts) + b"0\r\n\r\n")
    return bool(seen.json["stream"])


@pytest.mark.parametrize("capture", ["full", "off"])
async def test_a_trace_says_what_the_budget_was_charged(home: Home, tmp_path: Path, capture: Any) -> None:
    """One of a provider and two of the machine's own, one of those a stream; whether or not answers are kept."""
    metering = Metering(Machine({"near": 1, "flow": 2}, THREAD_1, "DEU"), EcoLogits)
    whole = response(200, TIMED)

    async def answer(seen: Seen, wire: Wire) -> bool:
        await wire.write(whole)
        return True

    async with Upstream(answer) as up, Upstream(timed_stream) as streaming:
        targets = (
            target(up.url, id="far", upstream_model="gpt-4o-mini"),
            target(up.url, id="near", model="near", provider="llamacpp"),
            target(streaming.url, id="flow", model="flow", provider="llamacpp"),
        )
        home.publish(
            key(budgets=limits()),
            targets=targets,
            energy=metering.rates(targets),
            environments=(Environment(id="dev", kind="dev", capture=capture, created_us=1),),
        )
        async with running(home) as worker:
            for model in ("m", "near"):
                assert (await worker.post(body={**CHAT, "model": model})).status == 200
            assert (await worker.stream({**CHAT, "model": "flow", "stream": True})).status == 200
            await worker.quiet()
            used = worker.used("bud_energy")
        assert [one.busy_us for one in home.attempts()] == [2_000_000] * 3
    telemetry = open_telemetry(tmp_path / "telemetry", writer=True)
    try:
        reader = spool_files.open_reader(home.path / "spool")
        Folder(reader, telemetry, open_blobs(tmp_path / "blobs"), metering).finish_dead()
        rows = telemetry.rollup(RollupQuery(since_us=0, until_us=1 << 60, step="all", group_by=("target_id",)))
    finally:
        telemetry.close()
    found = {row.group["target_id"]: energy_nano(row.energy) for row in rows}
    assert {name: amount for name, amount in found.items() if name != "far"} == {
        "near": round(3.84 * 2 / 3600 * 10**9),
        "flow": round(3.84 * 2 * 2 / 3600 * 10**9),
    }
    assert found["far"] > 0
    assert abs(used - sum(found.values())) <= 1, "they are the same but for a rounding"
