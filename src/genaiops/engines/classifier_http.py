"""Classifiers behind HTTP: our own guard server, or one that answers labels with scores as Hugging Face's do.

Light enough for a gateway worker: how a request travels is handed in (`ports.classifiers.Ask`).
"""

import asyncio
import math
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec
from msgspec import Struct

from genaiops.checks.readings import windows_read
from genaiops.core.errors import GenaiopsError
from genaiops.domain import Verdict
from genaiops.ports.classifiers import Ask

UNIT: Final = "probability"
POSITIVE: Final = frozenset({"INJECTION", "JAILBREAK", "MALICIOUS", "UNSAFE", "TOXIC", "LABEL_1", "1"})
NEGATIVE: Final = frozenset({"BENIGN", "SAFE", "LEGIT", "NEGATIVE", "NOT_INJECTION", "NON_TOXIC", "LABEL_0", "0"})
_SUM: Final = 1.05
"""Shares of one text may add up to a little more than 1, by rounding."""


class _Nonsense(ValueError):
    """An answer that cannot be what was asked for."""


class _Scored(Struct, frozen=True):
    score: float
    threshold: float
    flagged: bool
    start: int
    end: int


class _Language(Struct, frozen=True):
    language: str | None
    score: float


class _Topic(_Scored, frozen=True):
    name: str


class _Classified(Struct, frozen=True):
    injection: _Scored | None = None
    toxicity: _Scored | None = None
    language: _Language | None = None
    topics: list[_Topic] | None = None


class _Answer(Struct, frozen=True):
    data: list[_Classified]
    versions: dict[str, str]


class _Label(Struct, frozen=True):
    label: str
    score: float


class GuardClassifiers:
    """Our guard server. `topics` are descriptions as its endpoint takes them; they are asked for when there are any."""

    def __init__(
        self, ask: Ask, *, classifiers: Sequence[str], topics: Sequence[Mapping[str, object]] = (), timeout: float = 2.0
    ) -> None:
        self._ask = ask
        self._names = tuple(classifiers)
        self._topics = tuple(topics)
        self._timeout = timeout

    async def classify(self, texts: Sequence[str], *, scope: str = "") -> list[Mapping[str, Verdict]]:
        if not texts:
            return []
        request: dict[str, object] = {"texts": list(texts), "classifiers": self._names, "scope": scope}
        if self._topics:
            request["topics"] = self._topics
        try:
            raw = await _answer(self._ask, msgspec.json.encode(request), self._timeout)
            answer = msgspec.json.decode(raw, type=_Answer)
            if len(answer.data) != len(texts):
                raise _Nonsense(f"it has {len(answer.data)} results for {len(texts)} texts")
            return [self._verdicts(one, answer.versions) for one in answer.data]
        except (GenaiopsError, msgspec.MsgspecError, ValueError, TimeoutError) as error:
            return [dict.fromkeys(self._names, _failed("The guard server", error))] * len(texts)

    def _verdicts(self, found: _Classified, versions: Mapping[str, str]) -> dict[str, Verdict]:
        verdicts: dict[str, Verdict] = {}
        for name in self._names:
            version = versions.get(name)
            if version is None:
                raise _Nonsense(f"it names no version of {name!r}")
            if name == "language":
                verdicts[name] = _language(found.language, version)
            elif name == "topics":
                if found.topics is None or len(found.topics) != len(self._topics):
                    raise _Nonsense("it does not speak of the topics that were asked for")
                verdicts |= {f"topics:{one.name}": _scored(one.name, one, version) for one in found.topics}
            else:
                one: _Scored | None = getattr(found, name, None)
                if one is None:
                    raise _Nonsense(f"it says nothing of {name!r}")
                verdicts[name] = _scored(name, one, version)
        return verdicts


