"""Names of people, places and organisations: by a model of spaCy in this process, or by a service over HTTP.

Two services' shapes are spoken. `presidio`: the analyzer of Presidio (`POST /analyze` with `text`, `language`,
`entities`), which our own guard server speaks, too. `gliner`: a server of GLiNER (`text`, `labels`, `threshold`; a list
of entities, or an object with one). Both answer places as Python counts characters.
"""

import asyncio
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final, Literal, cast

import msgspec

from genaiops.core.errors import ConfigError, TimedOut, TooLarge, UpstreamError
from genaiops.domain import Finding
from genaiops.ports.classifiers import Ask
from genaiops.ports.names import MOST_CHARACTERS

KINDS: Final = {
    "person": "person",
    "per": "person",
    "name": "person",
    "location": "location",
    "loc": "location",
    "gpe": "location",
    "fac": "location",
    "place": "location",
    "city": "location",
    "country": "location",
    "organization": "organisation",
    "organisation": "organisation",
    "org": "organisation",
    "company": "organisation",
}
"""What models call them, in small letters, and what we do."""
_ASKED: Final = {
    "presidio": ["PERSON", "LOCATION", "ORGANIZATION"],
    "gliner": ["person", "location", "organization"],
}
Shape = Literal["presidio", "gliner"]


class _Entity(msgspec.Struct):
    start: int
    end: int
    score: float = 1.0
    entity_type: str = ""
    label: str = ""


class _Entities(msgspec.Struct):
    entities: list[_Entity]


class SpacyNames:
    """A spaCy pipeline by its name or its folder, of which only what names need is run. ConfigError without spaCy (the
    extra `names`) or without the model. Making it takes seconds, a KB about 20 ms of CPU: for a process of its own.
    Small models err often (the card of the detector `names` has figures)."""

    def __init__(self, model: str | Path, *, most: int = MOST_CHARACTERS) -> None:
        try:
            import spacy  # pyright: ignore[reportMissingImports] (an extra)
        except ImportError as error:
            raise ConfigError(
                f"Names by a model need spaCy, which cannot be imported: {error}.",
                remedy="Install genaiops[names], or name a service that finds them.",
                code="extra_missing",
            ) from error
        load: Callable[..., Any] = cast("Any", spacy).load
        try:
            self._pipeline = load(model, exclude=["parser", "senter", "tagger", "lemmatizer", "attribute_ruler"])
        except OSError as error:
            raise ConfigError(
                f"spaCy has no model {str(model)!r}.",
                remedy="Install its package, or pull the weights that come along: genaiops model pull en-core-web-sm.",
                code="model_missing",
            ) from error
        meta = self._pipeline.meta
        self.name = f"spacy {meta.get('lang', '')}_{meta.get('name', '')} {meta.get('version', '')}"
        self._most = most

    def find(self, text: str) -> list[Finding]:
        _bounded(text, self._most)
        entities = self._pipeline(text).ents
        return findings_of((each.start_char, each.end_char, str(each.label_), 1.0) for each in entities)


class AnalyzerNames:
    """The Names port by a service that `ask` reaches; light enough for a gateway worker. `who`: what it is called in
    errors, `threshold`: the least score that counts, `seconds`: for a question."""

    # all but `ask` and `who` are settings with a default
    def __init__(
        self,
        ask: Ask,
        who: str,
        *,
        shape: Shape = "presidio",
        language: str = "en",
        threshold: float = 0.5,
        seconds: float = 5.0,
        most: int = MOST_CHARACTERS,
    ) -> None:
        self.name = f"{shape} at {who}"
        self._ask = ask
        self._who = who
        self._shape: Shape = shape
        self._language, self._threshold, self._seconds, self._most = language, threshold, seconds, most

    async def find(self, text: str) -> list[Finding]:
        _bounded(text, self._most)
        plain = text.encode("utf-8", "replace").decode()  # a lone surrogate is no JSON; places stay as they are
        asked: dict[str, Any] = {"text": plain}
        if self._shape == "presidio":
            asked |= {"language": self._language, "entities": _ASKED["presidio"], "score_threshold": self._threshold}
        else:
            asked |= {"labels": _ASKED["gliner"], "threshold": self._threshold}
        found = self._decoded(await self._asked(msgspec.json.encode(asked)))
        for each in found:
            if not 0 <= each.start < each.end <= len(text):
                raise self._wrong(f"it found something from {each.start} to {each.end} in {len(text)} characters")
        return findings_of(
            (each.start, each.end, each.entity_type or each.label, each.score)
            for each in found
            if each.score >= self._threshold
        )

    async def _asked(self, body: bytes) -> bytes:
        try:
            async with asyncio.timeout(self._seconds):
                status, answer = await self._ask(body)
        except TimeoutError as error:
            raise TimedOut(f"The finder of names at {self._who} did not answer within {self._seconds:g} s.") from error
        if status != 200:
            raise self._wrong(f"it answered with {status}", status)
        return answer

    def _decoded(self, answer: bytes) -> list[_Entity]:
        try:
            decoded = msgspec.json.decode(answer, type=list[_Entity] | _Entities)
        except msgspec.DecodeError as error:
            raise self._wrong(f"its answer is no list of entities ({error})") from error
        return decoded.entities if isinstance(decoded, _Entities) else decoded

    def _wrong(self, why: str, status: int = 0) -> UpstreamError:
        return UpstreamError(
            f"The finder of names at {self._who} gave no usable answer: {why}.",
            upstream_status=status,
            remedy=f"See that it speaks as {self._shape} does.",
        )


def _bounded(text: str, most: int) -> None:
    if len(text) > most:
        raise TooLarge(f"Names are looked for in at most {most} characters, and this text has {len(text)}.")


def findings_of(entities: Iterable[tuple[int, int, str, float]]) -> list[Finding]:
    """Of entities (from, to, label, score) that are names. Of those that overlap, the surer, then the longer."""
    kept: list[Finding] = []
    for start, end, label, _ in sorted(entities, key=lambda each: (-each[3], each[0] - each[1], each[0])):
        kind = KINDS.get(label.lower())
        if kind is not None and all(end <= other.start or start >= other.end for other in kept):
            kept.append(Finding(start, end, kind, "pii"))
    return sorted(kept)
