"""A call's records as spans and content: a root span of the gateway, one span per attempt."""

import hashlib
from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec

from genaiops.core.money import from_nano
from genaiops.domain import (
    DIALECT_ATTRIBUTE,
    INLINE,
    MEDIA,
    MEDIA_ATTRIBUTE,
    POLICIES_ATTRIBUTE,
    PREVIEW,
    PROVENANCE_ATTRIBUTE,
    RELEASE_ATTRIBUTE,
    Admitted,
    Attempt,
    Content,
    ContentState,
    Decision,
    GuardEvent,
    ImageMark,
    Lookup,
    PromptUse,
    Settled,
    Span,
    SpanKind,
    guard_spans,
)
from genaiops.ports.blobs import Blobs
from genaiops.ports.telemetry import property_word
from genaiops.watch._media import Bodies, typed
from genaiops.watch._text import request_turns, response_turns, turns_text
from genaiops.watch._turns import Turn

PROPERTIES = "genaiops.properties"
"""The attribute that holds what the client said about the call: name -> value."""

PROMPT_NAME = "gen_ai.prompt.name"
PROMPT_VERSION = "gen_ai.prompt.version"
PROMPT_VARIABLES = "genaiops.prompt.variables"
PROMPT_MESSAGES = "genaiops.prompt.messages"
"""What the call was made of; searched for like a property."""

LOOKUP = "genaiops.cache.lookup"
"""The attribute that holds what the cache said."""

RELEASE = RELEASE_ATTRIBUTE
DEPLOYMENT = "genaiops.deployment"
"""The attributes that tell which release of an application served the call (its digest), and where it was deployed."""

SEARCHED = 100_000
"""Characters of a call's text that full-text search can find."""


class Ended(msgspec.Struct, frozen=True, kw_only=True):
    """How a call ended, whichever record says so (settled, refused, or none because the worker died)."""

    end_us: int
    first_token_us: int | None = None
    status: Any
    http_status: int | None
    error_type: str | None = None
    error_message: str | None = None
    attempts: tuple[Attempt, ...] = ()
    truncated: bool = False
    cache: str | None = None
    output_sha256: str | None = None
    lookup: Lookup | None = None
    guard: tuple[GuardEvent, ...] = ()
    judge: tuple[str, ...] = ()
    marks: tuple[ImageMark, ...] = ()


def ended(record: Settled) -> Ended:
    return Ended(
        end_us=record.end_us,
        first_token_us=record.first_token_us,
        status=record.status,
        http_status=record.http_status,
        error_type=record.error_type,
        error_message=record.error_message,
        attempts=record.attempts,
        truncated=record.output_truncated,
        cache=record.cache,
        output_sha256=record.output_sha256,
        lookup=record.lookup,
        guard=record.guard,
        judge=record.judge,
        marks=record.marks,
    )


def spans_of(call: Admitted, end: Ended, body: bytes, output: bytes, blobs: Blobs) -> tuple[list[Span], Content | None]:
    """Spans (root first) and the root's content. Large bodies go to the blob store here."""
    content: Content | None = None
    paying = next((attempt for attempt in end.attempts if attempt.pays), None)
    preview_in = preview_out = ""
    state: ContentState = "none"
    digest = end.output_sha256 or (hashlib.sha256(output).hexdigest() if output and call.capture != "full" else None)
    facts = _made_of(call)
    if end.marks:
        facts[PROVENANCE_ATTRIBUTE] = [msgspec.structs.asdict(mark) for mark in end.marks]
    if call.operation in MEDIA and body:
        store = blobs.put if call.capture == "full" else None
        found = typed(call.operation, Bodies(body, output, end.truncated), paying, store)
        body, output, facts = found.input, found.output, {**facts, **found.attributes}
        if found.media:
            facts = {**facts, MEDIA_ATTRIBUTE: found.media}
    if end.lookup is not None:
        facts = {**facts, LOOKUP: lookup_document(end.lookup)}
    if digest is not None or call.properties or facts:
        state = "digest"
        said_of_it = {**facts, "genaiops.output.sha256": digest} if digest is not None else facts
        content = _content_of(call, {**said_of_it, **_routing(call, end)}, text=_words(call))
    if call.capture != "off":
        asked, said = request_turns(call.operation, body), response_turns(call.operation, output)
        preview_in, preview_out = preview(asked), preview(said)
        state = "preview"
        if call.capture == "full":
            content = _content(call, end, _Kept(body, output, asked, said, facts), blobs)
            state = "blob" if content.input_blob or content.output_blob or MEDIA_ATTRIBUTE in facts else "inline"
    if content is None and (call.shadow_of is not None or any(one.decision is not None for one in end.attempts)):
        content = _content_of(call, _routing(call, end))  # no word of the call is in it
        state = "digest" if state == "none" else state
    charged = [attempt for attempt in end.attempts if attempt.pays]
    served = next((attempt for attempt in charged if attempt.status == "ok"), paying)
    last = served or (end.attempts[-1] if end.attempts else None)
    root = Span(
        trace_id=call.trace_id,
        span_id=call.span_id,
        parent_id=call.parent_id,
        name=f"{call.operation} {call.model}" if call.shadow_of is None else f"shadow {call.operation} {call.model}",
        kind="gateway",
        operation=call.operation,
        start_us=call.start_us,
        duration_us=max(0, end.end_us - call.start_us),
        first_token_us=end.first_token_us,
        status=end.status,
        error_type=end.error_type,
        error_message=end.error_message,
        http_status=end.http_status,
        provider=last.provider if last else None,
        target_id=last.target_id if last else None,
        response_model=last.response_model if last else _found(end, "response_model"),
        response_id=last.response_id if last else None,
        finish_reason=last.finish_reason if last else _found(end, "finish_reason"),
        input_preview=preview_in,
        output_preview=preview_out,
        content=state,
        **_shared(call),
    )
    return [root, *_steps(call, end, root)], content


