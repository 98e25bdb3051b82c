"""`genaiops suite rescore`: new checks over the answers of a run."""

import sys
from typing import Any

import click

from genaiops.cli._noun import Noun
from genaiops.cli._output import Output
from genaiops.cli._session import plain
from genaiops.cli._suite_report import Bar, show_figures, show_lines, unjudged
from genaiops.core.money import from_nano


def add_to(command: Noun) -> None:
    """Adds the verb."""

    @command.verb("rescore", example="genaiops suite rescore run_01h --check groundedness --judge polite.toml")
    @click.argument("run")
    @click.option("--check", "checks", multiple=True, metavar="METRIC", help="A metric as it is; may be repeated.")
    @click.option("--judge", "judges", multiple=True, metavar="JUDGE", help="A judge: a file, or NAME@alias.")
    @click.option("--checks", "file", metavar="FILE", help="A suite whose checks and gate are taken.")
    @click.option("--replace", is_flag=True, help="Overwrite verdicts of checks of the same names.")
    @click.option("--spend", metavar="AMOUNT", help="Spend at most this on judges.")
    @click.option("--concurrency", type=click.IntRange(1, 1000), help="Calls of judges at once. [8]")
    @click.option("--home", help="The data directory of the installation. [GENAIOPS_HOME]")
    @click.option("--url", help="The address of the gateway. [GENAIOPS_URL; what runs in the home]")
    @click.option("--key", help="A key for it. [GENAIOPS_API_KEY; admin.key]")
    @plain
    def _(output: Output, **options: Any) -> None:
        """Measure the answers of a run by further metrics; nothing is generated again, only judges are asked."""
        from genaiops.app.rescoring import Rescoring

        given = {name: options.pop(name) for name in ("spend", "concurrency")}
        changed = {name: value for name, value in given.items() if value is not None}
        with Bar(output) as bar:
            done = Rescoring(changed=changed, **options)(bar.begin, bar.advance)
        if output.as_json:
            output.json(done)
        else:
            _show(output, done)
        for name, errors in done["silent"].items():
            output.note(f"{name} gave no verdict: {errors:,} of {errors:,} are errors.")
        if done["stopped"]:
            sys.exit(4)
        if done["silent"]:
            sys.exit(3)
        if options["file"] is not None:
            sys.exit({"pass": 0, "fail": 1}.get(done["report"]["verdict"]["outcome"], 4))


def _show(output: Output, done: dict[str, Any]) -> None:
    show_figures(output, done["figures"])
    for broken in done["unjudged"]:
        output.line(unjudged(broken))
    if done["report"]["lines"]:
        show_lines(output, done["report"])
    if done["cost_nano"] is not None:
        output.line(f"Judges cost {from_nano(done['cost_nano'])}.")
    if done["stopped"]:
        output.note(done["stopped"])
