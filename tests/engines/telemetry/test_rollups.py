"""Rollups: sums over any range and grouping equal a plain count over all spans, exact to the minute."""

from collections.abc import Callable, Sequence
from typing import Any, get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from genaiops.core.errors import UsageError
from genaiops.core.histogram import Histogram
from genaiops.domain import Cost, Energy, EnergyBasis, Range, Span, Usage
from genaiops.ports.telemetry import Batch, Dimension, EnergySums, Rollup, RollupQuery, Telemetry
from tests.engines.telemetry.calls import DAY, HOUR, MINUTE, NOW, SECOND, attempt, call, merged, root
from tests.examples import examples

DIMENSIONS: tuple[Dimension, ...] = get_args(Dimension)
START = NOW // DAY * DAY


def naive(spans: Sequence[Span], query: RollupQuery) -> list[Rollup]:
    """The same by looking at every span."""
    first, last = query.since_us // MINUTE * MINUTE, -(-query.until_us // MINUTE) * MINUTE
    size = {"minute": MINUTE, "hour": HOUR, "day": DAY, "all": 0}[query.step]
    buckets: dict[tuple[int, tuple[str, ...]], list[Span]] = {}
    for span in spans:
        counts = span.is_root or span.owns_usage or span.kind in ("llm", "embedding", "rerank")
        if not counts or not first <= span.start_us < last:
            continue
        if any((getattr(span, name) or "") != value for name, value in query.where.items()):
            continue
        bucket = span.start_us // size * size if size else first
        key = (bucket, tuple(getattr(span, name) or "" for name in query.group_by))
        buckets.setdefault(key, []).append(span)
    return [
        summed(start, dict(zip(query.group_by, group, strict=True)), found) for (start, group), found in buckets.items()
    ]


def summed(start_us: int, group: dict[Any, str], spans: Sequence[Span]) -> Rollup:
    duration, first_token = Histogram(), Histogram()
    roots = [span for span in spans if span.is_root]
    for span in roots:
        duration.add(span.duration_us)
        if span.first_token_us is not None:
            first_token.add(span.first_token_us)
    paid = [span for span in spans if span.owns_usage]
    usages = [span.usage for span in paid if span.usage is not None]
    costs = [None if span.cost is None else span.cost.nano for span in paid]
    return Rollup(
        start_us=start_us,
        group=group,
        calls=len(roots),
        errors=sum(span.status in ("error", "aborted") for span in roots),
        attempts=sum(span.kind in ("llm", "embedding", "rerank") for span in spans),
        input_tokens=sum(usage.input_tokens for usage in usages),
        cache_read=sum(usage.cache_read for usage in usages),
        output_tokens=sum(usage.output_tokens for usage in usages),
        estimated_calls=sum(usage.estimated for usage in usages),
        cost_nano=sum(nano for nano in costs if nano is not None),
        cost_unknown=costs.count(None),
        duration=duration,
        first_token=first_token,
        energy=energy_sums([span.energy for span in spans if span.energy is not None and span.kind != "tool"]),
    )


def energy_sums(energies: Sequence[Energy]) -> EnergySums:
    kwh = [energy.kwh for energy in energies if energy.kwh is not None]
    co2e = [energy.co2e_g for energy in energies if energy.co2e_g is not None]
    water = [energy.water_l for energy in energies if energy.water_l is not None]
    kwh_sums, co2e_sums, water_sums = (
        [sum(round(getattr(found, bound) / unit) for found in ranges) for bound in ("low", "central", "high")]
        for ranges, unit in ((kwh, 1e-12), (co2e, 1e-9), (water, 1e-9))
    )
    sums = [*kwh_sums, *co2e_sums, len(water), *water_sums]
    return EnergySums(len(kwh), len(co2e), *sums)


def ordered(rollups: Sequence[Rollup]) -> list[Rollup]:
    return sorted(rollups, key=lambda rollup: (rollup.start_us, sorted(rollup.group.items())))


TEXTS = st.sampled_from([None, "a", "b"])
USAGES = st.none() | st.builds(
    Usage, st.integers(0, 9), st.integers(0, 9), st.integers(0, 9), st.integers(0, 9), st.integers(0, 9), st.booleans()
)
# Around two midnights and several hours, often on the edges.
MOMENTS = st.builds(
    lambda hour, offset: START + hour * HOUR + offset,
    st.integers(-3, 27),
    st.sampled_from([-1, 0, 1, 59 * SECOND, MINUTE, 30 * MINUTE, HOUR - 1]),
)
FACTS = st.fixed_dictionaries(
    {
        "environment_id": TEXTS,
        "key_id": TEXTS,
        "request_model": TEXTS,
        "target_id": TEXTS,
        "operation": st.sampled_from(["", "chat"]),
        "status": st.sampled_from(["ok", "error", "cancelled", "aborted"]),
        "tenant_id": st.sampled_from(["default", "acme"]),
    }
)


RANGES = st.none() | st.sampled_from([Range(0.0, 1e-7, 2.5e-4), Range(1.2345678e-5, 3e-5, 4.0)])
ENERGIES = st.none() | st.builds(Energy, st.just(EnergyBasis(method="modelled")), RANGES, RANGES, st.none(), RANGES)


