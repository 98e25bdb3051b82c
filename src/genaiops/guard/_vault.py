"""What was taken out of a request, and what stands there instead: `<EMAIL_1>`, numbered by kind, the same for the same
value.

A placeholder that the request had of itself is never given out, so nobody can ask for another's value by writing one.
The values stay in this process, for as long as the call lasts.
"""

import re
from collections.abc import Iterable
from typing import Final

_SHAPE: Final = re.compile(r"<[A-Z][A-Z0-9_]{0,62}_[0-9]{1,6}>", re.IGNORECASE)
_LONGEST: Final = 72
_OPEN: Final = re.compile(r"<(?:[A-Z][A-Z0-9_]{0,69})?\Z", re.IGNORECASE)
"""The beginning of a placeholder, at the end of a text."""


class Vault:
    """Of one call."""

    __slots__ = ("_counts", "_placeholders", "_taken", "_values", "reversible")

    def __init__(self) -> None:
        self._placeholders: dict[tuple[str, str], str] = {}
        self._values: dict[str, str] = {}
        self._counts: dict[str, int] = {}
        self._taken: frozenset[str] = frozenset()
        self.reversible = False
        """There are values that belong back into the answer."""

    def beware(self, texts: Iterable[str]) -> None:
        """Of the placeholders that stand in these texts already."""
        self._taken |= {found.upper() for text in texts if "<" in text for found in _SHAPE.findall(text)}

    def hide(self, value: str, kind: str, *, reversible: bool) -> str:
        """What stands for the value."""
        known = self._placeholders.get((kind, value))
        if known is None:
            word = kind.upper()
            while True:
                self._counts[word] = number = self._counts.get(word, 0) + 1
                known = f"<{word}_{number}>"
                if known not in self._taken:
                    break
            self._placeholders[kind, value] = known
        if reversible:
            self._values[known] = value
            self.reversible = True
        return known

    def restore(self, text: str) -> str:
        """With the values that belong there."""
        return _SHAPE.sub(self._put_back, text) if "<" in text else text

    def _put_back(self, match: re.Match[str]) -> str:
        return self._values.get(match[0].upper(), match[0])


class Restoring:
    """A text that comes piece by piece, with the values put back: it is the same wherever it was cut."""

    __slots__ = ("_held", "_vault")

    def __init__(self, vault: Vault) -> None:
        self._vault = vault
        self._held = ""

    def feed(self, text: str) -> str:
        text = self._held + text
        match = _OPEN.search(text, max(0, len(text) - _LONGEST))
        cut = len(text) if match is None else match.start()
        self._held = text[cut:]
        return self._vault.restore(text[:cut])

    def end(self) -> str:
        held, self._held = self._held, ""
        return self._vault.restore(held)
