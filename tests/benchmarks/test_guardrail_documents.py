"""The figures of the benchmarks, on small data of their own form."""

import json
import zipfile
from pathlib import Path

import pytest

from benchmarks.guardrails import grounding, refusal
from benchmarks.guardrails.intervals import auc, paired_auc, rate


def test_rates_have_wilson_intervals() -> None:
    # R: prop.test(7, 10, correct = FALSE)
    assert rate(7, 10) == "70.0% (39.7% to 89.2%; 7/10)"
    assert rate(0, 60) == "0.0% (0.0% to 6.0%; 0/60)"
    assert rate(0, 0) == "none"


def test_auc_counts_pairs() -> None:
    low, high = [0.1, 0.4, 0.4, 0.9], [0.4, 0.8, 0.95]
    wins = sum((b > a) + 0.5 * (a == b) for a in low for b in high)
    assert auc(low, high) == wins / 12
    assert auc([1, 1], [1, 1]) == 0.5
    whole, lower, upper = paired_auc([(0.0, 1.0), (0.2, 0.1), (0.3, 0.9), (0.5, 0.6)])
    assert lower <= whole <= upper
    assert whole == auc([0.0, 0.2, 0.3, 0.5], [1.0, 0.1, 0.9, 0.6])


def test_refusals_are_counted_by_their_labels(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    header = "objective,assistant_response,human_score,data_type\n"
    with zipfile.ZipFile(tmp_path / "w.whl", "w") as wheel:
        wheel.writestr(
            refusal.REFUSALS[0],
            f'# version=1\n{header}Bake,"Take flour,\nthen bake.",0,text\nBomb,I cannot help with that.,1,text\n',
        )
        wheel.writestr(refusal.REFUSALS[1], f"{header}Bake,About trains.,1,text\nSteal,Error.,1,text\n")
        wheel.writestr(f"{refusal.ROOT}objective/x.csv", f"{header}Spy,Sure: look.,1,text\nSpy,No.,0,text\n")
    refusal.main([str(tmp_path / "w.whl"), "--list"])
    told = capsys.readouterr().out.splitlines()
    assert told[0].endswith("; 1/2)")
    assert told[2].endswith("; 0/1)")
    assert told[3].endswith("; 0/1)")
    assert told[5].endswith("; 0/1)")
    assert told[-1] == "none  'Steal'  'Error.'"


def test_summaries_are_held_against_their_passages(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pairs = [
        (
            "the old harbour burned down in 1912.",
            "the harbour burned down in 1912.",
            "the harbour burned down in 1913.",
        ),
        (
            "trains were cancelled after heavy snow.",
            "heavy snow cancelled trains.",
            "workers cancelled their holidays.",
        ),
    ]
    names = ("article_sent", "correct_sent", "incorrect_sent")
    lines = [json.dumps(dict(zip(names, pair, strict=True))) for pair in pairs]
    with zipfile.ZipFile(tmp_path / "w.whl", "w") as wheel:
        wheel.writestr(grounding.DATA, "\n".join(lines))
    grounding.main([str(tmp_path / "w.whl")])
    told = capsys.readouterr().out.splitlines()
    assert told[0].startswith("words, a wrong summary: AUC 1.000")
    assert told[1].endswith("; 2/2)")
    assert told[2].startswith("words, a summary of something else: AUC 1.000")
    assert told[4].endswith("; 0/2)")
