"""Metrics of the form of an answer: JSON, JSON of a schema, XML, and how long it is.

HTML and elements of XML are in `markup`, SQL by its grammar in `statements`.
"""

import json
from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from typing import Any, Final, cast

import msgspec

from genaiops.checks.metrics._metric import Making, OfEach, read_options
from genaiops.checks.structured import Broken, Parsed, Schema, parse
from genaiops.core.errors import UsageError
from genaiops.domain import Measure, MetricCard, Sample
from genaiops.ports.metrics import Metric

_TASKS = ("extraction", "agent", "code")
_DEEP: Final = "The JSON is nested too deeply to be looked at."
_AROUND: Final = "leave out a fence and prose around the JSON (false)"


class _Json(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    around: bool = False
    objects: bool = False


class _SchemaOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    schema: dict[str, Any] | bool | None = None
    around: bool = False
    objects: bool = False


_OBJECTS: Final = "any object of JSON that stands somewhere in the answer is enough (false)"


def _objects(text: str) -> list[Any]:
    """The objects of JSON in a text, the outer ones, in order."""
    decoder, found, place = json.JSONDecoder(), list[Any](), text.find("{")
    while place >= 0:
        try:
            value, end = decoder.raw_decode(text, place)
            found.append(value)
        except ValueError:
            end = place + 1
        place = text.find("{", end)
    return found


def _read(text: str, *, around: bool) -> Parsed | str:
    """The JSON of an answer as it stands there; else why there is none. Nothing is mended."""
    found = parse(text)
    if isinstance(found, Broken):
        return found.reason
    kinds = [each.kind for each in found.repairs]
    broken = [kind for kind in kinds if kind != "around"]
    if found.truncated or broken:
        return f"Its JSON is broken: {broken[0] if broken else 'truncated'}."
    if kinds and not around:
        return "There is something around the JSON."
    return found


def _is_json(options: Mapping[str, Any]) -> Metric:
    chosen = read_options(_Json, options, "is_json")

    def one(sample: Sample) -> Measure:
        if chosen.objects:
            return Measure(value=float(bool(_objects(sample.output))))
        found = _read(sample.output, around=chosen.around)
        return Measure(value=0.0, reason=found) if isinstance(found, str) else Measure(value=1.0)

    card = MetricCard(
        name="is_json",
        title="Is JSON",
        version="1",
        threshold=1.0,
        needs=("output",),
        source="1 when the answer is a text of RFC 8259. Nothing is mended: NaN and a trailing comma are no JSON.",
        options={"around": _AROUND, "objects": _OBJECTS},
        tasks=_TASKS,
    )
    return OfEach(card, one)


def _json_equals(options: Mapping[str, Any]) -> Metric:
    chosen = read_options(_Json, options, "json_equals")

    def one(sample: Sample) -> Measure:
        wanted = [_read(each, around=False) for each in sample.expected]
        for text, each in zip(sample.expected, wanted, strict=True):
            if isinstance(each, str):
                return Measure(error=f"The reference {text[:80]!r} is no JSON: {each}")
        found = _read(sample.output, around=chosen.around)
        if isinstance(found, str):
            return Measure(value=0.0, reason=found)
        try:
            said = _canonical(found.value)
            return Measure(value=float(any(said == _canonical(cast("Parsed", each).value) for each in wanted)))
        except RecursionError:
            return Measure(error=_DEEP)

    card = MetricCard(
        name="json_equals",
        title="Is the same JSON as a reference",
        version="1",
        threshold=1.0,
        source="1 when the answer is the same value as a reference: names in any order, 1 and 1.0 the same number, "
        "items of arrays in their order.",
        options={"around": _AROUND},
        tasks=_TASKS,
    )
    return OfEach(card, one)


def _canonical(value: Any) -> str:
    return json.dumps(_plain(value), sort_keys=True, ensure_ascii=True)


def _plain(value: Any) -> Any:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, list):
        return [_plain(each) for each in cast("list[Any]", value)]
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in cast("dict[str, Any]", value).items()}
    return value


