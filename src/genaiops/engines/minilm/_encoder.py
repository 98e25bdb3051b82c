"""all-MiniLM-L6-v2 on onnxruntime."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from msgspec import Struct
from numpy.typing import NDArray
from tokenizers import Tokenizer

DIMENSIONS = 384
MAX_TOKENS = 256  # max_seq_length of the model card, [CLS] and [SEP] counted

MODEL_FILE = "model.onnx"
TOKENIZER_FILE = "tokenizer.json"


class Encoding(Struct, frozen=True):
    """What `encode` answers for n texts.

    `vectors` is float32 (n, 384), each row of unit length. `tokens` counts what the model read of each text, [CLS] and
    [SEP] included. `truncated` says of each text whether it was longer than that.
    """

    vectors: NDArray[np.float32]
    tokens: tuple[int, ...]
    truncated: tuple[bool, ...]


class Encoder:
    """Turns texts into vectors. Not for use by several threads at once.

    Texts are run one by one: on one thread a batch gains little (8 tokens: 4.3 ms alone, 2.9 ms in sixteens; next to
    nothing from 32 tokens on), costs memory, and in the int8 version would make a vector depend on its neighbours.
    """

    def __init__(self, directory: Path, *, threads: int = 1) -> None:
        """`directory` holds model.onnx and tokenizer.json, as weights are installed."""
        runtime: Any = onnxruntime
        options = runtime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        self._session = runtime.InferenceSession(
            str(directory / MODEL_FILE), sess_options=options, providers=["CPUExecutionProvider"]
        )
        self._tokenizer: Any = Tokenizer.from_file(str(directory / TOKENIZER_FILE))
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(MAX_TOKENS)  # the file says 128, the model card and its own library 256

    def encode(self, texts: Sequence[str]) -> Encoding:
        """Encode n texts; an empty text is a text. Longer ones are cut to 256 tokens, and `truncated` says so."""
        vectors = np.empty((len(texts), DIMENSIONS), dtype=np.float32)
        tokens: list[int] = []
        truncated: list[bool] = []
        for row, text in enumerate(texts):
            encoded = self._tokenizer.encode(text)
            vectors[row] = self._run(encoded.ids)
            tokens.append(len(encoded.ids))
            truncated.append(bool(encoded.overflowing))
        return Encoding(vectors, tuple(tokens), tuple(truncated))

    def _run(self, ids: list[int]) -> NDArray[np.float32]:
        tokens = np.array([ids], dtype=np.int64)
        feed = {
            "input_ids": tokens,
            "attention_mask": np.ones_like(tokens),
            "token_type_ids": np.zeros_like(tokens),
        }
        return self._session.run(["embedding"], feed)[0][0]
