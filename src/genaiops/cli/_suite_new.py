"""`genaiops suite new`: a suite to begin with."""

import click

from genaiops.cli._noun import Verb
from genaiops.cli._output import Output
from genaiops.cli._session import plain


@click.command("new", cls=Verb, example="genaiops suite new answers.toml --task classification")
@click.argument("file")
@click.option("--task", required=True, metavar="TASK", help="Such as classification, retrieval or agent.")
@plain
def new(output: Output, file: str, task: str) -> None:
    """Write a suite to begin with: cases of that task's form, and the metrics that are common for it."""
    from genaiops.app.local_suites import begin_file

    made = begin_file(file, task)
    output.result(made, f"{file}: {made['checks']} checks, {made['cases']} cases. Next: genaiops suite check {file}")
