"""How the KPIs of use cases stand: of a release, by the newest run that counts for it; and of a run, whatever it asked.

A run counts for a release when it asked the release itself, or, of a release that is no more than a model with a prompt
and parameters, exactly these. It is of the version of the suite that the KPI means: `NAME` is what the alias prod
names, which is protected, so that an easier suite is not pushed past a KPI.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec

from genaiops.app.asked_runs import AskedRuns, counts
from genaiops.app.evaluations import Evaluations
from genaiops.arena import (
    TARGET,
    KpiLine,
    check_of,
    kpi_fault,
    kpi_line,
    measured,
    read_suite_document,
    reported_kpi,
)
from genaiops.checks.use_cases import ReadUseCase
from genaiops.checks.written import Fault
from genaiops.core.errors import NotFound
from genaiops.domain import Kpi, KpiFigure, Release, Run, Suite, SuiteTarget, UseCase
from genaiops.hub import HeldUseCase, Hub, measuring
from genaiops.ports.runs import Runs

_SAME: Final = frozenset({"suite", "dataset"})
"""Pins of a release that change nothing of what it answers."""


class Kpis:
    """Reads only; may be used from any thread. `hub` sees all of the installation; who is shown what is decided where
    it is shown."""

    def __init__(self, hub: Hub, runs: Runs, evaluations: Evaluations) -> None:
        self._hub = hub
        self._asked = AskedRuns(hub, runs)
        self._evaluations = evaluations

    def releases(self, held: HeldUseCase, hub: Hub | None = None) -> Mapping[str, str]:
        """Of its applications: id of what serves in environments of the kind prod -> which, and of the newest release.
        `hub`: of a business unit."""
        hub = hub or self._hub
        kinds = {each.id: each.kind for each in hub.environments.list()}
        there = {each.id for each in hub.applications.list()}
        found: dict[str, list[str]] = {}
        for application in held.use_case.applications:
            if application not in there:
                continue
            for deployment in hub.deployments.of(application):
                if kinds.get(deployment.environment_id) == "prod":
                    for share in deployment.shares:
                        found.setdefault(share.release_id, []).append(deployment.environment_id)
            for newest in hub.releases.of(application)[:1]:
                found.setdefault(newest.id, []).append("newest")
        return {release: ", ".join(where) for release, where in found.items()}

    def standing(self, held: HeldUseCase, releases: Mapping[str, str]) -> Sequence[KpiLine]:
        """Each KPI, of each of these releases (id -> where it stands) where a suite measures it."""
        figures = self._figures(held)
        lines: list[KpiLine] = []
        for kpi in held.use_case.kpi:
            if not kpi.suite:
                figure = figures.get(kpi.name)
                by = "" if figure is None else self._hub.actors.name_of(figure.by)
                lines.append(reported_kpi(held.name, kpi, figure, by=by))
            elif releases:
                for release, where in releases.items():
                    line = self._of_release(held.name, kpi, self._hub.releases.get(release))
                    lines.append(msgspec.structs.replace(line, where=where))
            else:
                what = "No application serves it." if not held.use_case.applications else "There is no release yet."
                named = held.use_case.applications[:1]
                command = f"genaiops release create {named[0]} --model NAME" if named else ""
                lines.append(kpi_line(held.name, kpi, reason=what, command=command))
        return lines

    def of_release(self, release: Release) -> Sequence[KpiLine]:
        """What gates it: the KPIs that suites measure, of all use cases that its application serves."""
        return [
            self._of_release(held.name, kpi, release)
            for held in self._hub.use_cases.of_application(release.application_id)
            for kpi in held.use_case.kpi
            if kpi.suite
        ]

    def of_run(self, run: Run, uses: Iterable[HeldUseCase]) -> Sequence[KpiLine]:
        """The KPIs of these that its suite measures, for each of its targets."""
        name = run.subject.rpartition("@")[0]
        about = [
            (held.name, kpi)
            for held in uses
            for kpi in held.use_case.kpi
            if kpi.suite and f"suite/{kpi.suite.removeprefix('suite/').partition('@')[0]}" == name
        ]
        suite = self._evaluations.suite(run) if about else None
        if suite is None or run.state in ("waiting", "running"):
            return ()
        lines: list[KpiLine] = []
        for use_case, kpi in about:
            aside = self._aside(run, kpi)
            for target in self._evaluations.targets(run):
                if target == "prod" and suite.gate.baseline == "prod":
                    continue
                line = self._evaluations.kpi(run, kpi, target)
                said = measured(use_case, kpi, line, of=target, run=run.id, at_us=run.ended_us)
                lines.append(msgspec.structs.replace(said, reason=f"{said.reason}{aside}"))
        return lines

    def checks(self, held: HeldUseCase) -> Mapping[str, Mapping[str, Any]]:
        """Name of a KPI -> the check that measures it, with its target as the floor, for a suite out of a program."""
        found: dict[str, Mapping[str, Any]] = {}
        for kpi in held.use_case.kpi:
            if not kpi.suite:
                continue
            suite = self._suite(kpi)[1]
            check = None if suite is None else check_of(kpi, suite)
            plain: dict[str, Any] = {} if check is None else msgspec.to_builtins(check)
            slices = {"slices": [kpi.slice]} if kpi.slice else {}
            plain = plain or {"metric": kpi.check, "floor": kpi.target, **slices}
            found[kpi.name] = {**plain, "name": kpi.name}
        return found

    def read(self, read: ReadUseCase, hub: Hub) -> ReadUseCase:
        """Refused where a KPI asks what its suite, as `hub` knows it, can never show: a check that it does not have, a
        target outside the range of a metric."""
        return read if read.use_case is None else read.refused(self._faults(read.use_case, hub))

    def unknown(self, use_case: UseCase, hub: Hub) -> Sequence[str]:
        """A sentence of each KPI whose suite is not there yet, so that nobody can say whether it can be met."""
        return [
            f"{kpi.name}: there is no suite {measuring(kpi.suite)} yet, so its check and target are not looked at."
            for kpi in use_case.kpi
            if kpi.suite and self._suite(kpi, hub)[1] is None
        ]

    def _faults(self, use_case: UseCase, hub: Hub) -> Iterator[Fault]:
        for place, kpi in enumerate(use_case.kpi):
            suite = self._suite(kpi, hub)[1] if kpi.suite else None
            said = "" if suite is None else _fault(kpi, suite)
            if suite is not None and said:
                field = "target" if check_of(kpi, suite) is not None else "check"
                remedy = f"See what {measuring(kpi.suite)} measures: genaiops suite show {measuring(kpi.suite)}"
                yield Fault(message=f"{kpi.name}: {said}", path=f"kpi[{place}].{field}", remedy=remedy)

    def _figures(self, held: HeldUseCase) -> Mapping[str, KpiFigure]:
        newest: dict[str, KpiFigure] = {}
        for figure in self._hub.use_cases.figures(held.name):
            newest.setdefault(figure.kpi, figure)
        return newest

    def _suite(self, kpi: Kpi, hub: Hub | None = None) -> tuple[str, Suite | None]:
        """(the version that the KPI means, the suite); ("", None) where there is none."""
        try:
            version = (hub or self._hub).artifacts.resolve(f"suite/{measuring(kpi.suite)}")
        except NotFound:
            return "", None
        return version.id, read_suite_document(version.manifest).suite

    def _of_release(self, use_case: str, kpi: Kpi, release: Release) -> KpiLine:
        return msgspec.structs.replace(self._measured(use_case, kpi, release), release=release.id)

    def _measured(self, use_case: str, kpi: Kpi, release: Release) -> KpiLine:
        of = f"{release.application_id}@{release.digest[:19]}"
        version, suite = self._suite(kpi)
        if suite is None:
            name = measuring(kpi.suite)
            return kpi_line(
                use_case,
                kpi,
                of=of,
                reason=f"There is no suite {name}.",
                command=f"genaiops suite push {name.partition('@')[0]} FILE --alias {name.partition('@')[2]}",
            )
        fault = _fault(kpi, suite)
        if fault:
            return kpi_line(use_case, kpi, of=of, reason=fault, command=f"genaiops suite show {measuring(kpi.suite)}")
        for run in self._asked.of_suite(version):
            target, what = self._target(run, release)
            if target and self._evaluations.suite(run) is None:
                return kpi_line(use_case, kpi, of=of, run=run.id, reason=f"The suite of {run.id} is not kept here.")
            if target:
                line = self._evaluations.kpi(run, kpi, target)
                return measured(use_case, kpi, line, of=f"{of}{what}", run=run.id, at_us=run.ended_us)
        return kpi_line(
            use_case,
            kpi,
            of=of,
            reason=f"{measuring(kpi.suite)} has not been run for {of}.",
            command=_command(measuring(kpi.suite), suite, release),
        )

    def _target(self, run: Run, release: Release) -> tuple[str, str]:
        """(the name of its target that counts for the release, what to say of it); ("", "") where none does."""
        itself = self._asked.target(run, f"release/{release.id}")
        if itself or release.manifest.pins.keys() - _SAME:
            return itself, ""
        suite = self._evaluations.suite(run)
        for target in suite.target if suite is not None else ():
            if self._alike(run, target, release):
                return target.name, " (its prompt and model)" if release.manifest.prompt else " (its model)"
        return "", ""

    def _alike(self, run: Run, target: SuiteTarget, release: Release) -> bool:
        """Whether a target without a release is asked exactly as the release is."""
        manifest = release.manifest
        if target.release or target.application or target.system or target.template or target.url:
            return False
        pin = run.inputs.get(TARGET + target.name, "")
        if pin.startswith("prompt/"):
            said = self._prompt_model(pin) if not target.model else target.model
            return (pin, said) == (manifest.prompt, manifest.model) and target.parameters == manifest.parameters
        same = pin == f"model/{manifest.model}" and manifest.prompt is None
        return same and target.parameters == manifest.parameters

    def _prompt_model(self, version_id: str) -> str:
        try:
            return self._hub.artifacts.resolve(version_id).manifest.get("model") or ""
        except NotFound:
            return ""

    def _aside(self, run: Run, kpi: Kpi) -> str:
        """What speaks against taking a run for the KPI's figure."""
        version, _ = self._suite(kpi)
        if not counts(run):
            return " It ran by a command, and does not count for a release."
        if version not in (run.subject, run.inputs.get("of")):
            return f" It is of another version than {measuring(kpi.suite)}, and does not count for a release."
        return ""


