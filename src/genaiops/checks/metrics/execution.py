"""Metrics that run what was answered: a program by its tests, a statement of SQL by its result."""

import re
from collections.abc import Mapping, Sequence
from math import isclose
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta

from genaiops.checks.metrics._metric import Asking, Making, read_options
from genaiops.domain import Measure, MetricCard, Sample
from genaiops.ports.metrics import Consulting, Means
from genaiops.ports.sandbox import Bounds, CodeTask, InputOutput, QueryTask, Sandbox, Table

_RUNS: Final = "It runs what was answered"
_FENCE: Final = re.compile(r"^[ \t]*```[ \t]*([A-Za-z0-9+#]*)[^\n]*\n(.*?)(?:^[ \t]*```|\Z)", re.MULTILINE | re.DOTALL)
_ORDERED: Final = re.compile(r"\border\s+by\b", re.IGNORECASE)
_QUOTED: Final = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|--[^\n]*|/\*.*?\*/", re.DOTALL)

Value = int | float | str | bytes | None


def fenced(text: str, languages: Sequence[str]) -> str:
    """The first fenced block of one of these languages, or of none; without one the whole text."""
    for block in _FENCE.finditer(text):
        if block[1].lower() in (*languages, ""):
            return block[2]
    return text


# --- code ---


class _CodeOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    language: Literal["python"] = "python"
    test: str = "test"
    setup: str = "setup"
    entry_point: str = "entry_point"
    io: str = "io"
    after_input: bool = False
    seconds: Annotated[float, Meta(gt=0, le=600)] = 10.0
    memory: Annotated[int, Meta(ge=64, le=16_384)] = 512


class _Lacking(Exception):
    """A case has not what is needed, or not in its form."""


def _code(options: Mapping[str, Any]) -> Consulting:
    chosen = read_options(_CodeOptions, options, "code")

    def one(sample: Sample, means: Means) -> Measure:
        try:
            task = _task(sample, chosen)
        except _Lacking as error:
            return Measure(error=str(error))
        ran = means.sandbox.code(task)
        if ran.ended == "error":
            return Measure(error=ran.reason)
        return Measure(value=float(ran.ended == "passed"), reason=ran.reason)

    card = MetricCard(
        name="code",
        title="Code that passes its tests",
        version="1",
        threshold=1.0,
        needs=("output",),
        source="1 when the answer's program (its first fenced block, else all of it) passes all tests of the case, in "
        "a sandbox. With repeats, pass_at = k of the check is pass@k (Chen et al., arXiv 2107.03374, 2021).",
        options={
            "language": "python (python)",
            "test": "field of the case's metadata with the tests in Python: a text or a list of texts, or a function "
            "check(candidate) (test)",
            "setup": "field with code that runs before the tests (setup)",
            "entry_point": "field with the name that check is called with (entry_point)",
            "io": "field with runs of the whole program: a list of {stdin, stdout} (io)",
            "after_input": "the answer goes on where the case's input ends, as HumanEval's do (false)",
            "seconds": "for all tests of an answer (10)",
            "memory": "MiB of address space (512)",
        },
        tasks=("code",),
        about="The program has the standard library only, no network, no files and no other process. Tests compare "
        "plain values (numbers, texts, lists, sets, dictionaries): objects of the program equal nothing.",
    )
    return Asking(card, one, asks=_RUNS, executes=True)


def _task(sample: Sample, chosen: _CodeOptions) -> CodeTask:
    fields = sample.metadata
    test = _lines(fields.get(chosen.test), chosen.test)
    runs = fields.get(chosen.io) or ()
    if not test and not runs:
        raise _Lacking(f"The case has no tests: its metadata has neither {chosen.test} nor {chosen.io}.")
    try:
        io = msgspec.convert(runs, tuple[InputOutput, ...])
    except msgspec.ValidationError as error:
        raise _Lacking(f"{chosen.io} of the case is no list of {{stdin, stdout}}: {error}") from None
    program = fenced(sample.output, ("python", "py", "python3"))
    entry = fields.get(chosen.entry_point) or ""
    return CodeTask(
        program=f"{sample.input}{program}" if chosen.after_input else program,
        test=test,
        setup=_lines(fields.get(chosen.setup), chosen.setup),
        entry_point=str(entry),
        io=io,
        bounds=Bounds(seconds=chosen.seconds, memory=chosen.memory),
    )


def _lines(value: Any, field: str) -> str:
    if value is None or isinstance(value, str):
        return value or ""
    try:
        return "\n".join(msgspec.convert(value, tuple[str, ...]))
    except msgspec.ValidationError:
        raise _Lacking(f"{field} of the case is neither a text nor a list of texts.") from None


# --- SQL ---


class _SqlOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    order: Literal["auto", "yes", "no"] = "auto"
    columns: bool = False
    seconds: Annotated[float, Meta(gt=0, le=600)] = 10.0
    memory: Annotated[int, Meta(ge=64, le=16_384)] = 512


