"""A guard policy tried: on cases, and on calls that were recorded."""

import time
from pathlib import Path
from typing import Any

import msgspec

from genaiops.cli._described import read_texts
from genaiops.cli._guard_policies import source_of
from genaiops.cli._output import Column, Row
from genaiops.cli._session import Session
from genaiops.cli._values import short_time
from genaiops.core.errors import OutsideError, UsageError
from genaiops.sdk import path_of

_FAILED, _INCONCLUSIVE = 1, 4
_PAUSE = 0.2

_RESULTS = (
    Column("CASE", "number", right=True),
    Column("", lambda row: "pass" if row["passed"] else "FAIL"),
    Column("EXPECTED", lambda row: _wanted(row["expected"])),
    Column("GOT", lambda row: row["error"] or _got(row)),
    Column("RULES", "rules", rank=1),
    Column("NOTE", "note", rank=2, elastic=True),
)
_RULES = (
    Column("RULE", "rule"),
    Column("SAME", "both", right=True),
    Column("ONLY NOW", "lost", right=True),
    Column("ONLY CANDIDATE", "gained", right=True),
    Column("CHANGED", "changed", right=True),
    Column("STRICTER", "stricter", right=True),
    Column("MILDER", "milder", right=True),
)
_EXAMPLES = (
    Column("TRACE", "trace_id"),
    Column("STARTED", lambda row: short_time(row["started_at"]), rank=1),
    Column("NOW", lambda row: f"{row['before']} {_found(row['found_before'])}".strip()),
    Column("CANDIDATE", lambda row: f"{row['after']} {_found(row['found_after'])}".strip()),
    Column("RULES", "rules"),
    Column("WHERE", "places", rank=2),
)


def test_policy(session: Session, policy: str, cases: str, form: str | None, *, everything: bool) -> int:
    """Status 1 when a case fails."""
    body = source_of(policy, form)
    if cases == "-" or Path(cases).is_file():
        body["cases"] = _cases(cases)
    elif Path(cases).suffix in (".jsonl", ".json", ".ndjson"):
        raise UsageError(f"There is no file {cases}.", remedy="Name a file, or a dataset.", param="cases")
    else:
        body["dataset"] = cases.removeprefix("dataset/")
    found = session.client.post("/api/guards/test", body)
    failed = found["cases"] - found["passed"]
    if session.output.as_json:
        session.output.json(found)
    else:
        rows = [row for row in found["results"] if everything or not row["passed"]]
        if rows:
            session.output.rows(rows, _RESULTS, empty="")
        session.output.line(f"{found['passed']} of {found['cases']} cases passed.")
    return _FAILED if failed else 0


def replay_policy(
    session: Session, candidate: str, against: str | None, form: str | None, where: dict[str, Any]
) -> int:
    """Status 1 when something would be different, 4 when nothing could be judged."""
    body: dict[str, Any] = {"candidate": source_of(candidate, form), **where}
    if against is not None:
        body["against"] = source_of(against, form)
    run = session.client.post("/api/guards/replay", body)
    try:
        run = _followed(session, run)
    except KeyboardInterrupt:
        session.client.delete(path_of("/api/guards/replays", run["id"]))
        raise
    if run["error"] is not None or run["report"] is None:
        raise OutsideError(f"The replay {run['state']}: {run['error']}", remedy="Ask for it again.")
    report: dict[str, Any] = run["report"]
    if session.output.as_json:
        session.output.json(run)
    else:
        _tell(session, report)
    if not report["judged"]:
        return _INCONCLUSIVE
    return _FAILED if report["different"] else 0


def _followed(session: Session, run: dict[str, Any]) -> dict[str, Any]:
    told = 0
    while run["state"] in ("waiting", "running"):
        time.sleep(_PAUSE)
        run = session.client.get(path_of("/api/guards/replays", run["id"]))
        seen = 0 if run["report"] is None else run["report"]["seen"]
        if seen > told + 200:
            session.output.note(f"{seen} calls looked at ...")
            told = seen
    return run


def _tell(session: Session, report: dict[str, Any]) -> None:
    out = session.output
    out.line(f"{report['candidate']} instead of {report['against']}, calls since {short_time(report['since_at'])}:")
    unseen = report["not_recorded"] + report["foreign"] + report["unreadable"]
    out.line(f"{report['seen']} calls, {report['judged']} judged, {report['different']} of them differently.")
    if unseen:
        out.line(
            f"Not judged: {report['not_recorded']} without recorded content (capture off or preview), "
            f"{report['foreign']} of other programs, {report['unreadable']} unreadable"
            + (f" ({report['unreadable_why']})." if report["unreadable_why"] else ".")
        )
    if report["redacted"]:
        out.line(f"{report['redacted']} were redacted before they were recorded: what is gone cannot be found again.")
    if not report["complete"]:
        out.line(f"Older calls than {short_time(report['oldest_at'])} were not looked at (--limit).")
    if not report["judged"]:
        out.line("Nothing could be judged: write cases, and try them with genaiops policy test.")
    if report["rules"]:
        out.line("")
        out.rows(report["rules"], _RULES, empty="")
    moved = [(a, b, n) for a, after in report["actions"].items() for b, n in after.items() if a != b]
    for before, after, count in sorted(moved, key=lambda each: -each[2]):
        out.line(f"{count} calls: {before} becomes {after}.")
    if report["examples"]:
        out.line("")
        out.rows(report["examples"], _EXAMPLES, empty="")


def _cases(name: str) -> list[Any]:
    """One JSON object a line. UsageError names the line."""
    ((file, text),) = read_texts(name)
    found: list[Any] = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            found.append(msgspec.json.decode(line))
        except msgspec.DecodeError as error:
            raise UsageError(
                f"{file}:{number}: this is no JSON: {error}.", remedy="Write one object a line.", param="cases"
            ) from error
    return found


def _wanted(expected: dict[str, Any]) -> str:
    parts = [expected["action"], *expected["kinds"], *([f"by {expected['rule']}"] if expected["rule"] else [])]
    return " ".join(parts)


def _got(row: Row) -> str:
    return f"{row['action']} {_found(row['found'])}".strip()


def _found(kinds: dict[str, int]) -> str:
    return ", ".join(kind if count == 1 else f"{kind} ({count})" for kind, count in kinds.items())
