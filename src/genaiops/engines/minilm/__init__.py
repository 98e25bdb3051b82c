"""Sentence embeddings by all-MiniLM-L6-v2 on onnxruntime, without torch."""

from genaiops.engines.minilm._encoder import DIMENSIONS, MAX_TOKENS, Encoder, Encoding

__all__ = ["DIMENSIONS", "MAX_TOKENS", "Encoder", "Encoding"]
