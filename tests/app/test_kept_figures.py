"""What was made of a run at its end is read, and made anew when the run has changed."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from genaiops.app.evaluating import judged
from genaiops.app.evaluations import Evaluations
from genaiops.app.home import Home
from genaiops.app.kept_suites import keep_suite
from genaiops.arena import new_run, read_suite
from genaiops.domain import Answer, Case, Judged, Outcome, Run, Verdict
from genaiops.engines.runs_sql import open_runs
from genaiops.ports.runs import Runs

SUITE = read_suite(
    """
case = [{input = "x"}]
target = [{name = "old", recorded = true}, {name = "new", recorded = true}]
check = [{name = "right", metric = "equals", margin = 0.2}]
gate.baseline = "old"
""",
    "toml",
).checked()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Runs]:
    with closing(open_runs(f"sqlite:///{tmp_path / 'runs.db'}")) as opened:
        yield opened


def _said(target: str, case: str, outcome: Outcome) -> Judged:
    verdict = Verdict(outcome=outcome, measure=float(outcome == "pass"))
    return Judged(target=target, case=case, check="right", metric="equals/1", verdict=verdict)


def _done(store: Runs, home: Home) -> Run:
    cases = [Case(id=f"c{n}", input=f"Question {n}", expected="x", slices=("odd",) if n % 2 else ()) for n in range(40)]
    run = new_run(SUITE, cases, name="x")
    store.create(run, cases)
    keep_suite(home, SUITE)
    for target in ("old", "new"):
        answers = [Answer(target=target, case=case.id, state="answered") for case in cases]
        store.add(run.id, answers, [_said(target, case.id, "pass") for case in cases])
    run = msgspec.structs.replace(run, state="done", done=80)
    return judged(store, run, SUITE).run


def test_it_is_read_until_the_run_has_more(store: Runs, tmp_path: Path) -> None:
    home = Home(tmp_path)
    run = _done(store, home)
    seen = Evaluations(store, home)
    report, beside = seen.report(run), seen.beside(run, run, "old", "new")
    assert store.kept(run.id, "report") is not None
    assert report is not None
    assert report.verdict == run.verdict
    assert beside.lost == ()
    assert seen.slices(run) == ["odd"]
    assert Evaluations(store, home).beside(run, run, "old", "new") == beside
    store.add(run.id, [], [_said("new", "c3", "fail")])
    anew = Evaluations(store, home)
    assert anew.beside(run, run, "old", "new").lost == ("c3",)
    assert anew.report(run) != report


def test_what_another_version_made_is_made_anew(store: Runs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = Home(tmp_path)
    run = _done(store, home)
    before = store.kept(run.id, "report")
    monkeypatch.setattr("genaiops.__version__", "9.9.9")
    assert Evaluations(store, home).report(run) is not None
    assert store.kept(run.id, "report") != before
