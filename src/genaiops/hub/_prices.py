"""Prices: a table that only grows. Setting a price adds a line with the next version; no line is ever edited."""

import tomllib
from collections.abc import Iterable, Sequence
from datetime import date
from importlib.resources import files

import msgspec

from genaiops.core.clock import from_iso
from genaiops.core.errors import UsageError
from genaiops.core.money import to_nano
from genaiops.domain import Price
from genaiops.hub._service import Clock, Service
from genaiops.hub._validation import checked_model, checked_name, checked_text, every
from genaiops.ports.records import Records, Unit, View

_BUCKETS = ("input", "output", "cache_read", "cache_write", "reasoning")


class NewPrice(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Amounts are decimal text in `currency` per million tokens: `"2.50"`. `valid_from_us` None: from now on."""

    provider: str
    model: str
    input: str
    output: str
    cache_read: str | None = None
    cache_write: str | None = None
    reasoning: str | None = None
    currency: str = "USD"
    valid_from_us: int | None = None
    source: str = ""


class _TableLine(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    provider: str
    model: str
    input: str
    output: str = "0"
    cache_read: str | None = None
    cache_write: str | None = None
    reasoning: str | None = None


class _Table(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A price table as a file: when it was checked, and where each provider publishes its prices."""

    checked: date
    currency: str
    sources: dict[str, str]
    price: list[_TableLine]


class Prices(Service[Price]):
    def __init__(self, records: Records, clock: Clock) -> None:
        super().__init__(records, clock, Price, "price")

    def list(self) -> Sequence[Price]:
        """All lines that ever were, by provider, model and version."""
        return sorted(self._all(), key=lambda price: (price.provider, price.model, price.version))

    def set(self, new: NewPrice, *, by: str) -> Price:
        """Add a line: version 1, or one more than the newest of that provider and model."""
        return self.set_all((new,), by=by)[0]

    def set_all(self, new: Sequence[NewPrice], *, by: str) -> Sequence[Price]:
        with self._records.write(by) as unit:
            return add_lines(unit, new, self._clock())

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
        lines.append(NewPrice(**fields, currency=table.currency, valid_from_us=valid_from_us, source=source))
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
        newest = _newest(view, line.provider, line.model)
        if newest is None or _amounts(_checked(line, newest.version, newest.created_us)) != _amounts(newest):
            lines.append(line)
    return lines


def _amounts(price: Price) -> tuple[str, int, int, int | None, int | None, int | None]:
    return price.currency, price.input, price.output, price.cache_read, price.cache_write, price.reasoning


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
    amounts: dict[str, int | None] = {}
    for bucket in _BUCKETS:
        text: str | None = getattr(new, bucket)
        nano = None if text is None else to_nano(text, what=f"price of {bucket}")
        if nano is not None and nano < 0:
            raise UsageError(f"The price of {bucket} is {text}.", remedy="Use 0 or more.", param=bucket)
        amounts[bucket] = nano
    return Price(
        id=f"{new.provider}/{new.model}@{version}",
        version=version,
        provider=new.provider,
        model=new.model,
        currency=new.currency,
        input=amounts["input"] or 0,
        output=amounts["output"] or 0,
        cache_read=amounts["cache_read"],
        cache_write=amounts["cache_write"],
        reasoning=amounts["reasoning"],
        valid_from_us=now_us if new.valid_from_us is None else new.valid_from_us,
        source=checked_text(new.source, param="source"),
        created_us=now_us,
    )
