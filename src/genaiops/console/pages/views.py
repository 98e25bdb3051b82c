"""Saved views: the sidebar's links to pages with their filters."""

from typing import Any

from litestar import Response, post

from genaiops.console._undo import Undo
from genaiops.console._visit import Visiting, field, own_path, redirect
from genaiops.core.errors import GenaiopsError
from genaiops.domain import SavedView


@post("/views", sync_to_thread=True)
def save(visit: Visiting) -> Response[None]:
    page, query = own_path(field(visit.form, "page")), visit.form.get("query", "")
    views, by = visit.services.hub.views, visit.actor.id
    try:
        saved = views.create(page, query, field(visit.form, "name"), shared="shared" in visit.form, by=by)
    except GenaiopsError as error:
        visit.complain(error)
        return redirect(f"{page}?{query}")
    visit.say(f"The view {saved.name} is saved; the sidebar has it.")
    return redirect(_place(saved))


@post("/views/change", sync_to_thread=True)
def change(visit: Visiting) -> Response[None]:
    view_id, shared = field(visit.form, "id"), visit.form.get("shared")
    views = visit.services.hub.views
    place = _place(views.get(view_id))
    try:
        changed = views.change(
            view_id, name=visit.form.get("name"), shared=None if shared is None else shared == "yes", by=visit.actor.id
        )
    except GenaiopsError as error:
        visit.complain(error)
        return redirect(place)
    if shared is None:
        visit.say(f"The view is called {changed.name} now.")
    else:
        visit.say(f"The view {changed.name} is {'for everybody' if changed.shared else 'yours alone'}.")
    return redirect(place)


@post("/views/remove", sync_to_thread=True)
def remove(visit: Visiting) -> Response[None]:
    views, by = visit.services.hub.views, visit.actor.id
    gone = views.remove(field(visit.form, "id"), by=by)
    back = Undo(
        "read",
        lambda: views.create(gone.page, gone.query, gone.name, shared=gone.shared, by=by),
        f"The view {gone.name} is there again.",
    )
    visit.say(f"The view {gone.name} is gone.", undo=back)
    return redirect(_place(gone))


def _place(view: SavedView) -> str:
    return f"{view.page}?{view.query}" if view.query else view.page


HANDLERS: list[Any] = [save, change, remove]
