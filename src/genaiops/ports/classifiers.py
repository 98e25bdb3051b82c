"""What looks at texts with a model of its own, in another process."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Protocol

from genaiops.domain import GuardRule, Verdict


class Classifiers(Protocol):
    """A failure is a Verdict with the outcome `error`, never an exception, and never a pass."""

    async def classify(self, texts: Sequence[str], *, scope: str = "") -> list[Mapping[str, Verdict]]:
        """For each text, in order: a Verdict by the name of its classifier. `measure` is a probability, `fail` means
        that it reached the classifier's threshold. Of `language`, `reason` is the code of ISO 639-1, and a text that is
        too short to tell is `inconclusive`; of each topic the name is `topics:NAME`. `scope`: whose texts they are.
        What is remembered of them serves the same scope alone, so that nobody learns by how long it takes what others
        asked; without one nothing is."""
        ...


FindClassifiers = Callable[[GuardRule], Classifiers | None]
"""Who is asked for a rule (None: nobody is there)."""


class Ask(Protocol):
    """One POST of JSON to one endpoint."""

    def __call__(self, body: bytes, /) -> Awaitable[tuple[int, bytes]]:
        """Status and body. Raises GenaiopsError when there is no answer in time or it is too large."""
        ...
