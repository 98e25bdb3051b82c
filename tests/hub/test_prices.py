import pytest

from genaiops.core.errors import UsageError
from genaiops.domain import Fees, Tier
from genaiops.hub import Hub, NewFees, NewPrice, NewTier
from tests.hub.conftest import START_US, Clock

LINE = NewPrice(provider="acme", model="m", input="2.50", output="10", cache_read="0.00000001")

TIER = NewTier(above_tokens=5, input="1", output="1")


def test_setting_a_price_adds_a_line(hub: Hub, clock: Clock) -> None:
    first = hub.prices.set(LINE, by="admin")
    assert (first.id, first.version, first.valid_from_us) == ("acme/m@1", 1, START_US)
    assert (first.input, first.output, first.cache_read, first.cache_write) == (2_500_000_000, 10_000_000_000, 10, None)
    clock.move(60)
    new = NewPrice(provider="acme", model="m", input="1", output="2", valid_from_us=START_US + 10**9, source="mail")
    second = hub.prices.set(new, by="admin")
    assert (second.id, second.version, second.valid_from_us, second.source) == ("acme/m@2", 2, START_US + 10**9, "mail")
    assert hub.prices.get("acme/m@1") == first
    for _ in range(9):
        hub.prices.set(LINE, by="admin")
    versions = [price.version for price in hub.prices.list() if price.provider == "acme"]
    assert versions == list(range(1, 12))


@pytest.mark.parametrize(
    ("fields", "said", "param"),
    [
        ({"input": "free"}, "'free' is not a decimal number", None),
        ({"output": "-1"}, "The price of output is -1", "output"),
        ({"cache_read": "1e12"}, "out of range", None),
        ({"currency": "usd"}, "'usd' is no currency", "currency"),
        ({"currency": "ÜSD"}, "no currency", "currency"),
        ({"model": "a*b"}, "cannot be the name of a model", "model"),
        ({"model": ""}, "cannot be the name of a model", "model"),
        ({"provider": "Acme"}, "cannot be the name of a provider", "provider"),
        ({"valid_from_us": -1}, "valid_from_us", "valid_from_us"),
        ({"source": "a\nb"}, "source", "source"),
        ({"audio_input": "-1"}, "The price of audio_input is -1", "audio_input"),
        ({"fees": NewFees(image="-1")}, "The price of image is -1", "image"),
        ({"services": {"batch": "11"}}, "The share of batch is 11", "services"),
        ({"services": {"Batch!": "1"}}, "cannot be the name of a class of service", "services"),
        ({"services": {f"s{number}": "1" for number in range(17)}}, "17 classes", "services"),
        ({"tiers": (TIER, TIER)}, "The tiers begin above [5, 5]", "tiers"),
        ({"tiers": (NewTier(above_tokens=-1, input="1", output="1"),)}, "above [-1]", "tiers"),
        ({"tiers": (NewTier(above_tokens=1, input="x", output="1"),)}, "'x' is not a decimal", None),
    ],
)
def test_what_a_price_cannot_be(hub: Hub, fields: dict[str, object], said: str, param: str | None) -> None:
    base = {"provider": "acme", "model": "m", "input": "1", "output": "1"}
    with pytest.raises(UsageError) as caught:
        hub.prices.set(NewPrice(**{**base, **fields}), by="admin")  # type: ignore[arg-type]
    assert said in str(caught.value)
    assert param is None or caught.value.param == param


def test_prefixes(hub: Hub) -> None:
    for model in ("*", "gpt-4*", "org/m:8b*"):
        assert hub.prices.set(NewPrice(provider="acme", model=model, input="1", output="1"), by="admin").model == model


def test_the_table_that_comes_along(hub: Hub) -> None:
    lines = {(price.provider, price.model): price for price in hub.prices.list()}
    assert len(lines) >= 15  # the first start has read it
    mini = lines["openai", "gpt-4o-mini"]
    assert (mini.input, mini.cache_read, mini.output) == (150_000_000, 75_000_000, 600_000_000)
    assert mini.source == "https://openai.com/api/pricing as of 2025-12-01"
    assert mini.valid_from_us == 1_764_547_200_000_000
    assert all(price.source and price.version == 1 for price in lines.values())
    # A cached read is never dearer than a fresh one, and output never cheaper than input, save for embeddings.
    assert all(price.cache_read is None or price.cache_read < price.input for price in lines.values())
    assert all(price.output > price.input or price.output == 0 for price in lines.values())


