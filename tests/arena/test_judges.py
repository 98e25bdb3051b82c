"""Judges in runs: verdicts beside answers, money counted, one question paid once, what broke off asked again."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from genaiops.app.local_models import InstalledModels
from genaiops.app.posting import HttpPost
from genaiops.arena import Ask, Judges, Purse, Runner, asker, cases_of, read_suite
from genaiops.checks.metrics.judges import JudgeMetric
from genaiops.core.errors import LimitReached
from genaiops.domain import Answer, Case, Judge, Judged, JudgeMember, Measure, Run, Sample, Suite, SuiteTarget
from genaiops.engines.meteor15 import Meteor15
from genaiops.engines.runs_sql import open_runs
from genaiops.engines.sandbox import Processes
from genaiops.ports.runs import Runs

FUNCTIONS = "tests.arena.functions"
SANDBOX = Processes()
METEOR = Meteor15()
LOCAL = InstalledModels(Path("/no/weights"))
JUDGE = f'{{template = "closed_qa", rubric = "In capitals.", panel = [{{python = "{FUNCTIONS}:strict"}}]}}'


def a_suite(inputs: str = "abC", *, run: str = "", threshold: str = "") -> Suite:
    cases = "".join(f'[[case]]\nid = "{each}"\ninput = "{each}"\nexpected = "A"\n' for each in inputs)
    text = f"""
    {cases}
    [[target]]
    name = "new"
    python = "{FUNCTIONS}:same"
    [[check]]
    metric = "judge"
    options = {JUDGE}
    {threshold}
    [[check]]
    metric = "equals"
    [run]
    {run}
    """
    return read_suite(text, "toml").checked()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Runs]:
    opened = open_runs(f"sqlite:///{tmp_path / 'runs.db'}")
    yield opened
    opened.close()


def ask_of(target: SuiteTarget) -> Ask:
    return asker(target, post=HttpPost(), gateway=None, timeout=5)


async def ran(store: Runs, suite: Suite, cases: Any = None) -> Run:
    cases = cases or cases_of(suite, folder=None)
    run = Run(id="run_1", kind="evaluation", subject="suite/x", created_us=1)
    try:
        run = store.get(run.id)
    except Exception:  # noqa: BLE001
        store.create(run, cases)
    means = lambda purse, stop: Judges(store, suite, ask_of, purse, stop, local=LOCAL, sandbox=SANDBOX, meteor=METEOR)  # noqa: E731
    return await Runner(store, run, suite, cases, {"new": ask_of(suite.target[0])}, means=means)()


def by_case(judged: Any, check: str) -> dict[str, Judged]:
    return {each.case: each for each in judged if each.check == check}


async def test_a_judge_says_pass_fail_or_error_and_is_paid(store: Runs) -> None:
    run = await ran(store, a_suite("aB?"))
    assert (run.state, run.done) == ("done", 3)
    assert run.cost_nano == 3 * 1_000_000 + 3 * 2_000_000
    said = by_case(store.judged("run_1"), "judge")
    assert {case: each.verdict.outcome for case, each in said.items()} == {"a": "fail", "B": "pass", "?": "error"}
    assert said["?"].verdict.measure is None
    assert "does not end with a verdict" in said["?"].verdict.reason
    assert said["B"].verdict.reason == "Y: As it is."
    assert said["B"].metric.startswith("judge/")
    assert len(by_case(store.judged("run_1"), "equals")) == 3


async def test_money_that_is_out_stops_judges_and_a_run_goes_on_with_them(store: Runs) -> None:
    stopped = await ran(store, a_suite(run='spend = "0.0065"\nconcurrency = 1'))
    assert stopped.state == "stopped"
    assert stopped.cost_nano is not None
    assert stopped.cost_nano <= 6_500_000
    before = by_case(store.judged("run_1"), "judge")
    assert len(before) < 3
    done = await ran(store, a_suite())
    assert done.state == "done"
    assert done.cost_nano == 9_000_000
    assert {case: each.verdict.outcome for case, each in by_case(store.judged("run_1"), "judge").items()} == {
        "a": "fail",
        "b": "fail",
        "C": "pass",
    }


async def test_errors_of_a_judge_are_asked_again_and_nothing_else_is(store: Runs) -> None:
    first = await ran(store, a_suite("B?"))
    again = await ran(store, a_suite("B?"))
    assert (first.cost_nano, again.cost_nano) == (6_000_000, 8_000_000)


async def test_the_same_question_is_paid_once(store: Runs) -> None:
    asked: list[Case] = []

    async def ask(case: Case, repeat: int) -> Answer:
        asked.append(case)
        await asyncio.sleep(0)
        return Answer(target="judge", case="", state="answered", output="Verdict: Y", cost_nano=5)

    purse = Purse(None)
    judges = Judges(
        store, a_suite(), lambda _: ask, purse, asyncio.Event(), local=LOCAL, sandbox=SANDBOX, meteor=METEOR
    )
    member = JudgeMember(model="m")
    said = await asyncio.gather(*(judges.chat(member, [{"role": "user", "content": "x"}]) for _ in range(5)))
    other = await judges.chat(member, [{"role": "user", "content": "y"}])
    assert len(asked) == 2
    assert {each.output for each in said} == {"Verdict: Y"}
    assert (purse.known, other.cost_nano) == (10, 5)


async def test_a_judge_that_may_not_be_paid(store: Runs) -> None:
    purse = Purse(1)
    purse.paid(Answer(target="a", case="a", state="answered", cost_nano=1))
    judges = Judges(store, a_suite(), ask_of, purse, asyncio.Event(), local=LOCAL, sandbox=SANDBOX, meteor=METEOR)
    with pytest.raises(LimitReached, match="may be spent"):
        await judges.chat(JudgeMember(python=f"{FUNCTIONS}:strict"), [])


class Said:
    """Means that answer from a list."""

    local = LOCAL
    sandbox = SANDBOX
    meteor = METEOR
    scripts = None

    def __init__(self, *answers: str) -> None:
        self.answers = list(answers)
        self.seen: list[Any] = []

    async def chat(self, member: JudgeMember, messages: Any, *, within: bool = False) -> Answer:
        self.seen.append((member, messages))
        return Answer(target="judge", case="", state="answered", output=self.answers.pop(0))

    async def post(self, member: JudgeMember, fields: object) -> Answer:
        raise AssertionError("No endpoint is asked here.")

    async def embed(self, member: JudgeMember, texts: object) -> Answer:
        raise AssertionError("Nothing is embedded here.")


async def judged(judge: Judge, sample: Sample, *answers: str) -> Measure:
    said = Said(*answers)
    measure = await JudgeMetric(judge).consult(sample, said)
    assert not said.answers or measure.value is None
    return measure


@pytest.mark.parametrize(
    ("first", "second", "value"), [("1", "2", 1.0), ("2", "1", 0.0), ("1", "1", 0.5), ("T", "T", 0.5), ("1", "T", 0.5)]
)
async def test_pairs_are_asked_in_both_orders(first: str, second: str, value: float) -> None:
    judge = Judge(template="pairwise", model="m", rubric="Shorter.")
    sample = Sample(output="ours", expected=("theirs",))
    measure = await judged(judge, sample, f"Verdict: {first}", f"Verdict: {second}")
    assert measure.value == value
    assert measure.parts["consistent"] == float((first, second) in {("1", "2"), ("2", "1"), ("T", "T")})


async def test_groundedness_lists_claims_with_their_source() -> None:
    judge = Judge(template="groundedness", model="m")
    sample = Sample(output="Bern is a city. It lies by the sea.", context=("Paris.", "Bern is a city."))
    measure = await judged(judge, sample, "- Bern is a city.\n- Bern lies by the sea.", "Verdict: P2", "Verdict: none")
    assert measure.value == 0.5
    assert measure.evidence == ("P2: Bern is a city.", "unsupported: Bern lies by the sea.")
    unread = await judged(judge, sample, "Bern is a city.")
    assert unread.value is None
    assert "list of claims cannot be read" in unread.error


async def test_a_panel_without_one_of_its_verdicts_has_none() -> None:
    panel = (JudgeMember(model="a"), JudgeMember(model="b"))
    judge = Judge(template="closed_qa", panel=panel, rubric="Short.")
    assert (await judged(judge, Sample(output="o"), "Verdict: Y", "Verdict: N")).value == 0.5
    broken = await judged(judge, Sample(output="o"), "Verdict: Y", "Perhaps.")
    assert broken.value is None
    assert broken.error.startswith("panel[1]: ")


async def test_a_constrained_judge_asks_for_its_form() -> None:
    judge = Judge(template="closed_qa", model="m", rubric="Short.", constrained=True)
    said = Said('{"reason": "r", "verdict": "Y"}')
    assert (await JudgeMetric(judge).consult(Sample(output="o"), said)).value == 1.0
    form = said.seen[0][0].parameters["response_format"]["json_schema"]["schema"]
    assert form["properties"]["verdict"]["enum"] == ["Y", "N"]


async def test_a_sample_that_lacks_something_is_not_asked_about() -> None:
    measure = await judged(Judge(template="factuality", model="m"), Sample(output="o"))
    assert measure.error == "The sample has no expected."


async def test_an_image_is_not_judged_as_an_empty_text() -> None:
    said = Said("Verdict: Y")
    picture = Sample(output=" ", media=("data:image/png;base64,AAAA",))
    measure = await JudgeMetric(Judge(template="bias", model="m")).consult(picture, said)
    assert measure.value == 1.0
    [(_, messages)] = said.seen
    assert {"type": "image_url", "image_url": {"url": picture.media[0]}} in messages[-1]["content"]
