"""`genaiops run`: runs of suites, on the server and in commands."""

import sys
from typing import Any

import click

from genaiops.cli._fact_text import show_claims
from genaiops.cli._noun import noun
from genaiops.cli._output import Column, one_line
from genaiops.cli._run_compare import add_compare
from genaiops.cli._run_report import add_report
from genaiops.cli._run_slices import add_slices
from genaiops.cli._server_runs import followed, status_of, whole
from genaiops.cli._session import Session, connected
from genaiops.cli._suite_report import WORDS, Bar, show_report
from genaiops.cli._values import short_time
from genaiops.core.counting import counted
from genaiops.sdk import path_of

command = noun("run", "Runs of suites: what was asked, what it cost, and what the gate says.")

_RUNS = (
    Column("RUN", "id"),
    Column("SUITE", "name"),
    Column("STATE", "state"),
    Column("VERDICT", lambda row: None if row["verdict"] is None else WORDS[row["verdict"]["outcome"]]),
    Column("DONE", lambda row: f"{row['done']} of {row['total']}", right=True),
    Column("FAILED", "failed", right=True, rank=1),
    Column("COST", "cost", right=True, rank=1),
    Column("BEGUN", lambda row: short_time(row["created_at"]), rank=1),
    Column("BRANCH", lambda row: row["environment"].get("branch"), rank=2),
    Column("COMMIT", lambda row: (row["environment"].get("commit") or "")[:12], rank=2),
)
_OUTCOMES = click.Choice(["pass", "warn", "fail", "inconclusive", "error"])
_CASES = (
    Column("CASE", lambda row: row["case"]["id"]),
    Column("TARGET", "target"),
    Column("STATE", "state", rank=1),
    Column("CHECKS", "checks"),
    Column("INPUT", lambda row: one_line(str(row["case"].get("input") or row["case"].get("variables", ""))), rank=2),
    Column("OUTPUT", lambda row: one_line(row["output"]), elastic=True, rank=1),
)


@command.verb("list", example="genaiops run list --suite answers")
@click.option("--suite", help="Of this suite, all versions.")
@click.option("--state", type=click.Choice(["waiting", "running", "done", "stopped", "failed"]), help="In this state.")
@click.option("--commit", help="For this commit.")
@click.option("--branch", help="For this branch.")
@click.option("--pull-request", help="For this pull request.")
@click.option("--since", help="Begun since: 2026-11-21T14:30:00Z, 24h, 7d.")
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True, help="At most so many.")
@connected
def list_(session: Session, limit: int, **where: Any) -> None:
    """List runs, newest first."""
    found = list(session.client.pages("/api/runs", where, most=limit))
    session.output.rows(found, _RUNS, empty="There are no such runs. Begin one: genaiops suite run FILE")


@command.verb("show", example="genaiops run show run_01jd3v5t0c1qk9m8x7w6r5n4b3")
@click.argument("run_id", metavar="RUN")
@click.option("--follow", is_flag=True, help="Wait until it is over; the exit status is that of its gate.")
@connected
def show(session: Session, run_id: str, *, follow: bool) -> None:
    """Show how far a run is, what its gate says and why, and the first cases that were lost."""
    if follow:
        with Bar(session.output) as bar:
            followed(session, session.client.get(path_of("/api/runs", run_id)), bar)
    done = whole(session, run_id)
    show_report(session.output, done)
    if follow:
        sys.exit(status_of(done))


@command.verb("cases", example="genaiops run cases run_01jd3v5t0c1qk9m8x7w6r5n4b3 --outcome fail")
@click.argument("run_id", metavar="RUN")
@click.option("--target", help="Of this target.")
@click.option("--against", help="With --changed: the target that it is compared with.")
@click.option("--check", help="With --outcome: of this check.")
@click.option("--outcome", type=_OUTCOMES, help="That a check said this of.")
@click.option("--changed", type=click.Choice(["won", "lost"]), help="That --target won or lost against --against.")
@click.option("--slice", help="Of this slice.")
@click.option("--search", "q", help="With this in the id, the input or an output.")
@click.option("--limit", type=click.IntRange(1, 500), default=50, show_default=True, help="At most so many.")
@click.option("--start", type=click.IntRange(0), default=0, help="Leave out so many.")
@connected
def cases(session: Session, run_id: str, **where: Any) -> None:
    """List the cases of a run with what was answered and what the checks say."""
    found = session.client.get(path_of("/api/runs", run_id, "cases"), where)
    if session.output.as_json:
        session.output.json(found)
        return
    rows = [
        {**answer, "case": row["case"], "output": answer.get("output", ""), "checks": _checks(row, answer)}
        for row in found["data"]
        for answer in row["answers"]
        if where["target"] in (None, answer["target"], where["against"])
    ]
    session.output.rows(rows, _CASES, empty="No case of the run is like that.")
    if found["next"] is not None:
        session.output.note(f"{counted(found['total'], 'case')}; the next page: --start {found['next']}")


add_compare(command)
add_report(command)
add_slices(command)


@command.verb("claims", example="genaiops run claims run_01jd3v5t0c1qk9m8x7w6r5n4b3 --case q1")
@click.argument("run_id", metavar="RUN")
@click.option("--case", help="Only this case.")
@click.option("--target", help="Of this target.")
@click.option("--limit", type=click.IntRange(1, 200), default=20, show_default=True, help="At most so many cases.")
@click.option("--start", type=click.IntRange(0), default=0, help="Leave out so many.")
@connected
def claims(session: Session, run_id: str, **where: Any) -> None:
    """List the claims of the answers with verdict and source, held against the context of their cases, and what judges
    of the run said."""
    show_claims(session.output, session.client.get(path_of("/api/runs", run_id, "claims"), where))


@command.verb("stop", example="genaiops run stop run_01jd3v5t0c1qk9m8x7w6r5n4b3")
@click.argument("run_id", metavar="RUN")
@connected
def stop(session: Session, run_id: str) -> None:
    """Let a run begin nothing more; it keeps what it has, and can be resumed."""
    run = session.client.post(path_of("/api/runs", run_id, "stop"))
    session.output.result(run, f"{run['id']} stops: {run['done']} of {run['total']} answers are kept.")


@command.verb("resume", example="genaiops run resume run_01jd3v5t0c1qk9m8x7w6r5n4b3")
@click.argument("run_id", metavar="RUN")
@connected
def resume(session: Session, run_id: str) -> None:
    """Go on with a run that was stopped or failed, or ask again what got no answer."""
    run = session.client.post(path_of("/api/runs", run_id, "resume"))
    session.output.result(run, f"{run['id']} goes on: genaiops run show {run['id']} --follow")


@command.verb("delete", example="genaiops run delete run_01jd3v5t0c1qk9m8x7w6r5n4b3")
@click.argument("run_id", metavar="RUN")
@connected
def delete(session: Session, run_id: str) -> None:
    """Delete a run with its answers and verdicts."""
    session.client.delete(path_of("/api/runs", run_id))
    session.output.result({"deleted": run_id}, f"{run_id} is deleted.")


def _checks(row: dict[str, Any], answer: dict[str, Any]) -> str:
    """Each check with what it says of that answer."""
    place = (answer["target"], answer.get("repeat", 0))
    said = [
        f"{judged['check']}={judged['verdict']['outcome']}"
        for judged in row["judged"]
        if (judged["target"], judged.get("repeat", 0)) == place
    ]
    return " ".join(said) or str(answer.get("error", ""))
