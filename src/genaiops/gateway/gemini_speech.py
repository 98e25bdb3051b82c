"""How Google's clients speak: the model and the method stand in the path, not in the body."""

from functools import lru_cache
from typing import Literal

import msgspec
from msgspec import UNSET, Raw

from genaiops.dialects import gemini
from genaiops.dialects.reader import TranslatedReader
from genaiops.domain import Operation, Usage
from genaiops.gateway.body import Body, Foreign, extension_of, head_of
from genaiops.gateway.failure import Failure
from genaiops.ports.providers import Dialect, StreamReader

Method = Literal["generateContent", "streamGenerateContent", "embedContent", "batchEmbedContents", "countTokens"]


class GeminiSpeech:
    """Google's clients, calling one method of one model. Equal ones are one object (see `gemini_speech`), as what is
    remembered of a call is remembered by its speech, too."""

    dialect: Dialect = "gemini"
    heartbeat = b"\r\n"
    """Google's own client takes a comment for an event; an empty line it skips."""

    def __init__(self, model: str, method: Method) -> None:
        self.model = model
        self.method: Method = method

    def decode(
        self,
        operation: Operation,
        raw: bytes | bytearray,
        content_type: bytes | None = None,  # noqa: ARG002
    ) -> Body:
        if operation == "embeddings":
            head = gemini.decode_embed(raw, batch=self.method == "batchEmbedContents")
        else:
            head = head_of(raw, gemini.decode_generate, gemini.decode_prompted)
        return Foreign(
            model=self.model,
            stream=self.method == "streamGenerateContent",
            max_tokens=head.max_tokens,
            n=head.answers,
            metadata=Raw(msgspec.json.encode(head.labels)) if head.labels else UNSET,
            genaiops=extension_of(head.genaiops),
            dense=head.dense,
        )

    def to_chat(self, raw: bytes | bytearray, *, strict: bool) -> bytes:
        if self.method in ("embedContent", "batchEmbedContents"):
            return gemini.embeddings_request(raw, model=self.model)
        stream = self.method == "streamGenerateContent"
        return gemini.chat_request(raw, model=self.model, stream=stream, strict=strict)

    def answer(self, chat: bytes, raw: bytes | bytearray, model: str, usage: Usage) -> bytes:
        if self.method in ("embedContent", "batchEmbedContents"):
            return gemini.embeddings_answer(chat, batch=self.method == "batchEmbedContents", usage=usage)
        thoughts = gemini.decode_generate(raw).thoughts
        return gemini.answer_from_chat(chat, model, thoughts=thoughts, usage=usage)

    def reader(self, chat: StreamReader, raw: bytes | bytearray, model: str) -> TranslatedReader:
        thoughts = gemini.decode_generate(raw).thoughts
        return TranslatedReader(chat, gemini.GeminiStream(model, thoughts=thoughts))

    def error(self, failure: Failure, request_id: str) -> bytes:
        return gemini.error_body(
            failure.status,
            failure.message,
            code=failure.code,
            param=failure.param,
            request_id=request_id,
            retry_after=failure.retry_after,
        )

    def broken(self, failure: Failure, request_id: str) -> bytes:
        return gemini.error_event(self.error(failure, request_id))

    # -- counting

    def asked(self, raw: bytes | bytearray) -> Foreign:
        head = gemini.decode_count(raw)
        return Foreign(model=self.model, genaiops=extension_of(head.genaiops), dense=head.dense)

    def counted(self, tokens: int) -> bytes:
        return msgspec.json.encode({"totalTokens": tokens})


@lru_cache(maxsize=4096)
def gemini_speech(model: str, method: Method) -> GeminiSpeech:
    return GeminiSpeech(model, method)


GEMINI = GeminiSpeech("", "generateContent")
"""For what is told outside of any call."""
