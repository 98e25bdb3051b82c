"""`genaiops run report`: the report of a run that a server has."""

from pathlib import Path

import click

from genaiops.cli._noun import Noun
from genaiops.cli._session import Session, connected
from genaiops.cli._suite_export import FORMS, read_form, write
from genaiops.sdk import path_of


def add_report(command: Noun) -> None:
    @command.verb("report", example="genaiops run report run_01jd3v5t0c1qk9m8x7w6r5n4b3 -o report.html")
    @click.argument("run_id", metavar="RUN")
    @click.option("--format", "form", type=click.Choice(list(FORMS)), help="[by FILE's ending, or markdown]")
    @click.option("-o", "--output", "file", type=click.Path(dir_okay=False, path_type=Path), help="A file to write.")
    @connected
    def report(session: Session, run_id: str, *, form: str | None, file: Path | None) -> None:
        """Write the report of a run that the server has, signed by it: genaiops suite verify checks the file."""
        form = read_form(form, file)
        data = session.client.request("GET", path_of("/api/runs", run_id, "report"), query={"format": form}).body
        if file is None:
            click.echo(data, nl=False)
            return
        write(file, data)
        session.output.result({"file": str(file), "format": form}, f"{file} is written.")
