"""Releases: applications, what they run on, which release serves where, and the way back."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast, get_args

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath

from genaiops.console._differences import Row, rows
from genaiops.console._forms import decimal_of, whole_of, why_of
from genaiops.console._models import models
from genaiops.console._undo import Undo
from genaiops.console._visit import Visit, Visiting, field, optional, redirect
from genaiops.console.pages.hub import prompts, short
from genaiops.console.pages.merge import merge_page, runs_of
from genaiops.core.errors import GenaiopsError, UsageError
from genaiops.domain import Application, Deployment, Release, ReleaseManifest, RiskTier, Share
from genaiops.hub import DeploymentChange, NewApplication, report_of_release
from genaiops.ports.telemetry import RollupQuery

Told = tuple[str, Undo | None]
"""What was done, and what takes it back."""
_DAY_US = 86_400_000_000


class Serving(msgspec.Struct, frozen=True, kw_only=True):
    """`parts`: (release, share of 1). `calls` of the last 24 hours, and the errors among them."""

    deployment: Deployment
    parts: Sequence[tuple[str, float]]
    former: str
    by: str
    calls: int
    errors: int
    history: Sequence[DeploymentChange]


@get("/releases", sync_to_thread=True)
def show(visit: Visiting) -> Response[str]:
    hub = visit.services.hub
    applications = hub.applications.list()
    deployments = [
        each for each in hub.deployments.list() if visit.environment is None or each.environment_id == visit.environment
    ]
    return visit.page(
        "releases.html",
        title="Releases",
        nav="releases",
        applications=[
            (
                each,
                visit.name_of(each.owner),
                [_serving(visit, one) for one in deployments if one.application_id == each.id],
            )
            for each in applications
        ],
        tiers=get_args(RiskTier),
        may_make=visit.can("applications"),
        may_deploy=visit.can("deployments"),
    )


@get("/releases/{application_id:path}", sync_to_thread=True)
def one(visit: Visiting, application_id: FromPath[str]) -> Response[str]:
    hub = visit.services.hub
    application = hub.applications.get(application_id.lstrip("/"))
    releases = hub.releases.of(application.id)
    shown = _chosen(visit, application, "release", releases[0] if releases else None)
    later = releases.index(shown) + 1 if shown else 0
    before = _chosen(visit, application, "with", releases[min(later, len(releases) - 1)] if releases else None)
    return visit.page(
        "application.html",
        title="Releases",
        nav="releases",
        knows=("release", "with"),
        application=application,
        owner=visit.name_of(application.owner),
        uses=[each.name for each in hub.use_cases.of_application(application.id)],
        releases=releases,
        serving=[_serving(visit, each) for each in hub.deployments.of(application.id)],
        shown=shown,
        before=before,
        fields=_fields(before, shown),
        models=models(visit),
        prompts=prompts(visit),
        may_make=visit.can("applications"),
        may_deploy=visit.can("deployments"),
        protected=_protected(visit, application),
    )


@get("/releases-report/{release_id:path}", sync_to_thread=True)
def report(visit: Visiting, release_id: FromPath[str]) -> Response[str]:
    """Of one release: suites, differences, lineage, sign-off."""
    application, _, reference = release_id.lstrip("/").partition("@")
    release = visit.services.hub.releases.resolve(application, reference or "latest")
    said = report_of_release(visit.services.hub, release, runs_of(visit))
    back = (visit.link(f"/releases/{application}"), application)
    return merge_page(visit, said, back=back, api=f"/api/releases/{release.id}")


@post("/releases", sync_to_thread=True)
def make(visit: Visiting) -> Response[None]:
    visit.require("applications")
    form = visit.form
    tier = form.get("risk_tier", "unknown")
    new = NewApplication(
        name=field(form, "name"),
        title=form.get("title", "").strip(),
        purpose=form.get("purpose", "").strip(),
        risk_tier=cast("RiskTier", tier),
    )
    try:
        made = visit.services.hub.applications.create(new, tenant_id=visit.actor.tenant_id, by=visit.actor.id)
    except GenaiopsError as error:
        visit.complain(error)
        return redirect(visit.link("/releases"))
    visit.publish()
    visit.say(f"The application {made.id} is made. Make its first release next.")
    return redirect(visit.link(f"/releases/{made.id}"))


@post("/release", sync_to_thread=True)
def release(visit: Visiting) -> Response[None]:
    visit.require("applications")
    application = field(visit.form, "application")

    def work() -> Told:
        made = visit.services.hub.releases.create(
            application, _manifest(visit), note=visit.form.get("note", "").strip(), by=visit.actor.id
        )
        return f"The release {short(made.id)} is made. It serves nowhere until it is deployed.", None

    return _done(visit, application, work)


@post("/release/acknowledge", sync_to_thread=True)
def acknowledge(visit: Visiting) -> Response[None]:
    visit.require("applications")
    application = field(visit.form, "application")

    def work() -> Told:
        visit.services.hub.applications.acknowledge(application, field(visit.form, "statement"), by=visit.actor.id)
        return f"{application} has acknowledged that it uses generative AI.", None

    return _done(visit, application, work)


@post("/deployments", sync_to_thread=True)
def deploy(visit: Visiting) -> Response[None]:
    application, environment = field(visit.form, "application"), field(visit.form, "environment_id")
    visit.require("deployments", environment)

    why = why_of(visit.form)

    def work() -> Told:
        deployments, by = visit.services.hub.deployments, visit.actor.id
        known = {each.id for each in deployments.of(application)}
        share = whole_of(visit.form, "share")
        release = field(visit.form, "release")
        made = deployments.deploy(application, environment, release, share=share, why=why, by=by)
        undo = None
        if made.id in known and made.former:
            undo = Undo(
                "deployments",
                lambda: deployments.roll_back(application, environment, why=why, by=by),
                f"{application} in {environment} is as it was.",
            )
        return f"{application} in {environment} is served by {_told(made.shares)}.", undo

    return _done(visit, application, work)


@post("/deployments/back", sync_to_thread=True)
def roll_back(visit: Visiting) -> Response[None]:
    application, environment = field(visit.form, "application"), field(visit.form, "environment_id")
    visit.require("deployments", environment)

    why = why_of(visit.form)

    def work() -> Told:
        deployments, by = visit.services.hub.deployments, visit.actor.id
        rolled = deployments.roll_back(application, environment, why=why, by=by)
        again = Undo(
            "deployments",
            lambda: deployments.roll_back(application, environment, why=why, by=by),
            f"{application} in {environment} is served by what was rolled back again.",
        )
        return f"{application} in {environment} is back at {_told(rolled.shares)}.", again

    return _done(visit, application, work)


def _done(visit: Visit, application: str, work: Callable[[], Told]) -> Response[None]:
    """To the page of the application, which says what was done or why not."""
    try:
        text, undo = work()
    except GenaiopsError as error:
        visit.complain(error)
        return redirect(visit.link(f"/releases/{application}"))
    visit.publish()
    visit.say(text, undo=undo)
    return redirect(visit.link(f"/releases/{application}"))


def _manifest(visit: Visit) -> ReleaseManifest:
    form = visit.form
    given: dict[str, Any] = {
        "temperature": decimal_of(form, "temperature", None),
        "max_tokens": whole_of(form, "max_tokens"),
    }
    extra = form.get("parameters", "").strip()
    if extra:
        try:
            given |= msgspec.json.decode(extra, type=dict[str, Any])
        except msgspec.DecodeError as error:
            raise UsageError(
                f"The further parameters are no JSON object: {error}.",
                remedy='Write {"top_p": 0.9}, or leave it empty.',
                param="parameters",
            ) from None
    parameters = {name: value for name, value in given.items() if value is not None}
    return ReleaseManifest(model=field(form, "model"), parameters=parameters, prompt=optional(form, "prompt"))


def _serving(visit: Visit, deployment: Deployment) -> Serving:
    total = sum(share.weight for share in deployment.shares) or 1
    application, environment = deployment.application_id, deployment.environment_id
    sums = visit.services.stores.telemetry.rollup(
        RollupQuery(
            since_us=visit.now_us - _DAY_US,
            until_us=visit.now_us + 1,
            step="all",
            where={"application": application, "environment_id": environment},
        )
    )
    return Serving(
        deployment=deployment,
        parts=[(share.release_id, share.weight / total) for share in deployment.shares],
        former=_told(deployment.former) if deployment.former else "",
        by=visit.name_of(deployment.deployed_by),
        calls=sum(each.calls for each in sums),
        errors=sum(each.errors for each in sums),
        history=visit.services.hub.deployments.history(application, environment),
    )


def _protected(visit: Visit, application: Application) -> list[str]:
    """Environments where a change of its deployment needs another person's consent."""
    _, policy = visit.services.hub.policies.in_force()
    return [
        each.id for each in visit.environments() if policy.protects(f"deployment:{application.id}@{each.id}", each.kind)
    ]


def _told(shares: Sequence[Share]) -> str:
    """`1f0a33d2`, or `1f0a33d2 (90 %) and 77c01b2e (10 %)`."""
    if len(shares) == 1:
        return short(shares[0].release_id)
    total = sum(share.weight for share in shares) or 1
    return " and ".join(f"{short(each.release_id)} ({each.weight * 100 // total} %)" for each in shares)


def _chosen(visit: Visit, application: Application, name: str, otherwise: Release | None) -> Release | None:
    wanted = visit.query.get(name)
    return visit.services.hub.releases.resolve(application.id, wanted) if wanted else otherwise


def _fields(before: Release | None, shown: Release | None) -> Sequence[Row]:
    if shown is None:
        return ()
    return rows(_plain(before) if before and before.id != shown.id else {}, _plain(shown))


def _plain(one: Release) -> Mapping[str, Any]:
    """Its manifest without what was left open."""
    document: dict[str, Any] = msgspec.to_builtins(one.manifest)
    return {name: value for name, value in document.items() if value not in (None, {})}


HANDLERS: list[Any] = [show, one, report, make, release, acknowledge, deploy, roll_back]
