"""Verbs of `genaiops policy` that tell what guards said of calls, and take people's word on it."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

import click

from genaiops.cli._noun import Noun
from genaiops.cli._output import Column, Row
from genaiops.cli._session import Session, connected
from genaiops.cli._trace_file import Type, write_rows
from genaiops.cli._values import milliseconds, short_time, tokens
from genaiops.core.counting import counted
from genaiops.sdk import path_of

_ACTIONS = click.Choice(["allow", "flag", "redact", "replace", "hold", "block"])
_DONE = {"flagged": "flag", "redacted": "redact", "replaced": "replace", "held": "hold", "blocked": "block"}
_EMPTY = "No guard said anything of such calls."


def _found(row: Row) -> str:
    kinds: Mapping[str, int] = row["kinds"]
    return ", ".join(kind if times == 1 else f"{kind} x{times}" for kind, times in kinds.items()) or row["error"] or ""


def _alarms(row: Row) -> str:
    found = row["false_alarms"]
    if found["rate"] is None:
        return "unknown"
    return f"{found['rate']:.0%} ({found['low']:.0%} to {found['high']:.0%}, n={found['marked']})"


_VERDICTS = (
    Column("WHEN", lambda row: short_time(row["started_at"])),
    Column("TRACE", "trace_id"),
    Column("VERDICT", "id", rank=4),
    Column("RULE", lambda row: f"{row['policy']}/{row['rule']}"),
    Column("WAY", "direction", rank=2),
    Column("ACTION", lambda row: f"would {row['action']}" if row["shadow"] else row["action"]),
    Column("FOUND", _found, elastic=True),
    Column("TOOK", lambda row: milliseconds(row["duration_ms"]), right=True, rank=3),
    Column("MARKED", lambda row: (row["mark"] or "").replace("_", " "), rank=1),
)


_FIGURES = (
    Column("RULE", lambda row: f"{row['policy']}/{row['rule']}"),
    Column("DETECTOR", "detector", rank=3),
    Column("LOOKED AT", lambda row: "unknown" if row["looked_at"] is None else tokens(row["looked_at"]), right=True),
    *(Column(name.upper(), lambda row, name=name: tokens(row[name]), right=True) for name in _DONE),
    Column("SHADOW", lambda row: ", ".join(f"{each} {times}" for each, times in row["shadow"].items())),
    Column("ERRORS", lambda row: tokens(row["errors"]), right=True),
    Column("P50", lambda row: milliseconds(row["p50_ms"]), right=True, rank=2),
    Column("P95", lambda row: milliseconds(row["p95_ms"]), right=True, rank=1),
    Column("FALSE ALARMS", _alarms),
)

_TEXT = (
    *("trace_id", "id", "started_at", "policy", "digest", "rule", "detector", "direction", "action", "kinds"),
    *("provenance", "places", "error", "mark", "marked_at", "marked_by", "key_id", "team_id", "environment_id"),
    "application",
)
_TYPES: Mapping[str, Type] = {
    **dict.fromkeys(_TEXT, "text"),
    "count": "whole",
    "score": "number",
    "duration_ms": "number",
    "shadow": "truth",
}


def add_verbs(command: Noun) -> None:
    """`verdicts`, `figures` and `mark` become verbs of the noun."""
    command.verb("verdicts", example="genaiops policy verdicts --since 24h --action block")(verdicts)
    command.verb("figures", example="genaiops policy figures --since 7d")(figures)
    command.verb("mark", example="genaiops policy mark 019aa1c2d3e4f5061728394a5b6c7d8e 4f1d2a3b5c6e7f80 false_alarm")(
        mark
    )


@click.option("--since", help="15m, 24h, 7d or an ISO time.")
@click.option("--until", help="15m, 24h, 7d or an ISO time.")
@click.option("--policy", help="The name of a policy.")
@click.option("--rule", help="The id of a rule.")
@click.option("--detector", help="pii, secret, injection, ...")
@click.option("--action", type=_ACTIONS)
@click.option("--direction", type=click.Choice(["in", "out"]), help="Requests or answers.")
@click.option("--shadow/--in-force", default=None, help="Of rules that only note what they would have done, or others.")
@click.option("--marked/--not-marked", default=None, help="Whether a person said something of it.")
@click.option("--key-id", help="The id of the key.")
@click.option("--env", "environment_id", help="In an environment.")
@click.option("--limit", type=click.IntRange(1), help="At most so many.  [30; a file: all]")
@click.option("--format", "form", type=click.Choice(["jsonl", "parquet"]), default="jsonl", show_default=True)
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="A file; without: a table.")
@connected
def verdicts(
    session: Session, limit: int | None, form: Literal["jsonl", "parquet"], output: Path | None, **where: Any
) -> None:
    """Show what rules of guards said of calls, the newest first, or write it to a file."""
    query = {name: str(value).lower() if isinstance(value, bool) else value for name, value in where.items()}
    most = limit if limit is not None or output is not None else 30
    rows: Iterable[dict[str, Any]] = session.client.pages("/api/guards/verdicts", query, most=most)
    if output is None:
        session.output.rows(list(rows), _VERDICTS, empty=_EMPTY)
        return
    written = write_rows(rows, form, output, _TYPES)
    session.output.result(
        {"verdicts": written, "file": str(output)},
        f"{output} is written: {counted(written, 'verdict')}.",
    )


@click.option("--since", default="24h", show_default=True, help="15m, 24h, 7d or an ISO time.")
@click.option("--until", help="15m, 24h, 7d or an ISO time.")
@click.option("--policy", help="The name of a policy.")
@click.option("--rule", help="The id of a rule.")
@click.option("--detector", help="pii, secret, injection, ...")
@click.option("--env", "environment_id", help="In an environment.")
@connected
def figures(session: Session, **where: str | None) -> None:
    """Show what guards did, by rule: counts, times, and the share of false alarms among what people marked."""
    found = session.client.get("/api/guards/figures", where)
    if session.output.as_json:
        session.output.json(found)
    else:
        session.output.rows(found["rules"], _FIGURES, empty=_EMPTY)


@click.argument("trace_id")
@click.argument("verdict_id")
@click.argument("said", type=click.Choice(["right", "false_alarm", "nothing"]))
@click.option("--note", default="", help="Why; it goes with the test case.")
@connected
def mark(session: Session, trace_id: str, verdict_id: str, said: str, note: str) -> None:
    """Say that a verdict was right or a false alarm, or take that back with `nothing`. The call becomes a test case."""
    body = {"mark": None if said == "nothing" else said, "note": note}
    done = session.write("POST", path_of("/api/traces", trace_id, "verdicts", verdict_id, "mark"), body)
    case = {
        "kept": " It is a test case of guard-cases now.",
        "no_content": " It is no test case: nothing of what was said is kept, or you may not read it.",
        "forbidden": " It is no test case: the cases belong to somebody else.",
    }.get(done["case"], "")
    what = (done["verdict"]["mark"] or "not marked").replace("_", " ")
    session.output.result(done, f"{done['verdict']['rule']}: {what}.{case}")
