"""Playground: a call from the page through the public model API, with a key that lives for minutes."""

from typing import Any

from litestar import Response, get, post

from genaiops.console._sessions import PlaygroundKey
from genaiops.console._visit import HEADERS, Visit, Visiting
from genaiops.core.errors import UsageError
from genaiops.hub import NewKey

KEY_SECONDS = 15 * 60
_RENEW_US = 120 * 1_000_000


@get("/playground", sync_to_thread=True)
def show(visit: Visiting) -> Response[str]:
    return visit.page(
        "playground.html",
        title="Playground",
        nav="playground",
        models=models(visit),
        model=visit.query.get("model", ""),
        may_call=visit.can("playground"),
    )


@post("/playground/key", sync_to_thread=True, status_code=200)
def key(visit: Visiting) -> Response[dict[str, Any]]:
    """A key for model calls alone, of who is logged in; the same one until it is nearly over."""
    visit.require("playground")
    environment = visit.environment or _first_environment(visit)
    held = visit.session.playground
    if held is None or held.environment_id != environment or held.expires_us - visit.now_us < _RENEW_US:
        if held is not None:
            visit.services.hub.keys.revoke(held.key_id, by=visit.actor.id)
        held = _mint(visit, environment)
        visit.session.playground = held
        visit.services.publisher.wait(visit.services.publisher.publish())
    answer = {"key": held.text, "expires_us": held.expires_us, "environment": held.environment_id}
    return Response(answer, headers=HEADERS)


def models(visit: Visit) -> list[str]:
    """Names that chat: routes first, then targets that are on."""
    hub = visit.services.hub
    targets = {target.id: target for target in hub.targets.list()}
    chats = {name for name, target in targets.items() if target.enabled and "chat" in target.operations}
    routes = [route.id for route in hub.routes.list() if any(each.target_id in chats for each in route.targets)]
    return list(dict.fromkeys([*routes, *sorted(targets[name].model for name in chats)]))


def _first_environment(visit: Visit) -> str:
    names = [environment.id for environment in visit.environments() if environment.tenant_id == visit.actor.tenant_id]
    if not names:
        raise UsageError("There is no environment.", remedy="Make one first.")
    return "dev" if "dev" in names else names[0]


def _mint(visit: Visit, environment: str) -> PlaygroundKey:
    expires_us = visit.now_us + KEY_SECONDS * 1_000_000
    new = NewKey(
        name=f"playground/{visit.actor.name}",
        actor_id=visit.actor.id,
        environment_id=environment,
        scopes=("calls",),
        expires_us=expires_us,
    )
    made, text = visit.services.hub.keys.create(new, by=visit.actor.id)
    return PlaygroundKey(made.id, text, environment, expires_us)


HANDLERS: list[Any] = [show, key]
