"""Records as one business unit sees them: what others own is not there, and cannot be made, changed or removed.

Shared by all are targets, routes, prices, issuers and what the Hub's repository holds; of the latter only the unit that
made an artifact adds versions to it or moves its aliases.
"""

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar, cast

import msgspec

from genaiops.core.errors import Forbidden, NotFound
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
    Item,
    Queue,
    RateLimit,
    Release,
    SavedView,
    Scope,
    Task,
    Team,
    Tenant,
    Version,
)
from genaiops.hub._access import ORGANISATION_TENANT
from genaiops.ports.audit import AuditUnit, AuditView
from genaiops.ports.records import Change, Records, Unit, View

T = TypeVar("T")
_PAGE = 1000

_OWN = (
    Team,
    Environment,
    Actor,
    ApiKey,
    Application,
    Approval,
    GroupMapping,
    Task,
    Alert,
    BiasFinding,
    Queue,
    Item,
    Experiment,
)
"""Nouns that say themselves whose they are, and that nobody else sees."""

_OWN_ARTIFACTS = ("use-case/", "report/kpi/")
"""Artifacts are seen by all units, but for what one unit is in business for, and its figures."""
_SHARED_WRITES = (Edge, SavedView)
_SCOPES: Mapping[str, type[Any]] = {
    "key": ApiKey,
    "team": Team,
    "environment": Environment,
    "application": Application,
}


class ConfinedRecords:
    """`Records` for people of one tenant."""

    def __init__(self, records: Records, tenant_id: str) -> None:
        self._records = records
        self._tenant_id = tenant_id

    @contextmanager
    def read(self) -> Generator[View]:
        with self._records.read() as view:
            yield _ConfinedView(view, self._tenant_id)

    @contextmanager
    def write(self, actor_id: str) -> Generator[Unit]:
        with self._records.write(actor_id) as unit:
            yield _ConfinedUnit(unit, self._tenant_id)

    def migrate(self) -> Sequence[str]:
        return ()

    def close(self) -> None:
        """The records belong to who opened them."""


class _ConfinedView:
    def __init__(self, view: View, tenant_id: str) -> None:
        self._view = view
        self._tenant_id = tenant_id

    def get(self, noun: type[T], entity_id: str) -> T | None:
        found = self._view.get(noun, entity_id)
        return found if found is None or self._sees(found) else None

    def find(
        self,
        noun: type[T],
        where: Mapping[str, str | None] | None = None,
        *,
        after: str | None = None,
        limit: int = 1000,
    ) -> list[T]:
        found: list[T] = []
        while True:
            page = self._view.find(noun, where, after=after, limit=_PAGE)
            found += [entity for entity in page if self._sees(entity)]
            if len(page) < _PAGE or len(found) >= limit:
                return found[:limit]
            after = cast(Any, page[-1]).id

    def count(self, noun: type[Any], where: Mapping[str, str | None] | None = None) -> int:
        total, after = 0, None
        while page := self.find(noun, where, after=after, limit=_PAGE):
            total += len(page)
            after = page[-1].id
        return total

    def version(self) -> int:
        return self._view.version()

    def changes(self, after: int, *, limit: int = 1000) -> list[Change]:
        """None: what others changed is theirs."""
        del after, limit
        return []

    def history(self, noun: type[Any], entity_id: str, *, limit: int = 1000) -> list[Change]:
        """Of what is seen, or was when it was removed."""
        changes = self._view.history(noun, entity_id, limit=limit)
        body = next((change.body for change in changes if change.body is not None), None)
        return changes if body is not None and self._sees(msgspec.json.decode(body, type=noun)) else []

    @property
    def audit(self) -> AuditView:
        """The whole log: who may read it is of the organisation."""
        return self._view.audit

    def _sees(self, entity: Any) -> bool:
        if isinstance(entity, _OWN):
            return entity.tenant_id == self._tenant_id
        if isinstance(entity, Tenant):
            return entity.id == self._tenant_id
        if isinstance(entity, Budget | RateLimit):
            return self._owns_scope(entity.scope)
        if isinstance(entity, Release | Deployment):
            application = self._view.get(Application, entity.application_id)
            return application is not None and application.tenant_id == self._tenant_id
        if isinstance(entity, SavedView):
            actor = self._view.get(Actor, entity.actor_id)
            return actor is not None and actor.tenant_id == self._tenant_id
        if isinstance(entity, Edge):
            return self._sees_ref(entity.source) and self._sees_ref(entity.target)
        if isinstance(entity, Artifact):
            return not entity.id.startswith(_OWN_ARTIFACTS) or entity.tenant_id == self._tenant_id
        if isinstance(entity, Version | Alias) and entity.artifact_id.startswith(_OWN_ARTIFACTS):
            artifact = self._view.get(Artifact, entity.artifact_id)
            return artifact is not None and artifact.tenant_id == self._tenant_id
        return True

    def _sees_ref(self, ref: str) -> bool:
        """Releases and deployments say by their name whose application they are of."""
        kind, _, name = ref.partition("/")
        if kind not in ("release", "deployment"):
            return True
        application = self._view.get(Application, name.partition("@")[0])
        return application is None or application.tenant_id == self._tenant_id

    def _owns_scope(self, scope: Scope) -> bool:
        if scope.kind == "tenant":
            return scope.id == self._tenant_id
        entity = self._view.get(_SCOPES[scope.kind], scope.id)
        # An application that is only a name on keys is the organisation's own.
        return (ORGANISATION_TENANT if entity is None else entity.tenant_id) == self._tenant_id


