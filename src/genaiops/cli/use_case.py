"""`genaiops use-case`: what an application is for, and the KPIs that gate its releases."""

from typing import Any

import click
import msgspec

from genaiops.cli._described import read_texts
from genaiops.cli._differences import show_differences
from genaiops.cli._kpi_lines import show_kpis, standing
from genaiops.cli._name_and_file import name_and_file
from genaiops.cli._noun import noun
from genaiops.cli._output import Column
from genaiops.cli._session import Session, connected, consenting
from genaiops.cli._values import short_time
from genaiops.cli._versions import short_version
from genaiops.sdk import path_of

command = noun("use-case", "Use cases: what an application is for, and the KPIs that gate its releases.")

_USE_CASES = (
    Column("USE CASE", "name"),
    Column("OWNER", "owner_name"),
    Column("APPLICATIONS", lambda row: row["use_case"].get("applications", [])),
    Column("KPIS", standing),
    Column("SINCE", lambda row: short_time(row["since"]), rank=1),
    Column("TITLE", lambda row: row["use_case"].get("title", ""), elastic=True, rank=2),
)
_FIGURES = (
    Column("KPI", "kpi"),
    Column("VALUE", lambda row: f"{row['value']:g}", right=True),
    Column("AT", lambda row: short_time(row["at"])),
    Column("BY", "by_name"),
    Column("NOTE", "note", elastic=True, rank=1),
)
_NO = {"not_met": 1, "not_measured": 1, "inconclusive": 4}


@command.verb("push", example="genaiops use-case push support support.toml")
@click.argument("name")
@click.argument("file")
@consenting
@connected
def push(session: Session, name: str, file: str, **why: str | None) -> None:
    """Set a use case as a FILE (TOML, YAML or JSON; -: standard input) says. It holds at once, and what it was is
    kept."""
    name, file = name_and_file(name, file, session.output)
    body = {"text": _text(file), **{field: value for field, value in why.items() if value}}
    made = session.write("PUT", path_of("/api/use-cases", name), body)
    session.output.result(made, f"{short_version(made['version'])} holds; it is owned by {made['owner_name']}.")
    if not session.output.as_json:
        show_kpis(session.output, made["kpis"])


@command.verb("check", example="genaiops use-case check support.toml")
@click.argument("file")
@connected
def check(session: Session, file: str) -> int:
    """Say what is wrong with a use case, with its line; nothing is kept. Exit status 1 when something is."""
    found = session.client.post("/api/use-cases/check", {"text": _text(file)})
    for fault in found["faults"]:
        line = f"line {fault['line']}: " if fault.get("line") else ""
        where = f" ({fault['path']})" if fault.get("path") else ""
        session.output.note(f"{line}{fault['message']}{where} {fault.get('remedy') or ''}".rstrip())
    for warning in found["warnings"]:
        session.output.note(f"warning: {warning}")
    session.output.result(found, "Nothing is wrong with it." if not found["faults"] else "It is refused.")
    return int(bool(found["faults"]))


@command.verb("schema", example="genaiops use-case schema")
@connected
def schema(session: Session) -> None:
    """Print the JSON Schema of use cases, for editors."""
    session.output.json(session.client.get("/api/use-cases/schema"))


@command.verb("list", example="genaiops use-case list")
@connected
def list_(session: Session) -> None:
    """List use cases, and how many of their KPIs are met."""
    rows = session.items("/api/use-cases")
    session.output.rows(rows, _USE_CASES, empty="There is no use case. Write one: genaiops use-case push NAME FILE")


@command.verb("show", example="genaiops use-case show support")
@click.argument("name")
@click.option("--release", metavar="APPLICATION@DIGEST", help="Of this release. [the newest, and what serves in prod]")
@click.option("--text", "as_text", is_flag=True, help="Print the file as it was pushed, to be pushed again.")
@connected
def show(session: Session, name: str, *, release: str | None, as_text: bool) -> int:
    """Show what it is for and how each KPI stands. Exit status 1 when one that a suite measures is not met or not
    measured, 4 when the cases do not decide."""
    found = session.client.get(path_of("/api/use-cases", name), {"release": release})
    if as_text:
        session.output.line(found["text"] or msgspec.json.format(msgspec.json.encode(found["use_case"])).decode())
        return 0
    states = [row["status"] for row in found["kpis"] if row["gates"]]
    status = 1 if any(_NO.get(each) == 1 for each in states) else 4 if "inconclusive" in states else 0
    if session.output.as_json:
        session.output.json(found)
        return status
    said = found["use_case"]
    case = said.get("business_case", {})
    session.output.facts(
        found,
        [
            ("use case", f"{found['name']}{': ' + said['title'] if said.get('title') else ''}"),
            ("owner", found["owner_name"]),
            ("applications", ", ".join(said.get("applications", [])) or "none yet"),
            ("problem", case.get("problem")),
            ("expected value", case.get("value")),
            ("who has it", case.get("beneficiaries")),
            *((f"requirement {each['id']}", each["text"]) for each in said.get("requirement", [])),
            ("version", short_version(found["version"])),
            ("since", f"{short_time(found['since'])}, set by {found['by_name']}"),
        ],
    )
    session.output.line()
    show_kpis(session.output, found["kpis"])
    return status


