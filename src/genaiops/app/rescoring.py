"""`genaiops suite rescore`: new metrics over a run that is kept here."""

import asyncio
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec

from genaiops.app.evaluating import Wanted, check_can_ask, environment_secret, means_of
from genaiops.app.home import Home
from genaiops.app.judges import from_hub, judges_named, resolved
from genaiops.app.kept_figures import RESCORED
from genaiops.app.kept_suites import added_inputs, keep_suite
from genaiops.app.local_suites import gateway_for, read_file
from genaiops.app.posting import HttpPost
from genaiops.app.run_store import open_home_runs
from genaiops.arena import Rescorer, Tables, figures, judge, read_suite_document, unjudged_of
from genaiops.core.clock import now_us, to_iso
from genaiops.core.errors import Conflict, UsageError
from genaiops.domain import Answer, Judged, Run, Suite, SuiteTarget
from genaiops.ports.runs import Runs
from genaiops.sdk import Client, default_home


class Rescoring(msgspec.Struct, frozen=True, kw_only=True):
    """What the command was told. `checks`: names of metrics as they are; `judges`: files or `NAME@alias`; `file`: a
    suite whose checks and gate are taken. `replace`: verdicts of a check of the same name are overwritten."""

    run: str
    checks: Sequence[str] = ()
    judges: Sequence[str] = ()
    file: str | None = None
    replace: bool = False
    changed: Mapping[str, Any] = {}
    home: str | None = None
    url: str | None = None
    key: str | None = None

    def __call__(self, begun: Callable[[str, int], None], told: Callable[[int], None]) -> dict[str, Any]:
        """The run, the figures, and what the gate of `file` says of them. `begun`: the name and how many answers."""
        home = Home(self.home or default_home())
        suite, folder = self._suite()
        suite = resolved(suite, folder, from_hub(lambda: Client(self.url, self.key, self.home)))
        home.prepare()
        with closing(open_home_runs(home)) as store:
            run = _ended(store.get(self.run))
            answers = store.answered(run.id)
            suite = _over(suite, answers)
            if not self.replace:
                _check_fresh(store, run, suite)
            wanted = Wanted(
                suite=suite,
                name=run.name,
                gateway=gateway_for(suite, self.url, self.key, home.path),
                secret=environment_secret(os.environ),
                models=home.path,
            )
            check_can_ask(wanted)
            begun(run.name, len(answers))
            keep_suite(home, suite)
            return asyncio.run(_rescored(store, run, wanted, told))

    def _suite(self) -> tuple[Suite, Path]:
        given = [{"metric": name} for name in self.checks]
        given += [{"metric": "judge", "name": _called(name), "options": {"judge": name}} for name in self.judges]
        if self.file is not None:
            if given:
                what = "Checks are given as names and as a file."
                raise UsageError(what, remedy="Write them all into the file.", param="checks")
            suite, folder = read_file(self.file), Path(self.file).parent
        else:
            suite, folder = read_suite_document({"check": given}).checked(), Path()
        if not suite.check:
            what = "No check is named."
            raise UsageError(what, remedy="Name one: --check METRIC, --judge FILE, or --checks FILE.", param="check")
        return msgspec.structs.replace(suite, run=msgspec.structs.replace(suite.run, **self.changed)), folder


async def _rescored(store: Runs, run: Run, wanted: Wanted, told: Callable[[int], None]) -> dict[str, Any]:
    post = HttpPost(max_connections=wanted.suite.run.concurrency)
    run = _marked(run, wanted.suite)
    store.update(run)  # broken off, it shows what it has
    with means_of(wanted, post, store) as means:
        rescorer = Rescorer(store, run.id, wanted.suite, means, told=told)
        try:
            await rescorer()
        finally:
            await post.aclose()
    run = _marked(run, wanted.suite)
    if rescorer.cost_nano is not None:
        run = msgspec.structs.replace(run, cost_nano=(run.cost_nano or 0) + rescorer.cost_nano)
    store.update(run)
    tables = Tables(store.cases(run.id), store.answered(run.id), store.judged(run.id))
    names = {check.name for check in wanted.suite.check}
    said = {
        "run": run,
        "figures": figures(wanted.suite, tables),
        "report": judge(wanted.suite, tables),
        "unjudged": [each for each in unjudged_of(store, run.id) if each.check in names],
        "silent": _silent(wanted.suite, store.judged(run.id)),
        "cost_nano": rescorer.cost_nano,
        "stopped": rescorer.stopped,
    }
    plain: dict[str, Any] = msgspec.to_builtins(said)
    return plain


def _marked(run: Run, suite: Suite) -> Run:
    """With what was added, by whom it was judged, and since when it is another than it was."""
    inputs = {**run.inputs, **{f"judge {check}": found for check, found in judges_named(suite).items()}}
    inputs |= added_inputs(suite)
    environment = {**run.environment, RESCORED: to_iso(now_us())}
    return msgspec.structs.replace(run, inputs=inputs, environment=environment)


def _silent(suite: Suite, judged: Sequence[Judged]) -> Mapping[str, int]:
    """Judges of which every verdict is an error, and how many these are."""
    found: dict[str, int] = {}
    for name in judges_named(suite):
        outcomes = [each.verdict.outcome for each in judged if each.check == name]
        if outcomes and all(outcome == "error" for outcome in outcomes):
            found[name] = len(outcomes)
    return found


def _called(judge_name: str) -> str:
    """`polite` of `judges/polite.toml` and of `support/polite@prod`."""
    return f"judge-{Path(judge_name.partition('@')[0]).stem}"


def _ended(run: Run) -> Run:
    if run.state in ("waiting", "running"):
        raise Conflict(
            f"The run {run.id} is {run.state}.",
            remedy="Wait for its end, or go on with it: genaiops suite run FILE --local --resume.",
        )
    return run


def _over(suite: Suite, answers: Sequence[Answer]) -> Suite:
    """The checks of a suite, over the targets that answered in the run."""
    names = list(dict.fromkeys(each.target for each in answers))
    if not names:
        raise UsageError("The run has no answers.", remedy="Name another run.", param="run")
    repeats = max(each.repeat for each in answers) + 1
    gate = suite.gate if suite.gate.baseline in names else msgspec.structs.replace(suite.gate, baseline="")
    return msgspec.structs.replace(
        suite,
        target=tuple(SuiteTarget(name=name, recorded=True) for name in names),
        gate=gate,
        run=msgspec.structs.replace(suite.run, repeats=repeats),
    )


def _check_fresh(store: Runs, run: Run, suite: Suite) -> None:
    there = {each.check for each in store.judged(run.id)}
    taken = next((check.name for check in suite.check if check.name in there), None)
    if taken is not None:
        raise Conflict(
            f"The run {run.id} has verdicts of a check that is called {taken!r}.",
            remedy="Give it another name in a file of checks, or overwrite them with --replace.",
            param="check",
        )
