"""Facts: claims that people shall look at, put into a queue from a trace or a case of a run."""

from typing import Any

from litestar import Response, post

from genaiops.checks.facts import Checked
from genaiops.console._visit import Visit, Visiting, field, own_path, redirect
from genaiops.console.pages.queue_work import labelling_of, named_trace
from genaiops.core.errors import GenaiopsError, NotFound, UsageError
from genaiops.hub import check_rows, fact_items, fact_queue

SAMPLE = 0.2
"""Of the claims that are supported."""
MOST_ANSWERS = 1_000
"""Of a run, that are looked at while somebody waits."""


@post("/facts/queue", sync_to_thread=True)
def queue(visit: Visiting) -> Response[None]:
    """The claims that are not supported, and a sample of the others; the queue is made when it is not there."""
    visit.require("artifacts")
    back = own_path(visit.form.get("back", "/queues"))
    try:
        name, checked = field(visit.form, "queue"), _named(visit)
        for each in checked:
            check_rows(visit.services.hub, visit.reach, each.environments)
        items = fact_items(checked, SAMPLE)
        queues = labelling_of(visit).queues
        try:
            queues.get(name)
        except NotFound:
            queues.create(fact_queue(name), by=visit.actor.id)
        done = queues.add(name, items, by=visit.actor.id)
    except GenaiopsError as error:
        visit.complain(error)
        return redirect(back)
    there = f", {done.there} were there already" if done.there else ""
    visit.say(f"{done.added} claims are in the queue {name} now{there}.")
    return redirect(back)


def _named(visit: Visit) -> list[Checked]:
    facts, stores = visit.services.facts, visit.services.stores
    if (trace := named_trace(visit)) is not None:
        return [facts.of_trace(stores.telemetry, trace)]
    run = stores.runs.get(field(visit.form, "run"))
    case, target = visit.form.get("case"), visit.form.get("target") or None
    found = list(facts.of_run(run, target=target, cases=[case] if case else ()))
    if len(found) > MOST_ANSWERS:
        raise UsageError(
            f"The run has {len(found):,} answers.",
            remedy=f"Name cases, at most {MOST_ANSWERS:,}: genaiops fact queue --case",
            param="run",
        )
    return found


HANDLERS: list[Any] = [queue]
