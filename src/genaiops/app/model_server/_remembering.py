"""Vectors of texts that were encoded lately."""

import hashlib
from collections import OrderedDict
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from genaiops.engines.minilm import DIMENSIONS, Encoder

MOST: Final = 4096
"""Vectors that are kept: 6 MB, some 450 KB of text."""


class Remembering:
    """An encoder for windows of texts that come again: a conversation with each of its turns, a request with each rule
    that asks about it. Texts are known by their digest and not kept. For one thread."""

    def __init__(self, encoder: Encoder, most: int = MOST) -> None:
        self._encoder = encoder
        self._most = most
        self._vectors: OrderedDict[bytes, NDArray[np.float32]] = OrderedDict()

    def encode(self, texts: Sequence[str], scope: str) -> NDArray[np.float32]:
        """float32 (n, 384), as the encoder has them: a vector does not depend on what else is asked. What is remembered
        serves the scope that brought it; an empty one has no memory."""
        if not scope:
            return self._encoder.encode(texts).vectors
        keys = [_key(scope, text) for text in texts]
        fresh = {key: text for key, text in zip(keys, texts, strict=True) if key not in self._vectors}
        made = dict(zip(fresh, self._encoder.encode(list(fresh.values())).vectors, strict=True)) if fresh else {}
        found = np.empty((len(texts), DIMENSIONS), dtype=np.float32)
        for row, key in enumerate(keys):
            vector = made.get(key)
            found[row] = vector if vector is not None else self._vectors[key]
        self._keep(keys, made)
        return found

    def _keep(self, keys: Sequence[bytes], made: dict[bytes, NDArray[np.float32]]) -> None:
        for key in dict.fromkeys(keys):
            if key in made:
                self._vectors[key] = made[key].copy()  # a row alone, not all that were made beside it
            self._vectors.move_to_end(key)
        while len(self._vectors) > self._most:
            self._vectors.popitem(last=False)


def _key(scope: str, text: str) -> bytes:
    hashed = hashlib.blake2b(f"{len(scope)} {scope}".encode(), digest_size=16)
    hashed.update(text.encode("utf-8", "surrogatepass"))
    return hashed.digest()
