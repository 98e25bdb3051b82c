"""Importing what Langfuse and MLflow exported, into an installation that runs: what arrives, and nothing twice."""

from pathlib import Path
from typing import Any

from tests.cli.conftest import Shell
from tests.house.tree import ROOT

FILES = ROOT / "tests" / "watch" / "exports" / "files"
TRACE = "0f1e2d3c4b5a69788796a5b4c3d2e1f0"
AGENT = "02e4a7f95e3b80492fb0f785fef49d2d"


def figures(shell: Shell) -> list[Any]:
    return [
        (row["trace_id"], row["usage"]["total_tokens"], row["cost"])
        for row in shell.ok("trace", "list", "--limit", "500", "--json").json()["data"]
    ]


def test_langfuse_arrives_once_with_users_tokens_costs_scores_and_prompts(connected: Shell) -> None:
    foreseen = connected.ok("import", "langfuse", str(FILES / "langfuse"), "--dry-run", "--json").json()
    assert (foreseen["spans"], foreseen["scores"], foreseen["prompts"]) == (6, 3, 2)
    assert TRACE not in [trace_id for trace_id, *_ in figures(connected)]
    done = connected.ok("import", "langfuse", str(FILES / "langfuse"), "--json").json()
    assert (done["spans"], done["scores"], done["prompts"], done["errors"]) == (6, 3, 2, [])
    trace = connected.ok("trace", "show", TRACE, "--json").json()
    assert trace["usage"] == {"input_tokens": 107, "output_tokens": 22, "total_tokens": 129, "estimated": False}
    assert (trace["user"]["id"], trace["session_id"]) == ("ann", "ticket-7")
    assert sorted(score["name"] for score in trace["scores"]) == ["thumb", "tone"]
    answer = next(span for span in trace["spans"] if span["name"] == "answer")
    assert answer["cost"]["amount"] == "0.000024", "by our prices; what was reported stands beside"
    nightly = connected.ok("trace", "show", "5d2f7a101b2c4d3e9f80a1b2c3d4e5f6", "--json").json()
    assert nightly["cost"]["amount"] == "0.0004", "as reported: nobody said whose model it is"
    assert connected.ok("prompt", "show", "support/answer@production", "--json").json()["manifest"]["messages"]
    before = figures(connected)
    assert connected.ok("import", "langfuse", str(FILES / "langfuse"), "--json").json()["errors"] == []
    assert figures(connected) == before
    assert len(connected.ok("trace", "show", TRACE, "--json").json()["scores"]) == 2


def test_mlflow_arrives_once(connected: Shell) -> None:
    said = connected.ok("import", "mlflow", str(FILES / "mlflow-traces.jsonl"))
    assert "4 spans, 2 scores and 0 versions of prompts are taken over" in said.out
    assert "1 x an expectation" in said.out
    trace = connected.ok("trace", "show", AGENT, "--json").json()
    assert trace["usage"]["total_tokens"] == 17
    assert (trace["user"]["id"], trace["session_id"]) == ("ann", "s-1")
    before = figures(connected)
    connected.ok("import", "mlflow", str(FILES / "mlflow-traces.jsonl"))
    assert figures(connected) == before
    assert connected.ok("import", "mlflow", str(FILES / "mlflow-prompts.json"), "--json").json()["prompts"] == 2


def test_what_cannot_be_read_is_wrong_usage(connected: Shell, tmp_path: Path) -> None:
    assert connected.run("import", "langfuse", str(tmp_path / "nothing")).status == 2
    (tmp_path / "x.json").write_text("{")
    ran = connected.run("import", "mlflow", str(tmp_path))
    assert ran.status == 2
    assert "x.json:1" in ran.err
