"""Unusual spend: found in the hour it happens in, never where nobody can know."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from genaiops.core.clock import from_iso
from genaiops.core.money import NANO
from genaiops.domain import Cost, Span, Usage
from genaiops.engines.telemetry_sqlite import SqliteTelemetry, open_telemetry
from genaiops.ports.telemetry import Batch
from genaiops.watch import Spend, spend_anomalies

HOUR_US = 3_600_000_000
NOW = from_iso("2026-11-18T10:30:00Z")
PRESENT = NOW // HOUR_US


@pytest.fixture
def telemetry(tmp_path: Path) -> Iterator[SqliteTelemetry]:
    with open_telemetry(tmp_path / "telemetry", writer=True) as telemetry:
        telemetry.migrate()
        yield telemetry


def spend(telemetry: SqliteTelemetry, hours: Mapping[int, float | None], **facts: Any) -> None:
    """A call in each hour that cost so much; None: nobody knows."""
    known: dict[str, Any] = {"team_id": "search", "key_id": "key_1", "request_model": "m", "application": "shop"}
    spans = [
        Span(
            trace_id=abs(hash((hour, *facts.items()))).to_bytes(16, "big"),
            span_id=abs(hash((hour, *facts.items()))).to_bytes(8, "big"),
            name="chat",
            kind="gateway",
            start_us=hour * HOUR_US + 60_000_000,
            duration_us=1,
            environment_id="dev",
            usage=Usage(1, output_text=1),
            cost=Cost(None if cost is None else round(cost * NANO)),
            owns_usage=True,
            **{**known, **facts},
        )
        for hour, cost in hours.items()
    ]
    telemetry.write(Batch(spans=spans))


def judged(telemetry: SqliteTelemetry, *by: str) -> dict[tuple[str, str, str], Spend]:
    return {(one.by, one.id, one.window): one for one in spend_anomalies(telemetry, by or ("team",), now_us=NOW)}


def steady(cost: float = 1.0, days: int = 14) -> dict[int, float | None]:
    return {PRESENT - back: cost + back % 3 / 10 for back in range(1, 24 * (days + 1) + 1)}


def test_what_is_as_ever_is_usual(telemetry: SqliteTelemetry) -> None:
    spend(telemetry, steady())
    found = judged(telemetry)
    hour, day = found["team", "search", "hour"], found["team", "search", "day"]
    assert (hour.state, day.state, hour.days, day.days) == ("usual", "usual", 14, 14)
    assert (hour.since_us, hour.until_us) == ((PRESENT - 1) * HOUR_US, PRESENT * HOUR_US)
    assert (day.since_us, day.until_us) == ((PRESENT - 24) * HOUR_US, PRESENT * HOUR_US)
    assert day.spent_nano == day.usual_nano == round(24 * 1.1 * NANO)


def test_a_jump_is_found_for_everybody_it_belongs_to(telemetry: SqliteTelemetry) -> None:
    spend(telemetry, {**steady(), PRESENT - 1: 9.0})
    found = judged(telemetry, "key", "team", "application", "model")
    names = [("key", "key_1"), ("team", "search"), ("application", "shop"), ("model", "m")]
    assert [found[*name, "hour"].state for name in names] == ["above"] * 4
    hour = found["team", "search", "hour"]
    assert hour.usual_nano is not None
    assert hour.limit_nano is not None
    assert hour.usual_nano < hour.limit_nano < hour.spent_nano == 9 * NANO
    first = spend_anomalies(telemetry, now_us=NOW)[0]
    assert first.state == "above"


def test_the_present_hour_counts_as_soon_as_it_is_above(telemetry: SqliteTelemetry) -> None:
    spend(telemetry, {**steady(), PRESENT: 9.0})
    hour = judged(telemetry)["team", "search", "hour"]
    assert (hour.state, hour.since_us, hour.until_us) == ("above", PRESENT * HOUR_US, NOW)


def test_former_jumps_hide_no_other(telemetry: SqliteTelemetry) -> None:
    jumps: dict[int, float | None] = {PRESENT - 1 - 24 * back: 50.0 for back in (2, 5, 9)}
    spend(telemetry, {**steady(), **jumps, PRESENT - 1: 9.0})
    assert judged(telemetry)["team", "search", "hour"].state == "above"


def test_too_little_history_is_unknown(telemetry: SqliteTelemetry) -> None:
    spend(telemetry, {**steady(days=6), PRESENT - 1: 900.0})
    found = judged(telemetry)
    assert {one.state for one in found.values()} == {"unknown"}
    assert {one.usual_nano for one in found.values()} == {None}
    assert found["team", "search", "day"].days == 6


def test_calls_at_no_price_are_not_usual_but_may_be_above(telemetry: SqliteTelemetry) -> None:
    spend(telemetry, steady())
    spend(telemetry, {PRESENT - 1: None}, session_id="a")
    hour = judged(telemetry)["team", "search", "hour"]
    assert (hour.state, hour.unknown_calls) == ("unknown", 1)
    spend(telemetry, {PRESENT - 1: 9.0}, session_id="b")
    assert judged(telemetry)["team", "search", "hour"].state == "above"


def test_a_few_cents_are_never_worth_a_word(telemetry: SqliteTelemetry) -> None:
    spend(telemetry, {**dict.fromkeys(steady(), 0.0001), PRESENT - 1: 0.09})
    assert judged(telemetry)["team", "search", "hour"].state == "usual"


def test_who_spends_at_this_hour_only_now(telemetry: SqliteTelemetry) -> None:
    """Hours without calls count as 0, once there were calls."""
    spend(telemetry, {PRESENT - 24 * 15 + 3: 1.0, PRESENT - 1: 5.0})
    hour = judged(telemetry)["team", "search", "hour"]
    assert (hour.state, hour.usual_nano, hour.days) == ("above", 0, 14)


def test_many_are_judged_as_few_are(telemetry: SqliteTelemetry) -> None:
    for number in range(12):
        spend(telemetry, {**steady(), PRESENT - 1: 9.0 if number == 7 else 1.0}, team_id=f"team-{number}")
    found = judged(telemetry)
    assert [name for (_, name, window), one in found.items() if (one.state, window) == ("above", "hour")] == ["team-7"]
    assert len(found) == 24
    assert judged(telemetry, "key")["key", "key_1", "day"].spent_nano > 0


def test_the_first_hour_of_all(telemetry: SqliteTelemetry) -> None:
    """A stretch without spend is none: there is only the present hour, and nobody knows what is usual."""
    spend(telemetry, {PRESENT: 0.5})
    (only,) = judged(telemetry).values()
    assert (only.window, only.since_us, only.until_us, only.spent_nano) == ("hour", PRESENT * HOUR_US, NOW, NANO // 2)
    assert only.state == "unknown"
