"""Azure OpenAI: OpenAI's words under Azure's paths and credentials."""

from collections.abc import Sequence
from urllib.parse import quote, urlsplit

import msgspec

from genaiops.core.errors import ConfigError
from genaiops.domain import Operation, Target
from genaiops.ports.providers import TEXT, Answer, CallBody, Provider, ProviderError, StreamPiece, StreamReader, Wire
from genaiops.providers._events import EventSplitter, event_data
from genaiops.providers.openai import OpenAI

_MEDIA: frozenset[Operation] = frozenset({"image_generation", "transcription", "speech", "video_generation"})


class Azure(Provider):
    """`base_url` is the resource (`https://NAME.openai.azure.com`), with or without `/openai/v1`; the upstream model is
    the deployment.

    Settings of a target: `api_version` (a date, `2024-10-21`: the older form, `/openai/deployments/NAME/...`; `v1`,
    `preview` or none: the form without dates, `/openai/v1/...`), `auth` (`entra`: the secret is a token of Microsoft
    Entra ID and goes out as a bearer token; else it is a key), `max_tokens_field` (default here:
    `max_completion_tokens`), `header.NAME`. Servers of an `api_version` before 2024-09-01-preview refuse
    `stream_options`: set `stream_usage` of such a target to false.

    The results of Azure's content filters stay in the answer as they came. A prompt that they refuse is an error with
    the code `content_filter`.
    """

    name = "azure"
    serves = TEXT.union(_MEDIA)

    def __init__(self) -> None:
        self._openai = OpenAI()
        self._targets: dict[str, tuple[Target, Target, str, str]] = {}

    def strict(self, target: Target) -> bool:  # noqa: ARG002 - all targets alike
        return True

    def prepare(self, call: CallBody, target: Target, credential: str | None) -> Wire:
        known = self._targets.get(target.id)
        if known is None or known[0] is not target:
            known = self._targets[target.id] = (target, *_place(target))
        _, placed, prefix, query = known
        wire = self._openai.prepare(call, placed, None)
        headers = wire.headers
        if credential:
            secret = credential.encode("latin-1", "replace")
            entra = target.settings.get("auth") == "entra"
            headers = (*headers, (b"authorization", b"Bearer " + secret) if entra else (b"api-key", secret))
        if wire.path.startswith(b"/videos"):
            prefix, query = _of_videos(target, prefix, query, asked=b"?" in wire.path)
        path = prefix.encode() + wire.path + query.encode()
        return Wire(wire.method, path, headers, wire.body, wire.filter_usage, wire.pieces)

    def read(self, call: CallBody, body: bytes) -> Answer:
        return self._openai.read(call, body)

    def media(self, call: CallBody, kind: bytes) -> StreamReader | None:
        return self._openai.media(call, kind)

    def stream(self, call: CallBody, *, filter_usage: bool) -> StreamReader:
        return _AzureStream(self._openai.stream(call, filter_usage=filter_usage))

    def error(self, status: int, headers: Sequence[tuple[bytes, bytes]], body: bytes) -> ProviderError:
        return self._openai.error(status, headers, body)


def _place(target: Target) -> tuple[Target, str, str]:
    """The target with Azure's default for the cap, and what stands before and after OpenAI's path."""
    settings = target.settings
    version = settings.get("api_version", "")
    if "max_tokens_field" not in settings:
        target = msgspec.structs.replace(target, settings={**settings, "max_tokens_field": "max_completion_tokens"})
    base = urlsplit(target.base_url or "").path.rstrip("/")
    dated = version not in ("", "v1", "preview", "latest")
    query = f"?api-version={quote(version)}" if version else ""
    if base.endswith("/openai/v1"):
        if dated:
            raise ConfigError(
                f"The base_url of the target {target.id!r} takes no api_version with a date ({version!r}).",
                remedy="Leave one of them out: /openai/v1 has no dated versions.",
                code="api_version",
            )
        return target, "", query
    start = "" if base.endswith("/openai") else "/openai"
    if dated:
        return target, f"{start}/deployments/{quote(target.upstream_model, safe='')}", query
    return target, f"{start}/v1", query


def _of_videos(target: Target, prefix: str, query: str, *, asked: bool) -> tuple[str, str]:
    """Azure has videos in OpenAI's form under /openai/v1 only. `asked`: the path has a query already."""
    if "/deployments/" in prefix:
        raise ConfigError(
            f"The target {target.id!r} has an api_version with a date, and Azure has no videos there.",
            remedy="Leave api_version out, or set it to preview.",
            code="api_version",
        )
    return prefix, query.replace("?", "&") if asked else query


class _Head(msgspec.Struct, frozen=True):
    id: str | None = None
    model: str | None = None


_head = msgspec.json.Decoder(_Head)


class _AzureStream:
    """OpenAI's stream. The first event of Azure only tells how the prompt was filtered, with an empty id and model: the
    ones of the answer come after it."""

    def __init__(self, inner: StreamReader) -> None:
        self._inner = inner
        self._splitter: EventSplitter | None = EventSplitter()
        self._id: str | None = None
        self._model: str | None = None

    def feed(self, chunk: bytes) -> StreamPiece | None:
        if self._splitter is not None:
            self._look(self._splitter, chunk)
        return self._inner.feed(chunk)

    def _look(self, splitter: EventSplitter, chunk: bytes) -> None:
        for event in splitter.feed(chunk):
            data = event_data(event)
            if data is None:
                continue
            try:
                head = _head.decode(data)
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                head = _Head()  # the stream itself will say what is wrong with it
            self._id = self._id or head.id or None
            self._model = self._model or head.model or None
            if self._id and self._model:
                self._splitter = None
                return

    def end(self) -> StreamPiece | None:
        return self._inner.end()

    def finish(self) -> Answer:
        answer = self._inner.finish()
        return msgspec.structs.replace(answer, response_id=self._id, response_model=self._model)

    def keep(self) -> bytes:
        return self._inner.keep()

    @property
    def truncated(self) -> bool:
        return self._inner.truncated