class LabelClassifiers:
    """A text-classification endpoint as Text Embeddings Inference (`/predict`) and the pipelines of Hugging Face have
    it: `{"inputs": text}` in, `[{"label", "score"}]` out. Long texts are asked about in windows of `size` bytes of
    UTF-8 (a tokenizer's limit is the endpoint's), and the largest score counts.

    `name` is what its verdicts are called, `positive` the labels (in capitals) that speak for it, `negative` those
    against: an answer with none of both is an error.
    """

    def __init__(  # all but `ask` and `name` are settings with a default
        self,
        ask: Ask,
        *,
        name: str = "injection",
        threshold: float = 0.5,
        positive: frozenset[str] = POSITIVE,
        negative: frozenset[str] = NEGATIVE,
        size: int = 1200,
        timeout: float = 2.0,
    ) -> None:
        self._ask = ask
        self._name = name
        self._threshold = threshold
        self._positive = positive
        self._negative = negative
        self._size = size
        self._timeout = timeout

    async def classify(self, texts: Sequence[str], *, scope: str = "") -> list[Mapping[str, Verdict]]:
        del scope  # such an endpoint has no word for it
        found: list[Mapping[str, Verdict]] = []
        for text in texts:
            try:
                async with asyncio.timeout(self._timeout):
                    verdict = await self._classify(text)
            except (GenaiopsError, msgspec.MsgspecError, ValueError, TimeoutError) as error:
                verdict = _failed(f"The endpoint of {self._name!r}", error)
            found.append({self._name: verdict})
        return found

    async def _classify(self, text: str) -> Verdict:
        best, place = -1.0, (0, 0)
        for window in windows_read(text, self._size):
            body = msgspec.json.encode({"inputs": window.text, "truncate": False})
            score = self._score(await _answer(self._ask, body, self._timeout))
            if score > best:
                best, place = score, (window.start, window.end)
        flagged = best >= self._threshold
        scored = _Scored(best, self._threshold, flagged, *place)
        return _scored(self._name, scored, "the endpoint's model")

    def _score(self, raw: bytes) -> float:
        """The share of the labels that speak for it."""
        try:
            labels = msgspec.json.decode(raw, type=list[_Label])
        except msgspec.ValidationError:
            batch = msgspec.json.decode(raw, type=list[list[_Label]])
            if len(batch) != 1:
                raise _Nonsense(f"it has {len(batch)} results for 1 text") from None
            labels = batch[0]
        for one in labels:
            _probability(one.score)
        mine = [one.score for one in labels if one.label.upper() in self._positive]
        others = [one.score for one in labels if one.label.upper() in self._negative]
        if not mine and not others:
            names = ", ".join(one.label for one in labels[:5]) or "none"
            raise _Nonsense(f"it knows other labels ({names})")
        if sum(one.score for one in labels) > _SUM:
            raise _Nonsense("the shares of its labels add up to more than 1")
        return min(1.0, sum(mine)) if mine else max(0.0, 1.0 - sum(others))


async def _answer(ask: Ask, body: bytes, timeout: float) -> bytes:
    async with asyncio.timeout(timeout):
        status, raw = await ask(body)
    if status != 200:
        raise _Nonsense(f"its status is {status}")
    return raw


def _scored(name: str, one: _Scored, version: str) -> Verdict:
    _probability(one.score)
    _probability(one.threshold)
    if one.flagged != (one.score >= one.threshold) and abs(one.score - one.threshold) > 1e-3:
        raise _Nonsense(f"its score {one.score} and its threshold {one.threshold} contradict what it says of them")
    if not 0 <= one.start <= one.end:
        raise _Nonsense(f"it names the characters {one.start} to {one.end}")
    word = "reaches" if one.flagged else "is below"
    return Verdict(
        outcome="fail" if one.flagged else "pass",
        reason=f"The score of {name!r} is {one.score:.3f} and {word} {one.threshold:.3f}.",
        measure=one.score,
        unit=UNIT,
        n=1,
        evidence=(version, f"characters {one.start} to {one.end}"),
    )


def _language(found: _Language | None, version: str) -> Verdict:
    if found is None:
        raise _Nonsense("it says nothing of 'language'")
    if found.language is None:
        reason = "The text is too short to tell its language."
        return Verdict(outcome="inconclusive", reason=reason, n=1, evidence=(version,))
    _probability(found.score)
    return Verdict(outcome="pass", reason=found.language, measure=found.score, unit=UNIT, n=1, evidence=(version,))


def _probability(value: float) -> None:
    if not math.isfinite(value) or not 0.0 <= value <= 1.0:
        raise _Nonsense(f"{value} is no probability")


def _failed(who: str, error: BaseException) -> Verdict:
    if isinstance(error, TimeoutError):
        return Verdict(outcome="error", reason=f"{who} did not answer in time.")
    if isinstance(error, GenaiopsError):
        return Verdict(outcome="error", reason=f"{who} could not be asked: {error.message}")
    return Verdict(outcome="error", reason=f"{who} answered nonsense: {error}.")
