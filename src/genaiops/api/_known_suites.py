"""Whether the Hub keeps a suite of a name, for whoever asks."""

from collections.abc import Iterable

from genaiops.api._access import Caller
from genaiops.api._services import Services
from genaiops.core.errors import NotFound
from genaiops.core.suggesting import suggestion
from genaiops.hub import Wanted


def check_kept(services: Services, caller: Caller, name: str, others: Iterable[str] = ()) -> None:
    """NotFound unless it is there and the caller may see it, or it is one of the `others`; with the nearest name."""
    names = {each.name for each in services.hub.artifacts.find(Wanted(kind="suite"), caller.actor)} | set(others)
    if name not in names:
        near = suggestion(name, names)
        raise NotFound(f"There is no suite {name[:80]!r}.", remedy=f"{near} See: genaiops suite list", param="suite")
