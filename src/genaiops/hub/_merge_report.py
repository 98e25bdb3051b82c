"""What a tech lead is asked to let through: a release, or whatever a commit brought, with the suites that were run, how
it differs from what serves, what it was made from, and who signed it off."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, cast

import msgspec

from genaiops.core.errors import NotFound, UsageError
from genaiops.domain import Application, Approval, BiasFinding, Deployment, Release, Run
from genaiops.hub._diff import Difference
from genaiops.hub._hub import Hub
from genaiops.hub._lineage import Node
from genaiops.hub._releases import ManifestChange, Verdict
from genaiops.ports.runs import RunFilter

ReadRuns = Callable[[RunFilter], Sequence[Run]]
"""The newest runs that a caller may see."""
_HEX: Final = frozenset("0123456789abcdef")
_LEAST_SHA: Final = 7


class SuiteSaid(msgspec.Struct, frozen=True, kw_only=True):
    """A run of a suite. `asked`: what its targets were pinned to. `outcome` "": it is not over, or said nothing."""

    run: str
    suite: str
    outcome: str
    reason: str
    asked: tuple[str, ...]
    commit: str
    at_us: int


class BesideServing(msgspec.Struct, frozen=True, kw_only=True):
    """Against what serves an environment now. `changes` empty: it is the same. `prompt`: where both have one."""

    environment_id: str
    serving: str
    share: float
    changes: tuple[ManifestChange, ...]
    prompt: tuple[Difference, ...] = ()


class ReleaseSaid(msgspec.Struct, frozen=True, kw_only=True):
    """`sources`: all that it was made from, nearest first."""

    release: Release
    application: Application
    verified: Verdict
    beside: tuple[BesideServing, ...]
    sources: tuple[Node, ...]
    complete: bool


class MergeReport(msgspec.Struct, frozen=True, kw_only=True):
    """`subject`: `release/...` or `commit/...`. In each list the newest comes first. `lacking`: what somebody would
    look for and is not there, in words. `names`: id of each actor in it -> what they are called."""

    subject: str
    releases: tuple[ReleaseSaid, ...]
    suites: tuple[SuiteSaid, ...]
    sign_offs: tuple[Approval, ...]
    findings: tuple[BiasFinding, ...]
    lacking: tuple[str, ...]
    names: Mapping[str, str] = {}


def report_of_release(hub: Hub, release: Release, runs: ReadRuns) -> MergeReport:
    """Of one release: runs that asked it, its prompt, or were made for its commit."""
    commit = release.manifest.commit
    return _report(hub, f"release/{release.id}", [release], "" if commit is None else commit.sha, runs)


def report_of_commit(hub: Hub, sha: str, runs: ReadRuns) -> MergeReport:
    """Of all releases and runs that name a commit (at least 7 digits of it). NotFound where nothing does."""
    sha = sha.strip().lower()
    if len(sha) < _LEAST_SHA or not set(sha) <= _HEX:
        raise UsageError(f"{sha[:80]!r} is no commit.", remedy="Give at least 7 digits of its hash.", param="commit")
    releases = [
        each
        for application in hub.applications.list()
        for each in hub.releases.of(application.id)
        if each.manifest.commit is not None and each.manifest.commit.sha.startswith(sha)
    ]
    full = {each.manifest.commit.sha for each in releases if each.manifest.commit is not None}
    found = _report(hub, f"commit/{sha}", releases, full.pop() if len(full) == 1 else sha, runs)
    if not found.releases and not found.suites:
        raise NotFound(
            f"No release and no run names the commit {sha!r}.",
            remedy="Run a suite with --commit SHA, or make a release with --commit SHA; give the whole hash.",
            param="commit",
        )
    return found


def _report(hub: Hub, subject: str, releases: Sequence[Release], sha: str, runs: ReadRuns) -> MergeReport:
    nodes = {node for each in releases for node in _nodes(each)}
    suites = tuple(_suites(nodes, sha, runs))
    sign_offs = tuple(_sign_offs(hub, nodes))
    findings = tuple(each for each in hub.findings.in_state() if _is_about(each, nodes, {run.run for run in suites}))
    told = [_release(hub, each) for each in releases]
    return MergeReport(
        subject=subject,
        releases=tuple(told),
        suites=suites,
        sign_offs=sign_offs,
        findings=findings,
        lacking=tuple(_lacking(told, suites, sign_offs, findings)),
        names={each: hub.actors.name_of(each) for each in _actors(releases, sign_offs)},
    )


def _actors(releases: Sequence[Release], sign_offs: Sequence[Approval]) -> set[str]:
    """Who made, asked for, and decided."""
    found = {each.created_by for each in releases}
    found |= {actor for each in sign_offs for actor in (each.requested_by, each.decided_by)}
    return {actor for actor in found if actor}


def _nodes(release: Release) -> Iterator[str]:
    """What stands for it: itself, and the versions that it pins."""
    yield f"release/{release.id}"
    yield from (version for version in (release.manifest.prompt, *release.manifest.pins.values()) if version)


def _suites(nodes: Iterable[str], sha: str, runs: ReadRuns) -> Iterator[SuiteSaid]:
    found: dict[str, Run] = {}
    for node in sorted(nodes):
        found |= {run.id: run for run in runs(RunFilter(kind="evaluation", asks=node))}
    if sha:
        found |= {run.id: run for run in runs(RunFilter(kind="evaluation", environment={"commit": sha}))}
    for run in sorted(found.values(), key=lambda each: (each.created_us, each.id), reverse=True):
        yield SuiteSaid(
            run=run.id,
            suite=run.name or run.subject,
            outcome=run.verdict.outcome if run.verdict is not None else "",
            reason=run.verdict.reason if run.verdict is not None else f"The run is {run.state}.",
            asked=tuple(sorted(node for name, node in run.inputs.items() if name.startswith("target/"))),
            commit=run.environment.get("commit", ""),
            at_us=run.created_us,
        )


def _sign_offs(hub: Hub, nodes: set[str]) -> Iterator[Approval]:
    """Consent that was asked for one of them: to serve, or to be what an alias names."""
    for each in sorted(hub.approvals.in_state(), key=lambda one: (-one.requested_us, one.id)):
        if nodes & set(_wanted(each.change.get("to"))):
            yield each


def _wanted(to: Any) -> Iterator[str]:
    if isinstance(to, str):
        yield to
    elif isinstance(to, list):
        for share in cast("list[dict[str, Any]]", to):
            yield f"release/{share.get('release_id', '')}"


def _is_about(finding: BiasFinding, nodes: set[str], runs: set[str]) -> bool:
    return (
        finding.about in nodes or f"release/{finding.about}" in nodes or finding.run in runs or finding.verified in runs
    )


def _release(hub: Hub, release: Release) -> ReleaseSaid:
    walk = hub.lineage.walk(f"release/{release.id}", "up")
    return ReleaseSaid(
        release=release,
        application=hub.applications.get(release.application_id),
        verified=hub.releases.verify(release),
        beside=tuple(one for each in hub.deployments.of(release.application_id) for one in _beside(hub, release, each)),
        sources=tuple(node for node in walk.nodes if node.depth),
        complete=walk.complete,
    )


def _beside(hub: Hub, release: Release, deployment: Deployment) -> Iterator[BesideServing]:
    total = sum(share.weight for share in deployment.shares) or 1
    for share in deployment.shares:
        serving = hub.releases.resolve(release.application_id, share.release_id)
        old, new = serving.manifest.prompt, release.manifest.prompt
        yield BesideServing(
            environment_id=deployment.environment_id,
            serving=serving.id,
            share=share.weight / total,
            changes=tuple(hub.releases.diff(serving, release)),
            prompt=tuple(hub.artifacts.compare(old, new)) if old and new and old != new else (),
        )


def _lacking(
    releases: Sequence[ReleaseSaid],
    suites: Sequence[SuiteSaid],
    sign_offs: Sequence[Approval],
    findings: Sequence[BiasFinding],
) -> Iterator[str]:
    if not suites:
        yield "No suite was run for it."
    elif not any(each.outcome == "pass" for each in suites):
        yield "No suite has passed for it."
    for each in releases:
        name = each.release.id
        if not each.verified.unchanged:
            yield f"{name} was altered: its content has another digest than its name."
        yield from (f"{name} names {missing}, which is not there any more." for missing in each.verified.missing)
        if each.release.manifest.commit is None:
            yield f"{name} names no commit."
    if releases and not any(each.state in ("approved", "applied") for each in sign_offs):
        yield "Nobody has signed it off: no approval names it."
    still = sum(each.state == "open" for each in findings)
    if still:
        yield f"{still} finding{'s are' if still > 1 else ' is'} open."
