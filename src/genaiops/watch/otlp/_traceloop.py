"""OpenLLMetry's names (semconv-ai 0.5): what it has beside OpenTelemetry's, and its legacy `llm.*`."""

from typing import Final

from genaiops.domain import SpanKind
from genaiops.watch.otlp._facts import Facts, json_text, text_at, usage_of, whole_at
from genaiops.watch.otlp._wire import WireSpan

DIALECT: Final = "openllmetry"

_KINDS: dict[str, tuple[SpanKind, str]] = {
    "workflow": ("workflow", "invoke_workflow"),
    "task": ("workflow", "task"),
    "agent": ("agent", "invoke_agent"),
    "tool": ("tool", "execute_tool"),
}
_REQUESTS: dict[str, tuple[SpanKind, str]] = {
    "chat": ("llm", "chat"),
    "completion": ("llm", "text_completion"),
    "embedding": ("embedding", "embeddings"),
    "rerank": ("rerank", "rerank"),
}

CONTENT: Final = (
    "traceloop.entity.input",
    "traceloop.entity.output",
    "llm.prompts",
    "llm.completions",
)
CONTENT_PREFIXES: Final = ("llm.completions.", "traceloop.prompt.template_variables")


def speaks(span: WireSpan) -> bool:
    given = span.attributes
    return "llm.request.type" in given or any(name.startswith(("traceloop.", "llm.usage.")) for name in given)


def read(span: WireSpan) -> Facts:
    given = span.attributes
    asked = _REQUESTS.get(str(given.get("llm.request.type", "")).lower())
    kind, operation = asked or _KINDS.get(str(given.get("traceloop.span.kind", "")).lower(), (None, None))
    streamed = given.get("llm.is_streaming")
    return Facts(
        kind=kind,
        operation=operation,
        request_model=text_at(given, "llm.request.model"),
        response_model=text_at(given, "llm.response.model"),
        streamed=streamed if isinstance(streamed, bool) else None,
        usage=usage_of(
            input_tokens=whole_at(given, "llm.usage.prompt_tokens"),
            output_tokens=whole_at(given, "llm.usage.completion_tokens"),
            total=whole_at(given, "llm.usage.total_tokens"),
            silent=kind == "embedding",
        ),
        session_id=text_at(
            given,
            "traceloop.association.properties.session_id",
            "traceloop.association.properties.thread_id",
            "traceloop.association.properties.chat_id",
        ),
        user_id=text_at(given, "traceloop.association.properties.user_id", "llm.user"),
        given=json_text(given["traceloop.entity.input"]) if given.get("traceloop.entity.input") is not None else None,
        made=json_text(given["traceloop.entity.output"]) if given.get("traceloop.entity.output") is not None else None,
    )