class _ConfinedUnit(_ConfinedView):
    def __init__(self, unit: Unit, tenant_id: str) -> None:
        super().__init__(unit, tenant_id)
        self._unit = unit

    @property
    def whole(self) -> Unit:
        return self._unit

    @property
    def audit(self) -> AuditUnit:
        return self._unit.audit

    def note(self, action: str, collection: str, entity_id: str, payload: Any = None) -> None:
        self._unit.note(action, collection, entity_id, payload)

    def add(self, entity: Any) -> None:
        entity = self._adopted(entity)
        self._check(entity)
        self._unit.add(entity)

    def add_all(self, entities: Sequence[Any]) -> None:
        adopted = [self._adopted(entity) for entity in entities]
        for entity in adopted:
            self._check(entity)
        self._unit.add_all(adopted)

    def replace(self, entity: Any) -> None:
        self._check_there(cast(Any, type(entity)), entity.id)
        self._check(entity)
        self._unit.replace(entity)

    def remove(self, noun: type[Any], entity_id: str) -> None:
        self._check_there(noun, entity_id)
        self._check(self._unit.get(noun, entity_id))
        self._unit.remove(noun, entity_id)

    def _adopted(self, entity: Any) -> Any:
        """What people of a unit make is the unit's."""
        if isinstance(entity, (*_OWN, Artifact)) and entity.tenant_id == "default":
            return msgspec.structs.replace(entity, tenant_id=self._tenant_id)
        return entity

    def _check_there(self, noun: type[Any], entity_id: str) -> None:
        if self._unit.get(noun, entity_id) is not None and self.get(noun, entity_id) is None:
            raise NotFound(f"There is no {noun.__name__.lower()} {entity_id!r}.", remedy="Name one of your own.")

    def _check(self, entity: Any) -> None:
        if not self._may_write(entity):
            raise Forbidden(
                f"The {type(entity).__name__.lower()} {entity.id!r} is not of the business unit {self._tenant_id!r}.",
                remedy="Ask an administrator of the platform.",
                code="other_tenant",
            )

    def _may_write(self, entity: Any) -> bool:
        if isinstance(entity, Artifact):
            return entity.tenant_id == self._tenant_id
        if isinstance(entity, Version | Alias):
            artifact = self._unit.get(Artifact, entity.artifact_id)
            return artifact is not None and artifact.tenant_id == self._tenant_id
        if isinstance(entity, (*_OWN, Budget, RateLimit, Release, Deployment)):
            return self._sees(entity)
        return self._tenant_id == ORGANISATION_TENANT or isinstance(entity, _SHARED_WRITES)


def unconfined(unit: Unit) -> Unit:
    """The whole of it: for what holds for the installation, whoever asks."""
    return unit.whole if isinstance(unit, _ConfinedUnit) else unit


def confine(records: Records, tenant_id: str) -> Records:
    """The records as people of that business unit see them."""
    return ConfinedRecords(records, tenant_id)
