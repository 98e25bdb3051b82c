"""`/v1/embeddings` by the MiniLM encoder, in one thread beside the event loop."""

import asyncio
import base64
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Literal

import msgspec
import numpy as np
from msgspec import Struct

from genaiops.app.model_server._admission import Admission
from genaiops.app.model_server._http import JSON, check_model, refusal
from genaiops.core.errors import UsageError
from genaiops.engines.minilm import DIMENSIONS, Encoder, Encoding
from genaiops.http1 import Exchange

BODY_LIMIT = 4 << 20
MOST_TEXTS = 256
_SLICE = 8  # texts between two looks at whether the client is still there


class EmbeddingsRequest(Struct, frozen=True, forbid_unknown_fields=True):
    input: str | list[Any]
    model: str | None = None
    encoding_format: Literal["float", "base64"] | None = None
    dimensions: int | None = None
    user: str | None = None


class Embeddings:
    """The endpoint. `await endpoint(exchange)`."""

    def __init__(self, encoder: Encoder, *, model: str, waiting: int) -> None:
        self._encoder = encoder
        self._model = model
        self._admission = Admission(model, waiting)
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="encoder")

    async def __call__(self, exchange: Exchange) -> None:
        body = await exchange.body(BODY_LIMIT)
        try:
            request = msgspec.json.decode(body, type=EmbeddingsRequest)
        except msgspec.MsgspecError as error:
            raise refusal(error) from error
        check_model(request.model, self._model)
        if request.dimensions not in (None, DIMENSIONS):
            raise UsageError(
                f"{self._model} has {DIMENSIONS} dimensions, not {request.dimensions}.",
                param="dimensions",
                remedy=f"Leave `dimensions` out, or ask for {DIMENSIONS}.",
            )
        texts = texts_of(request.input)
        loop = asyncio.get_running_loop()
        parts: list[Encoding] = []
        async with self._admission.turn():
            for start in range(0, len(texts), _SLICE):
                piece = texts[start : start + _SLICE]
                parts.append(await loop.run_in_executor(self._thread, self._encoder.encode, piece))
        answer = await loop.run_in_executor(
            self._thread, encode_answer, parts, self._model, request.encoding_format == "base64"
        )
        exchange.respond(200, [JSON], answer)

    def close(self) -> None:
        self._thread.shutdown(cancel_futures=True)


def texts_of(given: str | list[Any]) -> list[str]:
    """The texts of `input`. Raises UsageError for what is none, empty, or too many."""
    if isinstance(given, str):
        given = [given]
    if not 1 <= len(given) <= MOST_TEXTS:
        raise UsageError(
            f"`input` has {len(given)} texts; 1 to {MOST_TEXTS} can be encoded at once.",
            param="input",
            remedy="Send them in several requests.",
        )
    texts: list[str] = []
    for index, text in enumerate(given):
        if isinstance(text, int | list):
            raise UsageError(
                "`input` holds tokens; this model reads text, and other tokenizers' numbers mean nothing to it.",
                param="input",
                code="unsupported_input",
                remedy="Send strings (LangChain: check_embedding_ctx_length=False).",
            )
        if not isinstance(text, str) or not text:
            raise UsageError(
                f"`input[{index}]` is not a text, or empty.", param="input", remedy="Send strings that are not empty."
            )
        texts.append(text)
    return texts


def encode_answer(parts: list[Encoding], model: str, as_base64: bool) -> bytes:
    """The body of the response. What was longer than the model reads is named in the object `genaiops`."""
    vectors = np.concatenate([part.vectors for part in parts])
    rows: list[Any]
    if as_base64:
        rows = [base64.b64encode(vector.astype("<f4").tobytes()).decode("ascii") for vector in vectors]
    else:
        rows = vectors.tolist()
    tokens = sum(sum(part.tokens) for part in parts)
    cut = [index for index, is_cut in enumerate(flag for part in parts for flag in part.truncated) if is_cut]
    answer: dict[str, Any] = {
        "object": "list",
        "data": [{"object": "embedding", "index": index, "embedding": row} for index, row in enumerate(rows)],
        "model": model,
        "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
    }
    if cut:
        answer["genaiops"] = {"truncated_inputs": cut}
    return msgspec.json.encode(answer)
