"""Prices: a table that only grows. Setting a price adds a line with the next version; no line is ever edited."""

import difflib
import re
import tomllib
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date
from importlib.resources import files
from typing import Any

import msgspec

from genaiops.core.clock import from_iso
from genaiops.core.errors import UsageError
from genaiops.core.money import NANO, to_nano
from genaiops.domain import Fees, Price, Rates, Tier
from genaiops.hub._service import Clock, Service
from genaiops.hub._validation import checked_model, checked_name, checked_text, every
from genaiops.ports.records import Records, Unit, View

_BUCKETS = Rates.__struct_fields__
_FEES = tuple(name for name in Fees.__struct_fields__ if name != "video_sizes")
_SIZE = re.compile(r"[1-9]\d{0,4}x[1-9]\d{0,4}")
_MOST_SIZES = 32
_MOST_TIERS = 16
_MOST_SERVICES = 16
_DEAREST_SERVICE = 10


class NewRates(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Decimal text a million tokens of each bucket: `"2.50"`; see `genaiops.domain.Rates` for what None means."""

    input: str
    output: str
    cache_read: str | None = None
    cache_write: str | None = None
    cache_write_1h: str | None = None
    reasoning: str | None = None
    audio_input: str | None = None
    audio_output: str | None = None
    image_input: str | None = None
    image_output: str | None = None


class NewTier(NewRates, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The rates of calls with more than so many tokens of input."""

    above_tokens: int


class NewFees(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Decimal text for a call, a rerank search, an image made, a million characters of speech, a minute of audio, a
    second of video; `video_sizes`: for a second of video of that size, as `{"1792x1024": "0.50"}`."""

    call: str = "0"
    search: str = "0"
    image: str = "0"
    characters: str = "0"
    audio_minute: str = "0"
    video_second: str = "0"
    video_sizes: dict[str, str] = {}


class NewPrice(NewRates, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Amounts are decimal text in `currency`; those of NewRates per million tokens. `services`: class of service ->
    its share of the rates, as `{"batch": "0.5"}`. `valid_from_us` None: from now on.
    """

    provider: str
    model: str
    currency: str = "USD"
    tiers: tuple[NewTier, ...] = ()
    fees: NewFees | None = None
    services: dict[str, str] = {}
    valid_from_us: int | None = None
    source: str = ""


class _TableLine(NewRates, frozen=True, kw_only=True, forbid_unknown_fields=True):
    provider: str
    model: str
    output: str = "0"
    tiers: tuple[NewTier, ...] = ()
    fees: NewFees | None = None
    services: dict[str, str] = {}
    valid_from: date | None = None


class _Table(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A price table as a file: when it was checked, and where each provider publishes its prices. A line holds from
    that day on, or from its own `valid_from`."""

    checked: date
    currency: str
    sources: dict[str, str]
    price: list[_TableLine]


class Prices(Service[Price]):
    """`providers`: those that are known (None: any name will do)."""

    def __init__(self, records: Records, clock: Clock, providers: Collection[str] | None = None) -> None:
        super().__init__(records, clock, Price, "price")
        self._providers = providers

    def list(self) -> Sequence[Price]:
        """All lines that ever were, by provider, model and version."""
        return sorted(self._all(), key=lambda price: (price.provider, price.model, price.version))

    def set(self, new: NewPrice, *, by: str) -> Price:
        """Add a line: version 1, or one more than the newest of that provider and model."""
        return self.set_all((new,), by=by)[0]

    def set_all(self, new: Sequence[NewPrice], *, by: str) -> Sequence[Price]:
        for line in new:
            self._refuse_slip(line.provider)
        with self._records.write(by) as unit:
            return add_lines(unit, new, self._clock())

    def _refuse_slip(self, provider: str) -> None:
        """A provider that is not known may be priced beforehand; one that resembles a known one is a slip."""
        known = self._providers
        near = difflib.get_close_matches(provider, known, 1, 0.75) if known and provider not in known else []
        if near:
            raise UsageError(
                f"There is no provider {provider!r}.", remedy=f"Did you mean {near[0]!r}?", param="provider"
            )

    def import_table(self, toml: str | None = None, *, by: str) -> Sequence[Price]:
        """Add what differs from the newest lines; the lines added. None: the table that comes with the program.

        `toml` is a table of the form of `hub/data/prices.toml`; its lines are valid from the day it was checked.
        """
        new = read_table(packaged_table() if toml is None else toml)
        with self._records.write(by) as unit:
            return add_lines(unit, _changed_only(unit, new), self._clock())


def packaged_table() -> str:
    return files("genaiops.hub").joinpath("data/prices.toml").read_text(encoding="utf-8")


def read_table(toml: str) -> Sequence[NewPrice]:
    try:
        table = msgspec.convert(tomllib.loads(toml), _Table)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise UsageError(
            f"The price table cannot be read: {error}.", remedy="Mend that place.", param="prices"
        ) from error
    valid_from_us = from_iso(table.checked.isoformat())
    lines: list[NewPrice] = []
    for line in table.price:
        if line.provider not in table.sources:
            raise UsageError(
                f"The price table has a line of {line.provider!r} and no source for it.",
                remedy=f"Add {line.provider} to [sources].",
                param="sources",
            )
        source = f"{table.sources[line.provider]} as of {table.checked.isoformat()}"
        fields = msgspec.structs.asdict(line)
        since: date | None = fields.pop("valid_from")
        since_us = valid_from_us if since is None else from_iso(since.isoformat())
        lines.append(NewPrice(**fields, currency=table.currency, valid_from_us=since_us, source=source))
    return lines


def add_lines(unit: Unit, new: Iterable[NewPrice], now_us: int) -> Sequence[Price]:
    """As `Prices.set_all`, within a unit."""
    added: list[Price] = []
    for line in new:
        newest = _newest(unit, line.provider, line.model)
        price = _checked(line, 1 if newest is None else newest.version + 1, now_us)
        unit.add(price)
        added.append(price)
    return added


def _changed_only(view: View, new: Iterable[NewPrice]) -> list[NewPrice]:
    lines: list[NewPrice] = []
    for line in new:
        former = every(view, Price, {"provider": line.provider, "model": line.model})
        # Of lines with the same beginning the newest counts; a table may hold a model's former prices too.
        rivals = [price for price in former if price.valid_from_us == line.valid_from_us]
        newest = max(rivals, key=lambda price: price.version, default=None) or _newest(view, line.provider, line.model)
        if newest is None or _amounts(_checked(line, newest.version, newest.created_us)) != _amounts(newest):
            lines.append(line)
    return lines


def _amounts(price: Price) -> Price:
    """What makes two lines charge alike."""
    return msgspec.structs.replace(price, id="", version=0, valid_from_us=0, source="", created_us=0)


def _newest(view: View, provider: str, model: str) -> Price | None:
    lines = every(view, Price, {"provider": provider, "model": model})
    return max(lines, key=lambda price: price.version, default=None)


def _checked(new: NewPrice, version: int, now_us: int) -> Price:
    checked_name(new.provider, word="provider", param="provider")
    stem = new.model.removesuffix("*")
    if stem or not new.model:  # "*" alone prices all models of a provider
        checked_model(stem)
    if len(new.currency) != 3 or not (new.currency.isalpha() and new.currency.isupper() and new.currency.isascii()):
        raise UsageError(
            f"{new.currency!r} is no currency.", remedy="Use three capitals, such as USD.", param="currency"
        )
    if new.valid_from_us is not None and not 0 <= new.valid_from_us < 1 << 62:
        raise UsageError(f"valid_from_us is {new.valid_from_us}.", remedy="Use a time.", param="valid_from_us")
    return Price(
        id=f"{new.provider}/{new.model}@{version}",
        version=version,
        provider=new.provider,
        model=new.model,
        currency=new.currency,
        **_rates(new),
        tiers=_tiers(new.tiers),
        fees=_fees(new.fees),
        services=_services(new.services),
        valid_from_us=now_us if new.valid_from_us is None else new.valid_from_us,
        source=checked_text(new.source, param="source"),
        created_us=now_us,
    )


def _rates(given: NewRates) -> dict[str, Any]:
    return {bucket: _nano(given, bucket) for bucket in _BUCKETS}


def _fees(given: NewFees | None) -> Fees | None:
    if given is None:
        return None
    sizes: dict[str, int] = {}
    for size, text in given.video_sizes.items():
        if _SIZE.fullmatch(size) is None or len(given.video_sizes) > _MOST_SIZES:
            raise UsageError(
                f"{size[:64]!r} is no size of a video, or there are more than {_MOST_SIZES}.",
                remedy="Write width and height, as 1280x720.",
                param="fees",
            )
        sizes[size] = to_nano(text, what=f"price of {size}")
        if sizes[size] < 0:
            raise UsageError(f"The price of {size} is {text}.", remedy="Use 0 or more.", param="fees")
    return Fees(**{name: _nano(given, name) or 0 for name in _FEES}, video_sizes=sizes)


def _nano(given: NewRates | NewFees, name: str) -> int | None:
    text: str | None = getattr(given, name)
    nano = None if text is None else to_nano(text, what=f"price of {name}")
    if nano is not None and nano < 0:
        raise UsageError(f"The price of {name} is {text}.", remedy="Use 0 or more.", param=name)
    return nano


def _tiers(given: Sequence[NewTier]) -> tuple[Tier, ...]:
    marks = [tier.above_tokens for tier in given]
    if marks != sorted(set(marks)) or any(mark < 0 for mark in marks) or len(marks) > _MOST_TIERS:
        raise UsageError(
            f"The tiers begin above {marks} tokens.",
            remedy=f"Give at most {_MOST_TIERS}, each above more tokens than the one before.",
            param="tiers",
        )
    return tuple(Tier(above_tokens=tier.above_tokens, **_rates(tier)) for tier in given)


def _services(given: Mapping[str, str]) -> dict[str, int]:
    """Class of service -> thousandths, rounded up."""
    if len(given) > _MOST_SERVICES:
        raise UsageError(
            f"There are {len(given)} classes of service.", remedy=f"Use at most {_MOST_SERVICES}.", param="services"
        )
    shares: dict[str, int] = {}
    for name, text in given.items():
        checked_name(name, word="class of service", param="services")
        share = to_nano(text, what=f"share of {name}")
        if not 0 <= share <= _DEAREST_SERVICE * NANO:
            raise UsageError(
                f"The share of {name} is {text}.",
                remedy=f"Write half price as 0.5; {_DEAREST_SERVICE} is the most.",
                param="services",
            )
        shares[name] = -(-share * 1000 // NANO)
    return shares
