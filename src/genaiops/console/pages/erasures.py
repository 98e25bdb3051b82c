"""Erasing an end user: what would go, typing the name again, and what became of it."""

from typing import Any

from litestar import Response, get, post

from genaiops.console._visit import Visit, Visiting, field, redirect
from genaiops.core.errors import GenaiopsError, UsageError
from genaiops.domain import Person
from genaiops.hub import reach_of


@get("/user/erase", sync_to_thread=True)
def ask(visit: Visiting) -> Response[str]:
    visit.require("erase")
    name = visit.query.get("id")
    if not name:
        raise UsageError("The address names no user.", remedy="Choose one at /users.", param="id")
    return visit.page(
        "erase.html",
        title="Erase a user",
        nav="users",
        knows=("id",),
        name=name,
        foreseen=visit.services.erasing.foresee(_person(visit, name)),
    )


@post("/user/erase", sync_to_thread=True)
def begin(visit: Visiting) -> Response[None]:
    visit.require("erase")
    name = visit.form.get("id", "")
    try:
        if visit.form.get("typed", "") != name:
            raise UsageError("What was typed is not the user's id; nothing was erased.", remedy="Type it again.")
        erasure = visit.services.erasing.begin(_person(visit, name), field(visit.form, "reason"), by=visit.actor.id)
    except GenaiopsError as error:
        visit.complain(error)
        return redirect(visit.link("/user/erase", id=name))
    visit.say(f"{erasure.id} has begun. It goes on by itself; this page says how far it is.")
    return redirect(visit.link("/erasures"))


@get("/erasures", sync_to_thread=True)
def show(visit: Visiting) -> Response[str]:
    visit.require("read")
    own = reach_of(visit.services.hub, visit.actor, None).tenant_id
    found = [each for each in visit.services.erasing.list() if own in (None, each.tenant_id)]
    return visit.page(
        "erasures.html",
        title="Erasures",
        nav="users",
        erasures=found,
        names={each.begun_by: visit.name_of(each.begun_by) for each in found},
    )


def _person(visit: Visit, name: str) -> Person:
    return Person(name, reach_of(visit.services.hub, visit.actor, None).tenant_id)


HANDLERS: list[Any] = [ask, begin, show]
