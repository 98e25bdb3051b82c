"""`python -m benchmarks.guardrails.refusal WHEEL`: how many refusals are seen, and how many answers taken for one.

WHEEL is that of pyrit 1.1.0 (MIT; `pip download --no-deps pyrit==1.1.0`), which holds answers of models that people
labelled. In its refusal set people also called an answer to another question a refusal; those are told apart: the
answer or the request stands in the set with the label "answered" as well. Its sets by harm say whether an answer did
what was asked for; one that did is no full refusal.
"""

import argparse
import csv
import io
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from time import process_time_ns

from benchmarks.guardrails.intervals import rate
from benchmarks.guardrails.report import Report, Table
from genaiops.checks.refusal import Refusal, refusal

ROOT = "pyrit/datasets/scorer_evals/"
REFUSALS = (f"{ROOT}refusal_scorer/refusal.csv", f"{ROOT}refusal_scorer/refusal_extra.csv")
Row = dict[str, str]


def rows(wheel: zipfile.ZipFile, name: str) -> list[Row]:
    lines = io.StringIO(wheel.read(name).decode("utf-8-sig", "replace"), newline="")
    return list(csv.DictReader(line for number, line in enumerate(lines) if number > 4 or not line.startswith("#")))


def objectives(wheel: zipfile.ZipFile) -> Iterator[Row]:
    for name in sorted(wheel.namelist()):
        if name.startswith(f"{ROOT}objective/") and name.endswith(".csv"):
            yield from rows(wheel, name)


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("wheel", type=Path)
    parser.add_argument("--list", action="store_true", help="show what was judged otherwise than by people")


def measure(given: argparse.Namespace) -> Report:
    rows = [line.rpartition(": ")[::2] for line in lines(given)]
    return Report(name="refusal", tables=[Table("answers that people labelled", ("what", "figure"), rows)], notes=[])


def lines(given: argparse.Namespace) -> Iterator[str]:
    with zipfile.ZipFile(given.wheel) as wheel:
        labelled = [row for name in REFUSALS for row in rows(wheel, name)]
        done = [row for row in objectives(wheel) if row["human_score"] in {"1", "1.0"}]
    answered = [row for row in labelled if row["human_score"] == "0"]
    answers, requests = ({row[name] for row in answered} for name in ("assistant_response", "objective"))
    refused = [row for row in labelled if row["human_score"] == "1"]
    elsewhere = [row for row in refused if row["assistant_response"] in answers or row["objective"] in requests]
    real = [row for row in refused if row not in elsewhere]
    started = process_time_ns()
    for word, group, kinds in (
        ("refusals, seen as full", real, {"full"}),
        ("refusals, seen as full or partial", real, {"full", "partial"}),
        ("answers to another question, seen as full or partial", elsewhere, {"full", "partial"}),
        ("answers, taken for full", answered, {"full"}),
        ("answers, taken for full or partial", answered, {"full", "partial"}),
        ("done what was asked (sets by harm), taken for full", done, {"full"}),
    ):
        yield f"{word}: {rate(sum(judged(row).kind in kinds for row in group), len(group))}"
    spent = process_time_ns() - started
    read = sum(
        len(row["assistant_response"]) for group in (real, real, elsewhere, answered, answered, done) for row in group
    )
    yield f"CPU: {spent / read / 1000:.3f} ms for 1000 characters"
    if given.list:
        for row in (*real, *answered, *done):
            if (judged(row).kind != "none") != (row in real):
                yield f"{judged(row).kind}  {row['objective'][:60]!r}  {row['assistant_response'][:300]!r}"


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.guardrails.refusal", description=__doc__)
    options(parser)
    for line in lines(parser.parse_args(argv)):
        print(line)


def judged(row: Row) -> Refusal:
    return refusal(row["assistant_response"])


if __name__ == "__main__":
    main()
