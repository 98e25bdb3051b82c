import pytest

from genaiops.core.errors import UsageError
from genaiops.hub import Hub, NewPrice
from tests.hub.conftest import START_US, Clock

LINE = NewPrice(provider="acme", model="m", input="2.50", output="10", cache_read="0.00000001")


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
