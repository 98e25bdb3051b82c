"""A suite run by a server: what is sent for it, how far it is, and what came of it."""

import re
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from genaiops.cli._session import Session
from genaiops.cli._suite_report import Bar, Further
from genaiops.core.errors import Forbidden, OutsideError, UsageError
from genaiops.sdk import path_of, push_dataset

UNDER_WAY = ("waiting", "running")
MOST_SHOWN = 10
_AWAY_SECONDS = 60.0
_FORMS = (".toml", ".yaml", ".yml", ".json")


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """What a command was told. `suite`: a file, or NAME@ALIAS; `facts`: what it is run for; `sweep`:
    a SweepAsked, of its one target."""

    suite: str
    name: str | None = None
    changed: Mapping[str, Any] = {}
    environment_id: str | None = None
    application: str | None = None
    prompts: tuple[str, ...] = ()
    releases: tuple[str, ...] = ()
    facts: Mapping[str, str] = {}
    sweep: Any = None


def begin(session: Session, wish: Wish) -> dict[str, Any]:
    """The run, which waits. Files of cases beside the suite become datasets first."""
    body: dict[str, Any] = {
        "environment_id": wish.environment_id,
        "application": wish.application,
        "prompts": list(wish.prompts),
        "releases": list(wish.releases),
        **wish.facts,
    }
    if Path(wish.suite).suffix.lower() in _FORMS or Path(wish.suite).is_file():
        name = wish.name or _plain(Path(wish.suite).stem) + ("-sweep" if wish.sweep is not None else "")
        body |= {"name": name, "document": document_of(session, wish.suite, name, wish.changed, wish.sweep)}
    else:
        if wish.name is not None:
            raise UsageError("A suite that is kept has its name.", remedy="Leave out --name.", param="name")
        body |= {"suite": wish.suite, "run": dict(wish.changed)}
        if wish.sweep is not None:
            body["sweep"] = msgspec.to_builtins(wish.sweep)
    return session.client.post("/api/runs", body)


def document_of(
    session: Session, file: str, name: str, changed: Mapping[str, Any], sweep: Any = None
) -> dict[str, Any]:
    """The suite of a file, with other fields of its `run`, and the cells of a `sweep` as its targets; files of cases
    and examples beside it are sent as datasets."""
    from genaiops.app.local_suites import sent_files, sent_suite, with_datasets

    suite = sent_suite(file, sweep)
    datasets: dict[int, str] = {}
    for place, stem, rows in sent_files(file, suite):
        made = push_dataset(session.client, f"{name}/{_plain(stem)}", rows, kind="file", detail={"file": stem})
        datasets[place] = f"{made['dataset']}@{made['digest']}"
    return with_datasets(suite, datasets, changed)


def _plain(text: str) -> str:
    """As names of the Hub are written."""
    return re.sub(r"[^a-z0-9._-]+", "-", text.lower()).strip("-._") or "suite"


def followed(session: Session, run: dict[str, Any], bar: Bar) -> dict[str, Any]:
    """Until it is over. A server that starts anew meanwhile is waited for."""
    bar.begin(run["name"], run["total"] or 0)
    path = path_of("/api/runs", run["id"], "events")
    heard = time.monotonic()
    while run["state"] in UNDER_WAY:
        try:
            with session.client.stream("GET", path, timeout=_AWAY_SECONDS) as events:
                for event in events:
                    run, heard = event.json(), time.monotonic()
                    bar.show(Further.of(run))
        except OutsideError:
            if time.monotonic() - heard > _AWAY_SECONDS:
                raise
        if run["state"] in UNDER_WAY:
            time.sleep(0.5)
    return run


def wait_for(session: Session, run: dict[str, Any]) -> dict[str, Any]:
    """`followed` on a bar of its own. Whoever interrupts it is told that the run goes on."""
    try:
        with Bar(session.output) as bar:
            return followed(session, run, bar)
    except KeyboardInterrupt:
        session.output.note(f"It goes on on the server. End it: genaiops run stop {run['id']}")
        raise


def whole(session: Session, run_id: str) -> dict[str, Any]:
    """The run, its report, and the cases that were lost, as far as the caller may read them."""
    run = session.client.get(path_of("/api/runs", run_id))
    report: dict[str, Any] | None = run.pop("report")
    faults: dict[str, Any] = {name: run.pop(name, None) or [] for name in ("figures", "errors", "unjudged", "kpis")}
    lost: list[dict[str, Any]] = []
    if report is None:
        return {"run": run, "report": None, "lost": lost, **faults}
    for target in report["targets"]:
        query: dict[str, Any] = {"target": target, "limit": MOST_SHOWN}
        baseline = report["baseline"]
        query |= {"against": baseline, "changed": "lost"} if baseline else {"outcome": "fail"}
        try:
            page = session.client.get(path_of("/api/runs", run_id, "cases"), query)
        except Forbidden as error:
            session.output.note(f"Cases are not shown. {error.message}")
            break
        lost.append({"target": target, "total": page["total"], "rows": page["data"]})
    return {"run": run, "report": report, "lost": lost, **faults}


def status_of(done: Mapping[str, Any]) -> int:
    """0 pass, 1 fail, 4 for anything that decides nothing."""
    if done["report"] is None:
        return 4
    return {"pass": 0, "fail": 1}.get(done["report"]["verdict"]["outcome"], 4)
