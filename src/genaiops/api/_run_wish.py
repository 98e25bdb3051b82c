"""A run as it is asked for: the suite, the cases that it draws, what its targets mean now, and who may ask them."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from genaiops.api._access import Caller
from genaiops.api._confined import confined
from genaiops.api._known_suites import check_kept
from genaiops.api._run_cases import MOST_CASES, CaseRows
from genaiops.api._services import Services
from genaiops.arena import (
    PROD,
    TARGET,
    Near,
    ReadSuite,
    SweepAsked,
    against_prod,
    cases_of,
    changed_suite,
    judges_of,
    new_run,
    pinned_suite,
    read_suite,
    read_suite_document,
    run_place,
    scripts_of,
    suite_manifest,
    sweep_suite,
    target_of,
)
from genaiops.checks.judging import read_judge_document
from genaiops.checks.written import WrittenForm
from genaiops.core.errors import UsageError
from genaiops.core.suggesting import suggestion
from genaiops.domain import Actor, Case, EnvironmentKind, Judge, Run, Suite, SuiteTarget
from genaiops.hub import reach_of, require

_Fact = Annotated[str, Meta(max_length=200)]


class RunningRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """In place of what the suite says under `run`."""

    repeats: Annotated[int, Meta(ge=1, le=1000)] | None = None
    spend: str | None = None
    concurrency: Annotated[int, Meta(ge=1, le=1000)] | None = None


class RunRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A suite that is kept (`suite`: NAME@ALIAS or NAME@DIGEST), or one with its `name` as a `text` (TOML, YAML or
    JSON; `form` null: what it looks like) or a `document`: it becomes a version of that name. `targets` take the
    place of those of the same names, or stand beside them; `prompts` (NAME@REFERENCE) and `releases`
    (APPLICATION@REFERENCE) are asked in place of what the suite says of these names. `application`: whose
    prod the baseline `prod` is. `sweep`: its one target is asked in each cell of examples and context.
    `environment_id` null: that of the key. `commit`, `branch` and `pull_request` are what it is run for."""

    suite: str | None = None
    name: str | None = None
    text: str | None = None
    form: WrittenForm | None = None
    document: dict[str, Any] | None = None
    targets: list[dict[str, Any]] = []
    prompts: list[str] = []
    releases: list[str] = []
    run: RunningRequest = RunningRequest()
    sweep: SweepAsked | None = None
    environment_id: str | None = None
    application: str | None = None
    commit: _Fact | None = None
    branch: _Fact | None = None
    pull_request: _Fact | None = None


def begun_for(services: Services, actor: Actor, data: RunRequest, facts: Mapping[str, str]) -> Run:
    """The same for somebody who is not here: as far as they reach by themselves, and not as far as a key."""
    caller = Caller(actor, None, reach_of(services.hub, actor, None))
    require(actor, "playground")
    return begun(confined(services, caller.reach), caller, data, facts)


def begun(services: Services, caller: Caller, data: RunRequest, known: Mapping[str, str] | None = None) -> Run:
    """The run, which waits; `known` are further facts of it. Errors say what is wrong with it before anything is asked
    or kept."""
    read, name = _read(services, caller, data)
    read = _changed(read, data)
    if data.sweep is not None:
        read, name = _swept(read, data.sweep), f"{name}-sweep" if data.suite is not None else name
    suite = against_prod(read, data.application)
    suite = services.runs.with_judges(suite, lambda reference: _judge(services, caller, reference))
    environment = data.environment_id or _environment(caller)
    inputs = {"environment": f"environment/{environment}"}
    if caller.key is not None:
        inputs["key"] = f"key/{caller.key.id}"
    rows = CaseRows(services, caller, name)
    cases = _cases(suite, rows, services.evaluations.near)
    pins = _Pins(services, caller, _prompts(suite, data.prompts), _releases(suite, data.releases))
    inputs |= rows.pins | pins.of(suite)
    facts = {field: getattr(data, field) for field in ("commit", "branch", "pull_request")}
    run = new_run(
        suite,
        cases,
        name=name,
        inputs=inputs,
        environment={**(known or {}), **{field: value for field, value in facts.items() if value}},
        tenant_id=caller.actor.tenant_id,
        by=caller.actor.id,
    )
    if data.suite is not None:
        named = services.hub.artifacts.resolve(f"suite/{data.suite.removeprefix('suite/')}").id
        run = msgspec.structs.replace(run, inputs={**run.inputs, "of": named})
    _check_may(services, caller, pinned_suite(suite, run), run)
    run = msgspec.structs.replace(run, inputs={**run.inputs, **rows.keep()})
    version = services.hub.artifacts.register("suite", name, suite_manifest(suite), by=caller.actor.id)
    assert version.id == run.subject
    return services.runs.begin(run, cases, suite)


