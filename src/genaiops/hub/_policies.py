"""The policy of consent as people push it."""

from collections.abc import Sequence
from typing import Any

import msgspec

from genaiops.domain import Artifact, Version
from genaiops.hub._artifacts import Artifacts
from genaiops.hub._policy import ARTIFACT, ApprovalPolicy, checked_policy, in_force, register_policy
from genaiops.hub._service import Clock
from genaiops.ports.records import Records


class Policies:
    def __init__(self, records: Records, clock: Clock, artifacts: Artifacts) -> None:
        self._records = records
        self._clock = clock
        self._artifacts = artifacts

    def in_force(self) -> tuple[Version | None, ApprovalPolicy]:
        """(its version, the policy); (None, the default) until somebody pushed one."""
        with self._records.read() as view:
            return in_force(view)

    def versions(self) -> Sequence[Version]:
        """Oldest first."""
        with self._records.read() as view:
            there = view.get(Artifact, ARTIFACT) is not None
        return self._artifacts.versions(ARTIFACT) if there else ()

    def push(self, document: Any, *, reason: str = "", emergency: str | None = None, by: str) -> Version:
        """Keep the version, and let it be in force. ConsentNeeded: it is kept, and in force when it is approved."""
        manifest = checked_policy(document)
        with self._records.write(by) as unit:
            version = register_policy(unit, manifest, self._clock(), by=by)
        if self.in_force()[0] != version:
            self._artifacts.move(ARTIFACT, "current", version.id, reason=reason, emergency=emergency, by=by)
        return version


def policy_document(policy: ApprovalPolicy) -> dict[str, Any]:
    return msgspec.to_builtins(policy)
