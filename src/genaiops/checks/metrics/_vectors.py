"""Vectors of texts for metrics: of the local encoder, or of a model of embeddings that is asked."""

import asyncio
from collections.abc import Sequence
from math import isfinite, sqrt
from typing import Any, Final, Literal, cast

import msgspec

from genaiops.domain import JudgeMember
from genaiops.ports.metrics import Means

ENCODER: Final = "minilm-int8"
ENCODERS: Final = {"minilm": "all-MiniLM-L6-v2, fp32", "minilm-int8": "all-MiniLM-L6-v2, int8"}


class NoVectors(Exception):
    """The model gave none; the message says why."""


class Vectors(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """`by`: a model of embeddings, in place of the local `encoder`."""

    encoder: Literal["minilm", "minilm-int8"] = ENCODER
    by: JudgeMember | None = None


async def vectors_of(whose: Vectors, texts: Sequence[str], means: Means) -> Sequence[Sequence[float]]:
    """One for each text. NoVectors says why not."""
    if whose.by is None:
        found = await asyncio.to_thread(means.local.vectors, whose.encoder, list(texts))
        return found.vectors
    answer = await means.embed(whose.by, texts)
    called = whose.by.model or whose.by.url
    if answer.state != "answered":
        raise NoVectors(f"{called} gave no embeddings: {answer.error}")
    try:
        listed = cast("list[dict[str, Any]]", msgspec.json.decode(answer.output))
        vectors = [[float(value) for value in each["embedding"]] for each in listed]
    except (msgspec.DecodeError, KeyError, TypeError, ValueError):
        raise NoVectors(f"What {called} answered are no embeddings.") from None
    if len(vectors) != len(texts) or len({len(each) for each in vectors}) != 1 or not vectors[0]:
        raise NoVectors(f"{called} gave {len(vectors)} embeddings of {len(texts)} texts, or some of other lengths.")
    if not all(isfinite(value) for each in vectors for value in each):
        raise NoVectors(f"{called} gave an embedding that is not finite.")
    return vectors


def dot(one: Sequence[float], other: Sequence[float]) -> float:
    return sum(a * b for a, b in zip(one, other, strict=True))


def cosine(one: Sequence[float], other: Sequence[float]) -> float:
    """0 where one of the two has no direction."""
    lengths = sqrt(dot(one, one) * dot(other, other))
    return max(-1.0, min(1.0, float(dot(one, other) / lengths))) if lengths else 0.0


def distance(one: Sequence[float], other: Sequence[float]) -> float:
    return sqrt(sum((a - b) ** 2 for a, b in zip(one, other, strict=True)))
