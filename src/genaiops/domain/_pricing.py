"""Prices: what tokens and units cost, since when; what a usage costs by them, and what it can cost at most."""

from collections.abc import Iterable, Sequence

import msgspec

from genaiops.core.money import cost_nano
from genaiops.domain._limits import Usage

_MILLION = 1_000_000
_WHOLE = 1000  # the standard service, in thousandths


class Rates(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Nano-units of a currency per million tokens of each bucket of `Usage`.

    A bucket without a rate of its own (None) is charged as its parent: cached read and write and images as input, the
    one-hour write as write, reasoning as output. Audio, and images made, have no parent, for providers charge them
    many times over: a usage with such tokens has no known cost without their rate.
    """

    input: int
    output: int
    cache_read: int | None = None
    cache_write: int | None = None
    cache_write_1h: int | None = None
    reasoning: int | None = None
    audio_input: int | None = None
    audio_output: int | None = None
    image_input: int | None = None
    image_output: int | None = None


class Tier(Rates, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The rates of a whole call with more than `above_tokens` tokens of input (all buckets of it together)."""

    above_tokens: int


class Fees(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Nano-units beside tokens: for each call, each rerank search and each image made; for a million characters of
    speech; for a minute of audio; for a second of video, by its size (`1280x720`) where `video_sizes` has it. A unit
    without a fee costs nothing of its own."""

    call: int = 0
    search: int = 0
    image: int = 0
    characters: int = 0
    audio_minute: int = 0
    video_second: int = 0
    video_sizes: dict[str, int] = {}


NO_FEES = Fees()


class Price(Rates, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One line of the price table, from `valid_from_us` on.

    `model` is the upstream model's name or a prefix ending in `*`; the longest match wins, then the latest
    `valid_from_us`. `tiers` by rising `above_tokens`: the last one that the input exceeds replaces all rates.
    `services`: class of service -> thousandths of these rates (`{"batch": 500}` is half price); what a call costs in
    a class that is not named is not known.
    """

    id: str
    version: int
    provider: str
    model: str
    currency: str = "USD"
    tiers: tuple[Tier, ...] = ()
    fees: Fees | None = None
    services: dict[str, int] = {}
    valid_from_us: int = 0
    source: str = ""
    created_us: int


def charge(usage: Usage, price: Price) -> int | None:
    """What a usage costs by a price in nano-units; None: this price cannot say.

    Each bucket is charged once and rounded up to a nano-unit.
    """
    rates = price if not price.tiers else _rates(price, usage.input_tokens)
    if usage.video_ms and usage.video_size is None and price.fees is not None and price.fees.video_sizes:
        return None
    if usage.unknown and any(_counts(rates, price.fees or NO_FEES, unit) for unit in usage.unknown):
        return None
    nano = cost_nano(usage.input_uncached, rates.input) + cost_nano(usage.output_text, rates.output)
    if usage.cache_read:
        nano += cost_nano(usage.cache_read, rates.input if rates.cache_read is None else rates.cache_read)
    if usage.cache_write:
        nano += cost_nano(usage.cache_write, rates.input if rates.cache_write is None else rates.cache_write)
    if usage.reasoning:
        nano += cost_nano(usage.reasoning, rates.output if rates.reasoning is None else rates.reasoning)
    if usage.cache_write_1h or usage.audio_input or usage.image_input or usage.audio_output or usage.image_output:
        rare = _rare(usage, rates)
        if rare is None:
            return None
        nano += rare
    if usage.service is not None:
        share = price.services.get(usage.service)
        if share is None:
            return None
        nano = -(-nano * share // _WHOLE)
    return nano if price.fees is None else nano + _fees(usage, price.fees)


def _counts(rates: Rates, fees: Fees, unit: str) -> bool:
    """Whether a unit of a usage costs anything."""
    if unit == "video_ms":
        return bool(fees.video_second or any(fees.video_sizes.values()))
    if unit in _UNITS:
        return bool(getattr(fees, _UNITS[unit]))
    return bool(getattr(rates, {"input_uncached": "input", "output_text": "output"}.get(unit, unit)))


_UNITS = {"searches": "search", "images": "image", "characters": "characters", "audio_ms": "audio_minute"}


def _rates(price: Price, input_tokens: int) -> Rates:
    found: Rates = price
    for tier in price.tiers:
        if input_tokens <= tier.above_tokens:
            break
        found = tier
    return found


def _rare(usage: Usage, rates: Rates) -> int | None:
    write = rates.cache_write if rates.cache_write_1h is None else rates.cache_write_1h
    lines = (
        (usage.cache_write_1h, rates.input if write is None else write),
        (usage.image_input, rates.input if rates.image_input is None else rates.image_input),
        (usage.audio_input, rates.audio_input),
        (usage.audio_output, rates.audio_output),
        (usage.image_output, rates.image_output),
    )
    nano = 0
    for tokens, rate in lines:
        if tokens and rate is None:
            return None
        if tokens and rate is not None:
            nano += cost_nano(tokens, rate)
    return nano


def _fees(usage: Usage, fees: Fees) -> int:
    return (
        fees.call
        + fees.search * usage.searches
        + fees.image * usage.images
        + cost_nano(usage.characters, fees.characters)
        - (-usage.audio_ms * fees.audio_minute // 60_000)
        + (-(-usage.video_ms * _video_second(fees, usage.video_size) // 1000) if usage.video_ms else 0)
    )


def _video_second(fees: Fees, size: str | None) -> int:
    """Of an unknown size: the dearest."""
    if size is None:
        return max((fees.video_second, *fees.video_sizes.values()))
    return fees.video_sizes.get(size, fees.video_second)


def _dearer(one: Fees, other: Fees) -> Fees:
    """Fees that are in no unit below either."""
    sizes = {
        size: max(_video_second(one, size), _video_second(other, size))
        for size in one.video_sizes.keys() | other.video_sizes.keys()
    }
    return Fees(**{name: max(getattr(one, name), getattr(other, name)) for name in _PLAIN}, video_sizes=sizes)


_PLAIN = tuple(name for name in Fees.__struct_fields__ if name != "video_sizes")


class Ceiling(msgspec.Struct, frozen=True):
    """The dearest that some prices of one currency can be: nano-units per million tokens of input and of output by the
    dearest bucket, tier and service, and fees. `rounded`: what rounding up can add. `embedded`: of input that is only
    embedded, which is neither heard nor written to a cache."""

    input: int = 0
    output: int = 0
    fees: Fees = NO_FEES
    rounded: int = 0
    embedded: int = 0

    def nano_embedded(self, into: int) -> int:
        """No embedding of at most so many tokens has a known cost above this."""
        return into * self.embedded // _MILLION + self.rounded + self.fees.call

    def nano(self, into: int, out: int, units: Usage | None = None) -> int:
        """No call of at most so many tokens (and so many of the units in `units`) has a known cost above this."""
        tokens = (into * self.input + out * self.output) // _MILLION + self.rounded
        return tokens + (self.fees.call if units is None else _fees(units, self.fees))

    def with_price(self, price: Price) -> "Ceiling":
        """The ceiling over one price more."""
        share = max(_WHOLE, *price.services.values()) if price.services else _WHOLE
        into = max(max(_given(rates, _INPUTS)) for rates in (price, *price.tiers))
        out = max(max(_given(rates, _OUTPUTS)) for rates in (price, *price.tiers))
        embedded = max(max(_given(rates, _EMBEDDED)) for rates in (price, *price.tiers))
        fees = price.fees or NO_FEES
        return Ceiling(
            max(self.input, -(-into * share // _WHOLE)),
            max(self.output, -(-out * share // _WHOLE)),
            _dearer(self.fees, fees),
            max(self.rounded, -(-len(_INPUTS + _OUTPUTS) * share // _WHOLE) + 1),
            max(self.embedded, -(-embedded * share // _WHOLE)),
        )


_INPUTS = ("input", "cache_read", "cache_write", "cache_write_1h", "audio_input", "image_input")
_EMBEDDED = ("input", "cache_read", "image_input")
_OUTPUTS = ("output", "reasoning", "audio_output", "image_output")
NO_CEILING = Ceiling()


def _given(rates: Rates, names: Iterable[str]) -> list[int]:
    return [rate for rate in (getattr(rates, name) for name in names) if rate is not None]


def prices_of(provider: str, model: str, prices: Iterable[Price]) -> tuple[Price, ...]:
    """The prices that can hold for an upstream model, the best first: longest name, then latest, then highest
    version."""
    found = [price for price in prices if price.provider == provider and matches(price.model, model)]
    return tuple(
        sorted(
            found,
            key=lambda one: (-len(one.model.rstrip("*")), one.model.endswith("*"), -one.valid_from_us, -one.version),
        )
    )


def price_at(prices: Sequence[Price], at_us: int) -> Price | None:
    """Of prices in the order of `prices_of` the one in force at that time."""
    for price in prices:
        if price.valid_from_us <= at_us:
            return price
    return None


def matches(pattern: str, name: str) -> bool:
    """A name, or a prefix ending in `*`."""
    return name.startswith(pattern[:-1]) if pattern.endswith("*") else name == pattern
