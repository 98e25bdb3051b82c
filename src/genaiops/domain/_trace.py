"""What happened: traces of spans, their content, and scores added later."""

import contextlib
from typing import Literal

import msgspec

from genaiops.domain._energy import Energy
from genaiops.domain._limits import Cost, Usage

SpanKind = Literal[
    "gateway",
    "llm",
    "embedding",
    "retrieval",
    "rerank",
    "tool",
    "agent",
    "workflow",
    "guardrail",
    "evaluation",
    "prompt",
    "cache",
    "other",
]
Status = Literal["ok", "error", "cancelled", "aborted"]
ContentState = Literal["none", "inline", "blob", "preview", "shed", "digest", "erased"]
"""Where a span's content is. `digest`: nothing of it is kept but the SHA-256 of the output
and the properties of the call. `erased`: it was a person's who asked for that."""

PREVIEW = 200
"""Characters of input and output kept on the span itself."""


class Span(msgspec.Struct, frozen=True, kw_only=True):
    """One step. Narrow on purpose: what lists, filters and charts need; everything else is in its Content.

    Facts of the whole call (key, team, ...) stand on every span, so that no read needs a join. Only the span with
    `owns_usage` counts in sums. Times are microseconds since the epoch and durations microseconds; `first_token_us`
    is a duration from start. `status` is `aborted` when the process died before the call was settled. `usage`
    and `cost` of a span of kind `cache` are what a hit saved; it never owns them.
    """

    trace_id: bytes
    span_id: bytes
    parent_id: bytes | None = None
    name: str
    kind: SpanKind
    operation: str = ""
    start_us: int
    duration_us: int = 0
    first_token_us: int | None = None
    status: Status = "ok"
    error_type: str | None = None
    error_message: str | None = None
    http_status: int | None = None
    provider: str | None = None
    target_id: str | None = None
    route_id: str | None = None
    request_model: str | None = None
    response_model: str | None = None
    response_id: str | None = None
    finish_reason: str | None = None
    streamed: bool = False
    attempt: int | None = None
    tenant_id: str = "default"
    environment_id: str | None = None
    team_id: str | None = None
    key_id: str | None = None
    actor_id: str | None = None
    application: str | None = None
    user_id: str | None = None
    user_verified: bool = False
    session_id: str | None = None
    request_id: str | None = None
    usage: Usage | None = None
    cost: Cost | None = None
    owns_usage: bool = False
    input_preview: str = ""
    output_preview: str = ""
    content: ContentState = "none"
    dialect: str = "genaiops"
    semconv: str = "1.41"
    energy: Energy | None = None

    @property
    def is_root(self) -> bool:
        return self.parent_id is None or self.kind == "gateway"


class Content(msgspec.Struct, frozen=True, kw_only=True):
    """What a span carried: raw input and output bytes (JSON or server-sent events as they crossed the wire), the text
    that full-text search finds, and attributes without a column. Over `INLINE` bytes a payload goes to the blob store
    by digest."""

    trace_id: bytes
    span_id: bytes
    start_us: int
    input: bytes | None = None
    output: bytes | None = None
    input_blob: str | None = None
    output_blob: str | None = None
    text: str = ""
    attributes: dict[str, msgspec.Raw] | None = None


INLINE = 65_536
MEDIA_ATTRIBUTE = "genaiops.media"
"""The attribute of a content that lists its media: each with its `digest`, and `kept` where its bytes are a blob."""


DIALECT_ATTRIBUTE = "genaiops.dialect"
POLICIES_ATTRIBUTE = "genaiops.guard.policies"
RELEASE_ATTRIBUTE = "genaiops.release"
"""Attributes of the content of a call: in whose words it came, which guard policies held for it (as they were named ->
the digest of the version), the digest of the release that served it."""


class _Medium(msgspec.Struct, frozen=True):
    digest: str
    kept: bool = False


_media = msgspec.json.Decoder(list[_Medium]).decode


def blobs_of(content: Content) -> set[str]:
    """Digests of the blobs that a content refers to."""
    found = {digest for digest in (content.input_blob, content.output_blob) if digest is not None}
    raw = (content.attributes or {}).get(MEDIA_ATTRIBUTE)
    if raw is not None:
        with contextlib.suppress(msgspec.DecodeError):  # what is none of ours names none of our blobs
            found |= {one.digest for one in _media(raw) if one.kept}
    return found


class Score(msgspec.Struct, frozen=True, kw_only=True):
    """A judgement of a trace or a span, added later; `identifier` makes adding it idempotent."""

    identifier: str
    trace_id: bytes
    span_id: bytes | None = None
    name: str
    value: float | None = None
    label: str | None = None
    source: Literal["person", "model", "code", "user", "guardrail"]
    comment: str = ""
    created_us: int
    created_by: str = ""


class CostCorrection(msgspec.Struct, frozen=True, kw_only=True):
    """A cost found to be another one later; the span keeps what was recorded, sums and readers take `cost`.

    `former` is what counted before (None: no cost at all): a correction of anything else is not applied.
    """

    trace_id: bytes
    span_id: bytes
    former: Cost | None
    cost: Cost
    created_us: int
    created_by: str = ""
