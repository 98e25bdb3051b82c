"""`genaiops dataset`: rows with immutable versions."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click
import msgspec

from genaiops.cli._name_and_file import name_and_file
from genaiops.cli._noun import noun
from genaiops.cli._output import Column, Row, one_line
from genaiops.cli._people import with_names
from genaiops.cli._queue_text import found_run
from genaiops.cli._session import Session, connected, consenting
from genaiops.cli._trace_filters import trace_filters
from genaiops.cli._values import pairs, short_time, tokens
from genaiops.core.counting import counted
from genaiops.core.errors import UsageError
from genaiops.sdk import dataset_rows, file_rows, format_of, push_dataset, written

command = noun("dataset", "Datasets: rows with immutable versions, from files, data frames and traces.")

_COLUMNS = (
    Column("DATASET", "name"),
    Column("ROWS", lambda row: tokens(row["latest"]["rows"]), right=True),
    Column("SIZE", lambda row: _size(row["latest"]["bytes"]), right=True, rank=1),
    Column("LICENCE", lambda row: row["latest"]["licence"], rank=2),
    Column("LATEST", lambda row: _short(row["latest"]["digest"])),
    Column("SINCE", lambda row: short_time(row["latest"]["created_at"]), rank=1),
    Column("DESCRIPTION", lambda row: one_line(row["latest"]["description"]), elastic=True, rank=3),
)
_FORMATS = click.Choice(["jsonl", "csv", "parquet"])


@command.verb("push", example="genaiops dataset push support/questions questions.jsonl --licence CC-BY-4.0")
@click.argument("name")
@click.argument("file")
@click.option("--format", "kind", type=_FORMATS, help="What the file is. [by its name]")
@click.option(
    "--text", "as_text", is_flag=True, help="Every column of a CSV file is text. [numbers, true, false, JSON]"
)
@click.option("--title", default="", help="A line for people; kept with the first version.")
@click.option("--description", default="", help="What this version is.")
@click.option("--licence", default="", help="The licence of the rows, such as CC-BY-4.0.")
@click.option("--alias", help="Let this name point at it.")
@click.option("--from", "sources", multiple=True, help="What it was made from, such as dataset/raw; repeatable.")
@consenting
@connected
def push(
    session: Session, name: str, file: str, kind: str | None, as_text: bool, alias: str | None, **told: Any
) -> None:
    """Make a version of the rows of a file: JSON lines, CSV or Parquet. The same rows again are the same version; a
    push that broke off goes on where it ended."""
    origin: dict[str, Any] = {field: told[field] for field in ("title", "description", "licence")}
    name, file = name_and_file(name, file, session.output)
    path = Path(file)
    origin |= {"kind": "file", "detail": {"file": path.name, "format": format_of(path, kind)}}
    named = [_pinned(session, source) for source in told["sources"]]
    origin["sources"] = [f"file/{path.name}", *named]
    seen = 0

    def progress(rows: int) -> None:
        nonlocal seen
        if rows - seen >= 50_000:
            seen = rows
            session.output.note(f"{rows:,} rows ...")

    made = push_dataset(session.client, name, file_rows(path, kind, as_text=as_text), told=progress, **origin)
    if alias is not None:
        _move(session, name, alias, made["id"], reason=told["reason"], emergency=told["emergency"])
    _told(session, made)


def _pinned(session: Session, source: str) -> str:
    """A dataset by its version; anything else as it is."""
    if not source.startswith("dataset/"):
        return source
    return session.client.get("/api/datasets/version", {"ref": source})["id"]


def _told(session: Session, made: Row, more: str = "") -> None:
    what = f"{made['dataset']}@{_short(made['digest'])}"
    if made["created"]:
        said = f"{what}: {counted(made['rows'], 'row')}, {_size(made['bytes'])}{more}"
    else:
        said = f"{what} was there already: these rows are that version."
    session.output.result(made, said)


@command.verb("list", example="genaiops dataset list")
@connected
def list_(session: Session) -> None:
    """List the datasets with their latest versions."""
    found = session.items("/api/datasets")
    session.output.rows(found, _COLUMNS, empty="There is no dataset. Make one with `genaiops dataset push NAME FILE`.")


@command.verb("show", example="genaiops dataset show support/questions@gold")
@click.argument("ref")
@connected
def show(session: Session, ref: str) -> None:
    """Show a version: NAME (the latest), NAME@ALIAS or NAME@sha256:DIGEST."""
    found: Row = session.client.get("/api/datasets/versions", {"ref": ref})
    (version,) = with_names(session, [found["version"]], "created_by")
    aliases = {each["name"]: each["version_id"] for each in found["aliases"]}
    session.output.facts(
        found,
        (
            ("dataset", version["dataset"]),
            ("version", version["digest"]),
            ("rows", tokens(version["rows"])),
            ("size", _size(version["bytes"])),
            ("licence", version["licence"]),
            ("description", version["description"]),
            ("from", _origin(version["source"])),
            ("made", f"{short_time(version['created_at'])} by {version['created_by_name']}"),
            ("aliases", [name for name, target in aliases.items() if target == version["id"]]),
            ("columns", [_column(each, version["rows"]) for each in version["columns"]]),
            ("versions", [_listed(each, aliases) for each in found["versions"]]),
        ),
    )


def _listed(version: Row, aliases: Mapping[str, str]) -> str:
    names = "".join(f" @{name}" for name, target in aliases.items() if target == version["id"])
    return f"{_short(version['digest'])}{names}"


def _column(column: Row, rows: int) -> str:
    missing = f", in {rows - column['missing']:,}" if column["missing"] else ""
    return f"{column['name']} ({' or '.join(column['types'])}{missing})"


def _origin(source: Row) -> str:
    return " ".join(str(value) for value in source.values() if isinstance(value, str | int))


@command.verb("head", example="genaiops dataset head support/questions -n 5")
@click.argument("ref")
@click.option("-n", "--limit", type=click.IntRange(1), default=10, show_default=True, help="So many rows.")
@connected
def head(session: Session, ref: str, limit: int) -> None:
    """Print the first rows, a JSON object a line."""
    for row in dataset_rows(session.client, ref, most=limit):
        session.output.json_line(row)


@command.verb("diff", example="genaiops dataset diff support/questions@gold support/questions --by id")
@click.argument("before")
@click.argument("after")
@click.option("--by", "field", help="A field that tells rows apart; two rows with the same one are a row that changed.")
@click.option("--limit", type=click.IntRange(0, 1000), default=20, show_default=True, help="Rows of each kind to show.")
@connected
def diff(session: Session, before: str, after: str, field: str | None, limit: int) -> int:
    """Compare two versions by row. Status 1 when they differ."""
    found: Row = session.client.get(
        "/api/datasets/diff", {"before": before, "after": after, "key": field, "limit": limit}
    )
    differs = bool(found["removed_count"] or found["added_count"] or found["changed_count"] or found["reordered"])
    if session.output.as_json:
        session.output.json(found)
        return int(differs)
    for sign, name in (("-", "removed"), ("+", "added")):
        for each in found[name]:
            session.output.line(f"{sign} {_json(each['row'])}")
        _more(session, found, name)
    for each in found["changed"]:
        session.output.line(f"~ {field}={_json(each['key'])}")
        was, now = each["before"], each["after"]
        for name in each["fields"]:
            session.output.line(f"    {name}: {_json(was.get(name))} -> {_json(now.get(name))}")
    _more(session, found, "changed")
    parts = [
        f"{found[f'{name}_count']:,} {name}" for name in ("removed", "added", "changed") if field or name != "changed"
    ]
    order = "; what stays stands in another order" if found["reordered"] else ""
    session.output.line(
        f"{', '.join(parts)}{order}. {found['rows_before']:,} rows before, {found['rows_after']:,} after."
    )
    return int(differs)


def _more(session: Session, found: Row, name: str) -> None:
    rest = found[f"{name}_count"] - len(found[name])
    if rest:
        session.output.line(f"  ... {rest:,} more {name}")


@command.verb("pull", example="genaiops dataset pull support/questions@gold -o questions.parquet")
@click.argument("ref")
@click.option(
    "-o", "--output", "file", type=click.Path(dir_okay=False, path_type=Path), required=True, help="The file to write."
)
@click.option("--format", "kind", type=_FORMATS, help="What to write. [by the file's name]")
@connected
def pull(session: Session, ref: str, file: Path, kind: str | None) -> None:
    """Write the rows of a version into a file, and check them against the version's digest."""
    chosen = format_of(file, kind)
    version: Row = session.client.get("/api/datasets/version", {"ref": ref})
    count = written(dataset_rows(session.client, version["id"]), file, chosen, version["columns"])
    session.output.result(
        {"id": version["id"], "file": str(file), "rows": count}, f"{file} is written: {counted(count, 'row')}."
    )


