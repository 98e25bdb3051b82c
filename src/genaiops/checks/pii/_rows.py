"""How the rows of the table are made."""

import importlib
from collections.abc import Callable
from functools import cache, partial
from typing import Final

from genaiops.checks.scanning import Pattern

personal: Final = partial(Pattern, family="pii", left=r"\w", right=r"\w")
"""A pattern whose value is no part of a longer word. Not by a boundary in the expression: what stands before may be the
letter of an escaped line break, which `left` lets pass."""

NATIONAL_ID: Final = (
    *("national id", "national identification number", "national identity number", "national identity card"),
    *("identity card", "identity number", "id card", "personal id", "citizen id", "identity document"),
)
TAX_ID: Final = ("tax id", "tax identification number", "tax number", "taxpayer id", "taxpayer number", "tin")


def stdnum(module: str) -> Callable[[str], bool]:
    """`stdnum.{module}.is_valid`, loaded when it first has something to judge."""
    load = _loader(module)

    def valid(value: str) -> bool:
        return load()(value)

    return valid


def _loader(module: str) -> Callable[[], Callable[[str], bool]]:
    @cache
    def load() -> Callable[[str], bool]:
        return importlib.import_module(f"stdnum.{module}").is_valid

    return load


def identity(
    kind: str,
    regex: str,
    valid: str | Callable[[str], bool] | None,
    title: str,
    *context: str,
    checked: bool = True,
) -> Pattern:
    """A number that a country gives to people; `kind` begins with the country's code. `valid`: a module of stdnum, or a
    judge. Without words of context it is told by its form and its checksum alone."""
    return personal(
        kind=kind,
        regex=regex,
        valid=stdnum(valid) if isinstance(valid, str) else valid,
        title=title,
        context=tuple(dict.fromkeys(context)),
        checked=checked and valid is not None,
        country=kind[:2].upper(),
    )
