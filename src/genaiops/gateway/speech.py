"""How the clients of an endpoint speak: how their bodies are read, how answers and errors are told them.

The gateway's own dialect is OpenAI's. A call in another one goes out as it is to a target that takes it, and is
translated to chat, and its answer back, for one that does not.
"""

from typing import Protocol

import msgspec
from msgspec import UNSET, Raw

from genaiops.core.errors import UsageError
from genaiops.dialects import messages, responses
from genaiops.dialects.reader import TranslatedReader
from genaiops.domain import Operation, Usage
from genaiops.gateway import body as bodies
from genaiops.gateway import media
from genaiops.gateway.body import Body, Foreign, extension_of, head_of
from genaiops.gateway.failure import Failure, error_json
from genaiops.ports.providers import Dialect, StreamReader

COMMENT = b": keep-alive\n\n"


class Speech(Protocol):
    """One endpoint's manner of speaking. All of it is pure."""

    dialect: Dialect
    heartbeat: bytes
    """What is sent in the silence of a stream: nothing that its clients would see."""

    def decode(self, operation: Operation, raw: bytes | bytearray, content_type: bytes | None = None) -> Body:
        """What the gateway has to know of a body. UsageError that names the field at fault."""
        ...

    def to_chat(self, raw: bytes | bytearray, *, strict: bool) -> bytes:
        """The same request as chat, without a cap on the output. UsageError for what chat cannot say; `strict`: for a
        target that refuses fields beyond OpenAI's own."""
        ...

    def answer(self, chat: bytes, raw: bytes | bytearray, model: str, usage: Usage) -> bytes:
        """A chat answer as an answer to the request `raw`, which named `model`."""
        ...

    def reader(self, chat: StreamReader, raw: bytes | bytearray, model: str) -> TranslatedReader:
        """A chat stream likewise."""
        ...

    def error(self, failure: Failure, request_id: str) -> bytes: ...

    def broken(self, failure: Failure, request_id: str) -> bytes:
        """The event that ends a stream which cannot go on."""
        ...


class CountingSpeech(Speech, Protocol):
    """One whose clients can ask how many tokens a prompt has."""

    def asked(self, raw: bytes | bytearray) -> Foreign:
        """What the gateway has to know of such a question. UsageError that names the field at fault."""
        ...

    def counted(self, tokens: int) -> bytes:
        """The answer to it."""
        ...


class OpenAISpeech:
    dialect: Dialect = "openai"
    heartbeat = COMMENT

    def decode(self, operation: Operation, raw: bytes | bytearray, content_type: bytes | None = None) -> Body:  # noqa: ARG002
        return bodies.decode(operation, raw)

    def to_chat(self, raw: bytes | bytearray, *, strict: bool) -> bytes:  # noqa: ARG002 - it is chat
        return bytes(raw)

    def answer(self, chat: bytes, raw: bytes | bytearray, model: str, usage: Usage) -> bytes:  # noqa: ARG002
        return chat

    def reader(self, chat: StreamReader, raw: bytes | bytearray, model: str) -> TranslatedReader:
        raise NotImplementedError  # its streams are never translated

    def error(self, failure: Failure, request_id: str) -> bytes:
        return error_json(failure, request_id)

    def broken(self, failure: Failure, request_id: str) -> bytes:
        return b"data: %b\n\n" % error_json(failure, request_id)


class MediaSpeech(OpenAISpeech):
    """Operations beside text, in OpenAI's words (rerank: in Cohere's, which Jina and others share)."""

    def decode(self, operation: Operation, raw: bytes | bytearray, content_type: bytes | None = None) -> Body:
        return media.decode(operation, raw, content_type)


