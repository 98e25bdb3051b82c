"""What the API shows of the nouns. Times are ISO 8601 (`..._at`), money is decimal text, and no
secret is there."""

from collections.abc import Sequence
from typing import Any, Generic, Literal, TypeVar

import msgspec

from genaiops.core.clock import Period, now_us, to_iso
from genaiops.domain import (
    ActorKind,
    ApiKey,
    ArtifactKind,
    BreakerPolicy,
    CachePolicy,
    EnvironmentKind,
    HedgePolicy,
    KeyScope,
    MeterKind,
    Operation,
    ProbePolicy,
    RetryPolicy,
    Role,
    RouteTarget,
    Scope,
    ScopeKind,
    ShadowPolicy,
    Sticky,
    Strategy,
    Target,
    TargetTimeouts,
    Visibility,
)
from genaiops.hub import Permission, masked

T = TypeVar("T")
Document = TypeVar("Document", bound=msgspec.Struct)


class Listing(msgspec.Struct, Generic[T], frozen=True):
    """A list. `next` is the cursor of the following page, null at the end."""

    data: Sequence[T]
    next: str | None = None


class IdentityDocument(msgspec.Struct, frozen=True, kw_only=True):
    """Who a person is at the identity provider, with the groups of the last sign-in."""

    issuer: str
    subject: str
    groups: Sequence[str]


class ActorDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A person or a service account. With an `identity`, roles and team follow the groups there."""

    id: str
    name: str
    kind: ActorKind
    roles: Sequence[Role]
    tenant_id: str
    team_id: str | None
    created_at: str
    disabled_at: str | None
    identity: IdentityDocument | None


class GroupDocument(msgspec.Struct, frozen=True, kw_only=True):
    """What members of a group of the identity provider are here. The id is the group's name there."""

    id: str
    tenant_id: str
    team_id: str | None
    roles: Sequence[Role]
    created_at: str


class KeyDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A key without its secret; `hint` is how the secret begins and ends. Empty `models`, `routes`, `addresses`,
    `regions`, `tags`: any. `guard` null: the policy of its environment.
    `retiring_until_at`: how long the secret before the last rotation works."""

    id: str
    name: str
    hint: str
    state: Literal["active", "expired", "revoked"]
    actor_id: str
    tenant_id: str
    team_id: str | None
    environment_id: str
    application: str | None
    models: Sequence[str]
    routes: Sequence[str]
    addresses: Sequence[str]
    scopes: Sequence[KeyScope]
    regions: Sequence[str]
    tags: Sequence[str]
    guard: str | None
    created_at: str
    expires_at: str | None
    revoked_at: str | None
    retiring_until_at: str | None


class KeyWithSecret(KeyDocument, frozen=True, kw_only=True):
    """A key with its `secret`, which is shown this once and never again."""

    secret: str


class MeDocument(msgspec.Struct, frozen=True, kw_only=True):
    """Who calls, with which key (null: logged in at the console), and what they may do."""

    actor: ActorDocument
    key: KeyDocument | None
    permissions: Sequence[Permission]


class TenantDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A business unit. The id is the name."""

    id: str
    title: str
    created_at: str


class TeamDocument(msgspec.Struct, frozen=True, kw_only=True):
    """People and keys that share budgets. The id is the name."""

    id: str
    tenant_id: str
    title: str
    created_at: str


class EnvironmentDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A stage; `capture` says how much of the content of its calls is kept, `expires_at` when its keys stop; `guard`
    the policy of keys that name none (null: the default)."""

    id: str
    tenant_id: str
    kind: EnvironmentKind
    capture: Literal["full", "preview", "off"]
    created_at: str
    expires_at: str | None
    guard: str | None


class TargetDocument(msgspec.Struct, frozen=True, kw_only=True):
    """One model at one provider. `credentials` are names of secrets; a password in `proxy` is shown as `***`."""

    id: str
    provider: str
    model: str
    upstream_model: str
    base_url: str | None
    operations: Sequence[Operation]
    credentials: Sequence[str]
    timeouts: TargetTimeouts
    breaker: BreakerPolicy
    max_concurrency: int | None
    max_output_tokens: int
    context_window: int | None
    stream_usage: bool
    proxy: str | None
    ca_file: str | None
    settings: dict[str, str]
    environments: Sequence[str]
    enabled: bool
    region: str | None
    tags: Sequence[str]
    queue_seconds: float
    queue_length: int
    probe: ProbePolicy | None
    created_at: str


class RouteDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A name that clients call, its targets by weight, then its fallbacks in order. `guard`: a policy that holds for
    its calls beside the others."""

    id: str
    targets: Sequence[RouteTarget]
    fallbacks: Sequence[str]
    retry: RetryPolicy
    environments: Sequence[str]
    strategy: Strategy
    sticky: Sticky | None
    regions: Sequence[str]
    context_fallbacks: Sequence[str]
    over_budget: Sequence[str]
    hedge: HedgePolicy | None
    shadow: ShadowPolicy | None
    cache: CachePolicy
    guard: str | None
    created_at: str


class ModelDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A name that clients can call: a model by the targets that serve it, or a route. `weights` is the artifact of an
    embedded model. `available` is false while none of its targets is enabled."""

    id: str
    kind: Literal["model", "route"]
    operations: Sequence[Operation]
    targets: Sequence[str]
    fallbacks: Sequence[str]
    context_window: int | None
    available: bool
    weights: str | None


class ScopeDocument(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a limit is set on."""

    kind: ScopeKind
    id: str


class BudgetDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A budget and how it stands in its current window. Amounts are decimal text in the budget's `unit` (a currency,
    Wh, tokens or calls). `reserved` is held for calls under way. `unknown`: calls of this window that cost something
    nobody knows (money), or attempts at models that used energy nobody knows. They count as nothing. `scope_name`
    is a key's name, else the scope's id.

    `forecast` is what will have been used at the end of the window (null early in it, and without an end), and four of
    five times that is between `forecast_low` and `forecast_high`. `forecast_method`: `hour_of_week` (the weeks before,
    hour by hour), or `linear` (carried on evenly) while there are no two weeks of calls."""

    id: str
    scope: ScopeDocument
    scope_name: str
    meter: MeterKind
    unit: str
    limit: str
    hard: bool
    period: Period
    timezone: str
    warn_at: Sequence[float]
    created_at: str
    reset_at: str | None
    window_start_at: str | None
    window_end_at: str | None
    settled: str
    reserved: str
    remaining: str
    share: float
    unknown: int
    forecast: str | None
    forecast_low: str | None
    forecast_high: str | None
    forecast_method: Literal["hour_of_week", "linear"] | None
    state: str


class RateLimitDocument(msgspec.Struct, frozen=True, kw_only=True):
    """Requests and tokens a minute, and calls at a time; null: no limit of that kind. `scope_name` is a key's name,
    else the scope's id."""

    id: str
    scope: ScopeDocument
    scope_name: str
    requests_per_minute: int | None
    tokens_per_minute: int | None
    concurrency: int | None
    created_at: str


class IssuerDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A configured key that end users' identities are checked against; `secret` is the name of a secret."""

    id: str
    algorithm: Literal["HS256", "RS256", "ES256", "EdDSA"]
    secret: str | None
    public_key: str | None
    issuer: str | None
    audience: str | None
    groups_claim: str
    created_at: str


class SecretDocument(msgspec.Struct, frozen=True, kw_only=True):
    """Where a secret comes from: `environment` or `store`. Its value cannot be read."""

    name: str
    source: str
    updated_at: str | None


class VersionDocument(msgspec.Struct, frozen=True, kw_only=True):
    """An immutable version of an artifact."""

    id: str
    artifact_id: str
    digest: str
    manifest: dict[str, Any]
    created_at: str
    created_by: str


class AliasDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A name that moves."""

    id: str
    artifact_id: str
    name: str
    version_id: str
    moved_at: str
    moved_by: str


class ArtifactDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A named thing of the Hub. The id is `kind/name`."""

    id: str
    kind: ArtifactKind
    name: str
    tenant_id: str
    title: str
    description: str
    owner: str
    team_id: str | None
    visibility: Visibility
    tags: Sequence[str]
    created_at: str


class ArtifactWithVersions(ArtifactDocument, frozen=True, kw_only=True):
    """An artifact with its versions, oldest first, and the names that point at them."""

    versions: Sequence[VersionDocument]
    aliases: Sequence[AliasDocument]


def shown(entity: Any, document: type[Document], **more: Any) -> Document:
    """The document of an entity: fields of the same name, `..._us` as `..._at`; `more` are fields it does not have."""
    values = dict(more)
    for field in msgspec.structs.fields(document):
        if field.name in values:
            continue
        if field.name.endswith("_at"):
            values[field.name] = time_or_none(getattr(entity, f"{field.name[:-3]}_us"))
        else:
            values[field.name] = getattr(entity, field.name)
    return document(**values)


def time_or_none(us: int | None) -> str | None:
    """None for never, for the beginning and for the end of time."""
    return to_iso(us) if us is not None and 0 < us < 1 << 62 else None


def shown_scope(scope: Scope) -> ScopeDocument:
    return ScopeDocument(scope.kind, scope.id)


def shown_key(key: ApiKey, secret: str | None = None) -> Any:
    """A KeyDocument, or with the secret a KeyWithSecret."""
    state = "active"
    if key.revoked_us is not None:
        state = "revoked"
    elif key.expires_us is not None and key.expires_us <= now_us():
        state = "expired"
    if secret is None:
        return shown(key, KeyDocument, state=state)
    return shown(key, KeyWithSecret, state=state, secret=secret)


def shown_target(target: Target) -> TargetDocument:
    return shown(target, TargetDocument, proxy=masked(target.proxy))
