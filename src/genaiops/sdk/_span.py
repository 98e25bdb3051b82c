"""One step of an application while it runs. Names are those of OpenTelemetry's GenAI conventions 1.41; inputs and
outputs that these have no name for stand under OpenInference's `input.value` and `output.value`."""

import time
import traceback
from collections.abc import Mapping
from typing import Literal, NamedTuple

from genaiops.core.ids import new_span_id, new_trace_id
from genaiops.sdk._capture import captured
from genaiops.sdk._context import Parent, Place
from genaiops.sdk._messages import as_parts
from genaiops.sdk._settings import Settings

StepKind = Literal[
    "agent", "tool", "retrieval", "workflow", "llm", "embedding", "rerank", "guardrail", "evaluation", "prompt", "other"
]
"""What a step is. `other`: a step that is none of these."""

Attribute = str | bool | int | float


class _Words(NamedTuple):
    """GenAI's operation, the attribute that holds the step's name, those for input and output, OpenInference's kind."""

    operation: str | None
    named: str | None
    given: str | None
    made: str | None
    kind: str


WORDS: Mapping[StepKind, _Words] = {
    "agent": _Words("invoke_agent", "gen_ai.agent.name", None, None, "AGENT"),
    "tool": _Words("execute_tool", "gen_ai.tool.name", "gen_ai.tool.call.arguments", "gen_ai.tool.call.result", "TOOL"),
    "retrieval": _Words(
        "retrieval", "gen_ai.data_source.id", "gen_ai.retrieval.query.text", "gen_ai.retrieval.documents", "RETRIEVER"
    ),
    "workflow": _Words("invoke_workflow", "gen_ai.workflow.name", None, None, "CHAIN"),
    "llm": _Words("chat", None, "gen_ai.input.messages", "gen_ai.output.messages", "LLM"),
    "embedding": _Words("embeddings", None, None, None, "EMBEDDING"),
    "rerank": _Words(None, None, None, None, "RERANKER"),
    "guardrail": _Words(None, None, None, None, "GUARDRAIL"),
    "evaluation": _Words(None, None, None, None, "EVALUATOR"),
    "prompt": _Words(None, None, None, None, "PROMPT"),
    "other": _Words(None, None, None, None, "UNKNOWN"),
}
_LARGEST = 4_096
"""Characters of an attribute that the application sets itself, and of an error's message."""
_MOST = 128
"""Attributes, and events, of one span."""
_STACK = 8_192


class SpanId(NamedTuple):
    trace_id: bytes
    span_id: bytes
    parent_id: bytes | None
    sampled: bool


class Event(NamedTuple):
    name: str
    at_ns: int
    attributes: Mapping[str, Attribute]


