"""`genaiops suite import`: suites of other systems as suites of ours."""

from pathlib import Path

import click
import msgspec

from genaiops.cli._described import to_yaml
from genaiops.cli._noun import Noun
from genaiops.cli._output import Output
from genaiops.cli._session import plain
from genaiops.core.errors import UsageError


def add_import_verb(command: Noun) -> None:
    @command.verb("import", example="genaiops suite import promptfooconfig.yaml -o answers.yaml")
    @click.argument("file")
    @click.option("-o", "--output", "to", type=click.Path(dir_okay=False, path_type=Path), help="A file to write.")
    @plain
    def import_(output: Output, file: str, *, to: Path | None) -> None:
        """Read a configuration of promptfoo as a suite, and write that as YAML. What cannot be taken over is refused by
        its line."""
        from genaiops.app.importing_suites import import_file

        document, read = import_file(file)
        for note in read.notes:
            output.note(note)
        if to is None:
            if output.as_json:
                output.json(document)
            else:
                click.echo(to_yaml(document), nl=False)
            return
        if to.suffix not in (".yaml", ".yml", ".json"):
            raise UsageError(f"{to} is neither YAML nor JSON.", remedy="Name it .yaml or .json.", param="output")
        text = to_yaml(document)
        if to.suffix == ".json":
            text = msgspec.json.format(msgspec.json.encode(document)).decode() + "\n"
        try:
            to.write_text(text, encoding="utf-8")
        except OSError as error:
            raise UsageError(f"{to} cannot be written: {error.strerror}.", remedy="Name another file.") from error
        suite = read.suite
        said = f"{len(suite.case)} cases, {len(suite.target)} targets, {len(suite.check)} checks"
        output.result({"file": str(to), "notes": list(read.notes)}, f"{to} is written: {said}.")
