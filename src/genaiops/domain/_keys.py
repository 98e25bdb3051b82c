"""API keys: only a digest is kept; scopes say what a key may call, from where and until when."""

from typing import Literal

import msgspec

from genaiops.domain._limits import Budget, RateLimit
from genaiops.domain._people import ActorKind

KeyScope = Literal["calls", "api", "ingest"]
"""`calls`: the model API, and sending traces; `ingest`: sending traces alone; `api`: the management API, with what the
actor's roles allow."""


class ApiKey(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A key of an actor. The secret is shown once; `digest` is the SHA-256 (hex) of the whole key text.

    `models` and `routes` hold names, or prefixes ending in `*`; empty means all. `addresses` holds CIDR networks; empty
    means any. `guard`: the policy that guards its calls, as `name`, `name@alias` or `name@sha256:...` (None: that of
    its environment). `retiring_digest` is the former secret during a rotation's overlap and works until
    `retiring_until_us`.
    """

    id: str
    name: str
    hint: str
    digest: str
    actor_id: str
    tenant_id: str = "default"
    team_id: str | None = None
    environment_id: str = "dev"
    application: str | None = None
    models: tuple[str, ...] = ()
    routes: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    scopes: tuple[KeyScope, ...] = ("calls",)
    created_us: int
    expires_us: int | None = None
    revoked_us: int | None = None
    retiring_digest: str | None = None
    retiring_until_us: int | None = None
    regions: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    guard: str | None = None


class KeyEntry(msgspec.Struct, frozen=True, array_like=True):
    """What a gateway worker knows of a key: one record of the key log. `removed` takes the digest out again."""

    digest: bytes
    key_id: str
    key_name: str
    actor_id: str
    actor_kind: ActorKind
    tenant_id: str
    team_id: str | None
    environment_id: str
    application: str | None
    models: tuple[str, ...]
    routes: tuple[str, ...]
    addresses: tuple[str, ...]
    scopes: tuple[KeyScope, ...]
    not_after_us: int | None
    budgets: tuple[Budget, ...]
    rate_limits: tuple[RateLimit, ...]
    removed: bool = False
    regions: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    guard: str | None = None
