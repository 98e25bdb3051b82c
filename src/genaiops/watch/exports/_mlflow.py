"""MLflow 3: traces as `Trace.to_json()` writes them (also as rows of `search_traces()`), and prompts of its registry as
the REST API has model versions (`name`, `version`, `tags`, `aliases`)."""

import base64
import binascii
from collections.abc import Iterable
from typing import Any

from genaiops.watch.exports._found import (
    LONGEST_LABEL,
    ForeignPrompt,
    Found,
    Record,
    Step,
    configured,
    id_of,
    loaded,
    messages_of,
    number_of,
    object_of,
    objects_of,
    prompt_manifest,
    prompt_name,
    text_of,
    whole_of,
)

_OPERATIONS = {
    "LLM": "chat",
    "CHAT_MODEL": "chat",
    "EMBEDDING": "embeddings",
    "TOOL": "execute_tool",
    "RETRIEVER": "retrieval",
    "AGENT": "invoke_agent",
    "CHAIN": "invoke_workflow",
    "WORKFLOW": "invoke_workflow",
    "GUARDRAIL": "apply_guardrail",
}
_OTHERS = {"EVALUATOR": "EVALUATOR", "RERANKER": "RERANKER"}
_SOURCES = {"HUMAN": "person", "LLM_JUDGE": "model", "AI_JUDGE": "model", "CODE": "code"}
_OWN = frozenset(
    [
        "mlflow.spanType",
        "mlflow.spanInputs",
        "mlflow.spanOutputs",
        "mlflow.chat.tokenUsage",
        "mlflow.llm.cost",
        "mlflow.llm.model",
        "mlflow.llm.provider",
        "mlflow.traceRequestId",
    ]
)
_PROMPT_TEXT, _PROMPT_TYPE, _IS_PROMPT = "mlflow.prompt.text", "_mlflow_prompt_type", "mlflow.prompt.is_prompt"
_PROMPT_SETTINGS, _PROMPT_FORMAT = "_mlflow_prompt_model_config", "_mlflow_prompt_response_format"


def mlflow(records: Iterable[Any]) -> Found:
    found = Found()
    for record in records:
        _read(record, found)
    found.prompts.sort(key=lambda each: (each.name, each.number))
    return found


def _read(record: Any, found: Found) -> None:
    if isinstance(record, list):
        for one in record:  # pyright: ignore[reportUnknownVariableType]
            _read(one, found)
        return
    fields = object_of(record)
    for name in ("traces", "model_versions"):
        if isinstance(fields.get(name), list):
            _read(fields[name], found)
            return
    whole = object_of(fields.get("trace"))
    tags = _tags(fields.get("tags"))
    if "info" in fields and "data" in fields:
        _trace(object_of(fields["info"]), objects_of(object_of(fields["data"]).get("spans")), found)
    elif "info" in whole:
        _read(whole, found)
    elif _PROMPT_TEXT in tags:
        _prompt(fields, tags, found)
    else:
        found.lose("a record that is no trace and no version of a prompt")


def _tags(value: Any) -> Record:
    """An object, or the list of key and value that the REST API has."""
    listed = objects_of(value)
    return {str(one["key"]): one.get("value") for one in listed if "key" in one} if listed else object_of(value)


