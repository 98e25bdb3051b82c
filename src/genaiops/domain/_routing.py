"""Targets, routes and prices: where a call can go and what it costs there."""

from typing import Literal

import msgspec

Operation = Literal["chat", "text_completion", "embeddings"]
CacheMode = Literal["off", "exact", "semantic"]
CacheScope = Literal["key", "team", "tenant"]


class TargetTimeouts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Seconds. `first_token` runs from dispatch to the first byte of content, `idle` between two pieces of a stream."""

    connect: float = 5.0
    first_token: float = 60.0
    idle: float = 60.0
    total: float = 600.0


class BreakerPolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Open after `failures` in a row; after `cooldown` seconds one probe call decides whether to close again."""

    failures: int = 5
    cooldown: float = 15.0


class Target(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One model at one provider. `id` is its name.

    `model` is the name that clients call, `upstream_model` the provider's name for it. `credentials` are names of
    secrets, used in turn, each cooled down apart when the provider limits it. `base_url` ends before
    `/chat/completions` (None for `echo`); it is the only place a call can go: nothing in a request can change it.
    `max_output_tokens` is the cap that is injected where a limit needs one and the request has none. `stream_usage`:
    ask for usage at the end of streams, and keep it from clients that did not ask. `environments`: only keys of these
    reach it (empty: of all). `settings` are the provider's own (the `echo` provider's script).
    """

    id: str
    provider: str
    model: str
    upstream_model: str
    base_url: str | None = None
    operations: tuple[Operation, ...] = ("chat", "text_completion")
    credentials: tuple[str, ...] = ()
    timeouts: TargetTimeouts = TargetTimeouts()
    breaker: BreakerPolicy = BreakerPolicy()
    max_concurrency: int | None = None
    max_output_tokens: int = 4096
    context_window: int | None = None
    stream_usage: bool = True
    proxy: str | None = None
    ca_file: str | None = None
    settings: dict[str, str] = {}
    environments: tuple[str, ...] = ()
    enabled: bool = True
    created_us: int


class RouteTarget(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    target_id: str
    weight: int = 1


class RetryPolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`attempts` over all targets of a call; full-jitter exponential back-off from `backoff` seconds; no attempt
    begins after `deadline` seconds."""

    attempts: int = 3
    backoff: float = 0.2
    backoff_max: float = 5.0
    deadline: float = 120.0


class CachePolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whether answers of a route are kept and given again.

    `exact`: to a request that is the same; `semantic`: also to a chat whose last user message means the same (cosine of
    its embedding at least `threshold`) and that is the same in everything else. `ttl` in seconds. `scope`: who shares
    an answer: calls of one key, of the key's team (of the key, where it has none), or of the tenant; always only
    within one environment, and with the same access groups of the signed user. Answers over `max_bytes` are not kept,
    and neither are those to requests with a temperature over `max_temperature` (None: any; a request that names none
    counts as 1). `namespace` sets entries apart and names them.
    """

    mode: CacheMode = "off"
    ttl: float = 600.0
    namespace: str = ""
    scope: CacheScope = "team"
    max_bytes: int = 262_144
    max_temperature: float | None = None
    threshold: float = 0.85


class Route(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which targets serve a name: equivalents by weight, then fallbacks in order. `id` is the name clients call.

    Only keys of `environments` may call it (empty: of all); what their keys may not reach of its targets is left out.
    What its cache kept before `cache_cleared_us` is not given out any more.
    """

    id: str
    targets: tuple[RouteTarget, ...]
    fallbacks: tuple[str, ...] = ()
    retry: RetryPolicy = RetryPolicy()
    environments: tuple[str, ...] = ()
    created_us: int
    cache: CachePolicy = CachePolicy()
    cache_cleared_us: int = 0
