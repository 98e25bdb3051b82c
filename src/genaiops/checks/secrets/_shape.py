"""Rows of the tables: a key by its form, and a value by the name it is given to."""

from collections.abc import Callable
from typing import Final

from genaiops.checks.scanning import Pattern
from genaiops.checks.secrets._judging import CHECKSUMS, varied

FAMILY: Final = "secret"
LETTERS: Final = "A-Za-z0-9"
ASSIGNED: Final = r"""["'\x60\]\s]{0,4}(?::{0,3}=|=>|\?=|\|\||[:>,])[\s"'\x60=]{0,5}"""
"""From the end of a name to its value, in programs, JSON, YAML, shells and .env files."""
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
) -> Pattern:
    """A value that is a secret because of what it is called: `name` is an expression without groups, in any case."""
    return Pattern(
        kind=kind,
        family=FAMILY,
        regex=rf"(?i:{name}){ASSIGNED}({value})",
        group=1,
        right=right,
        valid=valid,
        title=title,
        source=source,
    )
