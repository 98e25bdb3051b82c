"""`genaiops import`: the configuration of another gateway as a description for `genaiops apply`; prompts, traces and
scores of other systems' exports.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from genaiops.app.importing import import_litellm
from genaiops.cli._applying import How, carry_out
from genaiops.cli._described import Described, located, read_yaml, to_yaml
from genaiops.cli._noun import noun
from genaiops.cli._output import Row
from genaiops.cli._session import Session, connected
from genaiops.core.errors import UsageError

if TYPE_CHECKING:
    from genaiops.app.exported import Found

command = noun("import", "Take over the configuration of another gateway, or what other systems exported.")

_HEADINGS = {
    "do": "To be done:",
    "changed": "Taken over, and meaning something else here:",
    "lost": "Without a counterpart:",
}


@command.verb("litellm", example="genaiops import litellm config.yaml -o genaiops.yaml")
@click.argument("file")
@click.option("-o", "--output", "target", type=click.Path(dir_okay=False, path_type=Path), help="A file to write.")
@click.option("--apply", "at_once", is_flag=True, help="Apply it, as `genaiops apply` does. [print it]")
@click.option("--yes", is_flag=True, help="With --apply: do not ask. [asks on a terminal]")
@connected
def litellm(session: Session, file: str, target: Path | None, at_once: bool, yes: bool) -> int:
    """Translate a config.yaml of LiteLLM: models, routing, fallbacks, the budget. What has no counterpart is reported
    on standard error. No secret is taken over, and nothing is sent anywhere without --apply."""
    described = read_yaml(file)
    try:
        made = import_litellm(described.document)
    except UsageError as error:
        raise located(error, described) from error
    findings = [{"place": described.place(each.path), **msgspec.structs.asdict(each)} for each in made.findings]
    output = session.output
    if not output.as_json or at_once:
        _report(session, findings)
    if target is not None:
        try:
            target.write_text(to_yaml(made.state), encoding="utf-8")
        except OSError as error:
            raise UsageError(f"{target} cannot be written: {error}.", remedy="Name another file.") from error
        output.note(f"{target} is written.")
    if at_once:
        return carry_out(session, Described(made.state, {}), How(yes=yes))
    if output.as_json:
        output.json({"state": made.state, "findings": findings})
    elif target is None:
        click.echo(to_yaml(made.state), nl=False)
    return 0


@command.verb("langfuse", example="genaiops import langfuse exports/ --dry-run")
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--dry-run", is_flag=True, help="Only say what would be taken over.")
@connected
def langfuse(session: Session, path: Path, dry_run: bool) -> int:
    """Take over traces, scores and prompts of PATH: JSON, JSONL or CSV that Langfuse exported, or a folder of them."""
    from genaiops.app.exported import read_langfuse

    return _taken_over(session, read_langfuse(path), "langfuse", dry=dry_run)


@command.verb("mlflow", example="genaiops import mlflow mlflow.db --dry-run")
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--dry-run", is_flag=True, help="Only say what would be taken over.")
@connected
def mlflow(session: Session, path: Path, dry_run: bool) -> int:
    """Take over traces, assessments and prompts of PATH: MLflow's database on SQLite, traces as JSON or JSONL, or a
    folder of these."""
    from genaiops.app.exported import read_mlflow

    return _taken_over(session, read_mlflow(path), "mlflow", dry=dry_run)


def _taken_over(session: Session, found: "Found", scope: str, *, dry: bool) -> int:
    """Exit status 1 when something that has a counterpart was not taken."""
    from genaiops.cli import _taking_over

    report = _taking_over.foreseen(found) if dry else _taking_over.take_over(session, found, scope=scope)
    whole = {**report, "dry_run": dry, "changed": found.changed, "lost": found.lost}
    session.output.result(whole, "\n".join(_taking_over.report_lines(report, found, dry=dry)))
    return 1 if report["errors"] else 0


def _report(session: Session, findings: Sequence[Row]) -> None:
    for effect, heading in _HEADINGS.items():
        told = sorted((each for each in findings if each["effect"] == effect), key=_line)
        if told:
            session.output.note(heading)
        for each in told:
            session.output.note(f"  {each['place']}: {each['path']}: {each['what']}")
            session.output.note(f"      {each['instead']}")


def _line(finding: Row) -> int:
    number = (finding["place"] or "").rpartition(":")[2]
    return int(number) if number.isdigit() else 0
