"""`genaiops trace`: what happened, call by call."""

import math
from pathlib import Path
from typing import Any, Literal

import click

from genaiops.cli import _erasing
from genaiops.cli._fact_text import show_claims
from genaiops.cli._noun import noun
from genaiops.cli._output import Column, Row, one_line
from genaiops.cli._people import with_names
from genaiops.cli._session import Session, connected
from genaiops.cli._trace_file import once, write_traces
from genaiops.cli._trace_filters import trace_filters
from genaiops.cli._trace_text import cost_text, trace_lines
from genaiops.cli._values import milliseconds, short_time, tokens
from genaiops.sdk import path_of

command = noun("trace", "Traces: every call with its spans, tokens, timing and cost.")


def _said(row: Row) -> str:
    if row["error"] is not None:
        return one_line(f"{row['error']['type']}: {row['error']['message']}", 48)
    return one_line(row["input_preview"] or "", 48)


_COLUMNS = (
    Column("STARTED", lambda row: short_time(row["started_at"])),
    Column("TRACE", "trace_id"),
    Column("STATUS", "status"),
    Column("MODEL", lambda row: row["model"] or row["name"], rank=1),
    Column("TARGET", "target", rank=4),
    Column("TOOK", lambda row: milliseconds(row["duration_ms"]), right=True, rank=1),
    Column("IN", lambda row: tokens(row["usage"]["input_tokens"]), right=True, rank=3),
    Column("OUT", lambda row: tokens(row["usage"]["output_tokens"]), right=True, rank=3),
    Column("COST", lambda row: cost_text(row["cost"]), right=True, rank=2),
    Column("INPUT OR ERROR", _said, elastic=True),
)


@command.verb("list", example="genaiops trace list --since 24h --status error --text refund")
@click.option("--since", help="15m, 24h, 7d or an ISO time.")
@click.option("--until", help="15m, 24h, 7d or an ISO time.")
@click.option("--text", help='Full-text search in prompts and answers: words and "phrases".')
@click.option("--cache", type=click.Choice(["hit", "miss"]), help="What a cache said to it.")
@click.option("--slower-than", type=float, help="Milliseconds.")
@click.option("--score", "scores", multiple=True, help="A score: NAME, NAME=LABEL, NAME>=0.5; repeatable.")
@click.option("--property", "properties", multiple=True, help="NAME=VALUE that its client said of it; repeatable.")
@click.option("--limit", type=click.IntRange(1), default=30, show_default=True, help="At most so many.")
@trace_filters
@connected
def list_(
    session: Session,
    limit: int,
    slower_than: float | None,
    text: str | None,
    properties: tuple[str, ...],
    scores: tuple[str, ...],
    **where: str | None,
) -> None:
    """List traces, the newest first."""
    query: dict[str, Any] = {**where, "q": text, "property": properties, "score": scores}
    if slower_than is not None:
        query["min_duration_us"] = int(slower_than * 1000)
    rows = list(session.client.pages("/api/traces", query, most=limit))
    session.output.rows(rows, _COLUMNS, empty="There is no such trace. Make some with `genaiops demo traffic`.")


@command.verb("export", example="genaiops trace export --since 24h --format parquet --output traces.parquet")
@click.option("--since", help="15m, 24h, 7d or an ISO time.")
@click.option("--until", help="15m, 24h, 7d or an ISO time.")
@click.option("--text", help='Full-text search in prompts and answers: words and "phrases".')
@click.option("--format", "form", type=click.Choice(["jsonl", "parquet"]), default="jsonl", show_default=True)
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="The file; without: standard output.")
@click.option("--limit", type=click.IntRange(1), help="At most so many traces. [all]")
@trace_filters
@connected
def export(
    session: Session,
    form: Literal["jsonl", "parquet"],
    output: Path | None,
    limit: int | None,
    text: str | None,
    **where: str | None,
) -> None:
    """Write traces to a file: JSONL has a trace a line, Parquet a span a row."""
    traces = session.client.pages("/api/traces/export", {**where, "q": text}, most=limit)
    written = write_traces(once(traces), form, output)
    if output is not None:
        session.output.result({"traces": written, "file": str(output)}, f"{written} traces are in {output}.")


@command.verb("show", example="genaiops trace show 019aa1c2d3e4f5061728394a5b6c7d8e")
@click.argument("trace_id")
@connected
def show(session: Session, trace_id: str) -> None:
    """Show one trace: its spans as a tree, tokens, cost and the conversation."""
    trace = session.client.get(path_of("/api/traces", trace_id))
    if session.output.as_json:
        session.output.json(trace)
        return
    for line in trace_lines(trace):
        session.output.line(line)


@command.verb("claims", example="genaiops trace claims 019aa1c2d3e4f5061728394a5b6c7d8e")
@click.argument("trace_id")
@connected
def claims(session: Session, trace_id: str) -> None:
    """List the claims of an answer with verdict and source, held against what was retrieved for it."""
    show_claims(session.output, session.client.get(path_of("/api/traces", trace_id, "claims")))