def _read(services: Services, caller: Caller, data: RunRequest) -> tuple[Suite, str]:
    """(the suite, its name)"""
    given = [field for field in ("suite", "text", "document") if getattr(data, field) is not None]
    if len(given) != 1:
        said = " and ".join(given) or "none of them"
        raise UsageError(
            f"A run is of one of suite, text and document; this says {said}.", remedy="Keep one.", param="suite"
        )
    if data.suite is not None:
        reference = data.suite.removeprefix("suite/")
        check_kept(services, caller, reference.partition("@")[0])
        version = services.hub.artifacts.resolve(f"suite/{reference}")
        return read_suite_document(version.manifest).checked(), reference.partition("@")[0]
    require(caller.actor, "artifacts")
    if not data.name:
        raise UsageError("The suite has no name.", remedy="Say what it is called.", param="name")
    read: ReadSuite = read_suite(data.text, data.form) if data.text is not None else read_suite_document(data.document)
    return read.checked(), data.name


def _swept(suite: Suite, asked: SweepAsked) -> Suite:
    if asked.file:
        raise UsageError(
            "A file of examples is not on the server.", remedy="Register it, and name the dataset.", param="sweep.file"
        )
    return sweep_suite(suite, asked)


def _judge(services: Services, caller: Caller, reference: str) -> Judge:
    """A version of a judge of the Hub. NotFound also for one that the caller may not see."""
    name = reference.removeprefix("judge/")
    services.hub.artifacts.visible(f"judge/{name.partition('@')[0]}", caller.actor)
    return read_judge_document(services.hub.artifacts.resolve(f"judge/{name}").manifest).checked()


def _changed(suite: Suite, data: RunRequest) -> Suite:
    """UsageError where what was changed makes no suite."""
    changed = {name: value for name, value in msgspec.structs.asdict(data.run).items() if value is not None}
    suite = changed_suite(suite, changed)
    if not data.targets and not changed:
        return suite
    plain = suite_manifest(suite)
    places = {target["name"]: place for place, target in enumerate(plain.get("target", []))}
    targets: list[dict[str, Any]] = list(plain.get("target", []))
    for target in data.targets:
        place = places.get(str(target.get("name")))
        if place is None:
            targets.append(target)
        else:
            targets[place] = target
    return read_suite_document({**plain, "target": targets}).checked()


def _environment(caller: Caller) -> str:
    if caller.reach.environment_id is not None:
        return caller.reach.environment_id
    return caller.key.environment_id if caller.key is not None else "dev"


def _cases(suite: Suite, rows: CaseRows, near: Near) -> Sequence[Case]:
    cases = cases_of(suite, folder=None, rows=rows, near=near)
    if len(cases) * len(suite.target) * suite.run.repeats > MOST_CASES * 10 or len(cases) > MOST_CASES:
        raise UsageError(
            f"{len(cases):,} cases of {len(suite.target)} targets are more than a run on the server may have.",
            remedy=f"Draw at most {MOST_CASES:,} with limit = ..., in several runs.",
            param="cases",
        )
    return cases


def _prompts(suite: Suite, given: Sequence[str]) -> dict[str, str]:
    """Name of a prompt -> what is asked of it. UsageError for one that the suite does not ask."""
    found = {one.removeprefix("prompt/").partition("@")[0]: one.removeprefix("prompt/") for one in given}
    there = {target.prompt.removeprefix("prompt/").partition("@")[0] for target in suite.target if target.prompt}
    for name in found:
        if name not in there:
            raise UsageError(
                f"No target of the suite is the prompt {name!r}.", remedy=suggestion(name, there), param="prompts"
            )
    return found


