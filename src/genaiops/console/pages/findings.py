"""Findings of bias: what was found, where it comes from, what is done about it; closed only with both."""

from collections.abc import Mapping
from typing import Any, Final, get_args

from litestar import Response, get, post
from litestar.params import FromPath

from genaiops.arena import evidence_of
from genaiops.console._visit import Visiting, field, redirect
from genaiops.core.errors import GenaiopsError, UsageError
from genaiops.domain import BiasSource

_FIELDS: Final = ("title", "about", "attribute", "source", "reason", "mitigation", "verified")
_NEW: Final = ("title", "about", "attribute")


@get("/arena/findings", sync_to_thread=True)
def show(visit: Visiting) -> Response[str]:
    """`run` and `check`: what a finding that is recorded here rests on."""
    found = visit.services.hub.findings.in_state()
    return visit.page(
        "findings.html",
        title="Arena",
        nav="arena",
        tab="findings",
        knows=("run", "check", "target"),
        open=[each for each in found if each.state == "open"],
        closed=[each for each in found if each.state == "closed"],
        may=visit.can("artifacts"),
    )


@post("/arena/findings", sync_to_thread=True)
def add(visit: Visiting) -> Response[Any]:
    """Record one."""
    form = visit.form
    try:
        visit.require("artifacts")
        evidence: Mapping[str, str] = {}
        run_id = form.get("run", "").strip()
        if run_id:
            run = visit.services.stores.runs.get(run_id)
            report = visit.services.evaluations.report(run)
            evidence = evidence_of(report, form.get("check", "").strip(), form.get("target", "").strip())
        fields = {name: form.get(name, "") for name in _NEW}
        made = visit.services.hub.findings.add(
            {**fields, "title": field(form, "title"), "run": run_id},
            evidence=evidence,
            tenant_id=visit.actor.tenant_id,
            by=visit.actor.id,
        )
    except GenaiopsError as error:
        visit.complain(error)
        return redirect(visit.link("/arena/findings"))
    visit.publish()
    visit.say("It is recorded. Say where it comes from and what is done about it; then it can be closed.")
    return redirect(visit.link(f"/arena/findings/{made.id}"))


@get("/arena/findings/{finding_id:str}", sync_to_thread=True)
def one(visit: Visiting, finding_id: FromPath[str]) -> Response[str]:
    return visit.page(
        "finding.html",
        title="Arena",
        nav="arena",
        tab="findings",
        finding=visit.services.hub.findings.get(finding_id),
        sources=get_args(BiasSource),
        may=visit.can("artifacts"),
        may_close=visit.can("review"),
    )


@post("/arena/findings/{finding_id:str}", sync_to_thread=True)
def change(visit: Visiting, finding_id: FromPath[str]) -> Response[Any]:
    """Save, close with what the form says, or reopen."""
    findings, by, form = visit.services.hub.findings, visit.actor.id, visit.form
    fields = {name: form[name] for name in _FIELDS if name in form}
    try:
        verb = field(form, "verb")
        visit.require("artifacts" if verb == "save" else "review")
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
