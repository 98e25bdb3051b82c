"""Prices: what nobody knows first, then the lines in force with where they come from; set here."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from litestar import Response, get, post

from genaiops.console._format import day
from genaiops.console._forms import texts
from genaiops.console._price_text import further, tokens_are_free
from genaiops.console._undo import Undo
from genaiops.console._visit import Form, Visit, Visiting, field, optional, redirect
from genaiops.core.clock import from_iso
from genaiops.core.errors import GenaiopsError, NotFound
from genaiops.domain import Price
from genaiops.hub import NewPrice, price_form
from genaiops.watch import unknown_prices

DAYS = 30
_DAY_US = 86_400_000_000
_FIELDS = ("input", "output", "cache_read", "cache_write", "reasoning", "currency", "source")


@get("/gateway/prices", sync_to_thread=True)
def show(visit: Visiting) -> Response[str]:
    return _page(visit, visit.query)


@get("/gateway/prices/history", sync_to_thread=True)
def history(visit: Visiting) -> Response[str]:
    """All lines of one model, the newest first. NotFound when there are none."""
    provider, model = field(visit.query, "provider"), field(visit.query, "model")
    lines = [line for line in visit.services.hub.prices.list() if (line.provider, line.model) == (provider, model)]
    if not lines:
        raise NotFound(f"There is no price of {provider} {model}.", remedy="Look under Gateway, Prices.")
    current = next(iter(in_force(lines, visit.now_us)), None)
    return visit.page(
        "price_history.html",
        title="Gateway",
        nav="gateway",
        tab="prices",
        knows=("provider", "model"),
        provider=provider,
        model=model,
        lines=sorted(lines, key=lambda line: (-line.valid_from_us, -line.version)),
        current=current,
        further=further,
        may_change=visit.can("prices"),
    )


@post("/gateway/prices", sync_to_thread=True)
def make(visit: Visiting) -> Response[Any]:
    """Adds a line to the table. None is ever edited or removed: calls keep the price of their day."""
    visit.require("prices")
    prices, by = visit.services.hub.prices, visit.actor.id
    try:
        former = _in_force_for(prices.list(), field(visit.form, "provider"), field(visit.form, "model"), visit.now_us)
        new = _read(visit.form, former)
        line = prices.set(new, by=by)
    except GenaiopsError as error:
        visit.complain(error)
        return _page(visit, visit.form, status=error.status)
    visit.publish()
    back = None
    if former is not None:
        again = _again(former)
        done = f"{line.provider} {line.model} costs what it did before; the line between stays in the history."
        back = Undo("prices", lambda: prices.set(again, by=by), done)
    since = "now on" if new.valid_from_us is None else day(line.valid_from_us)
    visit.say(f"{line.provider} {line.model} costs that from {since}.", undo=back)
    return redirect(visit.link("/gateway/prices"))


def _page(visit: Visit, values: Mapping[str, str], *, status: int = 200) -> Response[str]:
    hub = visit.services.hub
    lines, targets = hub.prices.list(), hub.targets.list()
    used = {(target.provider, target.upstream_model) for target in targets}
    shown = in_force(lines, visit.now_us)
    if values.get("model") and not values.get("input"):
        former = _in_force_for(lines, values.get("provider", ""), values["model"], visit.now_us)
        values = values if former is None else {**texts(_again(former), _FIELDS), **values}
    until_us = visit.now_us + 1
    unknown = unknown_prices(
        visit.services.stores.telemetry, targets, since_us=until_us - DAYS * _DAY_US, until_us=until_us
    )
    return visit.page(
        "prices.html",
        status=status,
        title="Gateway",
        nav="gateway",
        tab="prices",
        prices=sorted(shown, key=lambda line: (line.provider, line.model) not in used),
        coming=[line for line in lines if line.valid_from_us > visit.now_us],
        lines=len(lines),
        used=used,
        unknown=unknown,
        corrections=visit.services.stores.telemetry.corrections(),
        days=DAYS,
        values=values,
        open=bool(values.get("model")),
        providers=sorted({line.provider for line in lines} | {target.provider for target in targets}),
        may_change=visit.can("prices"),
        further=further,
        tokens_are_free=tokens_are_free,
        knows=(*_FIELDS, "provider", "model", "valid_from"),
    )


def _read(form: Form, former: Price | None) -> NewPrice:
    """The line of a form. What the form has no field for stays as in the line before."""
    since = optional(form, "valid_from")
    into, out = field(form, "input"), field(form, "output")
    base = NewPrice(provider=field(form, "provider"), model=field(form, "model"), input=into, output=out)
    return msgspec.structs.replace(
        base if former is None else _again(former),
        input=into,
        output=out,
        cache_read=optional(form, "cache_read"),
        cache_write=optional(form, "cache_write"),
        reasoning=optional(form, "reasoning"),
        currency=field(form, "currency"),
        valid_from_us=from_iso(since) if since else None,
        source=optional(form, "source") or "",
    )


def _in_force_for(lines: Sequence[Price], provider: str, model: str, now_us: int) -> Price | None:
    own = [line for line in lines if (line.provider, line.model) == (provider, model)]
    return next(iter(in_force(own, now_us)), None)


def _again(line: Price) -> NewPrice:
    """The same amounts as a new line, its tiers, fees and services with them."""
    fields = msgspec.structs.asdict(price_form(line))
    del fields["valid_from"]
    return NewPrice(**fields)


def in_force(lines: Sequence[Price], now_us: int) -> list[Price]:
    """Of each provider and model the line that counts at that time: the latest that is valid by then."""
    found: dict[tuple[str, str], Price] = {}
    for line in sorted(lines, key=lambda line: (line.valid_from_us, line.version)):
        if line.valid_from_us <= now_us:
            found[line.provider, line.model] = line
    return [found[key] for key in sorted(found)]


HANDLERS: list[Any] = [show, history, make]
