"""How Cohere's clients speak: chat, embed and rerank of its API's version 2."""

from genaiops.core.errors import UsageError
from genaiops.dialects import cohere
from genaiops.dialects.reader import TranslatedReader
from genaiops.domain import Operation, Usage
from genaiops.gateway.body import Body, Foreign, decode_with, extension_of, head_of
from genaiops.gateway.failure import Failure
from genaiops.gateway.speech import MediaSpeech, OpenAISpeech, Speech
from genaiops.ports.providers import Dialect, StreamReader


class _Told:
    """Errors in Cohere's words."""

    def error(self, failure: Failure, request_id: str) -> bytes:
        return cohere.error_body(failure.message, request_id)

    def broken(self, failure: Failure, request_id: str) -> bytes:  # noqa: ARG002 - the stream began with an id
        return cohere.error_event(failure.message)


def _chat(raw: bytes | bytearray) -> cohere.ChatHead:
    return decode_with(cohere.decode_chat, raw)


def _prompted(raw: bytes | bytearray) -> cohere.ChatHead:
    return decode_with(cohere.decode_prompted, raw)


class CohereSpeech(_Told, OpenAISpeech):
    dialect: Dialect = "cohere"

    def decode(
        self,
        operation: Operation,  # noqa: ARG002 - there is only one
        raw: bytes | bytearray,
        content_type: bytes | None = None,  # noqa: ARG002
    ) -> Body:
        head = head_of(raw, _chat, _prompted)
        return Foreign(
            model=head.model,
            stream=head.stream,
            max_tokens=head.max_tokens,
            genaiops=extension_of(head.genaiops),
            dense=cohere.dense_parts(head),
        )

    def to_chat(self, raw: bytes | bytearray, *, strict: bool) -> bytes:
        return cohere.chat_request(raw, strict=strict)

    def answer(self, chat: bytes, raw: bytes | bytearray, model: str, usage: Usage) -> bytes:  # noqa: ARG002
        return cohere.answer_from_chat(chat, usage=usage)

    def reader(self, chat: StreamReader, raw: bytes | bytearray, model: str) -> TranslatedReader:  # noqa: ARG002
        return TranslatedReader(chat, cohere.ChatEvents())


class CohereEmbedSpeech(_Told, OpenAISpeech):
    """Embeddings are said in OpenAI's words where the target has those; there are no streams of them."""

    dialect: Dialect = "cohere"

    def decode(
        self,
        operation: Operation,  # noqa: ARG002 - there is only one
        raw: bytes | bytearray,
        content_type: bytes | None = None,  # noqa: ARG002
    ) -> Body:
        return _embed(decode_with(cohere.decode_embed, raw))

    def to_chat(self, raw: bytes | bytearray, *, strict: bool) -> bytes:
        return cohere.embeddings_request(raw, strict=strict)

    def answer(self, chat: bytes, raw: bytes | bytearray, model: str, usage: Usage) -> bytes:  # noqa: ARG002
        return cohere.answer_from_embeddings(chat, raw, usage=usage)


class CohereEmbed1Speech(CohereEmbedSpeech):
    """Version 1 answers in another form when `embedding_types` is not given, and alike when it is."""

    def decode(
        self,
        operation: Operation,  # noqa: ARG002 - there is only one
        raw: bytes | bytearray,
        content_type: bytes | None = None,  # noqa: ARG002
    ) -> Body:
        head = decode_with(cohere.decode_embed, raw)
        if not head.embedding_types:
            raise UsageError(
                "'embedding_types' is missing.",
                remedy='Send it, for example ["float"], or call /v2/embed.',
                code="invalid_value",
                param="embedding_types",
            )
        return _embed(head)


def _embed(head: cohere.EmbedHead) -> Body:
    return Foreign(model=head.model, genaiops=extension_of(head.genaiops), dense=cohere.dense_inputs(head))


class CohereRerankSpeech(_Told, MediaSpeech):
    """Rerank, whose words all targets share."""


COHERE: Speech = CohereSpeech()
COHERE_EMBED: Speech = CohereEmbedSpeech()
COHERE_EMBED_1: Speech = CohereEmbed1Speech()
COHERE_RERANK: Speech = CohereRerankSpeech()
