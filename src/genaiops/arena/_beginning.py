"""A run before it is asked: what it is of, what it pins, and the suite as it pinned it."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from genaiops.arena._suite_text import PROD, suite_manifest
from genaiops.core.clock import now_us
from genaiops.core.digest import digest_value
from genaiops.core.errors import UsageError
from genaiops.core.ids import new_id
from genaiops.domain import Case, Run, Suite, SuiteTarget, trial_name

RED_TEAM: Final = "red-team"
"""The tag of suites whose runs are shown as red-team runs, and the fact of such runs by which they are found."""
TARGET: Final = "target/"
"""Inputs of a run that begin so pin what a target means: `target/NAME` -> `prompt/x@sha256:...`."""


def new_run(
    suite: Suite,
    cases: Sequence[Case],
    *,
    name: str,
    inputs: Mapping[str, str] | None = None,
    environment: Mapping[str, str] | None = None,
    tenant_id: str = "default",
    by: str = "",
) -> Run:
    """It waits, and nothing is kept of it yet. `inputs` stand beside its suite."""
    subject = f"suite/{name}@{digest_value(suite_manifest(suite))}"
    return Run(
        id=new_id("run"),
        kind="evaluation",
        tenant_id=tenant_id,
        subject=subject,
        name=name,
        inputs={"suite": subject, **_models(suite), **(inputs or {})},
        environment={**(environment or {}), **({RED_TEAM: "yes"} if RED_TEAM in suite.tags else {})},
        seed=suite.run.seed,
        total=len(suite.target) * len(cases) * suite.run.repeats,
        created_us=now_us(),
        created_by=by,
    )


def _models(suite: Suite) -> dict[str, str]:
    """Pins of targets that are a model as it is: no prompt, release or application stands between."""
    return {
        TARGET + target.name: f"model/{target.model}"
        for target in suite.target
        if target.model and not (target.prompt or target.release or target.application)
    }


def pinned_suite(suite: Suite, run: Run) -> Suite:
    """The suite with its prompts and releases as a run pinned them: an alias that moves meanwhile changes nothing. A
    release that is asked for itself is called by the name that it has for this run alone."""
    return msgspec.structs.replace(suite, target=tuple(_pinned(target, run) for target in suite.target))


def _pinned(target: SuiteTarget, run: Run) -> SuiteTarget:
    pin = run.inputs.get(TARGET + target.name, "")
    if target.prompt and pin.startswith("prompt/"):
        return msgspec.structs.replace(target, prompt=pin.removeprefix("prompt/"))
    if target.name in tried_of(run):
        name = trial_name(pin.removeprefix("release/"), run.id)
        return msgspec.structs.replace(target, release="", application=f"app/{name}")
    return target


def tried_of(run: Run) -> Mapping[str, str]:
    """Name of a target -> id of the release that is asked for itself, deployed or not."""
    return {
        name.removeprefix(TARGET): node.removeprefix("release/")
        for name, node in run.inputs.items()
        if name.startswith(TARGET)
        and node.startswith("release/")
        and f"deployment/{name.removeprefix(TARGET)}" not in run.inputs
    }


def against_prod(suite: Suite, application: str | None) -> Suite:
    """With the baseline `prod` as a target of its own: what the application runs on there. UsageError when it cannot be
    told whose."""
    if suite.gate.baseline != PROD or any(target.name == PROD for target in suite.target):
        return suite
    named = {target.application.removeprefix("app/").partition("@")[0] for target in suite.target if target.application}
    if application is None and len(named) != 1:
        raise UsageError(
            "The baseline is prod, and it is not said of which application.",
            remedy="Name it: --application NAME, or let a target of the suite be app/NAME@ENVIRONMENT.",
            param="gate.baseline",
        )
    target = SuiteTarget(name=PROD, application=f"app/{application or named.pop()}@prod")
    return msgspec.structs.replace(suite, target=(*suite.target, target))


def changed_suite(suite: Suite, changed: Mapping[str, Any]) -> Suite:
    """With other fields of its `run`."""
    return msgspec.structs.replace(suite, run=msgspec.structs.replace(suite.run, **changed)) if changed else suite


def run_place(target: SuiteTarget, run: Run) -> tuple[str, str | None]:
    """(environment, application) of the key that a target is asked with: an application's own environment, else that of
    the run. `target` as the run pinned it."""
    own = run.inputs.get("environment", "environment/dev").removeprefix("environment/")
    if not target.application:
        return own, None
    name, _, environment = target.application.removeprefix("app/").partition("@")
    return (own if environment.startswith(run.id) else environment or own), name
