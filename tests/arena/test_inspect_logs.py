"""Logs of Inspect, in the forms that it writes: deflated and zstandard zips, and JSON."""

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
import zstandard

from genaiops.app.importing_runs import import_run
from genaiops.arena.inspect_logs import open_log, taken_over
from genaiops.core.errors import GenaiopsError, UsageError

HEADER: dict[str, Any] = {
    "version": 2,
    "status": "success",
    "eval": {"task": "capitals", "task_version": 0, "model": "mockllm/model", "run_id": "r", "created": "2026-11-22",
             "packages": {"inspect_ai": "0.3.285"}},
    "plan": {},
    "stats": {"started_at": "2026-11-22T00:50:30+00:00", "completed_at": "2026-11-22T00:50:32+00:00"},
}  # fmt: skip


def sample(name: str, score: Any, *, epoch: int = 1, **fields: Any) -> dict[str, Any]:
    output = {"completion": "Paris", "choices": [{"message": {"role": "assistant", "tool_calls": [
        {"function": "search", "arguments": {"q": "x"}}]}, "stop_reason": "stop"}]}  # fmt: skip
    return {
        "id": name,
        "epoch": epoch,
        "input": "attachment://long",
        "attachments": {"long": f"Capital of {name}?"},
        "target": "Paris",
        "output": output,
        "scores": {"match": {"value": score, "explanation": "why"}},
        "model_usage": {"m": {"input_tokens": 7, "output_tokens": 2}},
        "working_time": 1.5,
        **fields,
    }


SAMPLES = [
    sample("fr", "C"),
    sample("de", "I", input=[{"role": "user", "content": [{"type": "text", "text": "Of Germany?"}]}]),
    sample("bad", "C", error={"message": "boom"}, scores={}, output={}),
]


def zipped(path: Path, samples: list[dict[str, Any]], *, zstd: bool = False) -> Path:
    """As Inspect writes it; Python's own zipfile cannot write zstandard, so the method is put in afterwards."""
    files = {"header.json": HEADER, **{f"samples/{each['id']}_epoch_{each['epoch']}.json": each for each in samples}}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED if zstd else zipfile.ZIP_DEFLATED) as archive:
        for name, document in files.items():
            data = json.dumps(document).encode()
            archive.writestr(name, zstandard.ZstdCompressor().compress(data) if zstd else data)
    if zstd:
        data = bytearray(path.read_bytes())
        for mark, offset in ((b"PK\x03\x04", 8), (b"PK\x01\x02", 10)):
            place = data.find(mark)
            while place >= 0:
                data[place + offset : place + offset + 2] = (93).to_bytes(2, "little")
                place = data.find(mark, place + 1)
        path.write_bytes(data)
    return path


@pytest.mark.parametrize("form", ["deflated", "zstandard", "json"])
def test_a_log_becomes_a_run_with_its_scores_and_errors(form: str, tmp_path: Path) -> None:
    path = tmp_path / "log.eval"
    if form == "json":
        path = tmp_path / "log.json"
        path.write_text(json.dumps({**HEADER, "samples": SAMPLES}))
    else:
        zipped(path, SAMPLES, zstd=form == "zstandard")
    taken = taken_over(open_log(path))
    answers = {answer.case: answer for answer in taken.answers}
    assert {name: answer.state for name, answer in answers.items()} == {
        "fr": "answered",
        "de": "answered",
        "bad": "error",
    }
    assert (answers["fr"].seconds, answers["fr"].input_tokens, answers["fr"].tool_calls[0].name) == (1.5, 7, "search")
    assert answers["bad"].error == "boom"
    assert taken.suite.case[0].input == "Capital of fr?"
    assert taken.suite.case[1].messages == ({"role": "user", "content": "Of Germany?"},)
    done = import_run(str(path), str(tmp_path / "home"))
    assert (done["run"]["done"], done["run"]["failed"], done["run"]["state"]) == (3, 1, "done")
    assert done["errors"][0]["error"] == "boom"
    assert done["lost"][0]["total"] == 1
    assert done["run"]["environment"]["harness"] == "inspect_ai 0.3.285"


def test_epochs_are_cases_of_one_cluster_and_figures_inform(tmp_path: Path) -> None:
    path = zipped(tmp_path / "log.eval", [sample("fr", 0.3), sample("fr", {"a": 2, "b": "no"}, epoch=2)])
    suite = taken_over(open_log(path)).suite
    assert [(case.id, case.cluster) for case in suite.case] == [("fr/1", "fr"), ("fr/2", "fr")]
    assert {check.name: check.threshold for check in suite.check} == {"match": None, "match/a": None, "match/b": 1.0}


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04broken", b"[]", b'{"eval": 1}', b"{"])
def test_what_is_no_log_is_refused_and_nothing_is_kept(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "log.eval"
    path.write_bytes(content)
    with pytest.raises(GenaiopsError):
        import_run(str(path), str(tmp_path / "home"))
    assert not (tmp_path / "home").exists()


def test_a_log_that_was_not_ended_says_so(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "log.eval", "w") as archive:
        archive.writestr("_journal/start.json", "{}")
    with pytest.raises(UsageError, match="not ended"):
        open_log(tmp_path / "log.eval")