def _fault(kpi: Kpi, suite: Suite) -> str:
    """Of a suite as it is kept: a judge is only named there, and is looked up when it runs."""
    check = check_of(kpi, suite)
    if check is not None and isinstance(check.options.get("judge"), str):
        return ""
    return kpi_fault(kpi, suite)


def _command(suite_name: str, suite: Suite, release: Release) -> str:
    """What runs the suite for the release; where nothing of it is asked, the suite lacks a target."""
    names = [(each.application or each.release).removeprefix("app/").partition("@")[0] for each in suite.target]
    if release.application_id in names:
        return f"genaiops suite run {suite_name} --release {release.id}"
    prompt = release.manifest.prompt
    asked = [each.prompt.removeprefix("prompt/").partition("@")[0] for each in suite.target if each.prompt]
    if prompt is not None and prompt.removeprefix("prompt/").partition("@")[0] in asked:
        return f"genaiops suite run {suite_name} --prompt {prompt.removeprefix('prompt/')}"
    name = suite_name.partition("@")[0]
    return (
        f'genaiops suite push {name} FILE --alias prod, with [[target]] release = "{release.application_id}@latest"; '
        f"then genaiops suite run {suite_name} --release {release.id}"
    )


def told(lines: Iterable[KpiLine]) -> Iterator[str]:
    """A sentence of each: the KPI, its target, what was measured, and the command that is missing."""
    for line in lines:
        bounds = "" if line.low is None or line.high is None else f", {line.low:.3g} to {line.high:.3g}"
        how = f"{line.value:.4g}{bounds}, n {line.n}, by {line.run}" if line.value is not None else line.reason
        more = f"; about {line.more} more cases would likely decide" if line.more is not None else ""
        todo = f"; do: {line.command}" if line.command else ""
        yield f"{line.kpi} of {line.use_case} is {line.word} ({line.asked} is asked): {how.rstrip('.')}{more}{todo}."
