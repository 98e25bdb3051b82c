"""Use cases in the records: versions of `use-case/NAME`, of which the alias `current` names the one that holds, and the
business figures that people report."""

from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any, Final

import msgspec

from genaiops.checks.use_cases import read_use_case_document, use_case_manifest
from genaiops.core.clock import to_iso
from genaiops.core.errors import Conflict, NotFound, UsageError
from genaiops.core.suggesting import suggestion
from genaiops.domain import Actor, Alias, Application, Artifact, KpiFigure, Relation, UseCase, Version
from genaiops.hub._artifacts import About, Artifacts
from genaiops.hub._kinds import Kind
from genaiops.hub._service import Clock
from genaiops.hub._validation import every, existing
from genaiops.ports.records import Records, View

CURRENT: Final = "current"
FIGURES: Final = "kpi/"
"""Reports of the Hub whose names begin so are business figures; what follows is the use case."""
_FORMAT: Final = "genaiops-kpi-figure-1"
_LATEST_US: Final = 60_000_000
"""How far ahead of the clock the time of a figure may be."""


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """A use case as it holds now: since when, and who let it."""

    name: str
    use_case: UseCase
    version: Version
    since_us: int
    by: str


class Moved(msgspec.Struct, frozen=True, kw_only=True):
    """One entry of its history: which version held from then on. None: it was taken back."""

    at_us: int
    by: str
    version_id: str | None


def _prepare(view: View, _: str, manifest: Mapping[str, Any]) -> dict[str, Any]:
    """UsageError names every fault, and an owner who is no person."""
    use_case = read_use_case_document(dict(manifest)).checked()
    owner = existing(view, Actor, use_case.owner, word="person", param="owner")
    if owner.kind != "person":
        raise UsageError(
            f"{use_case.owner!r} is a service account, and a use case is owned by a person.",
            remedy='Name one: owner = "...". Those there are: genaiops actor list',
            param="owner",
        )
    for application in use_case.applications:
        existing(view, Application, application, word="application", param="applications")
    return use_case_manifest(use_case)


def _made_of(manifest: Mapping[str, Any]) -> Sequence[tuple[Relation, str]]:
    suites = {f"suite/{kpi['suite'].removeprefix('suite/')}" for kpi in manifest.get("kpi", ()) if kpi.get("suite")}
    served = {f"application/{name}" for name in manifest.get("applications", ())}
    return [*(("tested_on", node) for node in sorted(suites)), *(("includes", node) for node in sorted(served))]


USE_CASE: Final = Kind(prepare=_prepare, made_of=_made_of)


