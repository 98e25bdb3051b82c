"""Fields of forms: what people typed as values, and values as they are typed."""

from collections.abc import Iterable
from typing import TypeVar

import msgspec

from genaiops.console._visit import Form
from genaiops.core.errors import UsageError
from genaiops.hub import Why

Missing = TypeVar("Missing")


def whole_of(form: Form, name: str, missing: Missing = None) -> int | Missing:
    """`missing` for an empty field. UsageError unless it is a whole number."""
    text = form.get(name, "").strip()
    if not text:
        return missing
    if not text.replace(",", "").isdecimal():
        raise UsageError(f"{_plain(name)} is {text!r}.", remedy="Use a whole number.", param=name)
    return int(text.replace(",", ""))


def decimal_of(form: Form, name: str, missing: Missing) -> float | Missing:
    """Likewise with a fraction: seconds."""
    text = form.get(name, "").strip()
    if not text:
        return missing
    try:
        return float(text)
    except ValueError:
        raise UsageError(f"{_plain(name)} is {text!r}.", remedy="Use a number, such as 2.5.", param=name) from None


def texts(entity: msgspec.Struct, names: Iterable[str]) -> dict[str, str]:
    """Fields of an entity as a form shows them; None is an empty field."""
    return {name: typed(getattr(entity, name)) for name in names}


def typed(value: object) -> str:
    if value is None:
        return ""
    return f"{value:g}" if isinstance(value, float) else str(value)


def _plain(name: str) -> str:
    what, _, of = name.partition(":")
    return f"The {what.replace('_', ' ')}{' of ' + of if of else ''}"


def why_of(form: Form) -> Why:
    """What the fields say to whoever has to consent to a protected change."""
    return Why(reason=form.get("reason", "").strip(), emergency=form.get("emergency", "").strip() or None)