def _sql(options: Mapping[str, Any]) -> Consulting:
    chosen = read_options(_SqlOptions, options, "sql")

    def one(sample: Sample, means: Means) -> Measure:
        try:
            wanted = _wanted(sample, chosen, means.sandbox)
        except _Lacking as error:
            return Measure(error=str(error))
        found = means.sandbox.query(_query(sample, chosen, fenced(sample.output, ("sql", "sqlite", "sqlite3"))))
        if found.broken:
            return Measure(error=found.fault)
        if found.fault:
            return Measure(value=0.0, reason=found.fault)
        said = [_apart(found, table, ordered=ordered, names=chosen.columns) for table, ordered in wanted]
        return Measure(value=float("" in said), reason="" if "" in said else said[0])

    card = MetricCard(
        name="sql",
        title="SQL with the right result",
        version="1",
        threshold=1.0,
        needs=("output",),
        source="1 when the answer's statement has the result of a reference: the same rows as often, in their order "
        "where the reference orders them; 1 and 1.0 are the same number (to 9 digits), 1 and '1' are not. Run by "
        "SQLite over the schema and the rows of the case.",
        options={
            "order": "yes, no, or auto: rows have to stand in the order of a reference that has ORDER BY (auto)",
            "columns": "columns have to be called alike, too (false)",
            "seconds": "for one statement (10)",
            "memory": "MiB of address space (512)",
        },
        tasks=("sql",),
        about="The case's metadata has schema (a script of SQLite), rows (table -> rows) or both. References are "
        "statements in expected, or the rows themselves as result. A statement may only read.",
    )
    return Asking(card, one, asks=_RUNS, executes=True)


def _query(sample: Sample, chosen: _SqlOptions, statement: str) -> QueryTask:
    schema, rows = sample.metadata.get("schema", ""), sample.metadata.get("rows", {})
    try:
        tables = msgspec.convert(rows, dict[str, list[list[Any] | dict[str, Any]]])
    except msgspec.ValidationError as error:
        raise _Lacking(f"rows of the case are no tables with lists of rows: {error}") from None
    if not isinstance(schema, str):
        raise _Lacking("schema of the case is no text.")
    bounds = Bounds(seconds=chosen.seconds, memory=chosen.memory)
    return QueryTask(query=statement.strip(), schema=schema, rows=tables, bounds=bounds)


def _wanted(sample: Sample, chosen: _SqlOptions, sandbox: Sandbox) -> list[tuple[Table, bool]]:
    """Results that are right, and whether their order is."""
    if "result" in sample.metadata:
        try:
            rows = msgspec.convert(sample.metadata["result"], tuple[tuple[int | float | str | None, ...], ...])
        except msgspec.ValidationError as error:
            raise _Lacking(f"result of the case is no list of rows: {error}") from None
        return [(Table(rows=rows), chosen.order == "yes")]
    if not sample.expected:
        raise _Lacking("The case has neither a statement in expected nor a result in its metadata.")
    wanted: list[tuple[Table, bool]] = []
    for statement in sample.expected:
        table = sandbox.query(_query(sample, chosen, statement))
        if table.fault:
            raise _Lacking(f"The reference {statement[:80]!r} does not run: {table.fault}")
        wanted.append((table, chosen.order == "yes" or (chosen.order == "auto" and is_ordered(statement))))
    return wanted


def is_ordered(statement: str) -> bool:
    """Whether it has an ORDER BY of its own, outside of brackets."""
    text = _QUOTED.sub(" ", statement)
    outer, depth = list[str](), 0
    for sign in text:
        depth += (sign == "(") - (sign == ")")
        outer.append(sign if depth <= 0 else " ")
    return bool(_ORDERED.search("".join(outer)))


def _apart(found: Table, wanted: Table, *, ordered: bool, names: bool) -> str:
    """How a result differs; empty where it does not."""
    if names and wanted.columns and found.columns != wanted.columns:
        return f"Its columns are {', '.join(found.columns)}, and not {', '.join(wanted.columns)}."[:300]
    if len(found.rows) != len(wanted.rows):
        return f"It has {len(found.rows)} rows, and not {len(wanted.rows)}."
    width = len(wanted.rows[0]) if wanted.rows else 0
    if found.rows and len(found.rows[0]) != width:
        return f"It has {len(found.rows[0])} columns, and not {width}."
    mine, theirs = (list(table.rows) if ordered else sorted(table.rows, key=_key) for table in (found, wanted))
    for one, other in zip(mine, theirs, strict=True):
        if not all(map(_same, one, other)):
            place = "in this order" if ordered else "among them"
            return f"It has no row {other!r} {place}; there is {one!r}."[:300]
    return ""


def _key(row: Sequence[Value]) -> list[tuple[int, float, str]]:
    return [_rank(value) for value in row]


def _rank(value: Value) -> tuple[int, float, str]:
    if isinstance(value, int | float):
        return 1, float(f"{value:.9g}"), ""
    return (0, 0.0, "") if value is None else (2, 0.0, value) if isinstance(value, str) else (3, 0.0, value.hex())


def _same(one: Value, other: Value) -> bool:
    if isinstance(one, int) and isinstance(other, int):
        return one == other
    if isinstance(one, int | float) and isinstance(other, int | float):
        return isclose(one, other, rel_tol=1e-9, abs_tol=1e-12)
    return type(one) is type(other) and one == other


MAKING: Final[Mapping[str, Making]] = {"code": _code, "sql": _sql}
