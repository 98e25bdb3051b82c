"""How prices are told over the API: decimal text in units of the currency, null where nobody knows."""

from typing import Any

import msgspec

from genaiops.api._documents import shown
from genaiops.core.money import NANO, from_nano
from genaiops.domain import Fees, Price, Rates


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
    """For a call, a rerank search, an image, a million characters of speech, a minute of audio, a second of video."""

    call: str
    search: str
    image: str
    characters: str
    audio_minute: str
    video_second: str
    video_sizes: dict[str, str]


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


def shown_price(price: Price) -> PriceDocument:
    tiers = tuple(TierDocument(above_tokens=tier.above_tokens, **_amounts(tier, Rates)) for tier in price.tiers)
    fees = None if price.fees is None else FeesDocument(**_amounts(price.fees, Fees))
    services = {name: from_nano(share * NANO // 1000) for name, share in price.services.items()}
    return shown(price, PriceDocument, **_amounts(price, Rates), tiers=tiers, fees=fees, services=services)


def _amounts(given: Rates | Fees, kind: type[Rates | Fees]) -> dict[str, Any]:
    """As decimal text, also where there is one for each of several sizes."""
    amounts: dict[str, Any] = {name: getattr(given, name) for name in kind.__struct_fields__}
    sizes = {size: from_nano(nano) for size, nano in amounts.pop("video_sizes", {}).items()}
    found: dict[str, Any] = {name: None if nano is None else from_nano(nano) for name, nano in amounts.items()}
    return found | ({"video_sizes": sizes} if kind is Fees else {})
