"""Functions that a suite brings, called in processes of their own."""

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

import msgspec

from genaiops.domain import Script


class Returned(msgspec.Struct, frozen=True):
    """What a function gave, as JSON has it. `error`: why it gave nothing."""

    value: Any = None
    error: str = ""


class Scripts(Protocol):
    """Slow: not for an event loop; from any thread."""

    def check(self, scripts: Iterable[Script]) -> None:
        """UsageError names what is not here (a language, a file, a function) and what is no code."""
        ...

    def call(self, script: Script, given: Mapping[str, Any], seconds: float = 30.0) -> Returned:
        """Called with those of `given` that it takes, by their names."""
        ...
