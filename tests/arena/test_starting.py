"""Suites to begin with: each is read without a fault, and those that bring their outputs pass as they stand."""

from typing import get_args

import pytest

from genaiops.arena import Scorer, cases_of, read_suite, starting_suite
from genaiops.checks.metrics import metric
from genaiops.domain import Answer, SuiteTask

TASKS: tuple[SuiteTask, ...] = get_args(SuiteTask)


@pytest.mark.parametrize("task", TASKS)
def test_it_is_read_without_a_fault(task: SuiteTask) -> None:
    suite = read_suite(starting_suite(task), "toml").checked()
    assert suite.task == task
    assert suite.check
    cases = cases_of(suite, folder=None)
    if task in ("agent", "code", "sql"):  # these are asked, and run
        return
    answers = [Answer(target="recorded", case=case.id, state="answered", output=case.output or "") for case in cases]
    scorer = Scorer(suite, cases)
    judged = [*scorer.each(answers, at_us=1), *scorer.together(answers, at_us=1)]
    assert judged
    assert {each.verdict.outcome for each in judged} <= {"pass", "inconclusive"}, [each.verdict for each in judged]


@pytest.mark.parametrize("task", TASKS)
def test_a_model_is_asked_in_place_of_what_the_cases_bring(task: SuiteTask) -> None:
    suite = read_suite(starting_suite(task, "small"), "toml").checked()
    [target] = suite.target
    assert target.model == "small"
    assert not any(case.output for case in suite.case)
    assert (suite.check[0].pass_at, suite.run.repeats) == ((3, 3) if task in ("code", "sql") else (None, 1))


@pytest.mark.parametrize("task", TASKS)
def test_others_that_it_names_are_there(task: SuiteTask) -> None:
    text = starting_suite(task)
    named = [line.partition(": ")[2].split(", ") for line in text.splitlines() if line.startswith("# Others")]
    for name in named[0] if named else ():
        assert task in metric(name).card.tasks
