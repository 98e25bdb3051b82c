"""A release in shadow: which one hears copies of an application's calls, and what it said beside what users got."""

from typing import Any

from litestar import Response, get, post
from litestar.params import FromPath

from genaiops.console._forms import decimal_of
from genaiops.console._visit import Visit, Visiting, field, redirect
from genaiops.console.pages.shadows import CHECKS, MOST, row_of
from genaiops.core.errors import GenaiopsError, UsageError
from genaiops.domain import Deployment, ReleaseShadow
from genaiops.hub import NewShadow
from genaiops.ports.telemetry import TraceFilter
from genaiops.watch import SHADOW_KEY, ShadowReport, shadow_report


@get("/shadows/{deployment_id:str}", sync_to_thread=True)
def show(visit: Visiting, deployment_id: FromPath[str]) -> Response[str]:
    hub = visit.services.hub
    deployment = hub.deployments.get(deployment_id)
    shadow, check = deployment.shadow, visit.query.get("check", "")
    report = None if shadow is None else _report(visit, deployment, shadow, check)
    taken = {share.release_id for share in deployment.shares}
    if shadow is not None:
        taken.add(shadow.release_id)
    hard = {each.scope.id for each in hub.budgets.list() if each.hard and each.scope.kind == "application"}
    return visit.page(
        "release_shadow.html",
        title="Releases",
        nav="releases",
        knows=("check", "lost"),
        deployment=deployment,
        shadow=shadow,
        limited=shadow is not None and shadow.application in hard,
        candidates=[each for each in hub.releases.of(deployment.application_id) if each.id not in taken],
        report=report,
        rows=[row_of(each) for each in report.lines] if report else (),
        checks=CHECKS if check in ("", *CHECKS) else (*CHECKS, check),
        check=check,
        lost=visit.query.get("lost", ""),
        may=visit.can("deployments"),
    )


@post("/shadows", sync_to_thread=True)
def act(visit: Visiting) -> Response[Any]:
    """Begin or end one."""
    form = visit.form
    deployment_id = field(form, "deployment")
    shadows, by = visit.services.hub.release_shadows, visit.actor.id
    try:
        visit.require("deployments", deployment_id.partition("@")[2])
        verb = field(form, "verb")
        if verb == "begin":
            shadows.begin(deployment_id, _asked(visit), by=by)
        elif verb == "end":
            shadows.end(deployment_id, by=by)
        else:
            raise UsageError("That is nothing to do.", remedy="Begin or end.", param="verb")
    except GenaiopsError as error:
        visit.complain(error)
        return redirect(visit.link(f"/shadows/{deployment_id}"))
    visit.publish()
    visit.say("It hears copies from now on." if verb == "begin" else "No release is in shadow any more.")
    return redirect(visit.link(f"/shadows/{deployment_id}"))


def _asked(visit: Visit) -> NewShadow:
    form = visit.form
    percent = decimal_of(form, "share", 10.0)
    if not 0 < percent <= 100:
        raise UsageError(f"{percent:g} % is no share of the calls.", remedy="Give more than 0, to 100.", param="share")
    paid_by = form.get("application", "").strip()
    return NewShadow(release=field(form, "release"), application=paid_by, share=percent / 100)


def _report(visit: Visit, deployment: Deployment, shadow: ReleaseShadow, check: str) -> ShadowReport:
    where = TraceFilter(key_id=f"{SHADOW_KEY}app/{deployment.id}", since_us=shadow.since_us)
    stores, checks = visit.services.stores, (check,) if check else ()
    return shadow_report(
        stores.telemetry, stores.blobs, where, checks=checks, lost=visit.query.get("lost") or None, most=MOST
    )


HANDLERS: list[Any] = [show, act]
