"""What MiniLM makes of each token, before it takes the mean: for comparing texts token by token."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from msgspec import Struct
from numpy.typing import NDArray
from onnx import TensorProto, helper
from tokenizers import Tokenizer

from genaiops.engines.minilm._encoder import DIMENSIONS, MAX_TOKENS, MODEL_FILE, TOKENIZER_FILE

_TOKENS = "kept"
"""The value in the served graph that the mean is taken of."""


class Tokens(Struct, frozen=True):
    """`vectors`: float32 (tokens, 384), of the last layer, [CLS] first and [SEP] last. `truncated`: the text was longer
    than 256 tokens."""

    vectors: NDArray[np.float32]
    truncated: bool


class TokenEncoder:
    """The graph of an installed version with one more output. Not for use by several threads at once."""

    def __init__(self, directory: Path, *, threads: int = 1) -> None:
        model = onnx.ModelProto.FromString((directory / MODEL_FILE).read_bytes())
        output = helper.make_tensor_value_info(_TOKENS, TensorProto.FLOAT, ["batch", "tokens", DIMENSIONS])
        model.graph.output.append(output)
        runtime: Any = onnxruntime
        options = runtime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        self._session = runtime.InferenceSession(
            model.SerializeToString(), sess_options=options, providers=["CPUExecutionProvider"]
        )
        self._tokenizer: Any = Tokenizer.from_file(str(directory / TOKENIZER_FILE))
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(MAX_TOKENS)

    def encode(self, text: str) -> Tokens:
        encoded = self._tokenizer.encode(text)
        ids = np.array([encoded.ids], dtype=np.int64)
        feed = {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": np.zeros_like(ids)}
        [vectors] = self._session.run([_TOKENS], feed)
        return Tokens(vectors[0], bool(encoded.overflowing))
