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
from genaiops.core.counting import counted
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
    Column("RULE", lambda row: f"{row['policy']}/{row['rule']}" if row["policy"] else row["rule"]),
    Column("SAME", "both", right=True),
    Column("ONLY BEFORE", "lost", right=True),
    Column("ONLY CANDIDATE", "gained", right=True),
    Column("CHANGED", "changed", right=True),
    Column("STRICTER", "stricter", right=True),
    Column("MILDER", "milder", right=True),
)
_RUNS = (
    Column("REPLAY", "id"),
    Column("BEGUN", lambda row: short_time(row["begun_at"])),
    Column("STATE", lambda row: row["state"] + (", can be resumed" if row["resumable"] else "")),
    Column("CANDIDATE", lambda row: "" if row["report"] is None else _named(row["report"]["candidate"])),
    Column("BEFORE", lambda row: "" if row["report"] is None else _named(row["report"]["against"]), rank=1),
    Column("SEEN", lambda row: 0 if row["report"] is None else row["report"]["seen"], right=True),
    Column("DIFFERENT", lambda row: 0 if row["report"] is None else row["report"]["different"], right=True),
)
_EXAMPLES = (
    Column("TRACE", "trace_id"),
    Column("STARTED", lambda row: short_time(row["started_at"]), rank=1),
    Column("BEFORE", lambda row: f"{row['before']} {_found(row['found_before'])}".strip()),
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
        session.output.line(f"{found['passed']} of {counted(found['cases'], 'case')} passed.")
    return _FAILED if failed else 0


def replay_policy(
    session: Session, candidate: str, against: str | None, form: str | None, where: dict[str, Any]
) -> int:
    """Status 1 when something would be different, 4 when nothing could be judged."""
    body: dict[str, Any] = {"candidate": source_of(candidate, form), **where}
    if against is not None:
        body["against"] = source_of(against, form)
    return _to_its_end(session, session.client.post("/api/guards/replay", body))


def list_replays(session: Session) -> None:
    session.output.rows(
        session.items("/api/guards/replays"), _RUNS, empty="You have no replays: genaiops policy replay CANDIDATE."
    )


def one_replay(session: Session, run_id: str, verb: str | None) -> int:
    """Show it, or stop, resume or delete it. Status as of `replay_policy`; of one that goes on 0."""
    place = path_of("/api/guards/replays", run_id)
    if verb == "delete":
        session.output.result(session.client.delete(place), f"{run_id} is forgotten.")
        return 0
    if verb == "resume":
        return _to_its_end(session, session.client.post(path_of("/api/guards/replays", run_id, "resume"), {}))
    if verb == "stop":
        run = session.client.post(path_of("/api/guards/replays", run_id, "stop"), {})
        session.output.result(run, f"{run_id} stops: genaiops policy replays {run_id} --resume goes on with it.")
        return 0
    run = session.client.get(place)
    if run["state"] in ("waiting", "running"):
        seen = 0 if run["report"] is None else run["report"]["seen"]
        session.output.result(run, f"{run_id} is {run['state']}: {seen} of at most {run['most']} calls.")
        return 0
    return _told(session, run)


def _to_its_end(session: Session, run: dict[str, Any]) -> int:
    try:
        run = _followed(session, run)
    except KeyboardInterrupt:
        session.client.post(path_of("/api/guards/replays", run["id"], "stop"), {})
        session.output.note(f"It stops: genaiops policy replays {run['id']} --resume goes on with it.")
        raise
    if run["error"] is not None:
        raise OutsideError(
            f"The replay {run['id']} failed: {run['error']}",
            remedy=f"Mend that, then genaiops policy replays {run['id']} --resume.",
        )
    return _told(session, run)


def _told(session: Session, run: dict[str, Any]) -> int:
    report: dict[str, Any] | None = run["report"]
    if session.output.as_json:
        session.output.json(run)
    else:
        session.output.note(f"The replay {run['id']} is {run['state']}.")
        if run["resumable"]:
            session.output.note(f"There is more to look at: genaiops policy replays {run['id']} --resume.")
        if run["error"] is not None:
            session.output.line(run["error"])
        if report is not None:
            _tell(session, report)
    if report is None or not report["judged"]:
        return _INCONCLUSIVE
    return _FAILED if report["different"] else 0


def _followed(session: Session, run: dict[str, Any]) -> dict[str, Any]:
    told = 0
    while run["state"] in ("waiting", "running"):
        time.sleep(_PAUSE)
        run = session.client.get(path_of("/api/guards/replays", run["id"]))
        seen = 0 if run["report"] is None else run["report"]["seen"]
        if seen > told + 200:
            session.output.note(f"{counted(seen, 'call')} looked at ...")
            told = seen
    return run


def _tell(session: Session, report: dict[str, Any]) -> None:
    out = session.output
    what = "in the place of" if report["union"] else "held against"
    since = short_time(report["since_at"])
    out.line(f"{_named(report['candidate'])} {what} {_named(report['against'])}, calls since {since}:")
    unseen = report["not_recorded"] + report["foreign"] + report["unreadable"]
    out.line(
        f"{counted(report['seen'], 'call')}, {report['judged']} judged, {report['different']} of them differently."
    )
    if unseen:
        out.line(
            f"Not judged: {report['not_recorded']} without recorded content (capture off or preview), "
            f"{report['foreign']} of other programs, {report['unreadable']} unreadable"
            + (f" ({report['unreadable_why']})." if report["unreadable_why"] else ".")
        )
    if report["untouched"]:
        out.line(f"{report['untouched']} were not under {report['against']}: nothing changes for them.")
    if report["assumed"]:
        out.line(f"Of {report['assumed']} it is not known what held: what would hold now was taken.")
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
        out.line(f"{counted(count, 'call')}: {before} becomes {after}.")
    if report["examples"]:
        out.line("")
        out.rows(report["examples"], _EXAMPLES, empty="")


def _named(policy: str) -> str:
    """`name@digest` in the length that people read; a text has no digest."""
    name, _, tail = policy.partition("@")
    return f"{name}@{tail[:19]}" if tail else f"{name} (the text)"


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
