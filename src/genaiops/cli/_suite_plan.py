"""`genaiops suite plan`: how many cases, and how often each, before a run is paid for."""

from collections.abc import Mapping, Sequence
from typing import Any

import click

from genaiops.cli._noun import Noun
from genaiops.cli._output import Column, Output
from genaiops.cli._session import plain
from genaiops.core.counting import counted

_ROWS = (
    Column("MARGIN", lambda row: f"{row['margin']:.4g}", right=True),
    Column("REPEATS", "repeats", right=True),
    Column("CASES", "cases", right=True),
    Column("ANSWERS", "answers", right=True),
    Column("IF ALL ALIKE", "least", right=True, rank=1),
    Column("", "reason", rank=2, elastic=True),
)
_SHARE = click.FloatRange(0, 1, min_open=True, max_open=True)
_POSITIVE = click.FloatRange(0, min_open=True)


def add_plan(command: Noun) -> None:
    """Adds the verb."""

    @command.verb("plan", example="genaiops suite plan answers.toml")
    @click.argument("file", required=False)
    @click.option("--from", "run", metavar="RUN", help="Take how values vary from this run in the home.")
    @click.option("--check", help="For this check. [those with a margin]")
    @click.option("--margin", "margins", type=_POSITIVE, multiple=True, help="A row for each. [half, once, twice it]")
    @click.option("--repeats", type=click.IntRange(1, 1000), multiple=True, help="A row for each. [as the suite says]")
    @click.option("--power", type=_SHARE, default=0.8, help="The chance that an unchanged candidate passes. [0.8]")
    @click.option("--alpha", type=click.FloatRange(0, 0.5, min_open=True, max_open=True), help="[as the suite says]")
    @click.option("--difference", type=float, default=0.0, help="How much better the candidate is in truth. [0]")
    @click.option("--deviation", type=click.FloatRange(0), help="Standard deviation of differences between cases.")
    @click.option("--discordant", type=click.FloatRange(0, 1), help="Share of cases only one side gets right. [0.1]")
    @click.option("--noise", type=click.FloatRange(0), default=0.0, help="Deviation of repeats, both sides. [0]")
    @click.option("--cluster-size", type=click.FloatRange(1), default=1.0, help="Cases of a cluster. [1]")
    @click.option("--correlation", type=click.FloatRange(0, 1), default=0.0, help="How alike they are. [0]")
    @click.option("--home", help="The data directory of the installation. [GENAIOPS_HOME]")
    @plain
    def plan(output: Output, **options: Any) -> None:
        """Say how many cases a margin needs, so that a candidate that is no worse likely passes."""
        from genaiops.app.local_plans import Planning

        plans = Planning(**options)()
        if output.as_json:
            output.json({"data": plans})
            return
        for found in plans:
            _show(output, found)


def _show(output: Output, found: Mapping[str, Any]) -> None:
    asked, name = found["asked"], found["check"] or "Right and wrong"
    chances = f"alpha {asked['alpha']:g}, power {asked['power']:g}"
    output.line(f"{name}: {_varied(found)}; {chances}.")
    output.rows(found["rows"], _ROWS, empty="")
    if found["have"] is not None:
        output.line(f"The suite has {counted(found['have'], 'case')}{_enough(found['rows'], found['have'])}.")


def _varied(found: Mapping[str, Any]) -> str:
    spread = found["spread"]
    said = f"differences deviate by {spread['deviation']:.3g}"
    if spread["noise"]:
        said += f" between cases and by {spread['noise']:.3g} between repeats"
    if spread["cluster_size"] > 1:
        said += f", in clusters of {spread['cluster_size']:.3g} with a correlation of {spread['correlation']:.2f}"
    source = {
        "run": " (as in the run)",
        "given": "",
        "assumed": " (assumed, as if a tenth of the cases came out otherwise: see --from and --deviation)",
    }
    return said + source[found["known"]]


def _enough(rows: Sequence[Mapping[str, Any]], have: int) -> str:
    reached = [row["margin"] for row in rows if row["cases"] is not None and row["cases"] <= have]
    return f": enough for a margin of {min(reached):.4g}" if reached else ": too few for any of these"
