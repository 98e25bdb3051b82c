"""Targets: how each does now, turned on and off, made, changed and removed."""

from collections.abc import Mapping
from typing import Any, get_args

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath

from genaiops.console import _saving as saving
from genaiops.console._changes import marks
from genaiops.console._charts import overview_charts
from genaiops.console._forms import decimal_of, texts, whole_of
from genaiops.console._undo import Undo
from genaiops.console._visit import Form, Visit, Visiting, field, optional, redirect, words
from genaiops.console.pages.routes import health_of
from genaiops.core.errors import GenaiopsError, UsageError
from genaiops.domain import Operation, Target
from genaiops.ports.secrets import OWN
from genaiops.watch import usage

_DAY_US = 86_400_000_000
_PLAIN = ("id", "provider", "model", "upstream_model", "base_url", "ca_file")
_WHOLE = ("max_concurrency", "max_output_tokens", "context_window")
_TIMEOUTS = ("connect", "first_token", "idle", "total")
_BREAKER = ("failures", "cooldown")


@get("/gateway/targets", sync_to_thread=True)
def show(visit: Visiting) -> Response[str]:
    targets, health = visit.services.hub.targets.list(), health_of(visit)
    return visit.page(
        "targets.html",
        title="Gateway",
        nav="gateway",
        tab="targets",
        targets=[(target, health[target.id]) for target in targets],
    )


@get("/gateway/new-target", sync_to_thread=True)
def new(visit: Visiting) -> Response[str]:
    visit.require("targets")
    return _form(visit, None, _values(_BLANK))


@get("/gateway/targets/{target_id:path}", sync_to_thread=True)
def edit(visit: Visiting, target_id: FromPath[str]) -> Response[str]:
    target = visit.services.hub.targets.get(target_id.lstrip("/"))
    return _form(visit, target, _values(target))


@post("/gateway/targets/{target_id:path}", sync_to_thread=True)
def switch(visit: Visiting, target_id: FromPath[str]) -> Response[None]:
    visit.require("targets")
    enabled = field(visit.form, "enabled") == "yes"
    targets, by = visit.services.hub.targets, visit.actor.id
    target = targets.set_enabled(target_id.lstrip("/"), enabled, by=by)
    visit.publish()
    back = Undo(
        "targets",
        lambda: targets.set_enabled(target.id, not enabled, by=by),
        f"The target {target.id} is {'off' if enabled else 'on'} again.",
    )
    visit.say(f"The target {target.id} is {'on' if enabled else 'off'}.", undo=back)
    return redirect(visit.link("/gateway/targets"))


@post("/gateway/targets", sync_to_thread=True)
def save(visit: Visiting) -> Response[Any]:
    """Makes a target, or replaces the one named `former`."""
    visit.require("targets")
    targets, name = visit.services.hub.targets, visit.form.get("former", "")
    former = targets.get(name) if name else None
    try:
        saving.save(visit, targets, former, _read(visit, visit.form, former), "target")
    except GenaiopsError as error:
        visit.complain(error)
        return _form(visit, former, visit.form, status=error.status)
    return redirect(visit.link("/gateway/targets"))


@post("/gateway/remove-target", sync_to_thread=True)
def remove(visit: Visiting) -> Response[None]:
    visit.require("targets")
    saving.remove(visit, visit.services.hub.targets, "target")
    return redirect(visit.link("/gateway/targets"))


def _form(visit: Visit, former: Target | None, values: Form, *, status: int = 200) -> Response[str]:
    charts = ()
    if former is not None:
        until_us = visit.now_us + 1
        since_us = until_us - _DAY_US
        series = usage(
            visit.services.stores.telemetry,
            since_us=since_us,
            until_us=until_us,
            step="hour",
            where={"target_id": former.id},
        )
        charts = overview_charts(series, since_us, until_us, marks(visit.services.stores.records, since_us))[:2]
    hub = visit.services.hub
    return visit.page(
        "target_form.html",
        status=status,
        title="Gateway",
        nav="gateway",
        tab="targets",
        former=former,
        values=values,
        charts=charts,
        benchmarks=visit.services.evaluations.benchmarks(former.model) if former is not None else (),
        health=health_of(visit).get(former.id) if former is not None else None,
        providers=hub.targets.providers or sorted({target.provider for target in hub.targets.list()}),
        operations=get_args(Operation),
        secrets=[one.name for one in visit.services.secrets.names() if not one.name.startswith(OWN)],
        may_change=visit.can("targets"),
    )


_BLANK = Target(id="", provider="openai", model="", upstream_model="", created_us=0)


def _values(target: Target) -> Mapping[str, str]:
    """A target as its form shows it. A proxy may hold a password, so it is not in the form, and stays."""
    values = texts(target, (*_PLAIN, *_WHOLE))
    values |= texts(target.timeouts, _TIMEOUTS) | texts(target.breaker, _BREAKER)
    values |= {f"operation:{name}": "yes" for name in target.operations}
    values |= {f"environment:{name}": "yes" for name in target.environments}
    values["credentials"] = " ".join(target.credentials)
    values["settings"] = "\n".join(f"{name} = {value}" for name, value in target.settings.items())
    values |= {"stream_usage": "yes"} if target.stream_usage else {}
    return values


def _read(visit: Visit, form: Form, former: Target | None) -> Target:
    """The target of a form. What the form has no field for stays as it was."""
    target = former or msgspec.structs.replace(_BLANK, id=field(form, "id"))
    timeouts = {name: decimal_of(form, name, getattr(target.timeouts, name)) for name in _TIMEOUTS}
    return msgspec.structs.replace(
        target,
        provider=field(form, "provider"),
        model=field(form, "model"),
        upstream_model=optional(form, "upstream_model") or field(form, "model"),
        base_url=optional(form, "base_url"),
        ca_file=optional(form, "ca_file"),
        operations=tuple(name for name in get_args(Operation) if form.get(f"operation:{name}")),
        credentials=words(form, "credentials"),
        max_concurrency=whole_of(form, "max_concurrency"),
        max_output_tokens=whole_of(form, "max_output_tokens", target.max_output_tokens),
        context_window=whole_of(form, "context_window"),
        stream_usage=bool(form.get("stream_usage")),
        settings=_settings(form),
        timeouts=msgspec.structs.replace(target.timeouts, **timeouts),
        breaker=msgspec.structs.replace(
            target.breaker,
            failures=whole_of(form, "failures", target.breaker.failures),
            cooldown=decimal_of(form, "cooldown", target.breaker.cooldown),
        ),
        environments=tuple(each.id for each in visit.environments() if form.get(f"environment:{each.id}")),
    )


def _settings(form: Form) -> dict[str, str]:
    found: dict[str, str] = {}
    for line in form.get("settings", "").splitlines():
        name, equals, value = line.partition("=")
        if line.strip() and not equals:
            raise UsageError(f"{line!r} is no setting.", remedy="Write name = value, one a line.", param="settings")
        if line.strip():
            found[name.strip()] = value.strip()
    return found


HANDLERS: list[Any] = [show, new, edit, switch, save, remove]
