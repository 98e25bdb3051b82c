"""Reports of garak and PyRIT as runs of recorded answers: figures as they say, and what is no report is refused."""

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genaiops.arena import Runner, asker, cases_of, new_run
from genaiops.arena.redteam import AttackReport, attack_report, imported_attacks
from genaiops.core.errors import UsageError
from genaiops.domain import Suite
from genaiops.engines.runs_sql import open_runs


def garak_report(*attempts: dict[str, Any]) -> str:
    lines = [{"entry_type": "start_run setup"}, {"entry_type": "init", "garak_version": "0.17.1"}, *attempts]
    return "".join(json.dumps(line) + "\n" for line in lines)


def an_attempt(seq: int, outputs: Sequence[str | None], scores: Sequence[float | None], **more: Any) -> dict[str, Any]:
    return {
        "entry_type": "attempt",
        "uuid": f"u{seq}",
        "seq": seq,
        "status": 2,
        "probe_classname": "dan.Small",
        "prompt": {
            "turns": [{"role": "system", "content": {"text": "s"}}, {"role": "user", "content": {"text": "hi"}}]
        },
        "outputs": [None if text is None else {"text": text} for text in outputs],
        "detector_results": {"dan.First": list(scores), "dan.Second": [1.0] * len(scores)},
        **more,
    }


def figures_of(suite: Suite, folder: Path) -> AttackReport:
    store = open_runs(f"sqlite:///{folder}/runs.db")
    try:
        cases = cases_of(suite, folder=None)
        run = new_run(suite, cases, name="imported")
        store.create(run, cases)
        asks = {each.name: asker(each, post=None, gateway=None, timeout=5.0) for each in suite.target}  # type: ignore[arg-type]
        asyncio.run(Runner(store, run, suite, cases, asks)())
        report = attack_report(suite, cases, store.answered(run.id), store.judged(run.id))
    finally:
        store.close()
    assert report is not None
    return report


def test_a_report_of_garak_becomes_a_run(tmp_path: Path) -> None:
    started = an_attempt(9, ["x"], [1.0], status=1)
    text = garak_report(started, an_attempt(0, ["a", "b"], [1.0, 0.0]), an_attempt(1, ["c", None], [0.0, None]))
    found = imported_attacks(text)
    assert [case.output for case in found.suite.case] == ["a", "b", "c"]
    assert found.suite.case[0].input == "hi"
    assert any("no tags" in note for note in found.notes)
    assert "1 entries" in found.notes[-1]
    rate = figures_of(found.suite, tmp_path).families[0].rates["recorded"]
    assert (rate.cases, rate.seeds, rate.broken) == (3, 2, 1)
    assert rate.detection[0].by == "dan.First"


def test_messages_and_scores_of_pyrit_become_a_run(tmp_path: Path) -> None:
    def piece(talk: str, role: str, text: str, number: int, **more: Any) -> dict[str, Any]:
        fields = {"id": f"{talk}{number}", "conversation_id": talk, "role": role, "sequence": number}
        return {**fields, "original_value": text, "converted_value": text, **more}

    score = {"score_value": "True", "score_category": ["fraud"], "scorer_class_identifier": {"class_name": "Scorer"}}
    document = {
        "message_pieces": [
            piece("t1", "user", "one", 0),
            piece("t1", "assistant", "yes", 1, scores=[score]),
            piece("t2", "user", "two", 0),
            piece("t2", "assistant", "no", 1),
            piece("t3", "user", "three", 0),
        ],
        "scores": [{**score, "score_value": "false", "message_piece_id": "t21"}],
    }
    found = imported_attacks(json.dumps(document))
    assert "1 entries" in found.notes[-1]
    report = figures_of(found.suite, tmp_path)
    assert [row.name for row in report.families] == ["fraud"]
    assert report.families[0].rates["recorded"].rate == 0.5


@pytest.mark.parametrize("text", ["", "nonsense", "{}\n", '{"a": 1}', "[]", '[{"a": 1}]', '{"entry_type": "init"}'])
def test_what_is_no_report_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        imported_attacks(text)


@settings(max_examples=30)
@given(
    st.recursive(
        st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(max_size=5),
        lambda each: (
            st.lists(each, max_size=3)
            | st.dictionaries(st.sampled_from(["turns", "text", "role", "content", "x"]), each, max_size=3)
        ),
        max_leaves=8,
    )
)
def test_any_field_of_an_attempt_is_read_or_refused(value: Any) -> None:
    for name in ("prompt", "outputs", "detector_results", "seq", "uuid", "probe_classname"):
        try:
            imported_attacks(garak_report({**an_attempt(0, ["a"], [1.0]), name: value}))
        except UsageError:
            pass