@command.verb("alias", example="genaiops dataset alias support/questions gold support/questions")
@click.argument("name")
@click.argument("alias_name", metavar="ALIAS")
@click.argument("ref")
@consenting
@connected
def alias(session: Session, name: str, alias_name: str, ref: str, **why: str | None) -> None:
    """Let NAME@ALIAS mean a version from now on."""
    moved = _move(session, name, alias_name, ref, **why)
    session.output.result(moved, f"{name}@{alias_name} is {_short(moved['version_id'].partition('@')[2])}.")


def _move(session: Session, name: str, alias_name: str, ref: str, **why: str | None) -> Any:
    return session.write("POST", "/api/datasets/aliases", {"name": name, "alias": alias_name, "ref": ref, **why})


@command.verb("from-traces", example="genaiops dataset from-traces support/seen --since 7d --filter status=ok")
@click.argument("name")
@click.option("--since", help="15m, 24h, 7d or an ISO time.")
@click.option("--until", help="15m, 24h, 7d or an ISO time.")
@click.option("--text", help='Full-text search in prompts and answers: words and "phrases".')
@click.option(
    "--score", "scores", multiple=True, help="A score that they have: NAME, NAME=LABEL, NAME>=0.5; repeatable."
)
@click.option("--filter", "more", multiple=True, help="A parameter of /api/traces, NAME=VALUE; repeatable.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=1000, show_default=True, help="The newest so many.")
@click.option("--description", default="", help="What this version is.")
@click.option("--licence", default="", help="The licence of the rows.")
@trace_filters
@connected
def from_traces(
    session: Session,
    name: str,
    text: str | None,
    scores: Sequence[str],
    more: Sequence[str],
    limit: int,
    **where: str | None,
) -> None:
    """Make a version of traces: input, output and metadata of each, and the trace as its source."""
    body = {"name": name, "limit": limit, "description": where.pop("description"), "licence": where.pop("licence")}
    conditions: dict[str, Any] = {field: value for field, value in where.items() if value is not None}
    conditions |= pairs(more, param="filter")
    if text is not None:
        conditions["q"] = text
    if scores:
        conditions["score"] = list(scores)
    for field in ("min_duration_us", "min_cost_nano"):
        if field in conditions:
            conditions[field] = _whole(conditions[field], field)
    made = session.write("POST", "/api/datasets/from-traces", {**body, "traces": conditions})
    more_text = f", of {counted(made['traces'], 'trace')}"
    if made["skipped"]:
        more_text += f"; {made['skipped']:,} without content were left out"
    version = made["version"]
    if session.output.as_json:
        session.output.json(made)
    else:
        _told(session, version, more_text)


@command.verb("add", example="genaiops dataset add support/cases --run latest --case order-4")
@click.argument("name")
@click.option("--trace", "trace_ids", multiple=True, help="A trace by its id; repeatable.")
@click.option("--run", "run_id", help="The answers of a run; latest: of the newest.")
@click.option("--target", help="Of this target. [all]")
@click.option("--case", "cases", multiple=True, help="Only this case of the run; repeatable.")
@click.option("--description", default="", help="What this version is.")
@click.option("--licence", default="", help="The licence of the rows.")
@connected
def add(
    session: Session,
    name: str,
    trace_ids: Sequence[str],
    run_id: str | None,
    target: str | None,
    cases: Sequence[str],
    **told: str,
) -> None:
    """Make a version that has traces, or cases of a run with their answers, beside the rows of the latest one."""
    body: dict[str, Any] = {"name": name, "trace_ids": list(trace_ids), **told}
    if run_id is not None:
        body["run"] = {"id": found_run(session, run_id), "target": target, "cases": list(cases)}
    _told(session, session.write("POST", "/api/datasets/add", body))


def _whole(text: str, field: str) -> int:
    if not text.isascii() or not text.isdigit():
        raise UsageError(f"{field}: {text!r} is no whole number.", remedy="Give digits.", param=field)
    return int(text)


def _json(value: Any) -> str:
    return one_line(msgspec.json.encode(value).decode(), 200)


def _short(digest: str) -> str:
    return digest[:19]


def _size(count: int) -> str:
    """`512 B`, `1.5 MB`."""
    for limit, unit in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if count >= limit:
            return f"{count / limit:.1f} {unit}"
    return f"{count} B"
