"""What a call would cost, told beforehand: the reservation of the same call says the same."""

import contextlib
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genaiops import providers
from genaiops.core.clock import now_us
from genaiops.core.errors import UsageError
from genaiops.domain import Fees, Snapshot, Tier
from genaiops.engines.counters_mmap import open_counters
from genaiops.gateway import Expected, Quote, Quoting, sized
from genaiops.ports.counters import Counters
from tests.gateway.harness import CHAT, Home, WordEstimator, budget, key, price, rate, route, running, target
from tests.gateway.test_releases import application, deployment, release
from tests.gateway.upstream import Upstream, answers

PRICES = (
    price(cache_write=2_500_000_000, tiers=(Tier(input=4_000_000_000, output=9_000_000_000, above_tokens=500),)),
    price(id="pri_2", version=3, model="cheap", input=1_000_000, output=1_000_000, fees=Fees(call=70)),
)
BUDGETS = (
    budget("money", 10**13, period="total"),
    budget("tokens", 1 << 40, hard=False, period="total"),
    budget("calls", 1000, period="total"),
)
ROUTES = (route("dear", fallbacks=("cheap",), over_budget=("cheap",)),)
TARGETS = (
    target("http://127.0.0.1:1/v1", id="dear", max_output_tokens=777),
    target("http://127.0.0.1:1/v1", id="cheap", upstream_model="cheap"),
)
PATHS = {"chat": "/v1/chat/completions", "completion": "/v1/completions", "embeddings": "/v1/embeddings"}


def snapshot(**parts: Any) -> Snapshot:
    known: dict[str, Any] = {"targets": TARGETS, "prices": PRICES, "routes": ROUTES}
    return Snapshot(version=1, compiled_us=1, keys_file="", keys_offset=0, **{**known, **parts})


def quoted(
    home: Home, path: str, raw: bytes, limits: Any = BUDGETS, into: Snapshot | None = None, **more: Any
) -> Quote:
    expected = Expected(**more)
    entry = key(budgets=limits)
    quoting = Quoting(providers.load, home.observer, WordEstimator())
    return quoting.quote(into or snapshot(), entry, path, raw, expected, at_us=now_us())


