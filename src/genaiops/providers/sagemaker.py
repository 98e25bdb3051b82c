"""Amazon SageMaker endpoints whose container speaks OpenAI's API (vLLM, SGLang, DJL, TGI's messages).

After the API reference of Amazon SageMaker Runtime (InvokeEndpoint, InvokeEndpointWithResponseStream). The base URL is
`https://runtime.sagemaker.REGION.amazonaws.com`, the upstream model the endpoint's name, the credential an access key
(`_aws.keys_of`). The container tells the operation by the body's fields.

Settings of a target: `region` (default: the one in the host), `served_model` (the container's name of the model;
without it the body names none), `inference_component`, `target_variant`, `header.NAME`, and those of the provider
`openai`.
"""

from collections.abc import Sequence
from urllib.parse import quote

import msgspec
from msgspec import Raw

from genaiops.core.errors import UpstreamError
from genaiops.domain import Target
from genaiops.ports.providers import Answer, CallBody, Provider, ProviderError, StreamPiece, Wire
from genaiops.providers._aws import Clock, aws_error, event_error, request_fields, utc_now
from genaiops.providers._eventstream import CONTENT_TYPE, MessageSplitter
from genaiops.providers.openai import OpenAI, OpenAIStream

_HEADERS = {
    "inference_component": "header.x-amzn-sagemaker-inference-component",
    "target_variant": "header.x-amzn-sagemaker-target-variant",
}
_fields = msgspec.json.Decoder(dict[str, Raw]).decode
_encode = msgspec.json.Encoder().encode


class SageMaker(Provider):
    name = "sagemaker"
    stream_types: tuple[bytes, ...] = (CONTENT_TYPE,)

    def __init__(self, clock: Clock = utc_now) -> None:
        self._clock = clock
        self._container = OpenAI()

    def prepare(self, call: CallBody, target: Target, credential: str | None) -> Wire:
        told = self._container.prepare(call, target, None)
        fields = _fields(told.body)
        fields.pop("model", None)
        served = target.settings.get("served_model")
        body = _encode({"model": served, **fields} if served else fields)
        verb = "invocations-response-stream" if call.stream else "invocations"
        path = f"/endpoints/{quote(target.upstream_model, safe='')}/{verb}"
        named = {_HEADERS[name]: value for name, value in target.settings.items() if name in _HEADERS}
        place = msgspec.structs.replace(target, settings={**target.settings, **named}) if named else target
        headers = request_fields(place, credential, "sagemaker", path, body, clock=self._clock)
        return Wire(b"POST", path.encode(), headers, body, told.filter_usage)

    def read(self, call: CallBody, body: bytes) -> Answer:
        return self._container.read(call, body)

    def stream(self, call: CallBody, *, filter_usage: bool) -> "SageMakerStream":  # noqa: ARG002 (one format for all)
        return SageMakerStream(filter_usage=filter_usage)

    def error(self, status: int, headers: Sequence[tuple[bytes, bytes]], body: bytes) -> ProviderError:
        return aws_error(status, headers, body)


class SageMakerStream:
    """Takes the container's server-sent events out of AWS's framing; the cuts of the two have nothing to do with each
    other."""

    __slots__ = ("_events", "_splitter")

    def __init__(self, *, filter_usage: bool) -> None:
        self._splitter = MessageSplitter()
        self._events = OpenAIStream(filter_usage=filter_usage)

    def feed(self, chunk: bytes) -> StreamPiece | None:
        parts: list[bytes] = []
        for message in self._splitter.feed(chunk):
            error = event_error(message)
            if error is not None:
                raise UpstreamError(error, code="upstream_stream_error")
            if message.headers.get(":event-type") == "PayloadPart":
                parts.append(message.payload)
        return self._events.feed(b"".join(parts)) if parts else None

    def end(self) -> StreamPiece | None:
        return None

    def finish(self) -> Answer:
        return self._events.finish()

    def keep(self) -> bytes:
        return self._events.keep()

    @property
    def truncated(self) -> bool:
        return self._events.truncated
