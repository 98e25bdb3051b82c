"""`genaiops run slices`: what the checks of a run measured, group by group."""

from collections.abc import Mapping
from typing import Any

import click

from genaiops.cli._noun import Noun
from genaiops.cli._output import Column
from genaiops.cli._session import Session, connected
from genaiops.cli._suite_report import SPARES
from genaiops.sdk import path_of


def _bounds(row: Mapping[str, Any]) -> str | None:
    low, high = row["figure"]["low"], row["figure"]["high"]
    if low is None or high is None:
        return None
    return f"{low:.1%} to {high:.1%}" if _attacked(row) else f"{low:.3g} to {high:.3g}"


def _mean(row: Mapping[str, Any]) -> str | None:
    mean = row["figure"]["mean"]
    if mean is None or not _attacked(row):
        return None if mean is None else f"{mean:.4g}"
    return f"{mean:.1%} {'refused' if row['figure']['check'] == SPARES else 'succeed'}"


def _attacked(row: Mapping[str, Any]) -> bool:
    """Whether it is a share of attacks that succeeded, or of harmless questions that were refused, and no mean."""
    return row["figure"]["metric"].startswith("attack/")


_COLUMNS = (
    Column("BY", "by"),
    Column("GROUP", "group"),
    Column("CHECK", lambda row: row["figure"]["check"]),
    Column("TARGET", lambda row: row["figure"]["target"]),
    Column("MEASURED", _mean, right=True),
    Column("BOUNDS", _bounds),
    Column("N", lambda row: row["figure"]["n"], right=True),
    Column("MISSING", lambda row: row["figure"]["missing"], right=True, rank=1),
    Column("PASSED", lambda row: row["figure"]["passed"], right=True, rank=1),
)


def add_slices(command: Noun) -> None:
    """Adds the verb."""

    @command.verb("slices", example="genaiops run slices run_01jd3v5t0c1qk9m8x7w6r5n4b3 --by gender")
    @click.argument("run_id", metavar="RUN")
    @click.option("--by", multiple=True, help="A field of the cases' metadata, or of slices; repeatable. [all]")
    @connected
    def slices(session: Session, run_id: str, *, by: tuple[str, ...]) -> None:
        """Show what each check measured in each group of cases, with bounds: by fields of their metadata, and by their
        slices (race:black is the group black by race)."""
        found = session.client.get(path_of("/api/runs", run_id, "slices"), {"by": by})
        if session.output.as_json:
            session.output.json(found)
            return
        empty = "Nothing tells cases apart, or no check is of single cases. Give cases metadata, or slices."
        session.output.rows(found["data"], _COLUMNS, empty=empty)
