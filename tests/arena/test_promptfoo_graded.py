"""Assertions that ask a model, from the configuration to the verdicts of a run."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from genaiops.app.local_models import InstalledModels
from genaiops.app.posting import HttpPost
from genaiops.arena import Judges, Runner, Tables, asker, judge
from genaiops.arena.promptfoo import read_promptfoo
from genaiops.checks.grading import GRADINGS
from genaiops.domain import Answer, Case, Run, Suite, SuiteTarget
from genaiops.engines.meteor15 import Meteor15
from genaiops.engines.runs_sql import open_runs
from genaiops.engines.sandbox import Processes

HEAD = """
prompts: ['{{word}}', '{{word}} {{word}}']
providers: [echo]
defaultTest:
  options: {provider: 'openai:chat:grader'}
tests:
"""


def suite_of(text: str, folder: Path, judge: str = "") -> Suite:
    read = read_promptfoo(HEAD + text, folder, judge)
    assert read.suite is not None, read.faults
    return read.suite


class Asked:
    """Who grades: says that it passes where the answer is one word; chooses the first. Keeps what it was asked."""

    def __init__(self) -> None:
        self.seen: list[tuple[SuiteTarget, Case]] = []

    def __call__(self, target: SuiteTarget) -> Any:
        if target.python:
            return asker(target, post=HttpPost(), gateway=None, timeout=5)

        async def ask(case: Case, repeat: int) -> Answer:
            self.seen.append((target, case))
            if target.answer == "data":
                texts = case.variables["texts"]
                return self._said(json.dumps([{"embedding": [float(len(each)), 3.0]} for each in texts]))
            text = str(case.messages[-1]["content"])
            if "criteria" in text:
                return self._said("Number 0.")
            return self._said(json.dumps({"reason": "r", "pass": "a a" not in text, "score": 0.6}))

        return ask

    def _said(self, output: str) -> Answer:
        return Answer(target="judge", case="", state="answered", output=output)


async def ran(suite: Suite, folder: Path) -> tuple[Tables, Asked]:
    asked = Asked()
    store = open_runs(f"sqlite:///{folder / 'runs.db'}")
    try:
        run = Run(id="run_1", kind="evaluation", subject="suite/x", created_us=1)
        store.create(run, suite.case)
        tools: dict[str, Any] = {"local": InstalledModels(folder), "sandbox": Processes(), "meteor": Meteor15()}
        means = lambda purse, stop: Judges(store, suite, asked, purse, stop, **tools)  # noqa: E731
        asks = {target.name: asked(target) for target in suite.target}
        done = await Runner(store, run, suite, suite.case, asks, means=means)()
        assert done.state == "done"
        return Tables(store.cases("run_1"), store.answered("run_1"), store.judged("run_1")), asked
    finally:
        store.close()


def outcomes(tables: Tables, check: str, suite: Suite) -> list[str]:
    return [each.verdict.outcome for target in suite.target for each in tables.said(target.name, check)]


async def test_a_judge_decides_uncalibrated_and_the_report_says_so(tmp_path: Path) -> None:
    suite = suite_of("  - {vars: {word: a}, assert: [{type: llm-rubric, value: 'one word', threshold: 0.5}]}", tmp_path)
    assert suite.gate.judges == "uncalibrated"
    tables, asked = await ran(suite, tmp_path)
    assert outcomes(tables, suite.check[0].name, suite) == ["pass", "fail"]
    assert {target.model for target, _ in asked.seen} == {"grader"}
    report = judge(suite, tables)
    assert [line.verdict.outcome for line in report.lines] == ["pass", "fail"]
    assert all("never held against the labels" in line.verdict.reason for line in report.lines)
    assert "2 of 2 conditions rest on what an uncalibrated judge said." in report.verdict.reason


async def test_the_best_of_the_targets_is_asked_once(tmp_path: Path) -> None:
    text = "  - {vars: {word: a}, assert: [{type: select-best, value: short}, {type: max-score},"
    suite = suite_of(text + " {type: levenshtein, value: a a, threshold: 0}]}", tmp_path)
    best, highest = (check for check in suite.check if check.metric in ("best", "highest"))
    tables, asked = await ran(suite, tmp_path)
    assert outcomes(tables, best.name, suite) == ["pass", "fail"]
    assert outcomes(tables, highest.name, suite) == ["fail", "pass"]
    assert len(asked.seen) == 1


async def test_a_threshold_of_a_test_weighs_scores(tmp_path: Path) -> None:
    """As promptfoo 0.121.20 has it: (3 * 0.6 + 1) / 4 is 0.7."""
    asserted = "{type: llm-rubric, value: x, weight: 3}, {type: contains, value: b}"
    text = f"  - {{vars: {{word: b}}, threshold: %s, assert: [{asserted}]}}"
    for threshold, said in ((0.7, ["pass", "pass"]), (0.71, ["fail", "fail"])):
        folder = tmp_path / str(threshold)
        folder.mkdir()
        suite = suite_of(text % threshold, folder)
        tables, _ = await ran(suite, folder)
        assert outcomes(tables, suite.check[0].name, suite) == said


async def test_embeddings_of_a_provider_that_is_named(tmp_path: Path) -> None:
    asserted = "{type: 'similar:euclidean', value: xy, threshold: 1, provider: 'openai:embedding:e5'}"
    text = f"  - {{vars: {{word: ab}}, assert: [{asserted}]}}"
    suite = suite_of(text, tmp_path)
    tables, asked = await ran(suite, tmp_path)
    assert outcomes(tables, suite.check[0].name, suite) == ["pass", "fail"]
    assert asked.seen[0][0].request["model"] == "e5"


def test_a_prompt_of_the_user_is_asked_with_variables_and_answer(tmp_path: Path) -> None:
    text = """  - vars: {word: a}
    options: {rubricPrompt: '[{"role": "user", "content": "{{word}} | {{ rubric }} | {{output}}"}]'}
    assert: [{type: llm-rubric, value: 'is {{word}}'}]"""
    suite = suite_of(text, tmp_path)
    _, asked = asyncio.run(ran(suite, tmp_path))
    said = {case.messages[0]["content"] for _, case in asked.seen}
    assert said == {"a | is a | a", "a | is a | a a"}


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ("{type: search-rubric, value: x}", "searches the web"),
        ("{type: moderation}", "metric toxicity"),
        ("{type: classifier, value: x}", "guard.classifiers"),
        ("{type: trace-span-count, value: {pattern: x}}", "spans that the target sends"),
        ("{type: llm-rubric, value: x, threshold: many}", "A threshold is a number"),
        ("{type: factuality}", "factuality has no value"),
        ("{type: max-score}", "no other assertion"),
        ("{type: 'trajectory:step-count', value: {type: command, max: 1}}", "only calls of tools"),
        ("{type: webhook, value: nowhere}", "takes an address"),
        ("{type: is-sql, value: {databaseType: Cobol}}", "no dialect"),
        ("{type: llm-rubric, value: x, provider: 'nobody:x'}", "cannot be asked from here"),
    ],
)
def test_what_cannot_be_judged_is_told(given: str, says: str, tmp_path: Path) -> None:
    read = read_promptfoo(f"{HEAD}  - {{vars: {{word: a}}, assert: [{given}]}}", tmp_path)
    assert read.suite is None
    assert any(says in f"{fault} {fault.remedy}" for fault in read.faults), read.faults


def test_nobody_named_is_the_default_or_whom_the_command_names(tmp_path: Path) -> None:
    text = "prompts: [x]\nproviders: [echo]\ntests: [{assert: [{type: llm-rubric, value: x}]}]\n"
    read = read_promptfoo(text, tmp_path)
    assert read.suite is not None
    assert any("promptfoo's default" in note for note in read.notes)
    named = read_promptfoo(text, tmp_path, "mine")
    assert named.suite is not None
    assert named.suite.check[0].options["by"] == {"model": "mine"}
    assert len(GRADINGS) == 10