class Span:
    """What happens in one `with genaiops.trace(...)` or one call of a traced function. Nothing here raises; after the
    end nothing is added any more."""

    def __init__(self, name: str, kind: StepKind, parent: Parent | None, settings: Settings, *, capture: bool) -> None:
        words = WORDS[kind]
        self.kind: StepKind = kind
        self.name = f"{words.operation} {name}" if words.operation else name
        self.id = (
            SpanId(new_trace_id(), new_span_id(), None, sampled=True)
            if parent is None
            else SpanId(parent.trace_id, new_span_id(), parent.span_id, parent.sampled)
        )
        self.before: Place | None = None
        self.left = False
        self.attributes: dict[str, Attribute] = {"openinference.span.kind": words.kind}
        self.events: list[Event] = []
        self.failure: str | None = None
        self.start_ns = time.time_ns()
        self.duration_ns: int | None = None
        self.dropped = 0
        self._settings = settings
        self.captures = capture
        self._began = time.perf_counter_ns()
        if words.operation:
            self.attributes["gen_ai.operation.name"] = words.operation
        if words.named:
            self.attributes[words.named] = name

    @property
    def trace_id(self) -> str:
        """32 hexadecimal digits, as in `/api/traces/{trace_id}`."""
        return self.id.trace_id.hex()

    @property
    def span_id(self) -> str:
        return self.id.span_id.hex()

    @property
    def ended(self) -> bool:
        return self.duration_ns is not None

    def set(self, name: str, value: object) -> None:
        """An attribute. Texts, numbers and truths stay what they are, all else becomes JSON."""
        if self.ended or value is None:
            return
        if name not in self.attributes and len(self.attributes) >= _MOST:
            self.dropped += 1
            return
        self.attributes[name] = value if isinstance(value, bool | int | float) else self._attribute(name, value)

    def input(self, value: object) -> None:
        """What the step was given. Of `llm`: the messages."""
        self._content("input", WORDS[self.kind].given, value)

    def output(self, value: object) -> None:
        """What came of it. Of `llm`: the answer's text or messages."""
        self._content("output", WORDS[self.kind].made, value)

    def model(self, name: str, *, provider: str | None = None, answered: str | None = None) -> None:
        """Which model was asked, and which one answered. Not needed for calls through the gateway: it writes its own
        spans."""
        self.set("gen_ai.request.model", name)
        self.set("gen_ai.provider.name", provider)
        self.set("gen_ai.response.model", answered)

    def usage(
        self,
        input_tokens: int | None,
        output_tokens: int | None,
        *,
        cache_read: int | None = None,
        cache_write: int | None = None,
        reasoning: int | None = None,
    ) -> None:
        """Tokens of a model that was called past the gateway. Input includes the cached, output the reasoning."""
        self.set("gen_ai.usage.input_tokens", input_tokens)
        self.set("gen_ai.usage.output_tokens", output_tokens)
        self.set("gen_ai.usage.cache_read.input_tokens", cache_read)
        self.set("gen_ai.usage.cache_creation.input_tokens", cache_write)
        self.set("gen_ai.usage.reasoning.output_tokens", reasoning)

    def event(self, name: str, attributes: Mapping[str, object] | None = None) -> None:
        """Something that happened at this moment."""
        if self.ended or len(self.events) >= _MOST:
            return
        kept = {key: self._attribute(key, value) for key, value in (attributes or {}).items() if value is not None}
        self.events.append(Event(name, time.time_ns(), kept))

    def error(self, error: BaseException) -> None:
        """That it failed, with the exception. An exception that leaves the block or the function is told by itself."""
        if self.ended:
            return
        kind = type(error)
        name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
        self.attributes["error.type"] = name
        self.failure = name
        if not self.captures:
            self.events.append(Event("exception", time.time_ns(), {"exception.type": name}))
            return
        self.failure = self._attribute("exception.message", _told(error))
        stack = captured(_stack(error), _STACK, self._settings.redact, "exception.stacktrace")
        told = {"exception.type": name, "exception.message": self.failure, "exception.stacktrace": stack}
        self.events.append(Event("exception", time.time_ns(), told))

    def end(self) -> None:
        """Once; a `with` and a traced function do it by themselves."""
        if not self.ended:
            self.duration_ns = time.perf_counter_ns() - self._began

    def _content(self, side: str, own: str | None, value: object) -> None:
        if self.ended or not self.captures:
            return
        settings = self._settings
        if own in {"gen_ai.input.messages", "gen_ai.output.messages"}:
            messages = as_parts(value, "user" if side == "input" else "assistant")
            if messages is not None:
                self.attributes[own or ""] = captured(messages, settings.limit, settings.redact, side)
                return
        text = captured(value, settings.limit, settings.redact, side)
        if own is not None:
            self.attributes[own] = text
            return
        self.attributes[f"{side}.value"] = text
        self.attributes[f"{side}.mime_type"] = "text/plain" if isinstance(value, str) else "application/json"

    def _attribute(self, name: str, value: object) -> str:
        return captured(value, _LARGEST, self._settings.redact, name)


def _told(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:  # noqa: BLE001 (an exception of the application may not even be able to say what it is)
        return type(error).__name__


def _stack(error: BaseException) -> str:
    """Its end, which names the place; without the source of our own wrappers nothing is lost."""
    try:
        return "".join(traceback.format_exception(error))[-_STACK:]
    except Exception:  # noqa: BLE001 (formatting calls code of the application)
        return ""
