"""Rows of the tables: a key by its form, and a value by the name it is given to."""

from collections.abc import Callable
from typing import Final

from genaiops.checks.scanning import Pattern
from genaiops.checks.secrets._judging import CHECKSUMS, varied

FAMILY: Final = "secret"
LETTERS: Final = "A-Za-z0-9"
_QUOTED: Final = r"""(?:\\{1,3}["']|["'\x60\s"""
ASSIGNED: Final = rf"{_QUOTED}\]]){{0,4}}[ \t]{{0,16}}(?::{{0,3}}=|=>|\?=|\|\||[:>,])[ \t]{{0,16}}{_QUOTED}=]){{0,5}}"
"""From the end of a name to its value, in programs, JSON (also inside of JSON), YAML, XML, shells and .env files."""
SAID: Final = r"""[ \t]{1,3}(?:(?:is|was|ist|es|est)[: \t]{1,3})?["'\x60]?"""
"""The same in sentences, and behind the flag of a command."""
_DASHED: Final = r"\w-"


def key(
    kind: str,
    title: str,
    regex: str,
    source: str,
    *,
    valid: Callable[[str], bool] | None = varied,
    left: str = LETTERS,
    right: str = _DASHED,
    group: int = 0,
) -> Pattern:
    """A secret that its own form betrays."""
    return Pattern(
        kind=kind,
        family=FAMILY,
        regex=regex,
        group=group,
        left=left,
        right=right,
        valid=valid,
        checked=valid in CHECKSUMS,
        title=title,
        source=source,
    )


def named(
    kind: str,
    title: str,
    name: str,
    value: str,
    source: str,
    *,
    valid: Callable[[str], bool] = varied,
    right: str = LETTERS,
    between: str = ASSIGNED,
) -> Pattern:
    """A value that is a secret because of what it is called: `name` is an expression without groups, in any case."""
    return Pattern(
        kind=kind,
        family=FAMILY,
        regex=rf"(?i:{name})(?:{between})({value})",
        group=1,
        right=right,
        valid=valid,
        title=title,
        source=source,
    )
