"""`genaiops suite select`: the targets of a run as candidates, and which one is chosen."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import click

from genaiops.cli._noun import Noun
from genaiops.cli._output import Column, Output
from genaiops.cli._session import Session, connected
from genaiops.core.errors import NotFound, UsageError
from genaiops.sdk import path_of

_STANDINGS: Final = {"front": "on the front", "not_separable": "not separable", "dominated": "dominated"}


def _figure(name: str) -> Any:
    def shown(row: Mapping[str, Any]) -> str | None:
        found = row["figures"].get(name)
        if found is None:
            return None
        low, high = found["ends"] or (found["low"], found["high"])
        bounds = "" if low is None else f" ({low:.3g} to {high:.3g})"
        return f"{found['mean']:.4g}{bounds}"

    return shown


def _standing(row: Mapping[str, Any]) -> str:
    by = f" by {', '.join(row['by'])}" if row["standing"] == "dominated" else ""
    apart = f" from {', '.join(row['by'])}" if row["standing"] == "not_separable" else ""
    return _STANDINGS[row["standing"]] + by + apart


_CANDIDATES: Final = (
    Column("CANDIDATE", "target"),
    Column("STANDING", _standing),
    Column("QUALITY", _figure("quality")),
    Column("COST", _figure("cost")),
    Column("SECONDS", _figure("latency")),
    Column("WH", _figure("energy"), rank=1),
    Column("LICENCE", "licence", rank=1),
    Column("RISK", "risk", rank=1),
    Column("ALLOWED", lambda row: row["not_allowed"] or "yes", rank=1, elastic=True),
)


def add_select(command: Noun) -> None:
    """Adds the verb."""

    @command.verb("select", example='genaiops suite select run_01 --choose small --reason "As good, at a third"')
    @click.argument("run")
    @click.option("-f", "--file", help="Licences, risks, retrieval of the candidates: TOML, YAML or JSON.")
    @click.option("--check", help="What says how good an answer is. [the suite's only check]")
    @click.option("--choose", "chosen", metavar="NAME", help="Propose this choice, for another person to approve.")
    @click.option("--reason", "reasons", multiple=True, help="Why; repeatable.")
    @click.option("--decided", is_flag=True, help="Show what was chosen, as it was then.")
    @click.option("-o", "--output", "report", metavar="FILE", help="Write the report: FILE.html, .md or .pdf, signed.")
    @connected
    def select(session: Session, run: str, *, decided: bool, report: str | None, **options: Any) -> None:
        """Compare the targets of a run by quality, cost, latency, energy, licence and risk, and record which one is
        chosen, why, and who approved it."""
        from genaiops.app.selection_reports import check_place, write_selection

        if report is not None:
            check_place(report)
        if decided:
            if any(options.values()):
                raise UsageError("--decided shows what is kept already.", remedy="Leave the other options out.")
            found = session.client.get(path_of("/api/runs", run, "selection"))
        else:
            found = _asked(session, run, options)
        if report is not None:
            write_selection(found, report, home=session.home)
        _show(session.output, found, report)


def _asked(session: Session, run: str, options: dict[str, Any]) -> dict[str, Any]:
    body: dict[str, Any] = {"check": options["check"]}
    if options["file"] is not None:
        body |= {"text": _text(options["file"]), "form": _form(options["file"])}
    path = path_of("/api/runs", run, "selection")
    if options["chosen"] is None:
        if options["reasons"]:
            raise UsageError("There is a reason, and no choice.", remedy="Say which: --choose NAME", param="choose")
        return session.client.post(f"{path}/comparison", body)
    return session.client.post(path, {**body, "chosen": options["chosen"], "reasons": list(options["reasons"])})


def _text(file: str) -> str:
    try:
        return Path(file).read_text(encoding="utf-8")
    except FileNotFoundError:
        raise NotFound(f"There is no file {file}.", remedy="Check the path.", param="file") from None
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{file} cannot be read: {error}.", remedy="Save it as UTF-8 text.", param="file") from None


def _form(file: str) -> str | None:
    return {".toml": "toml", ".json": "json", ".yaml": "yaml", ".yml": "yaml"}.get(Path(file).suffix.lower())


def _decided(decision: Mapping[str, Any]) -> str:
    """Approved, or how far it is."""
    if decision["state"] == "approved":
        at = decision["approved_at"] or decision["at"]
        return f"Chosen: {decision['chosen']}, approved by {decision['approver']} at {at}."
    if decision["state"] == "proposed":
        approve = f"genaiops approval approve {decision['approval']}"
        return f"Proposed: {decision['chosen']}. It is chosen when another person approves: {approve}"
    return f"Not chosen: {decision['chosen']} was proposed, and is {decision['state']}."


def _show(output: Output, found: dict[str, Any], report: str | None) -> None:
    if output.as_json:
        output.json(found)
        return
    selection, decision = found["selection"], found["decision"]
    output.rows(selection["candidates"], _CANDIDATES, empty="")
    for each in selection["candidates"]:
        for name in ("licence", "risk"):
            if each[f"{name}_from"] not in ("", "the selection"):
                output.line(f"{each['target']}: {name} {each[name]}, of {each[f'{name}_from']}.")
    if selection["unknown"]:
        output.line(f"Nothing is known of: {', '.join(selection['unknown'])}.")
    if decision is None:
        output.line(f"Nothing is chosen. Choose: genaiops suite select {selection['run']} --choose NAME --reason TEXT")
    else:
        output.line(_decided(decision))
        for reason in decision["reasons"]:
            output.line(f"  {reason}")
        for caution in decision["cautions"]:
            output.note(caution)
        output.line(f"Kept as {decision['version']}.")
    if report is not None:
        output.line(f"{report} is written.")
