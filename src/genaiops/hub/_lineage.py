"""Lineage: what was made from what, from a deployed answer back to where its data came from."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, Literal

import msgspec

from genaiops.core.digest import digest_bytes
from genaiops.core.errors import UsageError
from genaiops.domain import Deployment, Edge, Relation, Release, Version
from genaiops.hub._validation import every
from genaiops.ports.records import Records, Unit, View

Stage = Literal["created", "collected", "curated", "trained", "adapted", "deployed"]

STAGES: Final[Mapping[str, Stage]] = {
    "file": "created",
    "package": "created",
    "url": "created",
    "commit": "created",
    "export": "collected",
    "trace": "collected",
    "dataset": "curated",
    "queue": "curated",
    "model": "trained",
    "embedding": "trained",
    "prompt": "adapted",
    "index": "adapted",
    "policy": "adapted",
    "suite": "adapted",
    "judge": "adapted",
    "pipeline": "adapted",
    "blueprint": "adapted",
    "report": "adapted",
    "use-case": "adapted",
    "run": "adapted",
    "release": "deployed",
    "deployment": "deployed",
}
"""Kind of node -> stage of the life of a model: data is created, collected, curated; models are trained, adapted,
deployed."""

Direction = Literal["up", "down"]

_MOST_NODES = 2_000
_FURTHEST = 32


class Node(msgspec.Struct, frozen=True, kw_only=True):
    """`stage` None: of a kind that this version does not know. `depth` counts edges from where the walk began."""

    ref: str
    kind: str
    stage: Stage | None
    depth: int


class Walk(msgspec.Struct, frozen=True, kw_only=True):
    """What a walk met. `complete` is False when it ended at its depth or at the most nodes that it may meet."""

    ref: str
    nodes: Sequence[Node]
    edges: Sequence[Edge]
    complete: bool


Further = Callable[[str], Iterable[Edge]]
"""Edges of a node that are not in the records: what a trace says that it was answered with."""


def edge(source: str, target: str, relation: Relation, *, by: str, now_us: int, run_id: str | None = None) -> Edge:
    """`target` was made from `source`. The id is made of the three, so that the same edge is the same record."""
    name = digest_bytes("\n".join((source, target, relation)).encode())
    return Edge(
        id=f"edge/{name[7:39]}",
        source=source,
        target=target,
        relation=relation,
        run_id=run_id,
        created_us=now_us,
        created_by=by,
    )


def link(unit: Unit, edges: Iterable[Edge]) -> None:
    """Write those that are not there. Whatever makes something from something calls this in the unit that makes it."""
    new = {each.id: each for each in edges}
    unit.add_all([each for each in new.values() if unit.get(Edge, each.id) is None])


def edges_of_release(release: Release) -> Sequence[Edge]:
    """What a release stands on: its model by name, its prompt, its pins, its commit."""
    manifest, target = release.manifest, f"release/{release.id}"

    def made(source: str, relation: Relation) -> Edge:
        return edge(source, target, relation, by=release.created_by, now_us=release.created_us)

    found = [made(f"model/{manifest.model}", "pins")]
    found += [made(version, "pins") for version in (manifest.prompt, *manifest.pins.values()) if version is not None]
    if manifest.commit is not None:
        repository = f"{manifest.commit.repository}@" if manifest.commit.repository else ""
        found.append(made(f"commit/{repository}{manifest.commit.sha}", "made_from"))
    return found


class Lineage:
    """Reads lineage, and writes edges that no part writes by itself."""

    def __init__(self, records: Records, clock: Callable[[], int]) -> None:
        self._records = records
        self._clock = clock

    def add(self, source: str, target: str, relation: Relation, *, by: str, run_id: str | None = None) -> Edge:
        for ref, param in ((source, "source"), (target, "target")):
            checked_ref(ref, param=param)
        made = edge(source, target, relation, by=by, now_us=self._clock(), run_id=run_id)
        with self._records.write(by) as unit:
            link(unit, [made])
        return made

    def walk(self, ref: str, direction: Direction, *, depth: int = _FURTHEST, further: Further | None = None) -> Walk:
        """From `ref` to what it was made from (`up`) or what was made from it (`down`), nearest first. A ref without
        a digest stands for every version of that name."""
        checked_ref(ref, param="ref")
        if not 1 <= depth <= _FURTHEST:
            raise UsageError(f"A depth of {depth} cannot be walked.", remedy=f"Use 1 to {_FURTHEST}.", param="depth")
        with self._records.read() as view:
            return _Walking(view, direction, further).walk(ref, depth)


class _Walking:
    def __init__(self, view: View, direction: Direction, further: Further | None) -> None:
        self._view = view
        self._up = direction == "up"
        self._further = further

    def walk(self, ref: str, depth: int) -> Walk:
        nodes = {ref: _node(ref, 0)}
        edges: dict[str, Edge] = {}
        here = [ref]
        complete = True
        for distance in range(1, depth + 2):
            following: list[str] = []
            for each in self._all(here):
                there = each.source if self._up else each.target
                if distance > depth or (there not in nodes and len(nodes) >= _MOST_NODES):
                    complete = False
                    continue
                edges[each.id] = each
                if there not in nodes:
                    nodes[there] = _node(there, distance)
                    following.append(there)
            if not following:
                break
            here = following
        return Walk(ref=ref, nodes=list(nodes.values()), edges=list(edges.values()), complete=complete)

    def _all(self, refs: Sequence[str]) -> Iterable[Edge]:
        for ref in refs:
            seen: set[tuple[str, str, str]] = set()
            for each in (*self._stored(ref), *self._known(ref)):
                what = (each.source, each.target, each.relation)  # ids had another form once
                if what not in seen:
                    seen.add(what)
                    yield each

    def _stored(self, ref: str) -> Iterable[Edge]:
        return every(self._view, Edge, {"target" if self._up else "source": ref})

    def _known(self, ref: str) -> Iterable[Edge]:
        """Edges that other records imply: a deployment's releases, the versions of a name, a release's manifest."""
        kind, _, name = ref.partition("/")
        if self._up and kind == "release" and (release := self._view.get(Release, name)) is not None:
            yield from edges_of_release(release)
        if self._up and kind == "deployment" and (there := self._view.get(Deployment, name)) is not None:
            for share in there.shares:
                source = f"release/{share.release_id}"
                yield edge(source, ref, "deployed", by=there.deployed_by, now_us=there.since_us)
        if not self._up and kind == "release":
            for each in every(self._view, Deployment, {"application_id": name.partition("@")[0]}):
                if not each.run_id and any(share.release_id == name for share in each.shares):
                    target = f"deployment/{each.id}"
                    yield edge(ref, target, "deployed", by=each.deployed_by, now_us=each.since_us)
        if self._up and "@" not in ref and kind in STAGES:
            # Calls name an embedding as a model.
            for artifact_id in (ref, f"embedding/{name}") if kind == "model" else (ref,):
                for version in every(self._view, Version, {"artifact_id": artifact_id}):
                    yield edge(version.id, ref, "derived", by=version.created_by, now_us=version.created_us)
        if not self._up and "@sha256:" in ref and self._view.get(Version, ref) is not None:
            yield edge(ref, ref.partition("@")[0], "derived", by="", now_us=0)
        if self._further is not None and self._up:
            yield from self._further(ref)


def _node(ref: str, depth: int) -> Node:
    kind = ref.partition("/")[0]
    return Node(ref=ref, kind=kind, stage=STAGES.get(kind), depth=depth)


def checked_ref(ref: str, *, param: str) -> str:
    kind, sign, name = ref.partition("/")
    if not kind or not sign or not name or len(ref) > 1_000 or not ref.isprintable():
        raise UsageError(
            f"{ref[:80]!r} names nothing that has a lineage.",
            remedy=f"Write KIND/NAME or KIND/NAME@sha256:DIGEST; kinds are {', '.join(sorted(STAGES))}.",
            param=param,
        )
    return ref
