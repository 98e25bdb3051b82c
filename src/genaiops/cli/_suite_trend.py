"""`genaiops suite trend`, `board` and `look`: how a suite went from run to run, who answered it best, and a golden set
that is asked at once."""

import sys
from collections.abc import Callable, Mapping
from typing import Any

import click

from genaiops.cli._noun import Noun
from genaiops.cli._output import Column
from genaiops.cli._server_runs import followed, status_of, whole
from genaiops.cli._session import Session, connected
from genaiops.cli._suite_report import BY_PEOPLE, WORDS, Bar, people_said, show_report
from genaiops.cli._values import short_time


def _interval(row: Mapping[str, Any]) -> str | None:
    return None if row["low"] is None else f"{row['low']:.3g} to {row['high']:.3g}"


_TREND = (
    Column("BEGUN", "begun"),
    Column("RUN", "run", rank=1),
    Column("COMMIT", "commit", rank=1),
    Column("BRANCH", "branch", rank=2),
    Column("VERDICT", "verdict"),
    Column("TARGET", "target"),
    Column("CHECK", "check"),
    Column("MEAN", lambda row: None if row["mean"] is None else f"{row['mean']:.4g}", right=True),
    Column("BOUNDS", _interval, rank=1),
    Column("N", "n", right=True, rank=1),
    Column("WATCH", "watched"),
)


def _of(name: str) -> Callable[[Mapping[str, Any]], str | None]:
    def said(row: Mapping[str, Any]) -> str | None:
        return None if row[name] is None else f"{row[name]['mean']:.4g}"

    return said


def _rank(row: Mapping[str, Any]) -> str | None:
    if row["first"] is None:
        return None
    return str(row["first"]) if row["first"] == row["last"] else f"{row['first']} to {row['last']}"


_BOARD = (
    Column("RANK", _rank),
    Column("TARGET", "target"),
    Column("MEAN", _of("quality"), right=True),
    Column("BOUNDS", lambda row: None if row["quality"] is None else _interval(row["quality"]), rank=1),
    Column(BY_PEOPLE, lambda row: None if row["quality"] is None else people_said(row["quality"]["people"]), rank=1),
    Column("N", lambda row: None if row["quality"] is None else row["quality"]["n"], right=True, rank=1),
    Column(
        "MISSING", lambda row: None if row["quality"] is None else row["quality"]["missing"] or None, right=True, rank=2
    ),
    Column("COST", _of("cost"), right=True, rank=1),
    Column("SECONDS", _of("latency"), right=True, rank=1),
    Column("RUN", "run", rank=1),
    Column("ASKED", "asked", rank=2, elastic=True),
    Column("NOT RANKED", "apart", rank=1),
)


def add_trend(command: Noun) -> None:
    """Adds the verbs."""

    @command.verb("trend", example="genaiops suite trend answers --branch main")
    @click.argument("suite", metavar="NAME")
    @click.option("--commit", help="Of runs for this commit.")
    @click.option("--branch", help="Of runs for this branch.")
    @click.option("--limit", type=click.IntRange(1), default=20, show_default=True, help="At most so many runs.")
    @connected
    def trend(session: Session, suite: str, limit: int, **where: str | None) -> None:
        """Show how a suite went from run to run, newest first: by commit, with intervals, and what a golden set says
        beside its first runs."""
        found = list(session.client.pages("/api/suites/trend", {"suite": suite, **where}, most=limit))
        if session.output.as_json:
            session.output.json({"data": found})
            return
        rows = [_row(one, figure) for one in found for figure in one["figures"] or [None]]
        session.output.rows(
            rows,
            _TREND,
            empty=f"No run of {suite} is done. See which there are: genaiops suite list, genaiops run list",
        )

    @command.verb("board", example="genaiops suite board answers --check right")
    @click.argument("suite", metavar="NAME")
    @click.option("--check", default="", help="By which of its checks. [the first]")
    @connected
    def board(session: Session, suite: str, check: str) -> None:
        """Show who answered a suite best, over its newest runs: means with bounds, cost and seconds an answer. A rank
        is a range where the bounds tell nobody apart."""
        found = session.client.get("/api/suites/board", {"suite": suite, "check": check})
        if session.output.as_json:
            session.output.json(found)
            return
        judged = any(each["quality"] is not None and each["quality"]["people"] is not None for each in found["entries"])
        session.output.rows(
            found["entries"],
            [each for each in _BOARD if judged or each.title != BY_PEOPLE],
            empty=f"No run of {suite} is done. Run it: genaiops suite run {suite}@prod",
        )
        if found["entries"]:
            session.output.note(_note(found, judged=judged))

    @command.verb("look", example="genaiops suite look answers")
    @click.argument("suite", metavar="NAME")
    @connected
    def look(session: Session, suite: str) -> None:
        """Ask a golden set now (a suite whose version @prod says watch), without waiting until it is due."""
        begun = session.client.post("/api/suites/look", {"suite": suite})
        with Bar(session.output) as bar:
            followed(session, begun, bar)
        done = whole(session, begun["id"])
        show_report(session.output, done)
        sys.exit(status_of(done))


def _note(found: Mapping[str, Any], *, judged: bool) -> str:
    """What the ranks of a board mean."""
    by = f"By {found['check']} ({found['unit'] or 'measured'}; {'less' if found['falling'] else 'more'} is better)."
    if judged:
        by += " Ranks are by what the judge itself says; BY PEOPLE is what they would say, by their labels."
    if found["unranked"]:
        return f"{by} {found['unranked']}"
    return f"{by} All ranges of ranks hold together with {1 - found['alpha']:.4g} confidence."


def _row(one: Mapping[str, Any], figure: Mapping[str, Any] | None) -> dict[str, Any]:
    run = one["run"]
    facts = run["environment"]
    verdict = run["verdict"]
    nothing: dict[str, Any] = dict.fromkeys(("target", "check", "mean", "low", "high", "n"))
    return {
        "begun": short_time(run["created_at"]),
        "run": run["id"],
        "commit": (facts.get("commit") or "")[:12],
        "branch": facts.get("branch"),
        "verdict": None if verdict is None else WORDS[verdict["outcome"]],
        "watched": one["watched"],
        **nothing,
        **(figure or {}),
    }
