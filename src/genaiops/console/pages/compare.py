"""Two traces side by side, and scores that people give."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, cast

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath

from genaiops.console import _format
from genaiops.console._differences import Piece, Row, pieces
from genaiops.console._visit import Visit, Visiting, field, own_path, redirect
from genaiops.console.pages.traces import found_trace
from genaiops.core.errors import UsageError
from genaiops.domain import Score
from genaiops.watch import Turn, conversation, trace_document

FEEDBACK = "feedback"
_LABELS: Mapping[str, float | None] = {"up": 1.0, "down": 0.0, "comment": None}
_LONGEST = 4_000


class Said(msgspec.Struct, frozen=True):
    """A message of both, one of them or neither; `pieces` where both have one."""

    before: Turn | None
    after: Turn | None
    pieces: Sequence[Piece]


@get("/compare", sync_to_thread=True)
def show(visit: Visiting) -> Response[str]:
    names = [visit.query.get(name, "") for name in ("a", "b")]
    if not all(names):
        raise UsageError(
            "The address names fewer than two traces.",
            remedy="Open a trace and choose Compare, or press c on two rows of the list.",
        )
    traces = [found_trace(visit, name) for name in names]
    blobs = visit.services.stores.blobs
    documents = [trace_document(trace, blobs) for trace in traces]
    first, second = (conversation(trace, blobs) for trace in traces)
    return visit.page(
        "compare.html",
        title="Compare",
        nav="traces",
        knows=("a", "b"),
        traces=documents,
        facts=_facts(visit, documents),
        asked=_said([t for t in first if t.direction == "input"], [t for t in second if t.direction == "input"]),
        answered=_said([t for t in first if t.direction == "output"], [t for t in second if t.direction == "output"]),
        swapped=visit.same(a=names[1], b=names[0]),
    )


@post("/traces/{trace_id:str}/score", sync_to_thread=True)
def score(visit: Visiting, trace_id: FromPath[str]) -> Response[None]:
    """A thumb, a comment, or both. A later one of the same person takes the place of an earlier one."""
    visit.require("playground")
    trace = found_trace(visit, trace_id)
    label, comment = field(visit.form, "label"), visit.form.get("comment", "").strip()
    if label not in _LABELS:
        raise UsageError(f"{label[:40]!r} is no feedback.", remedy="Use up, down or comment.", param="label")
    if len(comment) > _LONGEST:
        raise UsageError("The comment is too long.", remedy=f"Use at most {_LONGEST} characters.", param="comment")
    if label == "comment" and not comment:
        raise UsageError("The comment is empty.", remedy="Write something, or choose a thumb.", param="comment")
    visit.services.stores.telemetry.add_score(
        Score(
            identifier=f"console/{visit.actor.id}/{trace_id}/{visit.now_us}",
            trace_id=trace.trace_id,
            name=FEEDBACK if label != "comment" else "comment",
            value=_LABELS[label],
            label=label if label != "comment" else None,
            source="person",
            comment=comment,
            created_us=visit.now_us,
            created_by=visit.actor.id,
        )
    )
    return redirect(own_path(visit.form.get("back", "") or f"/traces/{trace_id}"))


def _facts(visit: Visit, documents: Sequence[Mapping[str, Any]]) -> list[Row]:
    columns = [_told(visit, document) for document in documents]
    names = dict.fromkeys((*columns[0], *columns[1]))
    return [Row(name, columns[0].get(name, _format.NONE), columns[1].get(name, _format.NONE)) for name in names]


def _told(visit: Visit, document: Mapping[str, Any]) -> dict[str, str]:
    """What can be compared of a trace, as it is shown. Unknown stays a word."""
    usage, cost = document["usage"], document["cost"]
    key = document["key_id"] or ""
    facts: dict[str, Any] = {
        "status": document["status"],
        "error": document["error"]["type"] if document["error"] else None,
        "model": document["model"],
        "target": document["target"],
        "route": document["route"],
        "application": document["application"],
        "environment": document["environment_id"],
        "key": visit.services.hub.keys.names([key]).get(key, key),
        "input tokens": _format.count(usage["input_tokens"]),
        "output tokens": _format.count(usage["output_tokens"]) + (" (estimated)" if usage["estimated"] else ""),
        "cost": f"{cost['amount']} {cost['currency']}" if cost["known"] else _format.UNKNOWN,
        "first token": _format.duration(document["first_token_ms"]),
        "took": _format.duration(document["duration_ms"]),
        "attempts": str(sum(1 for span in document["spans"] if span["attempt"])),
        "finish reason": document["finish_reason"],
        **{name: _text(value) for name, value in document["attributes"].items()},
        **_parameters(document["input"]),
        **{f"score {each['name']}": str(each["label"] or each["value"]) for each in document["scores"]},
    }
    return {name: str(value) for name, value in facts.items() if value not in (None, "")}


def _parameters(asked: object) -> dict[str, str]:
    """What the request set, but for what was said."""
    if not isinstance(asked, dict):
        return {}
    given = cast("dict[str, Any]", asked)
    apart = ("messages", "input", "prompt", "stream", "stream_options", "model")
    return {f"request {name}": _text(value) for name, value in given.items() if name not in apart}


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def _said(first: Sequence[Turn], second: Sequence[Turn]) -> list[Said]:
    return [
        Said(
            (before := first[place] if place < len(first) else None),
            (after := second[place] if place < len(second) else None),
            pieces(before.text if before else "", after.text if after else ""),
        )
        for place in range(max(len(first), len(second)))
    ]


HANDLERS: list[Any] = [show, score]
