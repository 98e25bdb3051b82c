"""Budgets and rate limits."""

import hypothesis.strategies as st
import pytest
from hypothesis import given

from genaiops.core.errors import Conflict, GenaiopsError, NotFound, UsageError
from genaiops.domain import Actor, Budget, Scope
from genaiops.hub import Hub, NewBudget, NewKey, NewRateLimit, parse_limit, show_limit
from tests.hub.conftest import START_US, Clock

TEAM = Scope("team", "default")


@pytest.mark.parametrize(
    ("text", "meter", "limit", "currency"),
    [
        ("25 USD", "money", 25 * 10**9, "USD"),
        ("25USD", "money", 25 * 10**9, "USD"),
        ("0.000000001 EUR", "money", 1, "EUR"),
        ("1,000.50 USD", "money", 1_000_500_000_000, "USD"),
        ("2k USD", "money", 2000 * 10**9, "USD"),
        ("1M tokens", "tokens", 1_000_000, None),
        ("2.5k tokens", "tokens", 2500, None),
        ("1 B tokens", "tokens", 1_000_000_000, None),
        ("1000 calls", "calls", 1000, None),
        ("1_000 Calls", "calls", 1000, None),
        (" 1 call ", "calls", 1, None),
        ("5 kWh", "energy", 5 * 10**12, None),
        ("500 Wh", "energy", 500 * 10**9, None),
        ("1.5MWh", "energy", 1_500_000 * 10**9, None),
        ("0.25 kwh", "energy", 250 * 10**9, None),
    ],
)
def test_limits_are_read(text: str, meter: str, limit: int, currency: str | None) -> None:
    parsed = parse_limit(text)
    assert (parsed.meter, parsed.limit, parsed.currency) == (meter, limit, currency)


@pytest.mark.parametrize(
    "text",
    [
        *("", "25", "USD", "25 dollars", "25 usd", "$25", "-5 USD", "0 USD", "0 calls", "1.5 calls", "12,50 USD"),
        *("1e5 calls", "NaN USD", "9999999999 USD", "9999999999B tokens", "1 XX", "25 USD a day", "٣ calls"),
        *("1__\n calls", "5 mWh", "5 mwh", "0 Wh", "5 GWh", "5 kW", "5000 MWh", "5 J"),
    ],
)
def test_what_is_no_limit(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_limit(text)
    assert caught.value.remedy


@given(st.text(max_size=20))
def test_any_text_is_a_limit_or_a_usage_error(text: str) -> None:
    try:
        parsed = parse_limit(text)
    except UsageError:
        return
    assert 0 < parsed.limit < 1 << 62


@given(st.sampled_from(["money", "energy", "tokens", "calls"]), st.integers(1, (1 << 62) - 1))
def test_what_is_shown_reads_back(meter: str, limit: int) -> None:
    shown = show_limit(Budget(id="b", scope=TEAM, meter=meter, limit=limit, created_us=0))  # type: ignore[arg-type]
    parsed = parse_limit(shown)
    assert (parsed.meter, parsed.limit) == (meter, limit)


def test_energy_is_shown_in_the_unit_that_fits() -> None:
    for text in ("5 kWh", "0.25 Wh", "1.5 MWh", "999.999999999 Wh", "1 Wh"):
        budget = Budget(id="b", scope=TEAM, meter="energy", limit=parse_limit(text).limit, created_us=0)
        assert show_limit(budget) == text
        assert budget.unit == "Wh"


def test_a_budget_of_energy_stays_one(hub: Hub) -> None:
    made = hub.budgets.create(NewBudget(scope=TEAM, limit="5 kWh"), by="admin")
    assert hub.budgets.set_limit(made.id, "750 Wh", by="admin").limit == 750 * 10**9
    with pytest.raises(UsageError, match="counts energy, not USD"):
        hub.budgets.set_limit(made.id, "5 USD", by="admin")
    hub.budgets.remove(made.id, by="admin")


def test_a_budget(hub: Hub, clock: Clock) -> None:
    new = NewBudget(scope=TEAM, limit="25 USD", timezone="Europe/Berlin", warn_at=(1.0, 0.5, 0.5))
    made = hub.budgets.create(new, by="admin")
    assert (made.meter, made.limit, made.currency) == ("money", 25 * 10**9, "USD")
    assert (made.period, made.hard) == ("month", True)
    assert made.warn_at == (0.5, 1.0)
    assert hub.budgets.on(TEAM) == [made]
    assert hub.budgets.on(Scope("team", "other")) == []
    assert hub.budgets.set_limit(made.id, "30 USD", by="admin").limit == 30 * 10**9
    assert not hub.budgets.set_hard(made.id, hard=False, by="admin").hard
    clock.move(60)
    assert hub.budgets.reset(made.id, by="admin").reset_us == START_US + 60_000_000
    assert hub.budgets.get(made.id).limit == 30 * 10**9
    for other in ("30 EUR", "5 calls"):
        with pytest.raises(UsageError, match="counts USD, not"):
            hub.budgets.set_limit(made.id, other, by="admin")
    hub.budgets.remove(made.id, by="admin")
    with pytest.raises(NotFound):
        hub.budgets.reset(made.id, by="admin")


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"scope": Scope("team", "defalt")}, "Did you mean 'default'?"),
        ({"scope": Scope("key", "key_x")}, "There is no key 'key_x'"),
        ({"scope": Scope("environment", "pord")}, "Did you mean 'prod'?"),
        ({"scope": Scope("tenant", "x")}, "There is no tenant 'x'"),
        ({"scope": Scope("application", "X!")}, "cannot be the name of a application"),
        ({"scope": Scope("user", "x")}, "not well formed"),  # type: ignore[arg-type]
        ({"limit": "lots"}, "'lots' is not a limit"),
        ({"limit": "5 EUR"}, "No price is in EUR"),
        ({"period": "year"}, "not well formed"),
        ({"timezone": "Mars/Olympus"}, "no time zone 'Mars/Olympus'"),
        ({"timezone": "America"}, "no time zone 'America'"),
        ({"timezone": "x" * 5000}, "no time zone 'xxx"),
        ({"warn_at": (0.0,)}, "warn_at holds 0.0"),
        ({"warn_at": (float("nan"),)}, ""),
    ],
)
def test_what_a_budget_cannot_be(hub: Hub, fields: dict[str, object], said: str) -> None:
    base = {"scope": TEAM, "limit": "25 USD"}
    with pytest.raises(UsageError) as caught:
        hub.budgets.create(NewBudget(**{**base, **fields}), by="admin")  # type: ignore[arg-type]
    assert said in str(caught.value)
    assert hub.budgets.count() == 0


