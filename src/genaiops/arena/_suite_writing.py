"""Suites as TOML that people go on with: what `read_suite_document` reads, written so that it reads the same again."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, cast

import msgspec

_BARE: Final = re.compile(r"[A-Za-z0-9_-]+")
_LISTS: Final = ("target", "cases", "case", "check")
_TABLES: Final = ("run", "shots", "gate", "watch", "attacker")


def written_suite(document: Mapping[str, Any]) -> str:
    """TOML. What is null is left out: TOML knows none."""
    plain = {name: each for name, each in document.items() if name not in (*_LISTS, *_TABLES)}
    blocks = ["\n".join(_lines(plain))]
    for name in _LISTS:
        blocks += ["\n".join((f"[[{name}]]", *_lines(each))) for each in document.get(name, ())]
    blocks += ["\n".join((f"[{name}]", *_lines(document[name]))) for name in _TABLES if document.get(name)]
    return "\n\n".join(block for block in blocks if block) + "\n"


def _lines(fields: Mapping[str, Any]) -> Iterator[str]:
    for name, value in fields.items():
        if value is not None:
            yield f"{_key(name)} = {_value(value)}"


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else _value(name)


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        said = ", ".join(_lines(cast("Mapping[str, Any]", value)))
        return f"{{ {said} }}" if said else "{}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(_value(each) for each in cast('Sequence[Any]', value) if each is not None)}]"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return f"{value:.1f}"
    # Strings of JSON are strings of TOML, but for one control character that JSON writes as it is.
    return msgspec.json.encode(value).decode().replace("\x7f", "\\u007f")
