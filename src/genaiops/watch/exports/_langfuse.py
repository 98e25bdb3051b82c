"""Langfuse: records of its API (`/api/public/...`), of exports from its pages (JSON, JSONL, CSV) and of its exports to
blob storage, whose fields are the same in snake case."""

import re
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
    nanoseconds,
    number_of,
    object_of,
    objects_of,
    prompt_manifest,
    prompt_name,
    text_of,
    whole_of,
)

_OPERATIONS = {
    "GENERATION": "chat",
    "EMBEDDING": "embeddings",
    "TOOL": "execute_tool",
    "RETRIEVER": "retrieval",
    "AGENT": "invoke_agent",
    "CHAIN": "invoke_workflow",
    "GUARDRAIL": "apply_guardrail",
}
_OPENINFERENCE = {"EVALUATOR": "EVALUATOR"}
_TYPES = {*_OPERATIONS, *_OPENINFERENCE, "SPAN", "EVENT"}
_SNAKE = re.compile(r"_([a-z])")
_INCLUDE = re.compile(r"@@@langfusePrompt:.*?@@@")
_SOURCES = {"ANNOTATION": "person", "API": "code", "EVAL": "model"}


class _Known:
    """Traces by id, so that what they say of user and session stands on every span."""

    def __init__(self) -> None:
        self.traces: dict[str, Record] = {}
        self.observations: dict[str, Record] = {}
        self.scores: dict[str, Record] = {}
        self.prompts: dict[tuple[str, int], Record] = {}


def langfuse(records: Iterable[Any]) -> Found:
    """All of an export at once: observations may come before their traces."""
    found, known = Found(), _Known()
    for record in records:
        _sort(record, known, found)
    bounds = _bounds(known)
    for trace in known.traces.values():
        _trace(trace, bounds.get(trace["id"]), found)
    for each in known.observations.values():
        _observation(each, known.traces.get(each["traceId"]), found)
    for each in known.scores.values():
        _score(each, found)
    for _, each in sorted(known.prompts.items(), key=lambda pair: pair[0]):
        _prompt(each, found)
    return found


def _sort(record: Any, known: _Known, found: Found) -> None:
    if isinstance(record, list):
        for one in record:  # pyright: ignore[reportUnknownVariableType]
            _sort(one, known, found)
        return
    fields = {_camel(name): value for name, value in object_of(record).items()}
    inner = fields.get("data")
    if isinstance(inner, list) and "id" not in fields:
        _sort(inner, known, found)
    elif isinstance(fields.get("trace"), dict) and "observations" in fields:
        _sort({**fields["trace"], "observations": fields["observations"], "scores": fields.get("scores")}, known, found)
    elif "prompt" in fields and "version" in fields and "name" in fields and "traceId" not in fields:
        known.prompts[str(fields["name"]), whole_of(fields["version"]) or 0] = fields
    elif "versions" in fields and "lastUpdatedAt" in fields:
        found.lose("a line of the list of prompts: it has no text, export each with /api/public/v2/prompts/NAME")
    elif _is_score(fields):
        known.scores[str(fields["id"])] = fields
    elif fields.get("id") and str(fields.get("type", "")).upper() in _TYPES:
        known.observations[str(fields["id"])] = {**fields, "id": str(fields["id"]), "traceId": _trace_id(fields)}
    elif fields.get("id") and "timestamp" in fields:
        for one in (*objects_of(fields.get("observations")), *objects_of(fields.get("scores"))):
            _sort({"traceId": fields["id"], **one}, known, found)
        known.traces[str(fields["id"])] = {**fields, "id": str(fields["id"])}
    else:
        found.lose("a record that is no trace, observation, score or prompt")


def _camel(name: str) -> str:
    return _SNAKE.sub(lambda match: match[1].upper(), name)


def _is_score(fields: Record) -> bool:
    return (
        bool(fields.get("id") and fields.get("name"))
        and "source" in fields
        and {"value", "stringValue"} & fields.keys() != set()
    )


def _trace_id(fields: Record) -> str:
    """An observation of no trace is one of its own."""
    return str(fields.get("traceId") or fields["id"])


def _bounds(known: _Known) -> dict[str, tuple[int, int]]:
    """First start and last end of the observations of each trace."""
    found: dict[str, tuple[int, int]] = {}
    for each in known.observations.values():
        start = nanoseconds(each.get("startTime"))
        if start is not None:
            end = nanoseconds(each.get("endTime")) or start
            first, last = found.get(each["traceId"], (start, end))
            found[each["traceId"]] = min(first, start), max(last, end)
    return found


def _root_id(trace_id: str) -> str:
    return id_of(f"langfuse trace {trace_id}", 16)


