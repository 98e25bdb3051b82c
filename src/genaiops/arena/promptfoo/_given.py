"""What an assertion was written with, and who grades where it names nobody."""

from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from genaiops.arena.promptfoo._files import Folder, Refused
from genaiops.domain import SuiteCheck

JUDGE: Final = "gpt-5.5-2026-04-23"
"""Whom promptfoo 0.121.20 asks to grade where nobody is named."""


class Grading(msgspec.Struct):
    """`judge`: who grades where no provider is named ("": promptfoo's default). `notes`: what is not quite as there."""

    judge: str = ""
    notes: list[str] = []

    def note(self, said: str) -> None:
        if said not in self.notes:
            self.notes.append(said)


class Given(msgspec.Struct, frozen=True, kw_only=True):
    """One assertion. `base`: its type without `not-`; `options`: of its test (`provider`, `rubricPrompt`)."""

    base: str
    value: Any
    fields: Mapping[str, Any]
    path: str
    folder: Folder
    grading: Grading
    options: Mapping[str, Any] = {}
    negate: bool = False

    @property
    def threshold(self) -> float | None:
        return number(self.fields.get("threshold"), f"{self.path}.threshold")

    def refused(self, field: str, message: str, remedy: str = "Mend it.") -> Refused:
        return Refused(f"{self.path}.{field}" if field else self.path, message, remedy)


Maker = Callable[[Given], SuiteCheck]


def number(value: Any, path: str) -> float | None:
    """None for nothing; a number that is written as a text is one."""
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            value = path  # no number
    if value is not None and (not isinstance(value, int | float) or isinstance(value, bool)):
        raise Refused(path, "A threshold is a number.", "Mend it.")
    return value
