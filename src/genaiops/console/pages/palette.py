"""What the command palette finds by name, beside the pages it knows."""

from collections.abc import Iterator
from typing import Any

import msgspec
from litestar import Response, get

from genaiops.console._visit import HEADERS, Visit, Visiting
from genaiops.hub import may_see

MOST = 12


class Place(msgspec.Struct, frozen=True):
    text: str
    href: str


@get("/places", sync_to_thread=True)
def find(visit: Visiting) -> Response[bytes]:
    """Applications, artifacts, routes, targets and keys whose names hold every word; those that begin so first."""
    typed = visit.query.get("q", "").strip()[:200]
    asked = typed.casefold()
    words = asked.split()
    found = [each for each in _places(visit) if all(word in each.text.casefold() for word in words)] if words else []
    key = visit.key_id(typed)
    if key != typed:
        found.insert(0, Place(f"Key {typed}", visit.link("/traces", key=key)))
    found.sort(key=lambda each: not each.text.partition(" ")[2].casefold().startswith(asked))
    return Response(msgspec.json.encode(found[:MOST]), media_type="application/json", headers=HEADERS)


def _places(visit: Visit) -> Iterator[Place]:
    hub = visit.services.hub
    for application in hub.applications.list():
        yield Place(f"Application {application.id}", visit.link(f"/releases/{application.id}"))
    for experiment in hub.experiments.list():
        yield Place(f"Experiment {experiment.id}", visit.link(f"/arena/experiments/{experiment.id}"))
    for artifact in hub.artifacts.list():
        if may_see(visit.actor, artifact):
            yield Place(f"{artifact.kind.capitalize()} {artifact.name}", visit.link(f"/hub/{artifact.id}"))
    for route in hub.routes.list():
        yield Place(f"Route {route.id}", visit.link(f"/gateway/routes/{route.id}"))
    for target in hub.targets.list():
        yield Place(f"Target {target.id}", visit.link(f"/gateway/targets/{target.id}"))


HANDLERS: list[Any] = [find]
