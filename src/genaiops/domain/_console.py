"""What people keep of the console, and how groups of an identity provider become rights."""

import msgspec

from genaiops.domain._people import Role


class SavedView(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A page with its filters under a name. `query` is the page's query string; `shared`: others see it too."""

    id: str
    actor_id: str
    page: str
    name: str
    query: str
    shared: bool = False
    created_us: int


class GroupMapping(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What members of a group of an identity provider are here. `id` is the group's name there."""

    id: str
    tenant_id: str = "default"
    team_id: str | None = None
    roles: tuple[Role, ...] = ()
    created_us: int
