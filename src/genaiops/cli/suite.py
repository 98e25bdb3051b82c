"""`genaiops suite`: cases, who answers them, and what has to hold."""

import os
import sys
from typing import Any

import click

from genaiops.cli import _suite_rescore
from genaiops.cli._ci import run_for
from genaiops.cli._output import Column, Output, one_line
from genaiops.cli._server_runs import Wish, begin, status_of, wait_for, whole
from genaiops.cli._session import Session, plain
from genaiops.cli._suite_corpus import add_corpus
from genaiops.cli._suite_expand import add_expand
from genaiops.cli._suite_export import add_report_verbs, check_folders, report_options, taken_reports, write_from_server
from genaiops.cli._suite_import import add_import_verb
from genaiops.cli._suite_inspect import add_inspect
from genaiops.cli._suite_new import new
from genaiops.cli._suite_plan import add_plan
from genaiops.cli._suite_report import Bar, show_report
from genaiops.cli._suite_reweigh import add_reweigh
from genaiops.cli._suite_select import add_select
from genaiops.cli._suite_sweep import add_sweep
from genaiops.cli._suite_trend import add_trend
from genaiops.cli._suite_versions import command
from genaiops.core.counting import counted
from genaiops.core.errors import UsageError
from genaiops.sdk import Client, Witness, path_of

_suite_rescore.add_to(command)
add_plan(command)
add_select(command)
add_sweep(command)
add_trend(command)
command.add_command(new)
add_expand(command)
add_corpus(command)
add_inspect(command)
add_reweigh(command)

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
    counts = ", ".join(counted(number, what.removesuffix("s")) for what, number in found.items())
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


@command.verb("run", example="genaiops suite run answers.toml")
@click.argument("suite")
@click.option("--local", is_flag=True, help="Run it in this command; results are kept in the home.")
@click.option("--name", help="What the suite is called. [the file's name]")
@click.option("--resume", metavar="RUN", help="Go on with a run that broke off.")
@click.option("--repeats", type=click.IntRange(1, 1000), help="Ask each case so often. [as the suite says]")
@click.option("--spend", metavar="AMOUNT", help="Spend at most this. [as the suite says]")
@click.option("--concurrency", type=click.IntRange(1, 1000), help="Calls at once. [as the suite says]")
@click.option("--env", "environment_id", help="The environment that is asked. [that of the key]")
@click.option("--application", help="Whose release in prod is the baseline prod.")
@click.option("--prompt", "prompts", multiple=True, help="NAME@VERSION, in place of what the suite asks; repeatable.")
@click.option("--release", "releases", multiple=True, help="APP@DIGEST, in place of what the suite asks; repeatable.")
@click.option("--commit", help="What it is run for. [GITHUB_SHA, CI_COMMIT_SHA]")
@click.option("--branch", help="What it is run for. [GITHUB_HEAD_REF, CI_COMMIT_REF_NAME]")
@click.option("--pull-request", help="What it is run for. [GITHUB_REF, CI_MERGE_REQUEST_IID]")
@click.option("--detach", is_flag=True, help="Print the run and do not wait for it.")
@report_options
@click.option("--home", help="The data directory of the installation. [GENAIOPS_HOME]")
@click.option("--url", help="The address of the installation. [GENAIOPS_URL; what runs in the home]")
@click.option("--key", help="A key for it. [GENAIOPS_API_KEY; admin.key]")
@plain
def run(output: Output, suite: str, *, local: bool, **options: Any) -> None:
    """Ask every case of every target, judge the answers, and say pass (0), fail (1) or inconclusive (4). SUITE is a
    file, or a suite that is kept: NAME@ALIAS."""
    changed = {name: options.pop(name) for name in ("repeats", "spend", "concurrency")}
    options["changed"] = {name: value for name, value in changed.items() if value is not None}
    reports = taken_reports(options)
    facts = run_for(os.environ, {name: options.pop(name) for name in ("commit", "branch", "pull_request")})
    if local:
        done = _run_here(output, suite, {"facts": facts, "reports": reports, **options})
    else:
        done = _run_there(output, suite, facts, {"reports": reports, **options})
    show_report(output, done)
    if output.interactive and not output.as_json:
        report = f"genaiops {'suite' if local else 'run'} report {done['run']['id']} -o report.html"
        output.note(f"Each answer: genaiops run cases {done['run']['id']}\nA report:    {report}")
    if done["run"]["state"] == "stopped":
        again = f"genaiops suite run {suite} --local --resume" if local else "genaiops run resume"
        output.note(f"It goes on with: {again} {done['run']['id']}")
    sys.exit(status_of(done))


def _run_here(output: Output, suite: str, options: dict[str, Any]) -> dict[str, Any]:
    """In this process."""
    for name in ("environment_id", "application", "prompts", "releases", "detach"):
        if options.pop(name):
            raise UsageError(f"--local knows no {name}.", remedy="Leave it out, or run it on the server.", param=name)
    from genaiops.app.local_suites import Local

    with Bar(output) as bar:
        return Local(file=suite, **options).run(bar.begin, bar.show)


def _run_there(output: Output, suite: str, facts: dict[str, str], options: dict[str, Any]) -> dict[str, Any]:
    """On the server. Interrupted, the run goes on there."""
    client = Client(options.pop("url"), options.pop("key"), options.pop("home"), witness=Witness())
    session = Session(client, output)
    detach, resumed, reports = (options.pop(name) for name in ("detach", "resume", "reports"))
    if detach and reports:
        what = "There is no report of a run that is not waited for."
        raise UsageError(what, remedy="Leave out --detach, or write it later: genaiops run report RUN", param="detach")
    check_folders(reports)
    if resumed:
        begun = client.post(path_of("/api/runs", resumed, "resume"))
    else:
        begun = begin(session, Wish(suite=suite, facts=facts, **options))
    if detach:
        output.result(begun, f"{begun['id']}: genaiops run show {begun['id']} --follow")
        sys.exit(0)
    wait_for(session, begun)
    write_from_server(session, begun["id"], reports)
    return whole(session, begun["id"])


add_report_verbs(command)
add_import_verb(command)
