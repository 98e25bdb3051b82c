"""Reports of runs, for others to read: options of `suite run`, and `suite report`."""

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from genaiops.cli._noun import Noun
from genaiops.cli._output import Output
from genaiops.cli._session import Session, plain
from genaiops.core.errors import Forbidden, UsageError
from genaiops.sdk import path_of

F = TypeVar("F", bound=Callable[..., Any])

FORMS: Final = {
    "junit": "JUnit XML, for a build server",
    "jsonl": "JSON lines, with every answer",
    "markdown": "Markdown, for a pull request",
    "html": "one HTML page, for people",
    "pdf": "PDF, to file and print; needs genaiops[pdf]",
}
_SUFFIXES: Final = {".xml": "junit", ".jsonl": "jsonl", ".html": "html", ".htm": "html", ".pdf": "pdf"}


def report_options(function: F) -> F:
    """Adds an option for each form of report."""
    for name, what in reversed(FORMS.items()):
        function = click.option(f"--{name}", metavar="FILE", help=f"Write a report: {what}.")(function)
    return function


def taken_reports(options: dict[str, Any]) -> dict[str, str]:
    """Form -> file, of the options that were given; they are taken out."""
    given = {name: options.pop(name) for name in FORMS}
    return {name: file for name, file in given.items() if file is not None}


def check_folders(files: Mapping[str, str]) -> None:
    """UsageError when a report could not be written: it is told before anything is asked."""
    for form, file in files.items():
        path = Path(file)
        if path.is_dir() or not path.absolute().parent.is_dir():
            raise UsageError(
                f"There can be no report {file}: {'it is a' if path.is_dir() else f'{path.parent} is no'} folder.",
                remedy="Name a file in a folder that there is.",
                param=form,
            )


def write_from_server(session: Session, run_id: str, files: Mapping[str, str]) -> None:
    """Reports of a run on a server. What the key may not read is said, and changes nothing of the verdict."""
    for form, file in files.items():
        try:
            answer = session.client.request("GET", path_of("/api/runs", run_id, "report"), query={"format": form})
        except Forbidden as error:
            session.output.note(f"No reports are written. {error.message}")
            return
        write(Path(file), answer.body)


def read_form(form: str | None, file: Path | None) -> str:
    """What was asked for, else what the file's ending says. UsageError for a PDF on a terminal."""
    form = form or _SUFFIXES.get(file.suffix.lower() if file else "", "markdown")
    if form == "pdf" and file is None and sys.stdout.isatty():
        raise UsageError("A PDF is not for a terminal.", remedy="Name a file with -o FILE.", param="output")
    return form


def write(file: Path, data: bytes) -> None:
    try:
        file.write_bytes(data)
    except OSError as error:
        raise UsageError(f"{file} cannot be written: {error.strerror}.", remedy="Name another file.") from error


def add_report_verbs(command: Noun) -> None:
    @command.verb("report", example="genaiops suite report run_01 -o report.pdf")
    @click.argument("run")
    @click.option("--format", "form", type=click.Choice(list(FORMS)), help="[by FILE's ending, or markdown]")
    @click.option("-o", "--output", "file", type=click.Path(dir_okay=False, path_type=Path), help="A file to write.")
    @click.option("--home", help="The data directory it ran in. [GENAIOPS_HOME]")
    @plain
    def report(output: Output, run: str, *, form: str | None, file: Path | None, home: str | None) -> None:
        """Write the report of a run that this machine has, in one of its forms."""
        from genaiops.app.suite_reports import report_of

        form = read_form(form, file)
        data = report_of(run, form, home=home)
        if file is None:
            click.echo(data, nl=False)
            return
        write(file, data)
        output.result({"file": str(file), "format": form}, f"{file} is written.")

    @command.verb("events", example="genaiops suite events run_01 --to http://127.0.0.1:4318")
    @click.argument("run")
    @click.option("-o", "--output", "file", type=click.Path(dir_okay=False, path_type=Path), help="A file to write.")
    @click.option("--to", help="A collector to send them to. [OTEL_EXPORTER_OTLP_ENDPOINT]")
    @click.option("--home", help="The data directory it ran in. [GENAIOPS_HOME]")
    @plain
    def events(output: Output, run: str, *, file: Path | None, to: str | None, home: str | None) -> None:
        """Write what checks said of a run as events of OpenTelemetry (gen_ai.evaluation.result), or send them to a
        collector."""
        from genaiops.app.evaluation_events import collector, send_events, write_events

        place = None if file is not None and to is None else collector(to)
        if place is None and file is None:
            raise UsageError("There is no place for them.", remedy="Name one with -o FILE or --to URL.", param="to")
        said: dict[str, Any] = {"run": run}
        if file is not None:
            said |= {"events": write_events(run, file, home=home), "file": str(file)}
        if place is not None:
            said |= {"events": send_events(run, place, home=home), "to": place}
        where = " and ".join(said[name] for name in ("file", "to") if name in said)
        output.result(said, f"{said['events']} events went to {where}.")

    @command.verb("verify", example="genaiops suite verify report.html")
    @click.argument("file", type=click.Path(path_type=Path))
    @click.option("--public-key", "keys", multiple=True, help="A key to trust; repeatable. [the file's]")
    @plain
    def verify(output: Output, file: Path, *, keys: tuple[str, ...]) -> int:
        """Verify a report: that it is as it was written, and who signed it, without a network. Exit status 1 when it
        was altered, or is signed by none of the keys."""
        from genaiops.app.signed_reports import verify_report

        found = verify_report(file, keys)
        trusted = "the key that you gave" if keys else "the file's own key; --public-key names one to trust"
        said = f"{file} is as it was written, of {found.run}, signed by {found.key} ({trusted})."
        output.result(
            {"file": str(file), "holds": found.holds, "run": found.run, "key": found.key, "pinned": bool(keys)},
            said if found.holds else f"{file} does not hold: {found.reason}",
        )
        return int(not found.holds)
