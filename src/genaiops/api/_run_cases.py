"""Where the cases of a run on the server come from: datasets, and traces, which are kept as a dataset."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from genaiops.api._access import Caller
from genaiops.api._dataset_traces import Examples, examples
from genaiops.api._datasets import readable
from genaiops.api._services import Services
from genaiops.api._trace_query import TraceQuery
from genaiops.core.errors import UsageError
from genaiops.domain import CaseSource
from genaiops.hub import Origin, check_rows

MOST_CASES = 200_000
MOST_TRACES = 10_000
USUAL_TRACES = 1_000
"""Where a source says no limit."""
_PAGE = 1000


class CaseRows:
    """Rows for the cases of a suite, and in `pins` which versions of datasets they are. Rows of traces are of no
    version before `keep`."""

    def __init__(self, services: Services, caller: Caller, suite: str) -> None:
        self._services = services
        self._caller = caller
        self._suite = suite
        self._number = 0
        self._seen: dict[str, Examples] = {}
        self.pins: dict[str, str] = {}

    def __call__(self, source: CaseSource) -> Sequence[Mapping[str, Any]]:
        name = f"cases/{self._number}"
        self._number += 1
        if source.traces:
            found = self._seen[name] = self._examples(source)
            return found.rows
        datasets = self._services.hub.datasets(self._services.blobs)
        version = readable(self._services, self._caller, datasets.resolve(source.dataset.removeprefix("dataset/")))
        number: int = version.manifest["rows"]
        if number > MOST_CASES and source.limit is None:
            raise UsageError(
                f"{source.dataset} has {number:,} rows.", remedy="Draw some of them with limit = ...", param="cases"
            )
        self.pins[name] = version.id
        rows: list[Mapping[str, Any]] = []
        while len(rows) < number:
            page = datasets.rows(version, start=len(rows), limit=_PAGE)
            if not page:
                break
            rows += [row.row for row in page]
        return rows

    def _examples(self, source: CaseSource) -> Examples:
        """The newest traces of the filter. Forbidden for who may not read what people wrote in one of them."""
        query = trace_query(source.traces)
        limit = source.limit or USUAL_TRACES
        if limit > MOST_TRACES:
            raise UsageError(
                f"A run takes at most {MOST_TRACES:,} traces, not {limit:,}.", remedy="Take fewer.", param="cases"
            )
        check_rows(self._services.hub, self._caller.reach, [query.environment_id] if query.environment_id else [])
        found = examples(self._services, query, limit)
        check_rows(self._services.hub, self._caller.reach, found.environments)
        return found

    def keep(self) -> dict[str, str]:
        """Make the rows of traces a version of the dataset SUITE/traces, so that what was asked can be read again; its
        pins."""
        datasets = self._services.hub.datasets(self._services.blobs)
        pins: dict[str, str] = {}
        for name, found in self._seen.items():
            origin = Origin(
                kind="traces",
                detail={"filter": found.asked, "skipped": found.skipped, "environments": found.environments},
                sources=[f"trace/{row['trace_id']}" for row in found.rows],
            )
            dataset = f"{self._suite}/traces" + ("" if not pins else f"-{len(pins) + 1}")
            pins[name] = datasets.add(dataset, found.rows, origin, by=self._caller.actor.id).version.id
        return pins


def trace_query(written: Mapping[str, Any]) -> TraceQuery:
    """The filter of a source of cases. UsageError names the field that is wrong."""
    try:
        return msgspec.convert(dict(written), TraceQuery, strict=False)
    except msgspec.ValidationError as error:
        raise UsageError(
            f"cases.traces: {error}.",
            remedy=f"The conditions are: {', '.join(TraceQuery.__struct_fields__)}.",
            param="cases",
        ) from None
