"""What metrics send to an endpoint that a user runs, and what they read of its answer."""

from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta

from genaiops.checks.metrics.images import picture_of
from genaiops.domain import JudgeMember, Sample
from genaiops.ports.metrics import Means

FEATURES: Final = "genaiops-features-1"
SCORE: Final = "genaiops-score-1"
_MOST_DIMENSIONS: Final = 20_000
_SHOWN: Final = 200


class NoAnswer(Exception):
    """The endpoint said nothing that can be used; the message is why."""


class Vectors(msgspec.Struct, frozen=True):
    """An answer to `genaiops-features-1`: one vector for each input, in order, all of one length."""

    model: Annotated[str, Meta(min_length=1)]
    version: Annotated[str, Meta(min_length=1)]
    vectors: list[list[float]]


class Scored(msgspec.Struct, frozen=True):
    """An answer to `genaiops-score-1`."""

    model: Annotated[str, Meta(min_length=1)]
    version: Annotated[str, Meta(min_length=1)]
    score: float
    reason: str = ""


def image(text: str) -> dict[str, str]:
    """An image as an input: a data URL or base64 becomes its type and its base64. NoAnswer for what is none."""
    head, comma, body = text.strip().partition(",")
    if comma and head.startswith("data:image/") and head.endswith(";base64"):
        return {"kind": "image", "media_type": head[5:-7], "data": body}
    if not text.strip() or not all(char.isalnum() or char in "+/=\r\n" for char in text.strip()):
        raise NoAnswer("The answer, or a reference, is no image: neither a data URL nor base64.")
    return {"kind": "image", "media_type": "", "data": "".join(text.split())}


async def vectors(member: JudgeMember, inputs: Sequence[Mapping[str, str]], means: Means) -> Vectors:
    """NoAnswer says what was wrong with the endpoint's."""
    fields = {"format": FEATURES, "inputs": list(inputs)}
    found = _read(await _posted(member, fields, means), Vectors)
    lengths = {len(each) for each in found.vectors}
    if len(found.vectors) != len(inputs) or len(lengths) != 1 or not 0 < max(lengths) <= _MOST_DIMENSIONS:
        raise NoAnswer(
            f"The endpoint gave {len(found.vectors)} vectors of lengths {sorted(lengths)[:5]} for {len(inputs)} inputs."
        )
    if not all(isfinite(value) for each in found.vectors for value in each):
        raise NoAnswer("The endpoint gave a vector that is not finite.")
    return found


async def scored(member: JudgeMember, sample: Sample, means: Means) -> Scored:
    """Likewise."""
    pictures = [image(each) for each in sample.media]
    fields: dict[str, Any] = {
        "format": SCORE,
        "asked": sample.input,
        "output": sample.output,
        "expected": list(sample.expected),
        "passages": list(sample.context),
        "images": pictures,
    }
    found = _read(await _posted(member, fields, means), Scored)
    if not isfinite(found.score):
        raise NoAnswer("The endpoint gave a score that is not finite.")
    return found


def picture(sample: Sample) -> dict[str, str]:
    """The answer's."""
    return image(picture_of(sample))


async def _posted(member: JudgeMember, fields: Mapping[str, Any], means: Means) -> str:
    answer = await means.post(member, fields)
    if answer.state != "answered":
        raise NoAnswer(f"The endpoint gave no answer: {answer.error[:_SHOWN]}")
    return answer.output


def _read(text: str, kind: type[Any]) -> Any:
    try:
        return msgspec.json.decode(text, type=kind)
    except (msgspec.DecodeError, UnicodeError) as error:
        raise NoAnswer(f"The endpoint's answer is none: {str(error)[:_SHOWN]}.") from None
