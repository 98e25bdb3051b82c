"""The id of an answer, where one span of a call has it and the one below has the tokens (LlamaIndex)."""

import msgspec

from genaiops.domain import MODEL_CALLS, Content, Span


def with_answers(told: list[tuple[Span, Content]]) -> list[tuple[Span, Content]]:
    """Spans of one request. A call's span that has usage and no id takes the id of the call right above it, by which it
    is known to be a call that the gateway tells of, too."""
    above = {
        (span.trace_id, span.span_id): span.response_id
        for span, _ in told
        if span.response_id and span.usage is None and span.kind in MODEL_CALLS
    }
    if not above:
        return told
    return [(_with_answer(span, above), content) for span, content in told]


def _with_answer(span: Span, above: dict[tuple[bytes, bytes], str]) -> Span:
    if span.usage is None or span.response_id or span.parent_id is None:
        return span
    found = above.get((span.trace_id, span.parent_id))
    return span if found is None else msgspec.structs.replace(span, response_id=found)
