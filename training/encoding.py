"""Windows of texts, their n-grams and their vectors, each computed once and kept."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from genaiops.checks.classifying._ngrams import Counts, count
from genaiops.engines.minilm import DIMENSIONS, Encoder
from genaiops.engines.weights import locate

ENCODER = "minilm-int8"
_SAVE_EVERY = 5_000


class Vectors:
    """The encoder as it is served, with a memory on disk that belongs to this version of it."""

    def __init__(self, home: Path, folder: Path) -> None:
        installed = locate(ENCODER, home)
        self.version = f"{ENCODER}@{installed.manifest.digest}"
        self._encoder = Encoder(installed.directory)
        self._path = folder / f"{ENCODER}-{installed.manifest.digest[-16:]}.npz"
        self._known: dict[str, NDArray[np.float32]] = {}
        self._unsaved = 0
        if self._path.is_file():
            with np.load(self._path) as kept:
                self._known = dict(zip(kept["keys"].tolist(), kept["vectors"], strict=True))

    def of(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """(len(texts), 384), of unit length."""
        keys = [hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest() for text in texts]
        for key, text in zip(keys, texts, strict=True):
            if key not in self._known:
                self._known[key] = self._encoder.encode([text]).vectors[0]
                self._unsaved += 1
                if self._unsaved >= _SAVE_EVERY:
                    self.save()
        return np.stack([self._known[key] for key in keys]) if keys else np.empty((0, DIMENSIONS), np.float32)

    def save(self) -> None:
        """Of thousands at once: the file is written as a whole."""
        if not self._unsaved:
            return
        self._unsaved = 0
        self._path.parent.mkdir(parents=True, exist_ok=True)
        partial = self._path.with_suffix(".partial.npz")
        np.savez(partial, keys=np.array(list(self._known)), vectors=np.stack(list(self._known.values())))
        partial.replace(self._path)


class Ngrams:
    """The counts of each text, kept while the program runs."""

    def __init__(self) -> None:
        self._known: dict[str, Counts] = {}

    def of(self, text: str) -> Counts:
        counted = self._known.get(text)
        if counted is None:
            self._known[text] = counted = count(text)
        return counted