def _steps(call: Admitted, end: Ended, root: Span) -> Iterator[Span]:
    """What happened inside of it."""
    yield from guard_spans(root, end.guard)
    if end.lookup is not None:
        yield _lookup_span(call, end.lookup)
    for number, one in enumerate(end.attempts, 1):
        yield _attempt_span(call, number, one)


def _prompted(use: PromptUse) -> dict[str, Any]:
    found: dict[str, Any] = {PROMPT_NAME: use.name, PROMPT_VERSION: use.version}
    if use.alias is not None:
        found["genaiops.prompt.alias"] = use.alias
    if use.variables:
        found[PROMPT_VARIABLES] = use.variables
    if use.messages:
        found[PROMPT_MESSAGES] = use.messages
    return found


def _found(end: Ended, name: str) -> str | None:
    return getattr(end.lookup, name) if end.lookup is not None else None


def lookup_document(lookup: Lookup) -> dict[str, Any]:
    """What a cache said, as a trace shows it. `saved` is what the answer used and cost when it was made."""
    found: dict[str, Any] = {
        "outcome": lookup.outcome,
        "how": lookup.how,
        "namespace": lookup.namespace,
        "age_seconds": None if lookup.age_us is None else lookup.age_us / 1_000_000,
        "source_trace_id": None if lookup.source is None else lookup.source.hex(),
        "similarity": lookup.similarity,
        "note": lookup.note,
    }
    if lookup.usage is not None:
        nano = lookup.cost.nano if lookup.cost is not None else None
        found["saved"] = {
            "input_tokens": lookup.usage.input_tokens,
            "output_tokens": lookup.usage.output_tokens,
            "cost": None if nano is None else from_nano(nano),
            "currency": lookup.cost.currency if lookup.cost is not None else None,
        }
    return found


def _lookup_span(call: Admitted, lookup: Lookup) -> Span:
    return Span(
        trace_id=call.trace_id,
        span_id=lookup.span_id,
        parent_id=call.span_id,
        name=f"cache {lookup.outcome}",
        kind="cache",
        operation=call.operation,
        start_us=lookup.start_us,
        duration_us=lookup.duration_us,
        usage=lookup.usage,
        cost=lookup.cost if lookup.usage is not None else None,
        **_shared(call),
    )


_KINDS: dict[str, SpanKind] = {"embeddings": "embedding", "rerank": "rerank"}


class _Kept(NamedTuple):
    """What is kept of a call: bodies, what was said in them, facts."""

    body: bytes
    output: bytes
    asked: list[Turn]
    said: list[Turn]
    facts: dict[str, Any]


def _shared(call: Admitted) -> dict[str, Any]:
    return {
        "route_id": call.route_id,
        "request_model": call.model,
        "streamed": call.streamed,
        "tenant_id": call.tenant_id,
        "environment_id": call.environment_id,
        "team_id": call.team_id,
        "key_id": call.key_id,
        "actor_id": call.actor_id,
        "application": call.application,
        "user_id": call.user_id,
        "user_verified": call.user_verified,
        "session_id": call.session_id,
        "request_id": call.request_id,
    }


