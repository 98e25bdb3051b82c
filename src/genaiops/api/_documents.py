"""What the API shows of the nouns. Times are ISO 8601 (`..._at`), money is decimal text, and no
secret is there."""

from collections.abc import Sequence
from typing import Any, Generic, Literal, TypeVar

import msgspec

from genaiops.core.clock import Period, now_us, to_iso
from genaiops.core.money import NANO, from_nano
from genaiops.domain import (
    ActorKind,
    ApiKey,
    ArtifactKind,
    BreakerPolicy,
    CachePolicy,
    EnvironmentKind,
    Fees,
    HedgePolicy,
    KeyScope,
    MeterKind,
    Operation,
    Price,
    ProbePolicy,
    RateLimit,
    Rates,
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
)
from genaiops.hub import Permission, masked

T = TypeVar("T")
Document = TypeVar("Document", bound=msgspec.Struct)


class Listing(msgspec.Struct, Generic[T], frozen=True):
    """A list. `next` is the cursor of the following page, null at the end."""

    data: Sequence[T]
    next: str | None = None


class ActorDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A person or a service account."""

    id: str
    name: str
    kind: ActorKind
    roles: Sequence[Role]
    tenant_id: str
    team_id: str | None
    created_at: str
    disabled_at: str | None


class KeyDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A key without its secret; `hint` is how the secret begins and ends. Empty `models`, `routes`, `addresses`,
    `regions`, `tags`: any.
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


class TeamDocument(msgspec.Struct, frozen=True, kw_only=True):
    """People and keys that share budgets. The id is the name."""

    id: str
    tenant_id: str
    title: str
    created_at: str


class EnvironmentDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A stage; `capture` says how much of the content of its calls is kept."""

    id: str
    tenant_id: str
    kind: EnvironmentKind
    capture: Literal["full", "preview", "off"]
    created_at: str


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
    """A name that clients call, its targets by weight, then its fallbacks in order."""

    id: str
    targets: Sequence[RouteTarget]
    fallbacks: Sequence[str]
    retry: RetryPolicy
    environments: Sequence[str]
    strategy: Strategy
    sticky: Sticky | None
    regions: Sequence[str]
    context_fallbacks: Sequence[str]
    hedge: HedgePolicy | None
    shadow: ShadowPolicy | None
    cache: CachePolicy
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


class RatesDocument(msgspec.Struct, frozen=True, kw_only=True):
    """Decimal amounts per million tokens of each bucket; null: charged as its parent (audio, and images made: not
    known)."""

    input: str
    output: str
    cache_read: str | None
    cache_write: str | None
    cache_write_1h: str | None
    reasoning: str | None
    audio_input: str | None
    audio_output: str | None
    image_input: str | None
    image_output: str | None


class TierDocument(RatesDocument, frozen=True, kw_only=True):
    """The rates of a whole call with more than so many tokens of input."""

    above_tokens: int


class FeesDocument(msgspec.Struct, frozen=True, kw_only=True):
    """For a call, a rerank search, an image made, a million characters of speech, a minute of audio."""

    call: str
    search: str
    image: str
    characters: str
    audio_minute: str


class PriceDocument(RatesDocument, frozen=True, kw_only=True):
    """One line of the price table, in `currency`. `services`: class of service to its share of the rates.
    `valid_from_at` null: from the beginning."""

    id: str
    version: int
    provider: str
    model: str
    currency: str
    tiers: tuple[TierDocument, ...]
    fees: FeesDocument | None
    services: dict[str, str]
    valid_from_at: str | None
    source: str
    created_at: str


class ScopeDocument(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a limit is set on."""

    kind: ScopeKind
    id: str


class BudgetDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A budget and how it stands in its current window. Amounts are decimal text in the budget's `unit` (a currency,
    tokens or calls). `reserved` is held for calls under way.

    `forecast` is what will have been used at the end of the window (null early in it, and without an end), and four of
    five times that is between `forecast_low` and `forecast_high`. `forecast_method`: `hour_of_week` (the weeks before,
    hour by hour), or `linear` (carried on evenly) while there are no two weeks of calls."""

    id: str
    scope: ScopeDocument
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
    forecast: str | None
    forecast_low: str | None
    forecast_high: str | None
    forecast_method: Literal["hour_of_week", "linear"] | None
    state: str


class RateLimitDocument(msgspec.Struct, frozen=True, kw_only=True):
    """Requests and tokens a minute, and calls at a time; null: no limit of that kind."""

    id: str
    scope: ScopeDocument
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


def shown_price(price: Price) -> PriceDocument:
    tiers = tuple(TierDocument(above_tokens=tier.above_tokens, **_amounts(tier, Rates)) for tier in price.tiers)
    fees = None if price.fees is None else FeesDocument(**_amounts(price.fees, Fees))
    services = {name: from_nano(share * NANO // 1000) for name, share in price.services.items()}
    return shown(price, PriceDocument, **_amounts(price, Rates), tiers=tiers, fees=fees, services=services)


def _amounts(given: Rates | Fees, kind: type[Rates | Fees]) -> dict[str, Any]:
    amounts = {name: getattr(given, name) for name in kind.__struct_fields__}
    return {name: None if nano is None else from_nano(nano) for name, nano in amounts.items()}


def shown_limit(limit: RateLimit) -> RateLimitDocument:
    return shown(limit, RateLimitDocument, scope=shown_scope(limit.scope))
