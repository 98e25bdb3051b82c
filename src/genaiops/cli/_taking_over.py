"""`genaiops import langfuse|mlflow`: prompts, traces and scores sent to an installation, and a report of it."""

import time
from collections.abc import Iterator, Sequence
from typing import Any

from genaiops.app.exported import Found
from genaiops.cli._session import Session
from genaiops.core.errors import GenaiopsError, LimitReached, Unavailable
from genaiops.sdk import path_of

_AT_ONCE = 500
_TRIES = 60
_WAIT_SECONDS = 5.0
_SHOWN = 20


def take_over(session: Session, found: Found, *, scope: str) -> dict[str, Any]:
    """The report. What is there already changes nothing."""
    errors: list[str] = []
    report: dict[str, Any] = {"read": dict(found.counts), "errors": errors}
    report["prompts"] = _prompts(session, found, errors)
    report["spans"] = _spans(session, found.spans, scope, errors)
    report["scores"] = _scores(session, found, errors)
    return report


def _prompts(session: Session, found: Found, errors: list[str]) -> int:
    kept = 0
    for each in found.prompts:
        body = {"kind": "prompt", "name": each.name, "manifest": each.manifest}
        try:
            made = session.client.post("/api/artifacts", body)
            kept += 1
            for alias in each.aliases:
                moved = {"version": made["id"], "reason": "imported"}
                session.client.request("PUT", path_of("/api/aliases", f"prompt/{each.name}@{alias}"), moved)
        except GenaiopsError as error:
            errors.append(f"prompt {each.name} version {each.number}: {error}")
    return kept


def _spans(session: Session, spans: Sequence[dict[str, Any]], scope: str, errors: list[str]) -> int:
    sent = 0
    for batch in _batches(spans):
        body: dict[str, Any] = {
            "resourceSpans": [{"resource": {}, "scopeSpans": [{"scope": {"name": scope}, "spans": list(batch)}]}]
        }
        partial: dict[str, Any] = _patiently(session, body).get("partialSuccess") or {}
        rejected = int(partial.get("rejectedSpans") or 0)
        sent += len(batch) - rejected
        if rejected:
            errors.append(f"{rejected} spans were rejected: {partial.get('errorMessage')}")
    return sent


def _patiently(session: Session, body: Any) -> dict[str, Any]:
    """A quota or a full queue is waited for."""
    for left in reversed(range(_TRIES)):
        try:
            return session.client.post("/v1/traces", body) or {}
        except (LimitReached, Unavailable) as error:
            if not left:
                raise
            session.output.note(f"{error.message} Trying again in {_WAIT_SECONDS:.0f} s.")
            time.sleep(_WAIT_SECONDS)
    return {}


def _scores(session: Session, found: Found, errors: list[str]) -> int:
    kept = 0
    for body in found.scores:
        try:
            session.client.post("/api/scores", body)
            kept += 1
        except GenaiopsError as error:
            errors.append(f"score {body['identifier']}: {error}")
    return kept


def _batches(spans: Sequence[dict[str, Any]]) -> Iterator[Sequence[dict[str, Any]]]:
    for at in range(0, len(spans), _AT_ONCE):
        yield spans[at : at + _AT_ONCE]


def foreseen(found: Found) -> dict[str, Any]:
    """What a dry run reports."""
    return {
        "read": dict(found.counts),
        "prompts": len(found.prompts),
        "spans": len(found.spans),
        "scores": len(found.scores),
        "errors": [],
    }


def report_lines(report: dict[str, Any], found: Found, *, dry: bool) -> Iterator[str]:
    read = ", ".join(f"{number:,} {what}" for what, number in report["read"].items()) or "nothing"
    done = "would be taken over" if dry else "are taken over"
    yield (
        f"Read: {read}. {report['spans']:,} spans, {report['scores']:,} scores and {report['prompts']:,} versions of "
        f"prompts {done}."
    )
    for heading, told in (("Means something else here:", found.changed), ("Without a counterpart:", found.lost)):
        if told:
            yield heading
            yield from (f"  {times:,} x {what}" for what, times in sorted(told.items()))
    for error in report["errors"][:_SHOWN]:
        yield f"Not taken: {error}"
    more = len(report["errors"]) - _SHOWN
    if more > 0:
        yield f"... and {more:,} more."
