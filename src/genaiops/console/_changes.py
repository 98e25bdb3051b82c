"""What was changed in the records lately, in words."""

import re
from collections.abc import Sequence
from typing import Any

import msgspec

from genaiops.console._charts import Mark
from genaiops.domain import Actor, ApiKey
from genaiops.ports.records import Change, Records, View

_WORDS = {
    "keys": "key",
    "targets": "target",
    "routes": "route",
    "prices": "price",
    "budgets": "budget",
    "rate_limits": "rate limit",
    "environments": "environment",
    "teams": "team",
    "actors": "actor",
    "issuers": "identity issuer",
    "artifacts": "artifact",
    "versions": "version",
    "aliases": "alias",
    "tenants": "tenant",
    "group_mappings": "group",
    "applications": "application",
    "releases": "release",
    "deployments": "deployment",
}
_DONE = {"add": "added", "replace": "changed", "remove": "removed"}
_SERVED = frozenset({"targets", "routes", "aliases", "environments", "deployments"})
_LOOKED_AT = 400
_DIGEST = re.compile(r"sha256:([0-9a-f]{8})[0-9a-f]+")
"""Eight digits tell versions apart; all of them are wider than a page."""


class Recent(msgspec.Struct, frozen=True):
    at_us: int
    who: str
    what: str
    collection: str


def recent_changes(records: Records, *, limit: int = 8) -> Sequence[Recent]:
    """Newest first. Changes of the first start, short-lived keys of the playground, saved views and lineage are left
    out."""
    with records.read() as view:
        last = view.version()
        changes = view.changes(max(0, last - _LOOKED_AT), limit=_LOOKED_AT)
        wanted = [each for each in reversed(changes) if each.actor_id != "bootstrap" and not _aside(each)][:limit]
        return [_described(each, view) for each in wanted]


def marks(records: Records, since_us: int) -> Sequence[Mark]:
    """Changes of what is served, for the charts: at most one a minute, so that they can be told apart."""
    found: dict[int, Mark] = {}
    for each in recent_changes(records, limit=_LOOKED_AT):
        if each.at_us >= since_us and each.collection in _SERVED:
            found.setdefault(each.at_us // 60_000_000, Mark(each.at_us, each.what))
    return list(found.values())


def _aside(change: Change) -> bool:
    """Keys of the playground, and what says nothing of what runs."""
    if change.collection in ("views", "edges"):
        return True
    return change.collection == "keys" and str(_body(change).get("name", "")).startswith("playground/")


def _described(change: Change, view: View) -> Recent:
    word = _WORDS.get(change.collection, change.collection)
    body = _body(change)
    scope = body.get("scope")
    name = _scoped(scope, view) if scope else body.get("name") if change.collection in {"keys", "actors"} else None
    done = _DONE[change.action]
    if change.collection == "keys" and body.get("revoked_us"):
        done = "revoked"
    actor = view.get(Actor, change.actor_id)
    who = actor.name if actor is not None else change.actor_id
    called = _DIGEST.sub(r"\1", str(name or change.entity_id))
    what = f"{word} {'of the ' if scope else ''}{called} {done}"
    return Recent(change.at_us, who, what, change.collection)


def _scoped(scope: Sequence[str], view: View) -> str:
    kind, of = scope
    key = view.get(ApiKey, of) if kind == "key" else None
    return f"{kind} {of if key is None else key.name}"


def _body(change: Change) -> dict[str, Any]:
    return msgspec.json.decode(change.body, type=dict[str, Any]) if change.body else {}