@st.composite
def stored_spans(draw: st.DrawFn) -> list[Span]:
    found: list[Span] = []
    for number in range(draw(st.integers(0, 10))):
        facts: dict[str, Any] = draw(FACTS)
        start_us = draw(MOMENTS)
        duration_us, first_token_us = draw(st.integers(0, 10**7)), draw(st.none() | st.integers(0, 1000))
        found.append(root(number, start_us, duration_us=duration_us, first_token_us=first_token_us, **facts))
        kind = draw(st.sampled_from(["llm", "embedding", "rerank", "tool"]))
        owns, usage = draw(st.booleans()), draw(USAGES)
        cost = draw(st.sampled_from([None, Cost(nano=None), Cost(nano=7)]))
        facts |= {"usage": usage, "cost": cost, "energy": draw(ENERGIES)}
        found.append(attempt(number, draw(MOMENTS), kind=kind, owns_usage=owns, **facts))
    return found


QUERIES = st.builds(
    RollupQuery,
    since_us=MOMENTS,
    until_us=MOMENTS,
    step=st.sampled_from(["minute", "hour", "day", "all"]),
    group_by=st.lists(st.sampled_from(DIMENSIONS), unique=True, max_size=3),
    where=st.dictionaries(
        st.sampled_from(["environment_id", "key_id", "status", "operation"]),
        st.sampled_from(["", "a", "error", "chat", "unheard of"]),
        max_size=2,
    ),
)


@settings(max_examples=examples(30), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(spans=stored_spans(), queries=st.lists(QUERIES, min_size=1, max_size=8), size=st.integers(1, 20))
def test_sums_equal_a_count_over_all_spans(
    new_store: Callable[[], Telemetry], spans: list[Span], queries: list[RollupQuery], size: int
) -> None:
    telemetry = new_store()
    for start in range(0, len(spans), size):
        telemetry.write(Batch(spans=spans[start : start + size]))
    for query in queries:
        assert ordered(telemetry.rollup(query)) == ordered(naive(spans, query))
    telemetry.close()


def one(telemetry: Telemetry, **query: Any) -> Rollup:
    whole: dict[str, Any] = {"since_us": START, "until_us": START + DAY, "step": "all", **query}
    (found,) = telemetry.rollup(RollupQuery(**whole))
    return found


def test_a_replay_and_late_spans_are_counted_once_where_they_began(telemetry: Telemetry) -> None:
    on_time = merged(*(call(number, NOW + number * MINUTE) for number in range(5)))
    late = call(9, NOW - 3 * HOUR)
    for batch in (on_time, on_time, late, merged(on_time, late)):
        telemetry.write(batch)
    assert one(telemetry).calls == 6
    assert one(telemetry).cost_nano == 6000
    hours = telemetry.rollup(RollupQuery(since_us=START, until_us=START + DAY, step="hour"))
    assert [(rollup.start_us, rollup.calls) for rollup in hours] == [(NOW - 3 * HOUR, 1), (NOW, 5)]


def test_ranges_are_exact_to_the_minute(telemetry: Telemetry) -> None:
    telemetry.write(merged(*(call(number, START + number * MINUTE) for number in range(0, 600, 7))))
    for since, until in [(0, 600), (1, 599), (59, 61), (60, 120), (60, 121), (61, 179), (7, 8), (8, 14), (70, 70)]:
        expected = len([number for number in range(0, 600, 7) if since <= number < until])
        rollups = telemetry.rollup(
            RollupQuery(since_us=START + since * MINUTE, until_us=START + until * MINUTE, step="all")
        )
        assert sum(rollup.calls for rollup in rollups) == expected, (since, until)


def test_the_current_minute_is_in_a_range_that_ends_now(telemetry: Telemetry) -> None:
    telemetry.write(call(1, NOW + 10 * SECOND))
    assert one(telemetry, since_us=NOW - HOUR, until_us=NOW + 11 * SECOND).calls == 1


def test_histograms_merge_over_time(telemetry: Telemetry) -> None:
    for number in range(100):
        telemetry.write(call(number, START + number * 13 * MINUTE, duration_us=(number + 1) * 1000, first_token_us=500))
    rollup = one(telemetry)
    assert rollup.duration.count == 100
    assert rollup.first_token.count == 100
    median = rollup.duration.quantile(0.5)
    assert median is not None
    assert abs(median - 50_000) < 2_000


def test_nothing_in_the_range_is_no_row(telemetry: Telemetry) -> None:
    grouped: list[list[Dimension]] = [[], ["key_id"]]
    for step in ("minute", "hour", "day", "all"):
        for group_by in grouped:
            query = RollupQuery(since_us=START, until_us=START + DAY, step=step, group_by=group_by)
            assert telemetry.rollup(query) == []


@pytest.mark.parametrize(
    ("since_us", "until_us"), [(NOW, NOW), (NOW, NOW - 1), (1 << 70, 1 << 71), (-(1 << 71), -(1 << 70))]
)
def test_an_empty_or_absurd_range_is_empty(telemetry: Telemetry, since_us: int, until_us: int) -> None:
    telemetry.write(call(1))
    assert telemetry.rollup(RollupQuery(since_us=since_us, until_us=until_us)) == []


def test_an_unknown_dimension_is_refused(telemetry: Telemetry) -> None:
    strange: Any = ["start; DROP TABLE spans"]
    with pytest.raises(UsageError, match="not a dimension"):
        telemetry.rollup(RollupQuery(since_us=0, until_us=NOW, group_by=strange))
    with pytest.raises(UsageError, match="not a dimension"):
        telemetry.rollup(RollupQuery(since_us=0, until_us=NOW, where={strange[0]: "x"}))
