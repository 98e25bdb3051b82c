"""How an installation is, as a file says it."""

from collections.abc import Sequence
from typing import Any, cast

import msgspec

from genaiops.core.clock import to_iso
from genaiops.hub._forms import EXPORTED, Form, State, document_of
from genaiops.hub._hub import Hub
from genaiops.hub._present import present
from genaiops.hub._targets import masked


def export(hub: Hub, sections: Sequence[str] = EXPORTED) -> dict[str, Any]:
    """The present state as a file says it: of prices the lines in force and those to come; targets whose address this
    installation keeps by itself are left out. No secret is in it."""
    with hub.records.read() as view:
        found = present(view, sections)
    named = dict(found.state.named)
    if "targets" in named:
        named["targets"] = {name: _masked(form) for name, form in named["targets"].items() if name not in found.own}
    listed = dict(found.state.listed)
    if "prices" in listed:
        listed["prices"] = _prices_in_force(listed["prices"], to_iso(hub.clock()))
    document = document_of(State(named, listed))
    # Ids would give an order that says nothing and is another one elsewhere.
    return _without_said_twice({section: _in_order(entries) for section, entries in document.items()})


def _masked(form: Any) -> Form:
    return msgspec.structs.replace(form, proxy=masked(form.proxy))


def _prices_in_force(forms: Sequence[Any], at_iso: str) -> tuple[Any, ...]:
    begun: dict[tuple[str, str], str] = {}
    for form in forms:
        if form.valid_from <= at_iso:
            line = form.provider, form.model
            begun[line] = max(begun.get(line, ""), form.valid_from)
    return tuple(form for form in forms if form.valid_from >= begun.get((form.provider, form.model), ""))


def _in_order(entries: Any) -> Any:
    if isinstance(entries, dict):
        return dict(sorted(cast("dict[str, Any]", entries).items()))
    return sorted(entries, key=lambda entry: msgspec.json.encode(entry, order="sorted"))


def _without_said_twice(document: dict[str, Any]) -> dict[str, Any]:
    """A name that says what the entry's own name says is left out."""
    for name, target in document.get("targets", {}).items():
        if target["upstream_model"] == target["model"]:
            del target["upstream_model"]
        if target["model"] == name:
            del target["model"]
    for name, key in document.get("keys", {}).items():
        if key["name"] == name:
            del key["name"]
    for price in document.get("prices", ()):
        if price["valid_from"] == to_iso(0):
            price["valid_from"] = "always"
    return document
