"""Runs: all is asked once, what failed is no score, money and load stay within bounds, and a killed run goes on."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec
import pytest

from genaiops.app.posting import HttpPost
from genaiops.arena import Ask, Busy, Progress, Runner, Tables, asker, cases_of, judge, read_suite
from genaiops.arena._answering import energy_of
from genaiops.domain import Answer, Case, Run, Suite
from genaiops.engines.runs_sql import open_runs
from genaiops.ports.runs import RunFilter, Runs

FUNCTIONS = "tests.arena.functions"


def suite_of(text: str) -> Suite:
    return read_suite(text, "toml").checked()


def a_suite(number: int = 20, function: str = "same", run: str = "") -> Suite:
    cases = "".join(f'[[case]]\ninput = "question {n}"\nexpected = "question {n}"\n' for n in range(number))
    target = f'[[target]]\nname = "new"\npython = "{FUNCTIONS}:{function}"\n'
    return suite_of(f'{cases}{target}[[check]]\nmetric = "equals"\n[run]\n{run}')


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Runs]:
    opened = open_runs(f"sqlite:///{tmp_path / 'runs.db'}")
    yield opened
    opened.close()


def askers(suite: Suite) -> Mapping[str, Ask]:
    post = HttpPost()
    return {target.name: asker(target, post=post, gateway=None, timeout=suite.run.timeout_s) for target in suite.target}


def runner(
    store: Runs, suite: Suite, ask: Mapping[str, Ask] | None = None, told: list[Progress] | None = None
) -> Runner:
    cases = cases_of(suite, folder=None)
    run = Run(id="run_1", kind="evaluation", subject="suite/x", created_us=1)
    try:
        run = store.get(run.id)
    except Exception:  # noqa: BLE001
        store.create(run, cases)
    return Runner(store, run, suite, cases, ask or askers(suite), told=None if told is None else told.append)


async def test_every_case_is_asked_of_every_target(store: Runs) -> None:
    suite = suite_of(
        f"""
        gate.baseline = "old"
        case = [{{input = "a", expected = "A"}}, {{input = "b", expected = "B"}}, {{input = "C", expected = "C"}}]
        check = [{{metric = "equals", margin = 0.9}}]
        target = [
          {{name = "old", python = "{FUNCTIONS}:same"}},
          {{name = "new", python = "{FUNCTIONS}:upper"}},
        ]
        """
    )
    told: list[Progress] = []
    run = await runner(store, suite, told=told)()
    assert (run.state, run.done, run.total, run.failed) == ("done", 6, 6, 0)
    assert run.cost_nano == 3_000_000
    assert run.unpriced == 3
    assert store.get(run.id) == run
    assert told[-1].done == 6
    tables = Tables(store.cases(run.id), store.answered(run.id), store.judged(run.id))
    [line] = judge(suite, tables).lines
    assert line.comparison is not None
    assert (line.comparison.wins, line.comparison.losses) == (2, 0)


@pytest.mark.parametrize(
    ("function", "state", "says"),
    [
        ("slow", "timeout", "No answer in 0.1 s"),
        ("broken", "error", "ValueError: no answer to question 0"),
        ("odd", "unreadable", "neither a text nor an answer"),
    ],
)
async def test_what_failed_is_a_state_and_never_a_score(store: Runs, function: str, state: str, says: str) -> None:
    suite = a_suite(2, function, "timeout_s = 0.1\nretries = 0")
    run = await runner(store, suite)()
    assert (run.state, run.failed) == ("done", 2)
    answers = sorted(store.answered("run_1"), key=lambda each: each.error)
    assert {answer.state for answer in answers} == {state}
    assert says in answers[0].error
    assert store.judged("run_1") == []
    tables = Tables(store.cases("run_1"), answers, ())
    report = judge(suite, tables)
    assert report.verdict.outcome == "inconclusive"
    assert "2 of 2 answers are missing" in report.lines[0].verdict.reason


async def test_a_refusal_halves_what_is_in_flight_and_is_asked_again(store: Runs) -> None:
    suite = a_suite(60, run="concurrency = 16\nretries = 5\ncache = false")
    most, now, seen = 0, 0, Counter[str]()

    async def ask(case: Case, repeat: int) -> Answer:
        nonlocal most, now
        now += 1
        most = max(most, now)
        seen[case.id] += 1
        try:
            await asyncio.sleep(0.001)
            if now > 4:
                raise Busy(Answer(target="new", case=case.id, repeat=repeat, state="error", error="429"), 0.01)
            return Answer(target="new", case=case.id, repeat=repeat, state="answered", output=case.input)
        finally:
            now -= 1

    told: list[Progress] = []
    run = await runner(store, suite, {"new": ask}, told)()
    assert (run.state, run.done, run.failed) == ("done", 60, 0)
    assert min(each.at_once for each in told) < 16
    assert len(seen) == 60


async def test_no_call_begins_that_could_pass_the_limit(store: Runs) -> None:
    suite = a_suite(50, run='spend = "0.0105"\nconcurrency = 8')
    run = await runner(store, suite)()
    assert run.state == "stopped"
    assert run.done == 10
    assert run.cost_nano == 10_000_000
    assert "At most 0.0105 may be spent" in run.error


async def test_a_limit_with_fewer_cases_than_calls_at_once(store: Runs) -> None:
    run = await runner(store, a_suite(3, run='spend = "1"\nconcurrency = 8'))()
    assert (run.state, run.done) == ("done", 3)


async def test_a_fault_of_ours_ends_the_run_as_failed(store: Runs) -> None:
    async def ask(case: Case, repeat: int) -> Answer:
        raise RuntimeError("a defect")

    with pytest.raises(RuntimeError, match="a defect"):
        await runner(store, a_suite(5), {"new": ask})()
    run = store.get("run_1")
    assert (run.state, run.error) == ("failed", "RuntimeError: a defect")


async def test_without_a_price_no_limit_can_be_kept(store: Runs) -> None:
    suite = a_suite(50, "upper", 'spend = "1"')
    run = await runner(store, suite)()
    assert (run.state, run.done) == ("stopped", 1)
    assert "no known price" in run.error


async def test_repeats_are_never_served_from_the_cache(store: Runs) -> None:
    asked = Counter[str]()

    async def ask(case: Case, repeat: int) -> Answer:
        asked[case.id] += 1
        return Answer(target="new", case=case.id, repeat=repeat, state="answered", output="x")

    text = (
        '[[case]]\nid = "a"\ninput = "q"\n[[target]]\nname = "new"\nurl = "http://x/"\n[[check]]\nmetric = "equals"\n'
    )
    once = suite_of(text)
    await runner(store, once, {"new": ask})()
    store.delete("run_1")
    await runner(store, once, {"new": ask})()
    assert asked["a"] == 1
    assert store.answered("run_1")[0].recalled
    store.delete("run_1")
    await runner(store, suite_of(text + "[run]\nrepeats = 3"), {"new": ask})()
    assert asked["a"] == 4


async def test_what_asks_the_same_is_asked_once_and_known_to_later_runs(store: Runs) -> None:
    suite = suite_of(
        """
        case = [{id = "a", input = "x"}, {id = "b", input = "x"}, {id = "c", input = "y"}]
        target = [{name = "new", url = "http://127.0.0.1:9/"}]
        check = [{metric = "equals", threshold = 0.0}]
        run.concurrency = 1
        """
    )
    asked: list[str] = []

    async def ask(case: Case, repeat: int) -> Answer:
        asked.append(case.input)
        return Answer(target="new", case=case.id, state="answered", output=case.input, cost_nano=5)

    await runner(store, suite, {"new": ask})()
    assert asked == ["x", "y"]
    assert {answer.case: answer.recalled for answer in store.answered("run_1")} == {"a": False, "b": True, "c": False}
    store.create(Run(id="run_2", kind="evaluation", subject="suite/x", created_us=2), cases_of(suite, folder=None))
    later = Runner(store, store.get("run_2"), suite, cases_of(suite, folder=None), {"new": ask})
    run = await later()
    assert asked == ["x", "y"]
    assert (run.done, run.cost_nano) == (3, 0)
    assert [answer.output for answer in store.answered("run_2")] == ["x", "x", "y"]


async def test_a_run_that_is_stopped_goes_on(store: Runs) -> None:
    suite = a_suite(40, run="concurrency = 2")
    first = runner(store, suite)
    asyncio.get_running_loop().call_later(0.01, first.stop)
    run = await first()
    assert run.state in ("stopped", "done")
    again = await runner(store, suite)()
    assert (again.state, again.done) == ("done", 40)
    assert len(store.judged("run_1")) == 40


KILLED = """
import asyncio, sys
from genaiops.engines.runs_sql import open_runs
from tests.arena.test_runner import a_suite, runner
store = open_runs(sys.argv[1])
asyncio.run(runner(store, a_suite(400, "noted", "concurrency = 4"))())
"""


def wait_for_answers(store: Runs, number: int) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        time.sleep(0.01)
        if store.list(RunFilter()).rows and len(store.answered("run_1")) >= number:
            return
    raise AssertionError("the run has not begun")


async def test_a_killed_run_loses_and_repeats_next_to_nothing(store: Runs, tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    notes.touch()
    environment = {**os.environ, "NOTED": str(notes)}
    url = f"sqlite:///{tmp_path / 'runs.db'}"
    process = subprocess.Popen([sys.executable, "-c", KILLED, url], env=environment)  # noqa: ASYNC220
    await asyncio.to_thread(wait_for_answers, store, 50)
    process.send_signal(signal.SIGKILL)
    process.wait()
    kept = {answer.case for answer in store.answered("run_1")}
    asked = set(notes.read_text().split())
    assert kept
    assert kept <= asked
    done = len(notes.read_text().split())
    suite = a_suite(400, "noted", "concurrency = 4")
    os.environ["NOTED"] = str(notes)
    try:
        run = await runner(store, suite)()
    finally:
        del os.environ["NOTED"]
    assert (run.state, run.done) == ("done", 400)
    times = Counter(notes.read_text().split())
    assert len(times) == 400
    assert sum(times.values()) - 400 == done - len(kept)
    assert not [case for case in kept if times[case] > 1]
    judged = store.judged("run_1")
    assert len({msgspec.json.encode(each) for each in judged}) == len(judged) == 400


async def test_what_an_answer_used_is_taken_from_its_head_and_summed(store: Runs) -> None:
    suite = a_suite(2)

    async def ask(case: Case, repeat: int) -> Answer:
        facts = energy_of("30;low=10;high=90" if case == suite.case[0] else "unknown")
        return Answer(target="new", case=case.id, repeat=repeat, state="answered", output=case.input, **facts)

    run = await runner(store, suite, {"new": ask})()
    assert run.energy_nwh == 30
    kept = {answer.case: answer for answer in store.answered("run_1")}
    first, second = (kept[case.id] for case in suite.case)
    assert (first.energy_low_nwh, first.energy_high_nwh) == (10, 90)
    assert second.energy_nwh is None
