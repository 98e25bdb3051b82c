"""Saved views: pages of the console with their filters, under a name."""

from collections.abc import Sequence
from urllib.parse import urlsplit

import msgspec

from genaiops.core.errors import Conflict, Forbidden, UsageError
from genaiops.core.ids import new_id
from genaiops.domain import SavedView
from genaiops.hub._service import Clock, Service
from genaiops.hub._validation import every
from genaiops.ports.records import Records, View

_LONGEST_NAME = 80
_LONGEST_QUERY = 2_000
_MOST = 200


class SavedViews(Service[SavedView]):
    """Of a person; what is shared everybody sees, and only who saved it changes it."""

    def __init__(self, records: Records, clock: Clock) -> None:
        super().__init__(records, clock, SavedView, "saved view")

    def seen_by(self, actor_id: str) -> Sequence[SavedView]:
        """One's own first, then those that others share; each by name."""
        with self._records.read() as view:
            found = [each for each in every(view, SavedView) if each.shared or each.actor_id == actor_id]
        return sorted(found, key=lambda each: (each.actor_id != actor_id, each.name.lower(), each.id))

    def create(self, page: str, query: str, name: str, *, shared: bool = False, by: str) -> SavedView:
        """`page` is a path of the console, `query` its query string. Conflict: one's own view has that name."""
        parts = urlsplit(page)
        if not page.startswith("/") or page.startswith("//") or parts.scheme or parts.netloc or parts.query:
            raise UsageError(f"{page[:80]!r} is no page.", remedy="Give its path, such as /traces.", param="page")
        if len(query) > _LONGEST_QUERY or not query.isprintable():
            raise UsageError("The filters are too long to save.", remedy="Take some away.", param="query")
        with self._records.write(by) as unit:
            if unit.count(SavedView, {"actor_id": by}) >= _MOST:
                raise Conflict(f"You have {_MOST} views.", remedy="Delete some first.", code="too_many_views")
            saved = SavedView(
                id=new_id("view"),
                actor_id=by,
                page=page,
                name=_checked(unit, name, by),
                query=query,
                shared=shared,
                created_us=self._clock(),
            )
            unit.add(saved)
        return saved

    def change(self, view_id: str, *, name: str | None = None, shared: bool | None = None, by: str) -> SavedView:
        with self._records.write(by) as unit:
            former = self._own(unit, view_id, by)
            changed = msgspec.structs.replace(
                former,
                name=former.name if name is None or name.strip() == former.name else _checked(unit, name, by),
                shared=former.shared if shared is None else shared,
            )
            if changed != former:
                unit.replace(changed)
        return changed

    def remove(self, view_id: str, *, by: str) -> SavedView:
        """What it was."""
        with self._records.write(by) as unit:
            gone = self._own(unit, view_id, by)
            unit.remove(SavedView, view_id)
        return gone

    def _own(self, view: View, view_id: str, by: str) -> SavedView:
        found = self._existing(view, view_id)
        if found.actor_id != by:
            raise Forbidden(f"The view {found.name!r} is another person's.", remedy="Save one of your own.")
        return found


def _checked(view: View, name: str, by: str) -> str:
    name = name.strip()
    if not name or len(name) > _LONGEST_NAME or not name.isprintable():
        raise UsageError(
            "The view has no name." if not name else f"{name[:40]!r} cannot be the name of a view.",
            remedy=f"Use 1 to {_LONGEST_NAME} characters on one line.",
            param="name",
        )
    if any(each.name == name for each in every(view, SavedView, {"actor_id": by})):
        raise Conflict(f"You have a view {name!r} already.", remedy="Choose another name.", code="name_taken")
    return name
