"""The teams, keys and the budget that the demonstration calls with. Making them again changes nothing but secrets."""

from typing import Any

from genaiops.cli._demo_prompts import SMALL_BUDGET, read_prompts
from genaiops.cli._session import Session
from genaiops.core.errors import Conflict
from genaiops.sdk import path_of

PREFIX = "demo-"
_ENVIRONMENT = "dev"
_SMALL_LIMIT = "1 token"


def make_keys(session: Session) -> dict[str, str]:
    """Name of a key -> its secret. A key that is there gets a new secret, since the former cannot be read."""
    for name, prompts in read_prompts().items():
        try:
            session.write("POST", "/api/teams", {"name": name, "title": prompts.title})
        except Conflict:
            pass  # of an earlier run, or a team of that name that was there before
    there = {key["name"]: key for key in keys_in_use(session)}
    secrets: dict[str, str] = {}
    for name, prompts in read_prompts().items():
        made = _make_key(session, there, PREFIX + name, team_id=name, application=prompts.application)
        secrets[PREFIX + name] = made["secret"]
    small = _make_key(session, there, SMALL_BUDGET, team_id="support", application="helpdesk")
    secrets[SMALL_BUDGET] = small["secret"]
    _limit(session, small["id"])
    return secrets


def remove_keys(session: Session) -> list[dict[str, Any]]:
    """Revoke the demonstration's keys and remove the budgets on them; the keys that were revoked."""
    keys = keys_in_use(session)
    ids = {key["id"] for key in keys}
    for budget in session.items("/api/budgets"):
        if budget["scope"]["kind"] == "key" and budget["scope"]["id"] in ids:
            session.write("DELETE", path_of("/api/budgets", budget["id"]))
    return [session.write("DELETE", path_of("/api/keys", key["id"])) for key in keys]


def keys_in_use(session: Session) -> list[dict[str, Any]]:
    return [
        key
        for key in session.client.pages("/api/keys", {"environment_id": _ENVIRONMENT})
        if key["name"].startswith(PREFIX) and key["state"] == "active"
    ]


def _make_key(session: Session, there: dict[str, dict[str, Any]], name: str, **fields: str) -> dict[str, Any]:
    former = there.get(name)
    if former is not None:
        return session.write("POST", path_of("/api/keys", former["id"], "rotate"), {"overlap_seconds": 0})
    return session.write("POST", "/api/keys", {"name": name, "environment_id": _ENVIRONMENT, **fields})


def _limit(session: Session, key_id: str) -> None:
    """A budget that no call fits into."""
    scope = {"kind": "key", "id": key_id}
    if not any(budget["scope"] == scope for budget in session.items("/api/budgets")):
        session.write("POST", "/api/budgets", {"scope": scope, "limit": _SMALL_LIMIT, "period": "day", "hard": True})
