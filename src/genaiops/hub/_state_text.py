"""Reads what shall be: strictly, with the place of what is wrong, and into one form for each meaning (`1M tokens` and
`1000000 tokens` are the same budget), so that applying it again changes nothing."""

import ipaddress
import re
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from typing import Any, cast

import msgspec

from genaiops.core.clock import from_iso, to_iso
from genaiops.core.errors import UsageError
from genaiops.core.suggesting import suggestion
from genaiops.domain import Budget, Scope
from genaiops.hub import _price_forms as price_forms
from genaiops.hub._experiment_forms import normal_form
from genaiops.hub._forms import LISTED, NAMED, SECTIONS, Form, KeyForm, State
from genaiops.hub._limit_text import parse_limit, show_limit

ALWAYS = to_iso(0)
_PLACE = re.compile(r" - at `\$\.?([^`]*)`$")
_FIELD = re.compile(r"(?:unknown|required) field `([^`]+)`")


@contextmanager
def located(place: str) -> Generator[None]:
    """Errors about a field inside say where the entry stands."""
    try:
        yield
    except UsageError as error:
        raise at(place, error) from error


def at(place: str, error: UsageError) -> UsageError:
    # "id" is the entry's own name, which is no field in a file.
    inner = "" if error.param in (None, "id", "name") else f".{error.param}"
    return type(error)(error.message, remedy=error.remedy, code=error.code, param=f"{place}{inner}")


def read_state(document: Any) -> State:
    """UsageError whose `param` is the place: `targets.mini.base_url`, `budgets[2].limit`."""
    if not isinstance(document, dict):
        raise UsageError(
            "The description is no mapping.", remedy=f"Write sections: {', '.join(SECTIONS)}.", param="state"
        )
    sections = cast("dict[str, Any]", document)
    named: dict[str, Mapping[str, Form]] = {}
    listed: dict[str, tuple[Form, ...]] = {}
    for section, entries in sections.items():
        if section in NAMED:
            named[section] = _read_named(section, entries)
        elif section in LISTED:
            listed[section] = _read_listed(section, entries)
        else:
            raise UsageError(
                f"There is no section {section!r}.", remedy=suggestion(str(section), SECTIONS), param=str(section)
            )
    return State(named, listed)


def _read_named(section: str, entries: Any) -> dict[str, Form]:
    if not isinstance(entries, dict):
        raise UsageError(
            f"{section} is no mapping of names.",
            remedy=f"Write a name for each, or {{}} for none; leave out {section} to say nothing about them.",
            param=section,
        )
    found: dict[str, Form] = {}
    given = cast("dict[Any, Any]", entries)
    for name, raw in given.items():
        place = f"{section}.{name}"
        if not isinstance(name, str):
            raise UsageError(f"The name {name!r} is no text.", remedy="Put it in quotes.", param=place)
        with located(place):
            form = _read(NAMED[section], {} if raw is None else raw, place)
            found[name] = _NORMAL.get(section, _same)(form, name)
    return found


def _read_listed(section: str, entries: Any) -> tuple[Form, ...]:
    if not isinstance(entries, list):
        raise UsageError(
            f"{section} is no list.",
            remedy=f"Write a list, or [] for none; leave out {section} to say nothing about them.",
            param=section,
        )
    found: list[Form] = []
    given = cast("list[Any]", entries)
    for number, raw in enumerate(given):
        place = f"{section}[{number}]"
        with located(place):
            form = _read(LISTED[section], price_forms.with_texts(raw) if section == "prices" else raw, place)
            found.append(_NORMAL.get(section, _same)(form, ""))
    return tuple(found)


def _read(kind: type[Form], raw: Any, place: str) -> Form:
    try:
        return msgspec.convert(raw, kind)
    except msgspec.ValidationError as error:
        message = str(error)
        found, field = _PLACE.search(message), _FIELD.search(message)
        inner = ".".join(match[1] for match in (found, field) if match is not None and match[1]).replace("[...]", "")
        what = message.partition(" - at `")[0]
        remedy = None
        if field is not None and "unknown" in message and found is None:
            remedy = suggestion(field[1], kind.__struct_fields__)
        about = what if field is not None else f"{inner or place.rpartition('.')[2]}: {what}"
        raise UsageError(f"{about}.", remedy=remedy or "Mend that field.", param=inner or None) from error


def _same(form: Form, _: str) -> Form:
    return form


def _target(form: Any, name: str) -> Form:
    model = form.model or name
    return msgspec.structs.replace(
        form,
        model=model,
        upstream_model=form.upstream_model or model,
        base_url=form.base_url.rstrip("/") or None if form.base_url else None,
    )


def _key(form: Any, name: str) -> Form:
    key: KeyForm = form
    return msgspec.structs.replace(
        key,
        name=key.name or name,
        addresses=tuple(map(_network, key.addresses)),
        expires_at=None if key.expires_at is None else _time(key.expires_at, "expires_at"),
    )


def _environment(form: Any, _: str) -> Form:
    ends: str | None = form.expires_at
    return msgspec.structs.replace(form, expires_at=None if ends is None else _time(ends, "expires_at"))


def _network(text: str) -> str:
    try:
        return str(ipaddress.ip_network(text))
    except ValueError:
        return text  # the checks of keys say what is wrong with it


def _time(text: str, param: str) -> str:
    try:
        return to_iso(from_iso(text))
    except (UsageError, OverflowError) as error:
        raise UsageError(
            f"{text[:60]!r} is no time.", remedy="Write it as 2027-01-01T00:00:00Z.", param=param
        ) from error


def _price(form: Any, _: str) -> Form:
    changes = price_forms.normal(form)
    since: str | None = form.valid_from
    if since is not None:
        changes["valid_from"] = ALWAYS if since == "always" else _time(since, "valid_from")
    return msgspec.structs.replace(form, **changes)


def _budget(form: Any, _: str) -> Form:
    return msgspec.structs.replace(form, limit=_limit(form.limit), warn_at=tuple(sorted(set(form.warn_at))))


def _limit(text: str) -> str:
    parsed = parse_limit(text)
    currency = parsed.currency or "USD"
    scope = Scope("tenant", "")
    return show_limit(
        Budget(id="", scope=scope, meter=parsed.meter, limit=parsed.limit, currency=currency, created_us=0)
    )


_NORMAL: Mapping[str, Callable[[Any, str], Form]] = {
    "environments": _environment,
    "targets": _target,
    "keys": _key,
    "experiments": normal_form,
    "prices": _price,
    "budgets": _budget,
}
