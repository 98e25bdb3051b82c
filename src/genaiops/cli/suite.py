"""`genaiops suite`: cases, who answers them, and what has to hold."""

import sys
from typing import Any

import click

from genaiops.cli import _suite_rescore
from genaiops.cli._noun import noun
from genaiops.cli._output import Column, Output, one_line
from genaiops.cli._session import plain
from genaiops.cli._suite_export import add_report_verbs, report_options, taken_reports
from genaiops.cli._suite_import import add_import_verb
from genaiops.cli._suite_new import new
from genaiops.cli._suite_plan import add_plan
from genaiops.cli._suite_report import Bar, show_report
from genaiops.core.errors import UsageError

command = noun("suite", "Suites: cases, who answers them, and what has to hold before a change goes on.")
_suite_rescore.add_to(command)
add_plan(command)
command.add_command(new)

_METRICS = (
    Column("METRIC", "name"),
    Column("VERSION", "version", rank=2),
    Column("UNIT", "unit", rank=1),
    Column("BETTER", "better", rank=1),
    Column("NEEDS", "needs", rank=2),
    Column("TITLE", lambda row: one_line(row["title"]), elastic=True),
)


@command.verb("check", example="genaiops suite check answers.toml")
@click.argument("file")
@plain
def check(output: Output, file: str) -> None:
    """Read a suite and all its cases, and say what is wrong with it; nothing is asked."""
    from genaiops.app.local_suites import checked_file

    found = checked_file(file)
    counts = ", ".join(f"{number} {what}" for what, number in found.items())
    output.result(found, f"{counts}: nothing is wrong.")


@command.verb("schema", example="genaiops suite schema")
@plain
def schema(output: Output) -> None:
    """Print the JSON Schema of suites, for editors."""
    from genaiops.app.local_suites import suite_schema

    output.json(suite_schema())


@command.verb("metrics", example="genaiops suite metrics equals")
@click.argument("name", required=False)
@plain
def metrics(output: Output, name: str | None) -> None:
    """List the metrics, or show the card of one: unit, range, direction, options, and where its formula is from."""
    from genaiops.app.local_suites import metric_cards

    found = metric_cards(name)
    if name is None:
        output.rows(found, _METRICS, empty="There are no metrics.")
        return
    [card] = found
    low, high = (side if card[name] is None else f"{card[name]:g}" for name, side in (("low", "-inf"), ("high", "inf")))
    output.facts(
        card,
        [
            ("metric", card["name"]),
            ("title", card["title"]),
            ("version", card["version"]),
            ("unit", card["unit"]),
            ("range", f"{low} to {high}"),
            ("better", card["better"]),
            ("over", card["over"]),
            ("needs", card["needs"]),
            ("passes from", card["threshold"]),
            ("source", card["source"]),
            ("equals", card["reference"]),
            ("about", card["about"]),
            ("extra", card["extra"]),
            *((f"option {key}", said) for key, said in card["options"].items()),
        ],
    )


@command.verb("run", example="genaiops suite run answers.toml --local")
@click.argument("file")
@click.option("--local", is_flag=True, help="Run it in this command; results are kept in the home.")
@click.option("--name", help="What the suite is called. [the file's name]")
@click.option("--resume", metavar="RUN", help="Go on with a run that broke off.")
@click.option("--repeats", type=click.IntRange(1, 1000), help="Ask each case so often. [as the suite says]")
@click.option("--spend", metavar="AMOUNT", help="Spend at most this. [as the suite says]")
@click.option("--concurrency", type=click.IntRange(1, 1000), help="Calls at once. [as the suite says]")
@report_options
@click.option("--home", help="The data directory of the installation. [GENAIOPS_HOME]")
@click.option("--url", help="The address of the gateway. [GENAIOPS_URL; what runs in the home]")
@click.option("--key", help="A key for it. [GENAIOPS_API_KEY; admin.key]")
@plain
def run(output: Output, file: str, *, local: bool, **options: Any) -> None:
    """Ask every case of every target, judge the answers, and say pass (0), fail (1) or inconclusive (4)."""
    if not local:
        raise UsageError("Suites run in this command for now.", remedy=f"Say so: genaiops suite run {file} --local")
    from genaiops.app.local_suites import Local

    reports = taken_reports(options)
    changed = {name: options.pop(name) for name in ("repeats", "spend", "concurrency")}
    changed = {name: value for name, value in changed.items() if value is not None}
    with Bar(output) as bar:
        done = Local(file=file, changed=changed, reports=reports, **options).run(bar.begin, bar.show)
    show_report(output, done)
    if done["run"]["state"] == "stopped":
        output.note(f"It goes on with: genaiops suite run {file} --local --resume {done['run']['id']}")
    sys.exit({"pass": 0, "fail": 1}.get(done["report"]["verdict"]["outcome"], 4))


add_report_verbs(command)
add_import_verb(command)