@command.verb("history", example="genaiops use-case history support")
@click.argument("name")
@connected
def history(session: Session, name: str) -> None:
    """List which version held since when, and who set it, newest first."""
    columns = (
        Column("SINCE", lambda row: short_time(row["at"])),
        Column("BY", "by_name"),
        Column("VERSION", lambda row: short_version(row["version"]) if row["version"] else "retired"),
    )
    rows = session.items(path_of("/api/use-cases", name, "history"))
    session.output.rows(rows, columns, empty="It has no history.")


@command.verb("diff", example="genaiops use-case diff support sha256:0123456789ab")
@click.argument("name")
@click.argument("before")
@click.argument("after", default="current")
@connected
def diff(session: Session, name: str, before: str, after: str) -> int:
    """Show what differs between two versions, by their digests. Exit status 1 when something does."""
    versions = [_whole(session, name, each) for each in (before, after)]
    return show_differences(session, *versions)


@command.verb("undo", example="genaiops use-case undo support")
@click.argument("name")
@click.option("--to", "version", metavar="DIGEST", help="The version that is to hold. [the one before]")
@connected
def undo(session: Session, name: str, version: str | None) -> None:
    """Set it back to an earlier version."""
    made = session.write("POST", path_of("/api/use-cases", name, "undo"), {"version": version})
    session.output.result(made, f"{short_version(made['version'])} holds.")


@command.verb("report", example="genaiops use-case report support handling-time 210 --note 'week 46, all sites'")
@click.argument("name")
@click.argument("kpi")
@click.argument("value", type=float)
@click.option("--at", help="When it was so: ISO 8601, or so long ago, such as 24h. [now]")
@click.option("--note", help="Where the figure comes from.")
@connected
def report(session: Session, name: str, kpi: str, value: float, **more: str | None) -> None:
    """Report a figure of a KPI that no suite measures."""
    body = {"kpi": kpi, "value": value, **{field: said for field, said in more.items() if said is not None}}
    made = session.write("POST", path_of("/api/use-cases", name, "figures"), body)
    session.output.result(made, f"{kpi} is {value:g}, as you say.")


@command.verb("figures", example="genaiops use-case figures support")
@click.argument("name")
@connected
def figures(session: Session, name: str) -> None:
    """List the figures that people reported, newest first."""
    rows = session.items(path_of("/api/use-cases", name, "figures"))
    empty = f"Nobody has reported one. Do: genaiops use-case report {name} KPI VALUE"
    session.output.rows(rows, _FIGURES, empty=empty)


@command.verb("retire", example="genaiops use-case retire support")
@click.argument("name")
@connected
def retire(session: Session, name: str) -> None:
    """Let it gate nothing any more. Its versions stay; pushing it brings it back."""
    session.write("DELETE", path_of("/api/use-cases", name))
    session.output.result({"name": name, "retired": True}, f"{name} is retired, and gates nothing any more.")


def _text(file: str) -> str:
    ((_, text),) = read_texts(file)
    return text


def _whole(session: Session, name: str, digest: str) -> str:
    """The id of a version by its digest, whole or as it is shown."""
    if digest == "current":
        return f"use-case/{name}@current"
    rows: list[dict[str, Any]] = session.items(path_of("/api/use-cases", name, "history"))
    digits = digest.rpartition("@")[2].removeprefix("sha256:")
    known = [row["version"] for row in rows if row["version"]]
    ids = {each for each in known if each.partition("@sha256:")[2].startswith(digits)}
    return ids.pop() if len(ids) == 1 and len(digits) >= 6 else f"use-case/{name}@{digest}"
