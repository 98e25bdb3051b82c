"""Approvals: what waits for consent, what would change, and who decided what."""

from typing import Any

import msgspec
from litestar import Response, get, post

from genaiops.console._visit import Visit, Visiting, field, redirect
from genaiops.core.errors import GenaiopsError, UsageError
from genaiops.domain import Approval, Version

_SHOWN = 50


class Line(msgspec.Struct, frozen=True):
    """`fields`: what would change, as name, before and after, None where nothing is said. `may`: whether the visitor
    may decide; `own`: whether they asked."""

    approval: Approval
    requester: str
    decider: str
    approvers: tuple[str, ...]
    fields: tuple[tuple[str, Any, Any], ...]
    may: bool
    own: bool


@get("/approvals", sync_to_thread=True)
def show(visit: Visiting) -> Response[str]:
    approvals = visit.services.hub.approvals
    waiting = approvals.waiting()
    ids = {each.id for each in waiting}
    done = [each for each in approvals.in_state() if each.id not in ids][:_SHOWN]
    return visit.page(
        "approvals.html",
        title="Approvals",
        nav="approvals",
        waiting=[_line(visit, each) for each in waiting],
        done=[_line(visit, each) for each in done],
    )


@post("/approvals", sync_to_thread=True)
def decide(visit: Visiting) -> Response[Any]:
    """Approve, refuse or withdraw one of them."""
    approvals, by = visit.services.hub.approvals, visit.actor.id
    comment = visit.form.get("comment", "").strip()
    try:
        name = field(visit.form, "id")
        verbs = {"approve": approvals.approve, "refuse": approvals.refuse, "withdraw": approvals.withdraw}
        verb = verbs.get(field(visit.form, "verb"))
        if verb is None:
            raise UsageError("That is no decision.", remedy="Approve, refuse or withdraw.", param="verb")
        done = verb(name, comment=comment, by=by)
    except GenaiopsError as error:
        visit.complain(error)
        return redirect(visit.link("/approvals"))
    visit.publish()
    said = {"applied": "is changed", "refused": "stays as it is", "withdrawn": "was withdrawn"}[done.state]
    visit.say(f"{done.subject} {said}.")
    return redirect(visit.link("/approvals"))


def _line(visit: Visit, approval: Approval) -> Line:
    approvers = visit.services.hub.approvals.may_decide(approval) if approval.state == "pending" else ()
    own = approval.requested_by == visit.actor.id
    return Line(
        approval,
        visit.name_of(approval.requested_by),
        visit.name_of(approval.decided_by) if approval.decided_by else "",
        tuple(actor.name for actor in approvers),
        tuple(_fields(visit, approval)),
        visit.actor.id in {actor.id for actor in approvers},
        own,
    )


def _fields(visit: Visit, approval: Approval) -> list[tuple[str, Any, Any]]:
    """Of an alias the fields of the two versions that differ, of anything else the change as it was asked for."""
    with visit.services.stores.records.read() as view:
        found = [view.get(Version, str(approval.change.get(side))) for side in ("from", "to")]
    if found[1] is None:
        return [("", approval.change.get("from"), approval.change.get("to"))]
    before, after = ({} if version is None else version.manifest for version in found)
    names = sorted(before.keys() | after.keys())
    return [(name, before.get(name), after.get(name)) for name in names if before.get(name) != after.get(name)]


HANDLERS: list[Any] = [show, decide]
