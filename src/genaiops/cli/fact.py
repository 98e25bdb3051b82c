"""`genaiops fact`: claims of answers, and what sources say of them."""

import sys
from pathlib import Path
from typing import Any

import click

from genaiops.cli._fact_text import show_claims, show_errors
from genaiops.cli._noun import noun
from genaiops.cli._session import Session, connected
from genaiops.core.counting import counted
from genaiops.core.errors import NotFound, UsageError
from genaiops.sdk import path_of

command = noun("fact", "Facts: claims of answers held against sources, by words and by people.")

_TEXT_FILES = {".txt", ".md", ".rst", ".html", ".csv", ".jsonl", ".json", ".toml", ".yaml", ".yml", ""}
_TRACES = click.option("--trace", "traces", multiple=True, help="The answer of this trace; repeatable.")
_RUN = click.option("--run", "run_id", help="The answers of this run, or of the latest.")
_TARGET = click.option("--target", help="With --run: of this target.")
_CASES = click.option("--case", "cases", multiple=True, help="With --run: only this case; repeatable.")
_CORPUS = click.option(
    "--corpus", multiple=True, help="A dataset, or text files; repeatable. [what the answer was given]"
)
_COLUMN = click.option("--column", help="Of a dataset: where its texts stand. [text, content, passage, ...]")


@command.verb("check", example='genaiops fact check --text "The bridge was opened in 1932." --corpus bridges.md')
@click.option("--text", help="This text; - reads standard input.")
@_TRACES
@_RUN
@_TARGET
@_CASES
@_CORPUS
@_COLUMN
@connected
def check(session: Session, text: str | None, **options: Any) -> None:
    """Say of each claim whether sources support it, which passage decides, and how likely it is right."""
    if text == "-":
        text = sys.stdin.read()
    show_claims(session.output, session.client.post("/api/facts/check", _body(session, text=text, **options)))


@command.verb("queue", example="genaiops fact queue facts --run latest --sample 0.2")
@click.argument("queue")
@_TRACES
@_RUN
@_TARGET
@_CASES
@_CORPUS
@_COLUMN
@click.option(
    "--sample",
    type=click.FloatRange(0, 1),
    default=0.2,
    show_default=True,
    help="Of the supported claims, too: what shows how many wrong ones are missed.",
)
@click.option(
    "--labels", type=click.IntRange(1, 2), default=2, show_default=True, help="So many people look at each claim."
)
@connected
def queue(session: Session, queue: str, sample: float, labels: int, **options: Any) -> None:
    """Put the claims that are not supported before people, each with the passage that was found. The queue is made
    when it is not there."""
    body = {**_body(session, text=None, **options), "queue": queue, "sample": sample, "labels": labels}
    made = session.write("POST", "/api/facts/queue", body)
    said = f"{counted(made['added'], 'claim')} of {made['claims']} are in the queue {queue} now"
    more = f", {made['there']} were there already" if made["there"] else ""
    session.output.result(made, f"{said}{more}. Label them: genaiops queue next {queue}")


@command.verb("errors", example="genaiops fact errors facts")
@click.argument("queue")
@connected
def errors(session: Session, queue: str) -> None:
    """How often the verdicts were wrong about the claims of a queue, against what people said."""
    show_errors(session.output, session.client.get(path_of("/api/facts/errors", queue)))


def _latest(session: Session) -> str:
    found = session.client.get("/api/runs", {"limit": 1})["data"]
    if not found:
        raise NotFound("There is no run.", remedy="Begin one: genaiops suite run FILE", param="run")
    return found[0]["id"]


def _body(
    session: Session,
    *,
    text: str | None,
    traces: tuple[str, ...],
    run_id: str | None,
    target: str | None,
    cases: tuple[str, ...],
    corpus: tuple[str, ...],
    column: str | None,
) -> dict[str, Any]:
    body: dict[str, Any] = {} if text is None else {"text": text}
    if traces:
        body["trace_ids"] = traces
    if run_id is not None:
        body["run"] = {"id": _latest(session) if run_id == "latest" else run_id, "target": target, "cases": cases}
    elif target is not None or cases:
        raise UsageError("--target and --case are of a run.", remedy="Give --run, too.", param="run")
    files = [Path(each) for each in corpus if Path(each).is_file()]
    if len(corpus) == 1 and not files and Path(corpus[0]).suffix.lower() not in _TEXT_FILES - {""}:
        return {**body, "corpus": corpus[0], "column": column}
    if len(files) < len(corpus):
        missing = next(each for each in corpus if not Path(each).is_file())
        raise NotFound(
            f"There is no file {missing}.", remedy="Give one dataset, or only files that are there.", param="corpus"
        )
    return {**body, "sources": [{"id": file.name, "text": _read(file)} for file in files]} if files else body


def _read(file: Path) -> str:
    if file.suffix.lower() not in _TEXT_FILES:
        raise UsageError(
            f"{file} is not known to be text.",
            remedy="Give .txt, .md or another text file, or register its passages as a dataset.",
            param="corpus",
        )
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{file} cannot be read: {error}.", remedy="Save it as UTF-8.", param="corpus") from None
