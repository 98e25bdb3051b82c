"""`genaiops dataset` and `genaiops lineage` against an installation that runs."""

import json
from pathlib import Path
from typing import Any

import pytest

from genaiops.core.ids import new_trace_id
from genaiops.sdk import Client, dataset_rows, frame_rows, push_dataset
from tests.app.running import Installation, request, until
from tests.cli.conftest import Shell

ROWS: list[dict[str, Any]] = [{"id": 1, "question": "Why?", "score": 0.5}, {"id": 2, "question": "Who?", "score": None}]


def write(path: Path, rows: list[dict[str, Any]]) -> str:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


def test_the_life_of_a_dataset(connected: Shell, tmp_path: Path) -> None:
    first = write(tmp_path / "first.jsonl", ROWS)
    made = connected.ok("dataset", "push", "life", first, "--licence", "CC0-1.0", "--alias", "gold", "--json").json()
    assert (made["rows"], made["licence"], made["created"]) == (2, "CC0-1.0", True)
    assert [column["name"] for column in made["columns"]] == ["id", "question", "score"]
    again = connected.ok("dataset", "push", "life", first)
    assert "was there already" in again.out

    second = write(tmp_path / "second.jsonl", [ROWS[0], {**ROWS[1], "score": 1}, {"id": 3, "question": "How?"}])
    connected.ok("dataset", "push", "life", second)
    ran = connected.run("dataset", "diff", "life@gold", "life", "--by", "id")
    assert ran.status == 1
    assert '+ {"id":3,"question":"How?"}' in ran.out
    assert "~ id=2\n    score: null -> 1\n" in ran.out
    assert "0 removed, 1 added, 1 changed. 2 rows before, 3 after." in ran.out
    assert connected.run("dataset", "diff", "life@gold", "life@gold").status == 0

    shown = connected.ok("dataset", "show", "life@gold").out
    assert all(word in shown for word in ("integer", "gold", "CC0-1.0"))
    assert connected.ok("dataset", "head", "life@gold", "-n", "1").out == '{"id":1,"question":"Why?","score":0.5}\n'
    assert "life" in connected.ok("dataset", "list").column("DATASET")
    moved = connected.ok("dataset", "alias", "life", "gold", "life", "--json").json()
    assert moved["version_id"] != made["id"]

    for suffix in ("jsonl", "csv", "parquet"):
        file = tmp_path / f"pulled.{suffix}"
        connected.ok("dataset", "pull", made["id"], "-o", str(file))
        pushed = connected.ok("dataset", "push", "life", str(file), "--json").json()
        assert (pushed["id"], pushed["created"]) == (made["id"], False), suffix

    tree = connected.ok("lineage", "show", made["id"]).out
    assert "made from file/first.jsonl  [created]" in tree
    assert made["id"] in connected.ok("lineage", "show", "file/first.jsonl", "--down", "--json").out


def test_of_frames(installation: Installation) -> None:
    import pandas as pd
    import polars as pl

    columns = {"id": [1, 2], "question": ["Why?", "Who?"], "score": [0.5, None]}
    with Client(home=installation.home.path) as client:
        one = push_dataset(client, "frames", pd.DataFrame(columns))
        two = push_dataset(client, "frames", pl.DataFrame(columns))
        three = push_dataset(client, "frames", ROWS)
        assert one["id"] == two["id"] == three["id"]
        assert list(dataset_rows(client, "frames")) == ROWS
    when = pd.DataFrame({"at": pd.to_datetime(["2026-01-02", None]), "n": pd.array([1, None], dtype="Int64")})
    assert [row["n"] for row in frame_rows(when)] == [1, None]
    assert [row["at"] is None for row in frame_rows(when)] == [False, True]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("bad.jsonl", '{"a": 1}\n{"a": }\n', "bad.jsonl:2, column 7: it is not JSON"),
        ("list.jsonl", "[1]\n", "list.jsonl:1: Expected `object`, got `array`"),
        ("wide.csv", "a,b\n1,2,3\n", "wide.csv:2: 3 cells, and the first line names 2"),
        ("twice.csv", "a,a\n1,2\n", "twice.csv:1, column 2: it has the name 'a' of another"),
        ("quote.csv", 'a\n"x\n', "quote.csv:2: unexpected end of data"),
        ("bytes.jsonl", "\udcff\n", "it is not JSON"),
        ("none.jsonl", "", "There are no rows"),
        ("what.xlsx", "", "of no known format"),
        ("no.parquet", "nothing", "no.parquet is no Parquet file"),
    ],
)
def test_what_is_no_dataset(connected: Shell, tmp_path: Path, name: str, content: str, said: str) -> None:
    file = tmp_path / name
    file.write_bytes(content.encode("utf-8", "surrogateescape"))
    ran = connected.run("dataset", "push", "refused", str(file))
    assert (ran.status, "remedy: " in ran.err) == (2, True), ran.err
    assert said in ran.err
    assert connected.run("dataset", "show", "refused").status == 2


