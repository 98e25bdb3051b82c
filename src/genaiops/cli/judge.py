"""`genaiops judge`: models that say how good an answer is."""

import tempfile
from pathlib import Path
from typing import Any

import click

from genaiops.cli._name_and_file import name_and_file
from genaiops.cli._noun import noun
from genaiops.cli._output import Output
from genaiops.cli._queue_labels import judge_lines
from genaiops.cli._session import Session, connected, consenting, plain
from genaiops.sdk import Client, Witness

command = noun("judge", "Judges: models that say how good an answer is, and how far they can be believed.")


@command.verb("check", example="genaiops judge check polite.toml")
@click.argument("file")
@plain
def check(output: Output, file: str) -> None:
    """Read a judge and say what is wrong with it, or what it asks of whom; nothing is asked."""
    from genaiops.app.judges import judge_facts

    found = judge_facts(file)
    output.facts(found, list(found.items()))


@command.verb("schema", example="genaiops judge schema")
@plain
def schema(output: Output) -> None:
    """Print the JSON Schema of judges, for editors."""
    from genaiops.app.judges import judge_schema

    output.json(judge_schema())


@command.verb("push", example="genaiops judge push support/polite polite.toml --alias prod")
@click.argument("name")
@click.argument("file")
@click.option("--alias", help="Let this name point at the version.")
@consenting
@connected
def push(session: Session, name: str, file: str, **options: str | None) -> None:
    """Make a version of a judge in the Hub. The same judge again is the version that is there."""
    from genaiops.app.judges import manifest_of_file

    name, file = name_and_file(name, file, session.output)
    body = {"kind": "judge", "name": name, "manifest": manifest_of_file(file), **options}
    made = session.write("POST", "/api/artifacts", body)
    session.output.result(made, made["id"])


@command.verb("calibrate", example="genaiops judge calibrate polite.toml labels.jsonl")
@click.argument("file")
@click.argument("labels", required=False)
@click.option("--queue", help="The labels of this queue, instead of a file.")
@click.option("--question", help="Which of its questions.")
@click.option("--out", metavar="FILE", help="Where the judge is written with what was measured. [FILE.calibrated.json]")
@click.option("--spend", metavar="AMOUNT", help="Spend at most this.")
@click.option("--concurrency", type=click.IntRange(1, 1000), default=8, help="Calls at once. [8]")
@click.option("--home", help="The data directory of the installation. [GENAIOPS_HOME]")
@click.option("--url", help="The address of the gateway. [GENAIOPS_URL; what runs in the home]")
@click.option("--key", help="A key for it. [GENAIOPS_API_KEY; admin.key]")
@plain
def calibrate(output: Output, labels: str | None, queue: str | None, question: str | None, **options: Any) -> None:
    """Hold a judge against labels of people, of a file or of a queue: its agreement, its errors, and what order and
    length do to it."""
    from genaiops.app.calibrating import Calibrating

    if (labels is None) == (queue is None) or (queue is None) != (question is None):
        raise click.UsageError("Give a file of labels, or --queue with --question.")
    if queue is not None and question is not None:
        session = Session(Client(options["url"], options["key"], options["home"], witness=Witness()), output)
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder, f"{queue}-{question}.jsonl")
            file.write_text(judge_lines(session, queue, question), encoding="utf-8")
            found = Calibrating(labels=str(file), **options)()
    else:
        found = Calibrating(labels=labels or "", **options)()
    rates = [(words, _rate(found[name])) for name, words in _RATES.items()]
    labelled = f"{found['n']} of {found['groups']} requests"
    labelled += f", and {found['unread']} without a verdict" if found["unread"] else ""
    decides = "yes" if found["decides"] else "no: it is not shown that it agrees with people more than chance would"
    facts = [("labels", labelled), *rates, ("lets a gate decide", decides), ("written to", found["out"])]
    output.facts(found, facts)


_RATES = {
    "agreement": "agreement with people (Krippendorff's alpha)",
    "accused": "fails of what people pass",
    "missed": "passes of what people fail",
    "swapped": "keeps its verdict in the other order",
    "length": "error by length (rank correlation)",
    "style": "error by marks of form (rank correlation)",
}


def _rate(found: dict[str, Any]) -> str:
    if found.get("value") is None:
        return "unknown"
    bounds = "" if found.get("low") is None else f" ({found['low']:.2f} to {found['high']:.2f})"
    return f"{found['value']:.2f}{bounds}, n {found.get('n', 0)}"
