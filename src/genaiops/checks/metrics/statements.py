"""The metric `is_sql`: whether an answer is a statement of SQL, by its grammar, and looks only at what it may."""

import re
from collections.abc import Iterator, Mapping, Sequence
from importlib.util import find_spec
from typing import Any, Final, Literal

import msgspec

from genaiops.checks.metrics._metric import Making, OfEach, read_options
from genaiops.domain import Measure, MetricCard, Sample
from genaiops.ports.metrics import Metric

Dialect = Literal[
    "athena", "bigquery", "clickhouse", "databricks", "duckdb", "hive", "mysql", "oracle", "postgres", "redshift",
    "snowflake", "spark", "sqlite", "trino", "tsql",
]  # fmt: skip
_FENCE: Final = re.compile(r"^[ \t]{0,3}(`{3,}|~{3,})[ \t]*([^\r\n]*)$")
_LACKING: Final = "is_sql needs a package that is not installed: pip install 'genaiops[sql]'"


class _Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    dialect: Dialect = "mysql"
    tables: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    around: bool = False


def blocks(text: str) -> list[str]:
    """What stands between fences for SQL, or for no language."""
    found: list[str] = []
    fence, wanted, lines = "", False, list[str]()
    for line in text.splitlines():
        mark = _FENCE.match(line)
        if not fence and mark:
            fence, wanted, lines = mark[1], mark[2].strip().casefold() in ("", "sql"), []
        elif fence and mark and not mark[2].strip() and mark[1].startswith(fence):
            found += ["\n".join(lines).strip()] if wanted else []
            fence = ""
        else:
            lines.append(line)
    return found


def problem(text: str, chosen: _Options) -> str:
    """Why it is no such statement; empty: it is."""
    from sqlglot import ErrorLevel, exp, parse, tokenize
    from sqlglot.errors import SqlglotError

    if not text.strip():
        return "It is empty."
    if text.count("`") % 2:
        return "A quoted name is not closed."
    try:
        read = parse(text, read=chosen.dialect, error_level=ErrorLevel.RAISE)
    except (SqlglotError, RecursionError) as error:
        return f"It is no SQL of {chosen.dialect}: {str(error).splitlines()[0][:200]}"
    kinds = (
        exp.Query,
        exp.Insert,
        exp.Update,
        exp.Delete,
        exp.Merge,
        exp.Create,
        exp.DDL,
        exp.Drop,
        exp.Alter,
        exp.TruncateTable,
        exp.Describe,
        exp.Show,
        exp.Set,
        exp.Use,
    )
    found = [each for each in read if each is not None]
    if not found or not all(isinstance(each, (*kinds, exp.Transaction, exp.Commit, exp.Rollback)) for each in found):
        return f"It is no statement of SQL of {chosen.dialect}."
    if any(not select.expressions for each in found for select in each.find_all(exp.Select)):
        return "A SELECT names no column."
    if _lost_comma(tokenize(text, read=chosen.dialect)):
        return "A comma seems to be missing between two columns."
    for each in found:
        if chosen.dialect == "mysql" and any(
            isinstance(call, exp.GenerateSeries) or call.name.casefold() == "generate_series"
            for call in each.find_all(exp.GenerateSeries, exp.Anonymous)
        ):
            return "mysql has no generate_series."
        for what, seen, allowed in (
            ("tables", _tables(each), chosen.tables),
            ("columns", _columns(each), chosen.columns),
        ):
            foreign = [one for one in seen if allowed and not _allowed(one, allowed)]
            if foreign:
                return f"It looks at {what} that are not allowed: {', '.join(foreign)[:300]}."
    return ""


def _lost_comma(tokens: Sequence[Any]) -> bool:
    """`SELECT first last FROM`: one column, and a name after it without AS."""
    kinds = [each.token_type.name for each in tokens if each.token_type.name not in ("DISTINCT", "ALL")]
    return any(kinds[place : place + 4] == ["SELECT", "VAR", "VAR", "FROM"] for place in range(len(kinds)))


def _tables(statement: Any) -> Iterator[str]:
    """As promptfoo writes what is looked at: select::DATABASE::TABLE."""
    from sqlglot import exp

    named = {cte.alias_or_name for cte in statement.find_all(exp.CTE)}
    target = statement.find(exp.Table) if not isinstance(statement, exp.Query) else None
    for table in statement.find_all(exp.Table):
        if table.name and table.name not in named:
            mode = _mode(statement) if table is target else "select"
            yield f"{mode}::{table.db or 'null'}::{table.name}"


def _columns(statement: Any) -> Iterator[str]:
    from sqlglot import exp

    names = {table.alias_or_name: table.name for table in statement.find_all(exp.Table)}
    mode = _mode(statement)
    for star in statement.find_all(exp.Star):
        if isinstance(star.parent, exp.Select):
            yield f"{mode}::null::(.*)"
    for column in statement.find_all(exp.ColumnDef):
        yield f"{mode}::null::{column.name}"
    if isinstance(statement, exp.Insert) and isinstance(statement.this, exp.Schema):
        for column in statement.this.expressions:
            yield f"{mode}::{statement.this.this.name}::{column.name}"
    for column in statement.find_all(exp.Column):
        name = "(.*)" if isinstance(column.this, exp.Star) else column.name
        yield f"{mode}::{names.get(column.table, column.table) or 'null'}::{name}"


def _mode(statement: Any) -> str:
    return {"Insert": "insert", "Update": "update", "Delete": "delete", "Create": "create", "Drop": "drop"}.get(
        type(statement).__name__, "select"
    )


def _allowed(seen: str, allowed: Sequence[str]) -> bool:
    for pattern in allowed:
        written = [pattern]
        parts = pattern.split("::")
        if len(parts) == 3 and parts[1] != "null":
            written.append(f"{parts[0]}::null::{parts[2]}")
        for each in written:
            try:
                if re.fullmatch(each, seen, re.IGNORECASE) or each.casefold() == seen.casefold():
                    return True
            except re.error:
                continue
    return False


def _is_sql(options: Mapping[str, Any]) -> Metric:
    chosen = read_options(_Options, options, "is_sql")

    def one(sample: Sample) -> Measure:
        texts = (blocks(sample.output) if chosen.around else []) or [sample.output]
        told = ""
        for text in texts:
            told = problem(text, chosen)
            if not told:
                return Measure(value=1.0)
        return Measure(value=0.0, reason=told)

    card = MetricCard(
        name="is_sql",
        title="Is SQL",
        version="1",
        threshold=1.0,
        needs=("output",),
        source="1 when the answer is a statement by the grammar of the dialect, as sqlglot reads it, and looks only at "
        "what is allowed. Whether it gives the right rows says the metric sql.",
        options={
            "dialect": "mysql, postgres, sqlite, tsql, bigquery, snowflake ... (mysql)",
            "tables": "those that are allowed, as select::DATABASE::TABLE, a regular expression (all)",
            "columns": "likewise, as select::TABLE::COLUMN (all)",
            "around": "a statement in a fence among other text is enough (false)",
        },
        extra="sql",
        tasks=("sql",),
    )
    return OfEach(card, one, lacking="" if find_spec("sqlglot") else _LACKING)


MAKING: Final[Mapping[str, Making]] = {"is_sql": _is_sql}
