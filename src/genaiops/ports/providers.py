"""Providers: how a call is spoken to a kind of server, and the transport it travels on.

A Provider is a wire format: pure, one file each. A Transport carries bytes to one target; the gateway only knows
these two.
"""

from collections.abc import Callable, Sequence
from typing import Any, Literal, Protocol

import msgspec

from genaiops.core.multipart import Part
from genaiops.domain import Operation, Target, Usage

Dialect = Literal["openai", "responses", "messages", "cohere", "gemini"]
"""In whose words a body speaks: OpenAI's endpoints (chat completions and all others), its Responses, Anthropic's
Messages, Cohere's chat and embed, Google's generateContent and embeddings."""


class Form(msgspec.Struct, frozen=True):
    """A body that is a form (multipart/form-data): its content type as it came, and where its fields lie."""

    content_type: bytes
    parts: tuple[Part, ...]


VideoAction = Literal["retrieve", "content", "delete", "remix"]


class VideoJob(msgspec.Struct, frozen=True):
    """What is asked of a video job that is there: `id` is the provider's own, `variant` what of its content."""

    action: VideoAction
    id: str
    variant: str | None = None


TEXT: frozenset[Operation] = frozenset({"chat", "text_completion", "embeddings"})


class CallBody(msgspec.Struct, frozen=True):
    """A client's body in a dialect that the provider takes, decoded no further than routing needs. `raw` is what
    arrived, unchanged when the provider speaks the client's dialect, else translated to `openai`.

    `max_tokens` is the cap in force (the request's own, or the injected one when `inject_cap`). `wants_usage`: the
    client asked for usage at the end of the stream itself. `extended`: our own object `genaiops` may be in it, and must
    not go out.
    """

    operation: Operation
    raw: bytes
    model: str
    stream: bool
    wants_usage: bool
    max_tokens: int | None
    inject_cap: bool
    extended: bool = True
    dialect: Dialect = "openai"
    form: Form | None = None
    job: VideoJob | None = None


class Wire(msgspec.Struct, frozen=True):
    """A request as it goes out. `path` is appended to the path of the target's base URL. `filter_usage`: usage was
    asked for on the gateway's own behalf, so that event must not reach the client. `pieces`: the body, where joining it
    would copy much (then `body` is empty)."""

    method: bytes
    path: bytes
    headers: Sequence[tuple[bytes, bytes]]
    body: bytes
    filter_usage: bool = False
    pieces: tuple[bytes, ...] = ()


class Answer(msgspec.Struct, frozen=True):
    """What a whole answer says about itself. `text` is its visible text (for the estimate when `usage` is None).
    `body` is the answer in the call's dialect where the upstream speaks another (None: as it came). `busy_us`: how long
    the model worked, by its own clock (None: it does not say)."""

    usage: Usage | None
    response_id: str | None = None
    response_model: str | None = None
    finish_reason: str | None = None
    text: str = ""
    body: bytes | None = None
    busy_us: int | None = None


class StreamPiece(msgspec.Struct, frozen=True):
    """One or more events, in the call's dialect, ready to be passed on. `content`: something the user sees is in it
    (text, a tool call); `error`: an error event (its message); `done`: the terminal event was in it."""

    data: bytes
    content: bool = False
    error: str | None = None
    done: bool = False


class StreamReader(Protocol):
    """Follows one stream of server-sent events; bounded memory."""

    def feed(self, chunk: bytes) -> StreamPiece | None:
        """What may be passed on now (None: an event is not whole yet). Raises UpstreamError on garbage."""
        ...

    def end(self) -> StreamPiece | None:
        """What is still to be passed on where the upstream has ended its stream without a terminal event."""
        ...

    def finish(self) -> Answer:
        """What the stream said in all, complete or not."""
        ...

    def keep(self) -> bytes:
        """The events passed on so far, bounded (for the trace), and whether some are missing."""
        ...

    @property
    def truncated(self) -> bool: ...


