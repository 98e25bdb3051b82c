"""Exports of Langfuse (by its documented formats) and MLflow (made with MLflow 3.17) as spans, scores and prompts."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from genaiops.app.exported import read_langfuse, read_mlflow
from genaiops.core.errors import NotFound, UsageError
from genaiops.watch.exports import Found, langfuse

FILES = Path(__file__).parent / "files"


def facts(span: dict[str, Any]) -> dict[str, Any]:
    """The attributes of a span, as plain values."""
    return {each["key"]: next(iter(each["value"].values())) for each in span["attributes"]}


def named(found: Found, name: str) -> dict[str, Any]:
    (span,) = [each for each in found.spans if each["name"] == name]
    return span


def test_a_trace_of_langfuses_api_keeps_its_ids_times_and_what_it_knows() -> None:
    found = read_langfuse(FILES / "langfuse" / "trace.json")
    assert found.counts == {"traces": 1, "observations": 3}
    root, lookup, answer, send = (named(found, name) for name in ("support", "look up", "answer", "send"))
    assert {each["traceId"] for each in found.spans} == {"0f1e2d3c4b5a69788796a5b4c3d2e1f0"}
    assert (answer["spanId"], answer["parentSpanId"]) == ("2" * 16, root["spanId"])
    assert (lookup["parentSpanId"], send["parentSpanId"]) == (root["spanId"], "1" * 16)
    assert (root["startTimeUnixNano"], root["endTimeUnixNano"]) == ("1795168800000000000", "1795168802500000000")
    assert (send["status"]["code"], send["status"]["message"]) == (2, "no such address")
    known = facts(answer)
    assert known["user.id"], known["session.id"] == ("ann", "ticket-7")
    assert (known["gen_ai.usage.input_tokens"], known["gen_ai.usage.output_tokens"]) == ("100", "20")
    assert known["gen_ai.usage.cache_read.input_tokens"] == "40"
    assert known["gen_ai.usage.reasoning.output_tokens"] == "5"
    assert known["gen_ai.usage.cost"] == known["langfuse.cost.total"] == 0.00021
    assert known["gen_ai.response.time_to_first_chunk"] == 0.5
    assert known["gen_ai.provider.name"] == "openai"
    assert json.loads(known["gen_ai.input.messages"])[1] == {"role": "user", "content": "Where is my parcel?"}
    assert "gen_ai.usage.input_tokens" not in facts(root)
    thumb, tone = found.scores
    assert (thumb["value"], thumb["source"], thumb["identifier"]) == (True, "person", "langfuse:s-1")
    assert (tone["value"], tone["source"], tone["span_id"]) == ("kind", "model", "2" * 16)
    assert list(found.lost) == ["a score of a session or of a run: scores are of traces here"]


def test_a_folder_of_all_that_langfuse_exports() -> None:
    found = read_langfuse(FILES / "langfuse")
    assert found.counts == {"traces": 1, "observations": 5}
    again, nightly = named(found, "again"), named(found, "summarise")
    assert again["parentSpanId"] == named(found, "support")["spanId"], "its trace came in another file"
    assert facts(again)["user.id"] == "ann"
    assert nightly["traceId"] == "5d2f7a101b2c4d3e9f80a1b2c3d4e5f6", "a UUID has as many digits as a trace id"
    assert len(nightly["spanId"]) == 16
    assert nightly["startTimeUnixNano"] == "1795075200250000000"
    assert facts(nightly)["gen_ai.usage.input_tokens"] == "15"
    assert {each["identifier"] for each in found.scores} == {"langfuse:s-1", "langfuse:s-2", "langfuse:s-9"}
    first, second = found.prompts
    assert (first.name, first.number, second.number, second.aliases) == ("support/answer", 1, 2, ("production",))
    assert first.manifest["messages"] == [{"role": "system", "content": "Answer for {{company}}."}]
    assert first.manifest["model"] == "gpt-4o-mini"
    assert first.manifest["parameters"] == {"temperature": 0.2}
    assert sorted(second.manifest["variables"]) == ["company", "question"]
    assert "the setting 'flavour' of a prompt" in found.lost
    assert "a placeholder for messages: send these messages with the call" in found.lost


def test_traces_and_prompts_of_mlflow() -> None:
    found = read_mlflow(FILES)
    assert found.counts == {"traces": 2, "spans": 4}
    agent, chat, failed = (named(found, name) for name in ("agent", "chat", "fails"))
    assert agent["traceId"] == "02e4a7f95e3b80492fb0f785fef49d2d"
    assert chat["parentSpanId"] == agent["spanId"] == "b2830e91e673f68b"
    known = facts(chat)
    assert (known["gen_ai.usage.input_tokens"], known["gen_ai.usage.cache_read.input_tokens"]) == ("12", "4")
    assert (known["gen_ai.request.model"], known["gen_ai.provider.name"]) == ("gpt-4o-mini", "openai")
    assert (known["user.id"], known["session.id"]) == ("ann", "s-1")
    assert facts(agent)["mlflow.tag.team"] == "search"
    assert failed["status"] == {"code": 2, "message": "ValueError: boom"}
    assert facts(failed["events"][0])["exception.message"] == "boom"
    assert [(each["name"], each["value"], each["source"]) for each in found.scores] == [
        ("helpful", True, "person"),
        ("score", 0.8, "code"),
    ]
    assert any(why.startswith("an expectation") for why in found.lost)
    assert [(each.name, each.aliases) for each in found.prompts] == [("answer", ("production",)), ("talk-to", ())]
    assert "a record that is no trace and no version of a prompt" in found.lost


def test_mlflows_database(tmp_path: Path) -> None:
    path = tmp_path / "mlflow.db"
    traces = [json.loads(line) for line in (FILES / "mlflow-traces.jsonl").read_text().splitlines()]
    with closing(sqlite3.connect(path)) as made:
        made.executescript(
            "CREATE TABLE model_versions (name, version, description);"
            "CREATE TABLE model_version_tags (key, value, name, version);"
            "CREATE TABLE registered_model_aliases (alias, version, name);"
            "CREATE TABLE trace_info (request_id, timestamp_ms);"
            "CREATE TABLE trace_request_metadata (key, value, request_id);"
            "CREATE TABLE trace_tags (key, value, request_id);"
            "CREATE TABLE spans (trace_id, start_time_unix_nano, content);"
            "CREATE TABLE assessments (assessment_id, trace_id, name, assessment_type, value, source_type, rationale,"
            " span_id, valid);"
        )
        made.execute("INSERT INTO model_versions VALUES ('answer', 1, 'first')")
        made.execute("INSERT INTO model_version_tags VALUES ('mlflow.prompt.text', 'Hi {{who}}', 'answer', 1)")
        made.execute("INSERT INTO registered_model_aliases VALUES ('production', 1, 'answer')")
        for each in traces:
            info = each["info"]
            made.execute("INSERT INTO trace_info VALUES (?, 1)", (info["trace_id"],))
            for key, value in info["trace_metadata"].items():
                made.execute("INSERT INTO trace_request_metadata VALUES (?, ?, ?)", (key, value, info["trace_id"]))
            for span in each["data"]["spans"]:
                row = (info["trace_id"], span["start_time_unix_nano"], json.dumps(span))
                made.execute("INSERT INTO spans VALUES (?, ?, ?)", row)
        made.execute(
            "INSERT INTO assessments VALUES ('a-1', ?, 'helpful', 'feedback', 'true', 'HUMAN', 'why', NULL, 1)",
            (traces[1]["info"]["trace_id"],),
        )
        made.commit()
    found = read_mlflow(path)
    whole = read_mlflow(FILES / "mlflow-traces.jsonl")
    assert sorted(each["spanId"] for each in found.spans) == sorted(each["spanId"] for each in whole.spans)
    assert [(each.name, each.aliases) for each in found.prompts] == [("answer", ("production",))]
    assert [each["comment"] for each in found.scores] == ["why"]


@pytest.mark.parametrize(
    "record",
    [
        None,
        7,
        "text",
        {},
        {"id": "x", "timestamp": "never"},
        {"id": "x", "type": "GENERATION", "startTime": None},
        {"id": "x", "type": "GENERATION", "startTime": "2026-01-01T00:00:00Z", "usageDetails": {"input": "many"}},
        {"id": 1, "name": "s", "source": "API", "value": None, "traceId": "t"},
        {"name": "p", "version": None, "prompt": []},
    ],
)
def test_what_makes_no_sense_is_told_and_ends_nothing(record: Any) -> None:
    found = langfuse([record])
    assert found.spans or found.lost


def test_files_that_cannot_be_read_say_where(tmp_path: Path) -> None:
    broken = tmp_path / "broken.jsonl"
    broken.write_text('{"id": "x"}\n{"id": \n')
    with pytest.raises(UsageError, match=r"broken.jsonl:2"):
        read_langfuse(broken)
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(NotFound, match="no file that can be read"):
        read_langfuse(empty)
    with pytest.raises(NotFound, match="no file or folder"):
        read_mlflow(tmp_path / "nothing")
    (tmp_path / "mlflow.db").write_text("no database")
    with pytest.raises(UsageError, match="no database of MLflow"):
        read_mlflow(tmp_path / "mlflow.db")
