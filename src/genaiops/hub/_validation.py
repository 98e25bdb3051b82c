"""Checks that all services share. Each raises a UsageError that names the field (`param`), the value and the remedy."""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

import msgspec

from genaiops.core.errors import NotFound, UsageError
from genaiops.core.ids import is_name
from genaiops.core.suggesting import suggestion
from genaiops.ports.records import View

T = TypeVar("T")

_MODEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@+-]{0,127}")
_LABEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,63}")
_PAGE = 1000


def every(view: View, noun: type[T], where: Mapping[str, str | None] | None = None) -> Iterator[T]:
    """All entities in order of id, read page by page."""
    after: str | None = None
    while page := view.find(noun, where, after=after, limit=_PAGE):
        yield from page
        if len(page) < _PAGE:
            return
        after = getattr(page[-1], "id")  # noqa: B009  every stored noun has one; T cannot say so


def existing(view: View, noun: type[T], entity_id: str, *, word: str, param: str = "id") -> T:
    """The entity, or NotFound with the nearest id."""
    entity = view.get(noun, entity_id)
    if entity is None:
        ids: Iterator[str] = (getattr(other, "id") for other in every(view, noun))  # noqa: B009
        raise NotFound(f"There is no {word} {entity_id!r}.", remedy=suggestion(entity_id, ids), param=param)
    return entity


def checked_name(text: str, *, word: str, param: str = "name") -> str:
    if not is_name(text):
        raise UsageError(
            f"{text!r} cannot be the name of a {word}.",
            remedy="Use 1 to 128 lower case letters, digits and . _ / -, a letter or digit first and last.",
            param=param,
        )
    return text


def is_model_name(text: str) -> bool:
    """Whether `checked_model` takes it."""
    return _MODEL.fullmatch(text) is not None and not text.startswith("app/")


def checked_model(text: str, *, word: str = "model", param: str = "model") -> str:
    """A model's name as clients and providers write it: capitals and `:` too; `app/...` is for applications."""
    if _MODEL.fullmatch(text) is None:
        raise UsageError(
            f"{text!r} cannot be the name of a {word}.",
            remedy="Use 1 to 128 letters, digits and . _ : / @ + -, a letter or digit first.",
            param=param,
        )
    if text.startswith("app/"):
        raise UsageError(
            f"{text!r} cannot be the name of a {word}: names that begin with app/ are those of applications.",
            remedy="Choose another name.",
            param=param,
        )
    return text


def checked_choice(text: str, options: Collection[str], *, word: str, param: str) -> str:
    if text not in options:
        raise UsageError(f"{text!r} is no {word}.", remedy=suggestion(text, options), param=param)
    return text


def checked_text(text: str, *, param: str, longest: int = 200) -> str:
    """A line for people to read."""
    if len(text) > longest or not text.isprintable():
        raise UsageError(
            f"The {param} {text[:40]!r} is too long or holds control characters.",
            remedy=f"Use one line of at most {longest} characters.",
            param=param,
        )
    return text


def checked_number(value: float | None, *, param: str, least: float = 1, most: float = 1 << 62) -> None:
    """None is allowed: not set."""
    if value is not None and not least <= value <= most:
        raise UsageError(f"{param} is {value}.", remedy=f"Use a number from {least} to {most}.", param=param)


def check_labels(labels: Sequence[str], *, param: str) -> None:
    """Regions and tags: they stand in headers with commas between them."""
    for label in labels:
        if _LABEL.fullmatch(label) is None:
            raise UsageError(
                f"{label[:70]!r} cannot stand in {param}.",
                remedy="Use 1 to 64 letters, digits and . _ : / -, a letter or digit first.",
                param=param,
            )
    no_duplicates(labels, param=param)


def no_duplicates(names: Iterable[str], *, param: str) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise UsageError(f"{param} names {name!r} twice.", remedy="Name it once.", param=param)
        seen.add(name)


def as_stored(entity: T) -> T:
    """The entity as it will come back. UsageError where a value is not of its field's type."""
    noun = type(entity)
    try:
        return msgspec.convert(msgspec.to_builtins(entity), noun)
    except (msgspec.ValidationError, TypeError) as error:
        raise UsageError(
            f"The {noun.__name__.lower()} is not well formed: {error}.", remedy="Mend that field."
        ) from error


def changed(entity: T, changes: Mapping[str, Any]) -> T:
    """A copy with those fields changed; UNSET ones stay."""
    given = {name: value for name, value in changes.items() if value is not msgspec.UNSET}
    return msgspec.structs.replace(entity, **given)  # type: ignore[type-var]