def _json_schema(options: Mapping[str, Any]) -> Metric:
    chosen = read_options(_SchemaOptions, options, "json_schema")
    given = None if chosen.schema is None else Schema(chosen.schema)

    def one(sample: Sample) -> Measure:
        try:
            schemas = [given] if given is not None else [_schema(each) for each in sample.expected]
            if chosen.objects:
                fits = any(not each.problems(one) for one in _objects(sample.output) for each in schemas)
                return Measure(value=float(fits), reason="" if fits else "No object of JSON in it fits the schema.")
            found = _read(sample.output, around=chosen.around)
            if isinstance(found, str):
                return Measure(value=0.0, reason=found)
            problems = [each.problems(found.value) for each in schemas]
        except UsageError as error:
            return Measure(error=error.message)
        except RecursionError:
            return Measure(error=_DEEP)
        best = min(problems, key=len)
        if not best:
            return Measure(value=1.0)
        return Measure(value=0.0, reason=f"At {best[0].path or 'the top'}: {best[0].message}"[:300])

    card = MetricCard(
        name="json_schema",
        title="Is JSON of a schema",
        version="1",
        threshold=1.0,
        needs=("output",) if given is not None else ("output", "expected"),
        source="1 when the answer is JSON that the schema takes: JSON Schema, by the draft it names, else 2020-12.",
        reference="jsonschema",
        options={
            "schema": "the schema, in place of the references of the case, each the text of one",
            "around": _AROUND,
            "objects": _OBJECTS,
        },
        tasks=_TASKS,
    )
    return OfEach(card, one)


@lru_cache(maxsize=64)
def _schema(text: str) -> Schema:
    try:
        return Schema(json.loads(text))
    except ValueError as error:
        raise UsageError(f"The reference {text[:80]!r} is no JSON Schema: {error}.") from None


class _None(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    pass


def _is_xml(options: Mapping[str, Any]) -> Metric:
    read_options(_None, options, "is_xml")

    def one(sample: Sample) -> Measure:
        wrong = xml_problem(sample.output)
        return Measure(value=float(not wrong), reason=wrong)

    card = MetricCard(
        name="is_xml",
        title="Is XML",
        version="1",
        threshold=1.0,
        needs=("output",),
        source="1 when the answer is a well-formed document of XML 1.0 (by expat). A document type is refused: its "
        "entities could grow without bound.",
        tasks=_TASKS,
    )
    return OfEach(card, one)


def xml_problem(text: str) -> str:
    """Why it is no XML; empty: it is."""
    from xml.parsers.expat import ExpatError, ParserCreate

    class Refused(Exception):
        pass

    def refuse(*_: object) -> None:
        raise Refused

    parser = ParserCreate()
    parser.StartDoctypeDeclHandler = refuse
    try:
        parser.Parse(text.strip().encode("utf-8"), True)
    except Refused:
        return "It has a document type."
    except UnicodeEncodeError:
        return "It has half a character."
    except ExpatError as error:
        return f"It is no XML: {error}."
    return ""


class _Bounds(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    least: int | None = None
    most: int | None = None


def _counted(name: str, unit: str, count: Callable[[str], int], options: Mapping[str, Any]) -> Metric:
    chosen = read_options(_Bounds, options, name)
    bounded = chosen.least is not None or chosen.most is not None
    least, most = chosen.least or 0, chosen.most
    if least < 0 or (most is not None and most < least):
        raise UsageError(
            f"The options of the metric {name!r} are not right: no text has {least} to {most} {unit}.",
            remedy="Write least from 0 on, and most from least on.",
            param="options",
        )

    def one(sample: Sample) -> Measure:
        number = count(sample.output)
        if not bounded:
            return Measure(value=float(number))
        within = least <= number and (most is None or number <= most)
        return Measure(value=float(within), reason=f"It has {number} {unit}.", parts={unit: float(number)})

    what = "parts of the answer between white space" if unit == "words" else "characters (code points) of the answer"
    card = MetricCard(
        name=name,
        title=f"Number of {unit}" if not bounded else f"Has as many {unit} as wanted",
        version="1",
        unit="" if bounded else unit,
        high=1.0 if bounded else None,
        better="higher" if bounded else "neither",
        threshold=1.0 if bounded else None,
        needs=("output",),
        source=f"The {what}. With least or most: 1 when it is within them, both included.",
        options={"least": "at least so many", "most": "at most so many"},
        tasks=("summarisation", "answering", "conversation"),
    )
    return OfEach(card, one)


def _words(text: str) -> int:
    return len(text.split())


MAKING: Final[Mapping[str, Making]] = {
    "is_json": _is_json,
    "json_equals": _json_equals,
    "json_schema": _json_schema,
    "is_xml": _is_xml,
    "word_count": partial(_counted, "word_count", "words", _words),
    "length": partial(_counted, "length", "characters", len),
}
