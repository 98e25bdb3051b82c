"""`genaiops suite reweigh`: weights that take a label's going along with a group out of training data."""

from pathlib import Path

import click

from genaiops.cli._noun import Noun
from genaiops.cli._output import Column, Output
from genaiops.cli._session import plain

_COLUMNS = (
    Column("GROUP", "group"),
    Column("LABEL", "label"),
    Column("CASES", "cases", right=True),
    Column("OF THE GROUP", lambda row: f"{row['share']:.1%}", right=True),
    Column("WEIGHT", lambda row: f"{row['weight']:.4f}", right=True),
    Column("WEIGHED", lambda row: f"{row['share_weighed']:.1%}", right=True),
)


def add_reweigh(command: Noun) -> None:
    """Adds the verb."""

    @command.verb("reweigh", example="genaiops suite reweigh applicants.csv --by region -o weighed.jsonl")
    @click.argument("file")
    @click.option("--by", required=True, help="The field of metadata that tells groups apart.")
    @click.option(
        "-o", "--output", "to", required=True, type=click.Path(dir_okay=False, path_type=Path), help="A file to write."
    )
    @plain
    def reweigh(output: Output, file: str, *, by: str, to: Path) -> None:
        """Write the cases of FILE (a suite, or cases) with weights under which every group has each label equally
        often, to train with: a mitigation of bias that comes from data."""
        from genaiops.app.reweighing import reweigh_file

        rows = reweigh_file(file, by, to)
        output.rows(rows, _COLUMNS, empty="")
        if not output.as_json:
            output.note(f"{to} is written: {sum(row['cases'] for row in rows)} cases, each with metadata.weight.")