def test_of_traces_and_scores(connected: Shell, installation: Installation) -> None:
    ids = [new_trace_id().hex() for _ in range(3)]
    for number, trace_id in enumerate(ids):
        body = {"model": "talker", "messages": [{"role": "user", "content": f"dataset question {number}"}]}
        headers = {"traceparent": f"00-{trace_id}-00000000000000ff-01"}
        url = f"{installation.url}/v1/chat/completions"
        assert request(url, key=installation.key, body=body, headers=headers).status == 200
    connected.ok("trace", "score", ids[0], "helpful", "0.9", "--comment", "good")  # waits until it is there
    connected.ok("trace", "score", ids[1], "helpful", "0.1", "--identifier", "one")
    connected.ok("trace", "score", ids[1], "helpful", "0.7", "--identifier", "one")
    connected.ok("trace", "score", ids[2], "tone", "friendly", "--source", "model")
    connected.ok("trace", "score", ids[2], "right", "true", "--source", "code")
    until(lambda: len(connected.ok("trace", "list", "--text", "dataset question", "--json").json()["data"]) == 3, "3")

    def listed(*conditions: str) -> set[str]:
        words = [word for condition in conditions for word in ("--score", condition)]
        return {row["trace_id"] for row in connected.ok("trace", "list", *words, "--json").json()["data"]}

    assert listed("helpful") == {ids[0], ids[1]}
    assert listed("helpful>=0.5") == {ids[0]}
    assert listed("tone=friendly", "right=true") == {ids[2]}
    assert connected.run("trace", "list", "--score", "tone<x").status == 2
    told = connected.ok("trace", "scores", "--since", "1h", "--name", "helpful", "--json").json()["data"]
    assert [(score["trace_id"], score["value"]) for score in told] == [(ids[0], 0.9), (ids[1], 0.1)]

    made = connected.ok(
        *("dataset", "from-traces", "seen", "--since", "1h", "--text", "dataset question"),
        *("--filter", "status=ok", "--score", "helpful", "--json"),
    ).json()
    assert (made["traces"], made["skipped"]) == (2, 0)
    rows = [json.loads(line) for line in connected.ok("dataset", "head", "seen").out.splitlines()]
    assert [row["trace_id"] for row in rows] == ids[:2]
    assert rows[0]["input"] == [{"role": "user", "content": "dataset question 0"}]
    assert rows[0]["output"] == "It rains in Berlin today."
    assert rows[0]["metadata"]["scores"] == {"helpful": 0.9}
    walked = connected.ok("lineage", "show", made["version"]["id"], "--json").json()
    assert {f"trace/{ids[0]}", f"trace/{ids[1]}", "model/talker"} <= {node["ref"] for node in walked["nodes"]}
    assert {"collected", "curated", "trained"} <= {node["stage"] for node in walked["nodes"]}
    tree = connected.ok("lineage", "show", made["version"]["id"]).out
    assert "answered with model/talker  [trained]" in tree
    assert connected.run("dataset", "from-traces", "none", "--text", "nobody-said-this").status == 2
