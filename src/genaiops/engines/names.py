"""Names of people, places and organisations: by a model of spaCy in this process, or by a service over HTTP.

Two services' shapes are spoken. `presidio`: the analyzer of Presidio (`POST /analyze` with `text`, `language`,
`entities`). `gliner`: a server of GLiNER (`text`, `labels`, `threshold`; a list of entities, or an object with one).
Both answer places as Python counts characters.
"""

import http.client
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable
from typing import Any, Final, Literal, cast

import msgspec

from genaiops.core.errors import ConfigError, TimedOut, TooLarge, Unavailable, UpstreamError, UsageError
from genaiops.domain import Finding

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
_MOST_BYTES: Final = 4 << 20
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
    """The Names port by a spaCy pipeline, of which only what names need is run. ConfigError without spaCy (the extra
    `names`) or without the model. Making it takes seconds, a KB about 20 ms of CPU. Small models err often: about half
    of the names they say are right in texts unlike those they learnt from."""

    def __init__(self, model: str = "en_core_web_sm", *, most: int = 100_000) -> None:
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
                f"spaCy has no model {model!r}.",
                remedy=f"Install it: python -m spacy download {model}.",
                code="model_missing",
            ) from error
        self.name = f"spacy {model} {self._pipeline.meta.get('version', '')}".rstrip()
        self._most = most

    def find(self, text: str) -> list[Finding]:
        _bounded(text, self._most)
        entities = self._pipeline(text).ents
        return _findings((each.start_char, each.end_char, str(each.label_), 1.0) for each in entities)


class AnalyzerNames:
    """The Names port by a service at `address`. `threshold`: the least score that counts; `seconds`: for a question."""

    def __init__(
        self,
        address: str,
        *,
        shape: Shape = "presidio",
        language: str = "en",
        threshold: float = 0.5,
        seconds: float = 5.0,
        most: int = 100_000,
    ) -> None:
        if not address.startswith(("http://", "https://")):
            raise UsageError(f"{address!r} is no http address.", remedy="Write it with http:// or https://.")
        self.name = f"{shape} at {address}"
        self._address = address
        self._shape: Shape = shape
        self._language, self._threshold, self._seconds, self._most = language, threshold, seconds, most

    def find(self, text: str) -> list[Finding]:
        _bounded(text, self._most)
        plain = text.encode("utf-8", "replace").decode()  # a lone surrogate is no JSON; places stay as they are
        asked: dict[str, Any] = {"text": plain}
        if self._shape == "presidio":
            asked |= {"language": self._language, "entities": _ASKED["presidio"], "score_threshold": self._threshold}
        else:
            asked |= {"labels": _ASKED["gliner"], "threshold": self._threshold}
        found = self._decoded(self._asked(msgspec.json.encode(asked)))
        for each in found:
            if not 0 <= each.start < each.end <= len(text):
                raise self._wrong(f"it found something from {each.start} to {each.end} in {len(text)} characters")
        return _findings(
            (each.start, each.end, each.entity_type or each.label, each.score)
            for each in found
            if each.score >= self._threshold
        )

    def _asked(self, body: bytes) -> bytes:
        headers = {"content-type": "application/json", "accept": "application/json"}
        request = urllib.request.Request(self._address, data=body, headers=headers)  # noqa: S310 (looked at above)
        try:
            with urllib.request.urlopen(request, timeout=self._seconds) as reply:  # noqa: S310
                answer: bytes = reply.read(_MOST_BYTES + 1)
        except urllib.error.HTTPError as error:
            with error:
                status = error.code
            raise self._wrong(f"it answered with {status}", status) from error
        except TimeoutError as error:
            raise self._late() from error
        except (OSError, http.client.HTTPException) as error:
            if isinstance(getattr(error, "reason", None), TimeoutError):
                raise self._late() from error
            raise Unavailable(
                f"The finder of names at {self._address} cannot be asked: {getattr(error, 'reason', error)}.",
                remedy="See that it runs and that its address is right.",
            ) from error
        if len(answer) > _MOST_BYTES:
            raise self._wrong("its answer is too long")
        return answer

    def _decoded(self, answer: bytes) -> list[_Entity]:
        try:
            decoded = msgspec.json.decode(answer, type=list[_Entity] | _Entities)
        except msgspec.DecodeError as error:
            raise self._wrong(f"its answer is no list of entities ({error})") from error
        return decoded.entities if isinstance(decoded, _Entities) else decoded

    def _wrong(self, why: str, status: int = 0) -> UpstreamError:
        return UpstreamError(
            f"The finder of names at {self._address} gave no usable answer: {why}.",
            upstream_status=status,
            remedy=f"See that it speaks as {self._shape} does.",
        )

    def _late(self) -> TimedOut:
        return TimedOut(f"The finder of names at {self._address} did not answer within {self._seconds:g} s.")


def _bounded(text: str, most: int) -> None:
    if len(text) > most:
        raise TooLarge(f"Names are looked for in at most {most} characters, and this text has {len(text)}.")


def _findings(entities: Iterable[tuple[int, int, str, float]]) -> list[Finding]:
    """Of those that overlap, the surer, then the longer."""
    kept: list[Finding] = []
    for start, end, label, _ in sorted(entities, key=lambda each: (-each[3], each[0] - each[1], each[0])):
        kind = KINDS.get(label.lower())
        if kind is not None and all(end <= other.start or start >= other.end for other in kept):
            kept.append(Finding(start, end, kind, "pii"))
    return sorted(kept)
