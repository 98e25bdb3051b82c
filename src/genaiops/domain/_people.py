"""Who: business units, teams, people and service accounts, environments, and the identity of an end user."""

from typing import Literal

import msgspec

ActorKind = Literal["person", "service_account"]
EnvironmentKind = Literal["sandbox", "dev", "preprod", "prod"]
Role = Literal[
    "admin",
    "operator",
    "developer",
    "viewer",
    "data-engineer",
    "data-owner",
    "data-scientist",
    "ml-engineer",
    "mlops-engineer",
    "architect",
    "security",
    "product-owner",
    "stakeholder",
    "reviewer",
    "domain-expert",
    "auditor",
    "consumer",
]
"""What each may do stands in `genaiops.hub._roles`."""


class Tenant(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A business unit with environments of its own. `id` is its name."""

    id: str
    title: str = ""
    created_us: int


class Team(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """People and keys that share budgets. `id` is its name."""

    id: str
    tenant_id: str = "default"
    title: str = ""
    created_us: int


class Environment(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A stage with keys, limits and data of its own. `id` is its name; `capture`: how much content is kept.
    `expires_us`: when its keys stop (None: never); a sandbox has such an end. `guard`: the policy of keys that name
    none (None: `default`)."""

    id: str
    tenant_id: str = "default"
    kind: EnvironmentKind
    capture: Literal["full", "preview", "off"] = "full"
    created_us: int
    expires_us: int | None = None
    guard: str | None = None


class Machine(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A data directory whose processes share records and counters with others'. `id` never changes; `name` is that of
    its host at its first start."""

    id: str
    name: str
    created_us: int


class Identity(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who a person is at the identity provider that the console signs in with: `subject` never changes there. `groups`
    as of the last sign-in."""

    issuer: str
    subject: str
    groups: tuple[str, ...] = ()


class Actor(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A person or a service account. A service account never approves anything. With an `identity`, roles and team
    follow the groups there."""

    id: str
    name: str
    kind: ActorKind
    roles: tuple[Role, ...] = ()
    tenant_id: str = "default"
    team_id: str | None = None
    created_us: int
    disabled_us: int | None = None
    identity: Identity | None = None


class EndUser(msgspec.Struct, frozen=True, kw_only=True):
    """The person behind a key. `verified` only when it came signed; an unsigned `user` field is a label."""

    id: str
    groups: tuple[str, ...] = ()
    verified: bool = False


class IdentityIssuer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A configured key that end-user identities are checked against.

    `algorithm` HS256: `secret` names a shared secret of the secret store, used for the signed header and for JWTs.
    RS256/ES256/EdDSA: `public_key` is PEM, used for JWTs. `audience` and `issuer` are checked when set.
    """

    id: str
    algorithm: Literal["HS256", "RS256", "ES256", "EdDSA"]
    secret: str | None = None
    public_key: str | None = None
    issuer: str | None = None
    audience: str | None = None
    groups_claim: str = "groups"
    created_us: int
