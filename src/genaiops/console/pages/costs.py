"""Costs: what was spent, by whom and on what, beside the same time before; as pages, chips, CSV."""

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import msgspec
from litestar import Response, get

from genaiops.console._filters import read_time
from genaiops.console._format import cell
from genaiops.console._grouping import by_group
from genaiops.console._meters import stacked
from genaiops.console._unusual import unusual
from genaiops.console._visit import HEADERS, Chip, Visit, Visiting
from genaiops.core.clock import to_iso
from genaiops.core.errors import UsageError
from genaiops.core.money import NANO, from_nano
from genaiops.ports.telemetry import GRAM_UNIT, KWH_UNIT, LITRE_UNIT, Dimension, energy_nano
from genaiops.watch import UsageRow, usage

GROUPS: Mapping[str, Dimension] = {
    "key": "key_id",
    "team": "team_id",
    "application": "application",
    "model": "request_model",
    "target": "target_id",
    "environment": "environment_id",
}
SPANS = {"24h": "24 hours", "7d": "7 days", "30d": "30 days", "90d": "90 days"}
MEASURES = {"cost": "Known cost", "energy": "Known energy", "tokens": "Tokens", "calls": "Calls"}
UNITS = {"cost": "USD", "energy": "Wh", "tokens": "tokens", "calls": "calls"}
SORTS = ("name", "calls", "errors", "input", "output", "cost", "share", "change", "unknown", "energy")
_HOUR_US = 3_600_000_000
_DAY_US = 24 * _HOUR_US
_LIMIT = 500


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What the page's address asks for. Times in microseconds; `step` is that of the chart."""

    by: str
    since_us: int
    until_us: int
    step: Literal["hour", "day"]
    where: Mapping[Dimension, str]
    measure: str
    sort: str
    rising: bool

    @property
    def dimension(self) -> Dimension:
        return GROUPS[self.by]


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One group beside itself in the time before. `share` is of what all groups cost (None: nothing was known)."""

    id: str
    name: str
    row: UsageRow
    before: UsageRow | None
    share: float | None

    @property
    def change(self) -> float | None:
        """How much more it cost than before, as a share of that; None without a cost before."""
        before = self.before.cost_nano if self.before is not None else 0
        return (self.row.cost_nano - before) / before if before else None


class Report(msgspec.Struct, frozen=True, kw_only=True):
    asked: Asked
    lines: Sequence[Line]
    total: UsageRow | None
    before: UsageRow | None
    names: Mapping[str, str]


@get("/costs", sync_to_thread=True)
def show(visit: Visiting) -> Response[str]:
    found = report(visit)
    asked = found.asked
    size = _HOUR_US if asked.step == "hour" else _DAY_US
    starts = list(range(asked.since_us // size * size, asked.until_us, size))
    rows = _usage(visit, asked, asked.since_us, asked.until_us, asked.step)
    groups = by_group(rows, asked.dimension, starts, lambda row: _measured(row, asked.measure))
    named = [(found.names.get(name, name), values) for name, values in groups]
    title = f"{MEASURES[asked.measure]} by {asked.by}, {'an hour' if asked.step == 'hour' else 'a day'} (UTC)"
    return visit.page(
        "costs.html",
        title="Costs",
        nav="costs",
        knows=(*GROUPS, "by", "since", "until", "show", "sort", "order"),
        report=found,
        lines=found.lines[:_LIMIT],
        left_out=max(0, len(found.lines) - _LIMIT),
        chart=stacked(title, starts, named, unit=UNITS[asked.measure]) if named else None,
        groups=tuple(GROUPS),
        spans=SPANS,
        span=visit.query.get("since", "7d"),
        measures=MEASURES,
        chips=_chips(visit, found.names),
        api=_api(asked),
        unusual=unusual(visit, asked.by),
        filters={name: GROUPS[name] for name in GROUPS},
    )


@get("/costs.csv", sync_to_thread=True)
def table(visit: Visiting) -> Response[bytes]:
    """All groups with exact amounts; the same query as the page."""
    found = report(visit)
    asked = found.asked
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(
        (
            asked.by,
            "name",
            "since",
            "until",
            "calls",
            "errors",
            "input_tokens",
            "output_tokens",
            "known_cost",
            "calls_at_unknown_price",
            "calls_before",
            "known_cost_before",
            *_ENERGY,
        )
    )
    since, until = to_iso(asked.since_us), to_iso(asked.until_us)
    for line in found.lines:
        row, before = line.row, line.before
        writer.writerow(
            (
                cell(line.id),
                cell(line.name),
                since,
                until,
                row.calls,
                row.errors,
                row.input_tokens,
                row.output_tokens,
                from_nano(row.cost_nano),
                row.cost_unknown,
                before.calls if before is not None else 0,
                from_nano(before.cost_nano) if before is not None else "0",
                *_energy(row),
            )
        )
    name = f"costs-by-{asked.by}-{since[:10]}.csv"
    headers = {**HEADERS, "content-disposition": f'attachment; filename="{name}"'}
    return Response(text.getvalue().encode(), media_type="text/csv; charset=utf-8", headers=headers)


_ENERGY = (
    "attempts",
    "attempts_of_known_energy",
    "kwh_low",
    "kwh_central",
    "kwh_high",
    "attempts_of_known_co2e",
    "co2e_g_low",
    "co2e_g_central",
    "co2e_g_high",
    "attempts_of_known_water",
    "water_l_low",
    "water_l_central",
    "water_l_high",
)


def _energy(row: UsageRow) -> Sequence[object]:
    """In the order of `_ENERGY`; empty where nothing is known."""
    sums = row.energy
    kwh = [amount * KWH_UNIT for amount in (sums.kwh_low, sums.kwh_central, sums.kwh_high)]
    grams = [amount * GRAM_UNIT for amount in (sums.co2e_low, sums.co2e_central, sums.co2e_high)]
    litres = [amount * LITRE_UNIT for amount in (sums.water_low, sums.water_central, sums.water_high)]
    return (
        row.attempts,
        sums.known,
        *(kwh if sums.known else ("",) * 3),
        sums.known_co2e,
        *(grams if sums.known_co2e else ("",) * 3),
        sums.known_water,
        *(litres if sums.known_water else ("",) * 3),
    )


def report(visit: Visit) -> Report:
    asked = read(visit)
    span = asked.until_us - asked.since_us
    rows = _usage(visit, asked, asked.since_us, asked.until_us, "all")
    former = {
        row.group[asked.dimension]: row for row in _usage(visit, asked, asked.since_us - span, asked.since_us, "all")
    }
    names = _names(visit, {*(row.group[asked.dimension] for row in rows), asked.where.get("key_id", "")}, asked)
    cost = sum(row.cost_nano for row in rows)
    lines = [
        Line(
            id=(group := row.group[asked.dimension]),
            name=names.get(group, group) or "none",
            row=row,
            before=former.get(group),
            share=row.cost_nano / cost if cost else None,
        )
        for row in rows
    ]
    return Report(
        asked=asked,
        lines=sorted(lines, key=lambda line: (*_order(line, asked.sort), line.id), reverse=not asked.rising),
        total=_whole(visit, asked, asked.since_us, asked.until_us),
        before=_whole(visit, asked, asked.since_us - span, asked.since_us),
        names=names,
    )


def read(visit: Visit) -> Asked:
    """UsageError names the part of the address at fault. Whole days, but for the last hours."""
    query, now = visit.query, visit.now_us
    by = _one_of(query.get("by", "team"), tuple(GROUPS), "by")
    since = query.get("since", "7d")
    until_us = read_time(query.get("until"), now) or now + 1
    since_us = read_time(since, now) or 0
    if until_us <= since_us:
        raise UsageError("until is not after since.", remedy="Give a later end.", param="until")
    size = _HOUR_US if until_us - since_us <= 2 * _DAY_US else _DAY_US
    if since.endswith(("h", "d", "m")):
        since_us = since_us // size * size + size
        since_us = min(since_us, until_us // size * size)
    sort = _one_of(query.get("sort", "cost"), SORTS, "sort")
    return Asked(
        by=by,
        since_us=since_us,
        until_us=until_us,
        step="hour" if size == _HOUR_US else "day",
        where={
            dimension: visit.key_id(query[name]) if name == "key" else query[name]
            for name, dimension in GROUPS.items()
            if name in query
        },
        measure=_one_of(query.get("show", "cost"), tuple(MEASURES), "show"),
        sort=sort,
        rising=_one_of(query.get("order", "rising" if sort == "name" else "falling"), ("rising", "falling"), "order")
        == "rising",
    )


def _one_of(value: str, options: Sequence[str], name: str) -> str:
    if value not in options:
        raise UsageError(f"{name} is {value!r}.", remedy=f"Use one of {', '.join(options)}.", param=name)
    return value


def _usage(
    visit: Visit, asked: Asked, since_us: int, until_us: int, step: Literal["hour", "day", "all"]
) -> Sequence[UsageRow]:
    return usage(
        visit.services.stores.telemetry,
        since_us=since_us,
        until_us=until_us,
        step=step,
        group_by=(asked.dimension,),
        where=asked.where,
    )


def _whole(visit: Visit, asked: Asked, since_us: int, until_us: int) -> UsageRow | None:
    rows = usage(visit.services.stores.telemetry, since_us=since_us, until_us=until_us, where=asked.where)
    return rows[0] if rows else None


def _measured(row: UsageRow, measure: str) -> float:
    if measure == "cost":
        return row.cost_nano / NANO
    if measure == "energy":
        return energy_nano(row.energy) / NANO
    return row.calls if measure == "calls" else row.input_tokens + row.output_tokens


def _order(line: Line, sort: str) -> tuple[Any, ...]:
    row = line.row
    match sort:
        case "name":
            return (line.name,)
        case "calls":
            return (row.calls, line.name)
        case "errors":
            return (row.errors, row.calls, line.name)
        case "input":
            return (row.input_tokens, line.name)
        case "output":
            return (row.output_tokens, line.name)
        case "unknown":
            return (row.cost_unknown, line.name)
        case "energy":
            return (energy_nano(row.energy), row.energy.known, line.name)
        case "change":
            return (line.change is not None, line.change or 0.0, line.name)
        case _:
            return (row.cost_nano, row.calls, line.name)


def _names(visit: Visit, ids: set[str], asked: Asked) -> Mapping[str, str]:
    """Names of keys by their ids; other groups are their own names."""
    if asked.by != "key" and "key_id" not in asked.where:
        return {}
    return visit.services.hub.keys.names(ids)


def _chips(visit: Visit, names: Mapping[str, str]) -> list[Chip]:
    return [
        Chip(name, names.get(visit.query[name], visit.query[name]), visit.same(**{name: None}))
        for name in (*GROUPS, "until")
        if name in visit.query
    ]


def _api(asked: Asked) -> Mapping[str, str]:
    """The query of `/api/usage` that gives the same figures."""
    own = {dimension if dimension != "request_model" else "model": value for dimension, value in asked.where.items()}
    return {"since": to_iso(asked.since_us), "until": to_iso(asked.until_us), "group_by": asked.by, **own}


HANDLERS: list[Any] = [show, table]
