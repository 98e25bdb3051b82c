"""Findings: what was found, and in what; closed only with what is done about it, and of bias with its source."""

from collections.abc import Mapping
from typing import Any, Final, get_args

from litestar import Response, get, post
from litestar.params import FromPath

from genaiops.arena import evidence_of
from genaiops.console._visit import Visit, Visiting, field, redirect
from genaiops.core.errors import GenaiopsError, UsageError
from genaiops.domain import BiasSource, FindingKind

_FIELDS: Final = ("kind", "title", "about", "attribute", "source", "reason", "mitigation", "verified")
_NEW: Final = ("kind", "title", "about", "attribute")


@get("/arena/findings", sync_to_thread=True)
def show(visit: Visiting) -> Response[str]:
    """`run` and `check`: what a finding that is recorded here rests on."""
    return _list(visit)


def _list(visit: Visit, *, status: int = 200) -> Response[str]:
    """After a fault with what was written: nobody types it twice."""
    found = visit.services.hub.findings.in_state()
    return visit.page(
        "findings.html",
        status=status,
        title="ARENA",
        nav="arena",
        tab="findings",
        knows=("run", "check", "target", "about"),
        kinds=get_args(FindingKind),
        draft={"kind": "compliance" if visit.query.get("about") else "", **visit.query, **visit.form},
        open=[each for each in found if each.state == "open"],
        closed=[each for each in found if each.state == "closed"],
        may=visit.can("findings"),
    )


@post("/arena/findings", sync_to_thread=True)
def add(visit: Visiting) -> Response[Any]:
    """Record one."""
    form = visit.form
    try:
        visit.require("findings")
        evidence: Mapping[str, str] = {}
        run_id = form.get("run", "").strip()
        if run_id:
            run = visit.services.stores.runs.get(run_id)
            report = visit.services.evaluations.report(run)
            evidence = evidence_of(report, form.get("check", "").strip(), form.get("target", "").strip())
        fields = {name: form[name] for name in _NEW if name in form}
        made = visit.services.hub.findings.add(
            {**fields, "title": field(form, "title"), "run": run_id},
            evidence=evidence,
            tenant_id=visit.actor.tenant_id,
            by=visit.actor.id,
        )
    except GenaiopsError as error:
        visit.complain(error)
        return _list(visit, status=error.status)
    visit.publish()
    visit.say("It is recorded. Say what is done about it, and of bias where it comes from; then it can be closed.")
    return redirect(visit.link(f"/arena/findings/{made.id}"))


@get("/arena/findings/{finding_id:str}", sync_to_thread=True)
def one(visit: Visiting, finding_id: FromPath[str]) -> Response[str]:
    return visit.page(
        "finding.html",
        title="ARENA",
        nav="arena",
        tab="findings",
        finding=visit.services.hub.findings.get(finding_id),
        sources=get_args(BiasSource),
        may=visit.can("findings"),
        may_close=visit.can("review"),
    )


@post("/arena/findings/{finding_id:str}", sync_to_thread=True)
def change(visit: Visiting, finding_id: FromPath[str]) -> Response[Any]:
    """Save, close with what the form says, or reopen."""
    findings, by, form = visit.services.hub.findings, visit.actor.id, visit.form
    fields = {name: form[name] for name in _FIELDS if name in form}
    try:
        verb = field(form, "verb")
        visit.require("findings" if verb == "save" else "review")
        if fields.get("verified"):
            visit.services.stores.runs.get(fields["verified"].strip())
        if verb == "save":
            findings.change(finding_id, fields, by=by)
        elif verb == "close":
            findings.close(finding_id, fields, by=by)
        elif verb == "reopen":
            findings.reopen(finding_id, by=by)
        else:
            raise UsageError("That is nothing to do.", remedy="Save, close or reopen.", param="verb")
    except GenaiopsError as error:
        visit.complain(error)
        return redirect(visit.link(f"/arena/findings/{finding_id}"))
    visit.publish()
    visit.say({"save": "Saved.", "close": "It is closed.", "reopen": "It is open again."}[verb])
    return redirect(visit.link(f"/arena/findings/{finding_id}"))


HANDLERS: list[Any] = [show, add, one, change]
