"""METEOR 1.5, which is a program of its authors and not of ours."""

from collections.abc import Sequence
from typing import Protocol


class Meteor(Protocol):
    """Slow to start, and one answer at a time: not for an event loop; from any thread."""

    def check(self) -> None:
        """UsageError when the program, its data or what runs it is not on this machine."""
        ...

    def score(self, output: str, references: Sequence[str], *, seconds: float) -> float:
        """0 to 1, of the reference that scores best; `seconds` of the clock at most. UsageError as `check`;
        OutsideError when the program says no score: it ended, was too slow, or what it said is none."""
        ...
