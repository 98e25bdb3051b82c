"""A classifier whose answer stands in the text."""

import asyncio
from collections.abc import Mapping, Sequence

from genaiops.domain import GuardRule, Verdict
from genaiops.guard import WorkerGuards


class Scores:
    """A text with `word` in it is bad, the text `odd` brings it to nonsense. `slow`: seconds that it takes; `gate`, if
    any, has to be open."""

    def __init__(self, word: str = "bad", *, slow: float = 0.0, gate: asyncio.Event | None = None) -> None:
        self.word = word
        self.slow = slow
        self.gate = gate
        self.seen: list[str] = []
        self.scopes: set[str] = set()
        self.cancelled = 0

    def find(self, rule: GuardRule) -> "Scores":
        return self

    def guards(self) -> WorkerGuards:
        """Those of a worker whose rules ask it."""
        return WorkerGuards(self.find)

    async def classify(self, texts: Sequence[str], *, scope: str = "") -> list[Mapping[str, Verdict]]:
        self.seen += texts
        self.scopes.add(scope)
        try:
            await asyncio.sleep(self.slow)
            if self.gate is not None:
                await self.gate.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        return [dict.fromkeys(("injection", "toxicity"), self._verdict(text)) for text in texts]

    def _verdict(self, text: str) -> Verdict:
        if text == "odd":
            return Verdict(outcome="error", reason="nonsense")
        found = self.word in text
        return Verdict(outcome="fail" if found else "pass", measure=0.9 if found else 0.3)
