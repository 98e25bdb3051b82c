"""What promptfoo itself says of answers, and what its assertions say here.

`promptfoo_verdicts.jsonl` was recorded once, on 22 November 2026, with promptfoo 0.121.20 on Node 24: each line is an
assertion with the answer, and whether `runAssertion` of its library let it pass. Of graded assertions the provider that
grades was a function that says `replies` in order, and `score` is promptfoo's; of trajectories the trace had one span
of a tool for each of the `steps`; tools, skills, probabilities and guardrails stood in the provider's response.
Configurations and answers are our own.
"""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from genaiops.app.local_models import InstalledModels
from genaiops.arena._scoring import verdict_of
from genaiops.arena.promptfoo._assertions import asserted
from genaiops.arena.promptfoo._files import Folder
from genaiops.checks.metrics import metric
from genaiops.checks.metrics.together import asks_somebody
from genaiops.domain import Answer, JudgeMember, Measure, Sample, SuiteCheck, ToolCall
from genaiops.engines.meteor15 import Meteor15
from genaiops.engines.sandbox import Processes

ROWS = [json.loads(line) for line in (Path(__file__).parent / "promptfoo_verdicts.jsonl").read_text().splitlines()]
KINDS = sorted({row["assert"]["type"] for row in ROWS})


class Script:
    """Means whose model says these, in order."""

    local = InstalledModels(Path("/no/weights"))
    sandbox = Processes()
    meteor = Meteor15()
    scripts = None

    def __init__(self, replies: list[str]) -> None:
        self.replies = list(replies)

    async def chat(self, member: JudgeMember, messages: Any, *, within: bool = False) -> Answer:
        return Answer(target="judge", case="", state="answered", output=self.replies.pop(0))

    async def post(self, member: JudgeMember, fields: Any) -> Answer:
        raise AssertionError("Nothing is posted.")

    async def embed(self, member: JudgeMember, texts: Any) -> Answer:
        raise AssertionError("Nothing is embedded.")


def said_of(row: dict[str, Any]) -> tuple[SuiteCheck, Measure]:
    made = asserted(row["assert"], "assert", Folder(Path()))
    assert made is not None
    check = made.check
    given = row.get("sample", {})
    sample = Sample(
        input="What?",
        prompt="What?",
        output=row["out"],
        expected=(check.expected,) if isinstance(check.expected, str) else check.expected or (),
        steps=tuple(ToolCall(**call) for call in given.get("steps", ())),
        tools=tuple(given.get("tools", ())),
        logprob=given.get("logprob"),
        guard=given.get("guard", ""),
        variables={"query": "What?", "context": row.get("context", "One fact. Two facts. Three facts.")},
    )
    found = metric(check.metric, check.options)
    if asks_somebody(found):
        return check, asyncio.run(found.consult(sample, Script(row["replies"])))
    return check, found.measure([sample])[0]


@pytest.mark.parametrize("kind", KINDS)
def test_an_assertion_says_what_promptfoo_says(kind: str) -> None:
    for row in (row for row in ROWS if row["assert"]["type"] == kind):
        check, measure = said_of(row)
        outcome = verdict_of(check, metric(check.metric, check.options).card, measure).outcome
        if outcome == "error":
            # there a judge without a verdict fails its case, or passes it
            assert row.get("replies"), (row, measure.error)
            assert measure.error.startswith("The judge") or "No line of the judge" in measure.error, (row, measure)
            continue
        assert (outcome == "pass") is row["pass"], (row, measure)
        if "score" in row and not check.negate:
            assert measure.value == pytest.approx(row["score"]), row


def test_judges_without_a_verdict_are_errors_and_few() -> None:
    unread = sum(said_of(row)[1].value is None for row in ROWS if "replies" in row)
    assert 0 < unread < sum("replies" in row for row in ROWS) / 3
