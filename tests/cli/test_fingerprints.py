"""Registered documents from the command line."""

import json
from pathlib import Path

from tests.checks.test_verbatim import CLAUSE, OPENING
from tests.cli.conftest import Shell


def test_documents_of_a_folder_are_registered_and_bad_ones_told(connected: Shell, tmp_path: Path) -> None:
    folder = tmp_path / "papers"
    (folder / "contracts").mkdir(parents=True)
    (folder / "contracts" / "acme.txt").write_text(CLAUSE, encoding="utf-8")
    (folder / "novel.html").write_text(f"<p>{OPENING}</p>", encoding="utf-8")
    (folder / "scan.pdf").write_bytes(b"%PDF")
    (folder / ".hidden").write_bytes(b"x")
    refused = connected.run("policy", "fingerprint", "papers", str(folder))
    assert refused.status == 2
    assert "scan.pdf is no PDF that can be read" in refused.err
    assert connected.run("policy", "fingerprints", "papers").status == 2
    made = connected.run("policy", "fingerprint", "papers", str(folder), "--skip")
    assert made.status == 0, made.err
    assert "2 documents" in made.out
    listed = json.loads(connected.run("policy", "fingerprints", "papers", "--json").out)
    assert [one["id"] for one in listed["listed"]] == ["contracts/acme.txt", "novel.html"]
    less = connected.run("policy", "fingerprint", "papers", "--remove", "novel.html")
    assert "1 document," in less.out
    assert connected.run("policy", "fingerprint", "papers", "--undo").status == 0
    shown = connected.run("policy", "fingerprints", "papers")
    assert "novel.html" in shown.out
    assert "every run of 8 words is found" in shown.err
    assert "papers" in connected.run("policy", "fingerprints").out


def test_rows_of_a_dataset_are_documents(connected: Shell, tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_text(
        json.dumps({"id": "a", "body": CLAUSE}) + "\n" + json.dumps({"body": OPENING}) + "\n", encoding="utf-8"
    )
    assert connected.run("dataset", "push", "papers/rows", str(file)).status == 0
    made = connected.run("policy", "fingerprint", "rows", "--from-dataset", "papers/rows", "--field", "body", "--json")
    assert [one["id"] for one in json.loads(made.out)["listed"]] == ["a", "row 1"]
    wrong = connected.run("policy", "fingerprint", "rows", "--from-dataset", "papers/rows", "--field", "text")
    assert (wrong.status, "Row 0 has no text 'text'" in wrong.err) == (2, True)


def test_nothing_to_do_is_told(connected: Shell, tmp_path: Path) -> None:
    assert "Which documents?" in connected.run("policy", "fingerprint", "none").err
    assert "There is no file" in connected.run("policy", "fingerprint", "none", str(tmp_path / "gone*")).err
    assert "goes with no documents" in connected.run("policy", "fingerprint", "none", "x", "--undo").err
