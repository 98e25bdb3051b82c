"""Prices: each bucket is charged once, tiers hold for whole calls, and no call costs more than its upper bound."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genaiops.domain import NO_CEILING, Fees, Price, Rates, Tier, Usage, charge, price_at, prices_of

INPUTS = ("input_uncached", "cache_read", "cache_write", "cache_write_1h", "audio_input", "image_input")
OUTPUTS = ("output_text", "reasoning", "audio_output", "image_output")
UNITS = ("searches", "images", "characters", "audio_ms", "video_ms")
SIZES = ("1280x720", "1792x1024")
RATE_OF = {"input_uncached": "input", "output_text": "output"}  # others have the name of their bucket
PARENT = {"cache_read": "input", "cache_write": "input", "cache_write_1h": "cache_write", "image_input": "input"} | {
    "reasoning": "output"
}

amounts = st.integers(0, 10**12)
rates = st.fixed_dictionaries(
    {name: amounts if name in ("input", "output") else st.none() | amounts for name in Rates.__struct_fields__}
)
tokens = st.integers(0, 400_000)
usages = st.builds(
    Usage,
    **dict.fromkeys((*INPUTS, *OUTPUTS), tokens),
    **{name: st.integers(0, 100_000) for name in UNITS},
    service=st.sampled_from([None, "batch", "priority", "flex"]),
    video_size=st.sampled_from([None, *SIZES]),
)


def price(**facts: Any) -> Price:
    base: dict[str, Any] = {"id": "acme/m@1", "version": 1, "provider": "acme", "model": "m", "created_us": 0}
    base |= {"input": 2_000_000_000, "output": 8_000_000_000}
    return Price(**(base | facts))


@st.composite
def prices(draw: st.DrawFn) -> Price:
    marks = sorted(draw(st.sets(st.integers(0, 500_000), max_size=3)))
    plain = {name: st.integers(0, 10**9) for name in Fees.__struct_fields__ if name != "video_sizes"}
    sizes = st.dictionaries(st.sampled_from(SIZES), st.integers(0, 10**9))
    fees = draw(st.none() | st.builds(Fees, **plain, video_sizes=sizes))
    services = draw(st.dictionaries(st.sampled_from(["batch", "priority"]), st.integers(0, 10_000)))
    tables: list[dict[str, Any]] = [draw(rates) for _ in range(len(marks) + 1)]
    tiers = tuple(Tier(above_tokens=mark, **table) for mark, table in zip(marks, tables, strict=False))
    return price(**tables[-1], tiers=tiers, fees=fees, services=services)


def plainly(usage: Usage, by: Price) -> int | None:
    """The same as a table of lines, as one would do it by hand."""
    table: Rates = by
    for tier in by.tiers:
        if sum(getattr(usage, name) for name in INPUTS) > tier.above_tokens:
            table = tier
    total = 0
    for bucket in (*INPUTS, *OUTPUTS):
        count, name = getattr(usage, bucket), RATE_OF.get(bucket, bucket)
        rate = getattr(table, name)
        while rate is None and name in PARENT:
            name = PARENT[name]
            rate = getattr(table, name)
        if count and rate is None:
            return None
        total += -(-count * (rate or 0) // 10**6)
    if usage.service is not None:
        if usage.service not in by.services:
            return None
        total = -(-total * by.services[usage.service] // 1000)
    if by.fees is not None:
        fees = by.fees
        total += fees.call + fees.search * usage.searches + fees.image * usage.images
        total += -(-usage.characters * fees.characters // 10**6) + -(-usage.audio_ms * fees.audio_minute // 60_000)
        if usage.video_ms and usage.video_size is None and fees.video_sizes:
            return None  # which size it was decides what it costs
        total += -(-usage.video_ms * fees.video_sizes.get(usage.video_size or "", fees.video_second) // 1000)
    return total


@given(usages, prices())
def test_every_bucket_is_charged_once_at_its_own_rate(usage: Usage, by: Price) -> None:
    assert charge(usage, by) == plainly(usage, by)


@given(usages, st.lists(prices(), min_size=1, max_size=3), st.integers(0, 10_000), st.integers(0, 10_000))
def test_no_known_cost_is_above_the_ceiling(usage: Usage, several: list[Price], more: int, further: int) -> None:
    ceiling = NO_CEILING
    for one in several:
        ceiling = ceiling.with_price(one)
    bound = ceiling.nano(usage.input_tokens + more, usage.output_tokens + further, usage)
    for one in several:
        cost = charge(usage, one)
        assert cost is None or cost <= bound


@given(usages, st.lists(prices(), min_size=1, max_size=3), st.integers(0, 10_000))
def test_no_known_cost_of_an_embedding_is_above_its_ceiling(usage: Usage, several: list[Price], more: int) -> None:
    embedded = Usage(usage.input_uncached, usage.cache_read, image_input=usage.image_input, service=usage.service)
    ceiling = NO_CEILING
    for one in several:
        ceiling = ceiling.with_price(one)
    bound = ceiling.nano_embedded(embedded.input_tokens + more)
    assert bound <= ceiling.nano(embedded.input_tokens + more, 0)
    for one in several:
        cost = charge(embedded, one)
        assert cost is None or cost <= bound


@given(usages)
def test_the_totals_are_the_sums_of_all_buckets(usage: Usage) -> None:
    assert usage.input_tokens == sum(getattr(usage, name) for name in INPUTS)
    assert usage.output_tokens == sum(getattr(usage, name) for name in OUTPUTS)
    assert usage.total_tokens == usage.input_tokens + usage.output_tokens
    buckets = {*INPUTS, *OUTPUTS, *UNITS, "estimated", "estimator", "service", "unknown", "video_size"}
    assert buckets == set(Usage.__struct_fields__)  # a bucket that is new must be told to these tests, and priced


FEE = {"searches": "search", "images": "image", "characters": "characters", "audio_ms": "audio_minute"} | {
    "video_ms": "video_second"
}
RATE = {"input_uncached": "input", "output_text": "output"}


@given(usages, prices(), st.sampled_from([*INPUTS, *OUTPUTS, *UNITS]))
def test_a_unit_that_nobody_told_makes_a_cost_unknown_where_it_is_priced(usage: Usage, one: Price, unit: str) -> None:
    rate = getattr(one.fees or Fees(), FEE[unit]) if unit in FEE else getattr(one, RATE.get(unit, unit))
    if unit == "video_ms" and one.fees is not None:
        rate = max((rate, *one.fees.video_sizes.values()))
    one = msgspec.structs.replace(one, tiers=())
    found = charge(msgspec.structs.replace(usage, unknown=(unit,)), one)
    assert found == (None if rate else charge(usage, one))


@given(usages, st.sampled_from([*INPUTS, *OUTPUTS]), st.integers(1, 1000))
def test_moving_tokens_between_buckets_of_one_rate_costs_nothing(usage: Usage, bucket: str, count: int) -> None:
    usage = msgspec.structs.replace(usage, service=None)
    flat = price(**dict.fromkeys(Rates.__struct_fields__, 1_000_000))
    more = msgspec.structs.replace(usage, **{bucket: getattr(usage, bucket) + count})
    before, after = charge(usage, flat), charge(more, flat)
    assert before == usage.total_tokens
    assert after == usage.total_tokens + count


def test_a_tier_holds_for_the_whole_call_from_one_token_above() -> None:
    gemini = price(
        input=1_250_000_000,
        output=10_000_000_000,
        tiers=(Tier(above_tokens=200_000, input=2_500_000_000, output=15_000_000_000),),
    )
    assert charge(Usage(200_000, output_text=1000), gemini) == 260_000_000
    assert charge(Usage(150_000, cache_read=50_001, output_text=1000), gemini) == 515_002_500


@pytest.mark.parametrize(
    ("usage", "facts", "nano"),
    [
        (Usage(1000, output_text=10, service="batch"), {"services": {"batch": 500}}, 1_040_000),
        (Usage(1000, output_text=10, service="batch"), {}, None),
        (Usage(audio_input=10), {}, None),
        (Usage(audio_input=10), {"audio_input": 32_000_000_000}, 320_000),
        (Usage(cache_write=10, cache_write_1h=10), {"cache_write": 2_500_000_000}, 50_000),
        (Usage(cache_write=10, cache_write_1h=10), {"cache_write_1h": 4_000_000_000}, 60_000),
        (Usage(searches=3), {"fees": Fees(search=2_000_000)}, 6_000_000),
        (Usage(searches=3), {}, 0),
        (Usage(audio_ms=30_001), {"fees": Fees(audio_minute=6_000_000)}, 3_000_100),
        (Usage(characters=7), {"fees": Fees(characters=15_000_000_000)}, 105_000),
        (Usage(video_ms=4001, video_size="1x1"), {"fees": Fees(video_second=100)}, 401),
        (Usage(video_ms=2000, video_size="1x1"), {"fees": Fees(video_second=100, video_sizes={"1x1": 7})}, 14),
        (Usage(video_ms=2000), {"fees": Fees(video_sizes={"1x1": 7})}, None),
        (Usage(images=2), {"fees": Fees(image=40_000_000, call=5)}, 80_000_005),
    ],
)
def test_what_units_and_services_cost(usage: Usage, facts: dict[str, Any], nano: int | None) -> None:
    assert charge(usage, price(**facts)) == nano


def test_the_price_of_the_day() -> None:
    lines = [
        price(id="old", model="m*", input=1, valid_from_us=0),
        price(id="long", model="m-large", input=2, valid_from_us=50),
        price(id="new", model="m-large", input=3, valid_from_us=100, version=2),
        price(id="other", provider="other", model="m-large", input=4),
    ]
    mine = prices_of("acme", "m-large", lines)
    found = [price_at(mine, at_us) for at_us in (0, 49, 50, 99, 100, 1 << 60)]
    assert [one.id for one in found if one] == ["old", "old", "long", "long", "new", "new"]
    assert price_at(prices_of("acme", "n", lines), 5) is None


def test_records_without_the_younger_buckets_still_decode() -> None:
    old = msgspec.msgpack.encode({"input_uncached": 3, "cache_read": 0, "output_text": 4, "estimated": False})
    assert msgspec.msgpack.decode(old, type=Usage) == Usage(3, output_text=4)
    line = {"id": "a/m@1", "version": 1, "provider": "a", "model": "m", "input": 1, "output": 2, "created_us": 3}
    assert msgspec.json.decode(msgspec.json.encode(line), type=Price).tiers == ()