def bodies() -> list[tuple[str, dict[str, Any]]]:
    chat = {**CHAT, "model": "r"}
    image = {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:,"}}]}
    return [
        (PATHS["chat"], chat),
        (PATHS["chat"], {**chat, "max_tokens": 5, "n": 3}),
        (PATHS["chat"], {**chat, "messages": [image], "max_completion_tokens": 9}),
        (PATHS["chat"], {**chat, "messages": [{"role": "user", "content": "word " * 500}]}),
        (PATHS["completion"], {"model": "r", "prompt": ["a", "b"], "best_of": 2}),
        (PATHS["embeddings"], {"model": "r", "input": "a b c"}),
        ("/v1/responses", {"model": "r", "input": "hello", "max_output_tokens": 20}),
        ("/v1/messages", {"model": "r", "messages": CHAT["messages"], "max_tokens": 30}),
    ]


async def test_a_reservation_is_what_was_told(home: Home) -> None:
    async with Upstream(answers({"choices": [{"text": "a"}], "data": [{}], "usage": {"prompt_tokens": 3}})) as up:
        targets = (
            target(up.url, id="dear", max_output_tokens=777),
            target(up.url, id="cheap", upstream_model="cheap"),
        )
        home.publish(key(budgets=BUDGETS), targets=targets, prices=PRICES, routes=ROUTES)
        told: list[dict[str, int]] = []
        async with running(home) as worker:
            for path, body in bodies():
                raw = json.dumps(body).encode()
                found = quoted(home, path, raw, into=snapshot(targets=targets))
                told.append({one.limit_id: one.amount for one in found.usual.limits})
                assert found.usual.most_tokens == told[-1]["bud_tokens"]
                assert found.usual.most_nano == {"USD": told[-1]["bud_money"]}
                assert max(one.most_nano or 0 for one in found.usual.targets) <= told[-1]["bud_money"]
                await worker.post(path, raw)
            await worker.quiet()
    reserved = [{one.budget_id: one.amount for one in each.reserved} for each in home.admitted()]
    assert reserved == told


@pytest.fixture(scope="module")
def unused(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Counters]:
    """Counters that nobody has used."""
    with contextlib.closing(
        open_counters(tmp_path_factory.mktemp("unused") / "counters.mmap", column=None, slots=64)
    ) as counters:
        yield counters


@given(
    text=st.text(max_size=300),
    cap=st.integers(1, 5000) | st.none(),
    count=st.integers(1, 4),
    out=st.integers(0, 2000),
)
def test_nothing_expected_is_above_the_bound(
    unused: Counters, text: str, cap: int | None, count: int, out: int
) -> None:
    body: dict[str, Any] = {"model": "r", "messages": [{"role": "user", "content": text}], "n": count}
    if cap is not None:
        body["max_tokens"] = cap
    entry = key(budgets=BUDGETS)
    quoting = Quoting(providers.load, unused, WordEstimator())
    raw = json.dumps(body).encode()
    capped = min(out, (cap or 777) * count)
    found = quoting.quote(snapshot(), entry, PATHS["chat"], raw, Expected(None, capped), at_us=now_us())
    for plan in (found.usual, found.over_budget):
        assert plan is not None
        for one in plan.targets:
            assert one.expected_nano is not None
            assert one.most_nano is not None
            assert one.expected_nano <= one.most_nano <= plan.most_nano["USD"]
            assert (found.input_tokens or 0) + (found.output_tokens or 0) <= one.most_tokens <= plan.most_tokens


def test_who_would_serve_at_which_price(home: Home) -> None:
    found = quoted(home, PATHS["chat"], json.dumps({**CHAT, "model": "r", "max_tokens": 100}).encode())
    assert [(one.target_id, one.role, one.price_id, one.price_version) for one in found.usual.targets] == [
        ("dear", "target", "pri_1", 1),
        ("cheap", "fallback", "pri_2", 3),
    ]
    assert found.over_budget is not None
    assert [(one.target_id, one.role) for one in found.over_budget.targets] == [("cheap", "over_budget")]
    assert (found.input_tokens, found.output_tokens, found.estimator) == (2, 100, "words")
    assert found.usual.targets[0].expected_nano == 2 * 2000 + 100 * 8000
    assert found.usual.targets[1].expected_nano == 2 + 100 + 70
    assert found.usual.refused_by is None


async def test_how_many_such_calls_a_budget_lets_through(home: Home) -> None:
    """As many as are told: the next one is refused."""
    body = {**CHAT, "model": "m", "max_tokens": 2}
    raw = json.dumps(body).encode()
    async with Upstream(answers()) as up:
        limits = (budget("tokens", 1000, period="total"), budget("calls", 500, period="total"))
        parts: dict[str, Any] = {"targets": (target(up.url),), "prices": PRICES}
        home.publish(key(budgets=limits), **parts)
        into = Snapshot(version=1, compiled_us=1, keys_file="", keys_offset=0, **parts)
        more = {"input_tokens": 5, "output_tokens": 2}  # what the upstream reports
        async with running(home) as worker:
            before = quoted(home, PATHS["chat"], raw, limits, into, **more).usual.limits[0]
            assert before.in_a_row is not None
            for _ in range(before.in_a_row):
                assert (await worker.post(body=raw)).status == 200
            after = quoted(home, PATHS["chat"], raw, limits, into, **more).usual
            assert (await worker.post(body=raw)).status == 429
            await worker.quiet()
    assert before.at_once == 1000 // before.amount
    assert (after.refused_by, after.limits[0].in_a_row, after.limits[0].settled) == (
        "bud_tokens",
        0,
        7 * before.in_a_row,
    )


def test_what_no_price_is_known_for(home: Home) -> None:
    raw = json.dumps({**CHAT, "model": "r"}).encode()
    found = quoted(home, PATHS["chat"], raw, into=snapshot(prices=()))
    assert found.usual.refused_by is not None
    assert "no price in it is known" in found.usual.refused_by
    assert [(one.most_nano, one.expected_nano) for one in found.usual.targets] == [(None, None)] * 2
    free = quoted(home, PATHS["chat"], raw, (), into=snapshot(prices=()))
    assert (free.usual.refused_by, free.usual.limits, free.usual.most_nano) == (None, (), {})


@given(st.integers(0, 3000), st.integers(0, 500) | st.none(), st.sampled_from(sorted(PATHS.values())))
def test_a_body_of_so_many_tokens(into: int, out: int | None, path: str) -> None:
    raw = sized(path, "a name", Expected(into, out))
    assert len(raw) == max(4 * into, len(sized(path, "a name", Expected(0, out))))
    assert json.loads(raw)["model"] == "a name"


@pytest.mark.parametrize("path", ["/v1/images/generations", "/v1/messages", "/v1/nothing", "/v1/models"])
def test_what_tokens_do_not_tell(path: str) -> None:
    with pytest.raises(Exception, match=r"told by their tokens|There is no /v1/nothing|does not take POST"):
        sized(path, "m", Expected(1, 1))


def test_a_form_is_not_estimated(home: Home) -> None:
    with pytest.raises(UsageError, match="not estimated"):
        quoted(home, "/v1/audio/transcriptions", b"")


def test_rates_stand_there_too(home: Home) -> None:
    entry = key(rate_limits=(rate(requests_per_minute=10, tokens_per_minute=100_000),))
    quoting = Quoting(providers.load, home.observer, WordEstimator())
    raw = json.dumps({**CHAT, "model": "r"}).encode()
    found = quoting.quote(snapshot(), entry, PATHS["chat"], raw, Expected(), at_us=now_us())
    assert next((one.limit_id, one.at_once, one.in_a_row) for one in found.usual.limits) == ("rl_1/requests", 10, None)


def test_an_application_is_quoted_as_its_release(home: Home) -> None:
    made = release("r", parameters={"max_tokens": 9})
    into = snapshot(applications=(application(),), releases=(made,), deployments=(deployment((made, 1)),))
    asked = {**CHAT, "model": "app/support"}
    found = quoted(home, PATHS["chat"], json.dumps(asked).encode(), into=into)
    assert (found.model, found.output_tokens) == ("app/support", 9)
    assert [each.target_id for each in found.usual.targets] == ["dear", "cheap"]
