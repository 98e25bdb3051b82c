"""Meters, budgets and rate limits."""

from typing import Literal

import msgspec

from genaiops.core.clock import Period

MeterKind = Literal["money", "tokens", "calls", "energy"]
ENERGY_UNIT = "Wh"
"""Energy is counted in nano-watt-hours, whole ones, and shown in watt-hours."""
SESSION_KEYS = "session/"
"""How the names of counters of sessions begin; they are in no ledger."""
ScopeKind = Literal["key", "team", "application", "environment", "tenant"]


class Scope(msgspec.Struct, frozen=True, array_like=True):
    """What a limit is set on: `Scope("team", "search")`."""

    kind: ScopeKind
    id: str


class Budget(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """At most `limit` of a meter in each period, by the calendar of `timezone`.

    `limit` is in nano-units of `currency` for money, in nano-Wh of electricity for energy, in tokens (input + output)
    or in calls. A hard budget refuses
    the call that could exceed it (what is settled + what is reserved never exceeds the limit); a soft one only warns,
    at the shares `warn_at`.
    """

    id: str
    scope: Scope
    meter: MeterKind
    limit: int
    hard: bool = True
    period: Period = "month"
    timezone: str = "UTC"
    currency: str = "USD"
    warn_at: tuple[float, ...] = (0.8, 1.0)
    created_us: int
    reset_us: int = 0

    @property
    def in_nano(self) -> bool:
        """Whether its amounts are billionths of its unit."""
        return self.meter in ("money", "energy")

    @property
    def unit(self) -> str:
        """What its amounts are shown in: `USD`, `Wh`, `tokens`, `calls`."""
        return {"money": self.currency, "energy": ENERGY_UNIT}.get(self.meter, self.meter)


class RateLimit(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Requests and tokens a minute (generic cell rate algorithm, burst of one minute), and calls at a time."""

    id: str
    scope: Scope
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    concurrency: int | None = None
    created_us: int


class Usage(msgspec.Struct, frozen=True, omit_defaults=True):
    """Tokens of one attempt in buckets that exclude each other; the totals are sums of buckets, so nothing counts
    twice. What a provider reports as a part of another figure is taken out of that one.

    `input_uncached`, `audio_input` and `image_input` are new to the provider, by what they are (its text too when it
    does not tell them apart); `cache_read` is what came out of its cache, whatever it is; `cache_write` was written to
    it (for five minutes, where a provider has several lives) and `cache_write_1h` for an hour.

    Beside tokens, units that some prices count: rerank `searches`, `images` made, `characters` of speech,
    `audio_ms` of audio heard or made, `video_ms` of video made (of the `video_size` `1280x720`). `service`: the
    provider's class of service when it is not the standard one (`batch`, `flex`, `priority`).

    `unknown` names units (fields) of which some may have been used and nobody said how many: what they cost is not
    known where a price counts them.

    `estimated`: the provider sent no usage and `estimator` counted instead. OpenTelemetry GenAI 1.41: input includes
    cached, output includes reasoning.
    """

    input_uncached: int = 0
    cache_read: int = 0
    cache_write: int = 0
    output_text: int = 0
    reasoning: int = 0
    estimated: bool = False
    estimator: str | None = None
    cache_write_1h: int = 0
    audio_input: int = 0
    image_input: int = 0
    audio_output: int = 0
    image_output: int = 0
    searches: int = 0
    images: int = 0
    characters: int = 0
    audio_ms: int = 0
    video_ms: int = 0
    video_size: str | None = None
    service: str | None = None
    unknown: tuple[str, ...] = ()

    @property
    def input_tokens(self) -> int:
        return (
            self.input_uncached
            + self.cache_read
            + self.cache_write
            + self.cache_write_1h
            + self.audio_input
            + self.image_input
        )

    @property
    def output_tokens(self) -> int:
        return self.output_text + self.reasoning + self.audio_output + self.image_output

    @property
    def total_tokens(self) -> int:
        return self.input_tokens + self.output_tokens


class Cost(msgspec.Struct, frozen=True):
    """What an attempt cost. `nano` is None when no price is known: unknown is a value, never 0."""

    nano: int | None
    currency: str = "USD"
    price_id: str | None = None
    price_version: int | None = None
