"""The audit log: what happened, what it changed, what is signed, and whether it holds."""

from collections.abc import Mapping
from typing import Any

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath

from genaiops.console._visit import Chip, Visit, Visiting, redirect
from genaiops.core.errors import UsageError
from genaiops.domain import Actor, ApiKey, Approval, AuditEvent, Budget, RateLimit, SavedView
from genaiops.govern import Report, explain, verify
from genaiops.ports.audit import AuditFilter
from genaiops.ports.records import COLLECTIONS, View

_PLACE = "/settings/audit"
_PAGE = 50
_HOUR_US = 3_600_000_000
_SINCE = {"1h": _HOUR_US, "24h": 24 * _HOUR_US, "7d": 168 * _HOUR_US, "30d": 720 * _HOUR_US}
_FILTERS = ("actor", "action", "collection", "entity", "since")


class Line(msgspec.Struct, frozen=True):
    """An event, what people call who did it, and what they call that which it was about (None: by its id)."""

    event: AuditEvent
    who: str
    name: str | None = None


@get(_PLACE, sync_to_thread=True)
def show(visit: Visiting) -> Response[str]:
    visit.require("audit")
    return _page(visit, None)


@post(_PLACE, sync_to_thread=True)
def check(visit: Visiting) -> Response[Any]:
    """Verify or sign, whichever button it was."""
    visit.require("audit")
    auditor = visit.services.auditor
    if visit.form.get("do") == "sign":
        made = auditor.checkpoint()
        visit.say("There is nothing to sign yet." if made is None else f"The log is signed up to event {made.size}.")
        return redirect(visit.link(_PLACE))
    with visit.services.stores.records.read() as view:
        report = verify(view.audit)
    about = {"size": report.size, "root": report.root, "found": report.found}
    auditor.note("verify", "audit", "log", about, by=visit.actor.id)
    return _page(visit, report)


@get(_PLACE + "/{seq:int}", sync_to_thread=True)
def one(visit: Visiting, seq: FromPath[int]) -> Response[str]:
    visit.require("audit")
    with visit.services.stores.records.read() as view:
        found = explain(view.audit, seq)
    return visit.page(
        "audit_event.html",
        title=f"Event {seq}",
        nav="settings",
        line=_named(visit, [found.event])[0],
        former=found.former,
        erased=found.erased,
        differences=found.differences,
    )


def _page(visit: Visit, report: Report | None) -> Response[str]:
    since = visit.query.get("since")
    where = AuditFilter(
        actor_id=_actor_id(visit, visit.query.get("actor")),
        action=visit.query.get("action"),
        collection=visit.query.get("collection"),
        entity_id=visit.query.get("entity"),
        since_us=None if since is None else visit.now_us - _SINCE.get(since, visit.now_us),
    )
    with visit.services.stores.records.read() as view:
        size = view.audit.size()
        found = list(view.audit.find(where, before=_before(visit), limit=_PAGE + 1))
        collections = [
            *view.audit.collections(),
            "audit",
            "installation",
            "permissions",
            "secrets",
            "sessions",
            "state",
        ]
    chips = [
        Chip(name, visit.query[name], visit.same(**{name: None, "cursor": None}))
        for name in _FILTERS
        if name in visit.query
    ]
    return visit.page(
        "audit.html",
        title="Audit log",
        nav="settings",
        knows=(*_FILTERS, "cursor"),
        size=size,
        lines=_named(visit, found[:_PAGE]),
        next=visit.same(cursor=str(found[_PAGE - 1].seq)) if len(found) > _PAGE else None,
        chips=chips,
        collections=sorted(collections),
        report=report,
        checkpoint=visit.services.auditor.latest,
        verifier=visit.services.auditor.verifier(),
    )


def _before(visit: Visit) -> int | None:
    text = visit.query.get("cursor")
    if text is None:
        return None
    if not text.isascii() or not text.isdigit() or len(text) > 18:
        raise UsageError("The address has a cursor that is none.", remedy="Begin with the first page.")
    return int(text)


def _actor_id(visit: Visit, text: str | None) -> str | None:
    """People are found by their names, too."""
    if text is None:
        return None
    with visit.services.stores.records.read() as view:
        named = view.find(Actor, {"name": text}, limit=1)
    return named[0].id if named else text


def _named(visit: Visit, events: list[AuditEvent]) -> list[Line]:
    names = {actor_id: visit.name_of(actor_id) for actor_id in {event.actor_id for event in events}}
    with visit.services.stores.records.read() as view:
        about = {place: _called(view, *place) for place in {(event.collection, event.entity_id) for event in events}}
    return [Line(event, names[event.actor_id], about[event.collection, event.entity_id]) for event in events]


def _called(view: View, collection: str, entity_id: str) -> str | None:
    """The name of a key or a person, what a budget is on; as it is now, and nothing of what is gone."""
    noun = _NAMED.get(collection)
    found = None if noun is None else view.get(noun, entity_id)
    if isinstance(found, (Budget, RateLimit)):
        key = view.get(ApiKey, found.scope.id) if found.scope.kind == "key" else None
        return f"{found.scope.kind} {key.name if key is not None else found.scope.id}"
    if isinstance(found, Approval):
        return found.subject
    return found.name if isinstance(found, (Actor, ApiKey, SavedView)) else None


_NAMED: Mapping[str, type[Actor | ApiKey | Approval | Budget | RateLimit | SavedView]] = {
    COLLECTIONS[noun].name: noun for noun in (Actor, ApiKey, Approval, Budget, RateLimit, SavedView)
}


HANDLERS: list[Any] = [show, check, one]