class MessagesSpeech:
    """Anthropic's clients."""

    dialect: Dialect = "messages"
    heartbeat = COMMENT

    def decode(
        self,
        operation: Operation,  # noqa: ARG002 - there is only one
        raw: bytes | bytearray,
        content_type: bytes | None = None,  # noqa: ARG002
    ) -> Body:
        head = head_of(raw, messages.decode_messages, messages.decode_prompted)
        return Foreign(
            model=head.model,
            stream=head.stream,
            max_tokens=head.max_tokens,
            user=head.user_id,
            genaiops=extension_of(head.genaiops),
            dense=messages.dense_parts(head),
        )

    def to_chat(self, raw: bytes | bytearray, *, strict: bool) -> bytes:
        return messages.chat_request(raw, cap_field=None, strict=strict)

    def answer(self, chat: bytes, raw: bytes | bytearray, model: str, usage: Usage) -> bytes:  # noqa: ARG002
        return messages.answer_from_chat(chat, model, usage=usage)

    def reader(self, chat: StreamReader, raw: bytes | bytearray, model: str) -> TranslatedReader:  # noqa: ARG002
        return TranslatedReader(chat, messages.MessagesStream(model))

    def error(self, failure: Failure, request_id: str) -> bytes:
        return messages.error_body(failure.status, failure.message, request_id)

    def broken(self, failure: Failure, request_id: str) -> bytes:
        return messages.error_event(failure.message, kind=messages.error_type(failure.status), request_id=request_id)

    def asked(self, raw: bytes | bytearray) -> Foreign:
        head = messages.decode_count(raw)
        return Foreign(model=head.model, genaiops=extension_of(head.genaiops), dense=messages.dense_parts(head))

    def counted(self, tokens: int) -> bytes:
        return msgspec.json.encode({"input_tokens": tokens})


class ResponsesSpeech:
    """Clients of OpenAI's Responses. Nothing is stored here, and what a provider stores is not referred to: the
    gateway's credentials are shared, so one key could read on in another's conversation, and nobody could bound what
    such a call costs."""

    dialect: Dialect = "responses"
    heartbeat = COMMENT

    def decode(
        self,
        operation: Operation,  # noqa: ARG002 - there is only one
        raw: bytes | bytearray,
        content_type: bytes | None = None,  # noqa: ARG002
    ) -> Body:
        head = head_of(raw, responses.decode_head, responses.decode_prompted)
        hidden = responses.hidden_state(head)
        if hidden:
            raise UsageError(
                f"{hidden[0]!r} refers to something kept at a provider, and this gateway keeps no conversations.",
                remedy="Send the whole conversation in `input`.",
                code="not_translatable",
                param=hidden[0],
            )
        return Foreign(
            model=head.model,
            stream=head.stream,
            max_tokens=head.max_output_tokens,
            user=head.end_user,
            metadata=Raw(msgspec.json.encode(head.metadata)) if head.metadata else UNSET,
            genaiops=extension_of(head.genaiops),
            dense=responses.dense_parts(head),
        )

    def to_chat(self, raw: bytes | bytearray, *, strict: bool) -> bytes:  # noqa: ARG002 - it has no extensions
        return responses.chat_request(raw, cap_field=None)

    def answer(self, chat: bytes, raw: bytes | bytearray, model: str, usage: Usage) -> bytes:  # noqa: ARG002
        return responses.answer_from_chat(chat, raw)

    def reader(self, chat: StreamReader, raw: bytes | bytearray, model: str) -> TranslatedReader:  # noqa: ARG002
        return TranslatedReader(chat, responses.ResponsesStream(raw))

    def error(self, failure: Failure, request_id: str) -> bytes:
        return error_json(failure, request_id)

    def broken(self, failure: Failure, request_id: str) -> bytes:
        event = {
            "type": "error",
            "code": failure.code,
            "message": failure.message,
            "param": failure.param,
            "request_id": request_id,
        }
        return b"event: error\ndata: %b\n\n" % msgspec.json.encode(event)


OPENAI: Speech = OpenAISpeech()
MEDIA: Speech = MediaSpeech()
MESSAGES: CountingSpeech = MessagesSpeech()
RESPONSES: Speech = ResponsesSpeech()