def _releases(suite: Suite, given: Sequence[str]) -> dict[str, str]:
    """Name of an application -> which release is asked of it. UsageError for one that the suite does not ask."""
    found = {one.removeprefix("release/").partition("@")[0]: one.removeprefix("release/") for one in given}
    there = {application_of(target) for target in suite.target if target.name != PROD} - {""}
    for name in found:
        if name not in there:
            raise UsageError(
                f"No target of the suite is the application {name!r}, or a release of it.",
                remedy=suggestion(name, there),
                param="releases",
            )
    return found


def application_of(target: SuiteTarget) -> str:
    """The application that a target is, or is a release of; "" for others."""
    return (target.application or target.release).removeprefix("app/").partition("@")[0]


class _Pins:
    """What targets mean now, as nodes of lineage, with `prompts` and `releases` in place of what the suite says."""

    def __init__(
        self, services: Services, caller: Caller, prompts: Mapping[str, str], releases: Mapping[str, str]
    ) -> None:
        self._hub = services.hub
        self._caller = caller
        self._prompts = prompts
        self._releases = releases

    def of(self, suite: Suite) -> dict[str, str]:
        """NotFound names what is not there."""
        pins: dict[str, str] = {}
        for target in suite.target:
            name = target.prompt.removeprefix("prompt/").partition("@")[0]
            if name in self._prompts:
                target = msgspec.structs.replace(target, prompt=self._prompts[name])
            if target.name != PROD and application_of(target) in self._releases:
                target = msgspec.structs.replace(target, application="", release=self._releases[application_of(target)])
            if "@" in target.application:
                place = self._hub.deployments.get(target.application.removeprefix("app/"))
                pins[f"deployment/{target.name}"] = f"deployment/{place.id}"
                if len(place.shares) == 1:
                    pins[TARGET + target.name] = f"release/{place.shares[0].release_id}"
                continue
            node = self._node(target)
            if node:
                pins[TARGET + target.name] = node
        return pins

    def _node(self, target: SuiteTarget) -> str:
        if target.prompt:
            reference = target.prompt.removeprefix("prompt/")
            self._hub.artifacts.visible(f"prompt/{reference.partition('@')[0]}", self._caller.actor)
            return self._hub.artifacts.resolve(f"prompt/{reference}").id
        if target.release:
            application, _, reference = target.release.partition("@")
            return f"release/{self._hub.releases.resolve(application, reference or 'latest').id}"
        if target.application:
            return f"application/{target.application.removeprefix('app/')}"
        if target.model:
            return f"model/{target.model}"
        if target.url:
            return f"url/{target.url}"
        return ""


def _check_may(services: Services, caller: Caller, suite: Suite, run: Run) -> None:
    """Forbidden and UsageError for targets and judges that the caller may not have asked from here."""
    if not suite.target:
        raise UsageError("The suite has no target: nobody is asked.", remedy="Write [[target]].", param="target")
    if scripts_of(suite):
        raise UsageError(
            "The suite brings code, which runs where its files are and not on the server.",
            remedy="Run it there: genaiops suite run FILE --local",
            param="suite",
        )
    kinds: dict[str, EnvironmentKind] = {each.id: each.kind for each in services.hub.environments.list()}
    asked = [(f"The target {target.name!r}", target) for target in suite.target]
    for member in judges_of(suite):
        called = member.python or member.url or member.model
        asked += [(f"The judge {called!r}", target_of(member))]
    for called, target in asked:
        if target.python:
            raise UsageError(
                f"{called} is a function of a program, which is not on the server.",
                remedy="Run it where the program is: genaiops suite run FILE --local",
                param="target",
            )
        if target.url:
            require(caller.actor, "targets")  # it may name a secret, and any address that the server reaches
            continue
        if target.recorded:
            continue
        environment, _ = run_place(target, run)
        if environment not in kinds:
            services.hub.environments.get(environment)  # NotFound, with those that there are
        require(caller.actor, "playground", kinds[environment])
        caller.reach.require(environment)
