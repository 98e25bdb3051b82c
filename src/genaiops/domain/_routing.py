"""Targets, routes and prices: where a call can go and what it costs there."""

from typing import Literal

import msgspec

Operation = Literal[
    "chat",
    "text_completion",
    "embeddings",
    "rerank",
    "moderations",
    "image_generation",
    "transcription",
    "speech",
    "video_generation",
    "video_job",
]
"""What a call asks for. `text_completion`, `embeddings` and `chat` are OpenTelemetry's words (GenAI 1.41). `video_job`
is no work of a target's own: how far a video is, its bytes, its end; who makes videos serves it."""

MEDIA: frozenset[Operation] = frozenset(
    {"rerank", "moderations", "image_generation", "transcription", "speech", "video_generation", "video_job"}
)
"""Operations other than making or embedding text."""

Strategy = Literal["weighted", "latency", "cost", "least_busy"]
Sticky = Literal["key", "user", "label", "session"]
"""What keeps its target: the key, the signed end user, the `user` of the body (signed or not), the session."""
CacheMode = Literal["off", "exact", "semantic"]
CacheScope = Literal["key", "team", "tenant"]


class TargetTimeouts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Seconds. `first_token` runs from dispatch to the first byte of content, `idle` between two pieces of a stream."""

    connect: float = 5.0
    first_token: float = 60.0
    idle: float = 60.0
    total: float = 600.0


class BreakerPolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Open after `failures` in a row; after `cooldown` seconds one probe call decides whether to close again.

    With `share` also when that share (0..1) of at least `least` calls within about `window` seconds has failed.
    """

    failures: int = 5
    cooldown: float = 15.0
    share: float | None = None
    window: float = 60.0
    least: int = 20


class ProbePolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Ask the target for `path` (below its base URL) every `every` seconds: while its breaker is not closed
    (`resting`), or `always`. Any answer below 500 within `timeout` seconds means that it is there."""

    path: str = "/models"
    every: float = 30.0
    when: Literal["resting", "always"] = "resting"
    timeout: float = 5.0


class Target(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One model at one provider. `id` is its name.

    `model` is the name that clients call, `upstream_model` the provider's name for it. `credentials` are names of
    secrets, used in turn, each cooled down apart when the provider limits it. `base_url` ends before
    `/chat/completions` (None for `echo`); it is the only place a call can go: nothing in a request can change it.
    `max_output_tokens` is the cap that is injected where a limit needs one and the request has none. `stream_usage`:
    ask for usage at the end of streams, and keep it from clients that did not ask. `environments`: only keys of these
    reach it (empty: of all). `settings` are the provider's own (the `echo` provider's script).

    Where it stands is its `region`; `tags` say what else a request may ask for. When `max_concurrency` calls are under
    way, up to `queue_length` others wait for at most `queue_seconds` (0: nobody waits), each worker for itself.
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
    region: str | None = None
    tags: tuple[str, ...] = ()
    queue_seconds: float = 0.0
    queue_length: int = 64
    probe: ProbePolicy | None = None


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


class HedgePolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A second try at another target when the first has sent no byte for a while: `percentile` (0..100) of the times
    that its target took lately, `after` seconds as long as too few are known (None: then no hedge). At most `share`
    (0..1) of the route's calls in a worker."""

    after: float | None = None
    percentile: float | None = None
    share: float = 0.05


class ShadowPolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A `share` (0..1) of the calls is sent to `target_id` as well, once they are answered; nobody gets that answer.

    It is charged to `application`, whose limits hold for it: without a hard budget there, no copy is made. At most
    `concurrency` copies are under way in a worker; what is over is left out.
    """

    target_id: str
    application: str
    share: float = 0.01
    concurrency: int = 4


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

    `strategy` chooses between equivalents: `weighted` draws, `latency` the quicker of two drawn, `cost` the cheapest
    for the request, `least_busy` the one with the fewest calls under way. `sticky`: the same one keeps its target as
    long as that can take calls; the strategy serves whom the request does not name. `regions`: only targets there,
    never others (empty: anywhere). `context_fallbacks` get what is too long for the targets, in order. `over_budget`
    serve instead of all of these, in order, when a hard budget in money or tokens refuses a call to them.
    What its cache kept before `cache_cleared_us` is not given out any more. `guard`: a policy that holds for its calls
    besides that of the key.
    """

    id: str
    targets: tuple[RouteTarget, ...]
    fallbacks: tuple[str, ...] = ()
    retry: RetryPolicy = RetryPolicy()
    environments: tuple[str, ...] = ()
    created_us: int
    strategy: Strategy = "weighted"
    sticky: Sticky | None = None
    regions: tuple[str, ...] = ()
    context_fallbacks: tuple[str, ...] = ()
    hedge: HedgePolicy | None = None
    shadow: ShadowPolicy | None = None
    cache: CachePolicy = CachePolicy()
    cache_cleared_us: int = 0
    over_budget: tuple[str, ...] = ()
    guard: str | None = None
