"""OpenInference's names (0.1.42), as Phoenix's instrumentations write them."""

from typing import Final

import msgspec

from genaiops.domain import SpanKind, Usage
from genaiops.watch.otlp._facts import (
    Facts,
    Message,
    amount_at,
    json_text,
    parts_at,
    provider_name,
    text_at,
    usage_of,
    whole_at,
)
from genaiops.watch.otlp._messages import from_openinference, from_state
from genaiops.watch.otlp._wire import Attributes, WireSpan

DIALECT: Final = "openinference"

_KINDS: dict[str, tuple[SpanKind, str]] = {
    "LLM": ("llm", "chat"),
    "EMBEDDING": ("embedding", "embeddings"),
    "RETRIEVER": ("retrieval", "retrieval"),
    "RERANKER": ("rerank", "rerank"),
    "TOOL": ("tool", "execute_tool"),
    "AGENT": ("agent", "invoke_agent"),
    "CHAIN": ("workflow", "invoke_workflow"),
    "GUARDRAIL": ("guardrail", "apply_guardrail"),
    "EVALUATOR": ("evaluation", "evaluate"),
    "PROMPT": ("prompt", "prompt"),
}

CONTENT: Final = ("input.value", "output.value", "llm.choices", "reranker.query")
CONTENT_PREFIXES: Final = (
    "llm.input_messages.",
    "llm.output_messages.",
    "llm.prompts.",
    "retrieval.documents.",
    "reranker.input_documents.",
    "reranker.output_documents.",
    "embedding.embeddings.",
    "input.images.",
    "input.documents.",
)


def speaks(span: WireSpan) -> bool:
    given = span.attributes
    return "openinference.span.kind" in given or "llm.model_name" in given or "llm.token_count.total" in given


def read(span: WireSpan) -> Facts:
    given = span.attributes
    kind, operation = _KINDS.get(str(given.get("openinference.span.kind", "")).upper(), (None, None))
    asked = from_openinference(given, "llm.input_messages.")
    said = from_openinference(given, "llm.output_messages.")
    if asked is None and kind in ("workflow", "agent"):
        asked = from_state(given.get("input.value"))
    if said is None and kind in ("workflow", "agent"):
        said = _last(from_state(given.get("output.value")))
    return Facts(
        kind=kind,
        operation=operation,
        provider=provider_name(text_at(given, "llm.provider", "llm.system")),
        request_model=text_at(
            given, "llm.request.model_name", "llm.model_name", "embedding.model_name", "reranker.model_name"
        ),
        response_model=text_at(given, "llm.response.model_name", "llm.model_name"),
        response_id=text_at(given, "llm.response.id") or _answer_id(given),
        finish_reason=text_at(given, "llm.finish_reason"),
        usage=_usage(given, silent=kind == "embedding"),
        cost=amount_at(given, "llm.cost.total"),
        session_id=text_at(given, "session.id"),
        user_id=text_at(given, "user.id"),
        asked=asked,
        said=said,
        given=_value(given, "input.value") if asked is None else None,
        made=_value(given, "output.value") if said is None else None,
    )


def _last(messages: list[Message] | None) -> list[Message] | None:
    """A state repeats what it began with; what came out of it is its last message."""
    last = messages[-1:] if messages else []
    return last if last and last[0]["role"] == "assistant" else None


class _Identified(msgspec.Struct):
    id: str | None = None


class _Fields(msgspec.Struct):
    id: str | None = None
    response_metadata: _Identified | None = None


class _Message(msgspec.Struct):
    kwargs: _Fields | None = None


class _Generation(msgspec.Struct):
    message: _Message | None = None


class _Answer(msgspec.Struct):
    """An answer of a model's server (`id`), and what LangChain and LlamaIndex wrap it in."""

    id: str | None = None
    llm_output: _Identified | None = None
    generations: list[list[_Generation]] = []
    raw: _Identified | None = None

    def said(self) -> str | None:
        for one in (self, self.raw, self.llm_output):
            if one is not None and one.id:
                return one.id
        message = self.generations[0][0].message if self.generations and self.generations[0] else None
        fields = None if message is None else message.kwargs
        if fields is None:
            return None
        return (fields.response_metadata.id if fields.response_metadata else None) or fields.id


_ANSWER = msgspec.json.Decoder(_Answer)


def _answer_id(given: Attributes) -> str | None:
    """No attribute holds it, but the answer of a model's server, as it came or as a framework has it, does."""
    value = given.get("output.value") if given.get("openinference.span.kind") == "LLM" else None
    if not isinstance(value, str) or not value.startswith("{"):
        return None
    try:
        return _ANSWER.decode(value).said()
    except (msgspec.DecodeError, RecursionError):
        return None


def _value(given: Attributes, name: str) -> str | None:
    return json_text(given[name]) if given.get(name) is not None else None


_PARTS: Final = {
    "cache_read": ("llm.token_count.prompt_details.cache_read", "llm.token_count.prompt_details.cache_input"),
    "cache_write": ("llm.token_count.prompt_details.cache_write",),
    "reasoning": ("llm.token_count.completion_details.reasoning",),
    "audio_input": ("llm.token_count.prompt_details.audio",),
    "audio_output": ("llm.token_count.completion_details.audio",),
}


def _usage(given: Attributes, *, silent: bool) -> Usage | None:
    return usage_of(
        input_tokens=whole_at(given, "llm.token_count.prompt"),
        output_tokens=whole_at(given, "llm.token_count.completion"),
        total=whole_at(given, "llm.token_count.total"),
        of_it=parts_at(given, _PARTS),
        silent=silent,
    )
