"""Replay: recorded calls judged as they would be with a candidate, and without it, and where the two differ."""

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

import msgspec

from genaiops.core.errors import GenaiopsError
from genaiops.domain import GuardEvent, GuardVersion, InForce, Span
from genaiops.guard._once import asking_once
from genaiops.guard._recorded import RecordedCall, recorded_call
from genaiops.guard._replay_report import ReplayReport, Tallies
from genaiops.ports.blobs import Blobs
from genaiops.ports.guard import Judge, Policies
from genaiops.ports.telemetry import Telemetry, Trace, TraceFilter

_PAGE: Final = 50
_TAKEN: Final = frozenset({"redact", "replace", "hold", "block"})


class ReplayWish(msgspec.Struct, frozen=True, kw_only=True):
    """`where` with its times: which calls; `most` of them at most, `examples` in the report.

    `instead_of`: the candidate takes the place of the policy that is named so (`strict@current`) in each call that it
    held for, and all other policies of that call hold on. None: the candidate alone is held against `against` alone,
    for every call.
    """

    candidate: GuardVersion
    instead_of: str | None = None
    against: GuardVersion | None = None
    where: TraceFilter
    most: int = 1000
    examples: int = 20

    @property
    def against_name(self) -> str:
        return self.instead_of or ("" if self.against is None else f"{self.against.name}@{self.against.digest}")


class ReplaySources(msgspec.Struct, frozen=True):
    """What a replay reads, and who judges."""

    telemetry: Telemetry
    blobs: Blobs
    judge: Judge
    policies: Policies


Progress = Callable[[ReplayReport], bool]
"""Gets the report so far after each page; False stops."""


def replay(
    sources: ReplaySources, wish: ReplayWish, progress: Progress, begun: ReplayReport | None = None
) -> ReplayReport:
    """Reads page by page; writes nothing. `begun`: the report of one that was interrupted, which is gone on with."""
    work = _Work(sources, wish, begun)
    tallies, cursor = work.tallies, None if begun is None else begun.next
    while True:
        page = sources.telemetry.list(wish.where, cursor=cursor, limit=min(_PAGE, wish.most - tallies.seen))
        for row in page.rows:
            work.take(row.root)
        cursor = page.next
        report = tallies.report(next_=cursor)
        if cursor is None or tallies.seen >= wish.most or not progress(report):
            return report


class _Compared(NamedTuple):
    """`assumed`: it is not known what held, so this is what would hold now."""

    before: Sequence[GuardVersion]
    after: Sequence[GuardVersion]
    assumed: bool = False


class _Work:
    def __init__(self, sources: ReplaySources, wish: ReplayWish, begun: ReplayReport | None) -> None:
        self._sources = sources
        self._wish = wish
        self._versions: dict[InForce, GuardVersion | None] = {}
        candidate = wish.candidate
        empty = ReplayReport(
            candidate=f"{candidate.name}@{candidate.digest}",
            against=wish.against_name,
            union=wish.instead_of is not None,
            since_us=wish.where.since_us or 0,
            until_us=wish.where.until_us or 0,
        )
        self.tallies = Tallies(begun or empty, examples=wish.examples)

    def take(self, root: Span) -> None:
        tallies, sources = self.tallies, self._sources
        tallies.see(root)
        if root.dialect != "genaiops" or root.kind != "gateway":
            tallies.count("foreign")
            return
        trace = sources.telemetry.trace(root.trace_id) if root.content in ("inline", "blob") else None
        content = None if trace is None else trace.contents.get(root.span_id.hex())
        call = recorded_call(root, content, sources.blobs)
        if call is None or trace is None:
            tallies.count("not_recorded")
            return
        try:
            found = self._policies(root, call)
            if found is None:
                tallies.count("untouched")
                return
            with asking_once():
                before, after = self._said(found.before, call), self._said(found.after, call)
        except GenaiopsError as error:
            tallies.fail(error.message)
            return
        tallies.count("judged")
        if found.assumed:
            tallies.count("assumed")
        if _was_changed(trace):
            tallies.count("redacted")
        tallies.compare(root, before, after, by_policy=self._wish.instead_of is not None)

    def _policies(self, root: Span, call: RecordedCall) -> _Compared | None:
        """What is held against each other; None: the candidate changes nothing for this call."""
        wish = self._wish
        if wish.instead_of is None:
            assert wish.against is not None
            return _Compared([wish.against], [wish.candidate])
        held = call.policies
        before = None if held is None else self._versions_of(held)
        assumed = before is None
        if held is None or before is None:
            held = self._sources.policies.standing(root, call.release)
            before = self._versions_of(held) or []
        if not any(each.reference == wish.instead_of for each in held):
            return None
        candidate = msgspec.structs.replace(wish.candidate, name=wish.instead_of.partition("@")[0])
        after = [
            candidate if each.reference == wish.instead_of else version
            for each, version in zip(held, before, strict=True)
        ]
        return _Compared(before, after, assumed)

    def _versions_of(self, held: Sequence[InForce]) -> list[GuardVersion] | None:
        """None: one of them is not kept any more, such as the default of an older program."""
        found: list[GuardVersion] = []
        for each in held:
            if each not in self._versions:
                self._versions[each] = self._sources.policies.kept(each.name, each.digest)
            version = self._versions[each]
            if version is None:
                return None
            found.append(version)
        return found

    def _said(self, policies: Sequence[GuardVersion], call: RecordedCall) -> Sequence[GuardEvent]:
        return self._sources.judge.judge(
            policies,
            call.operation,
            call.dialect,
            call.request,
            call.answer,
            shadows=self._wish.instead_of is not None,
        )


def _was_changed(trace: Trace) -> bool:
    """Whether a guard took something out before it was recorded."""
    return any(each.event.action in _TAKEN and not each.event.shadow for each in trace.verdicts)