def test_the_table_has_tiers_services_and_fees(hub: Hub) -> None:
    lines = {(price.provider, price.model): price for price in hub.prices.list()}
    sonnet, gemini = lines["anthropic", "claude-sonnet-4-5*"], lines["google", "gemini-2.5-pro"]
    assert (sonnet.cache_write, sonnet.cache_write_1h, sonnet.services) == (
        3_750_000_000,
        6_000_000_000,
        {"batch": 500},
    )
    assert [(tier.above_tokens, tier.input, tier.output) for tier in gemini.tiers] == [
        (200_000, 2 * 1_250_000_000, 15 * 10**9)
    ]
    for line in lines.values():
        assert all(tier.input > line.input and tier.output > line.output for tier in line.tiers)
        if line.cache_write_1h is not None:
            assert line.cache_write_1h == 2 * line.input
    assert lines["openai", "whisper-1"].fees == Fees(audio_minute=6_000_000)
    assert lines["cohere", "rerank-v3.5"].fees == Fees(search=2_000_000)


def test_a_line_of_every_kind(hub: Hub) -> None:
    made = hub.prices.set(
        NewPrice(
            provider="acme",
            model="all",
            input="1",
            output="2",
            cache_write_1h="3",
            audio_output="4",
            tiers=(NewTier(above_tokens=10, input="5", output="6", audio_input="7"),),
            fees=NewFees(call="0.001", characters="8"),
            services={"batch": "0.5", "priority": "1.7501"},
        ),
        by="admin",
    )
    assert (made.cache_write_1h, made.audio_output, made.audio_input) == (3 * 10**9, 4 * 10**9, None)
    assert made.tiers == (Tier(above_tokens=10, input=5 * 10**9, output=6 * 10**9, audio_input=7 * 10**9),)
    assert made.fees == Fees(call=1_000_000, characters=8 * 10**9)
    assert made.services == {"batch": 500, "priority": 1751}  # rounded up
    assert hub.prices.get("acme/all@1") == made


def test_a_table_may_hold_former_prices(hub: Hub) -> None:
    table = """
        checked = 2026-01-02
        currency = "USD"
        [sources]
        acme = "https://acme.example"
        [[price]]
        provider = "acme"
        model = "m"
        input = "2"
        valid_from = 2025-06-01
        [[price]]
        provider = "acme"
        model = "m"
        input = "1"
    """
    added = hub.prices.import_table(table, by="admin")
    assert [(price.version, price.input, price.valid_from_us < START_US) for price in added] == [
        (1, 2 * 10**9, True),
        (2, 10**9, added[1].valid_from_us < START_US),
    ]
    assert added[0].valid_from_us < added[1].valid_from_us
    assert hub.prices.import_table(table, by="admin") == []


def test_importing_again_adds_only_what_differs(hub: Hub) -> None:
    assert hub.prices.import_table(by="admin") == []
    table = """
        checked = 2026-01-02
        currency = "EUR"
        [sources]
        acme = "https://acme.example"
        [[price]]
        provider = "acme"
        model = "m"
        input = "1"
        output = "2"
        [[price]]
        provider = "acme"
        model = "n"
        input = "3"
    """
    assert [price.id for price in hub.prices.import_table(table, by="admin")] == ["acme/m@1", "acme/n@1"]
    assert hub.prices.import_table(table, by="admin") == []
    changed = hub.prices.import_table(table.replace('"3"', '"4"'), by="admin")
    assert [(price.id, price.input, price.currency) for price in changed] == [("acme/n@2", 4_000_000_000, "EUR")]


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("checked = ", "cannot be read"),
        ('currency = "USD"', "checked"),
        ('checked = 2026-01-02\ncurrency = "USD"\nprice = []\n[sources]\n[other]', "other"),
        (
            'checked = 2026-01-02\ncurrency = "USD"\nprice = [{provider = "x", model = "m", input = "1"}]\n[sources]\n',
            "line of 'x' and no source",
        ),
    ],
)
def test_tables_that_cannot_be_read(hub: Hub, table: str, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        hub.prices.import_table(table, by="admin")
    assert said in str(caught.value)
