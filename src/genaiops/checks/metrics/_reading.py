"""What an answer says: its class, its number, its probability. What cannot be read is told as that, never guessed."""

import importlib
import json
import math
from collections.abc import Callable
from typing import Annotated, Any, Final, Literal, cast

import msgspec

from genaiops.core.errors import UsageError
from genaiops.domain import Sample

_re2: Final[Any] = importlib.import_module("re2")  # its package has no types
_NUMBER: Final[Any] = _re2.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")
_TRIM: Final = " \t\r\n\"'`*.!:,;"
_SHOWN: Final = 60


class Unread(msgspec.Struct, frozen=True):
    """Nothing could be read, and why."""

    why: str


class FieldReading(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`field`: where it stands in an answer that is a JSON object (`result.score`). `pattern`: a regular expression
    (RE2); what its first group finds, or all of it."""

    field: str = ""
    pattern: str = ""


class LabelReading(FieldReading, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`labels`: the classes. An answer that names exactly one of them is read as it."""

    labels: tuple[Annotated[str, msgspec.Meta(min_length=1)], ...] = ()
    ignore_case: bool = True
    unreadable: Literal["error", "wrong"] = "error"


FIELD_OPTIONS: Final[dict[str, str]] = {
    "field": "where it stands in an answer that is a JSON object, such as result.score (the whole answer)",
    "pattern": "a regular expression whose first group is it (none)",
}
LABEL_OPTIONS: Final[dict[str, str]] = {
    "labels": "the classes; an answer that names exactly one of them is read as it (the whole answer is the class)",
    **FIELD_OPTIONS,
    "ignore_case": "fold case (true)",
    "unreadable": "error, or wrong: an answer that cannot be read is of no class (error)",
}

Read = Callable[[Sample], str | Unread]


def label_reader(reading: LabelReading, metric: str) -> Read:
    """Reads the class of an answer: `Sample.label` if it is there. UsageError for a pattern that is none, and for
    classes that are the same."""
    text_of = _text_reader(reading, metric)
    known = {_form(label, reading): label for label in reading.labels}
    if len(known) < len(reading.labels):
        raise UsageError(
            f"The metric {metric!r} has two classes that are written alike.",
            remedy="Name each class once.",
            param="options.labels",
        )
    named = _names(reading) if known else None

    def read(sample: Sample) -> str | Unread:
        text = sample.label if sample.label is not None else text_of(sample)
        if isinstance(text, Unread):
            return text
        form = _form(text, reading)
        if named is None:
            return form or Unread("The answer is empty.")
        if form in known:
            return _form(known[form], reading)
        found = {_form(each, reading) for each in named.findall(text)}
        if len(found) == 1:
            return found.pop()
        if found:
            return Unread(f"The answer names {len(found)} classes: {', '.join(sorted(found))}.")
        return Unread(f"The answer names no class: {_shown(text)}")

    return read


def truth_reader(reading: LabelReading) -> Read:
    """Reads the class that is right: the one reference."""
    known = {_form(label, reading) for label in reading.labels}

    def read(sample: Sample) -> str | Unread:
        forms = {_form(each, reading) for each in sample.expected}
        if len(forms) != 1:
            return Unread(f"One class is right, and there are {len(forms)} references.")
        [form] = forms
        if known and form not in known:
            return Unread(f"The reference {form!r} is none of the classes {', '.join(reading.labels)}.")
        return form

    return read


def label_form(text: str, reading: LabelReading) -> str:
    """A class as it is compared."""
    return _form(text, reading)


def check_positive(chosen: Any, metric: str) -> None:
    """UsageError when the option `positive` is none of the classes."""
    known = [label_form(each, chosen) for each in chosen.labels]
    if chosen.positive and known and label_form(chosen.positive, chosen) not in known:
        raise UsageError(
            f"The positive class {chosen.positive!r} of the metric {metric!r} is none of its labels.",
            remedy=f"There are: {', '.join(chosen.labels)}.",
            param="options.positive",
        )


def number_reader(reading: FieldReading, metric: str) -> Callable[[Sample], float | Unread]:
    """Reads the number of an answer: `Sample.number` if it is there, else the only one in its text."""
    text_of = _text_reader(reading, metric)

    def read(sample: Sample) -> float | Unread:
        if sample.number is not None:
            return sample.number
        text = text_of(sample)
        return text if isinstance(text, Unread) else number_in(text)

    return read


def probability_reader(reading: FieldReading, metric: str) -> Callable[[Sample], float | Unread]:
    """Reads a probability, from 0 to 1: `Sample.probability` if it is there."""
    text_of = _text_reader(reading, metric)

    def read(sample: Sample) -> float | Unread:
        value = sample.probability
        if value is None:
            text = text_of(sample)
            read = text if isinstance(text, Unread) else number_in(text)
            if isinstance(read, Unread):
                return read
            value = read
        return value if 0 <= value <= 1 else Unread(f"{value:g} is no probability.")

    return read


def number_in(text: str) -> float | Unread:
    """The text as a number, or the only number in it."""
    try:
        value = float(text)
    except ValueError:
        found = _NUMBER.findall(text)
        if len(found) != 1:
            said = "no number" if not found else f"{len(found)} numbers"
            return Unread(f"The answer holds {said}: {_shown(text)}")
        value = float(found[0])
    return value if math.isfinite(value) else Unread(f"{text.strip()} is no finite number.")


def _text_reader(reading: FieldReading, metric: str) -> Read:
    pattern: Any = None
    if reading.pattern:
        try:
            pattern = _re2.compile(reading.pattern, _quiet())
        except _re2.error as error:
            why = error.args[0].decode() if error.args and isinstance(error.args[0], bytes) else str(error)
            raise UsageError(
                f"The pattern of the metric {metric!r} is no regular expression: {why}.",
                remedy="Patterns are those of RE2: no lookahead, no backreference.",
                param="options.pattern",
            ) from None

    def read(sample: Sample) -> str | Unread:
        text = _field(sample.output, reading.field) if reading.field else sample.output
        if isinstance(text, Unread) or pattern is None:
            return text
        found = pattern.search(text)
        if found is None:
            return Unread(f"The pattern is not found: {_shown(text)}")
        return (found.group(1) if pattern.groups else found.group()) or Unread("What the pattern finds is empty.")

    return read


def _quiet() -> Any:
    options = _re2.Options()
    options.log_errors = False
    return options


def _field(output: str, path: str) -> str | Unread:
    try:
        value = json.loads(output)
    except ValueError:
        return Unread(f"The answer is no JSON: {_shown(output)}")
    for part in path.split("."):
        if not isinstance(value, dict) or part not in value:
            return Unread(f"The answer has no field {path!r}.")
        value = cast("dict[str, Any]", value)[part]
    return value if isinstance(value, str) else json.dumps(value)


def _names(reading: LabelReading) -> Any:
    """Finds classes as whole words, the longest first: `not spam` before `spam`."""
    longest = sorted(reading.labels, key=len, reverse=True)
    flag = "(?i)" if reading.ignore_case else ""
    each = "|".join(_bounded(label.strip(_TRIM) or label) for label in longest)
    return _re2.compile(f"{flag}({each})")


def _bounded(label: str) -> str:
    left = r"\b" if label[:1].isascii() and label[:1].isalnum() else ""
    right = r"\b" if label[-1:].isascii() and label[-1:].isalnum() else ""
    return f"{left}{_re2.escape(label)}{right}"


def _form(text: str, reading: LabelReading) -> str:
    text = text.strip(_TRIM) or text.strip()
    return text.casefold() if reading.ignore_case else text


def _shown(text: str) -> str:
    text = " ".join(text.split())
    return repr(text if len(text) <= _SHOWN else text[: _SHOWN - 3] + "...")
