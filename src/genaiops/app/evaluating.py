"""Evaluations in this process: a suite, the store of runs, and who is asked."""

import asyncio
import platform
import signal
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec

import genaiops
from genaiops.app.judges import judges_named
from genaiops.app.kept_figures import KeptFigures, keep_figures
from genaiops.app.local_models import InstalledModels
from genaiops.app.posting import HttpPost
from genaiops.app.sandboxing import check_sandbox, confinement, sandbox
from genaiops.app.scoring_programs import check_programs, meteor, programs
from genaiops.app.scripting import TARGETS_AT_ONCE, check_scripts, hosts
from genaiops.arena import (
    Ask,
    Endpoint,
    Figure,
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
    new_run,
    suite_manifest,
    target_of,
    weights_of,
)
from genaiops.core.digest import digest_value
from genaiops.core.errors import Conflict, NotFound
from genaiops.domain import Run, Suite, SuiteTarget, Verdict
from genaiops.ports.runs import Runs
from genaiops.ports.scripts import Scripts
from genaiops.sdk import default_home


class Evaluated(msgspec.Struct, frozen=True, kw_only=True):
    run: Run
    report: GateReport


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be evaluated. `folder`: where the suite's files are; `gateway`: who is asked of models, prompts,
    applications and releases, where `gateways` has nothing else for a target; `secret`: reads a secret by its name;
    `models`: the home whose weights local metrics use (None: that of whoever runs this); `environment`: commit, branch
    and their like; `weak`: programs run even where nothing confines them (None: as the command's environment says)."""

    suite: Suite
    name: str
    folder: Path | None = None
    gateway: Endpoint | None = None
    gateways: Mapping[str, Endpoint] = {}
    secret: Callable[[str], str] | None = None
    rows: Rows | None = None
    models: Path | None = None
    environment: Mapping[str, str] = {}
    by: str = ""
    weak: bool | None = None


def begin(store: Runs, wanted: Wanted) -> Run:
    """A run that waits, with its cases; nothing is asked yet. UsageError when the suite has none, or no target."""
    near = InstalledModels(wanted.models or Path(default_home())).near
    cases = cases_of(wanted.suite, folder=wanted.folder, rows=wanted.rows, near=near)
    check_can_ask(wanted)
    run = new_run(
        wanted.suite,
        cases,
        name=wanted.name,
        inputs=judge_inputs(wanted.suite),
        environment={**what_runs(), **confinement(wanted.suite), **programs(wanted.suite), **wanted.environment},
        by=wanted.by,
    )
    store.create(run, cases)
    return run


def judge_inputs(suite: Suite) -> dict[str, str]:
    """What a run pins of its judges: `judge CHECK` -> a digest."""
    return {f"judge {check}": found for check, found in judges_named(suite).items()}


def what_runs() -> dict[str, str]:
    """The versions of what runs it, for the environment of a run."""
    return {
        "genaiops": genaiops.__version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
    }


def check_can_ask(wanted: Wanted) -> None:
    """What cannot be asked is told before anything is: GenaiopsError names the target, the judge or the weights."""
    post = HttpPost()
    check_scripts(wanted.suite, wanted.folder)
    with hosts(wanted.folder) as scripts:
        askers(wanted, post, scripts)
    for member in judges_of(wanted.suite):
        _asker(wanted, post, target_of(member), wanted.gateway)
    check_weights(wanted.suite, wanted.models or Path(default_home()))
    check_sandbox(wanted.suite, wanted.weak)
    check_programs(wanted.suite)


def check_weights(suite: Suite, home: Path) -> None:
    """GenaiopsError names weights that its checks need and the home has not."""
    local = InstalledModels(home)
    for name in weights_of(suite):
        local.check(name)


def askers(wanted: Wanted, post: HttpPost, scripts: Scripts | None) -> Mapping[str, Ask]:
    """How each target is asked; `scripts`: who calls functions of the suite. UsageError when one cannot be."""
    named = wanted.gateways
    return {
        target.name: _asker(wanted, post, target, named.get(target.name, wanted.gateway), scripts)
        for target in wanted.suite.target
    }


def _asker(
    wanted: Wanted, post: HttpPost, target: SuiteTarget, gateway: Endpoint | None, scripts: Scripts | None = None
) -> Ask:
    run = wanted.suite.run
    fresh = run.repeats > 1 or not run.cache
    secret = "" if not target.secret or wanted.secret is None else wanted.secret(target.secret)
    return asker(target, post=post, gateway=gateway, secret=secret, timeout=run.timeout_s, fresh=fresh, scripts=scripts)


@contextmanager
def means_of(wanted: Wanted, post: HttpPost, store: Runs) -> Generator[Callable[[Purse, asyncio.Event], Judges]]:
    """Whom the suite's checks ask, paid by the run. Programs that were started for them end with the block."""

    def asked(target: SuiteTarget) -> Ask:
        return _asker(wanted, post, target, wanted.gateway)

    def made(purse: Purse, stop: asyncio.Event) -> Judges:
        judges = Judges(store, wanted.suite, asked, purse, stop, local=local, sandbox=confined, meteor=scoring)
        judges.scripts = scripts
        return judges

    confined = sandbox(wanted.weak)
    local = InstalledModels(wanted.models or Path(default_home()))
    with meteor() as scoring, hosts(wanted.folder) as scripts:
        yield made


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
    with means_of(wanted, post, store) as means, hosts(wanted.folder, TARGETS_AT_ONCE) as scripts:
        runner = Runner(store, run, wanted.suite, cases, askers(wanted, post, scripts), told=told, means=means)
        with _stopped_by_signals(runner):
            try:
                run = await runner()
            finally:
                await post.aclose()
    return await asyncio.to_thread(judged, store, run, wanted.suite)


def judged(store: Runs, run: Run, suite: Suite) -> Evaluated:
    """The gate's report of what a run has by now; of a run that is done its verdict is kept."""
    if run.state != "done":
        return Evaluated(run=run, report=report_of(store, run, suite))
    report = keep_figures(store, run, suite, _tables(store, run))
    run = msgspec.structs.replace(run, verdict=report.verdict)
    store.update(run)
    return Evaluated(run=run, report=report)


def report_of(store: Runs, run: Run, suite: Suite) -> GateReport:
    """What the gate says of a run. While it is not done, nothing is decided."""
    if run.state == "done":
        return KeptFigures(store, lambda each: _tables(store, each)).report(run, suite)
    report = judge(suite, _tables(store, run))
    verdict = Verdict(outcome="inconclusive", reason=f"The run is {run.state}: {run.done} of {run.total} asked.")
    return msgspec.structs.replace(report, verdict=verdict)


def figures_of(store: Runs, run: Run, suite: Suite) -> Sequence[Figure]:
    """What each check measured of each target by now, also those that only inform."""
    return KeptFigures(store, lambda each: _tables(store, each)).figures(run, suite)


def _tables(store: Runs, run: Run) -> Tables:
    return Tables(store.cases(run.id), store.answered(run.id), store.judged(run.id))


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
