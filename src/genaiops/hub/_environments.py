"""Environments: stages with keys, limits and data of their own."""

from typing import get_args

import msgspec

from genaiops.core.errors import UsageError
from genaiops.domain import Budget, Deployment, Environment, EnvironmentKind, Scope, Tenant
from genaiops.hub._guards import checked_guard
from genaiops.hub._scopes import limits_of
from genaiops.hub._service import Clock, Service
from genaiops.hub._teams import keys_in, limits_on, refuse_while_used
from genaiops.hub._validation import as_stored, checked_choice, checked_name, existing
from genaiops.ports.records import Records

_CAPTURE = ("full", "preview", "off")


class Environments(Service[Environment]):
    def __init__(self, records: Records, clock: Clock) -> None:
        super().__init__(records, clock, Environment, "environment")

    def create(
        self,
        name: str,
        kind: EnvironmentKind,
        *,
        capture: str = "full",
        tenant_id: str = "default",
        expires_us: int | None = None,
        guard: str | None = None,
        by: str,
    ) -> Environment:
        """`capture`: how much of the content of calls is kept (full, preview, off). `expires_us`: when all its keys
        stop. `guard`: the policy of keys that name none (None: the default)."""
        checked_choice(kind, get_args(EnvironmentKind), word="kind of environment", param="kind")
        with self._records.write(by) as unit:
            existing(unit, Tenant, tenant_id, word="tenant", param="tenant_id")
            environment = Environment(
                id=checked_name(name, word="environment"),
                tenant_id=tenant_id,
                kind=kind,
                created_us=self._clock(),
                expires_us=self._checked_end(expires_us),
                guard=None if guard is None else checked_guard(unit, guard),
            )
            environment = _with_capture(environment, capture)
            unit.add(environment)
        return environment

    def set_capture(self, environment_id: str, capture: str, *, by: str) -> Environment:
        """Counts for calls from now on; what was kept already stays until retention takes it."""
        with self._records.write(by) as unit:
            environment = _with_capture(self._existing(unit, environment_id), capture)
            unit.replace(environment)
        return environment

    def set_expires(self, environment_id: str, expires_us: int | None, *, by: str) -> Environment:
        """When all its keys stop. A sandbox always has an end."""
        with self._records.write(by) as unit:
            environment = self._existing(unit, environment_id)
            if expires_us is None and environment.kind == "sandbox":
                raise UsageError("A sandbox has an end.", remedy="Give a later one.", param="expires_at")
            environment = msgspec.structs.replace(environment, expires_us=self._checked_end(expires_us))
            unit.replace(environment)
        return environment

    def set_guard(self, environment_id: str, guard: str | None, *, by: str) -> Environment:
        """Which policy guards the calls of keys that name none; None: the default."""
        with self._records.write(by) as unit:
            found = None if guard is None else checked_guard(unit, guard)
            environment = msgspec.structs.replace(self._existing(unit, environment_id), guard=found)
            unit.replace(environment)
        return environment

    def remove(self, environment_id: str, *, by: str) -> None:
        """Conflict while limits, deployments or unrevoked keys belong to it. Revoked ones go on naming it. The cap
        of a sandbox goes with it."""
        with self._records.write(by) as unit:
            environment = self._existing(unit, environment_id)
            if environment.kind == "sandbox" and not keys_in(unit, {"environment_id": environment_id}):
                for budget in limits_of(unit, Budget, Scope("environment", environment_id)):
                    unit.remove(Budget, budget.id)
            held = {
                "keys": keys_in(unit, {"environment_id": environment_id}),
                "deployments": unit.count(Deployment, {"environment_id": environment_id}),
                **limits_on(unit, "environment", environment_id),
            }
            refuse_while_used(f"The environment {environment_id!r}", held)
            unit.remove(Environment, environment_id)

    def _checked_end(self, expires_us: int | None) -> int | None:
        if expires_us is not None and expires_us <= self._clock():
            raise UsageError(
                "The environment would have ended already.", remedy="Give a later end.", param="expires_at"
            )
        return expires_us


def _with_capture(environment: Environment, capture: str) -> Environment:
    checked_choice(capture, _CAPTURE, word="way to capture content", param="capture")
    return as_stored(msgspec.structs.replace(environment, capture=capture))