def _common(trace: Record) -> Record:
    tags = loaded(trace.get("tags"))
    return {
        "user.id": trace.get("userId") or None,
        "session.id": trace.get("sessionId") or None,
        "langfuse.trace.id": trace.get("id"),
        "langfuse.environment": trace.get("environment") or None,
        "langfuse.release": trace.get("release") or None,
        "langfuse.tags": text_of(tags) if tags else None,
    }


def _trace(trace: Record, bounds: tuple[int, int] | None, found: Found) -> None:
    """The trace itself as a span above its observations. Its tokens and cost are theirs, so it has none."""
    start = nanoseconds(trace.get("timestamp"))
    if start is None:
        found.lose("a trace without a time")
        return
    found.count("traces")
    seconds = number_of(trace.get("latency")) or 0.0
    first, last = bounds or (start, start + int(seconds * 1e9))
    if bounds is None and (trace.get("totalCost") or trace.get("usage")):
        found.lose("tokens and cost of a trace whose observations are not in the export")
    step = Step(
        trace_id=id_of(trace["id"], 32),
        span_id=_root_id(trace["id"]),
        name=str(trace.get("name") or "trace"),
        start_ns=min(start, first),
        end_ns=last,
        attributes={
            **_common(trace),
            "openinference.span.kind": "CHAIN",
            **_said(trace),
            **_metadata(trace),
            "langfuse.version": trace.get("version") or None,
        },
    )
    found.spans.append(step.otlp())


def _said(given: Record) -> Record:
    return {
        name: None if given.get(field) in (None, "") else text_of(given[field])
        for name, field in (("input.value", "input"), ("output.value", "output"))
    }


def _metadata(given: Record) -> Record:
    return {
        f"langfuse.metadata.{name}": value
        for name, value in object_of(given.get("metadata")).items()
        if value not in (None, {}, [])
    }


def _observation(given: Record, trace: Record | None, found: Found) -> None:
    start = nanoseconds(given.get("startTime"))
    if start is None:
        found.lose("an observation without a time")
        return
    kind = str(given["type"]).upper()
    found.count("observations")
    parent = given.get("parentObservationId")
    level = str(given.get("level") or "DEFAULT").upper()
    first = nanoseconds(given.get("completionStartTime"))
    step = Step(
        trace_id=id_of(given["traceId"], 32),
        span_id=id_of(given["id"], 16),
        parent_id=id_of(str(parent), 16) if parent else _root_id(given["traceId"]) if trace is not None else "",
        name=str(given.get("name") or kind.lower()),
        start_ns=start,
        end_ns=nanoseconds(given.get("endTime")) or start,
        failed=level == "ERROR",
        error=given.get("statusMessage") or None,
        attributes={
            **_common(trace or {**given, "id": given["traceId"]}),
            **_metadata(given),
            "langfuse.observation.id": given["id"],
            "langfuse.observation.type": kind,
            "langfuse.level": None if level == "DEFAULT" else level,
            "langfuse.status_message": given.get("statusMessage") if level != "ERROR" else None,
            "langfuse.version": given.get("version") or None,
            "gen_ai.operation.name": _OPERATIONS.get(kind),
            "openinference.span.kind": _OPENINFERENCE.get(kind) or (None if kind in _OPERATIONS else "CHAIN"),
            "gen_ai.response.time_to_first_chunk": None if first is None else max(0, first - start) / 1e9,
            **_prompt_used(given),
            **_spoken(given, kind),
        },
    )
    if kind in ("GENERATION", "EMBEDDING"):
        step.attributes |= _model(given) | _usage(given, found)
    elif object_of(given.get("usageDetails")):
        found.lose("tokens of an observation that is no generation")
    found.spans.append(step.otlp())


def _spoken(given: Record, kind: str) -> Record:
    """The conversation of a generation, else what went in and came out."""
    plain = _said(given)
    if kind != "GENERATION":
        return plain
    asked, said = messages_of(given.get("input")), messages_of(given.get("output"))
    made: Record = {
        "gen_ai.input.messages": asked or plain["input.value"],
        "gen_ai.output.messages": said or plain["output.value"],
    }
    return {name: None if value is None else text_of(value) for name, value in made.items()}


def _prompt_used(given: Record) -> Record:
    name, version = given.get("promptName"), given.get("promptVersion")
    return {"langfuse.prompt.name": name or None, "langfuse.prompt.version": None if not name else whole_of(version)}


def _model(given: Record) -> Record:
    parameters = object_of(given.get("modelParameters"))
    model = given.get("model") or given.get("providedModelName")
    return {
        "gen_ai.request.model": model or None,
        "gen_ai.provider.name": _provider(given),
        **{f"gen_ai.request.{name}": value for name, value in parameters.items() if value is not None},
    }


def _provider(given: Record) -> str | None:
    """Only where the program that was traced said it."""
    said = object_of(object_of(given.get("metadata")).get("attributes"))
    name = said.get("gen_ai.provider.name") or said.get("gen_ai.system")
    return name if isinstance(name, str) else None