def _attempt_span(call: Admitted, number: int, one: Attempt) -> Span:
    return Span(
        trace_id=call.trace_id,
        span_id=one.span_id,
        parent_id=call.span_id,
        name=f"{call.operation} {one.upstream_model}",
        kind=_KINDS.get(call.operation, "llm"),
        operation=call.operation,
        start_us=one.start_us,
        duration_us=one.duration_us,
        first_token_us=one.first_token_us,
        status=one.status,
        error_type=one.error_type,
        error_message=one.error_message,
        http_status=one.http_status,
        provider=one.provider,
        target_id=one.target_id,
        response_model=one.response_model,
        response_id=one.response_id,
        finish_reason=one.finish_reason,
        attempt=number,
        usage=one.usage,
        cost=one.cost,
        owns_usage=one.pays and one.usage is not None,
        **_shared(call),
    )


def preview(turns: list[Turn]) -> str:
    """The newest turn's first characters: what tells one call from another in a list."""
    text = next((turn.text for turn in reversed(turns) if turn.text), "")
    if not text and turns and turns[-1].tool_calls:
        text = ", ".join(f"{call.name}({call.arguments})" for call in turns[-1].tool_calls)
    return " ".join(text[: PREVIEW * 2].split())[:PREVIEW]


def _content(call: Admitted, end: Ended, kept: _Kept, blobs: Blobs) -> Content:
    body, output, asked, said, facts = kept
    attributes = {
        **facts,
        "genaiops.peer": call.peer,
        "genaiops.key.name": call.key_name,
        "genaiops.snapshot.version": call.snapshot_version,
        "genaiops.output.truncated": end.truncated,
        "genaiops.cache": end.cache,
        **_guarded_by(call),
        **_routing(call, end),
    }
    large_in, large_out = len(body) > INLINE, len(output) > INLINE
    return _content_of(
        call,
        attributes,
        input=None if large_in else body,
        output=None if large_out else output,
        input_blob=blobs.put(body) if large_in else None,
        output_blob=blobs.put(output) if large_out else None,
        text=f"{turns_text(asked)[:SEARCHED]}\n{turns_text(said)[:SEARCHED]}\n{_words(call)}".strip(),
    )


def _made_of(call: Admitted) -> dict[str, Any]:
    """The release that served it, and the prompt that went into it."""
    served = {RELEASE: call.release, DEPLOYMENT: call.deployment} if call.release else {}
    return served if call.prompt is None else {**served, **_prompted(call.prompt)}


def _guarded_by(call: Admitted) -> dict[str, Any]:
    """What it takes to judge the call once more as it was judged."""
    found: dict[str, Any] = {DIALECT_ATTRIBUTE: call.dialect} if call.dialect else {}
    if call.policies is not None:
        found[POLICIES_ATTRIBUTE] = {each.reference: each.digest for each in call.policies}
    return found


def _words(call: Admitted) -> str:
    used = call.prompt
    named = {} if used is None else {PROMPT_NAME: used.name, PROMPT_VERSION: used.version}
    served = {"release": call.release, "deployment": call.deployment} if call.release else {}
    return " ".join(property_word(*pair) for pair in (*call.properties.items(), *named.items(), *served.items()))


def _routing(call: Admitted, end: Ended) -> dict[str, Any]:
    """Where the call went, and why."""
    attempts = {
        one.span_id.hex(): {
            "reason": one.reason,
            "gen_ai.request.model": one.upstream_model,
            "server.address": one.server_address,
            "server.port": one.server_port,
            **_decided(one.decision),
        }
        for one in end.attempts
    }
    copied = {} if call.shadow_of is None else {"genaiops.shadow_of": call.shadow_of.hex()}
    return {**copied, "genaiops.attempts": attempts}


def _decided(decision: Decision | None) -> dict[str, Any]:
    if decision is None:
        return {}
    found: dict[str, Any] = {
        "genaiops.routing.strategy": decision.strategy,
        "genaiops.routing.candidates": decision.candidates,
    }
    if decision.passed_over:
        found["genaiops.routing.passed_over"] = dict(decision.passed_over)
    if decision.note:
        found["genaiops.routing.note"] = decision.note
    return found


def _content_of(call: Admitted, attributes: dict[str, Any], **payload: Any) -> Content:
    if call.properties:
        attributes = {**attributes, PROPERTIES: call.properties}
    raw = {name: msgspec.Raw(msgspec.json.encode(value)) for name, value in attributes.items()}
    return Content(trace_id=call.trace_id, span_id=call.span_id, start_us=call.start_us, attributes=raw, **payload)