def _id(text: Any, digits: int) -> str:
    """MLflow writes the bytes of OpenTelemetry's ids in base64."""
    try:
        raw = base64.b64decode(str(text), validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    return raw.hex() if len(raw) * 2 == digits else id_of(str(text).removeprefix("tr-"), digits)


def _trace(info: Record, spans: list[Record], found: Found) -> None:
    identity = str(info.get("trace_id") or info.get("request_id") or "")
    metadata, tags = _tags(info.get("trace_metadata") or info.get("request_metadata")), _tags(info.get("tags"))
    if not spans:
        found.lose("a trace without spans: export it with them")
        return
    found.count("traces")
    common = {
        "user.id": metadata.get("mlflow.trace.user") or None,
        "session.id": metadata.get("mlflow.trace.session") or None,
        "mlflow.trace_id": identity,
    }
    trace_id = ""
    for span in spans:
        trace_id = _span(span, common, tags, found) or trace_id
    for each in objects_of(info.get("assessments")):
        _assessment(each, trace_id, found)


def _span(span: Record, common: Record, tags: Record, found: Found) -> str | None:
    """The trace's id."""
    given = {str(name): loaded(value) for name, value in object_of(span.get("attributes")).items()}
    start, end = whole_of(span.get("start_time_unix_nano")), whole_of(span.get("end_time_unix_nano"))
    if start is None or not span.get("span_id"):
        found.lose("a span without a time or an id (a schema of before MLflow 3)")
        return None
    found.count("spans")
    kind = str(given.get("mlflow.spanType") or "UNKNOWN")
    parent = span.get("parent_span_id")
    status = object_of(span.get("status"))
    trace_id = _id(span.get("trace_id") or common["mlflow.trace_id"], 32)
    own = (
        {}
        if parent
        else {f"mlflow.tag.{name}": value for name, value in tags.items() if not name.startswith("mlflow.")}
    )
    step = Step(
        trace_id=trace_id,
        span_id=_id(span["span_id"], 16),
        parent_id=_id(parent, 16) if parent else "",
        name=str(span.get("name") or kind.lower()),
        start_ns=start,
        end_ns=end or start,
        failed=str(status.get("code", "")).endswith("ERROR"),
        error=status.get("message") or None,
        events=tuple(_event(one) for one in objects_of(span.get("events"))),
        attributes={
            **common,
            **own,
            **{name: value for name, value in given.items() if name not in _OWN},
            "mlflow.spanType": kind,
            "gen_ai.operation.name": given.get("gen_ai.operation.name") or _OPERATIONS.get(kind),
            "openinference.span.kind": None if kind in _OPERATIONS else _OTHERS.get(kind, "CHAIN"),
            **_spoken(given, kind),
            **_usage(given),
        },
    )
    found.spans.append(step.otlp())
    return trace_id


def _event(event: Record) -> Record:
    return {
        "name": str(event.get("name") or "event"),
        "timeUnixNano": str(whole_of(event.get("time_unix_nano") or event.get("timestamp")) or 0),
        "attributes": object_of(event.get("attributes")),
    }


def _spoken(given: Record, kind: str) -> Record:
    into, out = given.get("mlflow.spanInputs"), given.get("mlflow.spanOutputs")
    if kind in ("LLM", "CHAT_MODEL"):
        asked, said = messages_of(into) or into, messages_of(out) or out
        names = ("gen_ai.input.messages", "gen_ai.output.messages")
    else:
        asked, said, names = into, out, ("input.value", "output.value")
    return {
        name: None if value in (None, "") else text_of(value) for name, value in zip(names, (asked, said), strict=True)
    }


def _usage(given: Record) -> Record:
    tokens, cost = object_of(given.get("mlflow.chat.tokenUsage")), object_of(given.get("mlflow.llm.cost"))
    inputs = object_of(given.get("mlflow.spanInputs"))
    total = number_of(cost.get("total_cost"))
    return {
        "gen_ai.request.model": given.get("mlflow.llm.model") or _text(inputs.get("model")) if tokens or cost else None,
        "gen_ai.provider.name": given.get("mlflow.llm.provider"),
        "gen_ai.usage.input_tokens": whole_of(tokens.get("input_tokens")),
        "gen_ai.usage.output_tokens": whole_of(tokens.get("output_tokens")),
        "gen_ai.usage.cache_read.input_tokens": whole_of(tokens.get("cache_read_input_tokens")),
        "gen_ai.usage.cache_creation.input_tokens": whole_of(tokens.get("cache_creation_input_tokens")),
        "gen_ai.usage.cost": total,
        "mlflow.cost.total": total,
    }


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _assessment(given: Record, trace_id: str, found: Found) -> None:
    feedback = object_of(given.get("feedback"))
    if "expectation" in given:
        found.lose("an expectation: what should have come back is a row of a dataset here")
        return
    value = feedback.get("value")
    if given.get("valid") is False or not isinstance(value, bool | int | float | str):
        found.lose("an assessment that was replaced by another, has failed, or whose value is no single one")
        return
    if isinstance(value, str) and len(value) > LONGEST_LABEL:
        found.lose("an assessment whose value is a long text")
        return
    source = object_of(given.get("source"))
    body: Record = {
        "trace_id": trace_id,
        "name": str(given.get("assessment_name") or "assessment")[:128],
        "value": value,
        "source": _SOURCES.get(str(source.get("source_type")), "code"),
        "comment": str(given.get("rationale") or "")[:10_000],
        "identifier": f"mlflow:{given.get('assessment_id')}"[:128],
    }
    if given.get("span_id"):
        body["span_id"] = id_of(str(given["span_id"]), 16)
    found.scores.append(body)
    found.change("the time of a score is that of the import")


def _prompt(fields: Record, tags: Record, found: Found) -> None:
    given = str(fields.get("name") or "")
    name = prompt_name(given)
    if name != given:
        found.change(f"the prompt {given[:60]!r} is called {name!r} here")
    text = tags[_PROMPT_TEXT]
    messages = objects_of(text) if tags.get(_PROMPT_TYPE) == "chat" else []
    if not messages:
        messages = [{"role": "system", "content": text_of(text)}]
        found.change("a prompt of plain text is one message of the role system")
    manifest = configured(prompt_manifest(messages, found), object_of(tags.get(_PROMPT_SETTINGS)), found)
    shape = object_of(tags.get(_PROMPT_FORMAT))
    if shape:
        schema = {"name": name.rpartition("/")[2].replace(".", "-")[:64], "schema": shape}
        manifest["response_format"] = {"type": "json_schema", "json_schema": schema}
    listed = fields.get("aliases")
    aliases: list[Any] = [one.get("alias") for one in objects_of(listed)] or list(loaded(listed) or ())
    found.prompts.append(
        ForeignPrompt(
            name=name,
            number=whole_of(fields.get("version")) or 0,
            manifest=manifest,
            aliases=tuple(prompt_name(str(one)) for one in aliases),
            title=str(fields.get("description") or "")[:100],
        )
    )
