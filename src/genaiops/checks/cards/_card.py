"""Cards as they are written, and as they are read."""

from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import Any, Final, Literal, cast

import msgspec

from genaiops.checks.proportion import wilson
from genaiops.core.errors import UsageError

Measure = Literal["recall", "precision", "false_alarms", "auc", "brier", "ece"]
"""`brier`: mean squared distance of a probability from what was so; `ece`: its expected calibration error."""

_PLACES: Final = (("genaiops.checks", "cards"), ("genaiops.checks", "classifying/data"))
"""Package and folder; one that is not there has no cards."""


class Figure(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A measured share or area: `value` over `n` observations, with its bounds of 95 %. `of`: what was measured, in
    words. `date` and `licence` (of the data): None is unknown. `others`: what another program has on the same data."""

    measure: Measure
    of: str
    dataset: str
    n: int
    value: float
    low: float
    high: float
    date: str | None = None
    licence: str | None = None
    made_with: str = ""
    others: Mapping[str, float] = {}


class Card(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Of one detector. No `figures`: nobody has measured it. `version`: digest of a classifier's weights."""

    detector: str
    figures: tuple[Figure, ...] = ()
    limits: tuple[str, ...] = ()
    version: str | None = None


class _Written(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A figure in a file: a count `hits` of `n`, whose share and bounds are computed, or the three as they are."""

    measure: Measure
    of: str
    dataset: str
    n: int
    hits: int | None = None
    value: float | None = None
    low: float | None = None
    high: float | None = None
    date: str | None = None
    licence: str | None = None
    made_with: str = ""
    others: dict[str, float] = {}


class _WrittenCard(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    detector: str
    figures: tuple[_Written, ...] = ()
    limits: tuple[str, ...] = ()


class _Result(msgspec.Struct, frozen=True):
    value: float
    low: float
    high: float
    n: int


class _Metric(msgspec.Struct, frozen=True):
    measure: Measure
    trained_on: str
    tested_on: str
    result: _Result
    threshold: float | None = None


class _Source(msgspec.Struct, frozen=True):
    name: str
    licence: str


class _Classifier(msgspec.Struct, frozen=True):
    """What is read of a classifier's card."""

    name: str
    version: str
    date: str
    made_by: str
    metrics: tuple[_Metric, ...]
    sources: tuple[_Source, ...] = ()
    limits: tuple[str, ...] = ()


def read_card(raw: bytes, *, name: str = "card") -> Card:
    """UsageError for what is none; `name` is the file's."""
    try:
        document = msgspec.json.decode(raw)
        if not isinstance(document, dict):
            raise msgspec.ValidationError("Expected `object`")
        fields = cast("dict[str, Any]", document)
        # a card may stand beside a few numbers of what it is about
        inner = fields.get("card", fields)
        return _of_classifier(msgspec.convert(inner, _Classifier)) if "metrics" in inner else _card(inner)
    except (msgspec.DecodeError, TypeError) as error:  # a ValidationError is a DecodeError
        raise UsageError(f"{name} is no card of a detector: {error}.", remedy="Mend the file.", param=name) from error


@cache
def cards() -> Mapping[str, Card]:
    """Detector -> its card, of those that have one."""
    found = [read_card(raw, name=name) for name, raw in _files()]
    return {card.detector: card for card in found}


def _files() -> Iterator[tuple[str, bytes]]:
    for package, folder in _PLACES:
        place = files(package) / folder
        if place.is_dir():
            for one in sorted(place.iterdir(), key=lambda each: each.name):
                if one.name.endswith(".json"):
                    yield one.name, one.read_bytes()


def _card(document: Any) -> Card:
    written = msgspec.convert(document, _WrittenCard)
    return Card(detector=written.detector, limits=written.limits, figures=tuple(map(_figure, written.figures)))


def _figure(written: _Written) -> Figure:
    plain = msgspec.structs.asdict(written)
    hits = plain.pop("hits")
    given = (written.value, written.low, written.high)
    if written.n >= 1 and (None not in given if hits is None else given == (None, None, None)):
        if hits is not None:
            low, high = wilson(hits, written.n)
            plain |= {"value": hits / written.n, "low": low, "high": high}
        figure = Figure(**plain)
        if 0 <= figure.low <= figure.value <= figure.high <= 1:
            return figure
    raise msgspec.ValidationError(f"The figure of {written.of!r} needs n, and either hits or value, low and high")


def _of_classifier(card: _Classifier) -> Card:
    licences = {source.name: source.licence for source in card.sources}
    return Card(
        detector=card.name,
        version=card.version,
        limits=card.limits,
        figures=tuple(
            Figure(
                measure=metric.measure,
                of=f"trained on {metric.trained_on}"
                + ("" if metric.threshold is None else f", at the threshold {metric.threshold:g}"),
                dataset=metric.tested_on,
                licence=licences.get(metric.tested_on),
                n=metric.result.n,
                value=metric.result.value,
                low=metric.result.low,
                high=metric.result.high,
                date=card.date,
                made_with=card.made_by,
            )
            for metric in card.metrics
        ),
    )
