"""Records: the nouns that people and programs change (keys, teams, targets, routes, prices, budgets, artifacts ...).

One collection per noun. Every write happens in a Unit, which is one serialised transaction: either all of it is there
afterwards, with one Change per add, replace and remove, or nothing is. The highest change number is the version of the
records (and of the Snapshot made from them). Every change is an event of the audit log as well, and
so is what is noted.
"""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Literal, Protocol, TypeVar

import msgspec

from genaiops.domain import (
    Actor,
    Alert,
    Alias,
    ApiKey,
    Application,
    Approval,
    Artifact,
    BiasFinding,
    Budget,
    Deployment,
    Edge,
    Environment,
    Experiment,
    GroupMapping,
    IdentityIssuer,
    Item,
    Machine,
    Price,
    Queue,
    RateLimit,
    Release,
    Route,
    SavedView,
    Target,
    Task,
    Team,
    Tenant,
    Version,
)
from genaiops.ports.audit import AuditUnit, AuditView


class Collection(msgspec.Struct, frozen=True):
    """How a noun is stored: the collection's name and the fields that can be searched for (columns with an index).

    `scope.id` is the field `id` of the field `scope`.
    """

    name: str
    index: tuple[str, ...] = ()
    unique: tuple[str, ...] = ()


COLLECTIONS: Mapping[type, Collection] = {
    Tenant: Collection("tenants"),
    Team: Collection("teams", ("tenant_id",)),
    Environment: Collection("environments", ("tenant_id",)),
    Actor: Collection("actors", ("tenant_id", "team_id", "kind"), ("name",)),
    ApiKey: Collection("keys", ("actor_id", "team_id", "environment_id", "name", "guard"), ("digest",)),
    IdentityIssuer: Collection("issuers"),
    Target: Collection("targets", ("model", "provider")),
    Route: Collection("routes"),
    Price: Collection("prices", ("provider", "model")),
    Budget: Collection("budgets", ("scope.kind", "scope.id")),
    RateLimit: Collection("rate_limits", ("scope.kind", "scope.id")),
    Artifact: Collection("artifacts", ("kind",)),
    Version: Collection("versions", ("artifact_id",)),
    Alias: Collection("aliases", ("artifact_id",)),
    Machine: Collection("machines"),
    Application: Collection("applications", ("tenant_id", "team_id")),
    Release: Collection("releases", ("application_id",)),
    Deployment: Collection("deployments", ("application_id", "environment_id")),
    Approval: Collection("approvals", ("tenant_id", "subject", "state")),
    Edge: Collection("edges", ("source", "target")),
    Task: Collection("tasks", ("tenant_id", "queue", "state")),
    BiasFinding: Collection("findings", ("tenant_id", "state")),
    Alert: Collection("alerts", ("tenant_id", "kind", "subject", "state")),
    SavedView: Collection("views", ("actor_id", "page")),
    GroupMapping: Collection("group_mappings", ("tenant_id",)),
    Queue: Collection("queues", ("tenant_id", "state")),
    Item: Collection("queue_items", ("queue_id", "state", "source")),
    Experiment: Collection("experiments", ("tenant_id", "application_id", "environment_id", "state")),
}
"""Every stored noun has `id: str`. Changing this mapping needs a migration."""

T = TypeVar("T")

Action = Literal["add", "replace", "remove"]


class Change(msgspec.Struct, frozen=True):
    """One entity changed: `body` is its JSON afterwards (None when removed). `seq` counts all from 1 without gaps."""

    seq: int
    at_us: int
    actor_id: str
    action: Action
    collection: str
    entity_id: str
    body: bytes | None


class View(Protocol):
    def get(self, noun: type[T], entity_id: str) -> T | None: ...

    def find(
        self,
        noun: type[T],
        where: Mapping[str, str | None] | None = None,
        *,
        after: str | None = None,
        limit: int = 1000,
    ) -> list[T]:
        """Entities in order of id (by bytes), those with id > `after`. `where` names the id and indexed or unique
        fields, anything else is a ValueError."""
        ...

    def count(self, noun: type[Any], where: Mapping[str, str | None] | None = None) -> int: ...

    def version(self) -> int:
        """The highest change number, 0 when nothing was ever written."""
        ...

    def changes(self, after: int, *, limit: int = 1000) -> list[Change]: ...

    def history(self, noun: type[Any], entity_id: str, *, limit: int = 1000) -> list[Change]:
        """The newest changes of one entity, newest first, also of one that was removed."""
        ...

    @property
    def audit(self) -> AuditView: ...


class Unit(View, Protocol):
    def add(self, entity: Any) -> None:
        """Conflict when the id or a unique field is taken already (the message names which)."""
        ...

    def add_all(self, entities: Sequence[Any]) -> None:
        """As `add` for each in order, and fast for a hundred thousand."""
        ...

    def replace(self, entity: Any) -> None:
        """NotFound when there is none with that id, Conflict when a unique field is taken by another."""
        ...

    def remove(self, noun: type[Any], entity_id: str) -> None:
        """NotFound when there is none with that id."""
        ...

    def note(self, action: str, collection: str, entity_id: str, payload: Any = None) -> None:
        """An event of the audit log that changes no record, and so not the version: a sign-in, a refusal, an export.

        `payload` is anything that JSON can hold; it is committed to, and can be erased."""
        ...

    @property
    def audit(self) -> AuditUnit: ...


class Records(Protocol):
    """Safe to use from several threads and processes. StoreError when it cannot be used (locked, full, newer)."""

    def read(self) -> AbstractContextManager[View]:
        """A consistent view."""
        ...

    def write(self, actor_id: str) -> AbstractContextManager[Unit]:
        """A serialised write transaction: commits at the end of the block, rolls back on an exception."""
        ...

    def migrate(self) -> Sequence[str]:
        """Bring the store to this program's revision; the revisions applied. StoreError when the store is newer."""
        ...

    def close(self) -> None: ...
