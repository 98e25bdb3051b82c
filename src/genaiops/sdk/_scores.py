"""Judgements of what happened, sent in the background beside the spans."""

import math
import re
from typing import Any, Literal

from genaiops.core.ids import new_id
from genaiops.sdk._context import current_parent
from genaiops.sdk._runtime import exporter, settings

Source = Literal["person", "model", "code", "user", "guardrail"]

_TRACE = re.compile("[0-9a-f]{32}")


def score(
    name: str,
    value: float | bool | str | None = None,
    *,
    trace_id: str | None = None,
    span_id: str | None = None,
    comment: str = "",
    source: Source = "code",
    identifier: str | None = None,
) -> str | None:
    """Score a trace, the current one unless `trace_id` names another: a number, a truth (1 or 0), or a text, which is a
    label. `source`: who judged; `user` for the thumbs of an application's own users.

    Gives the score's identifier. The same one again changes nothing, so a call that is repeated counts once. None when
    there was no trace, or no value: the logger `genaiops` says so once. Never raises.
    """
    parent = current_parent()
    if trace_id is None and parent is not None:
        trace_id = parent.trace_id.hex()
    trace_id = trace_id.lower() if trace_id is not None else None
    number = float(value) if isinstance(value, bool | int | float) else None
    if not settings().enabled:
        return None
    if trace_id is None or _TRACE.fullmatch(trace_id) is None:
        exporter().tell(
            "no trace", f"The score {name!r} belongs to no trace: call it within one, or give its trace_id."
        )
        return None
    if value is None or (number is not None and not math.isfinite(number)):
        exporter().tell("no value", f"The score {name!r} has no value: give a finite number or a text.")
        return None
    identifier = identifier or new_id("score")
    body: dict[str, Any] = {"name": name, "source": source, "comment": comment, "identifier": identifier}
    body |= {"label": value} if isinstance(value, str) else {"value": number}
    if span_id is not None:
        body["span_id"] = span_id
    exporter().put_score(trace_id, body)
    return identifier


def current_trace_id() -> str | None:
    """32 hexadecimal digits of the trace that is open here; to keep beside an answer, and score it later."""
    parent = current_parent()
    return None if parent is None else parent.trace_id.hex()
