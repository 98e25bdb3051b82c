"""What was changed in the records lately, in words."""

from collections.abc import Sequence
from typing import Any

import msgspec

from genaiops.console._charts import Mark
from genaiops.domain import Actor
from genaiops.ports.records import Change, Records

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
}
_DONE = {"add": "added", "replace": "changed", "remove": "removed"}
_SERVED = frozenset({"targets", "routes", "aliases", "environments"})
_LOOKED_AT = 400


class Recent(msgspec.Struct, frozen=True):
    at_us: int
    who: str
    what: str
    collection: str


def recent_changes(records: Records, *, limit: int = 8) -> Sequence[Recent]:
    """Newest first. Changes of the first start and short-lived keys of the playground are left out."""
    with records.read() as view:
        last = view.version()
        changes = view.changes(max(0, last - _LOOKED_AT), limit=_LOOKED_AT)
        wanted = [each for each in reversed(changes) if each.actor_id != "bootstrap" and not _playground(each)][:limit]
        return [_described(each, view.get(Actor, each.actor_id)) for each in wanted]


def marks(records: Records, since_us: int) -> Sequence[Mark]:
    """Changes of what is served, for the charts: at most one a minute, so that they can be told apart."""
    found: dict[int, Mark] = {}
    for each in recent_changes(records, limit=_LOOKED_AT):
        if each.at_us >= since_us and each.collection in _SERVED:
            found.setdefault(each.at_us // 60_000_000, Mark(each.at_us, each.what))
    return list(found.values())


def _playground(change: Change) -> bool:
    return change.collection == "keys" and str(_body(change).get("name", "")).startswith("playground/")


def _described(change: Change, actor: Actor | None) -> Recent:
    word = _WORDS.get(change.collection, change.collection)
    body = _body(change)
    scope = body.get("scope")
    name = " ".join(scope) if scope else body.get("name") if change.collection in {"keys", "actors"} else None
    done = _DONE[change.action]
    if change.collection == "keys" and body.get("revoked_us"):
        done = "revoked"
    who = actor.name if actor is not None else change.actor_id
    what = f"{word} {'of the ' if scope else ''}{name or change.entity_id} {done}"
    return Recent(change.at_us, who, what, change.collection)


def _body(change: Change) -> dict[str, Any]:
    return msgspec.json.decode(change.body, type=dict[str, Any]) if change.body else {}