@command.verb("tail", example="genaiops trace tail --status error")
@click.option("--count", type=click.IntRange(1), help="End after so many. [Ctrl-C ends it]")
@trace_filters
@connected
def tail(session: Session, count: int | None, **where: str | None) -> None:
    """Show traces as they come, until Ctrl-C."""
    seen = 0
    try:
        with session.client.stream("GET", "/api/traces/tail", query=where) as stream:
            for event in stream:
                row: Any = event.json()
                if "trace_id" not in row:
                    continue  # a sign of life
                _print_row(session, row)
                seen += 1
                if seen == count:
                    return
    except KeyboardInterrupt:
        return


def _print_row(session: Session, row: Row) -> None:
    if session.output.as_json:
        session.output.json_line(row)
        return
    usage = row["usage"]
    session.output.line(
        f"{short_time(row['started_at'])}  {row['trace_id']}  {row['status']:9}  {row['model'] or row['name']}  "
        f"{milliseconds(row['duration_ms'])}  {usage['input_tokens']}+{usage['output_tokens']} tokens  "
        f"{cost_text(row['cost'])}  {_said(row)}"
    )


@command.verb("score", example="genaiops trace score 019aa1c2d3e4f5061728394a5b6c7d8e helpful 0.8 --comment short")
@click.argument("trace_id")
@click.argument("name")
@click.argument("value")
@click.option(
    "--source",
    type=click.Choice(["person", "model", "code", "user"]),
    default="person",
    show_default=True,
    help="Whose.",
)
@click.option("--comment", default="", help="Why.")
@click.option("--span", "span_id", help="Of one span instead of the whole trace.")
@click.option("--identifier", help="The same one again changes nothing. [a new one]")
@connected
def score(session: Session, trace_id: str, name: str, value: str, **more: str | None) -> None:
    """Add a judgement: a number, true or false, or a label."""
    body: dict[str, Any] = {field: text for field, text in more.items() if text is not None}
    made = session.write("POST", "/api/scores", {"trace_id": trace_id, "name": name, "value": _judged(value), **body})
    shown = made["label"] if made["label"] is not None else f"{made['value']:g}"
    session.output.result(made, f"{name} of {trace_id} is {shown}.")


def _judged(text: str) -> float | bool | str:
    if text in {"true", "false"}:
        return text == "true"
    try:
        number = float(text)
    except ValueError:
        return text
    return number if math.isfinite(number) else text


_SCORE_COLUMNS = (
    Column("MADE", lambda row: short_time(row["created_at"])),
    Column("TRACE", "trace_id"),
    Column("NAME", "name"),
    Column("VALUE", "value", right=True),
    Column("LABEL", "label"),
    Column("SOURCE", "source", rank=1),
    Column("COMMENT", lambda row: one_line(row["comment"]), elastic=True, rank=2),
)


@command.verb("scores", example="genaiops trace scores --since 7d --name helpful --json")
@click.option("--name", help="Only of this name.")
@click.option("--since", help="Made since: 15m, 24h, 7d or an ISO time.")
@click.option("--until", help="Made until.")
@click.option("--limit", type=click.IntRange(1), help="At most so many. [all]")
@connected
def scores_(session: Session, limit: int | None, **where: str | None) -> None:
    """List scores, the oldest first; with --json to take them along."""
    found = list(session.client.pages("/api/scores", where, most=limit))
    session.output.rows(found, _SCORE_COLUMNS, empty="There is no such score. Add one with `genaiops trace score`.")


@command.verb("erase", example='genaiops trace erase --user customer-42 --reason "request 2026-117" --dry-run')
@click.option("--user", "user_id", required=True, help="The end user, as traces name them.")
@click.option("--reason", default="", help="Why; it stays in the audit log and must not name the person.")
@click.option("--tenant", "tenant_id", help="Only in this business unit. [all that you see]")
@click.option("--dry-run", is_flag=True, help="Only say what would go.")
@click.option("--yes", is_flag=True, help="Ask nothing.")
@connected
def erase(session: Session, user_id: str, reason: str, tenant_id: str | None, dry_run: bool, yes: bool) -> None:
    """Erase an end user: who they are and what was said goes from all their traces, figures stay."""
    person = {"user_id": user_id, "tenant_id": tenant_id}
    foreseen = session.client.post("/api/erasures/preview", person)
    if dry_run:
        session.output.result(foreseen, "\n".join(_erasing.foreseen_lines(foreseen)))
        return
    if not yes:
        _erasing.ask(session, user_id, foreseen)
    begun = session.client.post("/api/erasures", {**person, "reason": reason})
    done = _erasing.wait(session, begun)
    session.output.result(done, "\n".join(_erasing.done_lines(done)))


_ERASURE_COLUMNS = (
    Column("BEGUN", lambda row: short_time(row["begun_at"])),
    Column("ERASURE", "id"),
    Column("STATE", "state"),
    Column("TRACES", lambda row: tokens(row["traces"]), right=True),
    Column("BY", "begun_by_name", rank=1),
    Column("REASON", lambda row: one_line(row["reason"]), elastic=True),
)


@command.verb("erasures", example="genaiops trace erasures --json")
@connected
def erasures(session: Session) -> None:
    """List erasures of end users, the newest first."""
    rows = with_names(session, session.items("/api/erasures"), "begun_by")
    session.output.rows(rows, _ERASURE_COLUMNS, empty="Nobody was erased here.")