def test_budgets_on_each_kind_of_scope(hub: Hub, ann: Actor) -> None:
    key, _ = hub.keys.create(NewKey(name="k", actor_id=ann.id), by="admin")
    scopes = [
        Scope("key", key.id),
        TEAM,
        Scope("environment", "prod"),
        Scope("tenant", "default"),
        Scope("application", "shop"),
    ]
    for scope in scopes:
        hub.budgets.create(NewBudget(scope=scope, limit="1 calls"), by="admin")
        assert len(hub.budgets.on(scope)) == 1


def test_a_rate_limit(hub: Hub) -> None:
    made = hub.rate_limits.create(NewRateLimit(scope=TEAM, requests_per_minute=60), by="admin")
    assert hub.rate_limits.on(TEAM) == [made]
    with pytest.raises(Conflict, match="has a rate limit already"):
        hub.rate_limits.create(NewRateLimit(scope=TEAM, concurrency=1), by="admin")
    changed = hub.rate_limits.replace(made.id, NewRateLimit(scope=TEAM, tokens_per_minute=5), by="admin")
    assert (changed.id, changed.requests_per_minute, changed.tokens_per_minute) == (made.id, None, 5)
    with pytest.raises(UsageError, match="one of the team 'default'"):
        hub.rate_limits.replace(made.id, NewRateLimit(scope=Scope("tenant", "default"), concurrency=1), by="admin")
    hub.rate_limits.remove(made.id, by="admin")
    assert hub.rate_limits.list() == []


@pytest.mark.parametrize(
    "fields", [{}, {"requests_per_minute": 0}, {"concurrency": -1}, {"tokens_per_minute": 1 << 62}]
)
def test_what_a_rate_limit_cannot_be(hub: Hub, fields: dict[str, int]) -> None:
    with pytest.raises(GenaiopsError):
        hub.rate_limits.create(NewRateLimit(scope=TEAM, **fields), by="admin")
    assert hub.rate_limits.count() == 0
