"""Classifiers and finders that are asked once about a text, however many policies are tried on it."""

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final

import msgspec

from genaiops.domain import Finding, GuardRule, Verdict
from genaiops.ports.classifiers import Classifiers, FindClassifiers
from genaiops.ports.names import FindNames, Names

_Key = tuple[bytes, str, str]
_KNOWN: Final[ContextVar[dict[_Key, Any] | None]] = ContextVar("known", default=None)
"""What was answered (by what was asked, whose text it is, and the text)."""


@contextmanager
def asking_once() -> Generator[None]:
    """Within it, whatever a PolicyJudge is asked, nobody is asked about the same text twice. Failures are not kept."""
    token = _KNOWN.set({})
    try:
        yield
    finally:
        _KNOWN.reset(token)


def classifiers_once(find: FindClassifiers) -> FindClassifiers:
    def found(rule: GuardRule) -> Classifiers | None:
        asked, known = find(rule), _KNOWN.get()
        return asked if asked is None or known is None else _ClassifiersOnce(asked, known, _question(rule))

    return found


def names_once(find: FindNames) -> FindNames:
    def found(rule: GuardRule) -> Names | None:
        asked, known = find(rule), _KNOWN.get()
        return asked if asked is None or known is None else _NamesOnce(asked, known, _question(rule))

    return found


def _question(rule: GuardRule) -> bytes:
    """What the answer depends on. A threshold of ours is compared here; others' may be applied where they answer."""
    options = {} if rule.detector == "language" else rule.options
    threshold = rule.threshold if rule.detector == "names" or "classifier" in options else None
    return msgspec.json.encode([rule.detector, options, threshold], order="sorted")


class _ClassifiersOnce:
    def __init__(self, asked: Classifiers, known: dict[_Key, Any], question: bytes) -> None:
        self._asked = asked
        self._known = known
        self._question = question

    async def classify(self, texts: Sequence[str], *, scope: str = "") -> list[Mapping[str, Verdict]]:
        found: dict[str, Mapping[str, Verdict]] = {}
        for text in texts:
            known = self._known.get((self._question, scope, text))
            if known is not None:
                found[text] = known
        new = [text for text in dict.fromkeys(texts) if text not in found]
        if new:
            for text, verdicts in zip(new, await self._asked.classify(new, scope=scope), strict=True):
                found[text] = verdicts
                if all(one.outcome != "error" for one in verdicts.values()):
                    self._known[self._question, scope, text] = verdicts
        return [found[text] for text in texts]


class _NamesOnce:
    def __init__(self, asked: Names, known: dict[_Key, Any], question: bytes) -> None:
        self.name = asked.name
        self._asked = asked
        self._known = known
        self._question = question

    async def find(self, text: str) -> list[Finding]:
        key = (self._question, "", text)
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = await self._asked.find(text)
        return known
