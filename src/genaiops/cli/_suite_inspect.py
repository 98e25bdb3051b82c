"""`genaiops suite inspect`: tasks of Inspect, run by its own command against the gateway."""

import sys
from pathlib import Path
from typing import Any

import click

from genaiops.cli._noun import Noun
from genaiops.cli._output import Output
from genaiops.cli._server_runs import status_of
from genaiops.cli._session import plain
from genaiops.cli._suite_report import show_report
from genaiops.sdk import Client, Witness


def add_inspect(command: Noun) -> None:
    """Adds the verb."""

    @command.verb("inspect", example="genaiops suite inspect capitals.py --model smollm2 --floor 0.8")
    @click.argument("task")
    @click.option("--model", required=True, help="A model or route of the gateway.")
    @click.option("--grader", default="", help="The model that tasks let grade. [the one that is tried]")
    @click.option("-T", "--task-argument", "arguments", multiple=True, metavar="NAME=VALUE", help="Repeatable.")
    @click.option("--limit", type=click.IntRange(1), help="At most so many samples. [all]")
    @click.option("--epochs", type=click.IntRange(1), help="Each sample so often. [as the task says]")
    @click.option("--max-tokens", type=click.IntRange(1), help="Of each answer. [as the task says]")
    @click.option("--concurrency", "connections", type=click.IntRange(1), default=4, help="Calls at once. [4]")
    @click.option("--floor", type=click.FloatRange(0, 1), help="What the bound of the mean has to reach.")
    @click.option("--env", "environment", default="dev", show_default=True, help="The environment that is asked.")
    @click.option("--home", help="The data directory that the run is kept in. [GENAIOPS_HOME]")
    @click.option("--url", help="The address of the installation. [GENAIOPS_URL; what runs in the home]")
    @click.option("--key", help="A key that may make one for Inspect. [GENAIOPS_API_KEY; admin.key]")
    @click.option(
        "--logs", type=click.Path(file_okay=False, path_type=Path), help="A folder that Inspect's logs stay in."
    )
    @plain
    def inspect(output: Output, *, url: str | None, key: str | None, **told: Any) -> None:
        """Run a TASK of Inspect (FILE.py, FILE.py@NAME, or that of a package) by Inspect's own command, against a model
        of the gateway and with a key for it alone, and keep its log as a run. The file is a program, and runs here."""
        from genaiops.app.inspecting import Inspecting, InspectTask, inspected

        how = {name: told.pop(name) for name in ("home", "environment", "floor", "logs")}
        client = Client(url, key, how["home"], witness=Witness())
        found = inspected(client, InspectTask(**told), Inspecting(quiet=output.as_json, **how))
        if output.as_json:
            output.json({"runs": found})
        for done in () if output.as_json else found:
            show_report(output, done)
        outcomes = [status_of(done) for done in found]
        sys.exit(1 if 1 in outcomes else max(outcomes))
