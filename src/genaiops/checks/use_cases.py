"""Use cases as people write them: TOML, YAML or JSON; what is wrong is told with its line."""

from collections.abc import Iterable, Iterator, Mapping
from math import isfinite
from typing import Any, Final

import msgspec

from genaiops.checks.written import Fault, WrittenForm, converted, on_line, read_document
from genaiops.core.errors import UsageError
from genaiops.domain import Kpi, UseCase

_MOST_FAULTS: Final = 50


class ReadUseCase(msgspec.Struct, frozen=True):
    """`use_case` None: there are faults. `lines`: on which line each place stands."""

    use_case: UseCase | None
    faults: tuple[Fault, ...] = ()
    lines: Mapping[str, int] = {}

    def refused(self, faults: Iterable[Fault]) -> "ReadUseCase":
        """The same with what else is wrong with it, by those who know the suites."""
        found = tuple(on_line(fault, self.lines) for fault in faults)
        return ReadUseCase(None, (*self.faults, *found), self.lines) if found else self

    def checked(self) -> UseCase:
        """UsageError names every fault, the first one's path as `param`."""
        if self.use_case is None:
            raise UsageError(
                f"The use case is refused: {'; '.join(map(str, self.faults))}",
                remedy=self.faults[0].remedy,
                code="use_case_invalid",
                param=self.faults[0].path or "use_case",
            )
        return self.use_case


def read_use_case(text: str, form: WrittenForm | None = None) -> ReadUseCase:
    """The use case that a text describes. `form` None: what it looks like."""
    document = read_document(text, form, what="use case")
    if document.fault is not None:
        return ReadUseCase(None, (document.fault,))
    read = read_use_case_document(document.value)
    return ReadUseCase(read.use_case, tuple(on_line(fault, document.lines) for fault in read.faults), document.lines)


def read_use_case_document(document: Any) -> ReadUseCase:
    """The same of what was read already."""
    if not isinstance(document, dict):
        return ReadUseCase(None, (Fault(message="The use case is no mapping.", remedy="Write fields, such as kpi."),))
    use_case, fault = converted(document, UseCase, "")
    if fault is not None:
        return ReadUseCase(None, (fault,))
    faults = tuple(_meaning(use_case))[:_MOST_FAULTS]
    return ReadUseCase(None if faults else use_case, faults)


def use_case_schema() -> dict[str, Any]:
    """JSON Schema of a use case, for editors."""
    schema = msgspec.json.schema(UseCase)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "genaiops use case", **schema}


def use_case_manifest(use_case: UseCase) -> dict[str, Any]:
    """What a version of it holds: all that is not the default, and the kind."""
    plain: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(use_case))
    return {"kind": "use-case", **plain}


def _meaning(use_case: UseCase) -> Iterator[Fault]:
    if not (use_case.business_case.problem.strip() or use_case.kpi or use_case.requirement):
        yield Fault(
            message="It says neither a problem, nor a requirement, nor a KPI.",
            path="business_case.problem",
            remedy='Write [business_case] with problem = "...".',
        )
    for path, names in (
        ("applications", use_case.applications),
        ("requirement", [each.id for each in use_case.requirement]),
        ("kpi", [each.name for each in use_case.kpi]),
    ):
        for place, name in enumerate(names):
            if name in names[:place]:
                yield Fault(message=f"{name!r} stands here twice.", path=f"{path}[{place}]", remedy="Keep one of them.")
    for place, kpi in enumerate(use_case.kpi):
        yield from _kpi_faults(kpi, f"kpi[{place}]")


def _kpi_faults(kpi: Kpi, path: str) -> Iterator[Fault]:
    if bool(kpi.suite) != bool(kpi.check):
        lacks = "check" if kpi.suite else "suite"
        yield Fault(
            message=f"A KPI that is measured names its suite and its check; this has no {lacks}.",
            path=f"{path}.{lacks}",
            remedy=f'Write {lacks} = "...", or leave both out for a figure that people report.',
        )
    if kpi.slice and not kpi.suite:
        yield Fault(message="Only a suite has slices.", path=f"{path}.slice", remedy="Leave it out.")
    for field in ("target", "baseline"):
        value = getattr(kpi, field)
        if value is not None and not isfinite(value):
            yield Fault(message=f"{field} is no number.", path=f"{path}.{field}", remedy="Write a number.")
