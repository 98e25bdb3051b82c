"""`genaiops suite import`: suites of other systems as suites of ours."""

from pathlib import Path
from typing import Any

import click
import msgspec

from genaiops.cli._described import to_yaml
from genaiops.cli._noun import Noun
from genaiops.cli._output import Output
from genaiops.cli._session import plain
from genaiops.cli._suite_report import show_report
from genaiops.core.counting import counted
from genaiops.core.errors import UsageError


def add_import_verb(command: Noun) -> None:
    @command.verb("import", example="genaiops suite import promptfooconfig.yaml -o answers.yaml")
    @click.argument("file")
    @click.option("-o", "--output", "to", type=click.Path(dir_okay=False, path_type=Path), help="A file to write.")
    @click.option("--eval", "name", help="Which eval of a file of OpenAI's evals. [its only one]")
    @click.option("--model", help="Who answers an eval. [smollm2]")
    @click.option("--judge-model", "judge", help="Who grades it. [an eval: the same; promptfoo: its default]")
    @click.option("--run", "as_run", is_flag=True, help="Keep a log of Inspect as a run, with its answers and scores.")
    @click.option("--home", help="The data directory that the run is kept in. [GENAIOPS_HOME]")
    @plain
    def import_(output: Output, file: str, *, to: Path | None, as_run: bool, home: str | None, **wish: Any) -> None:
        """Read a suite of promptfoo or of OpenAI's evals, or a log of Inspect, as a suite, and write that as YAML. What
        cannot be taken over is refused by its line."""
        from genaiops.app.importing_suites import MODEL, Wish, import_file

        if as_run:
            _import_run(output, file, home, {**wish, "output": to})
            return
        given = Wish(eval=wish["name"], model=wish["model"] or MODEL, judge=wish["judge"])
        document, read = import_file(file, given)
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
        parts = {"case": suite.case, "target": suite.target, "check": suite.check}
        said = ", ".join(counted(len(each), word) for word, each in parts.items())
        output.result({"file": str(to), "notes": list(read.notes)}, f"{to} is written: {said}.")


def _import_run(output: Output, file: str, home: str | None, others: dict[str, Any]) -> None:
    for name, value in others.items():
        if value is not None:
            raise UsageError(f"--run keeps a log as it is, and takes no {name}.", remedy="Leave it out.", param=name)
    from genaiops.app.importing_runs import import_run

    done = import_run(file, home)
    show_report(output, done)
    if not output.as_json:
        output.line(f"Its report: genaiops suite report {done['run']['id']} --format html -o report.html")
