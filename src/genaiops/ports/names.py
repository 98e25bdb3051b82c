"""Names of people, places and organisations in a text: no form tells them, so a model or a service has to."""

from typing import Protocol

from genaiops.domain import Finding


class Names(Protocol):
    @property
    def name(self) -> str:
        """What finds, and its version where it says one."""
        ...

    def find(self, text: str) -> list[Finding]:
        """Findings of the kinds `person`, `location` and `organisation`, from left to right, none within another. It
        takes from milliseconds to seconds and waits: never on an event loop. OutsideError when it cannot be asked or
        answers something else; TooLarge beyond its bound."""
        ...
