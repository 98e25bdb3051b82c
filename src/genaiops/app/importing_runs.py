"""Runs of other systems, kept as runs of ours: what was answered, how it was scored, what failed."""

from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec

from genaiops.app.evaluating import judged, what_runs
from genaiops.app.home import Home
from genaiops.app.kept_suites import keep_suite
from genaiops.app.local_suites import document
from genaiops.app.run_store import open_home_runs
from genaiops.arena import Scorer, new_run
from genaiops.arena.inspect_logs import open_log, taken_over
from genaiops.core.clock import now_us
from genaiops.core.digest import digest_bytes
from genaiops.sdk import default_home


def import_run(file: str, home: str | None = None, *, floor: float | None = None) -> dict[str, Any]:
    """The run of a log of Inspect, in the home, as a document. `floor`: what the gate wants of each score.
    GenaiopsError when the file is none; nothing is kept then."""
    path = Path(file)
    taken = taken_over(open_log(path), floor=floor)
    suite, cases = taken.suite, taken.suite.case
    log = digest_bytes(path.read_bytes())
    facts = {**what_runs(), **taken.environment}
    run = new_run(suite, cases, name=taken.name, inputs={"log": log}, environment=facts)
    at_us = taken.ended_us or now_us()
    answers = [msgspec.structs.replace(answer, at_us=at_us) for answer in taken.answers]
    scorer = Scorer(suite, cases)
    run = msgspec.structs.replace(
        run,
        state="done" if taken.complete else "stopped",
        error=taken.error,
        done=len(answers),
        failed=sum(answer.state != "answered" for answer in answers),
        started_us=taken.started_us,
        ended_us=at_us,
    )
    place = Home(home or default_home())
    place.prepare()
    with closing(open_home_runs(place)) as store:
        keep_suite(place, suite)
        store.create(run, cases)
        try:
            store.add(run.id, answers, scorer.each(answers, at_us=at_us))
        except BaseException:
            store.delete(run.id)  # half of a log would look like a run
            raise
        return document(store, judged(store, run, suite), suite)
