"""The policy of consent: which changes another person has to approve. Versions of the artifact `policy/approvals`; the
alias `current` says which is in force, and moving it needs the consent that the policy itself asks for."""

from fnmatch import fnmatchcase
from typing import Annotated, Any, Literal, cast

import msgspec

from genaiops.core.errors import UsageError
from genaiops.domain import Alias, Artifact, EnvironmentKind, Version
from genaiops.hub._artifacts import register
from genaiops.hub._validation import existing
from genaiops.ports.records import Unit, View

ARTIFACT = "policy/approvals"
ALIAS = f"{ARTIFACT}@current"


class ApprovalPolicy(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`protected_aliases`: patterns (`*`, `?`) of `kind/name@alias`; `protected_environments`: kinds of environment
    whose deployments are protected. A request that nobody decides ends after `expires_days`. `self_approval`: `solo`
    lets the only person of an installation consent to their own change, `never` nobody."""

    protected_aliases: tuple[str, ...] = ("*@prod",)
    protected_environments: tuple[EnvironmentKind, ...] = ("prod",)
    expires_days: Annotated[int, msgspec.Meta(ge=1, le=90)] = 7
    self_approval: Literal["solo", "never"] = "solo"

    def protects(self, subject: str, environment_kind: EnvironmentKind | None) -> bool:
        if subject == f"alias:{ALIAS}":
            return True
        if environment_kind is not None:
            return environment_kind in self.protected_environments
        name = subject.removeprefix("alias:")
        return name != subject and any(fnmatchcase(name, pattern) for pattern in self.protected_aliases)


def checked_policy(document: Any) -> dict[str, Any]:
    """The policy as its version holds it, complete. UsageError names what is wrong."""
    if not isinstance(document, dict):
        raise UsageError("The policy is no mapping.", remedy="Write its fields, as genaiops policy show does.")
    try:
        policy = msgspec.convert(cast("dict[str, Any]", document), ApprovalPolicy)
    except msgspec.ValidationError as error:
        raise UsageError(
            f"The policy is not well formed: {error}.",
            remedy=f"Its fields are: {', '.join(ApprovalPolicy.__struct_fields__)}.",
            param="policy",
        ) from error
    return msgspec.to_builtins(policy)


def in_force(view: View) -> tuple[Version | None, ApprovalPolicy]:
    """(its version, the policy). Until somebody pushed one: (None, the default)."""
    alias = view.get(Alias, ALIAS)
    if alias is None:
        return None, ApprovalPolicy()
    version = existing(view, Version, alias.version_id, word="version")
    return version, msgspec.convert(version.manifest, ApprovalPolicy)


def register_policy(unit: Unit, manifest: dict[str, Any], now_us: int, *, by: str) -> Version:
    artifact = Artifact(id=ARTIFACT, kind="policy", name="approvals", title="Who consents to what", created_us=now_us)
    return register(unit, artifact, manifest, by=by)
