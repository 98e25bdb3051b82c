"""`/api/facts`: claims of answers held against sources, and put before people."""

from collections.abc import Sequence
from typing import Annotated, Any

import msgspec
from litestar import Controller, Request, get, post
from litestar.params import FromPath, JSONBody
from msgspec import Meta

from genaiops.api._access import Caller, Calling, anybody, needs
from genaiops.api._datasets import readable
from genaiops.api._fact_documents import (
    MOST_ANSWERS,
    ClaimsDocument,
    FactErrorsDocument,
    FactQueueRequest,
    FactsRequest,
    QueuedDocument,
    claims_document,
)
from genaiops.api._query import QUERY, described, read_query
from genaiops.api._queue_documents import check_whole, seen_queue
from genaiops.api._runs import check_reads_run, seen
from genaiops.api._services import Services, Serving
from genaiops.api._trace_query import parsed_trace_id
from genaiops.arena import judged_claims
from genaiops.checks.fact_errors import fact_errors
from genaiops.checks.facts import METHOD, Checked, Corpus, Source
from genaiops.core.errors import NotFound, UsageError
from genaiops.hub import check_rows, decided_claims, fact_items, fact_queue
from genaiops.ports.runs import CaseFilter

PAGE = 20
"""Cases of a run whose claims are shown at once."""


class FactsController(Controller):
    path = "/facts"
    tags = ("Facts",)

    @post("/check", summary="Check the facts of answers", guards=[needs("read")], sync_to_thread=True, status_code=200)
    def check(self, data: JSONBody[FactsRequest], services: Serving, caller: Calling) -> ClaimsDocument:
        """Each claim with its verdict, the passage that decides it, and how likely it is supported. For who may read
        what is named."""
        return claims_document(wanted_answers(services, caller, data))

    @post("/queue", summary="Let people check facts", guards=[needs("artifacts")], sync_to_thread=True, status_code=201)
    def queue(self, data: JSONBody[FactQueueRequest], services: Serving, caller: Calling) -> QueuedDocument:
        """Put the claims that are not supported into a queue, each with the passage that was found, and a sample of the
        others."""
        check_whole(caller)
        checked = wanted_answers(services, caller, data)
        for each in checked:
            check_rows(services.hub, caller.reach, each.environments)
        queues = services.hub.queues(services.blobs)
        items = fact_items(checked, data.sample)
        made = False
        try:
            seen_queue(services, caller, data.queue)
        except NotFound:
            queues.create(fact_queue(data.queue, labels=data.labels), by=caller.actor.id)
            made = True
        done = queues.add(data.queue, items, by=caller.actor.id)
        return QueuedDocument(
            queue=data.queue,
            made=made,
            claims=sum(len(each.claims) for each in checked),
            added=done.added,
            there=done.there,
        )

    @get("/errors/{name:str}", summary="How often facts are misjudged", guards=[anybody()], sync_to_thread=True)
    def errors(self, name: FromPath[str], services: Serving, caller: Calling) -> FactErrorsDocument:
        """Precision and recall of what the method does not call supported, against what people said in a queue, with
        bounds of 95 % over answers."""
        queue = seen_queue(services, caller, name)
        queues = services.hub.queues(services.blobs)
        found = fact_errors(decided_claims(queues, queue, queues.items(name)))
        fields = {field: getattr(found, field) for field in found.__struct_fields__}
        return FactErrorsDocument(queue=name, method=METHOD, **fields)


def wanted_answers(services: Services, caller: Caller, data: FactsRequest) -> Sequence[Checked]:
    """UsageError unless one thing is named; Forbidden for who may not read it."""
    given = [name for name in ("text", "trace_ids", "run") if getattr(data, name) not in (None, ())]
    if len(given) != 1:
        what = f"{' and '.join(given)} are given." if given else "Nothing is named that could be checked."
        raise UsageError(what, remedy="Give one of text, trace_ids and run (--text, --trace, --run).", param="facts")
    if data.sources and data.corpus is not None:
        raise UsageError("There are sources and a corpus.", remedy="Give one of them.", param="corpus")
    facts, corpus = services.facts, _corpus(services, caller, data)
    if data.text is not None:
        return [facts.of_text(data.text, (), corpus)]
    if data.run is None:
        return [facts.of_trace(services.telemetry, parsed_trace_id(each), corpus) for each in data.trace_ids]
    run = seen(services, caller, data.run.id)
    check_reads_run(services, caller, run)
    found = facts.of_run(run, target=data.run.target, cases=data.run.cases, corpus=corpus)
    if not found:
        named = "" if data.run.target is None else f" of {data.run.target!r}"
        raise NotFound(f"The run {run.id} has no answers{named}.", remedy="See: genaiops run cases", param="run")
    if len(found) > MOST_ANSWERS:
        raise UsageError(
            f"The run has {len(found):,} answers.",
            remedy=f"Name a target, or at most {MOST_ANSWERS:,} cases.",
            param="run.cases",
        )
    return found


def _corpus(services: Services, caller: Caller, data: FactsRequest) -> Corpus | None:
    if data.corpus is not None:
        datasets = services.hub.datasets(services.blobs)
        version = readable(services, caller, datasets.resolve(data.corpus.removeprefix("dataset/")))
        return services.facts.dataset(datasets, version, data.column)
    if data.sources:
        return services.facts.corpus([Source(each.id, each.text) for each in data.sources])
    return None


class ClaimsQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which cases of a run."""

    case: Annotated[str | None, Meta(description="only this case")] = None
    target: Annotated[str | None, Meta(description="only answers of this target")] = None
    start: Annotated[int, Meta(description="`next` of the page before", ge=0, le=1 << 31)] = 0
    limit: Annotated[int, Meta(description="cases a page", ge=1, le=200)] = PAGE


class RunClaimsController(Controller):
    path = "/runs/{run_id:str}/claims"
    tags = ("Facts",)

    @get(
        summary="Claims of a run's answers",
        guards=[needs("content")],
        sync_to_thread=True,
        opt={QUERY: ClaimsQuery},
        operation_class=described(ClaimsQuery),
    )
    def claims(
        self, run_id: FromPath[str], request: Request[Any, Any, Any], services: Serving, caller: Calling
    ) -> ClaimsDocument:
        """Each held against its case's context, beside what judges of the run said. For who may read what people write
        in the run's environment."""
        query = read_query(request, ClaimsQuery)
        run = seen(services, caller, run_id)
        check_reads_run(services, caller, run)
        where = CaseFilter(ids=None if query.case is None else (query.case,), target=query.target)
        page = services.runs.store.page(run.id, where, start=query.start, limit=query.limit)
        if query.case is not None and not page.rows:
            raise NotFound(
                f"The run {run.id} has no case {query.case[:80]!r}.", remedy="See: genaiops run cases", param="case"
            )
        checked = services.facts.of_rows(run, page.rows, query.target)
        suite = services.evaluations.suite(run)
        rows = {row.case.id: row for row in page.rows}
        judged = {each.node: judged_claims(rows[each.case], each.target, each.repeat, suite) for each in checked}
        return claims_document(checked, judged=judged, start=page.next)


class TraceClaimsController(Controller):
    path = "/traces/{trace_id:str}/claims"
    tags = ("Facts",)

    @get(summary="Claims of a trace's answer", guards=[needs("read")], sync_to_thread=True)
    def claims(self, trace_id: FromPath[str], services: Serving) -> ClaimsDocument:
        """Each held against what was retrieved for it and what tools answered."""
        return claims_document([services.facts.of_trace(services.telemetry, parsed_trace_id(trace_id))])