class UseCases:
    """What was is kept: each change is a version, and each move of the alias stands in the log."""

    def __init__(self, records: Records, clock: Clock, artifacts: Artifacts) -> None:
        self._records = records
        self._clock = clock
        self._artifacts = artifacts

    def put(
        self,
        name: str,
        use_case: UseCase,
        *,
        text: str = "",
        reason: str = "",
        emergency: str | None = None,
        by: str,
    ) -> Held:
        """The version that holds from now on; the same again changes nothing. Its owner is who writes it where it names
        none. `text`: as it was written, which is kept. ConsentNeeded: the version is kept, and the policy of consent
        protects the alias."""
        if "/" in name:
            raise UsageError(
                f"{name[:120]!r} cannot be the name of a use case.", remedy="Leave out the /.", param="name"
            )
        if not use_case.owner:
            use_case = msgspec.structs.replace(use_case, owner=by)
        about = About(title=use_case.title, owner=use_case.owner)
        manifest = use_case_manifest(use_case)
        version = self._artifacts.register("use-case", name, manifest, title=use_case.title, about=about, by=by)
        if text:
            self._artifacts.write_down(version.id, text, by=by)
        self._artifacts.move(version.artifact_id, CURRENT, version.id, reason=reason, emergency=emergency, by=by)
        return self.get(name)

    def get(self, name: str) -> Held:
        """NotFound with the nearest name."""
        with self._records.read() as view:
            found = view.get(Alias, f"use-case/{name}@{CURRENT}")
            if found is not None:
                return _held(view, found)
            names = [each.name for each in held_use_cases(view)]
        raise NotFound(
            f"There is no use case {name[:120]!r}.",
            remedy=suggestion(name, names) if names else "Write one: genaiops use-case push NAME FILE",
            param="use_case",
        )

    def list(self) -> Sequence[Held]:
        """In order of name."""
        with self._records.read() as view:
            return held_use_cases(view)

    def of_application(self, application: str) -> Sequence[Held]:
        """Those that it serves."""
        return [each for each in self.list() if application in each.use_case.applications]

    def version(self, name: str, reference: str) -> Version:
        """`current`, or a digest (6 digits that begin only one are enough). NotFound, or UsageError for several."""
        digits = reference.removeprefix("sha256:")
        if reference == CURRENT:
            return self.get(name).version
        there = self.versions(name)
        found = [each for each in there if len(digits) >= 6 and each.digest.removeprefix("sha256:").startswith(digits)]
        if len(found) == 1:
            return found[0]
        raise (UsageError if found else NotFound)(
            f"{len(found) or 'No'} versions of {name!r} begin with {reference[:80]!r}.",
            remedy=f"See them: genaiops use-case history {name}",
            param="version",
        )

    def versions(self, name: str) -> Sequence[Version]:
        """Oldest first."""
        self.get(name)
        return self._artifacts.versions(f"use-case/{name}")

    def history(self, name: str) -> Sequence[Moved]:
        """Newest first."""
        moves = self._artifacts.history(f"use-case/{name}@{CURRENT}")
        return [Moved(at_us=move.at_us, by=move.by, version_id=move.version_id) for move in moves]

    def set_back(self, name: str, reference: str = "", *, by: str) -> Held:
        """Let an earlier version hold ("": that which held before)."""
        if reference:
            version = self.version(name, reference)
            self._artifacts.move(f"use-case/{name}", CURRENT, version.id, by=by)
        else:
            self._artifacts.undo(f"use-case/{name}@{CURRENT}", by=by)
        return self.get(name)

    def retire(self, name: str, *, by: str) -> None:
        """It gates nothing any more and is listed no more; its versions stay, and pushing it brings it back."""
        self.get(name)
        self._artifacts.remove_alias(f"use-case/{name}@{CURRENT}", by=by)

    def report(
        self, name: str, kpi: str, value: float, *, at_us: int | None = None, note: str = "", by: str
    ) -> KpiFigure:
        """A business figure at a time (None: now). Conflict for a KPI that a suite measures: such a figure is
        never typed in."""
        found = next((each for each in self.get(name).use_case.kpi if each.name == kpi), None)
        if found is None:
            names = [each.name for each in self.get(name).use_case.kpi]
            raise NotFound(f"{name!r} has no KPI {kpi[:80]!r}.", remedy=suggestion(kpi, names), param="kpi")
        if found.suite:
            raise Conflict(
                f"The KPI {kpi!r} is measured by the suite {found.suite!r}, and not reported.",
                remedy=f"Run it: genaiops suite run {measuring(found.suite)}",
                code="kpi_measured",
            )
        if not isfinite(value):
            raise UsageError(f"{value} is no figure.", remedy="Report a number.", param="value")
        now = self._clock()
        at_us = now if at_us is None else at_us
        if at_us > now + _LATEST_US:
            raise UsageError("The figure is of a time to come.", remedy="Report what was.", param="at")
        figure = KpiFigure(use_case=name, kpi=kpi, value=value, at_us=at_us, note=note.strip(), by=by)
        plain: dict[str, Any] = msgspec.to_builtins(figure)
        manifest = {"format": _FORMAT, **plain, "at": to_iso(at_us)}
        self._artifacts.register("report", f"{FIGURES}{name}", manifest, about=About(owner=by), by=by)
        return figure

    def figures(self, name: str) -> Sequence[KpiFigure]:
        """What was reported, the newest first; of one time what was reported last."""
        with self._records.read() as view:
            versions = list(every(view, Version, {"artifact_id": f"report/{FIGURES}{name}"}))
        versions.sort(key=lambda each: (each.manifest["at_us"], each.created_us, each.id), reverse=True)
        fields = KpiFigure.__struct_fields__
        return [
            msgspec.convert({name: each.manifest[name] for name in fields if name in each.manifest}, KpiFigure)
            for each in versions
        ]


def measuring(suite: str) -> str:
    """The version of a suite that a KPI means: that of the alias prod where it names none."""
    name = suite.removeprefix("suite/")
    return name if "@" in name else f"{name}@prod"


def held_use_cases(view: View) -> Sequence[Held]:
    """Those that hold, in order of name."""
    found = (view.get(Alias, f"{each.id}@{CURRENT}") for each in every(view, Artifact, {"kind": "use-case"}))
    return [_held(view, alias) for alias in found if alias is not None]


def _held(view: View, alias: Alias) -> Held:
    version = existing(view, Version, alias.version_id, word="version")
    return Held(
        name=alias.artifact_id.removeprefix("use-case/"),
        use_case=msgspec.convert(version.manifest, UseCase),
        version=version,
        since_us=alias.moved_us,
        by=alias.moved_by,
    )
