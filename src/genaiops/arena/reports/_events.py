"""What checks said of a run, as events of OpenTelemetry: `gen_ai.evaluation.result`, log records of OTLP in JSON.

By the semantic conventions for generative AI (model/gen-ai/events.yaml, in development): the event belongs to the call
that was judged, so each carries the trace of its answer where that is known.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from genaiops.arena.reports._reported import Reported
from genaiops.domain import Answer, Judged

EVENT: Final = "gen_ai.evaluation.result"
AT_ONCE: Final = 1000
_INFO: Final = 9
_LABELS: Final = {"pass": "pass", "warn": "pass", "fail": "fail", "inconclusive": "inconclusive"}


def event_requests(said: Reported) -> Iterator[dict[str, Any]]:
    """Bodies of `POST /v1/logs`, each with at most 1000 records. Nothing of what was asked or answered is in them."""
    records = [_record(said, each, answer) for each, answer in _judged(said)]
    for start in range(0, len(records), AT_ONCE):
        yield {
            "resourceLogs": [
                {
                    "resource": {"attributes": _attributes({"service.name": "genaiops"})},
                    "scopeLogs": [
                        {
                            "scope": {"name": "genaiops.arena", "version": said.run.environment.get("genaiops", "")},
                            "logRecords": records[start : start + AT_ONCE],
                        }
                    ],
                }
            ]
        }


def _judged(said: Reported) -> Iterator[tuple[Judged, Answer | None]]:
    for (target, case), judged in said.judged.items():
        if not case:
            continue
        answers = {answer.repeat: answer for answer in said.answers.get((target, case), ())}
        for each in judged:
            yield each, answers.get(each.repeat)
    for each in said.corpus:
        if not each.against:
            yield each, None


def _record(said: Reported, each: Judged, answer: Answer | None) -> dict[str, Any]:
    verdict = each.verdict
    facts: dict[str, Any] = {
        "gen_ai.evaluation.name": each.check,
        "gen_ai.evaluation.score.value": verdict.measure,
        "gen_ai.evaluation.score.label": _LABELS.get(verdict.outcome),
        "gen_ai.evaluation.explanation": verdict.reason or None,
        "error.type": "evaluation_error" if verdict.outcome == "error" else None,
        "genaiops.evaluation.metric": each.metric,
        "genaiops.run.id": said.run.id,
        "genaiops.suite": said.run.subject,
        "genaiops.target": each.target,
        "genaiops.case.id": each.case or None,
        "genaiops.repeat": each.repeat if each.case else None,
    }
    nano = str((each.at_us or said.run.ended_us or said.run.created_us) * 1000)
    record: dict[str, Any] = {
        "timeUnixNano": nano,
        "observedTimeUnixNano": nano,
        "severityNumber": _INFO,
        "eventName": EVENT,
        "attributes": _attributes(facts),
    }
    if answer is not None and _is_trace(answer.trace_id):
        record["traceId"] = answer.trace_id
    return record


def _is_trace(text: str) -> bool:
    return len(text) == 32 and set(text) <= set("0123456789abcdef") and set(text) != {"0"}


def _attributes(facts: dict[str, Any]) -> Sequence[dict[str, Any]]:
    return [{"key": name, "value": _value(value)} for name, value in facts.items() if value is not None]


def _value(value: Any) -> dict[str, Any]:
    if isinstance(value, int):
        return {"intValue": str(value)}
    return {"doubleValue": value} if isinstance(value, float) else {"stringValue": str(value)}
