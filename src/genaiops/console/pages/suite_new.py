"""A suite written by a form, kept in the Hub, and run from there."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal, get_args

import msgspec
from litestar import Response, get, post

from genaiops.arena import SweepAsked, proposal, suite_manifest
from genaiops.console import _suite_form
from genaiops.console._forms import whole_of
from genaiops.console._models import models
from genaiops.console._suite_form import Draft
from genaiops.console._visit import Visit, Visiting, field, files_of, optional, redirect
from genaiops.console.pages.side_by_side import datasets
from genaiops.core.errors import ConsentNeeded, GenaiopsError, UsageError
from genaiops.domain import Suite, SuiteTask
from genaiops.hub import About, Origin, may_see

_LARGEST: Final = 5_000_000
_TASKS: Final[tuple[SuiteTask, ...]] = get_args(SuiteTask)
_SHAPES: Final = ('{"input": "...", "expected": "..."}', "input,expected")


@get("/arena/suites/new", sync_to_thread=True)
def new(visit: Visiting) -> Response[str]:
    """`task`: what the suite is for. Without one the tasks are shown, each with the checks that it proposes."""
    task = visit.query.get("task")
    if task is None:
        return visit.page(
            "suite_tasks.html",
            title="ARENA",
            nav="arena",
            tab="suites",
            tasks=[(name, [check["metric"] for check in proposal(name).checks]) for name in _TASKS],
        )
    return _form(visit, Draft(values=_suite_form.begun(task, (models(visit) or [""])[0])))


@post("/arena/suites/new", sync_to_thread=True)
def write(visit: Visiting) -> Response[Any]:
    """`verb`: other checks for another task, the text of the fields, a look at the text, or keep it (and run it)."""
    form, verb = dict(visit.form), visit.form.get("verb", "")
    if form.get("task") not in _suite_form.TASKS:
        raise UsageError("That is no task.", remedy="Choose one.", param="task")
    if verb == "task":
        kept = ("name", "description", "source", "rows", "dataset", "candidate", "baseline", "input_from")
        kept = (
            *kept,
            "expected_from",
            "prompt_model",
            "spend",
            "protects",
            "application",
            "since",
            "q",
            "score",
            "answered",
        )
        again = _suite_form.begun(form["task"], "")
        return _form(visit, Draft(values={**again, **{name: form[name] for name in kept if name in form}}))
    try:
        _take_file(visit, form)
        visit.require("artifacts")
        if verb == "make" or not form.get("text", "").strip():
            draft = _suite_form.made(form, lambda name, rows: _keep_rows(visit, name, rows))
        else:
            draft = _suite_form.looked_at(form)
        if verb in ("save", "run") and not form.get("name", "").strip():
            draft = msgspec.structs.replace(draft, faults={**draft.faults, "name": "It needs a name, such as answers."})
        if verb not in ("save", "run") or draft.suite is None or draft.faults:
            return _form(visit, draft)
        version = _kept(visit, form["name"].strip(), draft.suite, optional(form, "alias"))
    except UsageError as error:
        place = {"suite_invalid": "text"}.get(error.code or "", error.param or "")
        if place not in ("rows", "name", "alias", "text"):
            raise
        return _form(visit, Draft(values=form, faults={place: str(error)}))
    except GenaiopsError as error:
        visit.complain(error)
        return _form(visit, Draft(values=form), status=error.status)
    visit.publish()
    if verb == "run":
        return _run(visit, version, visit.environment, visit.link("/arena/suites/run", suite=version))
    visit.say(f"{_short(version)} is kept.")
    return redirect(visit.link("/arena/suites/run", suite=version))


@get("/arena/suites/run", sync_to_thread=True)
def ready(visit: Visiting) -> Response[str]:
    """A version that is kept: what would be asked, now or in a sweep. `suite`: NAME@ALIAS or NAME@DIGEST."""
    return _ready(visit, visit.query.get("suite", ""))


@post("/arena/suites/run", sync_to_thread=True)
def begin(visit: Visiting) -> Response[Any]:
    """Ask it now, or sweep one of its targets over examples and context."""
    reference = field(visit.form, "suite")
    environment = optional(visit.form, "in")
    try:
        sweep = _sweep(visit) if visit.form.get("verb") == "sweep" else None
        run = visit.services.begin_kept(visit.actor, reference, environment, sweep)
    except GenaiopsError as error:
        visit.complain(error)
        return _ready(visit, reference, status=error.status)
    visit.say("It is asked. This page follows it.")
    return redirect(visit.link(f"/arena/runs/{run.id}"))


def _run(visit: Visit, reference: str, environment: str | None, back: str) -> Response[None]:
    try:
        run = visit.services.begin_kept(visit.actor, reference, environment, None)
    except GenaiopsError as error:
        visit.say(f"{_short(reference)} is kept.")
        visit.complain(error)
        return redirect(back)
    visit.say(f"{_short(reference)} is kept, and asked. This page follows it.")
    return redirect(visit.link(f"/arena/runs/{run.id}"))


def _form(visit: Visit, draft: Draft, *, status: int | None = None) -> Response[str]:
    values = draft.values
    bad = bool(draft.faults or draft.wrong)
    return visit.page(
        "suite_new.html",
        status=status or (400 if bad else 200),
        title="ARENA",
        nav="arena",
        tab="suites",
        knows=("task",),
        values=_Missing(values),
        faults=_Missing(draft.faults),
        wrong=draft.wrong,
        found=draft.suite,
        tasks=_suite_form.TASKS,
        checks=_suite_form.check_rows(values["task"]),
        sources=_suite_form.SOURCES,
        wants=_suite_form.WANTS,
        answers=_answers(visit),
        models=models(visit),
        datasets=datasets(visit),
        applications=[each.id for each in visit.services.hub.applications.list()],
        shapes=_SHAPES,
        may=visit.can("artifacts"),
    )


def _answers(visit: Visit) -> Mapping[str, Sequence[tuple[str, str]]]:
    """What can answer: group -> (value of the field, what it is called)."""
    hub = visit.services.hub
    prompts = [each for each in hub.artifacts.of_kind("prompt") if may_see(visit.actor, each)]
    versions = [(f"{each.name}@{alias.name}") for each in prompts for alias in hub.artifacts.aliases(each.id)]
    served = [f"app/{each.application_id}@{each.environment_id}" for each in hub.deployments.list() if not each.run_id]
    releases = [
        (f"{each.id}@{release.digest}", f"{each.id} {release.digest[7:15]} {release.manifest.model}")
        for each in hub.applications.list()
        for release in hub.releases.of(each.id)[:5]
    ]
    return {
        "What the cases bring": [("recorded:", "answers that were recorded")],
        "Models and routes": [(f"model:{name}", name) for name in models(visit)],
        "Prompts": [(f"prompt:{name}", name) for name in versions],
        "Applications": [(f"application:{name}", name) for name in served],
        "Releases": [(f"release:{value}", said) for value, said in releases],
    }


def _take_file(visit: Visit, form: dict[str, str]) -> None:
    """What a file says takes the place of what was pasted."""
    for name, data in files_of(visit.form):
        if len(data) > _LARGEST:
            what = f"{name} has {len(data):,} bytes, and a page takes {_LARGEST:,}."
            raise UsageError(what, remedy=f"Keep it as a dataset: genaiops dataset push NAME {name}", param="rows")
        try:
            form |= {"rows": data.decode("utf-8-sig"), "source": "text"}
        except UnicodeDecodeError as error:
            what = f"{name} is not UTF-8 (byte {error.start})."
            raise UsageError(what, remedy="Save it as UTF-8.", param="rows") from None


def _keep_rows(visit: Visit, name: str, rows: Sequence[Mapping[str, Any]]) -> str:
    held = visit.services.hub.datasets(visit.services.stores.blobs)
    made = held.add(name, rows, Origin(kind="rows", description="Cases of a suite."), by=visit.actor.id)
    visit.say(f"The {len(rows):,} cases are kept as the dataset {name}.")
    return made.version.id.removeprefix("dataset/")


def _kept(visit: Visit, name: str, suite: Suite, alias: str | None) -> str:
    """NAME@sha256:... of the version. An alias that waits for consent is told, and the version is kept."""
    artifacts = visit.services.hub.artifacts
    if any(one.id == f"suite/{name}" for one in artifacts.of_kind("suite")):
        artifacts.visible(f"suite/{name}", visit.actor)
    version = artifacts.register("suite", name, suite_manifest(suite), about=About(), by=visit.actor.id)
    if alias is not None:
        try:
            artifacts.move(f"suite/{name}", alias, version.id, by=visit.actor.id)
        except ConsentNeeded as error:
            visit.complain(error)
    return version.id.removeprefix("suite/")


def _ready(visit: Visit, reference: str, *, status: int = 200) -> Response[str]:
    name = reference.removeprefix("suite/")
    visit.services.hub.artifacts.visible(f"suite/{name.partition('@')[0]}", visit.actor)
    version = visit.services.hub.artifacts.resolve(f"suite/{name}")
    suite = msgspec.convert(version.manifest, Suite)
    return visit.page(
        "suite_run.html",
        status=status,
        title="ARENA",
        nav="arena",
        tab="suites",
        knows=("suite",),
        reference=name,
        version=version,
        suite=suite,
        swept=[target.name for target in suite.target if not target.recorded],
        datasets=datasets(visit),
        values=_Missing(visit.form),
        may=visit.can("playground"),
    )


def _sweep(visit: Visit) -> SweepAsked:
    form = visit.form
    by: Literal["passages", "tokens"] = "tokens" if form.get("context_by") == "tokens" else "passages"
    return msgspec.convert(
        {
            "shots": _numbers(form.get("shots", ""), "shots") or (0,),
            "context": _numbers(form.get("context", ""), "context"),
            "context_by": by,
            "target": form.get("target", ""),
            "dataset": form.get("examples", "").strip(),
            "pick": form.get("pick") or None,
            "own": "left_out" if "leave_out" in form else None,
        },
        SweepAsked,
    )


def _numbers(text: str, name: str) -> tuple[int, ...]:
    words = text.replace(",", " ").split()
    return tuple(whole_of({name: word}, name, 0) for word in words)


def _short(reference: str) -> str:
    name, _, digest = reference.partition("@")
    return f"{name}@{digest[:19]}"


class _Missing(dict[str, str]):
    """What is not there is empty."""

    def __missing__(self, name: str) -> str:
        return ""


HANDLERS: list[Any] = [new, write, ready, begin]
