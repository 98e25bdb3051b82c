"""`genaiops judge`: models that say how good an answer is."""

import click

from genaiops.cli._name_and_file import name_and_file
from genaiops.cli._noun import noun
from genaiops.cli._output import Output
from genaiops.cli._session import Session, connected, consenting, plain

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
