"""Evaluations in this process: a suite, the store of runs, and who is asked."""

import asyncio
import platform
import signal
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec

import genaiops
from genaiops.app.judges import judges_named
from genaiops.app.local_models import InstalledModels
from genaiops.app.posting import HttpPost
from genaiops.arena import (
    Ask,
    Endpoint,
    GateReport,
    Judges,
    Progress,
    Purse,
    Rows,
    Runner,
    Tables,
    asker,
    cases_of,
    judge,
    judges_of,
    suite_manifest,
    target_of,
    weights_of,
)
from genaiops.core.clock import now_us
from genaiops.core.digest import digest_value
from genaiops.core.errors import Conflict, NotFound
from genaiops.core.ids import new_id
from genaiops.domain import Run, Suite, SuiteTarget, Verdict
from genaiops.ports.runs import Runs
from genaiops.sdk import default_home


class Evaluated(msgspec.Struct, frozen=True, kw_only=True):
    run: Run
    report: GateReport


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be evaluated. `folder`: where the suite's files are; `gateway`: who is asked of models, prompts,
    applications and releases; `secret`: reads a secret by its name; `models`: the home whose weights local metrics use
    (None: that of whoever runs this); `environment`: commit, branch and their like."""

    suite: Suite
    name: str
    folder: Path | None = None
    gateway: Endpoint | None = None
    secret: Callable[[str], str] | None = None
    rows: Rows | None = None
    models: Path | None = None
    environment: Mapping[str, str] = {}
    by: str = ""


def begin(store: Runs, wanted: Wanted) -> Run:
    """A run that waits, with its cases; nothing is asked yet. UsageError when the suite has none, or no target."""
    suite = wanted.suite
    cases = cases_of(suite, folder=wanted.folder, rows=wanted.rows)
    check_can_ask(wanted)
    digest = digest_value(suite_manifest(suite))
    run = Run(
        id=new_id("run"),
        kind="evaluation",
        subject=f"suite/{wanted.name}@{digest}",
        name=wanted.name,
        inputs={
            "suite": f"suite/{wanted.name}@{digest}",
            **{f"judge {check}": found for check, found in judges_named(suite).items()},
        },
        environment={
            "genaiops": genaiops.__version__,
            "python": platform.python_version(),
            "platform": platform.platform(),
            **wanted.environment,
        },
        seed=suite.run.seed,
        total=len(suite.target) * len(cases) * suite.run.repeats,
        created_us=now_us(),
        created_by=wanted.by,
    )
    store.create(run, cases)
    return run


def check_can_ask(wanted: Wanted) -> None:
    """What cannot be asked is told before anything is: GenaiopsError names the target, the judge or the weights."""
    post = HttpPost()
    askers(wanted, post)
    for member in judges_of(wanted.suite):
        _asker(wanted, post, target_of(member))
    local = InstalledModels(wanted.models or Path(default_home()))
    for name in weights_of(wanted.suite):
        local.check(name)


def askers(wanted: Wanted, post: HttpPost) -> Mapping[str, Ask]:
    """How each target is asked. UsageError when one cannot be."""
    return {target.name: _asker(wanted, post, target) for target in wanted.suite.target}


def _asker(wanted: Wanted, post: HttpPost, target: SuiteTarget) -> Ask:
    secret = "" if not target.secret or wanted.secret is None else wanted.secret(target.secret)
    return asker(target, post=post, gateway=wanted.gateway, secret=secret, timeout=wanted.suite.run.timeout_s)


def means_of(wanted: Wanted, post: HttpPost, store: Runs) -> Callable[[Purse, asyncio.Event], Judges]:
    """Whom the suite's checks ask, paid by the run."""

    def made(purse: Purse, stop: asyncio.Event) -> Judges:
        return Judges(store, wanted.suite, lambda target: _asker(wanted, post, target), purse, stop, local=local)

    local = InstalledModels(wanted.models or Path(default_home()))
    return made


def resumable(store: Runs, run_id: str, suite: Suite) -> Run:
    """The run, if it is of this suite and has something left. Conflict says why it cannot go on."""
    run = store.get(run_id)
    if not run.subject.endswith(f"@{digest_value(suite_manifest(suite))}"):
        raise Conflict(
            f"The run {run_id} is of another suite than this one is now.",
            remedy="Begin a new run, or bring the file back to what it was.",
        )
    if run.state == "done" and not run.failed:
        raise Conflict(f"The run {run_id} is done.", remedy="Begin a new run.")
    return run


async def evaluate(
    store: Runs, run: Run, wanted: Wanted, *, told: Callable[[Progress], None] | None = None
) -> Evaluated:
    """Ask what is left of a run, and judge it. Interrupted (SIGINT, SIGTERM) it keeps what it has and is `stopped`."""
    cases = await asyncio.to_thread(store.cases, run.id)
    post = HttpPost(max_connections=wanted.suite.run.concurrency)
    means = means_of(wanted, post, store)
    runner = Runner(store, run, wanted.suite, cases, askers(wanted, post), told=told, means=means)
    with _stopped_by_signals(runner):
        try:
            run = await runner()
        finally:
            await post.aclose()
    return await asyncio.to_thread(judged, store, run, wanted.suite)


def judged(store: Runs, run: Run, suite: Suite) -> Evaluated:
    """The gate's report of what a run has by now; of a run that is done its verdict is kept."""
    tables = Tables(store.cases(run.id), store.answered(run.id), store.judged(run.id))
    report = judge(suite, tables)
    if run.state == "done":
        run = msgspec.structs.replace(run, verdict=report.verdict)
        store.update(run)
    else:
        verdict = Verdict(outcome="inconclusive", reason=f"The run is {run.state}: {run.done} of {run.total} asked.")
        report = msgspec.structs.replace(report, verdict=verdict)
    return Evaluated(run=run, report=report)


@contextmanager
def _stopped_by_signals(runner: Runner) -> Generator[None]:
    loop = asyncio.get_running_loop()
    added: list[signal.Signals] = []
    for number in (signal.SIGINT, signal.SIGTERM):
        with suppress(NotImplementedError, RuntimeError, ValueError):
            loop.add_signal_handler(number, runner.stop)
            added.append(number)
    try:
        yield
    finally:
        for number in added:
            loop.remove_signal_handler(number)


def environment_secret(environment: Mapping[str, str]) -> Callable[[str], str]:
    """Secrets by the names of environment variables, for runs without a server."""

    def read(name: str) -> str:
        value = environment.get(name)
        if value is None:
            raise NotFound(f"The variable {name} is not set.", remedy=f"Set it: export {name}=...", param="secret")
        return value

    return read
