"""What guard policies hold: the texts as reviewers may see them, and the decision, which is asked for twice."""

from collections.abc import Sequence
from typing import Any

import msgspec
from litestar import Response, get, post

from genaiops.console._visit import Visit, Visiting, field, redirect
from genaiops.core.errors import GenaiopsError, UsageError
from genaiops.domain import HeldPart, Task
from genaiops.hub import opened

_SHOWN = 50
_WORDS = {"release": "released", "refuse": "refused"}


class Line(msgspec.Struct, frozen=True):
    """`parts` None: not kept any more, or not for the visitor. `why_not`: why it cannot be opened."""

    task: Task
    asker: str
    decider: str
    parts: Sequence[HeldPart] | None = None
    why_not: str = ""


@get("/guardrails/held", sync_to_thread=True)
def show(visit: Visiting) -> Response[str]:
    tasks = visit.services.hub.tasks.in_state()
    waiting = [each for each in tasks if each.state == "pending"]
    verb = visit.query.get("verb")
    return visit.page(
        "held.html",
        title="Held answers",
        nav="guardrails",
        tab="held",
        waiting=[_line(visit, each, whole=True) for each in waiting],
        done=[_line(visit, each) for each in tasks if each.state != "pending"][:_SHOWN],
        may=visit.can("review"),
        asked=visit.query.get("task"),
        verb=verb if verb in _WORDS else None,
    )


@post("/guardrails/held", sync_to_thread=True)
def decide(visit: Visiting) -> Response[Any]:
    """Release or refuse one of them."""
    tasks = visit.services.hub.tasks
    try:
        verb = field(visit.form, "verb")
        if verb not in _WORDS:
            raise UsageError("That is no decision.", remedy="Release or refuse.", param="verb")
        work = tasks.release if verb == "release" else tasks.refuse
        done = work(field(visit.form, "id"), reason=visit.form.get("reason", "").strip(), by=visit.actor.id)
    except GenaiopsError as error:
        visit.complain(error)
        return redirect(visit.link("/guardrails/held"))
    visit.publish()
    visit.say(f"{done.id} is {_WORDS[verb]}.")
    return redirect(visit.link("/guardrails/held"))


def _line(visit: Visit, task: Task, *, whole: bool = False) -> Line:
    line = Line(task, visit.name_of(task.asked_by), visit.name_of(task.decided_by) if task.decided_by else "")
    if not whole or not visit.can("review"):
        return line
    try:
        held = opened(task, visit.services.stores.blobs, visit.services.seals)
    except GenaiopsError as error:
        return msgspec.structs.replace(line, why_not=str(error))
    return msgspec.structs.replace(line, parts=held.parts)


HANDLERS: list[Any] = [show, decide]