def _usage(given: Record, found: Found) -> Record:
    """Buckets of Langfuse exclude each other: input is what all buckets named so hold together."""
    details = object_of(given.get("usageDetails")) or object_of(given.get("usage"))
    numbers = {name: amount for name, value in details.items() if (amount := whole_of(value)) is not None}
    unit = str(object_of(given.get("usage")).get("unit") or "TOKENS")
    if unit != "TOKENS":
        found.lose(f"usage in {unit.lower()[:20]}: only tokens are taken")
        numbers = {}
    cost = _cost(given)
    into = {
        name: amount for name, amount in numbers.items() if "input" in name or name in ("prompt_tokens", "promptTokens")
    }
    out = {
        name: amount
        for name, amount in numbers.items()
        if name not in into and ("output" in name or name in ("completion_tokens", "completionTokens"))
    }
    total = numbers.get("total")
    known = bool(into or out)
    return {
        "gen_ai.usage.input_tokens": sum(into.values()) if into else None,
        "gen_ai.usage.output_tokens": sum(out.values()) if out else None,
        "gen_ai.usage.total_tokens": total if not known else None,
        "gen_ai.usage.cache_read.input_tokens": _part(into, "cache_read", "cached") or None,
        "gen_ai.usage.cache_creation.input_tokens": _part(into, "cache_creation", "cache_write") or None,
        "gen_ai.usage.reasoning.output_tokens": _part(out, "reasoning") or None,
        "gen_ai.usage.cost": cost,
        "langfuse.cost.total": cost,
    }


def _part(numbers: dict[str, int], *words: str) -> int:
    return sum(amount for name, amount in numbers.items() if any(word in name for word in words))


def _cost(given: Record) -> float | None:
    details = object_of(given.get("costDetails"))
    for value in (details.get("total"), given.get("totalCost"), given.get("calculatedTotalCost")):
        if (found := number_of(value)) is not None:
            return found
    amounts = [amount for value in details.values() if (amount := number_of(value)) is not None]
    return sum(amounts) if amounts else None


def _score(given: Record, found: Found) -> None:
    if not given.get("traceId"):
        found.lose("a score of a session or of a run: scores are of traces here")
        return
    value: Any = given.get("value")
    label = given.get("stringValue")
    kind = str(given.get("dataType") or ("NUMERIC" if label in (None, "") else "CATEGORICAL"))
    if kind == "BOOLEAN":
        value = str(value).lower() in ("1", "1.0", "true")
    elif kind == "NUMERIC":
        value = float(value) if value not in (None, "") else None
    else:
        value = str(label if label not in (None, "") else value)
    if value is None or (isinstance(value, str) and len(value) > LONGEST_LABEL):
        found.lose("a score whose value is a long text, or nothing")
        return
    body: Record = {
        "trace_id": id_of(str(given["traceId"]), 32),
        "name": str(given["name"])[:128],
        "value": value,
        "source": _SOURCES.get(str(given.get("source")), "code"),
        "comment": str(given.get("comment") or "")[:10_000],
        "identifier": f"langfuse:{given['id']}"[:128],
    }
    if given.get("observationId"):
        body["span_id"] = id_of(str(given["observationId"]), 16)
    found.scores.append(body)
    found.change("the time of a score is that of the import")


def _prompt(given: Record, found: Found) -> None:
    prompt = loaded(given["prompt"])
    name = prompt_name(str(given["name"]))
    if name != given["name"]:
        found.change(f"the prompt {str(given['name'])[:60]!r} is called {name!r} here")
    messages: list[Record]
    if isinstance(prompt, str):
        messages = [{"role": "system", "content": prompt}]
        found.change("a prompt of plain text is one message of the role system")
    else:
        messages = [each for each in objects_of(prompt) if str(each.get("type")) != "placeholder"]
        missing = len(objects_of(prompt)) - len(messages)
        if missing:
            found.lose("a placeholder for messages: send these messages with the call", missing)
    included = sum(len(_INCLUDE.findall(text_of(each.get("content") or ""))) for each in messages)
    if included:
        found.lose("a prompt that includes others: write {{> NAME@ALIAS}} instead", included)
    manifest = prompt_manifest(messages, found)
    if not messages:
        found.lose("a prompt without messages")
        return
    manifest = configured(manifest, object_of(given.get("config")), found)
    labels = tuple(prompt_name(str(one)) for one in loaded(given.get("labels")) or () if one != "latest")
    found.prompts.append(
        ForeignPrompt(
            name=name,
            number=whole_of(given["version"]) or 0,
            manifest=manifest,
            aliases=labels,
            title=str(given.get("commitMessage") or "")[:100],
        )
    )
