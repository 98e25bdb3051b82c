"""The file of a classifier: arrays of numbers in numpy's npz, never objects."""

import hashlib
import io
import zipfile
from functools import cache
from importlib import resources
from typing import Any, Final

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from genaiops.checks.classifying._card import Card, read_card
from genaiops.checks.classifying._heads import DenseHead, Layer, NgramHead
from genaiops.checks.classifying._ngrams import BUCKETS
from genaiops.checks.classifying._topics import Nearness, read_nearness
from genaiops.core.errors import StoreError

LARGEST_IDF: Final = 16.0
_STEPS: Final = 255
_EPOCH: Final = (1980, 1, 1, 0, 0, 0)


class Weights(Struct, frozen=True):
    """Both heads, and how their logits over a text's windows become one: see `combine`."""

    ngrams: NgramHead
    dense: DenseHead
    mixing: NDArray[np.float64]
    """One factor for each of `combine`'s features, the intercept last."""


class Packaged(Struct, frozen=True):
    """A classifier as it ships."""

    weights: Weights
    card: Card


def combine(ngrams: NDArray[np.float64], dense: NDArray[np.float64]) -> NDArray[np.float64]:
    """The features of a text, from the logits of its windows: the largest of each head, the largest of their mean, how
    many windows there were (more of them raise the largest), and 1 for the intercept."""
    both = (ngrams + dense) / 2
    return np.array([ngrams.max(), dense.max(), both.max(), np.log2(len(ngrams)), 1.0])


def dump(weights: Weights) -> bytes:
    """The same bytes for the same weights. Weights of n-grams are kept in 16 bits, their idf in 8."""
    arrays: dict[str, NDArray[Any]] = {
        "idf": np.rint(weights.ngrams.idf / LARGEST_IDF * _STEPS).astype(np.uint8),
        "ngrams": weights.ngrams.weights.astype(np.float16),
        "bias": np.array([weights.ngrams.bias]),
        "mixing": weights.mixing.astype(np.float64),
    }
    for place, layer in enumerate(weights.dense.layers):
        arrays[f"kernel{place}"] = layer.kernel.astype(np.float16)
        arrays[f"bias{place}"] = layer.bias.astype(np.float32)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, array in arrays.items():
            part = io.BytesIO()
            np.save(part, array, allow_pickle=False)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy", _EPOCH), part.getvalue(), zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def load(raw: bytes) -> Weights:
    """Raises StoreError for what `dump` did not write."""
    try:
        with np.load(io.BytesIO(raw), allow_pickle=False) as archive:
            arrays: dict[str, NDArray[Any]] = {name: archive[name] for name in archive.files}
        ngrams = NgramHead(
            idf=_idf(arrays["idf"]), weights=arrays["ngrams"].astype(np.float32), bias=float(arrays["bias"][0])
        )
        depth = sum(name.startswith("kernel") for name in arrays)
        layers = [
            Layer(arrays[f"kernel{place}"].astype(np.float32), arrays[f"bias{place}"].astype(np.float32))
            for place in range(depth)
        ]
        mixing = arrays["mixing"].astype(np.float64)
    except (KeyError, ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise StoreError(
            f"The weights of a classifier cannot be read: {error}.", remedy="Install genaiops again."
        ) from error
    if ngrams.idf.shape != (2 * BUCKETS,) or ngrams.weights.shape != (2 * BUCKETS,) or not layers:
        raise StoreError(
            f"The weights of a classifier have the shapes {ngrams.idf.shape} and {ngrams.weights.shape} instead of "
            f"{(2 * BUCKETS,)} each.",
            remedy="Install genaiops again.",
        )
    return Weights(ngrams, DenseHead(tuple(layers)), mixing)


def stored_idf(idf: NDArray[np.float64]) -> NDArray[np.float32]:
    """The idf as `load` gives it back: what is trained with must be what is served."""
    return _idf(np.rint(np.minimum(idf, LARGEST_IDF) / LARGEST_IDF * _STEPS).astype(np.uint8))


def _idf(steps: NDArray[np.uint8]) -> NDArray[np.float32]:
    return (steps.astype(np.float32) * np.float32(LARGEST_IDF / _STEPS)).astype(np.float32)


@cache
def packaged(name: str) -> Packaged:
    """The classifier of that name that ships with genaiops. Raises StoreError when its weights are not those of its
    card."""
    raw = _file(f"{name}.npz")
    card = read_card(_file(f"{name}.json"))
    if card.version != digest(raw):
        raise StoreError(
            f"The weights of the classifier {name!r} are not those that its card names ({card.version}).",
            remedy="Install genaiops again, or train it again.",
        )
    return Packaged(load(raw), card)


@cache
def topic_nearness() -> Nearness:
    """How nearness to a topic becomes a score, as it ships."""
    return read_nearness(_file("topics.json"))


def _file(name: str) -> bytes:
    return (resources.files("genaiops.checks.classifying") / "data" / name).read_bytes()


def digest(raw: bytes) -> str:
    return f"sha256:{hashlib.sha256(raw).hexdigest()}"
