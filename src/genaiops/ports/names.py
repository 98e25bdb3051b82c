"""Names of people, places and organisations in a text: no form tells them, so a model or a service has to. Engines that
find secrets are asked in the same way."""

from collections.abc import Callable
from typing import Final, Protocol

from genaiops.domain import Finding, GuardRule

NAME_KINDS: Final = ("person", "location", "organisation")
MOST_CHARACTERS: Final = 100_000
"""Of a text in which names are looked for."""


class Names(Protocol):
    @property
    def name(self) -> str:
        """Who finds."""
        ...

    async def find(self, text: str) -> list[Finding]:
        """Findings of the kinds of NAME_KINDS, or of the engine's, from left to right, none within another. It may
        take seconds.
        OutsideError when it cannot be asked, is late or answers something else; TooLarge beyond its bound."""
        ...


FindNames = Callable[[GuardRule], Names | None]
"""Who is asked for a rule (None: nobody is there)."""