class ProviderError(msgspec.Struct, frozen=True):
    """An error answer, read: its message and code, whether another try may help, and for how many seconds the
    credential or the target should rest (upstream `retry-after` and rate-limit headers)."""

    message: str
    code: str | None
    type: str | None
    retryable: bool
    rest: float | None
    limits_credential: bool = False


class Provider(Protocol):
    """To be inherited from: what most of them have in common stands here."""

    name: str

    stream_types: tuple[bytes, ...] = (b"text/event-stream",)
    """The content types (their beginnings) of its streams."""

    serves: frozenset[Operation] = TEXT
    """The operations it has words for."""

    def media(self, call: CallBody, kind: bytes) -> StreamReader | None:  # noqa: ARG002 - most have none
        """Follows an answer to one of the operations beside text that goes out as it comes. `kind`: its content type,
        in lower case; None: that is no answer to such a call."""
        return None

    def takes(self, dialect: Dialect, target: Target) -> bool:  # noqa: ARG002 - for those whose targets differ
        """Whether `prepare` takes a call in that dialect. One in any other than `openai` is translated to that."""
        return dialect == "openai"

    def strict(self, target: Target) -> bool:  # noqa: ARG002 - for those whose targets differ
        """Whether it refuses fields of a chat body that OpenAI does not document (cache marks, thinking)."""
        return False

    def prepare(self, call: CallBody, target: Target, credential: str | None) -> Wire: ...

    def count(
        self,
        raw: bytes | bytearray,  # noqa: ARG002 - for those that count
        dialect: Dialect,  # noqa: ARG002
        target: Target,  # noqa: ARG002
        credential: str | None,  # noqa: ARG002
    ) -> Wire | None:
        """Asks how many tokens a prompt has, `raw` being the body of such a question in that dialect, whose answer
        needs no translation. None: there is nobody to ask."""
        return None

    def read(self, call: CallBody, body: bytes) -> Answer:
        """Raises UpstreamError when a 200 body is no answer."""
        ...

    def stream(self, call: CallBody, *, filter_usage: bool) -> StreamReader: ...

    def error(self, status: int, headers: Sequence[tuple[bytes, bytes]], body: bytes) -> ProviderError: ...


class Reply(Protocol):
    """The head of a response, and its body as it comes (genaiops.http1.Reply is one)."""

    @property
    def status(self) -> int: ...

    @property
    def headers(self) -> Sequence[tuple[bytes, bytes]]: ...

    def header(self, name: bytes) -> bytes | None: ...
    def all_here(self) -> bytes | None:
        """The whole body when it has arrived; None: `await read()`."""
        ...

    async def read(self, limit: int) -> bytes: ...
    async def chunk(self) -> bytes | None: ...

    async def pump(self, sink: Callable[[bytes], bool]) -> bool:
        """Hand each piece to `sink` until it returns true (then false) or the body has ended (then true)."""
        ...

    def leave(self) -> None:
        """Done, but for an end of the body that may still come."""
        ...

    def release(self) -> None: ...
    def abort(self) -> None: ...


class Flight(Protocol):
    """A request that is out: `forsake` when its answer is not wanted any more."""

    def forsake(self, waiter: Any, /) -> None: ...


class Transport(Protocol):
    """Carries requests to one target. Errors are of http1's tree, which tells whether a retry is safe. `extra`: lines
    of a head, each ended by CR LF, that the gateway adds (`traceparent`)."""

    async def send(self, wire: Wire, target: Target, extra: bytes) -> Reply: ...

    def post(self, wire: Wire, target: Target, extra: bytes, waiter: Any) -> Flight | None:
        """Send without waiting, when that is possible at once (None: it is not, use `send`). `waiter` is told, with
        `set_result(reply)` or `set_exception(error)`, as a future would be."""
        ...

    async def aclose(self) -> None: ...


class TokenEstimator(Protocol):
    """Counts tokens where nobody else did, on an event loop: quickly, also of a long text. `name` stands on what it
    counted."""

    name: str

    def estimate(self, text: str) -> int: ...
