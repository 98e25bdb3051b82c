"""`genaiops trace`: what happened, call by call."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

from genaiops.cli._noun import noun
from genaiops.cli._output import Column, Row, one_line
from genaiops.cli._session import Session, connected
from genaiops.cli._trace_text import cost_text, trace_lines
from genaiops.cli._values import milliseconds, short_time, tokens
from genaiops.sdk import path_of

R = TypeVar("R")

command = noun("trace", "Traces: every call with its spans, tokens, timing and cost.")


def _said(row: Row) -> str:
    if row["error"] is not None:
        return one_line(f"{row['error']['type']}: {row['error']['message']}", 48)
    return one_line(row["input_preview"] or "", 48)


_COLUMNS = (
    Column("STARTED", lambda row: short_time(row["started_at"])),
    Column("TRACE", "trace_id"),
    Column("STATUS", "status"),
    Column("MODEL", "model", rank=1),
    Column("TARGET", "target", rank=4),
    Column("TOOK", lambda row: milliseconds(row["duration_ms"]), right=True, rank=1),
    Column("IN", lambda row: tokens(row["usage"]["input_tokens"]), right=True, rank=3),
    Column("OUT", lambda row: tokens(row["usage"]["output_tokens"]), right=True, rank=3),
    Column("COST", lambda row: cost_text(row["cost"]), right=True, rank=2),
    Column("INPUT OR ERROR", _said, elastic=True),
)


def _filters(function: Callable[..., R]) -> Callable[..., R]:
    """The conditions of a list of traces; the names of the API's parameters."""
    for option in reversed(
        (
            click.option("--status", type=click.Choice(["ok", "error", "cancelled", "aborted"])),
            click.option("--model", help="The model that was asked for."),
            click.option("--target", "target_id", help="The target that answered."),
            click.option("--key-id", help="The id of the key."),
            click.option("--team", "team_id", help="Of the keys of a team."),
            click.option("--env", "environment_id", help="In an environment."),
            click.option("--app", "application", help="By an application."),
            click.option("--user", "user_id", help="The end user."),
            click.option("--session", "session_id", help="Of one conversation."),
            click.option("--operation", type=click.Choice(["chat", "text_completion", "embeddings"])),
            click.option("--error-type", help="What failed: rate_limit_exceeded, upstream_error, ..."),
        )
    ):
        function = option(function)
    return function


@command.verb("list", example="genaiops trace list --since 24h --status error --text refund")
@click.option("--since", help="15m, 24h, 7d or an ISO time.")
@click.option("--until", help="15m, 24h, 7d or an ISO time.")
@click.option("--text", help='Full-text search in prompts and answers: words and "phrases".')
@click.option("--slower-than", type=float, help="Milliseconds.")
@click.option("--property", "properties", multiple=True, help="NAME=VALUE that its client said of it; repeatable.")
@click.option("--limit", type=click.IntRange(1), default=30, show_default=True, help="At most so many.")
@_filters
@connected
def list_(
    session: Session,
    limit: int,
    slower_than: float | None,
    text: str | None,
    properties: tuple[str, ...],
    **where: str | None,
) -> None:
    """List traces, the newest first."""
    query: dict[str, Any] = {**where, "q": text, "property": properties}
    if slower_than is not None:
        query["min_duration_us"] = int(slower_than * 1000)
    rows = list(session.client.pages("/api/traces", query, most=limit))
    session.output.rows(rows, _COLUMNS, empty="There is no such trace. Make some with `genaiops demo traffic`.")


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


@command.verb("tail", example="genaiops trace tail --status error")
@click.option("--count", type=click.IntRange(1), help="End after so many. [Ctrl-C ends it]")
@_filters
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
        f"{short_time(row['started_at'])}  {row['trace_id']}  {row['status']:9}  {row['model'] or '-'}  "
        f"{milliseconds(row['duration_ms'])}  {usage['input_tokens']}+{usage['output_tokens']} tokens  "
        f"{cost_text(row['cost'])}  {_said(row)}"
    )
