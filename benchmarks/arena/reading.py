"""From a run of ten thousand cases to what its pages show."""

import statistics
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec

from genaiops.app.evaluating import judged
from genaiops.app.evaluations import Evaluations
from genaiops.app.home import Home
from genaiops.app.kept_suites import keep_suite
from genaiops.arena import Side, Tables, beside, judge, read_suite, suite_manifest
from genaiops.core.digest import digest_value
from genaiops.domain import Answer, Case, Judged, Run, Suite, Verdict
from genaiops.engines.runs_sql import open_runs
from genaiops.ports.runs import CaseFilter, Runs

CASES = 10_000
_SUITE = """
case = [{input = "x"}]
target = [{name = "old", recorded = true}, {name = "new", recorded = true}]
check = [{name = "right", metric = "equals", margin = 0.02}]
gate.baseline = "old"
"""


def read(*, rounds: int) -> dict[str, float]:
    """Step -> median milliseconds of CPU."""
    suite = read_suite(_SUITE, "toml").checked()
    spent: dict[str, list[float]] = {}

    def step(name: str, work: Callable[[], Any]) -> Any:
        began = time.process_time()
        found = work()
        spent.setdefault(name, []).append((time.process_time() - began) * 1000)
        return found

    with (
        tempfile.TemporaryDirectory(prefix="genaiops-arena-") as folder,
        closing(open_runs(f"sqlite:///{Path(folder) / 'runs.db'}")) as store,
    ):
        for name in ("run_1", "run_2"):
            write(store, name, suite)
        home = Home(folder)
        for name in ("run_1", "run_2"):
            keep_suite(home, suite)
            judged(store, store.get(name), suite)
        for _ in range(rounds + 1):
            _round(store, suite, step)
            _pages(store, home, step)
    steps = {name: statistics.median(times[1:]) for name, times in spent.items()}  # the first round warms up
    names = ("tables of a run", "its gate", "first page of cases")
    return {
        "comparison: tables, gate and first page, of a run that goes on": sum(steps[name] for name in names),
        **steps,
    }


def _round(store: Runs, suite: Suite, step: Callable[[str, Callable[[], Any]], Any]) -> None:
    tables = step("tables of a run", lambda: tables_of(store, "run_1"))
    step("its gate", lambda: judge(suite, tables))
    step("first page of cases", lambda: store.page("run_1", CaseFilter()))
    lost = CaseFilter(target="new", against="old", changed="lost")
    step("first page of what was lost, by the store", lambda: store.page("run_1", lost))
    step("first page of a word", lambda: store.page("run_1", CaseFilter(text="order 77")))
    one, other = Side(tables, "old"), Side(tables_of(store, "run_2"), "new")
    found = step("two runs beside each other", lambda: beside(suite, one, other))
    step("first page of what was lost, by id", lambda: store.page("run_2", CaseFilter(ids=found.lost[:50])))


def _pages(store: Runs, home: Home, step: Callable[[str, Callable[[], Any]], Any]) -> None:
    """As the first who looks at them after a start: nothing is in memory, what was kept at their end is read."""
    run, other = store.get("run_1"), store.get("run_2")

    def first() -> None:
        seen = Evaluations(store, home)
        seen.report(run)
        seen.slices(run)
        seen.beside(run, run, "old", "new")
        store.page(run.id, CaseFilter())

    def pair() -> None:
        found = Evaluations(store, home).beside(run, other, "old", "new")
        store.page(other.id, CaseFilter(ids=found.lost[:50]))

    step("comparison: page of a run, nothing in memory", first)
    step("comparison: page of two runs, nothing in memory", pair)


def tables_of(store: Runs, run_id: str) -> Tables:
    return Tables(store.cases(run_id), store.answered(run_id), store.judged(run_id))


def write(store: Runs, run_id: str, suite: Suite) -> None:
    """A run as the runner leaves it; the new target loses every hundredth case."""
    cases = [Case(id=f"c{n}", input=f"Where is order {n}?", expected="On its way.") for n in range(CASES)]
    run = Run(
        id=run_id,
        kind="evaluation",
        subject=f"suite/x@{digest_value(suite_manifest(suite))}",
        state="done",
        created_us=1,
        total=2 * CASES,
    )
    store.create(run, cases)
    for target in suite.target:
        answers = [
            Answer(target=target.name, case=case.id, state="answered", output="On its way.", seconds=0.1, at_us=1)
            for case in cases
        ]
        judged = [
            _judged(target.name, case.id, fails=target.name == "new" and not n % 100) for n, case in enumerate(cases)
        ]
        store.add(run_id, answers, judged)
    store.update(msgspec.structs.replace(run, done=2 * CASES))


def _judged(target: str, case: str, *, fails: bool) -> Judged:
    verdict = Verdict(outcome="fail" if fails else "pass", measure=0.0 if fails else 1.0, unit="")
    return Judged(target=target, case=case, check="right", metric="equals/1", verdict=verdict, at_us=1)
