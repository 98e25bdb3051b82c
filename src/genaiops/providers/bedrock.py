"""Amazon Bedrock: chat by Converse and ConverseStream, embeddings by InvokeModel.

After the API reference of Amazon Bedrock Runtime. The base URL is `https://bedrock-runtime.REGION.amazonaws.com`, the
upstream model a model id, an inference profile's id or an ARN. The credential is an access key or a Bedrock API key
(`_aws.keys_of`).

Settings of a target: `region` (default: the one in the host), `guardrail_id` with `guardrail_version` (default
`DRAFT`), `guardrail_trace` and `guardrail_stream_mode`, which stand over what a client asks; `input_type` of Cohere's
embeddings; `header.NAME`.
"""

from collections.abc import Sequence
from functools import lru_cache
from urllib.parse import quote

import msgspec

from genaiops.core.errors import UsageError
from genaiops.domain import Target
from genaiops.ports.providers import Answer, CallBody, Provider, ProviderError, StreamPiece, Wire
from genaiops.providers._aws import Clock, aws_error, request_fields, utc_now
from genaiops.providers._bedrock_embeddings import embedding_answer, embedding_request
from genaiops.providers._converse_answer import ChunkWriter, chat_completion
from genaiops.providers._converse_messages import Block
from genaiops.providers._converse_request import converse_request
from genaiops.providers._eventstream import CONTENT_TYPE, MessageSplitter
from genaiops.providers.openai import OpenAI, OpenAIStream

_encode = msgspec.json.Encoder().encode


class Bedrock(Provider):
    name = "bedrock"
    stream_types: tuple[bytes, ...] = (CONTENT_TYPE,)

    def __init__(self, clock: Clock = utc_now) -> None:
        self._clock = clock
        self._chat = OpenAI()

    def prepare(self, call: CallBody, target: Target, credential: str | None) -> Wire:
        if call.operation == "embeddings":
            body, verb = embedding_request(call, target), "invoke"
        elif call.operation == "chat":
            body, verb = converse_request(call, target.upstream_model), "converse-stream" if call.stream else "converse"
            guarded = _guardrail(target, streamed=call.stream)
            if guarded:
                body["guardrailConfig"] = guarded
        else:
            raise UsageError(
                "Amazon Bedrock has no text completions.",
                remedy="Use chat.",
                code="unsupported_by_provider",
                param="model",
            )
        path = f"/model/{_quoted(target.upstream_model)}/{verb}"
        raw = _encode(body)
        fields = request_fields(target, credential, "bedrock", path, raw, clock=self._clock)
        return Wire(b"POST", path.encode(), fields, raw, filter_usage=call.stream and not call.wants_usage)

    def read(self, call: CallBody, body: bytes) -> Answer:
        embedding = call.operation == "embeddings"
        said = embedding_answer(call, body) if embedding else chat_completion(body, call.model)
        answer = self._chat.read(call, said)
        return msgspec.structs.replace(answer, response_id=None, response_model=None, body=said)

    def stream(self, call: CallBody, *, filter_usage: bool) -> "BedrockStream":
        return BedrockStream(call.model, filter_usage=filter_usage)

    def error(self, status: int, headers: Sequence[tuple[bytes, bytes]], body: bytes) -> ProviderError:
        return aws_error(status, headers, body)


class BedrockStream:
    """Turns messages into chat chunks, and lets the reader of chat chunks follow them."""

    __slots__ = ("_chunks", "_splitter", "_writer")

    def __init__(self, model: str, *, filter_usage: bool) -> None:
        self._splitter = MessageSplitter()
        self._writer = ChunkWriter(model)
        self._chunks = OpenAIStream(filter_usage=filter_usage)

    def feed(self, chunk: bytes) -> StreamPiece | None:
        data = b"".join(map(self._writer.write, self._splitter.feed(chunk)))
        return self._chunks.feed(data) if data else None

    def end(self) -> StreamPiece | None:
        return None

    def finish(self) -> Answer:
        return msgspec.structs.replace(self._chunks.finish(), response_id=None, response_model=None)

    def keep(self) -> bytes:
        return self._chunks.keep()

    @property
    def truncated(self) -> bool:
        return self._chunks.truncated


@lru_cache(maxsize=256)
def _quoted(model: str) -> str:
    """As one segment of a path: ids hold colons, ARNs slashes."""
    return quote(model, safe="")


def _guardrail(target: Target, *, streamed: bool) -> Block | None:
    settings = target.settings
    name = settings.get("guardrail_id")
    if name is None:
        return None
    found = {"guardrailIdentifier": name, "guardrailVersion": settings.get("guardrail_version", "DRAFT")}
    if "guardrail_trace" in settings:
        found["trace"] = settings["guardrail_trace"]
    if streamed and "guardrail_stream_mode" in settings:
        found["streamProcessingMode"] = settings["guardrail_stream_mode"]
    return found
