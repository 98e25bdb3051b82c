"""Models in the process of an evaluation: the weights of an installation, loaded when a metric first asks."""

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from genaiops.checks.readings import windows_read
from genaiops.engines.weights import locate
from genaiops.ports.metrics import Classified, Encoded

if TYPE_CHECKING:  # onnxruntime and numpy are loaded by whoever asks
    from genaiops.checks.classifying import Classifier
    from genaiops.engines.minilm import Encoder
    from genaiops.engines.minilm._tokens import TokenEncoder

_CLASSIFIED_BY: Final = "minilm-int8"
"""The encoder that the guard server classifies with, so that figures are those of the guard."""


class InstalledModels:
    """The port LocalModels. One text at a time, on one thread: two cores are soon taken from the models that answer."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._lock = threading.Lock()
        self._encoders: dict[str, Encoder] = {}
        self._token_encoders: dict[str, TokenEncoder] = {}
        self._classifiers: dict[str, Classifier] = {}

    def check(self, weights: str) -> None:
        locate(weights, self._home)

    def vectors(self, weights: str, texts: Sequence[str]) -> Encoded:
        with self._lock:
            encoding = self._encoder(weights).encode(texts)
        return Encoded(encoding.vectors.tolist(), any(encoding.truncated))

    def near(self, texts: Sequence[str]) -> Sequence[Sequence[float]]:
        """Unit vectors, by the smaller encoder: which examples are like a case."""
        return self.vectors(_CLASSIFIED_BY, texts).vectors

    def token_vectors(self, weights: str, text: str) -> Encoded:
        from genaiops.engines.minilm._tokens import TokenEncoder

        with self._lock:
            if weights not in self._token_encoders:
                self._token_encoders[weights] = TokenEncoder(locate(weights, self._home).directory)
            tokens = self._token_encoders[weights].encode(text)
        return Encoded(tokens.vectors.tolist(), tokens.truncated)

    def classified(self, classifier: str, text: str) -> Classified:
        from genaiops.checks.classifying import Classifier, packaged

        pieces = windows_read(text)
        with self._lock:
            if classifier not in self._classifiers:
                self._classifiers[classifier] = Classifier(packaged(classifier))
            vectors = self._encoder(_CLASSIFIED_BY).encode([piece.text for piece in pieces]).vectors
            score = self._classifiers[classifier].score(pieces, vectors)
        return Classified(score.score, score.start, score.end)

    def _encoder(self, weights: str) -> "Encoder":
        from genaiops.engines.minilm import Encoder

        if weights not in self._encoders:
            self._encoders[weights] = Encoder(locate(weights, self._home).directory)
        return self._encoders[weights]
