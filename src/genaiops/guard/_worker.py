"""The guard of a worker: which policies are ready."""

import asyncio
from collections.abc import Sequence

from genaiops.domain import GuardVersion
from genaiops.guard._guard import Plan
from genaiops.guard._repeated import FindIndex
from genaiops.ports.classifiers import FindClassifiers
from genaiops.ports.names import FindNames


class WorkerGuards:
    """A worker's (see ports.guard.Guards)."""

    def __init__(
        self,
        classifiers: FindClassifiers | None = None,
        names: FindNames | None = None,
        documents: FindIndex | None = None,
    ) -> None:
        self._classifiers = classifiers
        self._names = names
        self._documents = documents
        self._plan: Plan | None = None
        self._next: tuple[tuple[GuardVersion, ...], asyncio.Future[Plan]] | None = None

    def ready(self, versions: Sequence[GuardVersion]) -> bool:
        wanted = tuple(versions)
        if self._plan is not None and self._plan.versions == wanted:
            return True
        if self._next is None or self._next[0] != wanted:
            loop = asyncio.get_running_loop()
            self._next = wanted, loop.run_in_executor(None, self._make, wanted)
        return self._next[1].done()

    async def prepare(self, versions: Sequence[GuardVersion]) -> None:
        while not self.ready(versions):
            assert self._next is not None
            await asyncio.wait((self._next[1],))

    def adopt(self, versions: Sequence[GuardVersion]) -> Plan:
        wanted = tuple(versions)
        if self._plan is None or self._plan.versions != wanted:
            made = self._next
            self._plan = (
                made[1].result() if made is not None and made[0] == wanted and made[1].done() else self._make(wanted)
            )
            self._next = None
        return self._plan

    def _make(self, versions: tuple[GuardVersion, ...]) -> Plan:
        return Plan(versions, self._classifiers, self._names, self._documents)

    async def aclose(self) -> None: ...
